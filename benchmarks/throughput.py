"""How fast networks are trained, on one thread: series × time steps a second, and the share of what a processor can do.

    python benchmarks/throughput.py

trains every network with `headstart.training.train` itself on noise, one epoch of batches of 16, in float32 and, where
the processor has instructions for it, in bfloat16, and prints the tables that `docs/training.md` shows. A training step
counts as three forward passes (one forward, two of the same size backward) and a multiplication with its addition as
two operations; only convolutions and linear layers are counted, so all else that a step does makes the share smaller.

What the processor can do is a plain product of two matrices of 1,024 rows and columns, by numpy and by torch: the
faster of the two in float32 is the measure. OpenBLAS, numpy's library, takes processors that are newer than itself for
older ones, so on a processor with AVX-512 it is told to use it.

Contestants take turns, and the medians of `--repeats` are printed. Seconds are processor time, because other programs
may share the machine.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# All read when the libraries are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
if Path("/proc/cpuinfo").exists() and "avx512f" in Path("/proc/cpuinfo").read_text():
    os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from headstart.data import Dataset
from headstart.networks import NETWORKS, build
from headstart.training import Recipe, train
from headstart.training.device import has_bfloat16

BATCH_SIZE = 16
N_STEPS = 40_000  # series × time steps of a turn
PRODUCT_SIZE = 1024  # rows and columns
CPU = torch.device("cpu")

Rate = tuple[float, float]  # what was done, and in how many seconds


def training(network_name: str, length: int, bfloat16: bool) -> Callable[[], Rate]:
    """Return what trains for one epoch, and says how many series × time steps that were."""
    n_cases = BATCH_SIZE * max(2, N_STEPS // (BATCH_SIZE * length))
    X = np.random.default_rng(0).standard_normal((n_cases, 1, length)).astype(np.float32)
    data = Dataset.from_arrays("noise", X, labels=np.arange(n_cases) % 2)
    recipe = Recipe("one epoch", 1, max_batch_size=BATCH_SIZE, exact_statistics=False, bfloat16=bfloat16)

    def turn() -> Rate:
        network = build(network_name, 1, 2, seed=0)
        start = time.process_time()
        train(network, data, recipe, seed=0)
        return n_cases * length, time.process_time() - start

    return turn


def products() -> dict[str, Callable[[], Rate]]:
    """Return what multiplies two square matrices ten times, and says how many operations that were."""
    a, b = (torch.randn(PRODUCT_SIZE, PRODUCT_SIZE) for _ in range(2))

    def turn(multiply: Callable, a: Any, b: Any) -> Rate:
        start = time.process_time()
        for _ in range(10):
            multiply(a, b)
        return 10 * 2 * PRODUCT_SIZE**3, time.process_time() - start

    several = {
        "float32, numpy": partial(turn, np.matmul, a.numpy(), b.numpy()),
        "float32, torch": partial(turn, torch.mm, a, b),
    }
    if has_bfloat16(CPU):
        several["bfloat16, torch"] = partial(turn, torch.mm, a.bfloat16(), b.bfloat16())
    return several


def training_flops(network_name: str, length: int) -> float:
    """Count the operations of a training step, for each series and time step."""
    network = build(network_name, 1, 2, seed=0)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, length))
    return 3 * counter.get_total_flops() / length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--lengths", type=int, nargs="+", default=[24, 150, 500, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    types = ["float32", "bfloat16"] if has_bfloat16(CPU) else ["float32"]
    print(
        f"load average {os.getloadavg()[0]:.1f}; torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}"
    )
    if len(types) == 1:
        print("This processor has no instructions for bfloat16.")

    limits = products()
    turns: dict[Any, Callable[[], Rate]] = {**limits}
    contestants = [(network, name) for network in options.networks for name in types]
    for network, name in contestants:
        for length in options.lengths:
            turns[network, name, length] = training(network, length, name == "bfloat16")
    rates: dict[Any, list[float]] = {key: [] for key in turns}
    for repeat in range(options.repeats + 1):
        for key, turn in turns.items():
            done, seconds = turn()
            if repeat:  # the first fills caches
                rates[key].append(done / seconds)
    median = {key: float(np.median(several)) for key, several in rates.items()}

    limit = max(median["float32, numpy"], median["float32, torch"])
    for name in limits:
        print(f"matrix product in {name}: {median[name] / 1e9:.0f} GFLOP/s, {median[name] / limit:.0%}")
    print_table("thousand series-steps a second", options.lengths)
    for network, name in contestants:
        cells = (f"{median[network, name, length] / 1e3:,.0f}" for length in options.lengths)
        print(f"| `{network}` | {name} | {' | '.join(cells)} |")
    print_table("GFLOP/s, and as a share of the product's in float32", options.lengths)
    for network, name in contestants:
        flops = [median[network, name, length] * training_flops(network, length) for length in options.lengths]
        cells = (f"{rate / 1e9:.0f} ({rate / limit:.0%})" for rate in flops)
        print(f"| `{network}` | {name} | {' | '.join(cells)} |")


def print_table(title: str, lengths: list[int]) -> None:
    """Print the head of a table with a column for each length."""
    print(f"\n| {title} | | {' | '.join(f'{length:,}' for length in lengths)} |")
    print("|---|---|" + "--:|" * len(lengths))


if __name__ == "__main__":
    main()
