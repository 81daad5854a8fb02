"""Recipes: everything that decides how a network is trained, in one frozen object."""

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from headstart.errors import DataError, UnknownNameError


@dataclass(frozen=True)
class Recipe:
    """How to train a network, from scratch or from a source.

    Attributes
    ----------
    name
        What cards and results call it.
    epochs
        Passes over the training series.
    learning_rate
        Adam's, at its highest.
    schedule
        ``plateau``: halved after `patience_epochs` without a better training loss, down to `min_learning_rate`;
        ``one-cycle``: up for the first 30% of the steps, then down to nothing along a cosine, Adam's first moment
        the other way round between .95 and .85 (Smith & Topin, "Super-convergence", 2019; torch's `OneCycleLR`).
    patience_epochs, min_learning_rate
        Of the plateau schedule.
    max_batch_size, min_batch_size, batch_fraction
        A batch has `batch_fraction` of the training set, but at most `max_batch_size` and at least `min_batch_size`
        series: batch statistics of one or two series are too rough to learn from.
    max_updates
        Gradient steps after which no further epoch is begun if it would exceed them, but one there is always: large
        training sets are learnt in fewer passes. None: no limit.
    exact_statistics
        Whether the statistics of batch normalisation are measured anew at the end, over the whole training set and
        with the weights that are kept, as means over batches as large as memory allows (Wu & Johnson, "Rethinking
        'Batch' in BatchNorm", 2021, section 3). The running averages lag behind the weights by some hundred batches,
        which is much of a short training on few series.
    standardise_features
        Whether the head sees standardised features in training, as `StandardisedHead` says.
    bfloat16
        Whether convolutions are computed in bfloat16 where the processor has instructions for it, weights and their
        updates in float32 all the same (Micikevicius et al., "Mixed precision training", ICLR 2018). Elsewhere, and
        for predictions, everything is float32.
    """

    name: str
    epochs: int
    learning_rate: float = 1e-3
    schedule: Literal["plateau", "one-cycle"] = "one-cycle"
    patience_epochs: int = 50
    min_learning_rate: float = 1e-4
    max_batch_size: int = 16
    min_batch_size: int = 1
    batch_fraction: float = 1.0
    max_updates: int | None = None
    exact_statistics: bool = True
    standardise_features: bool = False
    bfloat16: bool = False

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # out of an array, as in a grid search; neither torch nor JSON takes them
                object.__setattr__(self, name, value.item())
        for name in ("epochs", "patience_epochs", "min_batch_size", "max_batch_size", "max_updates"):
            value = getattr(self, name)
            if value is None and name == "max_updates":
                continue
            if not isinstance(value, int) or value < 1:
                raise DataError(f"recipe {self.name!r}: {name} is {value!r}; it must be a whole number of at least 1")
        if self.max_batch_size < self.min_batch_size:
            raise DataError(f"recipe {self.name!r}: max_batch_size must be at least min_batch_size")
        if not 0 < self.learning_rate < float("inf") or not 0 < self.batch_fraction <= 1:
            raise DataError(
                f"recipe {self.name!r}: learning_rate must be positive, and batch_fraction above 0 and at most 1"
            )
        if not 0 <= self.min_learning_rate < float("inf"):
            raise DataError(f"recipe {self.name!r}: min_learning_rate must be a number of at least 0")
        if self.schedule not in ("plateau", "one-cycle"):
            raise UnknownNameError("schedule", self.schedule, ("plateau", "one-cycle"))

    def batch_size(self, n_cases: int) -> int:
        """Series in a batch for a training set of `n_cases`."""
        size = min(max(int(n_cases * self.batch_fraction), self.min_batch_size), self.max_batch_size)
        return min(size, n_cases)

    def n_epochs(self, n_cases: int) -> int:
        """Epochs for a training set of `n_cases`: fewer than `epochs` where `max_updates` ends the training."""
        if self.max_updates is None:
            return self.epochs
        return min(self.epochs, max(1, self.max_updates // self._n_batches(n_cases)))

    def n_updates(self, n_cases: int) -> int:
        """Gradient steps in all for a training set of `n_cases`."""
        return self.n_epochs(n_cases) * self._n_batches(n_cases)

    def _n_batches(self, n_cases: int) -> int:
        return math.ceil(n_cases / self.batch_size(n_cases))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as a card keeps them."""
        return asdict(self)


PAPER = Recipe(
    name="paper",
    epochs=2000,
    schedule="plateau",
    patience_epochs=50,
    min_learning_rate=1e-4,
    batch_fraction=0.1,
    exact_statistics=False,
)
"""The paper's, section IV-B: 2,000 epochs, batches of a tenth of the training set and at most 16."""

DEFAULT = Recipe(
    name="default",
    epochs=300,
    batch_fraction=0.1,
    min_batch_size=4,
    max_updates=12_000,
    standardise_features=True,
    bfloat16=True,
)
"""About a tenth of the paper's time, or less, on a schedule that ends when the epochs do (see ``docs/recipes.md``)."""

QUICK = replace(DEFAULT, name="quick", epochs=100, max_updates=1333)
"""A third of the default, and less of large training sets: enough where a source gives the start."""

THOROUGH = replace(DEFAULT, name="thorough", epochs=900, max_updates=36_000)
"""Three times the default."""

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (PAPER, QUICK, DEFAULT, THOROUGH)}


def get_recipe(recipe: str | Recipe, **overrides: Any) -> Recipe:
    """Look a recipe up by name; fields given by keyword and not None replace its own.

    Examples
    --------
    >>> get_recipe("paper", epochs=100).epochs
    100
    """
    if isinstance(recipe, str):
        if recipe not in RECIPES:
            raise UnknownNameError("recipe", recipe, RECIPES)
        recipe = RECIPES[recipe]
    if not isinstance(recipe, Recipe):
        raise DataError(f"a recipe is a Recipe or the name of one, not {recipe!r}")
    known = {field.name for field in fields(Recipe)}
    for name in overrides:
        if name not in known:
            raise UnknownNameError("recipe field", name, known)
    return replace(recipe, **{name: value for name, value in overrides.items() if value is not None})
