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

ROUNDING = float(np.finfo(np.float32).eps)
"""Standard deviation over mean, up to which a channel counts as one that never changes: its float32 values may differ
by rounding."""
_ROUNDING_OF_64_BITS = 1000 * float(np.finfo(np.float64).eps)

UNLABELLED = -1
"""Code in `Dataset.y` of a case without a label."""


def _numbered_case(i: int) -> str:
    return f"case {i + 1}"


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
    channel_names, case_names, step_names
        Names of the channels, of the cases and of the time steps (the columns of a wide table), where the data have
        them; otherwise empty.

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
    channel_names: tuple[str, ...] = ()
    case_names: tuple[str, ...] = ()
    step_names: tuple[str, ...] = ()

    @classmethod
    def from_arrays(
        cls,
        name: str,
        X: Any,
        labels: Any = None,
        *,
        classes: np.ndarray | None = None,
        describe_case: Callable[[int], str] = _numbered_case,
        channel_names: Sequence[str] = (),
        case_names: Sequence[str] = (),
        step_names: Sequence[str] = (),
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
        channel_names, case_names, step_names
            (n_channels,), (n_cases,) and (n_timepoints,), where there are names.

        Raises
        ------
        ShapeError
            If there is no series, one is empty, the channels differ, or labels or names differ from series in number.
        DataError
            If a value is infinite, or not a number, or a whole series or channel is missing, or varies by less than
            float32 holds beside its mean; if a label is missing or not among `classes`, or labels are of several types.
        """
        values = _in_32_bits(name, _stacked(name, X, describe_case), describe_case)
        lengths, n_interpolated = _fill_missing(name, values, describe_case)
        n_cases = len(values)
        if labels is None:
            y, classes = np.full(n_cases, UNLABELLED, np.int64), np.array([])
        else:
            y, classes = _encode(name, labels, classes, n_cases, describe_case)
        channel_names, case_names, step_names = tuple(channel_names), tuple(case_names), tuple(step_names)
        for names, n, what in (
            (channel_names, values.shape[1], "channels"),
            (case_names, n_cases, "cases"),
            (step_names, values.shape[2], "time steps"),
        ):
            if len(names) not in (0, n):
                raise ShapeError(f"{name}: there are {n} {what} and {len(names)} names of {what}; name all or none")
        if len(set(channel_names)) < len(channel_names):
            raise DataError(f"{name}: two channels have the same name ({', '.join(channel_names)}); rename one")
        X = values[:, :, : int(lengths.max())]
        return cls(name, X, y, classes, lengths, n_interpolated, channel_names, case_names, step_names[: X.shape[2]])

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
        """Labels as they were in the data, (n_cases,).

        Raises
        ------
        DataError
            If a case has none.
        """
        if not self.is_labelled:
            raise DataError(f"{self.name} has cases without a label; label them, or go without labels")
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
        """Return a data set of some of the cases, with the same classes.

        Raises
        ------
        DataError
            If there are none.
        """
        cases = np.asarray(cases)
        if cases.size == 0 or (cases.dtype == bool and not cases.any()):
            raise DataError(f"{self.name}: none of its {self.n_cases} cases is asked for; name at least one")
        lengths = self.lengths[cases]
        X = self.X[cases][:, :, : int(lengths.max())]
        names = tuple(np.array(self.case_names, dtype=object)[cases]) if self.case_names else ()
        steps = self.step_names[: X.shape[2]]
        return replace(self, X=X, y=self.y[cases], lengths=lengths, case_names=names, step_names=steps)

    def with_channels(self, names: Sequence[str]) -> "Dataset":
        """Return it with its channels in this order; as it is, where these or its own have no names.

        Raises
        ------
        ShapeError
            If its channels are others.

        Examples
        --------
        >>> data = Dataset.from_arrays("toy", [[[1, 2], [3, 4]]], channel_names=["y", "x"])
        >>> data.with_channels(["x", "y"]).X.tolist()
        [[[3.0, 4.0], [1.0, 2.0]]]
        """
        names = tuple(names)
        if not names or not self.channel_names or names == self.channel_names:
            return self
        if sorted(names) != sorted(self.channel_names):
            raise ShapeError(
                f"{self.name} has the channels {', '.join(self.channel_names)} where {', '.join(names)} are wanted; "
                "give the same channels, under the same names"
            )
        return replace(self, X=self.X[:, [self.channel_names.index(name) for name in names]], channel_names=names)

    def with_steps(self, names: Sequence[str]) -> "Dataset":
        """Return it as it is, if no time step of these names is at another place.

        Raises
        ------
        DataError
            If one is: columns of a table are in another order, or one of them is no time step.

        Examples
        --------
        >>> data = Dataset.from_arrays("toy", [[1, 2, 3]], step_names=["id", "t1", "t2"])
        >>> data.with_steps(["t1", "t2"])
        Traceback (most recent call last):
        headstart.errors.DataError: toy: 't1' is time step 2, where 1 is wanted; give the same columns in the same order
        """
        places = {name: place for place, name in enumerate(names, start=1)}
        for place, name in enumerate(self.step_names, start=1):
            if places.get(name, place) != place:
                raise DataError(
                    f"{self.name}: {name!r} is time step {place}, where {places[name]} is wanted; give the same "
                    "columns in the same order"
                )
        return self


def _stacked(name: str, X: Any, describe_case: Callable[[int], str]) -> np.ndarray:
    """Return any accepted collection as one array, (n_cases, n_channels, n_timepoints), padded with NaN."""
    X = unmasked(X)
    if isinstance(X, np.ndarray) and X.dtype.kind in "cmMV":
        raise DataError(f"{name}: series are of numbers that can be ordered, and these are {X.dtype}; convert them")
    if isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[1] == 0:
        raise ShapeError(f"{name}: series have no channels (shape {X.shape}); give (cases, channels, time)")
    if isinstance(X, np.ndarray) and X.ndim in (2, 3) and X.dtype.kind in "fiub" and X.size:
        return X if X.ndim == 3 else X[:, None, :]
    if not hasattr(X, "__len__") or len(X) == 0:
        raise ShapeError(f"{name}: there is no series; give at least one")
    series = []
    for i, one in enumerate(X):
        if getattr(one, "ndim", 0) == 2 and hasattr(one, "columns"):
            raise DataError(
                f"{name}: {describe_case(i)} is a DataFrame, whose rows may be time steps or channels; give an array "
                "of shape (channels, time), such as frame.to_numpy().T"
            )
        try:
            x = np.asarray(unmasked(one), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{name}: {describe_case(i)} is not made of numbers ({error}); remove or recode it"
            ) from None
        if x.ndim not in (1, 2):
            raise ShapeError(
                f"{name}: {describe_case(i)} has {x.ndim} dimensions; a series has shape (time,) or (channels, time)"
            )
        if x.ndim == 2 and len(x) == 0:
            raise ShapeError(f"{name}: {describe_case(i)} has no channels; a series has shape (channels, time)")
        series.append(np.atleast_2d(x))
        if len(series[i]) != len(series[0]):
            raise ShapeError(
                f"{name}: {describe_case(i)} has {len(series[i])} channels where {describe_case(0)} has "
                f"{len(series[0])}; give every series the same channels"
            )
    values = np.full((len(series), len(series[0]), max(x.shape[1] for x in series)), np.nan)
    for i, x in enumerate(series):
        values[i, :, : x.shape[1]] = x
    return values


def unmasked(values: Any) -> Any:
    """Return a masked array with NaN for what is masked, and anything else as it is."""
    return np.ma.filled(values.astype(np.float64), np.nan) if isinstance(values, np.ma.MaskedArray) else values


def _in_32_bits(name: str, values: np.ndarray, describe_case: Callable[[int], str]) -> np.ndarray:
    """Return a float32 copy; refuse a channel that lies so far from zero that most series' variation would be lost."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused as such
        rounded = values.astype(np.float32, order="C")  # compiled code is made anew for any other
    if values.dtype == np.float32:
        return rounded
    high, low = (reduce(rounded, axis=2, initial=np.nan) for reduce in (np.fmax.reduce, np.fmin.reduce))
    with np.errstate(over="ignore", invalid="ignore"):
        # Where values are spread wider, their standard deviation is more than rounding, and need not be computed.
        is_narrow = high - low <= 2 * np.sqrt(values.shape[2]) * ROUNDING * np.maximum(np.abs(high), np.abs(low))
    is_narrow &= np.isfinite(high) & np.isfinite(low)
    for channel in np.flatnonzero(is_narrow.mean(axis=0) > 0.5):
        cases = np.flatnonzero(is_narrow[:, channel])
        exact, kept = (X[cases, channel].astype(np.float64) for X in (values, rounded))
        mean, std = np.nanmean(exact, axis=1), np.nanstd(exact, axis=1)
        is_lost = np.nanstd(kept, axis=1) <= ROUNDING * np.abs(mean)
        is_lost &= std > _ROUNDING_OF_64_BITS * np.abs(mean)
        if is_lost.sum() > len(values) / 2:
            i = int(np.argmax(is_lost))
            raise DataError(
                f"{name}: {describe_case(int(cases[i]))} varies by about {std[i]:.2g} around {mean[i]:.6g}"
                + (f" in channel {channel + 1}" if values.shape[1] > 1 else "")
                + f", which 32 bits cannot tell from rounding, as {is_lost.sum()} in all; subtract a constant near "
                "that from all series first"
            )
    return rounded


def _fill_missing(name: str, values: np.ndarray, describe_case: Callable[[int], str]) -> tuple[np.ndarray, int]:
    """Find the series' lengths, interpolate in place what is missing before their ends, and count it."""
    n_timepoints = values.shape[2]
    missing = np.isnan(values)
    if np.isinf(values).any():
        i, channel, step = np.argwhere(np.isinf(values))[0]
        raise DataError(
            f"{name}: {describe_case(int(i))} has an infinite value (or one too large for 32 bits) at time step "
            f"{step + 1}"
            + (f" of channel {channel + 1}" if values.shape[1] > 1 else "")
            + "; replace it, or leave it empty to have it interpolated"
        )
    empty = missing.all(axis=2)  # (n_cases, n_channels); all of them where there are no time steps
    if empty.any():
        i = int(np.argmax(empty.any(axis=1)))
        if empty[i].all():
            raise DataError(f"{name}: {describe_case(i)} has no values at all; remove it")
        raise DataError(
            f"{name}: {describe_case(i)} has no values in channel {int(np.argmax(empty[i])) + 1}; remove the case, "
            "or the channel from all cases"
        )
    lengths = n_timepoints - np.argmin(missing.all(axis=1)[:, ::-1], axis=1).astype(np.int64)
    missing &= np.arange(n_timepoints) < lengths[:, None, None]
    for i, channel in np.argwhere(missing.any(axis=2)):
        x, gaps = values[i, channel, : lengths[i]], missing[i, channel, : lengths[i]]
        x[gaps] = np.interp(np.flatnonzero(gaps), np.flatnonzero(~gaps), x[~gaps])
    return lengths, int(missing.sum())


def _encode(
    name: str, labels: Any, classes: np.ndarray | None, n_cases: int, describe_case: Callable[[int], str]
) -> tuple[np.ndarray, np.ndarray]:
    """Turn labels into codes and the classes that they index."""
    labels = as_labels(labels)
    if labels.shape != (n_cases,):
        raise ShapeError(
            f"{name}: {n_cases} series need {n_cases} labels in one dimension, got the shape {labels.shape}"
        )
    labels = checked_labels(name, labels, describe_case, of_one_type=classes is None)
    if classes is None:
        if labels.dtype.kind not in "biufU":
            kind = type(labels.tolist()[0]).__name__
            raise DataError(f"{name}: labels must be strings or numbers, not of the type {kind}; turn them into text")
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


def checked_dataset(data: Any) -> Dataset:
    """Return a data set as it is.

    Raises
    ------
    DataError
        If it is none: a pair of two, as `load` returns them, or series that are still to be made one.

    Examples
    --------
    >>> checked_dataset([[1, 2, 3], [4, 5, 6]])
    Traceback (most recent call last):
    headstart.errors.DataError: a Dataset is wanted, and this is a list; Dataset.from_arrays(NAME, X, labels) makes one
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], Dataset):
        raise DataError("one Dataset is wanted, and this is a pair, as load returns it; give the first or the second")
    kind = type(data).__name__
    raise DataError(f"a Dataset is wanted, and this is a {kind}; Dataset.from_arrays(NAME, X, labels) makes one")


def as_labels(labels: Any) -> np.ndarray:
    """Return labels as an array; of a list, each as the object it is."""
    if isinstance(labels, list | tuple):
        return np.array(labels, dtype=object)  # else NumPy turns numbers beside strings into strings
    return np.asarray(labels)


def checked_labels(
    name: str, labels: np.ndarray, describe_case: Callable[[int], str] = _numbered_case, *, of_one_type: bool = True
) -> np.ndarray:
    """Return labels, (n_cases,), none of which is missing, and objects as numbers or text if they are `of_one_type`.

    Raises
    ------
    DataError
        If a label is missing, or they are of several types.
    """
    missing = np.array([_is_missing(label) for label in labels.tolist()])
    if missing.any():
        raise DataError(f"{name}: {describe_case(int(np.argmax(missing)))} has no label; label it or remove it")
    if labels.dtype == object and of_one_type:
        kinds = {next((kind for kind in (str, (bool, np.bool_)) if isinstance(one, kind)), None) for one in labels}
        if len(kinds) > 1:
            first = next(i for i, one in enumerate(labels) if type(one) is not type(labels[0]))
            raise DataError(
                f"{name}: labels are of several types ({labels[0]!r} in {describe_case(0)}, {labels[first]!r} in "
                f"{describe_case(first)}); make all of them strings, or all numbers"
            )
        try:
            labels = np.array(labels.tolist())  # one type for all
        except ValueError:
            raise DataError(f"{name}: labels must be strings or numbers") from None
    return labels


def _is_missing(label: Any) -> bool:
    try:
        return bool(label is None or label != label or label == "")
    except TypeError:  # pandas.NA has no truth value
        return True
