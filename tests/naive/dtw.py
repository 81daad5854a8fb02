"""Slow, obvious twins of what is in headstart.similarity: loops over float64, one cell at a time."""

import numpy as np


def cost_matrix(x, y, radius=None):
    """Accumulated squared costs, (n, m); infinite outside the band. x (channels, n), y (channels, m)."""
    n, m = x.shape[1], y.shape[1]
    local = np.zeros((n, m))
    for x_channel, y_channel in zip(x, y, strict=True):
        local += (x_channel[:, None] - y_channel) ** 2
    local = local.tolist()  # Python's numbers are the same float64, and faster one by one
    costs = [[0.0] + [np.inf] * m]
    for i in range(n):
        costs.append([np.inf])
        for j in range(m):
            inside = radius is None or abs(i - j) <= radius
            best = min(costs[i][j], costs[i][j + 1], costs[i + 1][j])
            costs[i + 1].append(local[i][j] + best if inside else np.inf)
    return np.array(costs)[1:, 1:]


def dtw(x, y, radius=None):
    """Squared cost of the best path."""
    return cost_matrix(x, y, radius)[-1, -1]


def path(x, y, radius=None):
    """Best path, from (0, 0) on; of equal steps, seen from its end, back in x, then back in y, then in both."""
    costs = np.pad(cost_matrix(x, y, radius), ((1, 0), (1, 0)), constant_values=np.inf)
    i, j = x.shape[1] - 1, y.shape[1] - 1
    cells = [(i, j)]
    while (i, j) != (0, 0):
        before = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        i, j = min(before, key=lambda cell: costs[cell[0] + 1, cell[1] + 1])
        cells.append((i, j))
    return cells[::-1]


def medoid(X, radius=None):
    """Index of the series with the smallest sum of squared costs to all."""
    return int(np.argmin([sum(dtw(x, y, radius) for y in X) for x in X]))


def dba(X, average, n_iterations=10, weights=None, radius=None):
    """DTW barycenter average from a start, and the inertia at the start of each iteration; no early stop."""
    weights = np.ones(len(X)) if weights is None else weights
    inertia = []
    for _ in range(n_iterations):
        sums, counts = np.zeros_like(average), np.zeros(average.shape[1])
        inertia.append(0.0)
        for x, weight in zip(X, weights, strict=True):
            inertia[-1] += weight * dtw(average, x, radius)
            for i, j in path(average, x, radius):
                sums[:, i] += weight * x[:, j]
                counts[i] += weight
        average = sums / counts
    return average, inertia
