"""What is done to series, and asked of them, before a network sees them."""

from dataclasses import replace

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import DataError


def z_normalise(data: Dataset) -> Dataset:
    """Scale each channel of each series to mean 0 and standard deviation 1, over its own time steps.

    Lengths, padding and labels stay. A channel that never changes becomes zeros.

    Examples
    --------
    >>> z_normalise(Dataset.from_arrays("toy", [[1, 3], [10, 30]])).X.tolist()
    [[[-1.0, 1.0]], [[-1.0, 1.0]]]
    """
    X = data.X.astype(np.float64)
    mean = np.nanmean(X, axis=2, keepdims=True)
    std = np.nanstd(X, axis=2, keepdims=True)
    # A constant float32 channel may have a mean that is off by rounding, hence a tolerance relative to its level.
    constant = std <= 1e-6 * np.maximum(np.abs(mean), 1e-30)
    scaled = np.where(constant, X - X, (X - mean) / np.where(constant, 1.0, std))  # X - X keeps the NaN padding
    return replace(data, X=scaled.astype(np.float32))


def require_variation(data: Dataset) -> None:
    """Refuse series of which z-normalisation would leave nothing: those that never change in any channel.

    Raises
    ------
    DataError
        If there are any; it names the first.
    """
    flat = np.flatnonzero((np.nanmax(data.X, axis=2) == np.nanmin(data.X, axis=2)).all(axis=1))
    if len(flat):
        raise DataError(
            f"{data.name}: case {flat[0] + 1} never changes (its value is {data.X[flat[0], 0, 0]:g}), and "
            f"z-normalisation would leave nothing of it; remove it ({len(flat)} such in all), or switch normalisation "
            "off (normalise=False, --no-normalise)"
        )
