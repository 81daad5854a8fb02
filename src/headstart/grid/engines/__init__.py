"""Engines: where cells are done, found by name in `ENGINES`."""

from collections.abc import Callable
from pathlib import Path

from headstart.errors import HeadstartError, UnknownNameError
from headstart.grid.engines.base import Done, Engine, Lost
from headstart.grid.engines.local import ThisProcess, WorkerProcesses


def _local(workers: int, address: str | None, archive: str | None, sources: Path, device: str) -> Engine:
    if address is not None:
        raise HeadstartError("the local engine has no address; choose the engine ray")
    return WorkerProcesses(workers, archive, sources, device) if workers else ThisProcess(archive, sources, device)


def _ray(workers: int, address: str | None, archive: str | None, sources: Path, device: str) -> Engine:
    from headstart.grid.engines.ray import Ray

    return Ray(workers, address, archive, sources, device)


ENGINES: dict[str, Callable[[int, str | None, str | None, Path, str], Engine]] = {"local": _local, "ray": _ray}


def check_engine(name: str) -> None:
    """Raise `UnknownNameError` unless there is such an engine."""
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES)


__all__ = ["ENGINES", "Done", "Engine", "Lost", "check_engine"]
