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
    predicted
        (n_cases,): the labels that the classifier gave.
    correct
        bool (n_cases,): whether they are right.
    correct_from_scratch
        The same for its twin without a source; None if it had no source itself.
    majority_share
        What guessing always the class that is most frequent in training would get.
    n_members
        `n_members` of both classifiers.
    """

    held_out: str
    predicted: np.ndarray
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
    """Return the unfitted twin of a fitted classifier that starts from nothing: same parameters otherwise.

    So after a choice it has the recipe that was named for all, or, if none was, the default, not the budget's.
    """
    twin = clone(classifier).set_params(source=None)
    if classifier.source_ is None:
        return twin
    card = classifier.source_.card
    return twin.set_params(network=card.network, normalise=card.normalise)


def compare_on_test_set(
    classifier: TransferClassifier, scratch: TransferClassifier | None, train: Dataset, test: Dataset
) -> Comparison:
    """Judge classifiers that were fitted to `train` on a test set."""
    predicted = classifier.predict(test)
    return Comparison(
        held_out=f"{test.n_cases} test series",
        predicted=predicted,
        correct=predicted == test.labels,
        correct_from_scratch=None if scratch is None else scratch.predict(test) == test.labels,
        majority_share=float((test.labels == _most_frequent(train)).mean()),
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

    def predict(classifier: TransferClassifier) -> np.ndarray:
        predicted = np.empty_like(data.labels)
        for rest, held_out in folds:
            predicted[held_out] = clone(classifier).fit(data.subset(rest)).predict(data.subset(held_out))
        return predicted

    majority = np.empty_like(data.labels)
    for rest, held_out in folds:
        majority[held_out] = _most_frequent(data.subset(rest))
    predicted = predict(classifier)
    return Comparison(
        held_out=f"{data.n_cases} training series, each held out in one of {n_folds} folds",
        predicted=predicted,
        correct=predicted == data.labels,
        correct_from_scratch=None if scratch is None else predict(scratch) == data.labels,
        majority_share=float((majority == data.labels).mean()),
        n_members=classifier.n_members,
    )


def _most_frequent(data: Dataset) -> object:
    return data.classes[np.bincount(data.y).argmax()]
