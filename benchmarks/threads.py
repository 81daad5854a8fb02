"""What a second thread is worth in training, by the size of batches.

    OMP_WAIT_POLICY=passive python benchmarks/threads.py

trains both networks of the shipped zoo on noise with one thread and with two, in turns, and prints medians of their
ratios of wall time. `headstart.training.loop` uses one thread for batches below some thousand values; here that is
switched off. Nothing else should run meanwhile.
"""

import statistics
import time

import numpy as np
import torch
from markdown import print_table

from headstart import Dataset, zoo
from headstart.training import Recipe, loop
from headstart.transfer import fine_tune
from headstart.zoo import Source

SIZES = [(5, 150), (5, 360), (16, 150), (16, 250), (16, 500), (16, 1000)]
"""Series in a batch, and their time steps."""
N_BATCHES = 40
N_REPEATS = 5


def seconds(source: Source, n_series: int, length: int, n_threads: int) -> float:
    noise = np.random.default_rng(0).normal(size=(4 * n_series, 1, length)).astype(np.float32)
    data = Dataset.from_arrays("noise", noise, np.arange(len(noise)) % 2)
    recipe = Recipe("short", epochs=N_BATCHES // 4, max_batch_size=n_series, bfloat16=True)
    torch.set_num_threads(n_threads)
    start = time.perf_counter()
    fine_tune(source, data, recipe, device="cpu")
    return time.perf_counter() - start


def main() -> None:
    loop._FEW_STEPS = 0
    rows = []
    for n_series, length in SIZES:
        ratios = []
        for name in ("GunPoint", "universal"):
            source = zoo.find(name)
            pairs = [[seconds(source, n_series, length, n) for n in (1, 2)] for _ in range(N_REPEATS)]
            ratios.append(f"{statistics.median(one / two for one, two in pairs):.2f}")
        rows.append([f"{n_series} x {length}", n_series * length, *ratios])
    print_table(["batch", "values", "FCN", "dilated"], rows)


if __name__ == "__main__":
    main()
