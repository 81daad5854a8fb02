"""Folds, temperatures, and what is decided from them."""

import numpy as np
import pytest

from headstart.choice import decide, decide_by_prior, stratified_folds
from headstart.choice.calibration import fit_temperature, log_losses, probabilities


@pytest.mark.parametrize("n_folds", [2, 4, 10])
@pytest.mark.parametrize("counts", [(2, 2), (7, 5, 1), (40, 2, 3), (1, 1, 2)])
def test_folds_are_stratified(counts, n_folds):
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    folds = stratified_folds(y, n_folds)
    held_out = np.concatenate(folds)
    assert sorted(held_out) == [i for i in range(len(y)) if counts[y[i]] > 1]
    for fold in folds:
        assert len(fold)
        rest = np.setdiff1d(np.arange(len(y)), fold)
        assert set(y[fold]) <= set(y[rest]), "each class that is asked for is trained on"
        assert set(y[rest]) == set(y)
    for code, count in enumerate(counts):
        in_fold = [int((y[fold] == code).sum()) for fold in folds]
        if count > 1:
            assert max(in_fold) - min(in_fold) <= 1


def test_folds_differ_by_seed_alone():
    y = np.arange(20) % 2
    first, again, other = (np.concatenate(stratified_folds(y, 4, seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_temperature_finds_the_true_one():
    random = np.random.default_rng(0)
    scores = random.normal(size=(5000, 3))
    y = np.array([random.choice(3, p=p) for p in probabilities(scores, 0.25)])
    assert fit_temperature(scores, y) == pytest.approx(0.25, rel=0.1)
    assert fit_temperature(1e3 * scores, y) == pytest.approx(250, rel=0.1)


def test_few_cases_without_a_mistake_are_no_certainty():
    y = np.array([0, 1, 0, 1])
    scores = np.where(y[:, None] == [0, 1], 1.0, -1.0)
    assert probabilities(scores, fit_temperature(scores, y)).max() == pytest.approx(4.5 / 5, abs=1e-3)
    useless = probabilities(-scores, fit_temperature(-scores, y))
    np.testing.assert_allclose(useless, 0.5, atol=1e-3)


def held_out(y: np.ndarray, sure: float, n_wrong: int) -> np.ndarray:
    """Probabilities `sure` of the true class but for the first cases, which are taken for the other one."""
    of_true = np.where(np.arange(len(y)) < n_wrong, 1 - sure, sure)
    return np.where(y[:, None] == [0, 1], of_true[:, None], 1 - of_true[:, None])


Y = np.arange(40) % 2


def test_weights_decide_which_mistakes_count():
    rare = np.arange(40) % 10 == 1
    y = rare.astype(int)
    blind = np.tile([0.9, 0.1], (40, 1))  # knows only which class is frequent
    fair = np.where(y[:, None] == [0, 1], 0.7, 0.3)
    fair[:24] = fair[:24, ::-1]
    candidates = {"blind": blind, "fair": fair}
    assert decide(candidates, y).reasons["blind"] == "smallest loss out of fold"
    weights = np.where(rare, 5.0, 5 / 9)
    assert decide(candidates, y, weights=weights).reasons["fair"] == "smallest loss out of fold"
    scores = np.log(blind)
    assert fit_temperature(scores, y, weights) > 10 > 2 > fit_temperature(scores, y)


def test_a_clearly_better_candidate_is_used_alone():
    decision = decide({"scratch": held_out(Y, 0.7, 12), "source": held_out(Y, 0.95, 1)}, Y, scratch="scratch")
    assert decision.chosen == ["source"]
    assert "smallest" in decision.reasons["source"]
    assert "worse by" in decision.reasons["scratch"]


def test_candidates_that_cannot_be_told_apart_are_averaged():
    one, other = held_out(Y, 0.8, 4), held_out(Y, 0.8, 5)
    decision = decide({"one": one, "other": other[::-1], "bad": held_out(Y, 0.9, 30)}, Y[:], scratch=None)
    assert "one" in decision.chosen
    assert "bad" not in decision.chosen
    equal = decide({"one": one, "same": one}, Y, scratch="one")
    assert equal.chosen == ["one", "same"]
    assert "as good as the best" in equal.reasons["same"]


@pytest.mark.parametrize("beforehand", [(), ("a",), ("a", "b")])
def test_nothing_that_is_worse_than_scratch_out_of_fold_is_chosen(beforehand):
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(300):
        candidates = {}
        for name in ("scratch", "a", "b"):
            p = random.beta(random.uniform(1, 4), 1, size=len(Y))
            candidates[name] = np.where(Y[:, None] == [0, 1], p[:, None], 1 - p[:, None])
        decision = decide(candidates, Y, scratch="scratch", beforehand=beforehand)
        together = np.mean([candidates[name] for name in decision.chosen], axis=0)
        assert log_losses(together, Y).mean() <= log_losses(candidates["scratch"], Y).mean() + 1e-12
        seen.add(tuple(decision.chosen))
    assert len(seen) > 4


def test_a_prior_is_used_beforehand():
    kernels, better = held_out(Y, 0.8, 8), held_out(Y, 0.95, 1)
    decision = decide({"kernels": kernels, "better": better}, Y, beforehand=["kernels"])
    assert decision.chosen == ["kernels", "better"]
    assert decision.reasons["kernels"].startswith("used beforehand; worse by")
    assert decide({"kernels": kernels, "better": better}, Y).chosen == ["better"]


def test_a_prior_that_makes_the_choice_worse_than_scratch_are_dropped():
    poor, scratch = held_out(Y, 0.8, 30), held_out(Y, 0.99, 0)
    candidates = {"kernels": poor, "scratch": scratch, "twin": scratch}
    decision = decide(candidates, Y, scratch="scratch", beforehand=["kernels"])
    assert decision.chosen == ["scratch", "twin"]
    assert "worse than scratch" in decision.reasons["kernels"]


def test_scratch_is_kept_where_the_average_is_worse():
    scratch = held_out(Y, 0.99, 0)
    shaky = scratch.copy()
    shaky[0] = 0.02, 0.98  # one mistake: its standard error is as large as its mean
    decision = decide({"scratch": scratch, "shaky": shaky}, Y, scratch="scratch")
    assert decision.chosen == ["scratch"]
    assert "scratch" in decision.verdict
    assert decide({"scratch": scratch, "shaky": shaky}, Y, scratch=None).chosen == ["scratch", "shaky"]


def test_one_case_says_nothing():
    y = np.array([0])
    decision = decide({"a": np.array([[0.9, 0.1]]), "b": np.array([[0.2, 0.8]])}, y, scratch=None)
    assert decision.chosen == ["a", "b"]


ALL = {"M": "kernels", "H": "kernels", "f": "frozen", "s": "scratch", "t": "fine-tuned", "u": "fine-tuned"}


@pytest.mark.parametrize(
    ("kinds", "beforehand", "expected"),
    [
        (ALL, ["M", "u"], ["M", "u"]),
        (ALL, ["M"], ["M", "t"]),
        (ALL, [], ["t"]),
        ({"M": "kernels", "f": "frozen", "s": "scratch"}, ["M"], ["M", "s"]),
        ({"M": "kernels", "f": "frozen"}, ["M"], ["M", "f"]),
        ({"M": "kernels"}, ["M"], ["M"]),
    ],
)
def test_prior(kinds, beforehand, expected):
    decision = decide_by_prior(kinds, beforehand)
    assert decision.chosen == expected
    assert {name for name, why in decision.reasons.items() if why == "chosen beforehand"} == set(expected)
