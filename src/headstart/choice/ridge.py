"""Ridge regression of the classes on fixed features: the head of all candidates that train no network, but of QUANT.

As ROCKET uses it (Dempster, Petitjean & Webb, Data Mining and Knowledge Discovery 34, 2020): features of unit variance,
targets of ±1, and of ten strengths the one with the smallest squared error when each case is left out once. What a fit
without some of the cases would say of them follows from the fit to all cases, in closed form (Allen, Technometrics 16,
1974, for one case; the same algebra holds for a whole fold). So held-out scores cost no second fit.

Deviation: a variance that is measured on a few cases is mostly chance, and where it is small by chance, it blows its
feature up. So each is drawn towards the mean of all features' variances, as if four more cases had been seen that have
it (after Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments", Statistical Applications in Genetics and Molecular Biology 3, 2004).

Mean and variance of the features are those of all cases. A held-out case takes part in them. Its label
has a part in the choice of the strength, and in the weights of balanced classes, and in nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STRENGTHS = np.logspace(-3, 3, 10)
"""What ROCKET tries."""
CASES_BEFORE = 4.0
"""By how many cases each feature is taken to vary as all do, before its own variance counts (docs/choice_tuning.md)."""
_N_TOGETHER = 1024
"""Features whose variance is computed at once, to save memory."""


@dataclass(frozen=True, eq=False)
class RidgeHead:
    """A fitted ridge regression, from features as they are to a score for each class.

    Attributes
    ----------
    coefficients
        float32, (n_features, n_classes).
    intercepts
        float32, (n_classes,).
    """

    coefficients: np.ndarray
    intercepts: np.ndarray

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores of the classes, (n_cases, n_classes), for features (n_cases, n_features): the higher, the likelier."""
        return X @ self.coefficients + self.intercepts


def fit_ridge(
    X: np.ndarray,
    y: np.ndarray,
    n_classes: int,
    folds: Sequence[np.ndarray] = (),
    *,
    standardise: bool = True,
    weights: np.ndarray | None = None,
) -> tuple[RidgeHead, np.ndarray]:
    """Fit a head to all cases, and say what fits without each fold would have said of its cases.

    Parameters
    ----------
    X
        Features, (n_cases, n_features).
    y
        Codes of the classes, (n_cases,).
    n_classes
        Number of classes.
    folds
        Indices of the cases that are held out together; no case in two of them, and none with all cases.
    standardise
        Whether to scale the features by their moderated variance. They are always centred.
    weights
        Of the cases' squared errors, (n_cases,), with mean 1; None: all are 1.

    Returns
    -------
    head, held_out
        The head, and scores, (n_cases, n_classes), NaN for cases in no fold. The strength is that of the fit to all.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat([0, 1], 10)
    >>> X = y[:, None] + 0.1 * rng.normal(size=(20, 50))
    >>> head, held_out = fit_ridge(X, y, 2, folds=[np.arange(0, 20, 2), np.arange(1, 20, 2)])
    >>> (held_out.argmax(axis=1) == y).all(), (head.scores(X).argmax(axis=1) == y).all()
    (np.True_, np.True_)
    """
    X = X.astype(np.float64)
    Y = np.where(y[:, None] == np.arange(n_classes), 1.0, -1.0)
    w = np.ones((len(X), 1)) if weights is None else weights[:, None]
    root = np.sqrt(w)  # weighted least squares are the usual ones, of rows multiplied by it
    mean = X.mean(axis=0) if weights is None else weights @ X / len(X)
    scale = _moderated_scale(X, mean) if standardise else np.ones_like(mean)
    Z = X  # in place: features of thousands of series are gigabytes
    Z -= mean
    Z *= root
    Z /= scale
    Y_mean = (w * Y).mean(axis=0)
    centred = root * (Y - Y_mean)
    variation, U = _principal_axes(Z)

    def shrunk(strength: float) -> np.ndarray:
        return variation / (variation + strength)

    def residuals(strength: float) -> np.ndarray:
        return centred - U @ (shrunk(strength)[:, None] * (U.T @ centred))

    def leave_one_out_error(strength: float) -> float:
        kept = 1 - w[:, 0] / len(X) - np.square(U) @ shrunk(strength)  # the diagonal of I - hat matrix
        return float(np.square(residuals(strength) / kept[:, None]).mean())

    strength = min(STRENGTHS, key=leave_one_out_error)
    held_out = np.full(Y.shape, np.nan)
    remaining = residuals(strength)
    for fold in folds:
        hat = root[fold] @ root[fold].T / len(X) + (U[fold] * shrunk(strength)) @ U[fold].T
        held_out[fold] = Y[fold] - np.linalg.solve(np.eye(len(fold)) - hat, remaining[fold]) / root[fold]
    coefficients = Z.T @ (U @ (U.T @ centred / (variation + strength)[:, None])) / scale[:, None]
    intercepts = Y_mean - mean @ coefficients
    return RidgeHead(coefficients.astype(np.float32), intercepts.astype(np.float32)), held_out


def _moderated_scale(X: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return what features are divided by, (n_features,), so that on average their variance is 1."""
    variance = np.concatenate([X[:, i : i + _N_TOGETHER].var(axis=0) for i in range(0, X.shape[1], _N_TOGETHER)])
    varies = variance > np.square(1e-6 * mean)  # more than rounding
    if not varies.any():
        return np.ones_like(variance)
    usual = variance[varies].mean()
    moderated = np.where(varies, (len(X) * variance + CASES_BEFORE * usual) / (len(X) + CASES_BEFORE), usual)
    return np.sqrt(moderated * (variance / moderated)[varies].mean())


def _principal_axes(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared singular values of centred features, those above 0, and their left singular vectors."""
    if len(Z) <= Z.shape[1]:
        variation, U = np.linalg.eigh(Z @ Z.T)
    else:
        variation, V = np.linalg.eigh(Z.T @ Z)
    is_kept = variation > 1e-12 * variation[-1]
    variation = variation[is_kept]
    return variation, U[:, is_kept] if len(Z) <= Z.shape[1] else Z @ V[:, is_kept] / np.sqrt(variation)
