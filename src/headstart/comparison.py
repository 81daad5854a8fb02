"""With and without transfer, side by side, on series that neither was trained on."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from headstart.classifier import TransferClassifier
from headstart.data.dataset import Dataset
from headstart.errors import DataError


@dataclass(frozen=True)
class Comparison:
    """Which held-out series two classifiers got right.

    Attributes
    ----------
    held_out
        What they were judged on, in words.
    correct
        bool (n_cases,): whether the classifier is right.
    correct_from_scratch
        The same for its twin without a source; None if it had no source itself.
    majority_share
        Share of the most frequent class: what guessing it always would get.
    n_members
        Networks of each classifier.
    """

    held_out: str
    correct: np.ndarray
    correct_from_scratch: np.ndarray | None
    majority_share: float
    n_members: int = 1

    @property
    def p_value(self) -> float:
        """Chance of a difference as large, if transfer made none: exact McNemar test on the series that differ.

        McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12, 1947.
        It knows the noise of the series that happen to be held out, not that of the seeds.
        """
        from scipy.stats import binomtest

        assert self.correct_from_scratch is not None
        only_with = int((self.correct & ~self.correct_from_scratch).sum())
        only_without = int((~self.correct & self.correct_from_scratch).sum())
        if only_with + only_without == 0:
            return 1.0
        return float(binomtest(only_with, only_with + only_without).pvalue)


def from_scratch(classifier: TransferClassifier) -> TransferClassifier:
    """Return the unfitted twin of a fitted classifier that starts from nothing: same networks, recipe and seeds."""
    twin = clone(classifier).set_params(source=None)
    if classifier.source_ is None:
        return twin
    card = classifier.source_.card
    return twin.set_params(network=card.network, normalise=card.normalise)


def compare_on_test_set(
    classifier: TransferClassifier, scratch: TransferClassifier | None, test: Dataset
) -> Comparison:
    """Judge fitted classifiers on a test set."""
    return Comparison(
        held_out=f"{test.n_cases} test series",
        correct=classifier.predict(test) == test.labels,
        correct_from_scratch=None if scratch is None else scratch.predict(test) == test.labels,
        majority_share=_majority_share(test),
        n_members=classifier.n_members,
    )


def check_folds(data: Dataset, n_folds: int) -> None:
    """Raise `DataError` if a class has fewer cases than there are folds."""
    counts = np.bincount(data.y, minlength=data.n_classes)
    rarest = int(counts.argmin())
    if counts[rarest] < n_folds:
        raise DataError(
            f"{data.name}: class {data.classes[rarest]} has {counts[rarest]} of the {n_folds} cases or more that "
            f"{n_folds} folds need; ask for fewer folds, give a test set, or add cases"
        )


def compare_by_folds(
    classifier: TransferClassifier, scratch: TransferClassifier | None, data: Dataset, n_folds: int
) -> Comparison:
    """Judge classifiers by stratified cross-validation; unfitted copies of them are trained on each fold.

    Raises
    ------
    DataError
        If a class has fewer cases than there are folds.
    """
    check_folds(data, n_folds)
    folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=0).split(data.y, data.y))

    def correct(classifier: TransferClassifier) -> np.ndarray:
        result = np.empty(data.n_cases, bool)
        for rest, held_out in folds:
            fitted = clone(classifier).fit(data.subset(rest))
            result[held_out] = fitted.predict(data.subset(held_out)) == data.labels[held_out]
        return result

    return Comparison(
        held_out=f"{data.n_cases} training series, each held out in one of {n_folds} folds",
        correct=correct(classifier),
        correct_from_scratch=None if scratch is None else correct(scratch),
        majority_share=_majority_share(data),
        n_members=classifier.n_members,
    )


def _majority_share(data: Dataset) -> float:
    return float(np.bincount(data.y).max() / data.n_cases)
