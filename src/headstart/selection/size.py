"""Rank sources by how many training series they had, whatever the target: the baseline that looks at sources alone."""

from collections.abc import Mapping

import numpy as np

from headstart.data.dataset import Dataset
from headstart.zoo.source import Source


def scores(target: Dataset, sources: Mapping[str, Source]) -> np.ndarray:
    """Return the number of each source's training series."""
    return np.array([float(source.card.n_cases) for source in sources.values()])
