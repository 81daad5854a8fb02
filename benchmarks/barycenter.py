"""Speed of DTW barycenter averaging against other libraries: medoid and 10 iterations, the same for all.

    python benchmarks/barycenter.py              100 series of length 500, one thread

aeon and dtaidistance start from the medoid of their own pairwise costs; tslearn, which has none, from dtaidistance's,
whose time is added. No one stops early. On one thread, processor seconds are counted; with `--jobs` the clock's, and
every library gets that many threads where it takes any. The averages are compared: on series without ties they are
the same.
"""

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
from aeon.clustering.averaging import petitjean_barycenter_average
from aeon.distances import dtw_pairwise_distance
from dtaidistance import dtw as dtaidistance_dtw
from dtaidistance import dtw_barycenter as dtaidistance_barycenter
from tslearn.barycenters import dtw_barycenter_averaging_petitjean

from headstart.similarity import barycenter

ITERATIONS = 10


def contestants(X: np.ndarray, n_jobs: int) -> dict[str, Callable[[], np.ndarray]]:
    def dtaidistance_medoid() -> np.ndarray:
        roots = dtaidistance_dtw.distance_matrix_fast(X, parallel=n_jobs > 1)
        squares = np.where(np.isfinite(roots), roots, 0.0) ** 2
        if not np.allclose(squares, squares.T):
            squares = squares + squares.T  # some versions fill the upper triangle alone
        return X[squares.sum(axis=0).argmin()]

    def aeon() -> np.ndarray:
        start = X[dtw_pairwise_distance(X[:, None], n_jobs=n_jobs).sum(axis=0).argmin()]
        return petitjean_barycenter_average(
            X[:, None], distance="dtw", init_barycenter=start[None], max_iters=ITERATIONS, tol=0, n_jobs=n_jobs
        )[0]

    def dtaidistance() -> np.ndarray:
        return dtaidistance_barycenter.dba_loop(
            X, c=dtaidistance_medoid(), max_it=ITERATIONS, thr=None, use_c=True, keep_averages=False
        )

    def tslearn() -> np.ndarray:
        return dtw_barycenter_averaging_petitjean(
            X[:, :, None], init_barycenter=dtaidistance_medoid()[:, None], max_iter=ITERATIONS, tol=0
        )[:, 0]

    return {
        "headstart": lambda: barycenter(X, n_iterations=ITERATIONS, n_jobs=n_jobs)[0],
        "aeon": aeon,
        "dtaidistance": dtaidistance,
        "tslearn": tslearn,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--series", type=int, default=100)
    parser.add_argument("--length", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.jobs)
    now = time.process_time if options.jobs == 1 else time.perf_counter
    rng = np.random.default_rng(0)
    X = rng.standard_normal((options.series, options.length)).cumsum(axis=1)
    X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    print(f"load average {os.getloadavg()[0]:.1f}; {options.jobs} threads; {options.series} series of {options.length}")
    small = contestants(X[:4, :20].copy(), options.jobs)
    for run in small.values():
        run()  # compiles
    several = contestants(X, options.jobs)
    seconds: dict[str, list[float]] = {name: [] for name in several}
    averages = {}
    for _ in range(options.repeats):
        for name, run in several.items():
            start = now()
            averages[name] = run()
            seconds[name].append(now() - start)
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    fastest = min((name for name in medians if name != "headstart"), key=lambda name: medians[name])
    for name, median in medians.items():
        off = np.abs(averages[name] - averages["headstart"]).max()
        print(f"{name:14} {median:8.3f} s   {medians[fastest] / median:6.1f} x {fastest:14} average off by {off:.1e}")


if __name__ == "__main__":
    main()
