"""Tables in files: CSV, plain or compressed, or Parquet, as the name ends."""

import gzip
import zlib
from collections.abc import Iterable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pandas as pd

from headstart.errors import HeadstartError
from headstart.files import write_bytes, write_text


def check_table_path(path: Path) -> None:
    """Raise `HeadstartError` unless the path ends in a known suffix, and what writes the format is installed."""
    if not path.name.endswith((".csv", ".csv.gz", ".parquet")):
        raise HeadstartError(f"{path}: tables are written as .csv, .csv.gz or .parquet; choose one of the three")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise HeadstartError("Parquet needs pyarrow: pip install 'headstart[parquet]'")


def save_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table with its index, whole or not at all; equal tables give equal bytes."""
    check_table_path(path)
    if path.suffix == ".parquet":
        buffer = BytesIO()
        table.to_parquet(buffer)
        write_bytes(path, buffer.getvalue())
        return
    text = table.to_csv(lineterminator="\n")
    if path.suffix == ".gz":
        write_bytes(path, gzip.compress(text.encode(), mtime=0))  # else the header holds the time
    else:
        write_text(path, text)


def load_table(path: Path, index: str, texts: Iterable[str] = ()) -> pd.DataFrame:
    """Read a table that `save_table` wrote, one of its columns as index.

    Parameters
    ----------
    path
        The file.
    index
        The column of the index; it is text, also where it looks like a number.
    texts
        Other columns of text.

    Raises
    ------
    HeadstartError
        If there is no such file, or it is no such table.
    """
    check_table_path(path)
    try:
        is_parquet = path.suffix == ".parquet"
        kinds = dict.fromkeys([index, *texts], str)
        if is_parquet:
            return pd.read_parquet(path).reset_index().set_index(index)
        # Only what is empty is missing: a data set may be called NA.
        table = pd.read_csv(path, low_memory=False, dtype=kinds, keep_default_na=False, na_values=[""])
        return table.set_index(index)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HeadstartError(f"cannot read {path}: {reason}; check the path") from None
    except (ValueError, KeyError, EOFError, zlib.error) as error:
        reason = str(error).splitlines()[0]
        raise HeadstartError(f"{path}: is no table with the column {index!r} ({reason}); check the path") from None
