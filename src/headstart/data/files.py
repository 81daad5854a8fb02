"""Data files, wherever they lie: plain, gzip, or inside a zip or a folder, always handed on as bytes in memory."""

import gzip
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from headstart.errors import DataError

DAMAGED = "is damaged or was cut off; copy or download it again"
DAMAGE_ERRORS = (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError)
"""What unpacking raises for damaged files; NotImplementedError is zipfile's for a version that never was."""


@dataclass(frozen=True)
class File:
    """The content of one data file.

    Attributes
    ----------
    path
        What messages call it; a zip's member follows the zip.
    stem, suffix
        File name without, and only the, suffix: ``"Coffee_TRAIN"``, ``".tsv"``; gzip's suffix is gone.
    content
        All bytes, decompressed.
    """

    path: str
    stem: str
    suffix: str
    content: bytes

    def text(self) -> str:
        """Return the content as text, which must be UTF-8.

        Raises
        ------
        DataError
            If it is not, or if there is nothing but white space.
        """
        try:
            text = self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.content[: error.start].count(b"\n") + 1
            raise DataError(f"{self.path}: line {line} is not UTF-8 text; save the file as UTF-8") from None
        if not text or text.isspace():
            raise DataError(f"{self.path}: the file is empty; give one with at least one series")
        return text


@dataclass(frozen=True)
class Location:
    """Where a file lies: a path, or a member of the zip at that path.

    Examples
    --------
    >>> place = Location(Path("Coffee.zip"), "Coffee_TRAIN.tsv.gz")
    >>> place.stem, place.suffix
    ('Coffee_TRAIN', '.tsv')
    """

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path if self.member is None else self.path / self.member)

    @property
    def stem(self) -> str:
        """File name without its suffix, or suffixes where the last is gzip's."""
        return self._inner.stem

    @property
    def suffix(self) -> str:
        """Suffix in lower case, before gzip's."""
        return self._inner.suffix.lower()

    @property
    def _inner(self) -> PurePosixPath:
        name = PurePosixPath(self.member or self.path.name)
        return name.with_suffix("") if name.suffix.lower() == ".gz" else name

    def open(self) -> File:
        """Read and decompress the file.

        Raises
        ------
        DataError
            If it does not exist, is not readable, or is damaged.
        """
        try:
            if self.member is None:
                content = self.path.read_bytes()
            else:
                with zipfile.ZipFile(self.path) as archive:
                    content = archive.read(self.member)
            if (self.member or self.path.name).lower().endswith(".gz"):
                content = gzip.decompress(content)
        except FileNotFoundError:
            raise DataError(f"there is no file {self}; check the path") from None
        except IsADirectoryError:
            raise DataError(f"{self} is a folder; name a file in it") from None
        except NotImplementedError:  # such as Deflate64, which Windows takes for large files
            raise DataError(f"{self} is packed by a method that Python has not, or damaged; unpack it first") from None
        except DAMAGE_ERRORS:
            raise DataError(f"{self} {DAMAGED}") from None
        except RuntimeError:  # what zipfile raises for a member with a password
            raise DataError(f"{self} is encrypted; unpack it first") from None
        except OSError as error:
            raise DataError(f"{self} cannot be read ({error.strerror or error}); check its permissions") from None
        return File(str(self), self.stem, self.suffix, content)


def is_container(path: Path) -> bool:
    """Whether a path is a folder or a zip, which hold files."""
    return path.is_dir() or path.suffix.lower() == ".zip"


def list_files(container: Path) -> list[Location]:
    """List the files in a folder or a zip, by name, without hidden ones.

    A folder is not searched deeper; a zip is, because some are packed with a folder around their files.

    Raises
    ------
    DataError
        If the zip is damaged or cannot be read.
    """
    if container.is_dir():
        found = [Location(path) for path in container.iterdir() if path.is_file()]
    else:
        try:
            with zipfile.ZipFile(container) as archive:
                found = [Location(container, info.filename) for info in archive.infolist() if not info.is_dir()]
        except DAMAGE_ERRORS:
            raise DataError(f"{container} {DAMAGED}") from None
        except FileNotFoundError:
            raise DataError(f"there is no file {container}; check the path") from None
        except OSError as error:
            raise DataError(f"{container} cannot be read ({error.strerror or error}); check its permissions") from None
    return sorted((file for file in found if not file.stem.startswith(".")), key=str)
