"""The errors that headstart raises on purpose.

Each carries one sentence that says what was wrong, where, and what to do; the command line prints it and exits
with code 2. Anything else that escapes is a bug.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class HeadstartError(Exception):
    """Base of all errors that headstart raises on purpose."""


class DataError(HeadstartError, ValueError):
    """Series, labels or a data file that cannot be used as they are."""


class ShapeError(DataError):
    """Arrays whose shapes do not fit each other."""


class ModelError(HeadstartError):
    """A saved source or model that is missing, damaged, or of a version this headstart cannot read."""


class UnknownNameError(HeadstartError, LookupError):
    """A name that is not among those that exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        known = sorted(known)
        close = get_close_matches(name, known, n=1, cutoff=0.6)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        listing = hint or ("; ".join(known) if known else "none")
        super().__init__(f"unknown {kind} {name!r}.{guess} {len(known)} known: {listing}")
