"""Folds, temperatures, and what is decided from them."""

import numpy as np
import pytest
from scipy import stats

from headstart.choice import decide, decide_without_evidence, stratified_folds
from headstart.choice.calibration import fit_temperature, log_losses, probabilities
from headstart.choice.decision import averaged, stacked


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


def test_no_more_folds_once_enough_is_held_out():
    y = np.arange(100) % 2
    folds = stratified_folds(y, 4)
    for enough, n_folds in {1: 1, 25: 1, 26: 2, 50: 2, 51: 3, 75: 3, 76: 4, 1000: 4}.items():
        fewer = stratified_folds(y, 4, enough=enough)
        assert len(fewer) == n_folds
        for fold, same in zip(fewer, folds, strict=False):
            np.testing.assert_array_equal(fold, same)


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


def test_a_clearly_better_candidate_counts_nearly_alone():
    many = np.arange(400) % 2
    candidates = {"scratch": held_out(many, 0.7, 120), "source": held_out(many, 0.99, 1)}
    decision = decide(candidates, many, scratch="scratch")
    assert decision.shares == {"source": 1.0}, "what would count less than 5% is left out"
    assert "smallest" in decision.reasons["source"]
    assert "worse by" in decision.reasons["scratch"]
    assert decision.verdict.startswith("source: out of fold, the loss is smaller than that from scratch by ")


def test_candidates_that_cannot_be_told_apart_count_alike():
    one = held_out(Y, 0.8, 4)
    decision = decide({"one": one, "same": one}, Y, scratch="one")
    assert decision.shares == pytest.approx({"one": 0.5, "same": 0.5})
    assert "the weighted mean of one (50%) and same (50%)" in decision.verdict


def test_shares_make_the_cases_likeliest():
    """Against a plain search over all mixtures of three, whose cases before are cases that one alone explains."""
    random = np.random.default_rng(0)
    p = random.beta(2, 1, size=(3, 30))
    y = np.zeros(30, int)
    candidates = {name: np.stack([of_one, 1 - of_one], axis=1) for name, of_one in zip("abc", p, strict=True)}
    found = stacked(candidates, y, np.ones(30), cases_before=2.0)
    grid = [(a, b, 100 - a - b) for a in range(1, 99) for b in range(1, 100 - a)]

    def log_likelihood(shares: np.ndarray) -> float:
        return np.log(shares @ p).sum() + 2.0 * np.log(shares).sum()

    best = max(log_likelihood(np.array(shares) / 100) for shares in grid)
    assert best - 1e-9 <= log_likelihood(np.array([found[name] for name in "abc"])) < best + 0.05


def test_without_cases_before_the_evidence_decides_alone():
    y = np.zeros(3, int)
    sure, unsure = np.tile([0.9, 0.1], (3, 1)), np.tile([0.6, 0.4], (3, 1))
    assert stacked({"sure": sure, "unsure": unsure}, y, np.ones(3), cases_before=0.0) == {"sure": 1.0}
    some = stacked({"sure": sure, "unsure": unsure}, y, np.ones(3), cases_before=1.0)
    much = stacked({"sure": sure, "unsure": unsure}, y, np.ones(3), cases_before=100.0)
    assert some["sure"] > much["sure"] > 0.5


def test_of_very_many_candidates_some_are_kept():
    same = np.tile([0.9, 0.1], (3, 1))
    shares = stacked({str(i): same for i in range(30)}, np.zeros(3, int), np.ones(3))
    assert sum(shares.values()) == pytest.approx(1)


def test_weights_of_cases_move_the_shares():
    y = np.array([0, 0, 0, 0])
    early, late = (np.where(np.arange(4)[:, None] // 2 == i, [0.9, 0.1], [0.2, 0.8]) for i in (0, 1))
    candidates = {"early": early, "late": late}
    assert stacked(candidates, y, np.ones(4))["early"] == pytest.approx(0.5)
    assert stacked(candidates, y, np.array([1.8, 1.8, 0.2, 0.2]))["early"] > 0.7


def calibrated(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    return probabilities(scores, fit_temperature(scores, y))


def test_an_average_is_made_as_sure_as_it_is_right():
    """Two who see a class through noise of their own know more together than each, which their average does not say."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, size=400)
    seen = {name: random.normal(2 * y - 1, 1) for name in ("one", "other")}
    of_each = {name: probabilities(np.stack([-x, x], axis=1), 1.0) for name, x in seen.items()}  # the posteriors
    both = {name: of_one[:200] for name, of_one in of_each.items()}
    decision = decide(both, y[:200])
    assert 0.4 < decision.temperature < 0.9
    new = {name: of_one[200:] for name, of_one in of_each.items()}
    plain, surer = (averaged(new, decision.shares, temperature) for temperature in (1.0, decision.temperature))
    assert log_losses(surer, y[200:]).mean() < log_losses(plain, y[200:]).mean()
    np.testing.assert_array_equal(surer.argmax(axis=1), plain.argmax(axis=1))
    assert decide({"one": both["one"]}, y[:200]).temperature == 1, "it has one of its own"


def test_what_is_worse_than_scratch_by_more_than_a_standard_error_is_not_used():
    random = np.random.default_rng(0)
    y = Y[:12]  # so few that none of three counts less than 5%
    verdicts = []
    for _ in range(300):
        candidates = {}
        for name, best in {"scratch": 20, "a": 4, "b": 4}.items():
            p = random.beta(random.uniform(1, best), 1, size=len(y))
            candidates[name] = np.where(y[:, None] == [0, 1], p[:, None], 1 - p[:, None])
        decision = decide(candidates, y, scratch="scratch")
        average = calibrated(np.log(averaged(candidates, stacked(candidates, y, np.ones(len(y))))), y)
        worse = log_losses(average, y) - log_losses(candidates["scratch"], y)
        is_clear = worse.mean() > stats.sem(worse)
        assert (decision.shares == {"scratch": 1.0}) == is_clear
        assert ("the average of all is worse by 0." in decision.verdict) == is_clear
        assert ("larger than that from scratch, but within chance" in decision.verdict) == (
            not is_clear and worse.mean() > 0
        )
        verdicts.append((is_clear, bool(worse.mean() > 0)))
    assert len(set(verdicts)) == 3, "each outcome was there"


def test_scratch_is_kept_where_the_average_is_worse():
    scratch, poor = held_out(Y, 0.99, 0), held_out(Y, 0.7, 20)
    decision = decide({"scratch": scratch, "poor": poor, "worse": poor}, Y, scratch="scratch")
    assert decision.shares == {"scratch": 1.0}
    assert decision.verdict == "scratch: out of fold, what the others add to it is next to nothing"
    assert set(decide({"scratch": scratch, "poor": poor}, Y, scratch=None).shares) >= {"scratch"}


def test_one_case_says_little():
    y = np.array([0])
    decision = decide({"a": np.array([[0.9, 0.1]]), "b": np.array([[0.2, 0.8]])}, y, scratch=None)
    assert 0.25 < decision.shares["b"] < 0.5 < decision.shares["a"]
    assert decision.reasons["b"] == "worse by 1.504"


def test_without_evidence_all_count_alike():
    decision = decide_without_evidence(["M", "s", "t", "u"])
    assert decision.shares == dict.fromkeys("Mstu", 0.25)
    assert set(decision.reasons.values()) == {"not judged"}
    assert "no class has two cases" in decision.verdict
