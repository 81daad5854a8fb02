"""Files and folders that appear whole or not at all.

Everything is written under a hidden temporary name beside its place, flushed to the disk, and renamed. A crash, a full
disk or a kill leaves the old file, or none, never half of a new one.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headstart.errors import HeadstartError


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file, replacing an older one in a single step, whose permissions it takes; a link stays one.

    Raises
    ------
    HeadstartError
        If the folder does not exist, cannot be written to, or the disk is full; nothing is left behind then.
    """
    path = Path(path)
    with _explained(path):
        place = path.resolve()
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if place.exists():
                shutil.copymode(place, temporary)
            os.replace(temporary, place)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_text(path: str | Path, content: str) -> None:
    """Write a text file in UTF-8, as `write_bytes` does."""
    write_bytes(path, content.encode())


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder to fill, which becomes `path` when the block ends well, replacing an older one.

    A link to a folder stays one.

    Raises
    ------
    HeadstartError
        As `write_bytes`.
    """
    path = Path(path)
    with _explained(path):
        place = path.resolve()
        workspace = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        new, outdated = workspace / "new", workspace / "outdated"
        try:
            new.mkdir()
            yield new
            for file in new.iterdir():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
            try:
                # A folder cannot replace one that is not empty, so for an instant there is none at its place.
                if place.exists():
                    os.replace(place, outdated)
                os.replace(new, place)
            except BaseException:
                if outdated.exists() and not place.exists():
                    os.replace(outdated, place)
                raise
        finally:
            shutil.rmtree(workspace, ignore_errors=True)


def check_writable(path: str | Path) -> None:
    """Raise `HeadstartError` unless something can be written at `path`: asked before long work, not after it."""
    path = Path(path)
    if path.is_dir() and (path.resolve() == Path.cwd() or os.path.ismount(path)):
        raise HeadstartError(f"cannot write {path}: it cannot be renamed, as it is in use; name a new folder in it")
    if path.is_dir() and not os.access(path, os.W_OK):
        raise HeadstartError(f"cannot write {path}: permission denied; choose another place")
    with _explained(path):
        place = path.resolve()
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}."):
            pass


def expanded(path: str | os.PathLike[str]) -> Path:
    """Replace a leading ``~`` by the home folder it stands for; one of no user stays, as the shell leaves it."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise HeadstartError(f"cannot write {path}: the folder {path.parent} does not exist; make it first") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HeadstartError(f"cannot write {path}: {reason}; choose another place, or make room there") from None
