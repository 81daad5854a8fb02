"""Speed of DTW: the kernel against the arithmetic limit, and pairwise costs against other libraries.

    python benchmarks/dtw.py                     on one thread
    python benchmarks/dtw.py --jobs 2            peers and headstart on two

Rates are DTW cells a second: for each pair the product of the two lengths. Contestants take turns, and the median of
`--repeats` is printed. On one thread, processor seconds are counted, which other programs disturb less; on several, the
clock's. The arithmetic limit is the rate of what a cell needs at least (subtract, two minima, fused multiply and add)
in registers, with nothing loaded or stored. Peers come with the extra `bench`; they compute in float64, the only type
they have.

The exit code is 1 if a float32 kernel falls below 40% of the limit, or pairwise costs below 20 times the fastest peer:
the kernels' speed hangs on what LLVM makes of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
from aeon.distances import dtw_pairwise_distance
from dtaidistance import dtw as dtaidistance_dtw
from numba import njit
from numba.extending import intrinsic
from tslearn.metrics import cdist_dtw
from tslearn.utils import to_time_series_dataset

from headstart.similarity import _kernels, pairwise_dtw

LANES = _kernels.VECTOR_BYTES // 4


@intrinsic
def cells(_, rows, y, left, above):
    """(row - y)² + min(row, left, above) for each row, none waiting for another."""

    def emit(context, builder, signature, arguments):
        rows_value, *others = arguments
        new = []
        for row in _kernels._split(builder, rows_value):
            best = _kernels._smaller(builder, _kernels._smaller(builder, row, others[1]), others[2])
            difference = builder.fsub(row, others[0])
            square = builder.fmul(difference, difference, flags=("contract",))
            new.append(builder.fadd(square, best, flags=("contract",)))
        return _kernels._join(builder, new)

    return rows(rows, y, left, above), emit


@intrinsic
def sum_of(_, rows):
    """Add all rows, so that none is left out as unused."""

    def emit(context, builder, signature, arguments):
        total, *others = _kernels._split(builder, arguments[0])
        for row in others:
            total = builder.fadd(total, row)
        return total

    return _kernels.Lanes(rows.dtype)(rows), emit


@njit(nogil=True)
def in_registers(values, n):
    """Compute 2 × ROWS × LANES × n cells."""
    a, b = _kernels.load_rows(values, 0), _kernels.load_rows(values, 1)
    y, left, above = _kernels.load(values, 0), _kernels.load(values, 1), _kernels.load(values, 2)
    for _ in range(n):
        a = cells(a, y, left, above)
        b = cells(b, y, left, above)
    _kernels.store(values, 0, sum_of(a))
    _kernels.store(values, 1, sum_of(b))


def limit_seconds() -> tuple[float, int]:
    n = 2_000_000
    values = np.linspace(0.1, 0.4, (_kernels.ROWS + 1) * LANES, dtype=np.float32).reshape(-1, LANES)
    start = time.process_time()
    in_registers(values, n)
    return time.process_time() - start, 2 * _kernels.ROWS * LANES * n


def kernel_seconds(length: int, dtype: type) -> tuple[float, int]:
    lanes = _kernels.VECTOR_BYTES // np.dtype(dtype).itemsize
    n = -(-length // _kernels.ROWS) * _kernels.ROWS
    rng = np.random.default_rng(0)
    X, Y = (rng.standard_normal((1, k, lanes)).astype(dtype) for k in (n, length))
    edge = np.full((n + 1, lanes), np.inf, dtype)
    edge[n - length] = 0
    X[:, : n - length] = np.inf
    row = np.empty((length, lanes), dtype)
    times = 1 + 10**8 // (length * length * lanes)
    start = time.process_time()
    for _ in range(times):
        row[:] = np.inf
        _kernels.sweep(X, Y, edge, row, (n - length, 2 * length), None)
    return time.process_time() - start, times * length * length * lanes


FIRST_CALL = """
import time
from headstart.similarity import dtw
dtw([1, 2, 3], [1, 3])
print(f"{time.process_time():.2f}")
"""


def first_call(cache: str | None) -> str:
    """Processor seconds of a new process that starts, imports, and computes one cost."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    run = subprocess.run(
        [sys.executable, "-c", FIRST_CALL], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


def contestants(X: list[np.ndarray], n_jobs: int) -> dict[str, Callable[[], np.ndarray]]:
    padded = to_time_series_dataset(X)
    several = [x[None] for x in X] if len({len(x) for x in X}) > 1 else np.stack(X)[:, None]
    return {
        "headstart": lambda: np.sqrt(pairwise_dtw(X, n_jobs=n_jobs)),
        "headstart, float64": lambda: np.sqrt(pairwise_dtw(X, n_jobs=n_jobs, dtype=np.float64)),
        "aeon": lambda: np.sqrt(dtw_pairwise_distance(several, n_jobs=n_jobs)),
        "dtaidistance": lambda: dtaidistance_dtw.distance_matrix_fast(X, parallel=n_jobs > 1),
        "tslearn": lambda: cdist_dtw(padded, n_jobs=n_jobs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lengths", type=int, nargs="+", default=[150, 500, 1000])
    options = parser.parse_args()
    now = time.process_time if options.jobs == 1 else time.perf_counter
    os.environ["OMP_NUM_THREADS"] = str(options.jobs)  # for dtaidistance
    print(f"load average {os.getloadavg()[0]:.1f}; {options.jobs} threads; million cells a second")

    with tempfile.TemporaryDirectory() as empty:
        warm, cold = first_call(None), first_call(empty)
    print(f"a new process with its first call: {warm} processor seconds; {cold} where nothing is compiled yet")

    runs: dict[str, Callable[[], tuple[float, int]]] = {"arithmetic limit, float32": limit_seconds}
    for dtype in (np.float32, np.float64):
        for length in options.lengths:
            runs[f"kernel, {dtype.__name__}, length {length}"] = lambda le=length, dt=dtype: kernel_seconds(le, dt)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(options.repeats + 1):
        for name, run in runs.items():
            seconds, n_cells = run()
            if repeat:  # the first compiles
                rates[name].append(n_cells / seconds / 1e6)
    limit = np.median(rates["arithmetic limit, float32"])
    too_slow = []
    for name, several in rates.items():
        if "float32" in name and np.median(several) < 0.4 * limit:
            too_slow.append(name)
        print(f"{name:32} {np.median(several):9,.0f}   {np.median(several) / limit:6.1%} of the limit")

    for kind in ("equal", "unequal"):
        for length in options.lengths:
            rng = np.random.default_rng(length)
            n = max(24, 20_000 // length)
            lengths = np.full(n, length) if kind == "equal" else rng.integers(length // 2, length + 1, n)
            X = [rng.standard_normal(size).cumsum() for size in lengths]
            n_cells = (lengths.sum() ** 2 - (lengths**2).sum()) / 2
            several = contestants(X, options.jobs)
            seconds: dict[str, list[float]] = {name: [] for name in several}
            for repeat in range(options.repeats + 1):
                for name, run in several.items():
                    start = now()
                    result = run()
                    if repeat:
                        seconds[name].append(now() - start)
                    else:  # compiles, and is checked
                        expected = several["headstart, float64"]()
                        upper = np.triu_indices(n, 1)  # dtaidistance leaves the rest infinite by default
                        np.testing.assert_allclose(result[upper], expected[upper], rtol=1e-5)
            medians = {name: float(np.median(times)) for name, times in seconds.items()}
            fastest = min((name for name in medians if "headstart" not in name), key=lambda name: medians[name])
            print(f"\n{n} series of {kind} length{'' if kind == 'equal' else 's, up to'} {length}, all pairs")
            if medians["headstart"] * 20 > medians[fastest]:
                too_slow.append(f"{kind} length {length}")
            for name, median in medians.items():
                print(f"{name:32} {n_cells / median / 1e6:9,.0f}   {medians[fastest] / median:6.1f} x {fastest}")
    if too_slow:
        raise SystemExit(f"slower than it should be: {', '.join(too_slow)}")


if __name__ == "__main__":
    main()
