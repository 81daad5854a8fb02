"""UCR text: one series a line, its class label first; no header.

The 2018 release separates by tabs (``NAME_TRAIN.tsv``), the 2015 release by commas, in files without a suffix
(``Gun_Point_TRAIN``), older ones and timeseriesclassification.com's ``.txt`` by spaces: the first line decides. Shorter
series are padded with NaN. Dau et al., "The UCR time series archive", IEEE/CAA J. Automatica Sinica 6(6), 2019.
"""

import io
import re

from headstart.data.files import File
from headstart.data.readers.base import (
    MISSING,
    Columns,
    Series,
    check_equal_widths,
    is_number,
    numbered_lines,
    quote,
    to_numbers,
)
from headstart.errors import DataError


def read(file: File, columns: Columns) -> Series:
    """Read UCR text; see `headstart.data.readers.base.Reader`."""
    import pandas as pd

    lines, line_numbers = numbered_lines(file.text())
    separator = next((mark for mark in "\t," if mark in lines[0]), None)  # None: white space
    widths = [line.count(separator) + 1 if separator else len(line.split()) for line in lines]
    if widths[0] == 1:
        raise DataError(
            f"{file.path}: line {line_numbers[0]} has one column only ({quote(lines[0])}); UCR text is separated "
            "by tabs, commas or spaces"
        )
    if not any(cell.strip() in MISSING or is_number(cell) for cell in lines[0].split(separator)[1:]):
        raise DataError(
            f"{file.path}: line {line_numbers[0]} looks like a header ({quote(lines[0])}), which UCR text has not; "
            "remove it, or separate the columns by commas and name the file .csv"
        )
    check_equal_widths(file, widths, line_numbers, "pad shorter series with NaN, or correct the line")
    value_columns = range(1 if columns.label is None else 2, widths[0] + 1)
    frame = pd.read_csv(  # type: ignore[call-overload]  # pandas-stubs knows na_values for names that are text only
        io.BytesIO("\n".join(lines).encode()),  # StringIO would take four bytes a character
        sep=separator or r"\s+",
        header=None,
        names=tuple(range(1, widths[0] + 1)),
        index_col=False,
        dtype={} if columns.label is None else {1: str},
        keep_default_na=False,
        na_values=dict.fromkeys(value_columns, MISSING),
        skipinitialspace=True,
        quoting=3,  # csv.QUOTE_NONE
        low_memory=False,
    )

    def row(i: int) -> str:
        return f"line {line_numbers[i]}"

    labels = None if columns.label is None else [_plain(text) for text in frame.pop(1).str.strip()]
    return Series(to_numbers(file, frame, row), labels, row, "column 1")


def _plain(label: str) -> str:
    """Write a class number such as 1.0000000e+00, as old releases have it, as the integer that it is."""
    if re.fullmatch(r"[-+]?\d+\.?\d*(e[-+]?\d+)?", label, re.IGNORECASE) and re.search("[.e]", label, re.IGNORECASE):
        return str(int(float(label))) if float(label).is_integer() else label
    return label
