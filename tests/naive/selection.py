"""Slow, obvious twins of what is in headstart.selection: everything by its definition, nothing in closed form."""

import numpy as np
from scipy.optimize import minimize
from scipy.stats import multivariate_normal


def one_hot(y):
    return np.array([[float(label == code) for code in sorted(set(y))] for label in y])


def probe(X, y, strengths):
    """Ridge regression fitted anew without each case, at each strength."""
    Y = one_hot(y)
    variation = ((X - X.mean(axis=0)) ** 2).sum()
    errors = []
    for strength in [*strengths * variation, None]:
        error = 0.0
        for i in range(len(y)):
            rest = np.arange(len(y)) != i
            x_mean, y_mean = X[rest].mean(axis=0), Y[rest].mean(axis=0)
            prediction = y_mean
            if strength is not None:
                centred = X[rest] - x_mean
                coefficients = np.linalg.solve(
                    centred.T @ centred + strength * np.eye(X.shape[1]), centred.T @ (Y[rest] - y_mean)
                )
                prediction = y_mean + (X[i] - x_mean) @ coefficients
            error += ((Y[i] - prediction) ** 2).sum()
        errors.append(error)
    *by_strength, by_mean = errors
    return 1 - min(by_strength) / by_mean


def logme(X, y):
    """Maximise log N(y; 0, I / beta + X Xᵀ / alpha) over both, from many starts."""
    scale = np.square(X).sum()

    def negative(logs, labels):
        alpha, beta = np.exp(np.clip(logs, -30, 30))
        covariance = np.eye(len(y)) / beta + X @ X.T / (alpha * scale)
        return -multivariate_normal.logpdf(labels, np.zeros(len(y)), covariance) / len(y)

    starts = [(a, b) for a in (-8, -3, 0, 4) for b in (0, 3)]
    options = {"xatol": 1e-8, "fatol": 1e-12, "maxiter": 2000}
    return np.mean(
        [
            -min(minimize(negative, s, args=(labels,), method="Nelder-Mead", options=options).fun for s in starts)
            for labels in one_hot(y).T
        ]
    )


def ledoit_wolf(X):
    """Shrunken covariance and shrinkage: Ledoit & Wolf, "A well-conditioned estimator", 2004, section 3.2."""
    n, d = X.shape
    centred = X - X.mean(axis=0)
    S = sum(np.outer(x, x) for x in centred) / n
    mean_variance = np.trace(S) / d
    distance = ((S - mean_variance * np.eye(d)) ** 2).sum()
    error = sum(((np.outer(x, x) - S) ** 2).sum() for x in centred) / n**2
    shrinkage = min(error, distance) / distance if d > 1 else 0.0  # with one feature there is nothing to shrink
    return (1 - shrinkage) * S + shrinkage * mean_variance * np.eye(d), shrinkage


def h_score(X, y):
    covariance, shrinkage = ledoit_wolf(X)
    means = np.array([X[y == label].mean(axis=0) for label in y]) - X.mean(axis=0)  # E[F | y] of each case
    return np.trace(np.linalg.inv(covariance) @ ((1 - shrinkage) * means.T @ means / len(y)))


def silhouette(X, y):
    values = []
    for i in range(len(y)):
        distances = {c: [np.linalg.norm(X[i] - X[j]) for j in range(len(y)) if j != i and y[j] == c] for c in set(y)}
        if not distances[y[i]]:
            values.append(0.0)
            continue
        own = np.mean(distances[y[i]])
        other = min(np.mean(d) for c, d in distances.items() if c != y[i])
        values.append((other - own) / max(own, other))
    return np.mean(values)
