"""Rank sources by how alike their series are to the target's: the paper's proposal.

Ismail Fawaz et al. (IEEE Big Data 2018), section III-C: the nearer a source's class prototypes are to the target's, by
DTW, the better it should be to start from. In the paper's own results the rank hardly goes with the accuracy.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import z_normalise
from headstart.similarity import Prototypes, dataset_distance, prototypes
from headstart.zoo.source import Source


def scores(target: Dataset, sources: Mapping[str, Source]) -> np.ndarray:
    """Return minus the distance between data sets; NaN for a source without prototypes or with other channels."""

    @cache  # the target's series as the networks of sources with this choice see them
    def target_prototypes(normalise: bool) -> Prototypes:
        return prototypes(z_normalise(target) if normalise else target)

    def score(source: Source) -> float:
        if source.prototypes is None or source.card.n_channels != target.n_channels:
            return np.nan
        return -dataset_distance(target_prototypes(source.card.normalise), source.prototypes)

    return np.array([score(source) for source in sources.values()])
