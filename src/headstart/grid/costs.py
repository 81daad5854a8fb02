"""How long cells take, from the times of those that are done."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from headstart.grid.cell import Cell
from headstart.grid.ledger import Row
from headstart.grid.plan import Extent, size
from headstart.training.recipe import Recipe

_Kind = tuple[str, bool, str | None]  # network, whether in bfloat16, device


class Costs:
    """Times of finished cells, and from them those of others.

    A target's own mean, where a cell of it with the same network and recipe is done: starting from a source or from
    scratch, the work is the same. Otherwise so many seconds a step of the optimiser, a value of a training series and a
    value of a test series, fitted to the relative errors of all cells of the network, in bfloat16 or not as the recipe
    has it. A device has its own times.
    """

    def __init__(self, extents: dict[str, Extent]) -> None:
        self._extents = extents
        self._means: dict[tuple[str, str, Recipe, str | None], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
        # Of each network, precision and device, for sizes x a second: the sums of x xᵀ and of x.
        self._sums: dict[_Kind, np.ndarray] = defaultdict(lambda: np.zeros((3, 4)))
        self._fits: dict[_Kind, np.ndarray] = {}
        self.device: str | None = None

    def add(self, row: Row) -> None:
        """Learn from a row."""
        if row["status"] != "ok" or row["target"] not in self._extents:
            return
        self.device = row["device"]
        seconds = max(row["cell_seconds"], 1e-3)
        cell = Cell.from_row(row)
        key = (cell.target, cell.network, cell.recipe, self.device)
        n, mean = self._means[key]
        self._means[key] = n + 1, mean + (seconds - mean) / (n + 1)
        x = np.array(size(cell, self._extents[cell.target])) / seconds
        kind = (cell.network, cell.recipe.bfloat16, self.device)
        self._sums[kind] += np.column_stack([np.outer(x, x), x])
        self._fits.pop(kind, None)

    def seconds(self, cell: Cell) -> float | None:
        """Estimate a cell on the device that was used last; None if no cell of its network is done there."""
        n, mean = self._means.get((cell.target, cell.network, cell.recipe, self.device), (0, 0.0))
        if n:
            return mean
        kind = (cell.network, cell.recipe.bfloat16, self.device)
        if kind not in self._sums:
            return None
        if kind not in self._fits:
            self._fits[kind] = _fit(self._sums[kind])
        return float(np.array(size(cell, self._extents[cell.target])) @ self._fits[kind])

    def total_seconds(self, cells: Iterable[Cell]) -> float | None:
        """Estimate several cells, one after another; None if one of them cannot be estimated."""
        estimates = [self.seconds(cell) for cell in cells]
        return None if None in estimates else sum(seconds for seconds in estimates if seconds is not None)


def _fit(sums: np.ndarray) -> np.ndarray:
    """Solve the least squares for coefficients b that are not negative: the smallest b·Sb − 2b·r."""
    from scipy.optimize import nnls

    squares, right = sums[:, :-1], sums[:, -1]
    scale = np.sqrt(np.maximum(np.diag(squares), np.finfo(float).tiny))  # the three sizes differ by orders of magnitude
    # The root A of S, for which |Ab − A⁻ᵀr|² is the same but for a constant. The ridge keeps it regular where there are
    # fewer rows than coefficients.
    root = np.linalg.cholesky(squares / np.outer(scale, scale) + 1e-9 * np.eye(len(squares))).T
    return nnls(root, np.linalg.solve(root.T, right / scale))[0] / scale
