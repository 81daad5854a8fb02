"""The data set: labelled series in one array, checked once, here.

Readers turn files into plain arrays and call `Dataset.from_arrays`; everything after it relies on what is checked
here, and checks nothing again.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from headstart.errors import DataError, ShapeError

UNLABELLED = -1
"""Code in `Dataset.y` of a case without a label."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A collection of time series, with class labels where they are known.

    Attributes
    ----------
    name
        What messages, cards and results call it.
    X
        float32, (n_cases, n_channels, n_timepoints); shorter series are padded with NaN at the end, and only there.
    y
        int64, (n_cases,); `y[i]` indexes `classes`, or is -1 where a case has no label.
    classes
        (n_classes,), sorted: the labels as they were in the data, of any type. Empty if nothing is labelled.
    lengths
        int64, (n_cases,): time steps of each series before its padding.
    n_interpolated
        Missing values inside series that were filled by linear interpolation.

    Examples
    --------
    >>> data = Dataset.from_arrays("toy", [[1, 2, 3], [4, 5]], labels=["up", "down"])
    >>> data.X.shape, data.lengths.tolist(), data.classes.tolist(), data.y.tolist()
    ((2, 1, 3), [3, 2], ['down', 'up'], [1, 0])
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    classes: np.ndarray
    lengths: np.ndarray
    n_interpolated: int = 0

    @classmethod
    def from_arrays(
        cls,
        name: str,
        X: Any,
        labels: Any = None,
        *,
        classes: np.ndarray | None = None,
        describe_case: Callable[[int], str] = lambda i: f"case {i + 1}",
    ) -> "Dataset":
        """Check arrays and make a data set of them.

        Parameters
        ----------
        name
            Name of the data set.
        X
            (n_cases, n_timepoints), (n_cases, n_channels, n_timepoints), or a list of series, each (n_timepoints,)
            or (n_channels, n_timepoints), of any lengths. NaN at a series' end means that it is shorter; NaN inside
            means a missing value, which is interpolated linearly (the nearest value at the start) and counted.
        labels
            (n_cases,), any strings or numbers; None for unlabelled series.
        classes
            The classes to encode labels with, when another set (the training set) fixes them; by default the labels'
            own, sorted.
        describe_case
            How messages name case i (a reader passes one that gives the file's row).

        Raises
        ------
        ShapeError
            If there is no series, one is empty, the channels differ, or labels and series differ in number.
        DataError
            If a value is infinite, or not a number, or a whole series or channel is missing, or a label is missing
            or not among `classes`.
        """
        series = _as_list_of_2d(name, X, describe_case)
        n_channels = series[0].shape[0]
        lengths = np.empty(len(series), np.int64)
        n_interpolated = 0
        for i, x in enumerate(series):
            if x.shape[0] != n_channels:
                raise ShapeError(
                    f"{name}: {describe_case(i)} has {x.shape[0]} channels where {describe_case(0)} has {n_channels}; "
                    "give every series the same channels"
                )
            series[i], n_filled = _checked(name, x, i, describe_case)
            lengths[i] = series[i].shape[1]
            n_interpolated += n_filled
        stacked = np.full((len(series), n_channels, int(lengths.max())), np.nan, np.float32)
        for i, x in enumerate(series):
            stacked[i, :, : x.shape[1]] = x
        if labels is None:
            y, classes = np.full(len(series), UNLABELLED, np.int64), np.array([])
        else:
            y, classes = _encode(name, labels, classes, len(series), describe_case)
        return cls(name, stacked, y, classes, lengths, n_interpolated)

    @property
    def n_cases(self) -> int:
        """Number of series."""
        return self.X.shape[0]

    @property
    def n_channels(self) -> int:
        """Number of values at each time step."""
        return self.X.shape[1]

    @property
    def n_classes(self) -> int:
        """Number of different labels; 0 if nothing is labelled."""
        return len(self.classes)

    @property
    def is_labelled(self) -> bool:
        """Whether every case has a label."""
        return bool((self.y != UNLABELLED).all())

    @property
    def labels(self) -> np.ndarray:
        """Labels as they were in the data, (n_cases,)."""
        return self.classes[self.y]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the series and labels: equal for equal content, whatever the name or the file."""
        digest = hashlib.sha256(repr((self.X.shape, self.classes.tolist())).encode())
        # NaN has many bit patterns, so the padding is written as zeros and told apart by the lengths.
        for part in (self.lengths.astype("<i8"), self.y.astype("<i8"), np.nan_to_num(self.X).astype("<f4")):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def series(self, i: int) -> np.ndarray:
        """Series i without its padding, (n_channels, lengths[i])."""
        return self.X[i, :, : self.lengths[i]]

    def subset(self, cases: Sequence[int] | np.ndarray) -> "Dataset":
        """Return a data set of some of the cases, with the same classes."""
        cases = np.asarray(cases)
        lengths = self.lengths[cases]
        X = self.X[cases][:, :, : int(lengths.max())]
        return replace(self, X=X, y=self.y[cases], lengths=lengths)


def _as_list_of_2d(name: str, X: Any, describe_case: Callable[[int], str]) -> list[np.ndarray]:
    """Split any accepted collection into float64 series of (n_channels, n_timepoints)."""
    if not hasattr(X, "__len__") or len(X) == 0:
        raise ShapeError(f"{name}: there is no series; give at least one")
    series = []
    for i, values in enumerate(X):
        try:
            x = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{name}: {describe_case(i)} is not made of numbers ({error}); remove or recode it"
            ) from None
        if x.ndim not in (1, 2):
            raise ShapeError(
                f"{name}: {describe_case(i)} has {x.ndim} dimensions; a series has shape (time,) or (channels, time)"
            )
        series.append(np.atleast_2d(x))
    return series


def _checked(name: str, x: np.ndarray, i: int, describe_case: Callable[[int], str]) -> tuple[np.ndarray, int]:
    """Cut the NaN tail off, interpolate what is missing inside, and count it."""
    present = np.isfinite(x)
    if np.isinf(x).any():
        channel, step = np.argwhere(np.isinf(x))[0]
        raise DataError(
            f"{name}: {describe_case(i)} has an infinite value at time step {step + 1}"
            + (f" of channel {channel + 1}" if len(x) > 1 else "")
            + "; replace it, or leave it empty to have it interpolated"
        )
    if x.size == 0 or not present.any():
        raise DataError(f"{name}: {describe_case(i)} has no values at all; remove it")
    empty_channels = np.flatnonzero(~present.any(axis=1))
    if len(empty_channels):
        raise DataError(
            f"{name}: {describe_case(i)} has no values in channel {empty_channels[0] + 1}; remove the case, "
            "or the channel from all cases"
        )
    length = int(np.flatnonzero(present.any(axis=0))[-1]) + 1
    x, present = x[:, :length].copy(), present[:, :length]
    steps = np.arange(length)
    for channel, known in zip(x, present, strict=True):
        if not known.all():
            channel[~known] = np.interp(steps[~known], steps[known], channel[known])
    return x.astype(np.float32), int((~present).sum())


def _encode(
    name: str, labels: Any, classes: np.ndarray | None, n_cases: int, describe_case: Callable[[int], str]
) -> tuple[np.ndarray, np.ndarray]:
    """Turn labels into codes and the classes that they index."""
    labels = np.asarray(labels)
    if labels.shape != (n_cases,):
        raise ShapeError(
            f"{name}: {n_cases} series need {n_cases} labels in one dimension, got the shape {labels.shape}"
        )
    missing = np.array([label is None or label != label or label == "" for label in labels.tolist()])
    if missing.any():
        raise DataError(f"{name}: {describe_case(int(np.argmax(missing)))} has no label; label it or remove it")
    if labels.dtype == object:
        try:
            labels = np.array(labels.tolist())  # one type for all, where there is one
        except ValueError:
            raise DataError(f"{name}: labels must be strings or numbers") from None
    if classes is None:
        classes, y = np.unique(labels, return_inverse=True)
        return y.astype(np.int64), classes
    code_of = {label: code for code, label in enumerate(classes.tolist())}
    y = np.array([code_of.get(label, UNLABELLED) for label in labels.tolist()], dtype=np.int64)
    if (y == UNLABELLED).any():
        i = int(np.argmax(y == UNLABELLED))
        raise DataError(
            f"{name}: {describe_case(i)} has the label {labels.tolist()[i]!r}, which is not among the "
            f"{len(classes)} classes of the training data ({', '.join(map(str, classes[:10]))}"
            f"{', …' if len(classes) > 10 else ''}); remove it, or add such cases to the training data"
        )
    return y, classes
