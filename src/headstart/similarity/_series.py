"""Collections of series as the kernels take them: all values in one array, one series after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset, unmasked
from headstart.errors import DataError, ShapeError


@dataclass(frozen=True, eq=False)
class Collection:
    """Series of any lengths.

    Attributes
    ----------
    values
        (n_channels, total): the series, one after the other, float64 as `collect` makes them.
    starts
        int64, (n_series + 1,): where each begins, and the end of the last.
    """

    values: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def n_channels(self) -> int:
        """Number of values at each time step."""
        return self.values.shape[0]

    @property
    def lengths(self) -> np.ndarray:
        """Time steps of each series."""
        return np.diff(self.starts)

    def series(self, i: int) -> np.ndarray:
        """Series i, (n_channels, length)."""
        return self.values[:, self.starts[i] : self.starts[i + 1]]

    def subset(self, cases: Sequence[int] | np.ndarray) -> "Collection":
        """Return some of the series, in the order given."""
        return from_list([self.series(int(i)) for i in cases])


def from_list(series: Sequence[np.ndarray]) -> Collection:
    """Join series of (n_channels, length), already checked."""
    starts = np.zeros(len(series) + 1, np.int64)
    np.cumsum([x.shape[1] for x in series], out=starts[1:])
    return Collection(np.ascontiguousarray(np.concatenate(series, axis=1)), starts)


def join(a: Collection, b: Collection) -> Collection:
    """Return the series of both."""
    values = np.ascontiguousarray(np.concatenate([a.values, b.values], axis=1))
    return Collection(values, np.concatenate([a.starts, a.starts[-1] + b.starts[1:]]))


def centred(series: Collection) -> Collection:
    """Take a constant off each channel that lies farther from zero than it is wide: no distance changes by it.

    Else float32, which has seven digits, would hold little of what varies. Other channels stay bit for bit as they are.
    """
    low, high = (extreme(series.values, axis=1, keepdims=True) for extreme in (np.min, np.max))
    with np.errstate(over="ignore"):  # then it is as wide as can be
        width = high - low
    return Collection(series.values - np.where(np.abs(low) > width, low, 0), series.starts)


def in_type(series: Collection, dtype: Any) -> Collection:
    """Return series as the kernels sum their costs in a floating type; in float32 they are `centred` first."""
    if dtype == np.float64:
        return series
    return Collection(np.ascontiguousarray(centred(series).values, dtype), series.starts)


def collect(X: Any, name: str = "X", dtype: Any = np.float64) -> Collection:
    """Check a collection of series and join them, in float64.

    Parameters
    ----------
    X
        A `Dataset`; an array (n_series, time) or (n_series, channels, time), shorter series padded with NaN at the
        end; or a list of series, each (time,) or (channels, time).
    name
        What messages call it.
    dtype
        np.float32 or np.float64: what the values must not be too large for.

    Raises
    ------
    ShapeError
        If there is no series, one is empty, or the channels differ.
    DataError
        If a value is missing inside a series, is infinite, or is not a number.
    """
    check_dtype(dtype)
    if isinstance(X, Collection):
        return X
    if isinstance(X, Dataset):  # checked where it was made
        present = np.arange(X.X.shape[2]) < X.lengths[:, None]  # (n_series, time)
        values = X.X.transpose(1, 0, 2)[:, present]
        return Collection(np.ascontiguousarray(values, np.float64), np.concatenate([[0], np.cumsum(X.lengths)]))
    if not hasattr(X, "__len__") or len(X) == 0:
        raise ShapeError(f"{name} holds no series; give at least one")
    if isinstance(X, np.ndarray) and X.ndim not in (2, 3):
        raise ShapeError(
            f"{name} has {X.ndim} dimensions; several series are a list, or an array (series, time) or "
            "(series, channels, time)"
        )
    series = [one_series(x, f"{name}[{i}]", dtype) for i, x in enumerate(X)]
    for i, x in enumerate(series):
        if len(x) != len(series[0]):
            raise ShapeError(
                f"{name}[{i}] has {len(x)} channels where {name}[0] has {len(series[0])}; "
                "give every series the same channels"
            )
    return from_list(series)


def one_series(x: Any, name: str, dtype: Any = np.float64) -> np.ndarray:
    """Check one series, (time,) or (channels, time), cut its NaN tail off, and return (channels, time) in float64.

    Raises
    ------
    ShapeError, DataError
        As `collect`.
    """
    try:
        values = np.asarray(unmasked(x), np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is not made of numbers ({error})") from None
    if values.ndim not in (1, 2):
        raise ShapeError(f"{name} has {values.ndim} dimensions; a series has shape (time,) or (channels, time)")
    values = np.atleast_2d(values)
    missing = np.isnan(values)
    if values.size == 0 or missing.all():
        raise ShapeError(f"{name} has no values")
    length = int(np.flatnonzero(~missing.all(axis=0))[-1]) + 1
    values = values[:, :length]
    is_wrong = ~(np.abs(values) <= np.finfo(dtype).max)
    if is_wrong.any():
        channel, step = np.argwhere(is_wrong)[0]
        wrong = "no value (NaN)" if np.isnan(values[channel, step]) else f"a value too large for {np.dtype(dtype)}"
        raise DataError(
            f"{name} has {wrong} at time step {step + 1}"
            + (f" of channel {channel + 1}" if len(values) > 1 else "")
            + "; fill or replace it first (Dataset.from_arrays interpolates what is missing)"
        )
    return values


def check_dtype(dtype: Any) -> None:
    """Raise DataError unless the kernels take this type."""
    if dtype not in (np.float32, np.float64):
        raise DataError(f"the type of the costs is np.float32 or np.float64, not {dtype!r}")
