"""Rank sources by the share of their features' variation that lies between the target's classes: the H-score.

Bao et al., "An information-theoretic approach to transferability in task transfer learning" (ICIP 2019):
tr(cov(F)⁻¹ cov(E[F | y])). With fewer cases than features cov(F) cannot be inverted, and with few more its inverse is
mostly noise, so the covariance is shrunk as Ledoit & Wolf do, and the numerator with it: Ibrahim et al., "Newer is not
always better: Rethinking transferability metrics, their peculiarities, stability and performance" (ECML PKDD 2022).
"""

from collections.abc import Mapping

import numpy as np
from sklearn.covariance import ledoit_wolf

from headstart.data.dataset import Dataset
from headstart.selection.features import score_features
from headstart.zoo.source import Source


def h_score(X: np.ndarray, y: np.ndarray) -> float:
    """H-score with shrunken covariances; 0 where the features do not vary.

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
    >>> X = rng.normal(size=(40, 3))
    >>> h_score(X + y[:, None], y) > h_score(X, y)
    True
    """
    if np.ptp(X, axis=0).max() <= 1e-6 * np.abs(X).max():  # the rest is rounding
        return 0.0
    codes, members, counts = np.unique(y, return_inverse=True, return_counts=True)
    covariance, shrinkage = ledoit_wolf(X)
    means = np.array([X[members == k].mean(axis=0) for k in range(len(codes))]) - X.mean(axis=0)
    between = (1 - shrinkage) * (means.T * counts) @ means / len(y)  # (n_features, n_features)
    return float(np.trace(np.linalg.pinv(covariance, hermitian=True) @ between))


def scores(target: Dataset, sources: Mapping[str, Source]) -> np.ndarray:
    """Return `h_score` of each source's features; NaN as `score_features` says."""
    return score_features(h_score, target, sources)
