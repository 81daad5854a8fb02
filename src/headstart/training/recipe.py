"""Recipes: everything that decides how a network is trained, in one frozen object."""

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
        ``one-cycle``: up for the first 30% of the steps, then down to nothing along a cosine
        (Smith & Topin, "Super-convergence", 2019).
    patience_epochs, min_learning_rate
        Of the plateau schedule.
    max_batch_size, batch_fraction
        A batch has the smaller of `max_batch_size` series and `batch_fraction` of the training set, and at least one.
    exact_statistics
        Whether the statistics of batch normalisation are measured anew at the end, over the whole training set and
        with the weights that are kept (Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3). The running
        averages lag behind the weights by some hundred batches, which is much of a short training on few series.
    """

    name: str
    epochs: int
    learning_rate: float = 1e-3
    schedule: Literal["plateau", "one-cycle"] = "one-cycle"
    patience_epochs: int = 50
    min_learning_rate: float = 1e-4
    max_batch_size: int = 16
    batch_fraction: float = 1.0
    exact_statistics: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # out of an array, as in a grid search; neither torch nor JSON takes them
                object.__setattr__(self, name, value.item())
        if self.epochs < 1 or self.max_batch_size < 1 or self.patience_epochs < 1:
            raise DataError(f"recipe {self.name!r}: epochs, max_batch_size and patience_epochs must be at least 1")
        if not 0 < self.learning_rate < float("inf") or not 0 < self.batch_fraction <= 1:
            raise DataError(
                f"recipe {self.name!r}: learning_rate must be positive, and batch_fraction above 0 and at most 1"
            )
        if not self.min_learning_rate >= 0:
            raise DataError(f"recipe {self.name!r}: min_learning_rate must not be negative")
        if self.schedule not in ("plateau", "one-cycle"):
            raise UnknownNameError("schedule", self.schedule, ("plateau", "one-cycle"))

    def batch_size(self, n_cases: int) -> int:
        """Series in a batch for a training set of `n_cases`."""
        return max(1, int(min(n_cases * self.batch_fraction, self.max_batch_size)))

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

DEFAULT = Recipe(name="default", epochs=200)
"""A tenth of the paper's epochs, on a schedule that ends when they do."""

RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (PAPER, DEFAULT)}


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
    known = {field.name for field in fields(Recipe)}
    for name in overrides:
        if name not in known:
            raise UnknownNameError("recipe field", name, known)
    return replace(recipe, **{name: value for name, value in overrides.items() if value is not None})
