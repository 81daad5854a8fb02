"""Claims: who works on which cell, so that several drivers share one run folder, on one machine or on many.

A driver keeps one small file in ``drivers/``, and touches it every quarter of a minute. To claim a cell it makes a
*hard link* to that file, ``claims/CELL.1``. Making a link either works or says that the name exists, also on a network
file system; the claim is complete from its first instant; and since it is the same file, one touch keeps all claims of
a driver fresh. A driver is dead if its process is gone (looked up on its own machine) or its file has not been touched
for two minutes (by the file server's clock, against one's own file). What a dead driver held is claimed as
``claims/CELL.2``, which again only one can make: nothing is deleted in the race. A claim is taken away after its row
has been written, so whoever then claims the cell looks for new rows once more before beginning it.

Should a claim fail to hold even so (a machine that slept for minutes and goes on), a cell is done twice, and the ledger
counts one of the two.
"""

import errno
import json
import os
import secrets
import socket
import threading
from itertools import count
from pathlib import Path
from typing import Any, Self

from headstart.errors import HeadstartError

BEAT_SECONDS = 15.0
DEAD_AFTER_SECONDS = 120.0


class Claims:
    """The claims of one driver; a context manager that gives all of them back at its end."""

    def __init__(self, folder: Path) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._drivers, self._claims = folder / "drivers", folder / "claims"
        self._path = self._drivers / self.name
        self._identity = {"name": self.name, "machine": _machine(), "pid": os.getpid(), "born": _born(os.getpid())}
        self._held: dict[str, int] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat_on, daemon=True, name="heartbeat")

    def __enter__(self) -> Self:
        self._drivers.mkdir(parents=True, exist_ok=True)
        self._claims.mkdir(exist_ok=True)
        self._beat()
        for path in self._drivers.iterdir():
            if path != self._path and not self._is_alive(path):
                path.unlink(missing_ok=True)
        probe = self._claims / f".{self.name}"
        try:
            os.link(self._path, probe)
            probe.unlink()
        except OSError as error:
            self._path.unlink(missing_ok=True)
            raise HeadstartError(
                f"cannot claim cells in {self._claims}: {(error.strerror or str(error)).lower()}; a run folder must be "
                "on a file system with hard links"
            ) from None
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        for cell_id in list(self._held):
            self.release(cell_id)
        self._path.unlink(missing_ok=True)

    def take(self, cell_id: str) -> bool:
        """Claim a cell; False if a living driver has it."""
        for generation in count(1):
            path = self._claims / f"{cell_id}.{generation}"
            try:
                os.link(self._path, path)
            except FileExistsError:
                if self._is_alive(path):
                    return False
                continue
            except FileNotFoundError:  # others took this driver for dead, and tidied up
                self._beat()
                return False
            self._held[cell_id] = generation
            return True
        raise AssertionError("unreachable")

    def release(self, cell_id: str) -> None:
        """Give a cell back: after its row has been written, or when it is not worked on any more."""
        for generation in range(1, self._held.pop(cell_id) + 1):
            (self._claims / f"{cell_id}.{generation}").unlink(missing_ok=True)

    def tidy(self, done: set[str]) -> None:
        """Take away what dead drivers left of cells that are done."""
        for path in self._claims.iterdir():
            if path.name.split(".")[0] in done and not self._is_alive(path):
                path.unlink(missing_ok=True)

    def _is_alive(self, path: Path) -> bool:
        """Whether the driver that a driver's file or a claim belongs to is at work."""
        try:
            driver = _read(path)
            silent_seconds = self._path.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return True  # just given back; there may be a row by now
        return _is_alive(driver, silent_seconds)

    def _beat(self) -> None:
        try:
            os.utime(self._path)  # without a time: the file server's own
        except FileNotFoundError:
            temporary = self._path.with_name(f".{self.name}")
            temporary.write_text(json.dumps(self._identity))
            os.replace(temporary, self._path)

    def _beat_on(self) -> None:
        while not self._end.wait(BEAT_SECONDS):
            try:
                self._beat()
            except OSError:  # a file server that hangs for a while; the next beat may get through
                continue


def living_drivers(folder: Path) -> list[str]:
    """Return the names of the drivers that are at work in a run folder, as far as this machine can tell."""
    import time

    now = time.time()
    names = []
    for path in sorted((folder / "drivers").glob("[!.]*")):
        try:
            if _is_alive(_read(path), now - path.stat().st_mtime):
                names.append(path.name)
        except FileNotFoundError:
            continue
    return names


def _is_alive(driver: dict[str, Any], silent_seconds: float) -> bool:
    if driver.get("machine") == _machine():
        return driver["born"] == _born(driver["pid"]) and _exists(driver["pid"])
    return silent_seconds < DEAD_AFTER_SECONDS


def _read(path: Path) -> dict[str, Any]:
    try:
        driver = json.loads(path.read_text())
    except ValueError:
        return {}  # not one of ours, or of a file server that has just begun to see it: it goes by its age
    return driver if isinstance(driver, dict) else {}


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno != errno.ESRCH
    return True


def _machine() -> str:
    """Return what tells machines apart whose processes do not see each other: also containers, and before a reboot."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass  # not Linux
    return " ".join(parts)


def _born(pid: int) -> str | None:
    """Return when a process started, in the system's ticks, since numbers of processes are used again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None
