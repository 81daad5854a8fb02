"""The contract of an engine: cells are handed in, and what became of them is waited for."""

from dataclasses import dataclass
from typing import Protocol

from headstart.grid.cell import Cell
from headstart.grid.ledger import Row


@dataclass(frozen=True)
class Done:
    """A cell with its row (ok or failed) and, from scratch, the content of its source file."""

    cell: Cell
    row: Row
    weights: bytes | None


@dataclass(frozen=True)
class Lost:
    """A cell whose worker died under it."""

    cell: Cell
    reason: str


class Engine(Protocol):
    """Where cells are done."""

    @property
    def slots(self) -> int:
        """Cells that may be in flight at once; the driver never hands in more."""

    def submit(self, cell: Cell) -> None:
        """Begin a cell, or queue it."""

    def wait(self, seconds: float) -> list[Done | Lost]:
        """Wait, at most about so long where it can be helped, until a cell is done or lost, and return what is."""

    def close(self) -> None:
        """Stop at once, whatever is in flight."""
