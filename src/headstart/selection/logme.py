"""Rank sources by the evidence of a Bayesian linear model from their features to the target's labels: LogME.

You et al., "LogME: Practical assessment of pre-trained models for transfer learning" (ICML 2021):
labels are one-hot, y = Fw + noise of variance 1/β for each class, with the prior w ~ N(0, 1/α); log p(y | F, α, β) is
maximised over α and β, divided by the number of cases, and averaged over the classes.

Deviation: the paper finds α and β by a fixed-point iteration, which is stopped after some steps. Given their ratio
α/β, the best β is known in closed form, so here only that ratio is searched, within `RATIOS`: what is found is the
maximum itself. It may be infinite where features predict labels exactly; the range keeps it finite.
"""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import minimize_scalar

from headstart.data.dataset import Dataset
from headstart.selection.features import score_features
from headstart.zoo.source import Source

RATIOS = (1e-8, 1e4)
"""Smallest and largest alpha / beta, in units of the features' largest squared singular value."""


def logme(X: np.ndarray, y: np.ndarray) -> float:
    """Largest log evidence of the labels given the features, a case, averaged over the classes.

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
    >>> logme(X + y[:, None], y) > logme(X, y)
    True
    """
    U, singular, _ = np.linalg.svd(X, full_matrices=False)
    squares = np.square(singular)  # (min(n_cases, n_features),)
    unit = squares.max() or 1.0
    n = len(y)

    def evidence(labels: np.ndarray) -> float:
        explained = np.square(U.T @ labels)
        rest = max(labels @ labels - explained.sum(), 0.0)

        def negative(log_ratio: float) -> float:
            spread = 1 + squares / unit / np.exp(log_ratio)  # variance of y along each column of U, in units of 1/β
            misfit = (explained / spread).sum() + rest
            return 0.5 * (np.log(2 * np.pi * misfit / n) + 1) + 0.5 * np.log(spread).sum() / n

        # The evidence may have several peaks: the best point of a grid tells which to climb.
        grid = np.linspace(np.log(RATIOS[0]), np.log(RATIOS[1]), 57)
        best = int(np.argmin([negative(log_ratio) for log_ratio in grid]))
        around = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
        return -min(minimize_scalar(negative, bounds=around, method="bounded").fun, negative(grid[best]))

    return float(np.mean([evidence((y == code).astype(np.float64)) for code in np.unique(y)]))


def scores(target: Dataset, sources: Mapping[str, Source]) -> np.ndarray:
    """Return `logme` of each source's features; NaN as `score_features` says."""
    return score_features(logme, target, sources)
