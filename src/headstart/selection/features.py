"""The features that a source's network, as it is, gives to a target's series: what several rankers judge by.

They are those from which fine-tuning starts: the last layer is left out, and a source of another number of channels is
adapted to the target's as `Network.replace_channels` does, with seed 0. Several rankers look at the same features, so
they are computed once for a target and a source, and kept as long as both are in use.

No ranker looks at more than `MAX_CASES` series of the target: features cost what predictions cost, and what they say of
the classes hardly changes beyond some hundred series.
"""

from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import require_classes
from headstart.training import features
from headstart.zoo.source import Source

MAX_CASES = 500
"""Series of the target that are looked at; of more, a sample with the same shares of the classes."""

_kept: WeakKeyDictionary[Dataset, WeakKeyDictionary[Source, np.ndarray]] = WeakKeyDictionary()


def score_features(
    score: Callable[[np.ndarray, np.ndarray], float], target: Dataset, sources: Mapping[str, Source]
) -> np.ndarray:
    """Score each source by its features of the target's series.

    Parameters
    ----------
    score
        Takes features, float64 (n_cases, n_features), and the codes of the classes, (n_cases,).
    target
        Labelled training data.
    sources
        Sources by name.

    Returns
    -------
    array
        (n_sources,); NaN for a source that gives features which are not finite, and for all where no class has two
        cases among those that are looked at, so that nothing can be said of what its series have in common.

    Raises
    ------
    DataError
        If a case of the target has no label, or there is only one class.
    """
    require_classes(target, "ranking sources")
    y = target.y[_sample(target.y)]
    if np.bincount(y).max() < 2:
        return np.full(len(sources), np.nan)

    def score_or_nan(X: np.ndarray) -> float:
        return score(X, y) if np.isfinite(X).all() else np.nan

    return np.array([score_or_nan(target_features(target, source)) for source in sources.values()])


def target_features(target: Dataset, source: Source) -> np.ndarray:
    """Features of at most `MAX_CASES` of the target's series, float64 (n_cases, n_features)."""
    kept = _kept.setdefault(target, WeakKeyDictionary())
    if source not in kept:
        network = source.new_network()
        network.replace_channels(target.n_channels, seed=0)
        kept[source] = features(network, source.prepare(target.subset(_sample(target.y)))).astype(np.float64)
    return kept[source]


def _sample(y: np.ndarray) -> np.ndarray:
    """Return indices of at most `MAX_CASES` cases, in order, drawn at random with the same share of every class."""
    if len(y) <= MAX_CASES:
        return np.arange(len(y))
    shuffled = np.random.default_rng(0).permutation(len(y))
    place = np.empty(len(y))  # of each case in its class, from 0 to 1
    for code in np.unique(y):
        members = shuffled[y[shuffled] == code]
        place[members] = np.arange(len(members)) / len(members)
    return np.sort(np.argsort(place, kind="stable")[:MAX_CASES])
