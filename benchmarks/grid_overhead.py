"""What the grid itself costs: 10,000 cells with a network that learns nothing, in this process.

    python benchmarks/grid_overhead.py [N_CELLS]

100 small data sets, each a source for 99 others. Prints the time a cell beyond that of the same trainings in a plain
loop, by the clock and of the processor (beside other work the clock says more), the time of a flush to the disk (one a
row, beside the next cell), and the memory after each tenth of the cells. Fails above 5 ms a cell by the clock, or where
memory grows by more than 2 KiB a cell.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headstart.data import load
from headstart.grid import driver, make_plan, run_plan
from headstart.networks import NETWORKS, Network
from headstart.training import Recipe, class_probabilities
from headstart.transfer import fine_tune
from headstart.zoo import pretrain

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


def seconds_of_bare_training(archive: Path, n: int = 500) -> tuple[float, float]:
    """Return the time of fine-tuning and predicting, without a grid: by the clock, and of the processor."""
    train, test = load("Set000", archive)
    source = pretrain(load("Set001", archive)[0], "mean", RECIPE, with_prototypes=False)
    start, processor_start = time.perf_counter(), time.process_time()
    for _ in range(n):
        tuned = fine_tune(source, train, RECIPE)
        class_probabilities(tuned.new_network(), tuned.prepare(test))
    return (time.perf_counter() - start) / n, (time.process_time() - processor_start) / n


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
        (bare, bare_processor), flush = seconds_of_bare_training(folder / "archive"), seconds_of_a_flush(folder)
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
    overhead_ms = (seconds / n - bare) * 1e3
    print(
        f"{n} cells in {seconds:.1f} s: {seconds / n * 1e3:.2f} ms a cell, of which training and test {bare * 1e3:.2f}"
    )
    processor_ms = (processor_seconds / n - bare_processor) * 1e3
    print(
        f"overhead {overhead_ms:.2f} ms a cell by the clock, {processor_ms:.2f} of the processor; "
        f"one flush of this disk takes {flush * 1e3:.2f} ms"
    )
    print("resident memory after each tenth, MiB:", " ".join(f"{m:.0f}" for m in memory))
    growth_kib = (memory[-1] - memory[1]) * 1024 / (n * (len(memory) - 2) / 10)
    print(f"growth {growth_kib:.2f} KiB a cell")
    if overhead_ms > 5 or growth_kib > 2:
        sys.exit("too much")


if __name__ == "__main__":
    main()
