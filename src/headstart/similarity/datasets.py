"""How alike data sets are: the smallest DTW distance between the prototypes of their classes.

Algorithm 1 of Ismail Fawaz et al. 2018, "Transfer learning for time series classification" (IEEE Big Data 2018, arXiv
1811.01533), section III-C: each class of a training set becomes one prototype, its DTW barycenter average (medoid
start, 10 iterations); the distance of two data sets is the smallest DTW distance between a prototype of the one and a
prototype of the other.

Deviations: a class can have more than one prototype (DTW k-means), and any number of channels. No band by default,
with which the published table of neighbours agrees (the published code's window of 0 would compare equal time steps).

The published code departs from its algorithm: it leaves out of an average what lies nearer to a constant zero, after a
random start. That is not done here; `benchmarks/neighbours.py` shows that the table was made with it.
"""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.dataset import Dataset, checked_dataset
from headstart.data.files import DAMAGE_ERRORS
from headstart.errors import DataError, ShapeError, UnknownNameError
from headstart.files import expanded, write_bytes
from headstart.similarity._series import Collection, collect
from headstart.similarity.barycenter import barycenter
from headstart.similarity.dtw import check_channels, pairwise_dtw

if TYPE_CHECKING:
    import pandas as pd

CACHE_FORMAT = 1
"""In the names of cached prototypes; to be raised when the same parameters give other prototypes."""


@dataclass(frozen=True, eq=False)
class Prototypes:
    """What stands for a labelled data set when it is compared with others: a few series a class.

    Attributes
    ----------
    name
        The data set's.
    X
        float32, (n_prototypes, n_channels, n_timepoints); shorter ones are padded with NaN at the end.
    codes
        int64, (n_prototypes,): the class of each, as in the data set's `y`.
    """

    name: str
    X: np.ndarray
    codes: np.ndarray

    @property
    def n_channels(self) -> int:
        """Number of values at each time step."""
        return self.X.shape[1]

    @property
    def series(self) -> list[np.ndarray]:
        """The prototypes without padding, each (n_channels, length)."""
        return [x[:, ~np.isnan(x[0])] for x in self.X]

    @classmethod
    def from_series(cls, name: str, series: list[np.ndarray], codes: np.ndarray) -> "Prototypes":
        """Pad series of (n_channels, length) to one array."""
        X = np.full((len(series), len(series[0]), max(x.shape[1] for x in series)), np.nan, np.float32)
        for padded, x in zip(X, series, strict=True):
            padded[:, : x.shape[1]] = x
        return cls(name, X, np.asarray(codes, np.int64))


def prototypes(
    dataset: Dataset,
    per_class: int = 1,
    n_iterations: int = 10,
    radius: int | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> Prototypes:
    """Prototypes of the classes of a data set.

    One a class is the DTW barycenter average of its series; more are the centres of a DTW k-means. A class of no more
    than `per_class` series is its own prototypes.

    Parameters
    ----------
    dataset
        A labelled data set; a class without a case in it (in a subset) has no prototype.
    per_class
        Prototypes a class.
    n_iterations
        The most iterations of each average.
    radius
        Half-width of the band in time steps; None = no band.
    seed
        Of the k-means.
    n_jobs
        Threads; None = one a core. The result does not depend on it.

    Raises
    ------
    DataError
        If a case has no label, `per_class` is below 1, or it is no `Dataset`.
    ShapeError
        If the band is narrower than a difference of lengths within a class.

    References
    ----------
    Ismail Fawaz et al. 2018, algorithm 1, lines 1–7.

    Examples
    --------
    >>> data = Dataset.from_arrays("toy", [[0, 0, 1], [0, 1, 1], [5, 5, 5]], labels=["low", "low", "high"])
    >>> [x.tolist() for x in prototypes(data).series], prototypes(data).codes.tolist()
    ([[[5.0, 5.0, 5.0]], [[0.0, 0.0, 1.0]]], [0, 1])
    """
    if not checked_dataset(dataset).is_labelled:
        raise DataError(f"{dataset.name} has cases without a label; prototypes are those of classes, so label them")
    if isinstance(per_class, bool) or not isinstance(per_class, int | np.integer) or per_class < 1:
        raise DataError(f"per_class is a number of prototypes, 1 or more; got {per_class!r}")
    found: list[np.ndarray] = []
    codes: list[int] = []
    for code in np.unique(dataset.y):
        members = collect(dataset.subset(np.flatnonzero(dataset.y == code)), dataset.name)
        if len(members) <= per_class:
            centres = [members.series(i) for i in range(len(members))]
        elif per_class == 1:
            centres = [barycenter(members, "medoid", n_iterations, radius=radius, n_jobs=n_jobs)]
        else:
            centres = _k_means(members, per_class, n_iterations, radius, seed, n_jobs)
        found += centres
        codes += [int(code)] * len(centres)
    return Prototypes.from_series(dataset.name, found, np.array(codes))


def _k_means(
    series: Collection, n_clusters: int, n_iterations: int, radius: int | None, seed: int, n_jobs: int | None
) -> list[np.ndarray]:
    """Centres of a DTW k-means with k-means++ seeding; fewer than asked for if there are fewer different series."""
    rng = np.random.default_rng(seed)
    centres = [series.series(int(rng.integers(len(series))))]
    costs = pairwise_dtw(series, centres, radius, n_jobs)  # (n_series, n_centres)
    while len(centres) < n_clusters and costs.min(axis=1).any():
        squares = costs.min(axis=1).astype(np.float64)
        centres.append(series.series(int(rng.choice(len(series), p=squares / squares.sum()))))
        costs = np.hstack([costs, pairwise_dtw(series, centres[-1:], radius, n_jobs)])
    clusters = np.full(len(series), -1)
    for _ in range(n_iterations):
        before, clusters = clusters, costs.argmin(axis=1)
        for empty in set(range(len(centres))) - set(clusters.tolist()):
            farthest = int(costs[np.arange(len(series)), clusters].argmax())
            clusters[farthest] = empty
            costs[farthest] = 0  # not to be taken for another
        if (clusters == before).all():
            break
        for k, centre in enumerate(centres):
            members = series.subset(np.flatnonzero(clusters == k))
            centres[k] = barycenter(members, centre, n_iterations, radius=radius, n_jobs=n_jobs)
        costs = pairwise_dtw(series, centres, radius, n_jobs)
    return centres


def dataset_distance(
    a: Dataset | Prototypes, b: Dataset | Prototypes, radius: int | None = None, n_jobs: int | None = None
) -> float:
    """Distance of two data sets: the smallest DTW distance between their prototypes.

    Parameters
    ----------
    a, b
        Labelled data sets, or their prototypes.
    radius
        Half-width of the band in time steps; None = no band.
    n_jobs
        Threads; None = one a core.

    Returns
    -------
    The *root* of the smallest squared DTW cost, in the unit of the series.

    Raises
    ------
    ShapeError
        If the channels differ, or the band is narrower than a difference of lengths.
    DataError
        If a case has no label, or one is neither a `Dataset` nor `Prototypes`.

    References
    ----------
    Ismail Fawaz et al. 2018, algorithm 1, lines 8–16.

    Examples
    --------
    >>> a = Dataset.from_arrays("a", [[0, 0, 1], [5, 5, 5]], labels=["low", "high"])
    >>> b = Dataset.from_arrays("b", [[0, 1, 3], [9, 9, 9]], labels=["low", "high"])
    >>> dataset_distance(a, b)
    2.0
    """
    a, b = (one if isinstance(one, Prototypes) else checked_dataset(one) for one in (a, b))
    check_channels(a.name, a.n_channels, b.name, b.n_channels)
    theirs = [x if isinstance(x, Prototypes) else prototypes(x, radius=radius, n_jobs=n_jobs) for x in (a, b)]
    costs = pairwise_dtw(theirs[0].series, theirs[1].series, radius, n_jobs, np.float64)
    return float(np.sqrt(costs.min()))


def similarity_matrix(
    datasets: Iterable[Dataset | Prototypes],
    per_class: int = 1,
    n_iterations: int = 10,
    radius: int | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    cache: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> "pd.DataFrame":
    """Distances between all data sets.

    Parameters
    ----------
    datasets
        Labelled data sets of different names, or their prototypes.
    per_class, n_iterations, radius, seed, n_jobs
        As for `prototypes`.
    cache
        A folder in which prototypes are kept, made if missing. They are found again by the data's fingerprint and
        the parameters, so a run that was cut off goes on where it was, and one more data set costs only its own.
    on_progress
        Called with the work done and all the work, in DTW cells, after each data set and at the end.

    Returns
    -------
    Symmetric, names × names; 0 on the diagonal, the values of `dataset_distance` elsewhere, and NaN between data sets
    of different channels, which cannot be compared.

    Raises
    ------
    ShapeError
        If there is no data set, or the band is narrower than a difference of lengths.
    DataError
        If two data sets have the same name, a case has no label, or one is neither a `Dataset` nor `Prototypes`.

    References
    ----------
    Ismail Fawaz et al. 2018, algorithm 1.

    Examples
    --------
    >>> a = Dataset.from_arrays("a", [[0, 0, 1], [5, 5, 5]], labels=["low", "high"])
    >>> b = Dataset.from_arrays("b", [[0, 1, 3], [9, 9, 9]], labels=["low", "high"])
    >>> similarity_matrix([a, b])
         a    b
    a  0.0  2.0
    b  2.0  0.0
    """
    import pandas as pd

    items = [one if isinstance(one, Prototypes) else checked_dataset(one) for one in datasets]
    names = [item.name for item in items]
    if not items:
        raise ShapeError("there is no data set; give at least one")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"two data sets are called {twice[0]!r}; give each its own name")
    work = [_cells(item, n_iterations) for item in items]
    total = sum(work) + 1  # the last one is for the matrix
    done = 0
    found = []
    for item, cells in zip(items, work, strict=True):
        if isinstance(item, Dataset):
            item = _cached_prototypes(item, per_class, n_iterations, radius, seed, n_jobs, cache)
        found.append(item)
        done += cells
        if on_progress:
            on_progress(done, total)
    matrix = np.full((len(items), len(items)), np.nan)
    channels = np.array([item.n_channels for item in found])
    for n_channels in np.unique(channels):
        group = np.flatnonzero(channels == n_channels)
        costs = pairwise_dtw([x for i in group for x in found[i].series], None, radius, n_jobs, np.float64)
        starts = np.cumsum([0] + [len(found[i].codes) for i in group[:-1]])
        smallest = np.minimum.reduceat(np.minimum.reduceat(costs, starts, axis=0), starts, axis=1)
        matrix[np.ix_(group, group)] = np.sqrt(smallest)
    if on_progress:
        on_progress(total, total)
    return pd.DataFrame(matrix, index=names, columns=names)


def nearest(matrix: "pd.DataFrame", target: str, k: int = 1) -> "pd.Series":
    """Return the k data sets nearest to one, nearest first, with their distances.

    Data sets that cannot be compared with it (NaN) are left out, as it is itself; there may then be fewer than k.

    Raises
    ------
    UnknownNameError
        If the matrix has no such data set.

    Examples
    --------
    >>> a, b, c = (Dataset.from_arrays(name, [[0, 0, int(name, 16)]], labels=["x"]) for name in "abc")
    >>> nearest(similarity_matrix([a, b, c]), "a", k=2).to_dict()
    {'b': 1.0, 'c': 2.0}
    """
    if target not in matrix.columns:
        raise UnknownNameError("data set", target, map(str, matrix.columns))
    return matrix[target].drop(target).dropna().sort_values(kind="stable").head(k)


def _cells(item: Dataset | Prototypes, n_iterations: int) -> int:
    """Count the DTW cells that prototypes cost, roughly: one that keeps its path weighs three."""
    if isinstance(item, Prototypes):
        return 0
    sizes = np.bincount(item.y[item.y >= 0])
    return int((sizes * (sizes - 1) // 2 + 3 * n_iterations * sizes).sum()) * int(item.lengths.max()) ** 2


def _cached_prototypes(
    dataset: Dataset,
    per_class: int,
    n_iterations: int,
    radius: int | None,
    seed: int,
    n_jobs: int | None,
    cache: str | Path | None,
) -> Prototypes:
    """Read prototypes from the cache, or compute them and leave them there."""
    if cache is None:
        return prototypes(dataset, per_class, n_iterations, radius, seed, n_jobs)
    parameters = (CACHE_FORMAT, dataset.fingerprint, per_class, n_iterations, radius, seed)
    file = expanded(cache) / f"{hashlib.sha256(repr(parameters).encode()).hexdigest()[:32]}.npz"
    try:
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as saved:
            return Prototypes(dataset.name, saved["X"], saved["codes"])
    except (OSError, ValueError, KeyError, RuntimeError, *DAMAGE_ERRORS):  # RuntimeError is zipfile's for a password
        pass  # absent or damaged: made anew
    found = prototypes(dataset, per_class, n_iterations, radius, seed, n_jobs)
    file.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, X=found.X, codes=found.codes)
    write_bytes(file, buffer.getvalue())
    return found
