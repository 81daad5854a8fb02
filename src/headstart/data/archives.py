"""Where data sets of the archives are found by name: a folder of them, what aeon ships, what was downloaded before.

The UCR archive renamed data sets between its releases of 2015 and 2018 (Dau et al., "The UCR time series archive",
IEEE/CAA J. Automatica Sinica 6(6), 2019): ``50words`` became ``FiftyWords``. Old and new names find the same set, and
upper case, underscores and hyphens do not matter.
"""

import hashlib
import importlib.util
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from headstart.data.files import DAMAGE_ERRORS
from headstart.errors import DataError, UnknownNameError
from headstart.files import expanded

URL = "https://timeseriesclassification.com/aeon-toolkit/{name}.zip"

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

    Raises
    ------
    DataError
        If the folder does not exist.

    Examples
    --------
    >>> "GunPoint" in archive_names()
    True
    """
    if folder is not None:
        return sorted(_names_in(expanded(folder)))
    of_key: dict[str, str] = {}
    for place in _places(None):
        for name in place:
            of_key.setdefault(_key(name), name)
    return sorted(of_key.values())


def downloadable_names() -> list[str]:
    """List the classification data sets of timeseriesclassification.com that aeon knows."""
    from aeon.datasets import tsc_datasets

    return sorted({*tsc_datasets.univariate, *tsc_datasets.multivariate, *tsc_datasets.tsc_zenodo})


def find(name: str, archive: str | os.PathLike[str] | None = None, *, download: bool = False) -> Path:
    """Find a data set by name: its folder or zip.

    Looks in the archive folder (by default the one that the environment variable HEADSTART_ARCHIVE names), then
    in what aeon ships, then in what was downloaded, which must be as it was then.

    Parameters
    ----------
    name
        Old or new name.
    archive
        A folder of data set folders or of ``NAME.zip``.
    download
        Whether to download the data set if it is nowhere.

    Raises
    ------
    UnknownNameError
        If there is no data set of that name.
    DataError
        If the archive folder does not exist, the name may mean several data sets, none of which is called just so, the
        data set is not on this machine, or its download failed.
    """
    for place in _places(archive):
        if path := _named(name, place):
            return path
    if download:
        return download_archive(name)
    on_site = _name_on_site(name)
    if on_site is None:
        known = {*archive_names(archive), *archive_names(), *downloadable_names()}
        raise UnknownNameError("data set", name, known, hint="headstart data list")
    raise DataError(
        f"the data set {name!r} is not on this machine; download it with 'headstart data download {on_site}' or "
        "load(…, download=True), or name a folder that has it in HEADSTART_ARCHIVE"
    )


def find_in(folder: str | os.PathLike[str], name: str) -> Path | None:
    """Find a data set in an archive folder, and nowhere else; None if it has none of that name.

    Raises
    ------
    DataError
        As `find`.
    """
    return _named(name, _names_in(expanded(folder)))


def _named(name: str, place: Mapping[str, Path]) -> Path | None:
    """Return the path of a data set, in the first place the one of just this name."""
    matches = [name] if name in place else [other for other in place if same_name(name, other)]
    if not matches:
        return None
    if len(matches) > 1:
        raise DataError(f"the name {name!r} may mean {' or '.join(sorted(matches))}; write it as the archive does")
    _check_unchanged(place[matches[0]])
    return place[matches[0]]


def download_archive(name: str) -> Path:
    """Download a data set from timeseriesclassification.com and return its zip.

    The zip goes into the folder ``archive`` of the user's cache (of the operating system, or the environment variable
    HEADSTART_CACHE). The site publishes no checksums, so the SHA-256 of what came is kept beside the zip, and checked
    whenever the zip is found by name. A progress bar is drawn if standard error is a terminal.

    Raises
    ------
    UnknownNameError
        If the site has no data set of that name.
    DataError
        If the site cannot be reached or serves no data set, or the cache cannot be written.
    """
    import pooch
    import requests

    on_site = _name_on_site(name)
    if on_site is None:
        raise UnknownNameError("data set", name, downloadable_names(), hint="headstart data list")
    url = URL.format(name=on_site)
    folder = _cache()
    target = folder / f"{on_site}.zip"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as aside:
            fresh = Path(aside) / target.name
            with _ProgressBar(on_site) as bar:
                pooch.HTTPDownloader(progressbar=bar, chunk_size=2**16, timeout=30)(url, str(fresh), None)
            _check_holds_training_set(fresh, url)
            checksum = Path(aside) / "sha256"
            checksum.write_text(f"{pooch.file_hash(str(fresh))}  {target.name}\n", encoding="ascii")
            os.replace(checksum, _checksum_path(target))
            os.replace(fresh, target)
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()  # pooch leaves it open
        raise DataError(
            f"{url} could not be downloaded ({_reason(error)}); check the connection, or fetch the file by hand and "
            "put it into a folder named in HEADSTART_ARCHIVE"
        ) from None
    except OSError as error:
        raise DataError(
            f"the cache {folder} cannot be written ({error.strerror or error}); name another folder in HEADSTART_CACHE"
        ) from None
    return target


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"{response.status_code} {response.reason}" if response is not None else type(error).__name__


def _check_holds_training_set(path: Path, url: str) -> None:
    """Raise DataError unless a whole zip with a training set came; the site answers unknown names with a page."""
    try:
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None
            if whole and any("_train" in member.lower() for member in archive.namelist()):
                return
    except DAMAGE_ERRORS:
        pass
    raise DataError(f"{url} served no zip with a training set; try again later, or check the page of the data set")


def _name_on_site(name: str) -> str | None:
    return next((other for other in downloadable_names() if same_name(name, other)), None)


def _places(archive: str | os.PathLike[str] | None) -> Iterator[dict[str, Path]]:
    """Yield the names in each place, in the order in which they are looked in."""
    archive = archive or os.environ.get("HEADSTART_ARCHIVE")
    if archive:
        yield _names_in(expanded(archive))
    yield _shipped()
    yield _names_in(_cache()) if _cache().is_dir() else {}


def _names_in(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"the archive folder {folder} does not exist; check the path, or HEADSTART_ARCHIVE")
    zips = {path.stem: path for path in folder.glob("*.zip")}
    folders = {path.name: path for path in folder.iterdir() if path.is_dir() and _has_training_part(path)}
    return zips | folders


def _has_training_part(folder: Path) -> bool:
    return any("_train" in path.name.lower() for path in folder.iterdir())


def _shipped() -> dict[str, Path]:
    """Find the folders in the aeon package, without importing it, which takes a second or two."""
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        return {}
    data = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    return {name: data / name for name in SHIPPED if (data / name).is_dir()}


def cache_folder() -> Path:
    """Return the user's cache: that of the operating system, or what HEADSTART_CACHE names. It need not exist."""
    folder = os.environ.get("HEADSTART_CACHE")
    if not folder:
        import pooch

        folder = pooch.os_cache("headstart")
    return expanded(folder)


def _cache() -> Path:
    return cache_folder() / "archive"


def _checksum_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _check_unchanged(path: Path) -> None:
    """Raise DataError if a zip is not what its checksum file, if it has one, says."""
    if path.is_dir() or not _checksum_path(path).exists():
        return
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if _checksum_path(path).read_text(encoding="ascii", errors="replace").split()[:1] != [found]:
        raise DataError(
            f"{path} has changed since it was downloaded (its SHA-256 is not the one in {_checksum_path(path).name}); "
            "delete it and download it again"
        )


class _ProgressBar:
    """A bar of rich behind the few methods of tqdm that pooch calls."""

    def __init__(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task(title, total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._progress.update(self._task, total=n_bytes or None)

    def update(self, n_bytes: int) -> None:
        self._progress.advance(self._task, n_bytes)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Do nothing: the context manager closes the bar."""
