"""The driver: hands cells to an engine, a few at a time, and writes down what becomes of them.

It alone writes to the run folder; workers only compute. So whatever is killed, worker or driver, the folder holds whole
rows and whole source files, and what was in flight is done again.
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from headstart.files import write_bytes
from headstart.grid.cell import Cell
from headstart.grid.claims import Claims
from headstart.grid.costs import Costs
from headstart.grid.engines import Done, Engine, Lost
from headstart.grid.ledger import Ledger, Row
from headstart.grid.plan import Plan
from headstart.grid.work import finished, new_row, source_path

ATTEMPTS = 3
"""Times that a cell is begun in one run if its worker dies under it; then its row says failed."""

_POLL_SECONDS = 1.0
_ETA_SECONDS = 2.0  # between two estimates of the time that is left

OnProgress = Callable[["Driver"], None]


class Driver:
    """One run of a plan in a run folder.

    Attributes
    ----------
    n_cells, n_settled
        Cells of the plan, and those of them with which nothing is left to be done: done, failed, or in need of a source
        whose training failed.
    n_failed
        Cells that failed in this run, or elsewhere meanwhile.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        ledger: Ledger,
        claims: Claims,
        engine: Engine,
        *,
        retry_failed: bool,
        on_progress: OnProgress,
    ) -> None:
        self._ledger, self._claims, self._engine = ledger, claims, engine
        self._sources = folder / "sources"
        self._sources.mkdir(exist_ok=True)
        self._on_progress = on_progress
        self._costs = Costs(plan.extents)
        self.n_failed = 0
        self._status: dict[str, str] = {}
        self._has_weights: set[str] = set()
        self._cells = {cell.id for cell in plan.cells}
        self.n_cells = len(self._cells)
        self._refresh()
        self.n_failed = 0
        if retry_failed:
            self._status = {cell_id: status for cell_id, status in self._status.items() if status == "ok"}
        # A cell from scratch that is done must be done again if another starts from its weights and they are not here,
        # as after a merge of ledgers alone.
        self._parents = {
            cell.parent.id: cell.parent
            for cell in plan.cells
            if cell.parent is not None and self._status.get(cell.id) != "ok"
        }
        self._todo = {cell.id: cell for cell in plan.cells if not self._is_settled(cell)}
        self._running: dict[str, Cell] = {}
        self._attempts: Counter[str] = Counter()
        self._elsewhere: dict[str, float] = {}  # cells that other drivers have, and when that was found out
        self._estimated_at = -_ETA_SECONDS
        self._seconds_left: float | None = None

    @property
    def n_settled(self) -> int:
        """See above."""
        return self.n_cells - len(self._todo) - len(self._running)

    def seconds_left(self) -> float | None:
        """Estimate the time to the end from the times of cells that are done; None if they do not tell it yet."""
        now = time.monotonic()
        if now - self._estimated_at > _ETA_SECONDS:  # it takes a while where there are thousands of cells
            seconds = self._costs.total_seconds([*self._todo.values(), *self._running.values()])
            self._estimated_at, self._seconds_left = now, None if seconds is None else seconds / self._engine.slots
        return self._seconds_left

    def run(self) -> None:
        """Do all cells that are not done, whoever else is at work in the folder."""
        while True:
            self._fill()
            self._on_progress(self)
            if self._running:
                outcomes = self._engine.wait(_POLL_SECONDS)
                for outcome in outcomes:
                    self._record(outcome)
                if outcomes:
                    continue
            elif self._todo:  # other drivers have what is left, or what it waits for
                time.sleep(_POLL_SECONDS)
            else:
                break
            self._refresh()
        self._claims.tidy(set(self._status))

    def _fill(self) -> None:
        while len(self._running) < self._engine.slots:
            cell = self._next()
            if cell is None:
                return
            self._running[cell.id] = cell
            self._engine.submit(cell)

    def _next(self) -> Cell | None:
        """Claim the first cell that can be begun."""
        settled = []
        now = time.monotonic()
        try:
            for cell_id, cell in self._todo.items():
                if self._is_settled(cell) or self._is_blocked(cell):
                    settled.append(cell_id)
                elif self._is_ready(cell) and now - self._elsewhere.get(cell_id, -now) >= _POLL_SECONDS:
                    if not self._claims.take(cell_id):
                        self._elsewhere[cell_id] = now
                        continue
                    settled.append(cell_id)
                    self._refresh()  # whoever had it until now has written its row
                    if not self._is_settled(cell):
                        return cell
                    self._claims.release(cell_id)
            return None
        finally:
            for cell_id in settled:
                del self._todo[cell_id]

    def _is_settled(self, cell: Cell) -> bool:
        status = self._status.get(cell.id)
        return status == "failed" or (status == "ok" and (cell.id not in self._parents or self._weights_exist(cell)))

    def _is_ready(self, cell: Cell) -> bool:
        return cell.parent is None or (self._status.get(cell.parent.id) == "ok" and self._weights_exist(cell.parent))

    def _is_blocked(self, cell: Cell) -> bool:
        return cell.parent is not None and self._status.get(cell.parent.id) == "failed"

    def _weights_exist(self, cell: Cell) -> bool:
        if cell.id not in self._has_weights and source_path(self._sources, cell).exists():
            self._has_weights.add(cell.id)
        return cell.id in self._has_weights

    def _record(self, outcome: Done | Lost) -> None:
        cell = outcome.cell
        if isinstance(outcome, Lost):
            self._attempts[cell.id] += 1
            if self._attempts[cell.id] < ATTEMPTS:
                self._engine.submit(cell)
                return
            error = f"{outcome.reason}, {ATTEMPTS} times"
            row, weights = finished(new_row(cell) | {"error": error, "traceback": error}, 0.0), None
        else:
            row, weights = outcome.row, outcome.weights
        if weights is not None:  # before the row, which says that they are there
            write_bytes(source_path(self._sources, cell), weights)
        self._ledger.append(row, on_disk=lambda: self._claims.release(cell.id))
        self._learn(row)
        del self._running[cell.id]

    def _refresh(self) -> None:
        for row in self._ledger.news():
            self._learn(row)

    def _learn(self, row: Row) -> None:
        if row["cell"] in self._cells:
            if self._status.get(row["cell"]) != "ok":
                self._status[row["cell"]] = row["status"]
                self.n_failed += row["status"] == "failed"
            self._costs.add(row)
