"""Seeds: what every generator of random numbers here can begin with."""

import numpy as np

from headstart.errors import DataError


def checked_seed(seed: int | np.integer, name: str = "seed") -> int:
    """Return a seed as a plain int.

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
