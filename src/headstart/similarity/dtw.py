"""Dynamic time warping: the squared cost of the best alignment of two series, for one pair or for many.

Sakoe & Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition", eq. 2, with the steps
(1, 0), (0, 1) and (1, 1), all of weight 1. Channels are warped together ("dependent" DTW: the local cost is the
squared Euclidean distance of two channel vectors).

Libraries disagree in three points, so: costs are *squared*, no root is taken; `radius` is the half-width of the band
|i - j| <= radius in *time steps*; None = no band.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from headstart.errors import DataError, ShapeError
from headstart.similarity._parallel import in_parallel, n_threads
from headstart.similarity._series import Collection, check_dtype, collect, from_list, in_type, join, one_series

CELLS_A_TASK = 10**9  # tens of milliseconds
PAIRS_A_TASK = 2**16  # at most: a task's pairs are held in memory


def dtw(x: Any, y: Any, radius: int | None = None, dtype: Any = np.float32) -> float:
    """Squared DTW cost between two series.

    Parameters
    ----------
    x, y
        (time,) or (channels, time), of any lengths; NaN at the end is padding.
    radius
        Half-width of the band in time steps; None = no band.
    dtype
        Type in which costs are summed: np.float32, of what a common constant is taken off first where series lie far
        from zero (relative error below 1e-5, unless series differ by much less than they vary), or np.float64.

    Returns
    -------
    The sum of squared differences along the best path, no root.

    Raises
    ------
    ShapeError
        If the channels differ, or the band is narrower than the lengths' difference.
    DataError
        If a value is missing or not finite, or the cost is too large for `dtype`.

    References
    ----------
    Sakoe & Chiba 1978, eq. 2.

    Examples
    --------
    >>> dtw([0, 0, 1, 2], [0, 1, 2, 2, 2])
    0.0
    >>> dtw([0, 0, 1], [0, 1, 2])
    1.0
    >>> dtw([0, 0, 1], [0, 1, 2], radius=0)
    2.0
    """
    both = _two(x, y, dtype)
    return float(_costs(both, np.array([[0, 1]]), checked_radius(radius, both.lengths, both.lengths))[0])


def dtw_path(x: Any, y: Any, radius: int | None = None) -> np.ndarray:
    """Cells of the best path between two series, computed in float64.

    Where several paths cost the same, the one is taken that, seen from its end, steps back in x if it can, else back
    in y, else in both. Memory: two bytes a cell of the cost matrix.

    Parameters
    ----------
    x, y, radius
        As for `dtw`.

    Returns
    -------
    int64, (n_steps, 2): time steps (i, j) of x and y, from (0, 0) to the ends.

    Raises
    ------
    ShapeError, DataError
        As `dtw`.

    References
    ----------
    Sakoe & Chiba 1978, eq. 2.

    Examples
    --------
    >>> dtw_path([0, 0, 1], [0, 1, 2]).tolist()
    [[0, 0], [1, 0], [2, 1], [2, 2]]
    """
    from headstart.similarity import _kernels

    both = _two(x, y, np.float64)
    band = checked_radius(radius, both.lengths, both.lengths)
    path = _kernels.best_path(*(np.ascontiguousarray(both.series(i)) for i in (0, 1)), band)
    if not len(path):
        raise too_large(0, 1, np.float64)
    return path


def pairwise_dtw(
    X: Any, Y: Any = None, radius: int | None = None, n_jobs: int | None = None, dtype: Any = np.float32
) -> np.ndarray:
    """Squared DTW costs between all series of one collection, or of two.

    Parameters
    ----------
    X, Y
        A `Dataset`, an array (n_series, time) or (n_series, channels, time) with shorter series padded with NaN at
        the end, or a list of series, each (time,) or (channels, time).
    radius, dtype
        As for `dtw`.
    n_jobs
        Threads; None = one a core.

    Returns
    -------
    (n_X, n_Y), or symmetric (n_X, n_X) with a zero diagonal, of type `dtype`.

    Raises
    ------
    ShapeError, DataError
        As `dtw`.

    Examples
    --------
    >>> pairwise_dtw([[0, 0, 1], [0, 1, 2], [5, 5]]).tolist()
    [[0.0, 1.0, 66.0], [1.0, 0.0, 50.0], [66.0, 50.0, 0.0]]
    >>> pairwise_dtw([[0, 0, 1], [0, 1, 2], [5, 5]], [[0, 1, 2, 2]]).tolist()
    [[2.0], [0.0], [59.0]]
    """
    series = collect(X, "X", dtype)
    n = len(series)
    if Y is None:
        series = in_type(series, dtype)
        costs = np.zeros((n, n), dtype)
        for pairs, some in triangle_costs(series, radius, n_jobs):
            costs[pairs[:, 0], pairs[:, 1]] = some
            costs[pairs[:, 1], pairs[:, 0]] = some
        return costs
    others = collect(Y, "Y", dtype)
    check_channels("X", series.n_channels, "Y", others.n_channels)
    joined = in_type(join(series, others), dtype)
    costs = np.empty((n, len(others)), dtype)
    rows, columns = np.arange(n), np.arange(n, n + len(others))
    for pairs, some in rectangle_costs(joined, rows, columns, radius, n_jobs):
        costs[pairs[:, 0], pairs[:, 1] - n] = some
    return costs


def triangle_costs(
    series: Collection, radius: int | None, n_jobs: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs i < j, (n, 2), and their costs, (n,), until all of them have been."""
    n = len(series)
    starts = np.arange(n) * (n - 1) - np.arange(n) * (np.arange(n) - 1) // 2  # pairs before row i

    def pairs(numbers: np.ndarray) -> np.ndarray:
        i = np.searchsorted(starts[: n - 1], numbers, side="right") - 1
        return np.stack([i, numbers - starts[i] + i + 1], axis=1)

    band = checked_radius(radius, series.lengths, series.lengths)
    return _costs_in_tasks(series, n * (n - 1) // 2, pairs, band, n_jobs)


def rectangle_costs(
    series: Collection, rows: np.ndarray, columns: np.ndarray, radius: int | None, n_jobs: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of one of `rows` and one of `columns`, (n, 2), and their costs, (n,), until all have been."""

    def pairs(numbers: np.ndarray) -> np.ndarray:
        i, j = np.divmod(numbers, len(columns))
        return np.stack([rows[i], columns[j]], axis=1)

    band = checked_radius(radius, series.lengths[rows], series.lengths[columns])
    return _costs_in_tasks(series, len(rows) * len(columns), pairs, band, n_jobs)


def _costs_in_tasks(
    series: Collection, n_pairs: int, pairs_of: Callable[[np.ndarray], np.ndarray], band: int, n_jobs: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut the numbers 0 to n_pairs into tasks, and compute the costs of the pairs that they stand for."""
    lanes = 16  # whole vectors, but for the last
    size = min(PAIRS_A_TASK, CELLS_A_TASK // int(series.lengths.max()) ** 2, -(-n_pairs // n_threads(n_jobs)))
    size = max(1, -(-size // lanes)) * lanes

    def compute(begin: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = pairs_of(np.arange(begin, min(begin + size, n_pairs)))
        return pairs, _costs(series, pairs, band)

    return in_parallel(compute, range(0, n_pairs, size), n_jobs)


def _costs(series: Collection, pairs: np.ndarray, band: int) -> np.ndarray:
    """Squared costs of pairs of series, in one thread; a negative `band` is none."""
    from headstart.similarity import _kernels  # here, because it imports numba

    lengths = series.lengths[pairs]
    # Pairs in the lanes of one vector take as long as the longest of them, so like lengths go together.
    order = np.lexsort((lengths[:, 1], lengths[:, 0])) if (lengths != lengths[0]).any() else np.arange(len(pairs))
    sorted_costs = np.empty(len(pairs), series.values.dtype)
    _kernels.squared_costs(series.values, series.starts, pairs[order], band, sorted_costs)
    if np.isinf(sorted_costs).any():
        i, j = pairs[order[np.argmax(np.isinf(sorted_costs))]]
        raise too_large(i, j, series.values.dtype)
    costs = np.empty_like(sorted_costs)
    costs[order] = sorted_costs
    return costs


def too_large(i: int, j: int, dtype: Any) -> DataError:
    """Return the error of a cost that is no number of this type."""
    advice = ", or ask for dtype=np.float64" if dtype == np.float32 else ""
    return DataError(
        f"the squared cost of series {i} and {j} is too large for {np.dtype(dtype)}; scale the series{advice}"
    )


def _two(x: Any, y: Any, dtype: Any) -> Collection:
    """Check two series and join them."""
    check_dtype(dtype)
    series = [one_series(x, "x", dtype), one_series(y, "y", dtype)]
    check_channels("x", len(series[0]), "y", len(series[1]))
    return in_type(from_list(series), dtype)


def check_channels(name: str, n_channels: int, other_name: str, other_n_channels: int) -> None:
    """Raise ShapeError unless the numbers of channels are the same."""
    if n_channels != other_n_channels:
        raise ShapeError(
            f"{name} has {n_channels} channels and {other_name} has {other_n_channels}; compare series of the same "
            "channels"
        )


def checked_radius(radius: int | None, rows: np.ndarray, columns: np.ndarray) -> int:
    """Return the radius as the kernels take it, -1 for none; raise if a path cannot fit into the band."""
    if radius is None:
        return -1
    if isinstance(radius, bool) or not isinstance(radius, int | np.integer) or radius < 0:
        raise DataError(f"radius is a whole number of time steps, 0 or more, or None for no band; got {radius!r}")
    needed = max(int(rows.max() - columns.min()), int(columns.max() - rows.min()))
    if radius < needed:
        raise ShapeError(
            f"radius {radius} is too small: two series differ by {needed} time steps in length, so that no path "
            f"stays inside the band; use a radius of at least {needed}, or None"
        )
    return int(radius)
