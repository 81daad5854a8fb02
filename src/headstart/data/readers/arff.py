r"""The ``.arff`` format of Weka, as timeseriesclassification.com uses it, read by aeon.

One series a line and its class last; series of several channels are relational attributes, their channels separated by
``\n`` within one quoted value. ``?`` is a missing value, and pads shorter series. aeon 1.6 takes comments after
``@data`` for series and repeats a line's only value to the length of the first line, so lines are checked here first.
"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headstart.data.files import File
from headstart.data.readers.base import Columns, Series, check_equal_widths, check_numbers, numbered_lines, quote
from headstart.errors import DataError

_RELATIONAL_ROW = re.compile(r"""(['"])(?P<values>[^'"]*)\1\s*,(?P<label>.*)""")


def read(file: File, columns: Columns) -> Series:
    """Read an ``.arff`` file; see `headstart.data.readers.base.Reader`."""
    lines, line_numbers = numbered_lines(file.text())
    start = next((i for i, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if start is None:
        raise DataError(f"{file.path}: there is no @data line, so this is not an .arff file; check the format")
    attributes = [line.split(None, 1)[1].lower() for line in lines[:start] if line.lower().startswith("@attribute ")]
    if not attributes or not re.search(r"(\{.*\}|\bstring)\s*$", attributes[-1]):
        raise DataError(
            f"{file.path}: the last attribute is not a class ({quote(attributes[-1]) if attributes else 'none'}); give "
            "the class last, as {label, label, …}"
        )
    numbered_rows = [
        (line.strip(), number)
        for line, number in zip(lines[start + 1 :], line_numbers[start + 1 :], strict=True)
        if not line.startswith("%")
    ]
    if not numbered_rows:
        raise DataError(f"{file.path}: there is no series after @data; give at least one")
    rows, line_numbers = [row for row, _ in numbered_rows], [number for _, number in numbered_rows]

    def row_name(i: int) -> str:
        return f"line {line_numbers[i]}"

    relational = any(attribute.endswith("relational") for attribute in attributes)
    values, labels = _split_relational(file, rows, row_name) if relational else _split_flat(rows)
    channels = [row.split("\\n") for row in values]
    for i, row in enumerate(channels):
        if len(row) != len(channels[0]):
            raise DataError(
                f"{file.path}: {row_name(i)} has {len(row)} channels where {row_name(0)} has {len(channels[0])}; "
                "give every series the same channels"
            )
    check_equal_widths(
        file,
        [channel.count(",") + 1 for row in channels for channel in row],
        [number for number, row in zip(line_numbers, channels, strict=True) for _ in row],
        "pad shorter series with ?, or correct the line",
    )
    try:
        X = _read_by_aeon(values, relational)
    except ValueError:
        check_numbers(file, (row.replace("\\n", ",").split(",") for row in values), row_name)
        raise
    return Series(X, _class_labels(labels) if columns.label is not None else None, row_name, "the last attribute")


def _split_flat(rows: list[str]) -> tuple[list[str], list[str]]:
    parts = [row.rpartition(",") for row in rows]
    return [values for values, _, _ in parts], [label for _, _, label in parts]


def _split_relational(file: File, rows: list[str], row_name: Callable[[int], str]) -> tuple[list[str], list[str]]:
    values, labels = [], []
    for i, row in enumerate(rows):
        match = _RELATIONAL_ROW.fullmatch(row)
        if match is None:
            raise DataError(
                rf"{file.path}: {row_name(i)} is not of the form 'channel\nchannel',label although an attribute is "
                "relational; correct it"
            )
        values.append(match["values"])
        labels.append(match["label"])
    return values, labels


def _class_labels(labels: list[str]) -> list[str]:
    """Take quotes off labels; ? is none."""
    labels = [label.strip() for label in labels]
    return ["" if label == "?" else re.sub(r"""^(['"])(.*)\1$""", r"\2", label) for label in labels]


def _read_by_aeon(values: list[str], relational: bool) -> np.ndarray:
    from aeon.datasets import load_from_arff_file

    rows = [f"'{row}',0" for row in values] if relational else [f"{row},0" for row in values]
    header = "@attribute series relational\n@data\n" if relational else "@data\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "values.arff"
        path.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
        return load_from_arff_file(str(path))[0]
