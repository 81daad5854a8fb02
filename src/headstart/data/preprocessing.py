"""What is done to series, and asked of them, before a network sees them."""

from dataclasses import replace

import numpy as np

from headstart.data.dataset import ROUNDING, Dataset
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
    mean, std = _moments(X)
    constant = std <= ROUNDING * np.abs(mean)
    scaled = np.where(constant, X - X, (X - mean) / np.where(constant, 1.0, std))  # X - X keeps the NaN padding
    return replace(data, X=scaled.astype(np.float32))


def require_variation(data: Dataset, *, can_be_switched_off: bool = True) -> None:
    """Refuse series of which z-normalisation would leave nothing: those that never change in any channel.

    Parameters
    ----------
    data
        Series as they are.
    can_be_switched_off
        Whether to advise it. A pretrained source normalises as it did when it was trained.

    Raises
    ------
    DataError
        If there are any; it names the first.
    """
    flat = flat_cases(data)
    if len(flat):
        raise DataError(
            f"{data.name}: case {flat[0] + 1} never changes (its value is {data.X[flat[0], 0, 0]:g}), and "
            f"z-normalisation would leave nothing of it; remove it ({len(flat)} such in all)"
            + (", or switch normalisation off (normalise=False, --no-normalise)" if can_be_switched_off else "")
        )


def flat_cases(data: Dataset) -> np.ndarray:
    """Return the indices of the series that never change in any channel.

    Examples
    --------
    >>> flat_cases(Dataset.from_arrays("toy", [[1, 1], [1, 2]])).tolist()
    [0]
    """
    mean, std = _moments(data.X.astype(np.float64))
    return np.flatnonzero((std <= ROUNDING * np.abs(mean)).all(axis=(1, 2)))


def require_classes(data: Dataset, purpose: str = "training") -> None:
    """Refuse series that nothing can be learnt from: without labels, or all of one class.

    Parameters
    ----------
    data
        Series as they are.
    purpose
        What it is that needs them, for the message.

    Raises
    ------
    DataError
        If a case has no label, or there is only one class.
    """
    if not data.is_labelled:
        raise DataError(f"{data.name}: {purpose} needs a label for every case; label them")
    if len(np.unique(data.y)) < 2:
        raise DataError(
            f"{data.name}: there is only one class ({data.labels[0]}) in all {data.n_cases} cases; "
            f"{purpose} needs at least two"
        )


def _moments(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over time, each (n_cases, n_channels, 1)."""
    return np.nanmean(X, axis=2, keepdims=True), np.nanstd(X, axis=2, keepdims=True)
