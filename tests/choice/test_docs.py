"""``docs/choice.md`` says what the code does."""

from pathlib import Path

from headstart.choice import BUDGETS, candidates, count_epochs

DOCUMENT = (Path(__file__).parents[2] / "docs" / "choice.md").read_text()


def test_budgets_are_documented():
    for name, budget in BUDGETS.items():
        (row,) = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{name}`")]
        recipe = f" `{budget.recipe}`" if budget.n_members else ""
        up_to = "" if budget.enough_held_out is None else f", up to {budget.enough_held_out} cases"
        assert row.endswith(f"| {budget.n_folds}{up_to} |{recipe} |")
        words = {1: "best-ranked source", 2: "two sources", 4: "four sources"}[budget.n_sources]
        assert words in row
        assert ("MultiROCKET-Hydra; QUANT" in row) == budget.with_slower
        assert ("three networks of each" in row) == (budget.n_members == 3)


def test_epochs_of_budgets_are_documented(target, source):
    for name, epochs in {"default": "1,500", "thorough": "10,500"}.items():
        budget = BUDGETS[name]
        sources = {f"other {i}": source for i in range(budget.n_sources)}
        competing = candidates(target, sources, budget)
        assert f"{count_epochs(competing, target.y, budget.n_folds):,}" == epochs
        assert f"`{name}` trains {epochs}" in DOCUMENT
