"""What a trunk of many data sets is trained for: a head for each of them, or heads fitted in episodes.

Both divide the cross-entropy by that of guessing, so that a data set of sixty classes weighs no more than one of two;
and both let heads see standardised features, by the statistics of the series that the head learns from.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.networks.base import new_head

_LEAST_SPREAD = 0.1
"""Of a feature, as a share of the typical feature's: what hardly varies is not blown up to the size of the rest."""


class Draw(NamedTuple):
    """Series of one data set that make a batch."""

    cases: np.ndarray
    """int64, (batch,)."""
    y: np.ndarray
    """int64, (batch,): codes of their classes."""
    n_support: int = 0
    """The first so many are what an episode's head is fitted to."""


class Objective(nn.Module, ABC):
    """Chooses batches, and says how bad their features are.

    What it learns itself, such as heads, is trained with the trunk and thrown away at the end.
    """

    @abstractmethod
    def draw(self, data: Dataset, n_cases: int, rng: np.random.Generator) -> Draw:
        """Choose about `n_cases` series of a data set."""

    @abstractmethod
    def forward(self, member: int, features: Tensor, y: Tensor, n_support: int) -> Tensor:
        """Return the loss of the features (batch, n_features) of series that were drawn of a data set, by number.

        1 is that of guessing.
        """


class ManyHeads(Objective):
    """A linear head for each data set, and cross-entropy.

    Parameters
    ----------
    n_features
        Of the trunk.
    datasets
        By their order `member` counts.
    seed
        Of the heads' first weights.
    """

    def __init__(self, n_features: int, datasets: Sequence[Dataset], seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.heads = nn.ModuleList(new_head(n_features, data.n_classes) for data in datasets)

    def draw(self, data: Dataset, n_cases: int, rng: np.random.Generator) -> Draw:
        """Choose any series."""
        cases = rng.choice(data.n_cases, size=min(n_cases, data.n_cases), replace=False)
        return Draw(cases, data.y[cases])

    def forward(self, member: int, features: Tensor, y: Tensor, n_support: int) -> Tensor:
        """See `Objective.forward`. Features are standardised within the batch: a head is not needed outside one."""
        scores = self.heads[member](standardised(features, features))  # (batch, n_classes)
        return F.cross_entropy(scores, y) / math.log(scores.shape[1])


class Episodes(Objective):
    """Heads that are fitted to a few cases of each class in closed form, judged by cases that are held back.

    Bertinetto et al., "Meta-learning with differentiable closed-form solvers" (ICLR 2019), section 3: ridge regression
    in its dual form, whose strength, and the scale of its scores before softmax, are learnt with the trunk, through
    which the held-back cases' loss flows back. Deviations: features are centred and standardised, and scores have an
    intercept, as those of the ridge regression that users will fit to the trunk's features; the number of cases a class
    differs from episode to episode, because users' do.
    """

    max_classes = 8
    """Of an episode; which ones is drawn."""
    shots = (2, 8)
    """The fewest and the most cases of a class that a head is fitted to, where the data set has more."""

    def __init__(self) -> None:
        super().__init__()
        self.log_strength = nn.Parameter(torch.tensor(math.log(0.1)))
        self.log_scale = nn.Parameter(torch.tensor(math.log(4.0)))

    def draw(self, data: Dataset, n_cases: int, rng: np.random.Generator) -> Draw:
        """Choose classes, and cases of each: first all that a head is fitted to, then those that are held back.

        Raises
        ------
        DataError
            If there are no two classes of at least two cases.
        """
        classes = np.flatnonzero(np.bincount(data.y, minlength=data.n_classes) >= 2)
        if len(classes) < 2:
            raise DataError(
                f"{data.name}: episodes need two classes of at least two cases each; leave it out, or train many heads"
            )
        classes = rng.permutation(classes)[: self.max_classes]
        n_shots = int(rng.integers(self.shots[0], self.shots[1], endpoint=True))
        n_of_class = max(2, n_cases // len(classes))
        support: list[np.ndarray] = []
        held_back: list[np.ndarray] = []
        for label in classes:
            cases = rng.permutation(np.flatnonzero(data.y == label))[:n_of_class]
            n = min(n_shots, len(cases) // 2)
            support.append(cases[:n])
            held_back.append(cases[n:])
        codes = np.arange(len(classes))
        y = [np.repeat(codes, [len(cases) for cases in part]) for part in (support, held_back)]
        return Draw(np.concatenate(support + held_back), np.concatenate(y), len(y[0]))

    def forward(self, member: int, features: Tensor, y: Tensor, n_support: int) -> Tensor:
        """See `Objective.forward`."""
        z = standardised(features, features[:n_support]) / features.shape[1] ** 0.5
        targets = F.one_hot(y[:n_support]).to(z)  # (n_support, n_classes)
        scores = ridge_scores(z[:n_support], targets, z[n_support:], self.log_strength.exp())
        return F.cross_entropy(self.log_scale.exp() * scores, y[n_support:]) / math.log(targets.shape[1])


def ridge_scores(z: Tensor, targets: Tensor, queries: Tensor, strength: Tensor) -> Tensor:
    """Fit a ridge regression to centred features z (n, n_features), and apply it to queries (m, n_features).

    Parameters
    ----------
    z, queries
        Features, from which the means of `z` were taken.
    targets
        (n, n_classes).
    strength
        Weight of the squared coefficients, above 0; the intercept, which is the mean of the targets, is not shrunk.

    Returns
    -------
    Tensor
        (m, n_classes).

    Examples
    --------
    >>> z, targets = torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [0.0]])
    >>> ridge_scores(z, targets, torch.tensor([[0.0], [2.0]]), torch.tensor(2.0)).tolist()
    [[0.5], [1.0]]
    """
    mean = targets.mean(dim=0)
    gram = z @ z.T + strength * torch.eye(len(z), dtype=z.dtype, device=z.device)
    return queries @ (z.T @ torch.linalg.solve(gram, targets - mean)) + mean


def standardised(features: Tensor, reference: Tensor) -> Tensor:
    """Centre and scale features (batch, n_features) by the means and deviations of some of the series."""
    mean, variance = reference.mean(dim=0), reference.var(dim=0, correction=0)
    least = _LEAST_SPREAD**2 * variance.mean()
    return (features - mean) * torch.rsqrt(variance + least + 1e-8)
