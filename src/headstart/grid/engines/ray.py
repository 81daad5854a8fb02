"""Cells on a cluster, through Ray (https://docs.ray.io): ``pip install 'headstart[ray]'`` on every node.

The driver loads the data; each set goes to the object store once, and from there to each node once. Nodes need neither
the archive nor the run folder. A cell takes one CPU; where the cluster has GPUs, it also takes a share of one. Ray's
own retries are off: what becomes of a cell whose worker or node died is for the driver to say, as with every engine.
"""

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

from headstart.data import load
from headstart.errors import HeadstartError, ModelError
from headstart.grid.cell import Cell
from headstart.grid.engines.base import Done, Lost
from headstart.grid.ledger import Row
from headstart.grid.work import Parts, perform, source_path
from headstart.zoo import Source

_CELLS_A_GPU = 4  # small networks leave a GPU idle most of the time


class Ray:
    """As many cells at a time as the cluster has room for, or `workers`."""

    def __init__(self, workers: int, address: str | None, archive: str | None, sources: Path, device: str) -> None:
        try:
            import ray
        except ImportError:
            raise HeadstartError("the engine ray needs Ray: pip install 'headstart[ray]'") from None
        self._ray = ray
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            try:
                _knock(address)
                ray.init(address=address, log_to_driver=False, include_dashboard=False if address is None else None)
            except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
                reason = str(error).splitlines()[0]
                raise HeadstartError(f"no Ray cluster answers at {address} ({reason}); check the address") from None
        self._archive, self._sources, self._device, self._workers = archive, sources, device, workers
        self._perform = ray.remote(max_retries=0, num_cpus=1, num_gpus=self._gpu_share())(_perform)
        self._parts: dict[str, Any] = {}  # references into the object store
        self._cells: dict[Any, Cell] = {}  # in flight, by the reference of what is to come

    @property
    def slots(self) -> int:
        """See `Engine.slots`; nodes may come and go."""
        if self._workers:
            return self._workers
        resources = self._ray.cluster_resources()
        n_gpus = 0 if self._device == "cpu" else int(resources.get("GPU", 0))
        return max(1, n_gpus * _CELLS_A_GPU or int(resources.get("CPU", 1)))

    def _gpu_share(self) -> float:
        n_gpus = 0 if self._device == "cpu" else self._ray.cluster_resources().get("GPU", 0)
        return min(1.0, n_gpus / self.slots)

    def submit(self, cell: Cell) -> None:
        """See `Engine.submit`."""
        if cell.target not in self._parts:
            self._parts[cell.target] = self._ray.put(load(cell.target, self._archive))
        source: Source | ModelError | None = None
        if cell.parent is not None:
            try:
                source = Source.load(source_path(self._sources, cell.parent))
            except ModelError as error:  # it fails this cell, where its row is made
                source = error
        self._cells[self._perform.remote(cell, self._parts[cell.target], source, self._device)] = cell

    def wait(self, seconds: float) -> list[Done | Lost]:
        """See `Engine.wait`."""
        outcomes: list[Done | Lost] = []
        ready, _ = self._ray.wait(list(self._cells), num_returns=1, timeout=seconds)
        for reference in ready:
            cell = self._cells.pop(reference)
            try:
                outcomes.append(Done(cell, *self._ray.get(reference)))
            except self._ray.exceptions.RayError as error:  # the worker or its node is gone
                outcomes.append(Lost(cell, f"{type(error).__name__}: {str(error).splitlines()[0]}"))
        return outcomes

    def close(self) -> None:
        """See `Engine.close`."""
        for reference in self._cells:
            self._ray.cancel(reference, force=True)
        if self._is_ours:
            self._ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise `OSError` if nothing answers at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _perform(cell: Cell, parts: Parts, source: Source | ModelError | None, device: str) -> tuple[Row, bytes | None]:
    """Do a cell on a node."""

    def load_source(parent: Cell) -> Source:
        if not isinstance(source, Source):
            raise source or ModelError(f"no source for {parent}")
        return source

    # Arrays out of the object store cannot be written to, and torch warns of those.
    own = tuple(part and replace(part, y=part.y.copy(), lengths=part.lengths.copy()) for part in parts)
    return perform(cell, lambda name: own, load_source, device)  # type: ignore[arg-type,return-value]
