"""The ``.ts`` format of aeon and timeseriesclassification.com, read by aeon.

aeon 1.6 changes or loses some of it, so its reader is given the values alone: it puts labels in lower case (and writes
"nan" in them as "NaN"), drops the sign and the exponent of values with time stamps, stumbles over blank lines, and
takes series for equally long where the header does not say that they are not. Labels, time stamps and the shape are
read here. Time stamps order nothing; the values are taken as they come.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headstart.data.files import File
from headstart.data.readers.base import Columns, Series, check_numbers, numbered_lines, shorten
from headstart.errors import DataError

_STAMPED = re.compile(r"\(([^()]*),([^(),]*)\)")


def read(file: File, columns: Columns) -> Series:
    """Read a ``.ts`` file; see `headstart.data.readers.base.Reader`."""
    lines, line_numbers = numbered_lines(file.text())
    start = next((i for i, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if start is None:
        raise DataError(f"{file.path}: there is no @data line, so this is not a .ts file; check the format")
    header = {words[0].lower(): words[1:] for words in (line.split() for line in lines[:start]) if words[0][0] == "@"}
    rows, line_numbers = lines[start + 1 :], line_numbers[start + 1 :]
    if not rows:
        raise DataError(f"{file.path}: there is no series after @data; give at least one")
    if header.get("@targetlabel", ["false"])[0].lower() == "true":
        raise DataError(
            f"{file.path}: its labels are numbers to predict (@targetLabel), not classes; it cannot be used"
        )
    labelled = header.get("@classlabel", ["true"])[0].lower() == "true"
    if columns.label is not None and not labelled:
        raise DataError(
            f"{file.path}: it has no class labels (@classLabel false); give a labelled file, or say so with label=None "
            "(--no-labels)"
        )

    def row_name(i: int) -> str:
        return f"line {line_numbers[i]}"

    labels = None
    if labelled:
        parts = [row.rpartition(":") for row in rows]
        rows, labels = [values for values, _, _ in parts], [label.strip() for _, _, label in parts]
    if header.get("@timestamps", ["false"])[0].lower() == "true":
        rows = [_STAMPED.sub(r"\2", row) for row in rows]
    _check_shapes(file, rows, row_name)
    try:
        X = _read_by_aeon(rows)
    except ValueError:
        check_numbers(file, (row.replace(":", ",").split(",") for row in rows), row_name)
        raise
    return Series(X, labels if columns.label is not None else None, row_name, "the end of each line")


def _check_shapes(file: File, rows: list[str], row_name: Callable[[int], str]) -> None:
    for i, row in enumerate(rows):
        if not row.strip():
            raise DataError(f"{file.path}: {row_name(i)} has no ':' between values and label; correct the line")
        if row.count(":") != rows[0].count(":"):
            raise DataError(
                f"{file.path}: {row_name(i)} has {row.count(':') + 1} channels where {row_name(0)} has "
                f"{rows[0].count(':') + 1}; give every series the same channels"
            )
        lengths = [channel.count(",") + 1 for channel in row.split(":")]
        if len(set(lengths)) > 1:
            raise DataError(
                f"{file.path}: the channels of {row_name(i)} have different lengths ({shorten(lengths)}); "
                "write ? where a channel has no value"
            )


def _read_by_aeon(rows: list[str]) -> np.ndarray | list[np.ndarray]:
    from aeon.datasets import load_from_ts_file

    equal_length = len({row.partition(":")[0].count(",") for row in rows}) == 1
    header = f"@univariate {':' not in rows[0]}\n@equalLength {equal_length}\n@classLabel false\n@data\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.ts"
        path.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
        return load_from_ts_file(str(path))[0]
