"""Where sources are found by name: the user's own zoo, and the one that ships with the package."""

import os
from pathlib import Path

from headstart.data.archives import cache_folder, same_name
from headstart.errors import ModelError, UnknownNameError
from headstart.files import expanded
from headstart.zoo import hub
from headstart.zoo.folder import SUFFIX, Sources, load_folder, paths_in
from headstart.zoo.source import Source

SHIPPED = Path(__file__).with_name("weights")
"""Folder of the sources that ship with the package."""


def own_folder() -> Path:
    """Return the folder of the user's own zoo, in the user's cache; it need not exist.

    The cache is the operating system's, or the folder that the environment variable HEADSTART_CACHE names.
    """
    return cache_folder() / "zoo"


def known_sources() -> Sources:
    """Return all sources that `find` knows by name: the user's own, and those that ship with the package.

    Where both have a name, it is the user's.

    Raises
    ------
    ModelError
        If there are none; and, when a source is asked for, if it cannot be read.
    """
    return Sources({name: path for folder in known_folders() for name, path in paths_in(folder).items()})


def sources_in(folder: str | Path | None) -> Sources:
    """Return the sources of a folder, or, if it is None, all that are known by name.

    Raises
    ------
    ModelError
        As `load_folder` and `known_sources`.
    """
    return known_sources() if folder is None else load_folder(folder)


def known_folders() -> list[Path]:
    """Return the folders that `known_sources` looks in and that have sources; the later ones win.

    Raises
    ------
    ModelError
        If there are none.
    """
    folders = [folder for folder in (SHIPPED, own_folder()) if paths_in(folder)]
    if not folders:
        raise ModelError(
            f"there are no sources on this machine: none ship with this headstart, and {own_folder()} has none; make "
            "one with `headstart pretrain DATA --out FILE` and name that file, or `headstart zoo add` it"
        )
    return folders


def find(source: str | Path) -> Source:
    """Return a source by name, path or address.

    Parameters
    ----------
    source
        The name of a source in the user's own zoo or the shipped one, where old names of data sets are as good as new
        ones; the path of a source file; or ``hf://OWNER/REPOSITORY/NAME`` for one on the Hugging Face Hub, which is
        downloaded once.

    Raises
    ------
    UnknownNameError
        If there is no source of that name.
    ModelError
        If it cannot be read, or there are no sources at all.
    HeadstartError
        If it cannot be downloaded.
    """
    text = str(source)
    if text.startswith(hub.PREFIX):
        return Source.load(hub.fetch(text))
    path = expanded(text)
    if text.endswith(SUFFIX) or len(path.parts) > 1 or os.path.isfile(path):  # pathlib raises for overlong names
        return Source.load(path)
    if os.path.isfile(path / "model.json"):
        networks = sorted(str(file) for file in path.glob(f"network*{SUFFIX}"))
        advice = f"name a network of it, {networks[0]}" if networks else "what was chosen in it is no single network"
        raise ModelError(f"{path}: is the folder of a fitted classifier, not a source; {advice}")
    sources = known_sources()
    name = text if text in sources else next((name for name in sources if same_name(name, text)), None)
    if name is None:
        raise UnknownNameError("source", text, sources, hint="headstart zoo list")
    return sources[name]
