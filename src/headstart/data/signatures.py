"""Signatures: a few bytes by which a series, or a near copy of it, is found again without its values.

A source carries the signatures of its training series, so that it can be asked whether it has seen a target's series
although its data are elsewhere. Copies are seldom equal bit for bit: values were rounded, cast, scaled or resampled.
A hash of rounded values breaks at each rounding boundary, and the signs of projections (SimHash; Charikar, STOC 2002)
cannot tell a copy from the next spectrum or heart beat, whose correlation may be 0.9999. So a signature keeps the
projections themselves: each channel is averaged over `N_STEPS` equal parts of its duration, z-normalised, and projected
onto `N_PROJECTIONS` random directions (Achlioptas, "Database-friendly random projections", Journal of Computer and
System Sciences 66(4), 2003). The root mean squared difference of two signatures estimates that of the averaged series,
with a standard deviation of a quarter of it. The entries of a direction are uniform, not the paper's signs: under
signs, single peaks at different times, which meters of appliances record, look the same once in 256 times.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from headstart.data.dataset import ROUNDING, Dataset

N_STEPS = 128
N_PROJECTIONS = 8
SCALE = 2048
"""Steps of a signature in one standard deviation; the largest projection, about √128, stays within int16."""
NO_SIGNATURE = np.iinfo(np.int16).min
"""Fills the signature of a channel that never changes: it has no shape to be known by."""

EXACT = 0.001
"""Distance of signatures, in standard deviations of the series, up to which they are those of one and the same series:
rounding to three decimals after z-normalisation stays below it."""
NEAR = 0.005
"""Distance up to which one series is a near copy of the other: rounding to two decimals stays below it."""


def series_signatures(data: Dataset, *, backwards: bool = False) -> np.ndarray:
    """Return the signatures of all series.

    Parameters
    ----------
    data
        Series of any lengths; their level and scale do not matter.
    backwards
        Whether to read the series from their ends. Some data sets hold the series of others in reversed time.

    Returns
    -------
    ndarray
        int16, (n_cases, n_channels, 8). Signatures of the same series differ by a few steps at most; a channel that
        never changes has `NO_SIGNATURE` throughout.

    Examples
    --------
    >>> shape = [[0, 1, 4, 2, 2, 3, 0]]
    >>> signature = series_signatures(Dataset.from_arrays("a", shape))
    >>> signature.shape, signature.dtype
    ((1, 1, 8), dtype('int16'))
    >>> scaled = series_signatures(Dataset.from_arrays("b", 100 - 3.3 * np.array(shape)))
    >>> int(abs(signature + scaled).max())  # upside down, hence the other sign
    0
    """
    shapes = series_shapes(data, backwards=backwards)
    changes = ~np.isnan(shapes[:, :, :1])
    steps = np.rint(np.where(changes, shapes, 0.0) @ _DIRECTIONS * SCALE)
    return np.where(changes, steps, NO_SIGNATURE).astype(np.int16)


def series_shapes(data: Dataset, *, backwards: bool = False) -> np.ndarray:
    """Return what signatures are projections of: averages over equal parts of the duration, z-normalised.

    Returns
    -------
    ndarray
        float64, (n_cases, n_channels, `N_STEPS`); NaN throughout for a channel that never changes.
    """
    shapes = np.empty((data.n_cases, data.n_channels, N_STEPS))
    for length in np.unique(data.lengths):
        cases = data.lengths == length
        X = data.X[cases, :, :length][:, :, :: -1 if backwards else 1]
        averages = X.astype(np.float64) @ _averaging(int(length))
        mean = averages.mean(axis=2, keepdims=True)
        std = averages.std(axis=2, keepdims=True)
        constant = std <= ROUNDING * np.abs(mean)
        shapes[cases] = (averages - mean) / np.where(constant, np.nan, std)
    return shapes


def _averaging(length: int) -> np.ndarray:
    """Make the matrix, (length, N_STEPS), that averages a series, drawn as a line, over equal parts of its duration."""
    if length == 1:
        return np.ones((1, N_STEPS))
    edges = np.linspace(0, length - 1, N_STEPS + 1)
    # The line is a sum of one hat a time step; these are the integrals of all hats up to each edge.
    u = np.clip(edges - np.arange(length)[:, None], -1, 1)  # (length, N_STEPS + 1)
    integrals = np.where(u <= 0, (u + 1) ** 2 / 2, 1 - (1 - u) ** 2 / 2)
    return np.diff(integrals, axis=1) / (edges[1] - edges[0])


def _directions() -> np.ndarray:
    """Make the directions, (N_STEPS, N_PROJECTIONS), from a hash, which no version of a generator can change."""
    digest = hashlib.shake_128(b"headstart: signatures of series").digest(4 * N_STEPS * N_PROJECTIONS)
    uniform = np.frombuffer(digest, "<u4").reshape(N_STEPS, N_PROJECTIONS) / 2.0**31 - 1  # in [-1, 1), variance 1/3
    return uniform * np.sqrt(3 / N_STEPS)


_DIRECTIONS = _directions()


def nearest_copies(queries: np.ndarray, stored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find each series among stored ones, by their signatures.

    Two series are compared over all channels that change, in their order. Where one of them has a single such channel,
    it is compared with each channel of the other, for a sensor's axis may have become a data set of its own. Series
    that differ in their channels otherwise are not compared.

    Parameters
    ----------
    queries, stored
        Signatures, int16, (n_cases, n_channels, 8); the numbers of channels may differ.

    Returns
    -------
    nearest, distance
        int64 and float64, (n_queries,): the nearest stored series with its distance in standard deviations, or -1 and
        infinity where none is nearer than `NEAR`.

    Examples
    --------
    >>> from headstart.data import load
    >>> train, test = load("ItalyPowerDemand")
    >>> nearest, distance = nearest_copies(series_signatures(train.subset([5, 3])), series_signatures(train))
    >>> nearest.tolist(), distance.tolist()
    ([5, 3], [0.0, 0.0])
    """
    from scipy.spatial import cKDTree

    nearest = np.full(len(queries), -1, np.int64)
    distance = np.full(len(queries), np.inf)
    query_units = list(units(queries))
    for other in units(stored):
        # Once each: in a tree, equal rows would all be gone through.
        rows, first = np.unique(other.rows, axis=0, return_index=True)
        tree, cases = cKDTree(rows), np.append(other.cases[first], -1)  # the tree says n for no row
        for query in query_units:
            if not query.is_comparable(other):
                continue
            found, row = tree.query(query.rows, distance_upper_bound=query.radius)
            found /= query.scale
            # From far to near: of several channels of one series the nearest is written last.
            order = np.argsort(-found, kind="stable")
            order = order[found[order] < distance[query.cases[order]]]
            distance[query.cases[order]] = found[order]
            nearest[query.cases[order]] = cases[row[order]]
    return nearest, distance


class Units(NamedTuple):
    """What is compared as one: all channels of series together, or each channel alone."""

    cases: np.ndarray
    """(n_units,): which series each belongs to."""
    rows: np.ndarray
    """(n_units, n_channels * 8): their signatures."""
    is_whole: bool
    """Whether a unit is a whole series, not one channel of several."""

    @property
    def scale(self) -> float:
        """The Euclidean distance of two rows whose distance is one standard deviation."""
        return SCALE * self.rows.shape[1] ** 0.5

    @property
    def radius(self) -> float:
        """The Euclidean distance of two rows up to which they are near copies."""
        return NEAR * self.scale

    def is_comparable(self, other: "Units") -> bool:
        """Whether the two may be compared; single channels of two series with several say nothing about the whole."""
        return self.rows.shape[1] == other.rows.shape[1] and (self.is_whole or other.is_whole)


def units(signatures: np.ndarray) -> Iterator[Units]:
    """Yield what series are compared by, for each number of channels that change."""
    changes = signatures[:, :, 0] != NO_SIGNATURE  # (n_cases, n_channels)
    n_changing = changes.sum(axis=1)
    for n in np.unique(n_changing[n_changing > 0]):
        cases = np.flatnonzero(n_changing == n)
        rows = signatures[cases][changes[cases]].astype(np.float64)  # (cases * n, 8), by case
        yield Units(cases, rows.reshape(len(cases), -1), True)
        if n > 1:
            yield Units(np.repeat(cases, n), rows, False)
