"""What many functions are given alike: seeds, numbers of workers, and one name where there may be several."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from headstart.errors import DataError


def checked_seed(seed: int | np.integer, name: str = "seed") -> int:
    """Return a seed, with which every generator of random numbers here can begin, as a plain int.

    Raises
    ------
    DataError
        If it is no whole number from 0 to 2³² - 1; the message calls it by `name`.

    Examples
    --------
    >>> checked_seed(np.int64(3))
    3
    """
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise DataError(f"{name} is {seed}; a seed is a whole number from 0 to {2**32 - 1}")
    return int(seed)


def checked_workers(workers: int | np.integer) -> int:
    """Return a number of worker processes as a plain int.

    Raises
    ------
    DataError
        If it is no whole number of at least 0.

    Examples
    --------
    >>> checked_workers(-1)
    Traceback (most recent call last):
    headstart.errors.DataError: workers is -1; it is a whole number of processes, or 0 for none but this one
    """
    if isinstance(workers, bool) or not isinstance(workers, int | np.integer) or workers < 0:
        raise DataError(f"workers is {workers!r}; it is a whole number of processes, or 0 for none but this one")
    return int(workers)


def as_list(one_or_several: Any) -> list[Any]:
    """Return one string or one object in a list, and several as a list.

    Examples
    --------
    >>> as_list("fcn"), as_list(("fcn", "resnet"))
    (['fcn'], ['fcn', 'resnet'])
    """
    is_several = isinstance(one_or_several, Iterable) and not isinstance(one_or_several, str | bytes)
    return list(one_or_several) if is_several else [one_or_several]
