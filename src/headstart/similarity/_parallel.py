"""Threads for kernels that release the interpreter's lock."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from headstart.errors import HeadstartError


def n_threads(n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` asks for: None = as many as there are cores for this process."""
    if n_jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs < 1:
        raise HeadstartError(f"n_jobs is a number of threads, 1 or more, or None for all cores; got {n_jobs!r}")
    return int(n_jobs)


def in_parallel(function: Callable[[Any], Any], tasks: Sequence[Any], n_jobs: int | None) -> Iterator[Any]:
    """Yield function(task) for each task, in their order, computed in threads."""
    threads = min(n_threads(n_jobs), len(tasks))
    if threads <= 1:
        yield from map(function, tasks)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, tasks)
