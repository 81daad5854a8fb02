"""What all readers share: their contract, labels out of text, and the checks of rows and cells that name the place."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headstart.data.files import File
from headstart.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ["", "?", "NaN", "nan", "NA", "N/A", "NULL", "null", "None"]
"""How text files write a missing value."""


class NoLabelColumnError(DataError):
    """A table lacks the column that should hold the labels."""


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns that are not values.

    Attributes
    ----------
    label
        The column of class labels; None if there are no labels. Formats that fix the labels' place look only at
        whether it is None.
    case, time
        Both given: the table is long, with one row a time step of a case.
    """

    label: str | None = "label"
    case: str | None = None
    time: str | None = None


class Series(NamedTuple):
    """What a reader returns: arrays for `Dataset.from_arrays`, and words for messages.

    Attributes
    ----------
    X
        Series as `Dataset.from_arrays` takes them.
    labels
        (n_cases,): a list of text, which `from_text` gives its type, or an array of labels as they are; None if
        unlabelled.
    rows
        What to call case i: the file's row or line.
    label_place
        Where the labels were: "column 'label'".
    channel_names, case_names, step_names
        As in `Dataset`.
    """

    X: Any
    labels: list[str] | np.ndarray | None
    rows: Callable[[int], str]
    label_place: str
    channel_names: Sequence[str] = ()
    case_names: Sequence[str] = ()
    step_names: Sequence[str] = ()


Reader = Callable[[File, Columns], Series]


def from_text(labels: Iterable[str]) -> np.ndarray:
    """Give labels that were read as text their type: all int, or all float, or all text.

    They become numbers only if each of them is written as Python writes that number, so that printing them gives
    back what the file says: "01", "1.50" and "1e3" stay text.

    Examples
    --------
    >>> from_text(["1", "-1"]), from_text(["0.5", "1.0"]), from_text(["01", "2"])
    (array([ 1, -1]), array([0.5, 1. ]), array(['01', '2'], dtype='<U2'))
    """
    labels = list(labels)
    different = set(labels)
    for kind in (int, float):
        if all(_is_written_as(kind, label) for label in different):
            return np.array([kind(label) for label in labels])
    return np.array(labels)


def _is_written_as(kind: type[int] | type[float], label: str) -> bool:
    try:
        value = kind(label)
    except ValueError:
        return False
    # Beyond 2**53 numbers stop being exact somewhere on the way, and such labels are codes rather than numbers.
    return str(value) == label and abs(value) < 2**53  # False for nan and inf


def shorten(items: Iterable[Any]) -> str:
    """List items for messages: all if they are few, else the first and the last."""
    items = [str(item) for item in items]
    return ", ".join(items) if len(items) <= 10 else f"{', '.join(items[:6])}, …, {', '.join(items[-2:])}"


def quote(text: str, most: int = 40) -> str:
    """Quote a text, or its beginning, for messages."""
    return repr(text[:most] + ("…" if len(text) > most else ""))


def numbered_lines(text: str) -> tuple[list[str], list[int]]:
    """Split text into its lines that are not blank, and their numbers, from 1."""
    # As pandas and Python's files split; str.splitlines would also split at rarer characters.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    pairs = [(line, number) for number, line in enumerate(lines, 1) if line and not line.isspace()]
    return [line for line, _ in pairs], [number for _, number in pairs]


def is_number(text: str) -> bool:
    """Whether a cell is a number, or missing in one of the ways that look like a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_numbers(file: File, rows: Iterable[Sequence[str]], name_row: Callable[[int], str]) -> None:
    """Raise DataError at the first cell that is not a number; rows holds the cells of each."""
    for i, cells in enumerate(rows):
        for step, cell in enumerate(cells, 1):
            if not is_number(cell.replace("?", "nan")):
                raise DataError(
                    f"{file.path}: {name_row(i)} holds {quote(cell.strip())} at value {step}, which is not a number; "
                    "correct it, or write ? if it is missing"
                ) from None


def check_equal_widths(file: File, widths: Sequence[int], line_numbers: Sequence[int], advice: str) -> None:
    """Raise DataError at the first line whose number of columns differs from the first line's."""
    for width, number in zip(widths, line_numbers, strict=True):
        if width != widths[0]:
            raise DataError(
                f"{file.path}: line {number} has {width} columns where line {line_numbers[0]} has {widths[0]}; {advice}"
            )


def to_numbers(file: File, frame: "pd.DataFrame", rows: Callable[[int], str]) -> np.ndarray:
    """Return a table's values as float64, (rows, columns); DataError names the first cell that is not a number."""
    import pandas as pd

    columns = []
    for name, kind in frame.dtypes.items():
        is_bool = pd.api.types.is_bool_dtype(kind)
        column = frame[name]
        if pd.api.types.is_numeric_dtype(kind) and not is_bool:
            columns.append(column.to_numpy(np.float64, na_value=np.nan))
            continue
        numbers = pd.to_numeric(column.astype(object), errors="coerce")
        wrong = (column.notna() & (numbers.isna() | is_bool)).to_numpy()
        if wrong.any():
            i = int(np.argmax(wrong))
            raise DataError(
                f"{file.path}: {rows(i)}, column {name!r} holds {str(column.iloc[i])!r}, which is not a number; "
                "correct it, leave it empty if it is missing, or remove the column if it holds no values of the series"
            )
        columns.append(numbers.to_numpy(np.float64, na_value=np.nan))
    return np.column_stack(columns)
