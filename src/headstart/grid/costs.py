"""How long cells take, from the times of those that are done."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from headstart.grid.cell import Cell
from headstart.grid.ledger import Row
from headstart.grid.plan import Extent, size


class Costs:
    """Times of finished cells, and from them those of others.

    A target's own mean, where a cell of it with the same network and recipe is done: starting from a source or from
    scratch, the work is the same. Otherwise so many seconds a step of the optimiser and a value of a series, fitted to
    the relative errors of all cells of the network. A device has its own times.
    """

    def __init__(self, extents: dict[str, Extent]) -> None:
        self._extents = extents
        self._means: dict[tuple[str, ...], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        # Of each network and device, for features x of relative size: the sums of x xᵀ and of x.
        self._sums: dict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros((2, 3)))
        self.device: str | None = None

    def add(self, row: Row) -> None:
        """Learn from a row."""
        if row["status"] != "ok" or row["target"] not in self._extents:
            return
        self.device = row["device"]
        seconds = max(row["cell_seconds"], 1e-3)
        key = (row["target"], row["network"], row["recipe"], row["device"])
        n, mean = self._means[key]
        self._means[key] = n + 1, mean + (seconds - mean) / (n + 1)
        x = np.array(size(Cell.from_row(row), self._extents[row["target"]])) / seconds
        self._sums[row["network"], row["device"]] += np.column_stack([np.outer(x, x), x])

    def seconds(self, cell: Cell) -> float | None:
        """Estimate a cell on the device that was used last; None if no cell of its network is done there."""
        n, mean = self._means.get((cell.target, cell.network, cell.recipe.name, str(self.device)), (0, 0.0))
        if n:
            return mean
        sums = self._sums.get((cell.network, str(self.device)))
        if sums is None:
            return None
        return float(np.array(size(cell, self._extents[cell.target])) @ _fit(sums))

    def total_seconds(self, cells: Iterable[Cell]) -> float | None:
        """Estimate several cells, one after another; None if one of them cannot be estimated."""
        estimates = [self.seconds(cell) for cell in cells]
        return None if None in estimates else sum(seconds for seconds in estimates if seconds is not None)


def _fit(sums: np.ndarray) -> np.ndarray:
    """Solve the least squares for two coefficients that are not negative."""
    squares, right = sums[:, :2], sums[:, 2]
    single = right / np.diag(squares)
    candidates = [np.array([single[0], 0.0]), np.array([0.0, single[1]])]
    both = np.linalg.lstsq(squares, right, rcond=None)[0]
    if (both >= 0).all():
        return both
    return min(candidates, key=lambda b: float(b @ squares @ b - 2 * b @ right))
