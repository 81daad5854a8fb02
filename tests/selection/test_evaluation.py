"""Regret, correlation, wins: on tables small enough to check by hand, and on random ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from headstart.errors import DataError
from headstart.selection import RANKERS, evaluation
from headstart.selection.evaluation import (
    ANY_SOURCE,
    SCRATCH,
    SECONDS,
    bootstrap_interval,
    evaluate,
    score_sources,
    summarise,
)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(evaluation, "_N_RESAMPLES", 499)


def table(accuracy: np.ndarray, scratch: float = 0.5, **scores: np.ndarray) -> pd.DataFrame:
    """Pairs of arrays (targets, sources, seeds)."""
    index = pd.MultiIndex.from_product([range(n) for n in accuracy.shape], names=["target", "source", "seed"])
    pairs = pd.DataFrame({name: values.ravel() for name, values in scores.items()}, index=index).reset_index()
    pairs["target"], pairs["source"] = "t" + pairs["target"].astype(str), "s" + pairs["source"].astype(str)
    return pairs.assign(accuracy=accuracy.ravel(), scratch_accuracy=scratch)


def of(outcomes: pd.DataFrame, ranker: str, target: str = "t0") -> pd.Series:
    (row,) = (row for _, row in outcomes.iterrows() if (row["ranker"], row["target"]) == (ranker, target))
    return row


def test_one_target_by_hand():
    """Three sources, two seeds; the ranker takes s0 with seed 0 and s2 with seed 1."""
    accuracy = np.array([[[0.9, 0.7], [0.8, 0.9], [0.4, 0.6]]])
    scores = np.array([[[3.0, 1.0], [2.0, 2.0], [1.0, 5.0]]])
    row = of(evaluate(table(accuracy, 0.7, ours=scores), ["ours"]), "ours")
    assert row["accuracy"] == pytest.approx((0.9 + 0.6) / 2)
    assert row["regret"] == pytest.approx(0.85 - 0.75)  # s1 has the highest mean
    # By seed 1 the best is s1, which has 0.8 with seed 0; by seed 0 it is s0, which has 0.7 with seed 1.
    assert row["regret_unseen"] == pytest.approx((0.8 + 0.7) / 2 - 0.75)
    means = accuracy[0].mean(axis=1)
    assert row["correlation"] == pytest.approx(np.mean([spearmanr(scores[0, :, s], means)[0] for s in (0, 1)]))
    assert (row["mean_accuracy"], row["scratch_accuracy"]) == (pytest.approx(accuracy.mean()), 0.7)
    assert (row["n_sources"], row["n_seeds"]) == (3, 2)
    assert np.isnan(row["seconds"])


def test_what_needs_no_ranker():
    accuracy = np.array([[[0.9], [0.8], [0.4]]])
    outcomes = evaluate(table(accuracy, 0.95, ours=accuracy), ["ours"])
    assert of(outcomes, SCRATCH)["accuracy"] == 0.95
    assert of(outcomes, SCRATCH)["regret"] == pytest.approx(-0.05)  # better than every source
    assert of(outcomes, ANY_SOURCE)["accuracy"] == pytest.approx(0.7)
    assert np.isnan(of(outcomes, "ours")["regret_unseen"])  # one seed


def test_equal_scores_and_no_scores():
    accuracy = np.array([[[0.9], [0.8], [0.4]], [[0.9], [0.8], [0.4]]])
    tied = np.array([[[1.0], [1.0], [0.0]], [[2.0], [2.0], [2.0]]])
    partly = np.array([[[np.nan], [1.0], [0.0]], [[np.nan]] * 3])
    outcomes = evaluate(table(accuracy, tied=tied, partly=partly), ["tied", "partly"])
    assert of(outcomes, "tied")["accuracy"] == pytest.approx(0.85)
    assert of(outcomes, "tied", "t1")["accuracy"] == pytest.approx(0.7)
    assert np.isnan(of(outcomes, "tied", "t1")["correlation"])
    assert of(outcomes, "partly")["accuracy"] == 0.8  # a source that it cannot judge is not chosen
    assert of(outcomes, "partly")["correlation"] == pytest.approx(1)
    assert outcomes[outcomes["ranker"] == "partly"]["target"].tolist() == ["t0"]
    assert summarise(outcomes)["n_targets"].to_dict() == {"tied": 2, "partly": 1, SCRATCH: 2, ANY_SOURCE: 2}


def test_results_that_are_missing():
    """A run that goes on: sources without all of the target's seeds are left out, and targets with one source."""
    accuracy = np.array([[[0.9, 0.7], [0.8, 0.9], [0.4, 0.6]], [[0.9, 0.7], [0.8, 0.9], [0.4, 0.6]]])
    pairs = table(accuracy, ours=accuracy)
    pairs = pairs[~((pairs["target"] == "t0") & (pairs["source"] == "s1") & (pairs["seed"] == 1))]
    pairs = pairs[~((pairs["target"] == "t1") & (pairs["source"] != "s1"))]
    outcomes = evaluate(pairs, ["ours"])
    assert set(outcomes["target"]) == {"t0"}
    assert of(outcomes, "ours")["n_sources"] == 2
    assert of(outcomes, "ours")["regret"] == pytest.approx(0)
    timed = pairs.assign(**{"ours" + SECONDS: np.where(pairs["source"] == "s1", 100.0, 1.0)})
    assert of(evaluate(timed, ["ours"]), "ours")["seconds"] == 2, "without the source that is left out"
    with pytest.raises(DataError, match="there is no target with results from two sources"):
        evaluate(pairs[pairs["target"] == "t1"], ["ours"])
    with pytest.raises(DataError, match="there is no target"):
        evaluate(pairs[:0], ["ours"])
    with pytest.raises(DataError, match="ours: could judge the sources of no target; choose other rankers"):
        evaluate(pairs.assign(ours=np.nan), ["ours"])


@pytest.mark.parametrize(
    ("missing", "n_sources", "n_seeds"),
    [
        ([(0, 1), (1, 1), (2, 1)], 4, 1),  # the second seed has just begun
        ([(0, 1)], 3, 2),
        ([(0, 0), (1, 1)], 2, 2),  # four pairs, and one seed alone has three
        ([(0, 0), (1, 0), (2, 0), (3, 0)], 4, 1),
    ],
)
def test_most_pairs_count(missing, n_sources, n_seeds):
    accuracy = np.random.default_rng(0).uniform(size=(1, 4, 2))
    pairs = table(accuracy, ours=accuracy)
    pairs["scratch_accuracy"] = pairs["seed"].astype(float)
    for source, seed in missing:
        pairs = pairs[~((pairs["source"] == f"s{source}") & (pairs["seed"] == seed))]
    row = of(evaluate(pairs, ["ours"]), "ours")
    assert (row["n_sources"], row["n_seeds"]) == (n_sources, n_seeds)
    if len(missing) == 4:
        assert row["scratch_accuracy"] == 1, "of the seed that counts"


def test_results_of_two_runs_in_one():
    pairs = table(np.array([[[0.9], [0.8]]]))
    with pytest.raises(DataError, match="the pair s0 → t0, seed 0, is there twice"):
        evaluate(pd.concat([pairs, pairs]), [])


accuracies = st.integers(1, 4).flatmap(
    lambda n_seeds: st.tuples(st.integers(1, 5), st.integers(2, 6), st.integers(0, 10**6)).map(
        lambda drawn: np.random.default_rng(drawn[2]).integers(0, 8, (drawn[0], drawn[1], n_seeds)) / 8
    )
)


@given(accuracy=accuracies)
@settings(max_examples=20, deadline=None)
def test_bounds_and_extremes(accuracy):
    """One who knows the means over seeds has no regret; nobody has less, or more than one who takes the worst."""
    means = np.broadcast_to(accuracy.mean(axis=2, keepdims=True), accuracy.shape)
    noise = np.random.default_rng(0).normal(size=accuracy.shape)
    outcomes = evaluate(table(accuracy, best=means, worst=-means, noise=noise), ["best", "worst", "noise"])
    by_ranker = outcomes.pivot_table(index="target", columns="ranker", values="regret")
    assert by_ranker["best"].to_numpy() == pytest.approx(0, abs=1e-9)
    assert (by_ranker["worst"] >= by_ranker[ANY_SOURCE] - 1e-9).all()
    if accuracy.shape[2] == 1:
        assert (by_ranker["noise"] >= -1e-9).all()
    for name, correlation in (("best", 1), ("worst", -1)):
        correlations = outcomes.loc[outcomes["ranker"] == name, "correlation"].dropna()
        assert correlations.to_numpy() == pytest.approx(correlation)
    summary = summarise(outcomes)
    assert (summary[["wins", "ties", "losses"]].sum(axis=1) == summary["n_targets"]).all()
    assert summary.loc["best", "losses"] == summary.loc["worst", "wins"] == 0
    assert summary.loc[ANY_SOURCE, "ties"] == len(accuracy)
    for name in ("regret", "accuracy", "gain"):
        if len(accuracy) > 1:
            assert (summary[f"{name}_low"] <= summary[name] + 1e-9).all()
            assert (summary[name] <= summary[f"{name}_high"] + 1e-9).all()


def test_the_best_on_other_seeds_is_no_lucky_one():
    """All sources are alike, and differ by luck: the regret is all luck, the unseen one is none."""
    accuracy = 0.8 + 0.05 * np.random.default_rng(0).normal(size=(100, 10, 3))
    random = np.random.default_rng(1).normal(size=accuracy.shape)
    summary = summarise(evaluate(table(accuracy, random=random), ["random"]))
    assert summary.loc["random", "regret"] > 0.03
    assert summary.loc["random", "regret_unseen_low"] < 0 < summary.loc["random", "regret_unseen_high"]


def test_interval_covers_the_mean_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        low, high = bootstrap_interval(np.random.default_rng(seed).exponential(size=40))
        covered += low <= 1 <= high
    assert 50 <= covered <= 60


def test_interval_of_few_and_of_equal_values():
    assert np.isnan(bootstrap_interval(np.array([]))).all()
    assert np.isnan(bootstrap_interval(np.array([1.0]))).all()
    assert bootstrap_interval(np.array([0.3] * 5)) == pytest.approx((0.3, 0.3))
    assert bootstrap_interval(np.array([0.3, 0.1 + 0.2, 0.3])) == pytest.approx((0.3, 0.3))  # but for rounding
    low, high = bootstrap_interval(np.array([0.0, 0.0, 0.0, 1.0]))
    assert 0 <= low < high <= 1


def test_scores_with_their_time(target, sources):
    scores = score_sources(target, sources, "size,probe,logme,dtw")
    for name in ("size", "probe", "logme", "dtw"):
        np.testing.assert_array_equal(scores[name], RANKERS[name](target, sources))
        assert (scores[name + SECONDS] > 0).all()
    # What several share is counted for each.
    assert scores["logme" + SECONDS].iloc[0] > scores["size" + SECONDS].iloc[0]
    assert scores.index.tolist() == list(sources)


def test_time_is_that_of_ranking_all_sources_once():
    pairs = table(np.ones((1, 3, 2)), ours=np.ones((1, 3, 2))).assign(ours_seconds=0.5)
    assert of(evaluate(pairs, ["ours"]), "ours")["seconds"] == pytest.approx(1.5)
