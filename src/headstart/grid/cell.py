"""The cell: one training run of the experiment, named by its content."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

from headstart.errors import DataError, UnknownNameError
from headstart.networks import NETWORKS
from headstart.training.recipe import DEFAULT, Recipe, get_recipe

RECIPE_PREFIX = "recipe_"
"""Of the names of the recipe's fields in a row."""


@dataclass(frozen=True)
class Cell:
    """One network trained on one target, from a source or from scratch.

    Training from scratch on X with seed s is also the pretraining of the source X with seed s: one cell serves both,
    and its weights are kept for the cells that start from it.

    Attributes
    ----------
    target
        Data set that is trained and tested on.
    source
        Data set that the network was trained on before; None from scratch.
    network
        Architecture, a key of `NETWORKS`.
    recipe
        A `Recipe`, or the name of one: how both source and target are trained.
    seed
        Of weights and order, in both trainings.

    Examples
    --------
    >>> cell = Cell("Plane", source="FordA", recipe="paper", seed=3)
    >>> len(cell.id), cell.parent == Cell("FordA", recipe="paper", seed=3)
    (16, True)
    """

    target: str
    source: str | None = None
    network: str = "fcn"
    recipe: Recipe = DEFAULT
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe", get_recipe(self.recipe))
        if self.network not in NETWORKS:
            raise UnknownNameError("network", self.network, NETWORKS)
        if self.source == self.target:
            raise DataError(f"{self.target}: source and target are the same; source=None trains from scratch")

    @cached_property
    def id(self) -> str:
        """Hash of all fields and of all the recipe's: a recipe that was changed makes other cells."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def kind(self) -> str:
        """``scratch`` or ``transfer``."""
        return "scratch" if self.source is None else "transfer"

    @cached_property
    def parent(self) -> "Cell | None":
        """The cell whose weights this one starts from; None from scratch."""
        return None if self.source is None else Cell(self.source, None, self.network, self.recipe, self.seed)

    def to_row(self) -> dict[str, Any]:
        """Return the part of a row that says which cell it is."""
        recipe = {RECIPE_PREFIX + name: value for name, value in self.recipe.to_dict().items() if name != "name"}
        return {
            "cell": self.id,
            "kind": self.kind,
            "source": self.source,
            "target": self.target,
            "network": self.network,
            "recipe": self.recipe.name,
            "seed": self.seed,
            **recipe,
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Cell":
        """Return the cell that a row is of.

        Its id is the row's, unless recipes had other fields when the row was written; what it lacks gets its default.
        """
        names = [field.name for field in fields(Recipe) if RECIPE_PREFIX + field.name in row]
        recipe = {name: row[RECIPE_PREFIX + name] for name in names}
        return cls(row["target"], row["source"], row["network"], Recipe(name=row["recipe"], **recipe), row["seed"])
