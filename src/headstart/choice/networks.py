"""Candidates that are trained networks: from scratch, or fine-tuned from a source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from headstart.choice.candidate import Trial
from headstart.data.dataset import Dataset
from headstart.training import Recipe
from headstart.training.loop import OnEpoch
from headstart.training.recipe import get_recipe
from headstart.transfer import fine_tune
from headstart.zoo.pretraining import pretrain
from headstart.zoo.source import Source


@dataclass(frozen=True, eq=False)
class NetworkMember:
    """Trained networks that differ in their seed, whose probabilities are averaged."""

    networks: Sequence[Source]

    def probabilities(self, data: Dataset, device: str = "auto") -> np.ndarray:
        """Mean probabilities of the classes, float64 (n_cases, n_classes)."""
        of_each = [network.class_probabilities(data, device).astype(np.float64) for network in self.networks]
        return np.mean([one / one.sum(axis=1, keepdims=True) for one in of_each], axis=0)

    def scores(self, data: Dataset, device: str = "auto") -> np.ndarray:
        """Logarithms of the mean probabilities, (n_cases, n_classes)."""
        return np.log(np.maximum(self.probabilities(data, device), 1e-12))

    def to_files(self) -> list[bytes]:
        """Return a source file a network."""
        return [network.to_bytes() for network in self.networks]

    @classmethod
    def from_files(cls, paths: Sequence[Path]) -> Self:
        """Read source files."""
        return cls([Source.load(path) for path in paths])


@dataclass(frozen=True, eq=False)
class NetworkCandidate:
    """Networks trained on all layers, from scratch or from a source.

    Attributes
    ----------
    name
        What tables call it.
    source
        Where to start; None: from scratch.
    network, normalise
        As in `pretrain`, if there is no source.
    recipe, seed, device
        As in `pretrain`; further networks take the seeds that follow.
    n_members
        How many networks a fit trains.
    balanced
        As in `pretrain`.
    start
        As in `Candidate`.
    on_epoch
        As in `pretrain`, of every network.
    """

    name: str
    source: Source | None
    recipe: str | Recipe = "default"
    network: str = "fcn"
    normalise: bool = True
    n_members: int = 1
    balanced: bool = False
    seed: int = 0
    device: str = "auto"
    start: str | None = None
    on_epoch: OnEpoch | None = None

    @property
    def kind(self) -> str:
        """``scratch`` or ``fine-tuned``."""
        return "scratch" if self.source is None else "fine-tuned"

    def trial(self, data: Dataset, folds: Sequence[np.ndarray]) -> Trial:
        """Train one network anew for every fold, by which an average of several is judged, too."""
        alone = replace(self, n_members=1)
        held_out = np.full((data.n_cases, data.n_classes), np.nan)
        for fold in folds:
            rest = np.setdiff1d(np.arange(data.n_cases), fold)
            held_out[fold] = alone.fit(data.subset(rest)).scores(data.subset(fold), self.device)
        return Trial(held_out)

    def fit(self, data: Dataset) -> NetworkMember:
        """Train on all cases.

        Raises
        ------
        KeyboardInterrupt
            If it is interrupted: half trained, a network would be judged by less than it can do.
        """
        networks = []
        for i in range(self.n_members):
            networks.append(self.train(data, self.seed + i, self.on_epoch))
            if networks[-1].card.interrupted:
                raise KeyboardInterrupt
        return NetworkMember(networks)

    def n_epochs(self, n_cases: int, folds: Sequence[np.ndarray] = ()) -> int:
        """How many epochs a trial with these folds, and a fit to all of so many cases, train."""
        recipe = get_recipe(self.recipe)
        of_trial = sum(recipe.n_epochs(n_cases - len(fold)) for fold in folds)
        return of_trial + self.n_members * recipe.n_epochs(n_cases)

    def train(self, data: Dataset, seed: int, on_epoch: OnEpoch | None = None) -> Source:
        """Train one network; if it is interrupted, its card says so."""
        shared: dict[str, Any] = {
            "seed": seed,
            "balanced": self.balanced,
            "device": self.device,
            "on_epoch": on_epoch,
        }
        if self.source is not None:
            return fine_tune(self.source, data, self.recipe, **shared)
        return pretrain(data, self.network, self.recipe, normalise=self.normalise, with_prototypes=False, **shared)
