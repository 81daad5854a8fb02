"""From a path or a name to data sets: `read` one file, `load` a training set with its test set."""

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headstart.data.archives import find, find_in, same_name
from headstart.data.dataset import Dataset
from headstart.data.files import Location, is_container, list_files
from headstart.data.readers import READERS, Columns, from_text
from headstart.data.readers.base import NoLabelColumnError, shorten
from headstart.errors import DataError, ShapeError
from headstart.files import expanded

_SPLIT = re.compile(r"(?P<name>.+)_(?P<part>TRAIN|TEST)", re.IGNORECASE)


def load(
    name_or_path: str | os.PathLike[str],
    archive: str | os.PathLike[str] | None = None,
    *,
    label: str | None = "label",
    case: str | None = None,
    time: str | None = None,
    download: bool = False,
    with_test: bool = True,
) -> tuple[Dataset, Dataset | None]:
    """Load a training set and its test set, by path or by name.

    Parameters
    ----------
    name_or_path
        A file: ``NAME_TEST`` beside ``NAME_TRAIN`` is found by itself, in the same format. A folder or a zip with
        ``NAME_TRAIN`` and ``NAME_TEST`` in any format. Or the name of a data set, which is looked up with
        `headstart.data.find`; a path that exists comes before it, but not before a data set of `archive`.
    archive
        Folder of data sets to look names up in; by default the environment variable HEADSTART_ARCHIVE.
    label, case, time
        Columns of tables, as in `read`.
    download
        Whether a name that is not on this machine is downloaded from timeseriesclassification.com.
    with_test
        Whether the test set is read, too.

    Returns
    -------
    train, test
        Two data sets with the classes of the training set; test is None where there is none.

    Warns
    -----
    UserWarning
        If the table that was found beside a training set has no labels, so that it is no test set.

    Raises
    ------
    DataError
        If a file cannot be used as it is, or a test case has a class that no training case has.
    ShapeError
        If training and test series differ in their number of channels.
    UnknownNameError
        If there is no data set of that name.

    Examples
    --------
    >>> train, test = load("ItalyPowerDemand")
    >>> train.X.shape, test.X.shape, train.classes.tolist()
    ((67, 1, 24), (1029, 1, 24), [1, 2])
    """
    path = expanded(name_or_path)
    is_plain = isinstance(name_or_path, str) and Path(name_or_path).name == name_or_path
    is_name = is_plain and (not path.suffix or path.suffix.lower() not in (*READERS, ".gz", ".zip"))
    in_archive = find_in(archive, str(name_or_path)) if is_name and archive is not None else None
    if in_archive is not None:
        train_file, test_file = _train_and_test(in_archive, str(name_or_path))
    elif path.exists() and not (is_name and path.is_dir() and not _holds_series(path)):
        train_file, test_file = _train_and_test(path)
    elif is_name:
        place = find(str(name_or_path), archive, download=download)
        train_file, test_file = _train_and_test(place, str(name_or_path))
    else:
        raise DataError(f"there is no file or folder {path}; check the path")
    columns = Columns(label, case, time)
    train = _read(train_file, columns)
    if test_file is None or not with_test:
        return train, None
    try:
        test = _read(test_file, columns, classes=train.classes if label is not None else None)
    except NoLabelColumnError:
        warnings.warn(f"{test_file} has no column {label!r}, so it is not taken for a test set", stacklevel=2)
        return train, None
    if test.n_channels != train.n_channels:
        raise ShapeError(
            f"{test_file} has {test.n_channels} channels where {train_file} has {train.n_channels}; give both the same"
        )
    return train, test.with_channels(train.channel_names).with_steps(train.step_names)


def read(
    path: str | os.PathLike[str],
    *,
    label: str | None = "label",
    case: str | None = None,
    time: str | None = None,
    classes: np.ndarray | Sequence | None = None,
) -> Dataset:
    """Read one file of series; its suffix says the format, `headstart.data.READERS` lists them.

    Parameters
    ----------
    path
        The file, plain or gzip, or a zip with this one file in it.
    label
        Name of the label column in tables; other formats fix the labels' place. None if there are no labels: tables
        and UCR text then hold values alone, and labels that other formats may have are left out.
    case, time
        Names of the columns in a long table, one row a time step of a case; by default a table is wide.
    classes
        The classes to encode labels with, those of the training set; by default the file's own.

    Raises
    ------
    DataError
        If the file cannot be used as it is; the message says where and what to do.

    Notes
    -----
    Labels in text files become int if each is written as Python writes that integer, else float by the same rule,
    else they stay text, so that a prediction reads as the file did ("01" stays "01"). With `classes` given, they are
    matched with the classes as these are written.
    """
    path = expanded(path)
    if path.suffix.lower() != ".zip":
        file = Location(path)
    else:
        members = _readable(list_files(path))
        if len(members) != 1:
            raise DataError(
                f"{path}: a zip with one file of series is wanted here, and this one holds "
                f"{shorten(place.member for place in members) or 'none'}; unpack the one to read"
            )
        file = members[0]
    return _read(file, Columns(label, case, time), None if classes is None else np.asarray(classes))


def _read(place: Location, columns: Columns, classes: np.ndarray | None = None) -> Dataset:
    file = place.open()
    if file.suffix not in READERS:
        known = shorten(sorted(suffix for suffix in READERS if suffix))
        raise DataError(f"{file.path}: unknown format {file.suffix!r}; give one of {known}, also with .gz or in a .zip")
    series = READERS[file.suffix](file, columns)
    labels = _typed(series.labels, classes) if isinstance(series.labels, list) else series.labels
    if labels is not None and classes is None:
        _check_labels_repeat(file.path, labels, series.label_place)
    match = _SPLIT.fullmatch(file.stem)
    name = match["name"] if match else file.stem
    return Dataset.from_arrays(
        name,
        series.X,
        labels,
        classes=classes,
        describe_case=lambda i: f"{series.rows(i)} of {file.path}",
        channel_names=series.channel_names,
        case_names=series.case_names,
        step_names=series.step_names,
    )


def _typed(labels: list[str], classes: np.ndarray | None) -> np.ndarray:
    """Give labels that were read as text the type of the classes, or their own."""
    if classes is None:
        return from_text(labels)
    written = {str(label): label for label in classes.tolist()}
    return np.array([written.get(label, label) for label in labels], dtype=object)


def _check_labels_repeat(path: str, labels: np.ndarray, place: str) -> None:
    """Raise DataError if the labels look like an index or a measurement; each of text may well be a class."""
    labels = np.array(labels.tolist())  # one type, where they come as objects
    n_cases, n_different = len(labels), len(set(labels.tolist()))
    fractions = labels.dtype.kind == "f" and bool((labels % 1 != 0).any())
    is_index = labels.dtype.kind in "iuf" and n_different == n_cases >= 10
    if n_different > max(2, n_cases / 2) if fractions else is_index:
        raise DataError(
            f"{path}: the labels, in {place}, are {n_different} different ones in {n_cases} series "
            f"({shorten(labels[:3])}, …), which looks like {'a measurement' if fractions else 'an index'}, not a "
            "class; name the column that holds the class, or move it to where the format wants it"
        )


def _readable(places: list[Location]) -> list[Location]:
    return [place for place in places if place.suffix in READERS]


def _holds_series(folder: Path) -> bool:
    """Whether there is anything in a folder that could be read: one that is called like a data set may be a model."""
    return bool(_readable(list_files(folder)))


def _train_and_test(path: Path, name: str | None = None) -> tuple[Location, Location | None]:
    """Find the training file and, if there is one, the test file."""
    if is_container(path):
        return _train_and_test_inside(path, name or path.stem)
    match = _SPLIT.fullmatch(Location(path).stem)
    if match is None:
        return Location(path), None
    start, end = match.span("part")
    as_here = str.upper if match["part"].isupper() else str.lower if match["part"].islower() else str.title
    spellings = [as_here] if as_here is str.upper else [as_here, str.upper, str.lower, str.title]
    siblings = [
        [Location(path.with_name(path.name[:start] + spell(part) + path.name[end:])) for spell in spellings]
        for part in ("TRAIN", "TEST")
    ]
    train, test = (next((one for one in some if one.path.exists()), None) for some in siblings)
    if train is None:
        raise DataError(
            f"{path} is called a test set, and {siblings[0][0].path.name} is not beside it; give the training set, or, "
            "if this is it, rename it"
        )
    return train, test


def _train_and_test_inside(container: Path, name: str) -> tuple[Location, Location | None]:
    places = _readable(list_files(container))
    parts: dict[tuple[str, str, str], Location] = {}
    for place in places:
        if match := _SPLIT.fullmatch(place.stem):
            key = (match["name"], match["part"].upper(), place.suffix)
            if key in parts:
                raise DataError(f"{container}: both {parts[key]} and {place} may be meant; give the path of one")
            parts[key] = place
    names = sorted({key[0] for key in parts if key[1] == "TRAIN"})
    chosen = [other for other in names if same_name(other, name)] or names
    if not chosen and len(places) == 1:
        return places[0], None
    if len(chosen) != 1:
        raise DataError(
            f"{container}: there should be one NAME_TRAIN file, and there "
            + (f"are {shorten(f'{n}_TRAIN' for n in chosen)}" if chosen else "is none")
            + "; give the path of the training file"
        )
    # Several formats of one data set are common; the same one for both parts keeps their values comparable.
    suffixes = [suffix for suffix in READERS if (chosen[0], "TRAIN", suffix) in parts]
    suffix = next((suffix for suffix in suffixes if (chosen[0], "TEST", suffix) in parts), suffixes[0])
    return parts[chosen[0], "TRAIN", suffix], parts.get((chosen[0], "TEST", suffix))
