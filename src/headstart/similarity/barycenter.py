"""The middle of a collection of series: its medoid, and its DTW barycenter average (DBA).

DBA is Petitjean, Ketterlin & Gançarski 2011, "A global averaging method for dynamic time warping, with applications
to clustering", section 3: align every series with the average, then replace each value of the average by the mean of
the values aligned with it, and repeat. Each step can only lower the inertia, the sum of squared DTW costs to the
series.

The average starts from the medoid, which the paper leaves open; and where two paths cost the same, the one is taken
that steps back in the average, else in the series, else in both. Both follow the code of Ismail Fawaz et al. 2018, and
the second matters: series with plateaus have many such ties, and other libraries, which prefer the diagonal, average
them to other series.

Deviation: the iterations stop early where another one would change nothing.
"""

import math
from dataclasses import replace
from typing import Any, Literal, overload

import numpy as np

from headstart.errors import DataError, ShapeError
from headstart.similarity._parallel import in_parallel
from headstart.similarity._series import Collection, centred, collect, in_type, one_series
from headstart.similarity.dtw import check_channels, checked_radius, rectangle_costs, triangle_costs

MAX_EXACT = 5000
SERIES_A_TASK = 32  # fixed, so that sums are rounded alike whatever the number of threads
NEAR_TIE = 1e-4  # relative; far more than the rounding of float32 costs


def medoid(
    X: Any, radius: int | None = None, n_jobs: int | None = None, max_exact: int = MAX_EXACT, seed: int = 0
) -> int:
    """Index of the series with the smallest sum of squared DTW costs to all others.

    Up to `max_exact` series, all pairs are compared: in float32, then in float64 for the series whose sums are the
    smallest but for 1e-4, so that the result is that of float64 (of equals, the first). Beyond, the number of pairs
    stays that of `max_exact` series: every series is compared with the same few, drawn at random; the better half
    goes on and is compared with twice as many, and so forth (correlated sequential halving). What is found then has
    a sum close to the smallest, not always the smallest.

    Parameters
    ----------
    X
        A collection, as for `pairwise_dtw`.
    radius
        Half-width of the band in time steps; None = no band.
    n_jobs
        Threads; None = one a core.
    max_exact
        The most series for which all pairs are compared.
    seed
        Of the random draws beyond `max_exact` series.

    Raises
    ------
    ShapeError, DataError
        As `pairwise_dtw`.

    References
    ----------
    Baharav & Tse 2019, "Ultra fast medoid identification via correlated sequential halving", algorithm 1.

    Examples
    --------
    >>> medoid([[0, 0, 0], [1, 1, 1], [5, 5, 5]])
    1
    """
    exact = collect(X, "X", np.float64)
    near_zero = centred(exact)
    _, exponent = np.frexp(np.abs(near_zero.values).max())  # scaled by it, none is too large for float32
    series = in_type(replace(exact, values=np.ldexp(near_zero.values, -exponent)), np.float32)
    n = len(series)
    candidates = np.arange(n)
    if n > max_exact:
        rng = np.random.default_rng(seed)
        budget = max_exact * (max_exact - 1) // 2 // math.ceil(math.log2(n))  # pairs a round
        while len(candidates) > 1:
            n_references = min(n, max(1, budget // len(candidates)))
            references = np.sort(rng.choice(n, n_references, replace=False))
            sums = _sums(series, candidates, references, radius, n_jobs)
            if n_references == n:
                break
            candidates = np.sort(candidates[np.argsort(sums, kind="stable")[: (len(candidates) + 1) // 2]])
    else:
        sums = np.zeros(n)
        for pairs, costs in triangle_costs(series, radius, n_jobs):
            for side in (0, 1):
                sums += np.bincount(pairs[:, side], costs, n)
    if len(candidates) > 1:
        candidates = candidates[sums <= sums.min() * (1 + NEAR_TIE)]
    if len(candidates) > 1:
        candidates = candidates[[np.argmin(_sums(exact, candidates, np.arange(n), radius, n_jobs))]]
    return int(candidates[0])


def _sums(
    series: Collection, rows: np.ndarray, columns: np.ndarray, radius: int | None, n_jobs: int | None
) -> np.ndarray:
    """Sum of squared costs from each of `rows` to `columns`."""
    sums = np.zeros(len(series))
    for pairs, costs in rectangle_costs(series, rows, columns, radius, n_jobs):
        sums += np.bincount(pairs[:, 0], costs, len(series))
    return sums[rows]


@overload
def barycenter(
    X: Any,
    init: Any = ...,
    n_iterations: int = ...,
    weights: Any = ...,
    radius: int | None = ...,
    return_inertia: Literal[False] = ...,
    n_jobs: int | None = ...,
) -> np.ndarray: ...


@overload
def barycenter(
    X: Any,
    init: Any = ...,
    n_iterations: int = ...,
    weights: Any = ...,
    radius: int | None = ...,
    *,
    return_inertia: Literal[True],
    n_jobs: int | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...


def barycenter(
    X: Any,
    init: Any = "medoid",
    n_iterations: int = 10,
    weights: Any = None,
    radius: int | None = None,
    return_inertia: bool = False,
    n_jobs: int | None = None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """DTW barycenter average of a collection of series.

    Costs, paths and sums are in float64, because near-ties of rounded costs would lead along other paths.

    Parameters
    ----------
    X
        A collection, as for `pairwise_dtw`.
    init
        The average to start from: "medoid", or a series, (time,) or (channels, time), which also sets the length.
    n_iterations
        The most iterations; fewer if the average no longer changes. 0 returns the start.
    weights
        (n_series,), none negative and not all 0; None = all 1. The medoid is that of the series without weights.
    radius
        Half-width of the band in time steps; None = no band.
    return_inertia
        Whether to return the inertia as well.
    n_jobs
        Threads; None = one a core. The result does not depend on it.

    Returns
    -------
    The average, float64, (channels, time). With `return_inertia` also the inertia at the start of each iteration
    that was made: the sum of weighted squared DTW costs of all series to the average.

    Raises
    ------
    ShapeError, DataError
        As `pairwise_dtw`; also if the weights do not fit.

    References
    ----------
    Petitjean, Ketterlin & Gançarski 2011, section 3.

    Examples
    --------
    >>> barycenter([[0, 0, 1, 2], [0, 1, 4], [0, 1, 1, 3]]).tolist()
    [[0.0, 1.0, 1.0, 3.0]]
    """
    from headstart.similarity import _kernels

    series = collect(X, "X", np.float64)
    weights = _checked_weights(weights, len(series))
    if isinstance(n_iterations, bool) or not isinstance(n_iterations, int | np.integer) or n_iterations < 0:
        raise DataError(f"n_iterations is a whole number, 0 or more; got {n_iterations!r}")
    if isinstance(init, str):
        if init != "medoid":
            raise DataError(f"init is 'medoid' or a series to start from; got {init!r}")
        average = series.series(medoid(series, radius, n_jobs))
    else:
        average = one_series(init, "init")
        check_channels("init", len(average), "X", series.n_channels)
    average = np.ascontiguousarray(average)
    band = checked_radius(radius, np.array([average.shape[1]]), series.lengths)
    by_length = np.argsort(series.lengths, kind="stable")
    tasks = [by_length[i : i + SERIES_A_TASK] for i in range(0, len(series), SERIES_A_TASK)]
    parts = [(series.subset(task), weights[task]) for task in tasks]

    def align(part: tuple[Collection, np.ndarray]) -> tuple[float, np.ndarray]:
        """Return the weighted cost of some series, and what they add to the sums, (n_channels + 1, time)."""
        some, their_weights = part
        costs = np.empty(len(some))
        sums = _kernels.align(average, some.values, some.starts, their_weights, band, costs)
        if np.isinf(costs).any():
            raise DataError("the squared cost of a series and the average is too large for float64; scale the series")
        return float(their_weights @ costs), sums

    inertia: list[float] = []
    for _ in range(n_iterations):
        total, sums = 0.0, np.zeros((series.n_channels + 1, average.shape[1]))
        for cost, part in in_parallel(align, parts, n_jobs):
            total += cost
            sums += part
        inertia.append(total)
        if len(inertia) > 1 and total >= inertia[-2] * (1 - 1e-12):
            break  # the same paths as before, hence the same average
        average = sums[:-1] / sums[-1]
    return (average, np.array(inertia)) if return_inertia else average


def _checked_weights(weights: Any, n: int) -> np.ndarray:
    if weights is None:
        return np.ones(n)
    try:
        checked = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise DataError("weights are numbers, one a series") from None
    if checked.shape != (n,):
        raise ShapeError(f"{n} series need {n} weights, got the shape {checked.shape}")
    if not (np.isfinite(checked).all() and (checked >= 0).all() and checked.sum() > 0):
        raise DataError("weights are finite, not negative, and not all 0")
    return checked
