"""Signatures: a few bytes by which a series, or a near copy of it, is found again without its values.

A source carries the signatures of its training series, so that it can be asked whether it has seen a target's series
although its data are elsewhere. Copies are seldom equal bit for bit: values were rounded, cast, scaled or resampled.
A hash of rounded values breaks at each rounding boundary, and the signs of projections (SimHash; Charikar, STOC 2002)
cannot tell a copy from the next spectrum or heart beat, whose correlation may be 0.9999. So a signature keeps the
projections themselves: each channel is averaged over `N_STEPS` equal parts of its duration, z-normalised, and projected
onto `N_PROJECTIONS` random directions (Achlioptas, "Database-friendly random projections", Journal of Computer and
System Sciences 66(4), 2003). The root mean squared difference of two signatures estimates that of the averaged series,
with a standard deviation of a quarter of it. The entries of a direction are uniform, not the paper's signs: under
signs, single peaks at different times, which meters of appliances record, look the same once in 256 times.
"""

import hashlib

import numpy as np

from headstart.data.dataset import Dataset

N_STEPS = 128
N_PROJECTIONS = 8
SCALE = 2048
"""Steps of a signature in one standard deviation; the largest projection, about √128, stays within int16."""
NO_SIGNATURE = np.iinfo(np.int16).min
"""Fills the signature of a channel that never changes: it has no shape to be known by."""


def series_signatures(data: Dataset, *, backwards: bool = False) -> np.ndarray:
    """Return the signatures of all series.

    Parameters
    ----------
    data
        Series of any lengths; their level and scale do not matter.
    backwards
        Whether to read the series from their ends. Some data sets hold the series of others in reversed time.

    Returns
    -------
    ndarray
        int16, (n_cases, n_channels, 8). Signatures of the same series differ by a few steps at most; a channel that
        never changes has `NO_SIGNATURE` throughout.

    Examples
    --------
    >>> shape = [[0, 1, 4, 2, 2, 3, 0]]
    >>> signature = series_signatures(Dataset.from_arrays("a", shape))
    >>> signature.shape, signature.dtype
    ((1, 1, 8), dtype('int16'))
    >>> scaled = series_signatures(Dataset.from_arrays("b", 100 - 3.3 * np.array(shape)))
    >>> int(abs(signature + scaled).max())  # upside down, hence the other sign
    0
    """
    signatures = np.empty((data.n_cases, data.n_channels, N_PROJECTIONS), np.int16)
    for length in np.unique(data.lengths):
        cases = data.lengths == length
        X = data.X[cases, :, :length][:, :, :: -1 if backwards else 1]
        averages = X.astype(np.float64) @ _averaging(int(length))  # (n_cases, n_channels, N_STEPS)
        mean = averages.mean(axis=2, keepdims=True)
        std = averages.std(axis=2, keepdims=True)
        # A constant float32 channel may have averages that differ by rounding, hence a tolerance relative to its level.
        constant = std <= 1e-6 * np.maximum(np.abs(mean), 1e-30)
        shape = (averages - mean) / np.where(constant, 1.0, std)
        signatures[cases] = np.where(constant, NO_SIGNATURE, np.rint(shape @ _DIRECTIONS * SCALE))
    return signatures


def _averaging(length: int) -> np.ndarray:
    """Make the matrix, (length, N_STEPS), that averages a series, drawn as a line, over equal parts of its duration."""
    if length == 1:
        return np.ones((1, N_STEPS))
    edges = np.linspace(0, length - 1, N_STEPS + 1)
    # The line is a sum of one hat a time step; these are the integrals of all hats up to each edge.
    u = np.clip(edges - np.arange(length)[:, None], -1, 1)  # (length, N_STEPS + 1)
    integrals = np.where(u <= 0, (u + 1) ** 2 / 2, 1 - (1 - u) ** 2 / 2)
    return np.diff(integrals, axis=1) / (edges[1] - edges[0])


def _directions() -> np.ndarray:
    """Make the directions, (N_STEPS, N_PROJECTIONS), from a hash, which no version of a generator can change."""
    digest = hashlib.shake_128(b"headstart: signatures of series").digest(4 * N_STEPS * N_PROJECTIONS)
    uniform = np.frombuffer(digest, "<u4").reshape(N_STEPS, N_PROJECTIONS) / 2.0**31 - 1  # in [-1, 1), variance 1/3
    return uniform * np.sqrt(3 / N_STEPS)


_DIRECTIONS = _directions()
