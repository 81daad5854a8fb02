"""The picture of regret."""

import numpy as np
import pandas as pd
import pytest

from headstart.report.charts import save_chart
from headstart.report.regret_chart import regret_chart
from headstart.selection.evaluation import ANY_SOURCE, SCRATCH, evaluate, summarise


def outcomes(n_targets: int, n_seeds: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(n_targets)
    index = pd.MultiIndex.from_product(
        [range(n_targets), list("abcd"), range(n_seeds)], names=["target", "source", "seed"]
    )
    pairs = pd.DataFrame(index=index).reset_index().astype({"target": str})
    accuracy = rng.uniform(0.4, 1, len(pairs))
    return evaluate(
        pairs.assign(accuracy=accuracy, scratch_accuracy=0.9, good=accuracy, bad=-accuracy), ["bad", "good"]
    )


def rows_with(chart, key: str) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows if key in row]


@pytest.mark.parametrize("n_targets", [1, 2, 85])
def test_any_number_of_targets(n_targets, tmp_path):
    table = outcomes(n_targets)
    chart = regret_chart(table)
    save_chart(chart, tmp_path / "a.svg")
    picture = (tmp_path / "a.svg").read_text()
    assert picture.count("NaN") == 0
    for name in ("good", "bad", SCRATCH, ANY_SOURCE):
        assert f">{name}</text>" in picture
    assert f"{n_targets} targets, a dot each" in picture
    assert len(rows_with(chart, "jitter")) == 4 * n_targets + 2 * n_targets  # regrets of four, correlations of two


def test_dots_and_means_are_those_of_the_tables():
    table = outcomes(12)
    chart, summary = regret_chart(table), summarise(table)
    regrets = next(row for row in rows_with(chart, "mean") if row["ranker"] == "bad")
    assert regrets["mean"] == pytest.approx(100 * summary.loc["bad", "regret"], abs=1e-3)
    assert regrets["low"] == pytest.approx(100 * summary.loc["bad", "regret_low"], abs=1e-3)
    dots = {row["target"]: row["value"] for row in rows_with(chart, "jitter") if row["ranker"] == "bad"}
    of_bad = table[table["ranker"] == "bad"].set_index("target")
    assert set(dots) == set(of_bad.index)
    order = chart.to_dict()["hconcat"][0]["layer"][1]["encoding"]["y"]["scale"]["domain"]
    assert order == summary.index.tolist()
    assert order[0] == "good"


def test_scratch_may_be_better_than_every_source(tmp_path):
    table = outcomes(3)
    table.loc[table["ranker"] == SCRATCH, "regret"] = -0.2
    save_chart(regret_chart(table), tmp_path / "a.svg")
    assert "NaN" not in (tmp_path / "a.svg").read_text()


def test_a_ranker_that_judged_few_targets_is_compared_on_those():
    pairs = pd.DataFrame(
        {"source": ["a", "b"] * 2, "target": ["easy", "easy", "hard", "hard"], "seed": 0, "scratch_accuracy": 0.7}
    ).assign(accuracy=[0.90, 0.91, 0.9, 0.5], few=[1.0, 0.0, np.nan, np.nan])
    only = regret_chart(evaluate(pairs, ["few"])).to_dict()["title"]
    assert only["text"] == ["Chosen by few, a source is 1.0 points of accuracy below the best; any source, 0.5"]
    assert " ".join(only["subtitle"]).endswith("few can judge the sources of 1 only.")
    both = evaluate(pairs.assign(all=[1.0, 0.0, 0.0, 1.0]), ["few", "all"])
    assert [name for name in summarise(both).index if name in ("few", "all")] == ["all", "few"]
    assert "Chosen by all, " in regret_chart(both).to_dict()["title"]["text"][0]
