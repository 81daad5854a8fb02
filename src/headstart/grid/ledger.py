"""The ledger: every result as one line of JSON, in files that only ever grow, one file a writer.

A line is written by one call, with O_APPEND, and flushed to the disk before its cell counts as done. What a crash
leaves of a line does not parse; such a line is passed over, and its cell is done again. So ledgers merge by putting
their files into one folder, or by `cat`: each file begins with an empty line, which ends what may be torn before it.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headstart.errors import HeadstartError

Row = dict[str, Any]
_NEEDED = {"cell", "target", "status", "finished", "train_fingerprint", "test_fingerprint"}
"""Fields by which rows are told apart; a line without them is no row."""


class Ledger:
    """The rows in a folder, and a file of this writer's own.

    Parameters
    ----------
    folder
        Holds ``*.jsonl``; made if it is missing, when a row is written.
    writer
        Name of this writer's file, unlike any other's.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self.path = folder / f"{writer}.jsonl"
        self._descriptor: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._failure: Exception | None = None
        self._n_written = self._n_on_disk = 0
        self._read_bytes: dict[str, int] = {}

    def append(self, row: Row, on_disk: Callable[[], None] = lambda: None) -> None:
        """Write a row, and have it flushed to the disk.

        From here on the row survives the end of this process; once `on_disk` is called, from another thread, also that
        of the machine. A flush takes milliseconds, in which the next cell may as well begin; one flush serves all rows
        that were written before it.

        Raises
        ------
        HeadstartError
            If it, or a row before it, cannot be written.
        """
        line = json.dumps(row, allow_nan=False).encode() + b"\n"
        self._raise_failure()
        with self._explained():
            if self._descriptor is None:
                self._descriptor = self._open()
                line = b"\n" + line
            if os.write(self._descriptor, line) < len(line):
                os.write(self._descriptor, b"\n")  # the next row must not hang on to this one's beginning
                raise OSError("only a part was written")
            self._n_written += 1
            self._thread.submit(self._flush_rows, self._descriptor, self._n_written, on_disk)

    def _flush_rows(self, descriptor: int, n: int, on_disk: Callable[[], None]) -> None:
        """Flush the first n rows, unless the flush of an earlier one did, and tell of it.

        After a failure none is tried: that a later flush succeeds does not say that the earlier rows are on the disk.
        """
        if self._failure is not None:
            return
        try:
            if self._n_on_disk < n:
                n_written = self._n_written  # before the flush, during which there may be more
                with self._explained():
                    os.fsync(descriptor)
                self._n_on_disk = n_written
            on_disk()
        except Exception as error:  # of another thread: it is raised where the writer asks next
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HeadstartError(
                f"cannot write {self.path}: {(error.strerror or str(error)).lower()}; make room there, and run the "
                "same command again"
            ) from None

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        if os.name == "posix":  # the file's name, too, must be on the disk
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        return descriptor

    def news(self) -> Iterator[Row]:
        """Yield the rows of other writers that came since the last call; all of them at the first."""
        for path in _files(self.path.parent):
            if path == self.path:
                continue
            start = self._read_bytes.get(path.name, 0)
            if path.stat().st_size <= start:
                continue
            with path.open("rb") as file:
                file.seek(start)
                content = file.read()
            # What follows the last end of a line may still be being written; a beginning of a row never parses.
            end = content.rfind(b"\n") + 1
            if _parse(content[end:]) is not None:
                end = len(content)
            self._read_bytes[path.name] = start + end
            yield from (row for row in map(_parse, content[:end].split(b"\n")) if row is not None)

    def close(self) -> None:
        """Close the writer's file, with all rows on the disk."""
        self._thread.shutdown()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self._raise_failure()


def read_rows(folder: Path) -> tuple[list[Row], int]:
    """Read all rows of a folder, and count the lines that are no rows: those that a crash tore.

    Where several rows are of one cell, the first that is ok stands (by the time it was finished, then by the name of
    its file); if none is, the last that failed. The order of the files does not matter.

    Raises
    ------
    HeadstartError
        If two rows of one cell were made from different data under the same name.
    """
    rows: dict[str, tuple[tuple[bool, str, str], Row]] = {}
    n_torn = 0
    for path in _files(folder):
        for number, line in enumerate(path.read_bytes().split(b"\n")):
            row = _parse(line)
            if row is None:
                n_torn += bool(line.strip())
                continue
            rank = (row["status"] != "ok", row["finished"], f"{path.name} {number:012d}")
            if row["cell"] not in rows:
                rows[row["cell"]] = (rank, row)
                continue
            other_rank, other = rows[row["cell"]]
            _check_same_data(row, other, folder)
            is_better = rank > other_rank if rank[0] and other_rank[0] else rank < other_rank
            if is_better:
                rows[row["cell"]] = (rank, row)
    return [row for _, row in rows.values()], n_torn


def _check_same_data(a: Row, b: Row, folder: Path) -> None:
    for part in ("train_fingerprint", "test_fingerprint"):
        if a[part] and b[part] and a[part] != b[part]:
            raise HeadstartError(
                f"{folder}: two rows of cell {a['cell']} were made from different data named {a['target']} "
                f"({part.replace('_', ' ')} {a[part][:12]}… and {b[part][:12]}…); keep such runs in different folders"
            )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def _parse(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:  # torn, or bytes that are no text
        return None
    return row if isinstance(row, dict) and row.keys() >= _NEEDED else None
