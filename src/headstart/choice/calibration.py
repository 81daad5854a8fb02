"""From scores to probabilities that are as sure as they are right.

One temperature, by which all scores are divided before the softmax (Guo et al., "On calibration of modern neural
networks", ICML 2017), is fitted to scores of held-out cases. A network that was trained until it makes no mistake is
far too sure, and scores of a ridge regression are no probabilities at all; without this their log losses could not be
compared, nor their probabilities averaged.

Deviation: the targets are smoothed as if one more case had been seen, of each class an equal part, in the way of Platt
("Probabilistic outputs for support vector machines", 1999). Ten cases without a mistake would otherwise ask for a
temperature of 0.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

_SMALLEST, _LARGEST = -14.0, 14.0
"""Of the logarithm of the temperature."""


def fit_temperature(scores: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Find the temperature with the smallest log loss.

    Parameters
    ----------
    scores
        (n_cases, n_classes), of cases that had no part in them.
    y
        Codes of the classes, (n_cases,).
    weights
        Of the cases' losses, (n_cases,); None: all are 1.

    Examples
    --------
    >>> right, wrong = [1.0, 0.0], [0.0, 1.0]
    >>> scores = np.array(9 * [right] + [wrong])
    >>> probabilities(scores, fit_temperature(scores, np.zeros(10, int)))[0].round(2).tolist()  # (9 + ½) / (10 + 1)
    [0.86, 0.14]
    """
    n, n_classes = scores.shape
    targets = ((y[:, None] == np.arange(n_classes)) + 1 / (n * n_classes)) / (1 + 1 / n)

    def log_loss(log_temperature: float) -> float:
        losses = -(targets * log_softmax(scores / np.exp(log_temperature), axis=1)).sum(axis=1)
        return float(np.average(losses, weights=weights))

    found = minimize_scalar(log_loss, bounds=(_SMALLEST, _LARGEST), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def probabilities(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of scores (n_cases, n_classes) at a temperature, float64."""
    return softmax(scores.astype(np.float64) / temperature, axis=1)


def log_losses(probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the true class's probability, for each case, (n_cases,)."""
    return -np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-15))
