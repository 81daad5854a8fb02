"""Folders of source files: read when they are needed, checked, and filled."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from headstart.errors import HeadstartError, ModelError
from headstart.files import expanded, write_bytes
from headstart.zoo.source import Source

SUFFIX = ".safetensors"


class Sources(Mapping[str, Source]):
    """Sources by name; each is read from its file when it is first asked for, and then kept.

    Attributes
    ----------
    paths
        Their files, by name.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = dict(sorted(paths.items()))
        self._read: dict[str, Source] = {}

    def __getitem__(self, name: str) -> Source:
        if name not in self._read:
            self._read[name] = Source.load(self.paths[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:  # a mapping's own would read the file
        return name in self.paths

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def paths_in(folder: Path) -> dict[str, Path]:
    """Return the source files of a folder by name, which is the file's without its suffix; none if it is missing."""
    return {path.stem: path for path in folder.glob(f"[!.]*{SUFFIX}")}


def load_folder(folder: str | Path) -> Sources:
    """Return the sources of a folder by name; they are read when they are asked for.

    Raises
    ------
    ModelError
        If there is no such folder, or no source in it; and, when a source is asked for, if it cannot be read.
    """
    folder = expanded(folder)
    paths = paths_in(folder)
    if not paths:
        raise ModelError(f"{folder}: has no sources (*{SUFFIX}); make one with `headstart pretrain DATA --out FILE`")
    return Sources(paths)


def sources_at(path: str | Path) -> Sources:
    """Return the sources of a folder, as `load_folder`, or the one in a file.

    Raises
    ------
    ModelError
        As `load_folder`.
    """
    path = expanded(path)
    return Sources({path.stem: path}) if path.is_file() else load_folder(path)


def verify(sources: Sources) -> dict[str, str]:
    """Read all sources and return what is wrong with those that are damaged, by name."""
    problems = {}
    for name in sources:
        try:
            sources[name]
        except ModelError as error:
            problems[name] = str(error)
    return problems


def copy_into(folder: Path, sources: Sources, *, replace: bool = False) -> None:
    """Copy source files into a folder, made if it is missing, once it is certain that all of them are whole.

    Parameters
    ----------
    folder
        Where to.
    sources
        What; each keeps its name.
    replace
        Whether files of these names that are there, and are others, are replaced.

    Raises
    ------
    ModelError
        If one of them is damaged; none is copied then.
    HeadstartError
        If the folder cannot be written, or holds other sources of these names that are not to be replaced.
    """
    contents = {}
    for name, path in sources.paths.items():
        sources[name]  # raises if it is damaged
        contents[name] = path.read_bytes()
    paths = {name: folder / f"{name}{SUFFIX}" for name in sources}
    others = [name for name, path in paths.items() if path.exists() and path.read_bytes() != contents[name]]
    if others and not replace:
        raise HeadstartError(
            f"{folder}: has other sources named {', '.join(others)}; leave these out, or say that they are to be "
            "replaced (--replace, replace=True)"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HeadstartError(f"cannot make {folder}: {(error.strerror or str(error)).lower()}") from None
    for name, content in contents.items():
        write_bytes(paths[name], content)
