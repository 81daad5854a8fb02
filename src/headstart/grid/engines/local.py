"""Cells on this machine: in this process, or in worker processes that share its threads and GPUs.

Each worker has its own pipe, so when one dies (killed, out of memory) it is known which cell it had, the others go on,
and a new one takes its place. `concurrent.futures` would end all workers with the one.
"""

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch

from headstart.errors import HeadstartError
from headstart.grid.cell import Cell
from headstart.grid.engines.base import Done, Lost
from headstart.grid.work import LocalInputs, perform

_READY = "ready"
_MAX_FAILED_STARTS = 5


class ThisProcess:
    """One cell at a time, in the process of the driver."""

    slots = 1

    def __init__(self, archive: str | None, sources: Path, device: str) -> None:
        self._inputs, self._device = LocalInputs(archive, sources), device
        self._cells: list[Cell] = []

    def submit(self, cell: Cell) -> None:
        """See `Engine.submit`; it is done when it is waited for."""
        self._cells.append(cell)

    def wait(self, seconds: float) -> list[Done | Lost]:
        """See `Engine.wait`."""
        cell = self._cells.pop()
        return [Done(cell, *perform(cell, self._inputs.parts, self._inputs.source, self._device))]

    def close(self) -> None:
        """See `Engine.close`."""


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    is_ready: bool = False
    cell: Cell | None = None


class WorkerProcesses:
    """As many cells at a time as there are worker processes."""

    def __init__(self, n_workers: int, archive: str | None, sources: Path, device: str) -> None:
        self.slots = n_workers
        self._settings = (archive, sources, device, max(1, torch.get_num_threads() // n_workers))
        self._context = multiprocessing.get_context("spawn")  # a forked torch may hang in its threads
        self._n_failed_starts = 0
        self._workers: list[_Worker] = []
        for number in range(n_workers):
            self._workers.append(self._start(number))

    def _start(self, number: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, number, *self._settings), name=f"headstart worker {number}", daemon=True
        )
        process.start()
        theirs.close()  # so that the pipe ends when the worker does
        return _Worker(process, ours)

    def submit(self, cell: Cell) -> None:
        """See `Engine.submit`."""
        worker = next(worker for worker in self._workers if worker.cell is None)
        worker.cell = cell
        self._send(worker)

    def _send(self, worker: _Worker) -> None:
        with suppress(OSError):  # it has died; `wait` will see the end of its pipe
            worker.connection.send(worker.cell)

    def wait(self, seconds: float) -> list[Done | Lost]:
        """See `Engine.wait`."""
        outcomes: list[Done | Lost] = []
        ready = wait([worker.connection for worker in self._workers], seconds)
        for number, worker in enumerate(self._workers):
            if worker.connection not in ready:
                continue
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                outcomes += self._replace(number)
                continue
            if message == _READY:
                worker.is_ready = True
                self._n_failed_starts = 0
            elif worker.cell is not None:
                outcomes.append(Done(worker.cell, *message))
                worker.cell = None
        return outcomes

    def _replace(self, number: int) -> list[Lost]:
        """Start a new worker in place of one that has died; a cell that it had not yet begun goes to the new one."""
        dead = self._workers[number]
        dead.connection.close()
        dead.process.join()
        reason = f"the worker process died (exit code {dead.process.exitcode})"
        if not dead.is_ready:
            self._n_failed_starts += 1
            if self._n_failed_starts > _MAX_FAILED_STARTS:
                raise HeadstartError(
                    f"worker processes cannot be started: {reason} before it was ready, {self._n_failed_starts} times; "
                    "what it printed says why (a script that calls run_grid needs `if __name__ == '__main__':`)"
                )
        self._workers[number] = self._start(number)
        if dead.cell is None or dead.is_ready:
            return [] if dead.cell is None else [Lost(dead.cell, reason)]
        self._workers[number].cell = dead.cell
        self._send(self._workers[number])
        return []

    def close(self) -> None:
        """See `Engine.close`."""
        for worker in self._workers:
            worker.process.kill()  # a worker holds nothing that would have to be put away
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()


def _serve(
    connection: Connection, number: int, archive: str | None, sources: Path, device: str, n_threads: int
) -> None:
    """Do cells, one after another, for as long as the driver lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the driver sees to this one's end
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(n_threads)
    if device != "cpu" and torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())
    inputs = LocalInputs(archive, sources)
    with suppress(EOFError, OSError):  # the driver has ended
        connection.send(_READY)
        while True:
            connection.send(perform(connection.recv(), inputs.parts, inputs.source, device))


def _end_with_driver() -> None:
    """Wait for the end of the driver, however it comes, and end this process: nobody would take its result."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        wait([driver.sentinel])
        os._exit(1)
