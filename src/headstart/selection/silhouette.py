"""Rank sources by how well the target's classes lie apart in their features: the mean silhouette.

Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis" (Journal of
Computational and Applied Mathematics 20, 1987), with the classes as clusters and Euclidean distances: from -1 to 1,
whatever the scale of the features; a case that is alone in its class counts as 0.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import silhouette_score

from headstart.data.dataset import Dataset
from headstart.selection.features import score_features
from headstart.zoo.source import Source


def scores(target: Dataset, sources: Mapping[str, Source]) -> np.ndarray:
    """Return the mean silhouette of the classes in each source's features; NaN as `score_features` says."""
    return score_features(silhouette_score, target, sources)
