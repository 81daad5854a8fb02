"""Readers, one format a file; a new format is one file here and one line in READERS."""

from headstart.data.readers import arff, npz, table, ts, ucr
from headstart.data.readers.base import Columns, Reader, Series, from_text

READERS: dict[str, Reader] = {
    ".ts": ts.read,
    ".tsv": ucr.read,
    ".txt": ucr.read,
    "": ucr.read,
    ".arff": arff.read,
    ".csv": table.read_csv,
    ".parquet": table.read_parquet,
    ".npz": npz.read,
}
"""Suffix of a file, before ``.gz``, to its reader. Where a folder holds a data set several times, the first wins."""

__all__ = ["READERS", "Columns", "Reader", "Series", "from_text"]
