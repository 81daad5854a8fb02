"""Features of intervals, which transfer nothing: QUANT, as aeon has it.

Dempster, Schmidt & Webb, "QUANT: a minimalist interval method for time series classification" (Data Mining and
Knowledge Discovery 38, 2024): quantiles of dyadic intervals of the series, of its first and second differences, and of
its spectrum. Nothing is learnt from the training series but their length.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from aeon.transformations.collection.interval_based import QUANTTransformer

from headstart.choice.kernels import MIN_LENGTH, generators_kept, one_length
from headstart.data.dataset import Dataset

_MOST_VALUES = 2**22
"""Of a batch of series: torch refuses quantiles of more than four times as many."""


@dataclass(frozen=True, eq=False)
class Intervals:
    """Quantiles of intervals."""

    length: int
    normalise: bool

    @classmethod
    def of(cls, data: Dataset, *, normalise: bool = True) -> Self:
        """Take the length of the longest training series."""
        return cls(max(int(data.lengths.max()), MIN_LENGTH), normalise)

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features, float32 (n_cases, n_features)."""
        X = one_length(data, self.length, self.normalise)
        n_cases = max(1, _MOST_VALUES // (data.n_channels * self.length))
        with generators_kept(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of what aeon gives numpy to round
            quantiles = QUANTTransformer().fit(X[:1])
            return np.concatenate([quantiles.transform(X[i : i + n_cases]) for i in range(0, len(X), n_cases)])

    def settings(self) -> dict[str, Any]:
        """Return length and normalisation."""
        return {"length": self.length, "normalise": self.normalise}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return none."""
        return {}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings."""
        return cls(settings["length"], settings["normalise"])
