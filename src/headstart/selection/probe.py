"""Rank sources by how well a linear classifier on their features predicts the target's labels, each case left out once.

The classifier is a ridge regression of the one-hot labels with an intercept, which can be left-one-out in closed form
(Allen, "The relationship between variable selection and data augmentation and a method for prediction", Technometrics
16, 1974; in scikit-learn). Its squared error is a finer measure than its mistakes, of which ten cases give only eleven
different numbers.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.linear_model import RidgeCV

from headstart.data.dataset import Dataset
from headstart.selection.features import score_features
from headstart.zoo.source import Source

STRENGTHS = 10.0 ** np.arange(-6, 1.5, 0.5)
"""Of the ridge, in units of the features' total variation: from almost none to so much that the features are not used.

Unlike numbers fixed once, these mean the same for ten cases and for five hundred, and for features of any scale.
"""


def probe(X: np.ndarray, y: np.ndarray) -> float:
    """Share of the labels' variation that ridge regression predicts of cases that it was not fitted to.

    1 is all; 0 is what the mean of the other labels predicts. The strength of the ridge is the one of `STRENGTHS` with
    the smallest left-one-out error.

    Parameters
    ----------
    X
        Features, (n_cases, n_features).
    y
        Codes of the classes, (n_cases,).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 20)
    >>> round(probe(y[:, None] + 0.1 * rng.normal(size=(40, 3)), y), 2)
    0.99
    """
    Y = (y[:, None] == np.unique(y)).astype(np.float64)
    n = len(y)
    variation = np.square(X - X.mean(axis=0)).sum()
    ridge = RidgeCV(STRENGTHS * max(variation, np.finfo(np.float64).tiny ** 0.5)).fit(X, Y)
    left_out_by_mean = np.square(n / (n - 1) * (Y - Y.mean(axis=0))).mean()
    return float(1 + ridge.best_score_ / left_out_by_mean)  # the score is minus the mean squared error


def scores(target: Dataset, sources: Mapping[str, Source]) -> np.ndarray:
    """Return `probe` of each source's features; NaN as `score_features` says."""
    return score_features(probe, target, sources)
