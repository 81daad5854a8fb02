"""Candidates that train no network: fixed features of the series, and a head on them.

A kind of features is a class, found by name in `TRANSFORMS`; a kind of head one in `HEADS`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import safetensors
import safetensors.numpy
from sklearn.utils.class_weight import compute_sample_weight

from headstart.choice.candidate import Trial
from headstart.choice.dictionary import Dictionary
from headstart.choice.forest import ForestHead
from headstart.choice.frozen import Frozen
from headstart.choice.intervals import Intervals
from headstart.choice.kernels import MiniRocketKernels, MultiRocketHydraKernels
from headstart.choice.ridge import RidgeHead, fit_ridge
from headstart.data.dataset import Dataset
from headstart.errors import ModelError
from headstart.zoo.source import Source


class Transform(Protocol):
    """From series to features."""

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features of series as they are, (n_cases, n_features)."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what JSON can say of it."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the rest."""
        ...

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings and arrays."""
        ...


class Head(Protocol):
    """From features to scores. It is a dataclass of arrays, which are all that is kept of it."""

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Scores of the classes, (n_cases, n_classes), for features (n_cases, n_features): the higher, the likelier."""
        ...


FitHead = Callable[..., tuple[Head, np.ndarray]]
"""What `fit_ridge` is: from features, codes, number of classes, folds and weights to a head and held-out scores."""

TRANSFORMS: dict[str, type[Transform]] = {
    "frozen": Frozen,
    "minirocket": MiniRocketKernels,
    "multirocket-hydra": MultiRocketHydraKernels,
    "quant": Intervals,
    "weasel": Dictionary,
}
HEADS: dict[str, type[Head]] = {"ridge": RidgeHead, "forest": ForestHead}
_HEADER = "headstart"
_HEAD, _TRANSFORM = "head.", "transform."
_MOST_CASES = 512
"""Whose features are computed at once to predict."""


@dataclass(frozen=True, eq=False)
class FeatureMember:
    """A transform and its head."""

    transform: Transform
    head: Head

    @property
    def networks(self) -> Sequence[Source]:
        """None: what network there may be was trained elsewhere."""
        return ()

    def scores(self, data: Dataset, device: str = "auto") -> np.ndarray:
        """Scores of the classes, (n_cases, n_classes), always computed on the processor.

        So many cases at a time that their features, of which each has tens of thousands, do not fill the memory.
        """
        batches = [range(i, min(i + _MOST_CASES, data.n_cases)) for i in range(0, data.n_cases, _MOST_CASES)]
        return np.concatenate([self.head.scores(self.transform(data.subset(cases))) for cases in batches])

    def to_files(self) -> list[bytes]:
        """Return one safetensors file, whose header says in JSON which transform and which head it is."""
        transform = next(name for name, cls in TRANSFORMS.items() if isinstance(self.transform, cls))
        head = next(name for name, cls in HEADS.items() if isinstance(self.head, cls))
        arrays = {_HEAD + name: array for name, array in vars(self.head).items()}
        arrays |= {_TRANSFORM + name: np.ascontiguousarray(array) for name, array in self.transform.arrays().items()}
        header = json.dumps({"transform": transform, "settings": self.transform.settings(), "head": head})
        return [safetensors.numpy.save(arrays, metadata={_HEADER: header})]

    @classmethod
    def from_files(cls, paths: Sequence[Path]) -> Self:
        """Read that file.

        Raises
        ------
        ModelError
            If it is missing or damaged.
        """
        (path,) = paths
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                header = json.loads(file.metadata()[_HEADER])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
            head = {n.removeprefix(_HEAD): array for n, array in arrays.items() if n.startswith(_HEAD)}
            rest = {n.removeprefix(_TRANSFORM): array for n, array in arrays.items() if n.startswith(_TRANSFORM)}
            transform = TRANSFORMS[header["transform"]].restored(header["settings"], rest)
            return cls(transform, HEADS[header.get("head", "ridge")](**head))  # models of before there were others
        except (safetensors.SafetensorError, OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
            raise ModelError(f"{path}: is no member of a headstart model ({error}); fit the model again") from None


@dataclass(frozen=True, eq=False)
class FeatureCandidate:
    """Fixed features with a head.

    Attributes
    ----------
    name, kind, start
        As in `Candidate`.
    make_transform
        Makes the transform from the training series, whose labels it does not look at.
    balanced
        As in `TransferClassifier`.
    fit_head
        Fits the head.
    """

    name: str
    kind: str
    make_transform: Callable[[Dataset], Transform]
    balanced: bool = False
    start: str | None = None
    fit_head: FitHead = fit_ridge

    def trial(self, data: Dataset, folds: Sequence[np.ndarray]) -> Trial:
        """Score the folds; the member is a by-product."""
        transform = self.make_transform(data)
        X = transform(data)
        weights = compute_sample_weight("balanced", data.y) if self.balanced else None
        head, held_out = self.fit_head(X, data.y, data.n_classes, folds, weights=weights)
        return Trial(held_out, FeatureMember(transform, head))

    def fit(self, data: Dataset) -> FeatureMember:
        """Fit the head to all cases."""
        member = self.trial(data, ()).member
        assert isinstance(member, FeatureMember)
        return member
