"""The work of one cell: train, test, and say everything about it in one flat row.

What it needs is handed in as two functions, so that every engine fetches data and sources in its own way.
"""

import platform
import resource
import socket
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.data import Dataset, load
from headstart.grid.cell import Cell
from headstart.grid.ledger import Row
from headstart.grid.rows import COLUMNS, now
from headstart.training import class_probabilities
from headstart.training.device import find_device, has_bfloat16
from headstart.transfer import fine_tune
from headstart.zoo import Source, pretrain
from headstart.zoo.card import versions
from headstart.zoo.overlap import has_seen

Parts = tuple[Dataset, Dataset | None]


def perform(
    cell: Cell, load_parts: Callable[[str], Parts], load_source: Callable[[Cell], Source], device: str
) -> tuple[Row, bytes | None]:
    """Do a cell, and return its row and, from scratch, the content of its source file.

    Whatever goes wrong becomes a row, with the traceback; only an interrupt (Ctrl-C) goes on up.
    """
    row = new_row(cell)
    start, processor_start = time.perf_counter(), time.process_time()
    try:
        where = find_device(device)
        row["device"] = where.type
        row["device_name"] = _device_name(where.type)
        row["precision"] = "bfloat16" if cell.recipe.bfloat16 and has_bfloat16(where) else "float32"
        read_peak = _watch_memory(where)
        train, test = load_parts(cell.target)
        row |= _data_fields(train, test)
        if cell.parent is None:
            trained = pretrain(
                train, cell.network, cell.recipe, seed=cell.seed, device=where.type, with_prototypes=False
            )
        else:
            source = load_source(cell.parent)
            row["source_fingerprint"] = source.card.fingerprint
            row["has_seen_target"] = any(has_seen(part, source) for part in (train, test) if part is not None)
            trained = fine_tune(source, train, cell.recipe, seed=cell.seed, device=where.type)
        if trained.card.interrupted:
            raise KeyboardInterrupt  # half a training is no result
        row |= {
            "epochs": len(trained.card.losses),
            "final_loss": trained.card.losses[-1],
            "best_loss": min(trained.card.losses),
            "best_epoch": trained.card.best_epoch,
            "train_seconds": trained.card.train_seconds,
        }
        if test is not None:
            network = trained.new_network().to(where)
            row |= _scores(test.y, class_probabilities(network, trained.prepare(test)))
        row["peak_memory_mib"] = round(read_peak(), 1)
        row["status"] = "ok"
        weights = trained.to_bytes() if cell.parent is None else None
    except Exception as error:
        row |= {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        weights = None
    row["processor_seconds"] = round(time.process_time() - processor_start, 3)
    return finished(row, time.perf_counter() - start), weights


def new_row(cell: Cell) -> Row:
    """Return the row of a cell that is being begun: failed, until it is not."""
    return {
        **dict.fromkeys(COLUMNS),
        **cell.to_row(),
        "status": "failed",
        "has_seen_target": None if cell.parent else False,
        "started": now(),
        "host": socket.gethostname(),
        "threads": torch.get_num_threads(),
        **versions(),
    }


def finished(row: Row, cell_seconds: float) -> Row:
    """Return the row with the time of its end."""
    return row | {"finished": now(), "cell_seconds": round(cell_seconds, 3)}


class LocalInputs:
    """Data sets by name from an archive, and sources from a run folder, for the processes of one machine."""

    def __init__(self, archive: str | None, sources: Path) -> None:
        self.archive, self.sources = archive, sources
        self._parts: dict[str, Parts] = {}

    def parts(self, name: str) -> Parts:
        """Load a data set; those used last stay in memory."""
        if name in self._parts:
            self._parts[name] = self._parts.pop(name)  # now the last
        else:
            self._parts[name] = load(name, self.archive)
            while sum(map(_bytes, self._parts.values())) > _MAX_BYTES and len(self._parts) > 1:
                del self._parts[next(iter(self._parts))]
        return self._parts[name]

    def source(self, cell: Cell) -> Source:
        """Read the source that a cell from scratch has left."""
        return Source.load(source_path(self.sources, cell))


_MAX_BYTES = 512 << 20  # of data sets in memory; the whole UCR archive of 2015 has 143 MiB


def source_path(sources: Path, cell: Cell) -> Path:
    """Return where the weights of a cell from scratch are kept."""
    return sources / f"{cell.id}.safetensors"


def _bytes(parts: Parts) -> int:
    return sum(part.X.nbytes for part in parts if part is not None)


def _data_fields(train: Dataset, test: Dataset | None) -> dict[str, Any]:
    return {
        "n_train": train.n_cases,
        "n_test": 0 if test is None else test.n_cases,
        "n_classes": train.n_classes,
        "n_channels": train.n_channels,
        "length": int(train.lengths.max()),
        "train_fingerprint": train.fingerprint,
        "test_fingerprint": None if test is None else test.fingerprint,
    }


def _scores(y: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Judge predictions of the codes y as scikit-learn does, whose checks take longer than small networks.

    Recall is averaged over the classes that the test series have, F1 over those that they have or are taken for.
    """
    n_classes = probabilities.shape[1]
    predictions = probabilities.argmax(axis=1)
    right = np.bincount(y[predictions == y], minlength=n_classes)
    n_true, n_predicted = np.bincount(y, minlength=n_classes), np.bincount(predictions, minlength=n_classes)
    is_true, is_either = n_true > 0, n_true + n_predicted > 0
    p = probabilities[np.arange(len(y)), y].astype(np.float64)
    return {
        "accuracy": float(right.sum() / len(y)),
        "balanced_accuracy": float((right[is_true] / n_true[is_true]).mean()),
        "macro_f1": float((2 * right[is_either] / (n_true + n_predicted)[is_either]).mean()),
        # A probability of 0 in float32 would make one series' loss infinite, and with it the mean.
        "log_loss": float(-np.log(np.maximum(p, np.finfo(np.float32).tiny)).mean()),
    }


def _watch_memory(device: torch.device) -> Callable[[], float]:
    """Return what tells the peak of memory from now on, in MiB: the GPU's on a GPU, else this process's."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return lambda: torch.cuda.max_memory_allocated(device) / 2**20
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the peak so far
        return lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 2**10
    except (OSError, IndexError):
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@cache
def _device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        return Path("/proc/cpuinfo").read_text().split("model name")[1].split("\n")[0].strip("\t :")
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
