"""What the grid itself costs: 10,000 cells with a network that learns nothing, in this process.

    python benchmarks/grid_overhead.py [N_CELLS]

100 small data sets, each a source for 99 others. Prints the time a cell beyond training and testing, by the clock and
of the processor (beside other work the clock says more), the time of a flush to the disk (one a row, beside the next
cell), and the memory at the start and after each tenth of the cells. Fails above 5 ms a cell by the clock, or where
memory grows by more than 2 KiB a cell.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from headstart.grid import driver, make_plan, run_plan, work
from headstart.networks import NETWORKS, Network
from headstart.training import Recipe

torch.set_num_threads(1)


class Mean(Network):
    """The mean of the series, and a line."""

    n_features = 1

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.convolution = nn.Conv1d(n_channels, 1, 1)

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `Network.features`."""
        return self.convolution(x).mean(dim=2)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """See `Network.input_convolutions`."""
        return [self.convolution]


NETWORKS["mean"] = Mean
RECIPE = Recipe("instant", epochs=1)


def write_archive(folder: Path, n: int) -> None:
    random = np.random.default_rng(0)
    for i in range(n):
        (folder / f"Set{i:03d}").mkdir(parents=True)
        for part in ("TRAIN", "TEST"):
            rows = [f"{case % 2}\t" + "\t".join(map(str, random.normal(size=8))) for case in range(8)]
            (folder / f"Set{i:03d}" / f"Set{i:03d}_{part}.tsv").write_text("\n".join(rows) + "\n")


def resident_mib() -> float:
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 2**10


def timed(spent: list[float], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, which adds the time it takes, by the clock and of the processor, to what is spent."""

    def timing(*arguments: Any, **settings: Any) -> Any:
        start, processor_start = time.perf_counter(), time.thread_time()
        try:
            return function(*arguments, **settings)
        finally:
            spent[0] += time.perf_counter() - start
            spent[1] += time.thread_time() - processor_start

    return timing


def seconds_of_a_flush(folder: Path, n: int = 200) -> float:
    descriptor = os.open(folder / "flushed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    start = time.perf_counter()
    for _ in range(n):
        os.write(descriptor, b"x" * 1500)
        os.fsync(descriptor)
    os.close(descriptor)
    return (time.perf_counter() - start) / n


def main() -> None:
    n_cells = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    n_sets = round(n_cells**0.5)
    with tempfile.TemporaryDirectory(dir=".") as temporary:
        folder = Path(temporary)
        write_archive(folder / "archive", n_sets)
        flush = seconds_of_a_flush(folder)
        training = [0.0, 0.0]
        for name in ("fine_tune", "pretrain", "class_probabilities"):
            setattr(work, name, timed(training, getattr(work, name)))
        plan = make_plan(folder / "archive", networks=["mean"], recipes=[RECIPE])
        memory: list[float] = []
        progress = driver.Driver._fill

        def watched(self: driver.Driver) -> None:
            if self.n_settled * 10 >= n_cells * (len(memory) + 1) or not memory:
                memory.append(resident_mib())
            progress(self)

        driver.Driver._fill = watched  # type: ignore[method-assign]
        start, processor_start = time.perf_counter(), time.process_time()
        grid = run_plan(plan, folder / "run", folder / "archive", device="cpu")
        seconds, processor_seconds = time.perf_counter() - start, time.process_time() - processor_start
        results = grid.results()
    n = len(plan.cells)
    assert len(results) == n
    assert (results["status"] == "ok").all()
    overhead_ms, processor_ms = (seconds - training[0]) / n * 1e3, (processor_seconds - training[1]) / n * 1e3
    print(
        f"{n} cells in {seconds:.1f} s: {seconds / n * 1e3:.2f} ms a cell, "
        f"of which training and test {training[0] / n * 1e3:.2f}"
    )
    print(
        f"overhead {overhead_ms:.2f} ms a cell by the clock, {processor_ms:.2f} of the processor; "
        f"one flush of this disk takes {flush * 1e3:.2f} ms"
    )
    print("resident memory at the start and after each tenth, MiB:", " ".join(f"{m:.0f}" for m in memory))
    growth_kib = (memory[-1] - memory[1]) * 1024 / (n * (len(memory) - 2) / 10)
    print(f"growth {growth_kib:.2f} KiB a cell")
    if overhead_ms > 5 or growth_kib > 2:
        sys.exit("too much")


if __name__ == "__main__":
    main()
