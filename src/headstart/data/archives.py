"""Where data sets of the archives are found by name: a folder of them, what aeon ships, what was downloaded before.

The UCR archive renamed data sets between its releases of 2015 and 2018 (Dau et al., "The UCR time series archive",
IEEE/CAA J. Automatica Sinica 6(6), 2019): ``50words`` became ``FiftyWords``. Old and new names find the same set, and
upper case, underscores and hyphens do not matter.
"""

import importlib.util
import os
import re
from pathlib import Path

from headstart.errors import DataError, UnknownNameError

SHIPPED = (
    "ACSF1",
    "ArrowHead",
    "BasicMotions",
    "GunPoint",
    "ItalyPowerDemand",
    "JapaneseVowels",
    "OSULeaf",
    "PickupGestureWiimoteZ",
    "UnitTest",
)
"""Classification data sets that come with the aeon package; some are cut down."""

_RENAMED = {
    "50words": "fiftywords",
    "lighting2": "lightning2",
    "lighting7": "lightning7",
    "noninvasivefatalecgthorax1": "noninvasivefetalecgthorax1",
    "noninvasivefatalecgthorax2": "noninvasivefetalecgthorax2",
    "sonyaiborobotsurface": "sonyaiborobotsurface1",
    "sonyaiborobotsurfaceii": "sonyaiborobotsurface2",
    "wordssynonyms": "wordsynonyms",
}
# Renamings of 2018 beyond case and underscores, such as Gun_Point to GunPoint or FISH to Fish.


def same_name(a: str, b: str) -> bool:
    """Whether two names mean the same data set.

    Examples
    --------
    >>> same_name("50words", "FiftyWords"), same_name("Gun_Point", "GunPoint"), same_name("CricketX", "CricketY")
    (True, True, False)
    """
    return _key(a) == _key(b)


def _key(name: str) -> str:
    key = re.sub(r"[\s_-]", "", name).lower()
    return _RENAMED.get(key, key)


def archive_names(folder: str | os.PathLike[str] | None = None) -> list[str]:
    """List the data sets in an archive folder, or all that `load` finds by name on this machine.

    Parameters
    ----------
    folder
        A folder of data set folders or of ``NAME.zip``. By default all places that `find` looks in.
    """
    return sorted(_known(folder) if folder is None else _names_in(Path(folder)))


def find(name: str, archive: str | os.PathLike[str] | None = None, *, download: bool = False) -> Path:
    """Find a data set by name: its folder or zip.

    Looks in the archive folder (by default the one that the environment variable HEADSTART_ARCHIVE names), then
    in what aeon ships, then in what was downloaded.

    Raises
    ------
    UnknownNameError
        If there is no data set of that name.
    DataError
        If the archive folder does not exist.
    """
    known = _known(archive)
    for other, path in known.items():
        if same_name(name, other):
            return path
    raise UnknownNameError("data set", name, known, hint="headstart data list")


def _known(archive: str | os.PathLike[str] | None) -> dict[str, Path]:
    archive = archive or os.environ.get("HEADSTART_ARCHIVE")
    known = _names_in(Path(archive).expanduser()) if archive else {}
    present = {_key(name) for name in known}
    return known | {name: path for name, path in _shipped().items() if _key(name) not in present}


def _names_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"the archive folder {folder} does not exist; check the path, or HEADSTART_ARCHIVE")
    zips = {path.stem: path for path in folder.glob("*.zip")}
    folders = {path.name: path for path in folder.iterdir() if path.is_dir() and any(path.glob("*_TRAIN*"))}
    return zips | folders


def _shipped() -> dict[str, Path]:
    """Find the folders in the aeon package, without importing it, which takes a second or two."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        return {}
    data = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    return {name: data / name for name in SHIPPED if (data / name).is_dir()}
