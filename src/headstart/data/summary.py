"""What a data set holds, in numbers, for tables and messages."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.data.dataset import UNLABELLED, Dataset


@dataclass(frozen=True)
class Summary:
    """A data set in numbers.

    Attributes
    ----------
    name
        The data set's name.
    n_cases, n_channels
        Series, and values at each time step.
    shortest, longest
        Time steps of the shortest and the longest series.
    class_counts
        Cases of each class, in the order of `Dataset.classes`.
    n_unlabelled
        Cases without a label.
    n_interpolated
        Missing values inside series that were filled by interpolation.
    """

    name: str
    n_cases: int
    n_channels: int
    shortest: int
    longest: int
    class_counts: dict[Any, int]
    n_unlabelled: int
    n_interpolated: int


def describe(data: Dataset) -> Summary:
    """Summarise a data set.

    Examples
    --------
    >>> describe(Dataset.from_arrays("toy", [[1, 2, 3], [4, 5]], labels=["up", "down"])).class_counts
    {'down': 1, 'up': 1}
    """
    counts = np.bincount(data.y[data.y != UNLABELLED], minlength=data.n_classes)
    return Summary(
        name=data.name,
        n_cases=data.n_cases,
        n_channels=data.n_channels,
        shortest=int(data.lengths.min()),
        longest=int(data.lengths.max()),
        class_counts=dict(zip(data.classes.tolist(), counts.tolist(), strict=True)),
        n_unlabelled=int((data.y == UNLABELLED).sum()),
        n_interpolated=data.n_interpolated,
    )
