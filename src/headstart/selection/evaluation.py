"""How well rankers choose, judged by what came of every source: regret, rank correlation, wins and losses, time.

Everything rests on a table of pairs: a row for each source, target and seed, with the accuracy on the target's test set
after fine-tuning, the accuracy from scratch, and the score that each ranker gave the source. Nothing here trains.
"""

import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, rankdata

from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.selection import BY_FEATURES, RANKERS, ranker_names
from headstart.selection.features import target_features
from headstart.zoo.source import Source

SCRATCH, ANY_SOURCE = "from scratch", "any source"
"""Two that need no ranker, to compare with: training from scratch, and the mean of all sources."""

SECONDS = "_seconds"
"""Ends the name of the column that holds a ranker's time."""

_KEY = ["target", "source", "seed"]
_TIE = 1e-9  # accuracies that differ by less are equal: they are means of the same numbers in another order
_N_RESAMPLES = 9999


def score_sources(target: Dataset, sources: Mapping[str, Source], by: str | Sequence[str]) -> pd.DataFrame:
    """Score sources by several rankers, and take the time.

    Parameters
    ----------
    target, sources, by
        As for `rank_sources`.

    Returns
    -------
    DataFrame
        A row a source, indexed by name; for each ranker a column of its name with the scores, and one with the seconds
        it took for a source, on average. Where it needs the features of the target's series they are in it, though
        they are computed only once for all rankers.
    """
    names = ranker_names(by)
    features_seconds = 0.0
    if set(names) & set(BY_FEATURES):
        start = time.perf_counter()
        for source in sources.values():
            target_features(target, source)
        features_seconds = time.perf_counter() - start
    table = pd.DataFrame(index=pd.Index(sources, name="source"))
    for name in names:
        start = time.perf_counter()
        table[name] = RANKERS[name](target, sources)
        seconds = time.perf_counter() - start + features_seconds * (name in BY_FEATURES)
        table[name + SECONDS] = seconds / len(sources)
    return table


def evaluate(pairs: pd.DataFrame, rankers: Iterable[str]) -> pd.DataFrame:
    """Judge what rankers would have chosen for each target.

    A ranker chooses anew with every seed, since the sources' weights differ; its accuracy is the mean over the seeds of
    what its choice gave. Of sources with the same score it takes any, so their mean counts. Of a target's pairs as many
    count as make a whole table of sources and seeds, so that of a run that is not finished its last seed does not; a
    target with fewer than two sources is left out, and, for a ranker, a target where it can judge none.

    Parameters
    ----------
    pairs
        The columns `source`, `target`, `seed`, `accuracy`, `scratch_accuracy`, one for each ranker with its scores
        (higher is better, NaN: cannot judge), and, if it was taken, its time, as `score_sources` names it.
    rankers
        Which columns are rankers.

    Returns
    -------
    DataFrame
        A row for each ranker and target, with `SCRATCH` and `ANY_SOURCE` as two rankers more:

        - `accuracy` of what it chose;
        - `scratch_accuracy`, and `mean_accuracy` over all sources, as a random choice has it on average;
        - `regret`: what the best source has more than its choice. The best is that of the highest mean over seeds,
          picked on the test set, so part of it is luck that nothing could have foreseen;
        - `regret_unseen`: the same, but the best source for a seed is picked on the other seeds, so that its luck is
          no part of it. NaN if there is one seed;
        - `correlation`: Spearman's, of its scores with the sources' mean accuracies, averaged over seeds; NaN where
          either is the same for all;
        - `n_sources`, `n_seeds`, and `seconds` to rank these sources, NaN if unknown.

    Raises
    ------
    DataError
        If a pair comes twice, or no target has two sources.

    Examples
    --------
    >>> pairs = pd.DataFrame({"source": ["a", "b"], "target": "t", "seed": 0, "accuracy": [0.9, 0.7]})
    >>> outcomes = evaluate(pairs.assign(scratch_accuracy=0.8, coin=[1.0, 2.0]), ["coin"])
    >>> outcomes.set_index("ranker")["regret"].round(2).to_dict()
    {'coin': 0.2, 'from scratch': 0.1, 'any source': 0.1}
    """
    twice = pairs.duplicated(_KEY)
    if twice.any():
        row = pairs[twice].iloc[0]
        raise DataError(
            f"the pair {row['source']} → {row['target']}, seed {row['seed']}, is there twice; give the results of one "
            "network and one recipe"
        )
    rows = [row for _, of_target in pairs.groupby("target") for row in _outcomes(of_target, list(rankers))]
    if not rows:
        raise DataError("there is no target with results from two sources or more; nothing can be chosen")
    if rankers and not {row["ranker"] for row in rows} & set(rankers):
        raise DataError(f"{', '.join(rankers)}: could judge the sources of no target; choose other rankers")
    return pd.DataFrame(rows)


def _outcomes(pairs: pd.DataFrame, rankers: list[str]) -> Iterable[dict[str, object]]:
    """Yield the rows of one target."""
    source, seed = (pd.factorize(pairs[name])[0] for name in ("source", "seed"))

    def by_seed(column: str) -> np.ndarray:
        values = np.full((source.max() + 1, seed.max() + 1), np.nan)
        values[source, seed] = pairs[column]
        return values

    sources, seeds = _largest_table(~np.isnan(by_seed("accuracy")))
    accuracy = by_seed("accuracy")[np.ix_(sources, seeds)]
    n_seeds = len(seeds)
    if len(accuracy) < 2:
        return
    means = accuracy.mean(axis=1)
    best_unseen = np.nan
    if n_seeds > 1:
        others = (accuracy.sum(axis=1, keepdims=True) - accuracy) / (n_seeds - 1)
        best_unseen = _chosen(others.round(9), accuracy)  # rounded, so that equal means are equal
    scratch = float(pairs[np.isin(seed, seeds)].groupby("seed")["scratch_accuracy"].first().mean())

    def row(ranker: str, chosen: float, correlation: float = np.nan, seconds: float = np.nan) -> dict[str, object]:
        return {
            "ranker": ranker,
            "target": pairs["target"].iloc[0],
            "accuracy": chosen,
            "scratch_accuracy": scratch,
            "mean_accuracy": means.mean(),
            "regret": means.max() - chosen,
            "regret_unseen": best_unseen - chosen,
            "correlation": correlation,
            "n_sources": len(accuracy),
            "n_seeds": n_seeds,
            "seconds": seconds,
        }

    for ranker in rankers:
        scores = by_seed(ranker)[np.ix_(sources, seeds)]
        if np.isnan(scores).all(axis=0).any():
            continue
        correlation = np.mean([_correlation(of_seed, means) for of_seed in scores.T])
        seconds = np.nan
        if ranker + SECONDS in pairs:
            seconds = float(np.nansum(by_seed(ranker + SECONDS)[np.ix_(sources, seeds)])) / n_seeds
        yield row(ranker, _chosen(scores, accuracy), float(correlation), seconds)
    yield row(SCRATCH, scratch)
    yield row(ANY_SOURCE, float(means.mean()))


def _largest_table(is_there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sources and seeds all of whose results are there, the seeds with the most sources first to come in.

    As many seeds are taken as leave the most pairs; of (sources, seeds).
    """
    seeds = np.argsort(-is_there.sum(axis=0), kind="stable")
    n_sources = np.cumprod(is_there[:, seeds], axis=1).sum(axis=0)  # that the first seeds have in common
    n_seeds = np.arange(1, len(seeds) + 1)
    n_best = int(np.argmax(np.where(n_sources >= 2, n_sources * n_seeds, 0))) + 1
    chosen = np.sort(seeds[:n_best])
    return np.flatnonzero(is_there[:, chosen].all(axis=1)), chosen


def _chosen(scores: np.ndarray, accuracy: np.ndarray) -> float:
    """Average, over seeds, the accuracy of the sources with the highest score; both (sources, seeds)."""
    is_top = scores == np.nanmax(scores, axis=0)
    return float(np.mean(accuracy.mean(axis=0, where=is_top)))


def _correlation(scores: np.ndarray, accuracy: np.ndarray) -> float:
    """Spearman's correlation over the sources that are judged; NaN where one side is constant."""
    is_judged = ~np.isnan(scores)
    # Rounded, so that there are as many ranks as different means.
    ranks = rankdata(scores[is_judged]), rankdata(accuracy[is_judged].round(9))
    return float(np.corrcoef(*ranks)[0, 1]) if all(np.ptp(one) > 0 for one in ranks) else np.nan


def summarise(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Average the outcomes of `evaluate` over targets.

    Returns
    -------
    DataFrame
        A row a ranker, indexed by name, the smallest regret first, but those that judged fewer targets, with which it
        cannot be compared, behind the others: `n_targets`, and the means of `accuracy`, `regret`,
        `regret_unseen`, `correlation`, `seconds`, of `gain` (over any source) and `gain_over_scratch`. Each of them but
        the seconds has its 95% interval in `NAME_low` and `NAME_high`: bootstrapped over targets
        (`bootstrap_interval`), so it says what other targets would change, and nothing of other sources. The numbers
        of targets where the choice is better, alike and worse: `wins`, `ties`, `losses` against any source on average,
        `wins_over_scratch` and so on against scratch.

    Examples
    --------
    >>> pairs = pd.DataFrame({"source": ["a", "b"] * 2, "target": ["t", "t", "u", "u"], "seed": 0})
    >>> pairs = pairs.assign(accuracy=[0.9, 0.7, 0.6, 0.6], scratch_accuracy=0.6, coin=[1.0, 2.0] * 2)
    >>> summarise(evaluate(pairs, ["coin"])).loc["coin", ["wins", "ties", "losses"]].to_dict()
    {'wins': 0, 'ties': 1, 'losses': 1}
    """
    outcomes = outcomes.assign(
        gain=outcomes["accuracy"] - outcomes["mean_accuracy"],
        gain_over_scratch=outcomes["accuracy"] - outcomes["scratch_accuracy"],
    )
    rows = {}
    for ranker, group in outcomes.groupby("ranker"):
        row: dict[str, float] = {"n_targets": len(group)}
        for name in ("accuracy", "regret", "regret_unseen", "correlation", "gain", "gain_over_scratch"):
            values = group[name].dropna().to_numpy()
            row[name] = values.mean() if len(values) else np.nan
            row[f"{name}_low"], row[f"{name}_high"] = bootstrap_interval(values)
        for suffix, gain in (("", group["gain"]), ("_over_scratch", group["gain_over_scratch"])):
            row[f"wins{suffix}"] = int((gain > _TIE).sum())
            row[f"ties{suffix}"] = int((gain.abs() <= _TIE).sum())
            row[f"losses{suffix}"] = int((gain < -_TIE).sum())
        row["seconds"] = group["seconds"].mean()
        rows[ranker] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("ranker")
    counts = [name for name in table if str(name).startswith(("n_", "wins", "ties", "losses"))]
    return table.astype(dict.fromkeys(counts, int)).sort_values(["n_targets", "regret"], ascending=[False, True])


def bootstrap_interval(values: np.ndarray) -> tuple[float, float]:
    """95% interval of a mean, by the bias-corrected and accelerated bootstrap; NaN below two values.

    Efron, "Better bootstrap confidence intervals" (Journal of the American Statistical Association 82, 1987).

    Examples
    --------
    >>> low, high = bootstrap_interval(np.arange(100) / 100)
    >>> round(low, 2), round(high, 2)
    (0.44, 0.55)
    """
    if len(values) < 2:
        return np.nan, np.nan
    if np.ptp(values) < _TIE:
        return float(values.mean()), float(values.mean())
    interval = bootstrap((values,), np.mean, n_resamples=_N_RESAMPLES, method="BCa", rng=0).confidence_interval
    return float(interval.low), float(interval.high)
