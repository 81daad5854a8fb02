"""Time and memory of the similarity matrix of an archive, and how both grow.

    python benchmarks/similarity_matrix.py --archive FOLDER         the whole matrix, prototypes included
    python benchmarks/similarity_matrix.py --growth                 against length, series, classes: four sizes each
    python benchmarks/similarity_matrix.py --many-series            the medoid of 50,000 series, without all pairs

The folder can also be given by the environment variable HEADSTART_ARCHIVE. Data sets are those in it, in training
sets; `--out` writes the matrix as CSV.
"""

import argparse
import importlib
import multiprocessing
import os
import resource
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from headstart.data import Dataset, archive_names, load
from headstart.similarity import medoid, pairwise_dtw, prototypes, similarity_matrix


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(module_name: str, function_name: str, seconds: dict[str, float]) -> None:
    """Let a module's function add its seconds to a sum."""
    module = importlib.import_module(module_name)
    function = getattr(module, function_name)

    def wrapper(*arguments, **options):
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[function_name] += time.perf_counter() - start

    setattr(module, function_name, wrapper)


def whole(archive: str, names: list[str] | None, n_jobs: int | None, out: Path | None, cache: Path | None) -> None:
    seconds: dict[str, float] = defaultdict(float)
    timed("headstart.similarity.barycenter", "medoid", seconds)
    timed("headstart.similarity.datasets", "barycenter", seconds)
    start = time.perf_counter()
    datasets = [load(name, archive=archive)[0] for name in names or archive_names(archive)]
    read = time.perf_counter()
    print(f"{len(datasets)} training sets read in {read - start:.1f} s; load average {os.getloadavg()[0]:.1f}")
    ends = [read]
    matrix = similarity_matrix(
        datasets, n_jobs=n_jobs, cache=cache, on_progress=lambda done, total: ends.append(time.perf_counter())
    )
    print(f"{'data set':30} {'series':>7} {'length':>7} {'classes':>8} {'seconds':>8}")
    for data, spent in sorted(zip(datasets, np.diff(ends), strict=False), key=lambda pair: -pair[1])[:8]:
        print(f"{data.name:30} {data.n_cases:7} {data.X.shape[2]:7} {data.n_classes:8} {spent:8.1f}")
    print(f"medoids {seconds['medoid']:.1f} s, averages {seconds['barycenter'] - seconds['medoid']:.1f} s,", end=" ")
    print(f"matrix of prototypes {ends[-1] - ends[-2]:.1f} s")
    print(f"in all {ends[-1] - start:.1f} s ({(ends[-1] - start) / 60:.1f} minutes), peak memory {peak_mib():.0f} MiB")
    if out:
        matrix.to_csv(out)


def random_walks(n: int, length: int, n_classes: int) -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, length)).cumsum(axis=1)
    return Dataset.from_arrays("walks", X, labels=np.arange(n) % n_classes)


def one_size(size: tuple[int, int, int, int]) -> tuple[float, float]:
    n, length, n_classes, n_jobs = size
    data = random_walks(n, length, n_classes)
    prototypes(random_walks(4, 8, 2))  # imports and loads the kernels
    before, start = peak_mib(), time.perf_counter()
    prototypes(data, n_jobs=n_jobs)
    return time.perf_counter() - start, peak_mib() - before


def growth(n_jobs: int) -> None:
    print(f"prototypes of random walks, {n_jobs} threads; load average {os.getloadavg()[0]:.1f}")
    sizes = {
        "length": [(200, length, 2) for length in (250, 500, 1000, 2000)],
        "series": [(n, 250, 2) for n in (250, 500, 1000, 2000)],
        "classes": [(1000, 250, n_classes) for n_classes in (2, 4, 8, 16)],
    }
    print(f"{'against':8} {'series':>7} {'length':>7} {'classes':>8} {'seconds':>9} {'more MiB':>9} {'ratio':>7}")
    for against, several in sizes.items():
        before = None
        for size in several:
            with multiprocessing.get_context("spawn").Pool(1) as fresh:  # a process each: memory is a peak
                seconds, mib = fresh.apply(one_size, ((*size, n_jobs),))
            ratio = f"{seconds / before:7.2f}" if before else ""
            print(f"{against:8} {size[0]:7} {size[1]:7} {size[2]:8} {seconds:9.3f} {mib:9.1f} {ratio}")
            before = seconds


def many_series(n_jobs: int | None) -> None:
    """Compare the medoid found without all pairs with the one of all pairs."""
    print(f"{'series':>7} {'length':>7} {'pairs':>14} {'seconds':>8} {'all pairs':>14} {'seconds':>8} {'excess':>9}")
    for n, length in ((5000, 50), (20000, 50), (50000, 24)):
        rng = np.random.default_rng(n)
        steps = np.linspace(0, 6, length)
        X = np.sin(steps + rng.standard_normal((n, 1))) + 0.3 * rng.standard_normal((n, length))
        start = time.perf_counter()
        exact = medoid(X, n_jobs=n_jobs, max_exact=n)
        middle = time.perf_counter()
        found = medoid(X, n_jobs=n_jobs, max_exact=min(5000, n // 4))
        end = time.perf_counter()
        smallest, sum_found = pairwise_dtw(X[[exact, found]], X, n_jobs=n_jobs, dtype=np.float64).sum(axis=1)
        few = min(5000, n // 4)
        print(
            f"{n:7} {length:7} {few * (few - 1) // 2:14,} {end - middle:8.1f} {n * (n - 1) // 2:14,} "
            f"{middle - start:8.1f} {sum_found / smallest - 1:9.4%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"))
    parser.add_argument("--names", nargs="+", help="only these data sets")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--many-series", action="store_true")
    options = parser.parse_args()
    if options.growth:
        growth(options.jobs)
    elif options.many_series:
        many_series(options.jobs)
    elif options.archive:
        whole(options.archive, options.names, options.jobs, options.out, options.cache)
    else:
        parser.error("give --archive, or set HEADSTART_ARCHIVE")


if __name__ == "__main__":
    main()
