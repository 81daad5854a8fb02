"""NumPy's ``.npz``: an array X, (cases, time) or (cases, channels, time), padded with NaN, and an array y of labels."""

import io

import numpy as np

from headstart.data.files import DAMAGE_ERRORS, DAMAGED, File
from headstart.data.readers.base import Columns, Series, shorten
from headstart.errors import DataError

_FORMS = {
    "X": ("biuf", (2, 3), "of numbers with 2 or 3 dimensions"),
    "y": ("biufU", (1,), "of numbers or strings, (cases,)"),
}


def read(file: File, columns: Columns) -> Series:
    """Read an ``.npz`` file; see `headstart.data.readers.base.Reader`. Nothing in it is unpickled."""
    wanted = ["X"] if columns.label is None else ["X", "y"]
    try:
        with np.load(io.BytesIO(file.content), allow_pickle=False) as arrays:
            for name in wanted:
                if name not in arrays.files:
                    raise DataError(
                        f"{file.path}: there is no array {name!r}, only {shorten(arrays.files) or 'none'}; save the "
                        "series as X and their labels as y, or say with label=None (--no-labels) that they "
                        "have none"
                    )
            found = {name: np.asarray(arrays[name]) for name in wanted}
    except DataError:
        raise
    except (*DAMAGE_ERRORS, RuntimeError):  # RuntimeError is zipfile's for a member with a password
        raise DataError(f"{file.path} {DAMAGED}") from None
    except (ValueError, AttributeError, TypeError, SyntaxError, MemoryError):  # of objects; an .npy; a broken header
        raise DataError(
            f"{file.path}: not an .npz of plain arrays (Python objects are not read, for safety); save arrays of "
            "numbers or strings with np.savez"
        ) from None
    for name, array in found.items():
        kinds, n_dimensions, what = _FORMS[name]
        if array.dtype.kind not in kinds or array.ndim not in n_dimensions:
            raise DataError(
                f"{file.path}: the array {name!r} is {array.dtype} of the shape {array.shape}; save one {what}"
            )
    return Series(found["X"], found.get("y"), lambda i: f"case {i + 1}", "the array 'y'")
