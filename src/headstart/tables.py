"""Tables in files: CSV or Parquet, as the name ends."""

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pandas as pd

from headstart.errors import HeadstartError
from headstart.files import write_bytes, write_text


def check_table_path(path: Path) -> None:
    """Raise `HeadstartError` unless the path ends in .csv or .parquet, and what writes the format is installed."""
    if path.suffix not in (".csv", ".parquet"):
        raise HeadstartError(f"{path}: tables are written as .csv or .parquet; choose one of the two")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise HeadstartError("Parquet needs pyarrow: pip install 'headstart[parquet]'")


def save_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table with its index, whole or not at all."""
    check_table_path(path)
    if path.suffix == ".csv":
        write_text(path, table.to_csv(lineterminator="\n"))
    else:
        buffer = BytesIO()
        table.to_parquet(buffer)
        write_bytes(path, buffer.getvalue())
