"""What competes: the contract of candidates, of what they become when they are chosen, and the folds that all share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from headstart.data.dataset import Dataset
from headstart.zoo.source import Source


class Member(Protocol):
    """A fitted candidate."""

    @property
    def networks(self) -> Sequence[Source]:
        """Networks that were trained on the target, if it has any: others may start from them."""
        ...

    def scores(self, data: Dataset, device: str = "auto") -> np.ndarray:
        """Scores of the classes for series as they are, (n_cases, n_classes): the higher, the likelier."""
        ...

    def to_files(self) -> list[bytes]:
        """Return the contents of the files from which `from_files` makes it again."""
        ...

    @classmethod
    def from_files(cls, paths: Sequence[Path]) -> Self:
        """Read what `to_files` gave; `ModelError` if it cannot be read."""
        ...


@dataclass(frozen=True, eq=False)
class Trial:
    """What a candidate made of the training data.

    Attributes
    ----------
    held_out
        Scores of each case by a fit that it had no part in, (n_cases, n_classes); NaN where there is none.
    member
        The fit to all cases; None if it is still to be made.
    """

    held_out: np.ndarray
    member: Member | None = None


class Candidate(Protocol):
    """A way to learn from labelled series."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def kind(self) -> str:
        """``scratch``, ``fine-tuned``, ``frozen``, ``kernels``, ``dictionary`` or ``intervals``."""
        ...

    @property
    def start(self) -> str | None:
        """Name of the source that it starts from; None if nothing is transferred."""
        ...

    def trial(self, data: Dataset, folds: Sequence[np.ndarray]) -> Trial:
        """Score the cases of each fold by a fit to all other cases."""
        ...

    def fit(self, data: Dataset) -> Member:
        """Fit to all cases."""
        ...


def stratified_folds(y: np.ndarray, n_folds: int, seed: int = 0, enough: int | None = None) -> list[np.ndarray]:
    """Share cases out over folds, each class as evenly as it goes.

    A case that is alone in its class is in no fold: what was trained without it could not know its class. And no class
    has fewer cases than folds if all have the same number: what is trained without a case of one class, but with all of
    another, expects the other.

    Parameters
    ----------
    y
        Codes of the classes, (n_cases,).
    n_folds
        At most so many, and never more than the largest class has cases.
    seed
        Of the shuffle before.
    enough
        Once so many cases are in folds, there are no more of them; None: all cases that can be are in one.

    Returns
    -------
    list
        Indices of the cases of each fold; empty where no class has two cases.

    Examples
    --------
    >>> [fold.tolist() for fold in stratified_folds(np.array([0, 1, 0, 1, 2]), n_folds=2)]
    [[2, 3], [0, 1]]
    >>> stratified_folds(np.array([0, 1, 2]), n_folds=2)
    []
    """
    shuffled = np.random.default_rng(seed).permutation(len(y))
    by_class = shuffled[np.argsort(y[shuffled], kind="stable")]
    counts = np.bincount(y)
    held_out = by_class[counts[y[by_class]] > 1]
    if not len(held_out):
        return []
    n_folds = min(n_folds, counts.max())
    folds = [np.sort(held_out[i::n_folds]) for i in range(n_folds)]
    n_before = np.cumsum([0] + [len(fold) for fold in folds[:-1]])
    return [fold for fold, n in zip(folds, n_before, strict=True) if enough is None or n < enough]
