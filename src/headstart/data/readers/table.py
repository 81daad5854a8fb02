"""Tables, CSV and Parquet: wide, one series a row; or long, one time step of one case a row.

Wide: a named label column, every other column is a time step, in the file's order; empty cells at a row's end make a
shorter series. Long: columns for case and time, perhaps a label, every other column is a channel. Cases keep the order
in which they first appear; rows are sorted by time, which gives their order and nothing more: steps are not resampled.
"""

import csv
import importlib.util
import io
import re
import warnings
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.files import DAMAGED, File
from headstart.data.readers.base import (
    MISSING,
    Columns,
    NoLabelColumnError,
    Series,
    check_equal_widths,
    is_number,
    numbered_lines,
    quote,
    shorten,
    to_numbers,
)
from headstart.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_NOT_A_TIME_STEP = {"id", "case", "case_id", "series", "series_id", "time", "timestamp", "date", "datetime", "index"}
_NUMBERS = re.compile(r"[-+.:\s\d]*\d[-+.:\s\d]*")
"""What time steps differ in: "t12", "850.5 nm", "2024-01-31 12:00"."""
_LIKE_AN_INDEX = re.compile(r"^unnamed: [\d.]+$|[_ ]id$")  # what pandas calls a column without a name; "patient_id"


def read_csv(file: File, columns: Columns) -> Series:
    """Read a comma-separated table with a header row; see `headstart.data.readers.base.Reader`."""
    import pandas as pd

    text = file.text()
    lines, line_numbers = numbered_lines(text)
    header = [name.rstrip() for name in _cells(file, lines[:1])[0]]
    _check_header(file, header)
    widths = [len(cells) for cells in _cells(file, lines)] if '"' in text else [line.count(",") + 1 for line in lines]
    check_equal_widths(
        file, widths, line_numbers, "leave cells empty at the end of a shorter series, but keep their commas"
    )
    texts = {name for name in (columns.label, columns.case) if name in header}
    frame = pd.read_csv(
        io.BytesIO("\n".join(lines).encode()),  # StringIO would take four bytes a character
        header=0,
        names=header,
        index_col=False,
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,
        na_values={name: MISSING for name in header if name not in texts},
        skipinitialspace=True,
        low_memory=False,
    )
    for name in texts:  # blanks before a cell are skipped; those behind it would make another class of "a "
        frame[name] = frame[name].str.rstrip()
    series = _split(file, frame, columns, lambda i: f"line {line_numbers[i + 1]}")
    return series if series.labels is None else series._replace(labels=list(series.labels))


def read_parquet(file: File, columns: Columns) -> Series:
    """Read a Parquet table; see `headstart.data.readers.base.Reader`. Labels keep their type."""
    import pandas as pd

    if importlib.util.find_spec("pyarrow") is None:
        raise DataError(f"{file.path}: reading Parquet needs pyarrow; pip install 'headstart[parquet]'")
    try:
        frame = pd.read_parquet(io.BytesIO(file.content), engine="pyarrow")
    except (OSError, ValueError):  # pyarrow's ArrowInvalid is a ValueError
        raise DataError(f"{file.path} is not Parquet, or {DAMAGED}") from None
    roles = {columns.label, columns.case, columns.time} - {None}
    named = [str(name) for name in frame.index.names if name in roles and name not in frame.columns]
    levels = {name: frame.index.get_level_values(name) for name in named}  # of the index; others are no time steps
    frame = frame.reset_index(drop=True).assign(**levels)
    frame.columns = frame.columns.map(str)
    return _split(file, frame, columns, lambda i: f"row {i + 1}")


def _cells(file: File, lines: list[str]) -> list[list[str]]:
    try:
        rows = list(csv.reader(lines, skipinitialspace=True))
    except csv.Error:  # of a cell that is longer than any
        rows = []
    if len(rows) != len(lines):
        raise DataError(f"{file.path}: a quoted cell runs over several lines, or a quote is not closed; correct it")
    return rows


def _check_header(file: File, header: list[str]) -> None:
    if header[0].startswith(("#", "sep=")):
        raise DataError(f"{file.path}: the first line ({quote(header[0])}) is no header; remove it")
    if len(header) == 1:
        separators = [separator for separator in ";\t| " if separator in header[0]]
        raise DataError(
            f"{file.path}: the first line has one column only ({quote(header[0])})"
            + (f", and seems to be separated by {separators[0]!r}" if separators else "")
            + "; separate the columns by commas, and write decimals with points"
        )
    counted = [str(i + int(header[0] == "1")) for i in range(len(header))]  # how pandas names columns without names
    if header != counted and all(is_number(name) for name in header) and not _is_scale(header):
        raise DataError(
            f"{file.path}: the first line has numbers only, so there is no header; name the columns, or, if the "
            "first column is the label, rename the file to .txt"
        )
    if "" in header:
        raise DataError(
            f"{file.path}: column {header.index('') + 1} has no name, as a saved row index has none; name or remove it"
        )
    twice = sorted({name for name in header if header.count(name) > 1}) if len(set(header)) < len(header) else []
    if twice:
        raise DataError(
            f"{file.path}: several columns are named {shorten(map(repr, twice))}; "
            + ("if the first line is no header, add one" if all(map(is_number, twice)) else "rename or remove them")
        )


def _is_scale(header: list[str]) -> bool:
    """Whether numbers rise or fall by similar steps, as wavelengths and times do, and hardly any series."""
    steps = np.diff([float(name) for name in header])
    return len(steps) > 2 and bool((np.abs(steps - steps.mean()) <= 0.5 * np.abs(steps.mean())).all() and steps.any())


def _split(file: File, frame: "pd.DataFrame", columns: Columns, name_row: Callable[[int], str]) -> Series:
    """Tell labels, cases, times and values apart."""
    if (columns.case is None) != (columns.time is None):
        raise DataError(f"{file.path}: a long table needs the columns of both case and time; name both, or neither")
    names = [str(name) for name in frame.columns]
    for role, name in (("label", columns.label), ("case", columns.case), ("time", columns.time)):
        if name is not None and name not in names:
            raise (NoLabelColumnError if role == "label" else DataError)(
                f"{file.path}: there is no {role} column {name!r}; name one of the columns {shorten(names)}"
                + (", or say that there are none (label=None, --no-labels)" if role == "label" else "")
            )
    if columns.label is None and Columns.label in names:
        raise DataError(
            f"{file.path}: there is a column {Columns.label!r} although there should be no labels; "
            "remove it, or name it as the label column"
        )
    if frame.empty:
        raise DataError(f"{file.path}: there is a header but no row; give at least one series")
    roles = [name for name in (columns.label, columns.case, columns.time) if name is not None]
    if len(roles) == len(names):
        raise DataError(f"{file.path}: there are no columns of values beside {shorten(roles)}; add them")
    values = frame.drop(columns=roles)
    labels = None if columns.label is None else _labels(frame[columns.label])
    place = f"column {columns.label!r} (of {shorten(names)})"
    if columns.case is None:
        _check_no_lists(file, values)
        names = [str(name) for name in values.columns]
        _check_time_steps(file, names)
        return Series(to_numbers(file, values, name_row), labels, name_row, place, step_names=names)

    case_codes, cases = _cases(file, frame[columns.case], name_row)
    times = _times(file, frame[columns.time], name_row)
    order = np.lexsort((times, case_codes))
    starts = np.flatnonzero(np.diff(case_codes[order], prepend=-1))
    _check_times_differ(file, order, case_codes, times, cases, frame[columns.time], name_row)
    series = [rows.T for rows in np.split(to_numbers(file, values, name_row)[order], starts[1:])]
    if labels is not None:
        labels = _label_of_cases(file, labels, case_codes, order[starts], cases, name_row)
    channel_names, case_names = list(map(str, values.columns)), list(map(str, cases))
    return Series(series, labels, lambda i: f"case {cases[i]!r}", place, channel_names, case_names)


def _labels(column: "pd.Series") -> np.ndarray:
    """Take labels out of a column, None where they are missing."""
    return column.astype(object).where(column.notna(), None).to_numpy()


def _check_time_steps(file: File, names: list[str]) -> None:
    """Refuse a column that is hardly a time step: by its name, or because it is not numbered as most of them are.

    Many columns that are numbered otherwise may be time steps ("Jan 1", "Feb 1"), or channels: there is a warning.
    """
    stems = [_NUMBERS.sub("#", name) for name in names]
    counts = Counter(stems)
    ((usual, n_usual),) = counts.most_common(1)
    others = [(name, stem) for name, stem in zip(names, stems, strict=True) if stem != usual]
    odd = [name for name, stem in others if len(others) < len(names) / 4 or "#" not in stem]
    if "#" in usual and n_usual > len(names) / 2 and odd:
        raise DataError(
            f"{file.path}: column {odd[0]!r} would be read as a time step, and is not named as the others are "
            f"({shorten(name for name in names if name not in odd)}); remove it, or, if it is one, rename it"
        )
    numbered = [stem for stem, n in counts.items() if "#" in stem and n > 1]
    if len(numbered) > 1:
        warnings.warn(
            f"{file.path}: the columns are numbered in several ways ({shorten(numbered)}), and are read as one series, "
            "in their order; if they are channels, give each time step of a case a row, with columns of case and time",
            stacklevel=2,
        )
    for name in names:
        if name.lower() in _NOT_A_TIME_STEP or _LIKE_AN_INDEX.search(name.lower()):
            raise DataError(
                f"{file.path}: column {name!r} would be read as a time step; remove it, or, if each row is one time "
                "step of a case, name the case and time columns"
            )


def _check_no_lists(file: File, values: "pd.DataFrame") -> None:
    for name, column in values.items():
        if column.dtype == object and any(isinstance(cell, list | tuple | np.ndarray) for cell in column.head()):
            raise DataError(
                f"{file.path}: column {name!r} holds a list in each cell; give each time step a column of its own, or "
                "each time step of a case a row, with columns of case and time"
            )


def _cases(file: File, column: "pd.Series", name_row: Callable[[int], str]) -> tuple[np.ndarray, list]:
    codes, cases = column.replace("", None).factorize()
    if (codes < 0).any():
        raise DataError(f"{file.path}: {name_row(int(np.argmax(codes < 0)))} does not say its case; fill it in")
    return codes, list(cases)


def _times(file: File, column: "pd.Series", name_row: Callable[[int], str]) -> np.ndarray:
    import pandas as pd

    times = pd.to_numeric(column, errors="coerce")
    if times.isna().all():  # not numbers, then dates; other ways to write them leave open which number is the day
        times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    wrong = (column.isna() | times.isna()).to_numpy()  # to_numeric makes a number of a missing date
    if wrong.any():
        i = int(np.argmax(wrong))
        raise DataError(
            f"{file.path}: {name_row(i)}, column {column.name!r} holds {str(column.iloc[i])!r} as time; write "
            "numbers or dates such as 2024-01-31 12:00:00"
        )
    return times.to_numpy()


def _check_times_differ(
    file: File,
    order: np.ndarray,
    case_codes: np.ndarray,
    times: np.ndarray,
    cases: list,
    column: "pd.Series",
    name_row: Callable[[int], str],
) -> None:
    same = (np.diff(case_codes[order]) == 0) & (times[order][1:] == times[order][:-1])
    if same.any():
        first, second = order[int(np.argmax(same))], order[int(np.argmax(same)) + 1]
        raise DataError(
            f"{file.path}: {name_row(first)} and {name_row(second)} both hold case {cases[case_codes[first]]!r} at "
            f"time {column.iloc[first]}; keep one of them, or give the cases different names"
        )


def _label_of_cases(
    file: File,
    labels: np.ndarray,
    case_codes: np.ndarray,
    first_rows: np.ndarray,
    cases: list,
    name_row: Callable[[int], str],
) -> np.ndarray:
    of_cases = labels[first_rows]
    differs = labels != of_cases[case_codes]
    if differs.any():
        i = int(np.argmax(differs))
        case = case_codes[i]
        raise DataError(
            f"{file.path}: {name_row(i)} gives case {cases[case]!r} the label {labels[i]!r} where "
            f"{name_row(first_rows[case])} gives {of_cases[case]!r}; give all rows of a case the same label"
        )
    return of_cases
