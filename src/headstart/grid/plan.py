"""The plan: which cells an experiment has, in which order, on which data.

The order is by value, so that a run that is stopped already says something. Seed by seed; within a seed first all cells
from scratch, then rounds in which every target meets one source more; within a round the cheap cells first. Which
source a target meets first is drawn by lot (a hash, the same on every machine), and within a round different targets
have different sources where there are enough: any number of rounds is an even sample of all pairs.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from headstart.arguments import as_list, checked_seed
from headstart.data import archive_names, find, load
from headstart.errors import DataError, HeadstartError
from headstart.files import write_text
from headstart.grid.cell import Cell
from headstart.training.recipe import Recipe, get_recipe


@dataclass(frozen=True)
class Extent:
    """How large a data set is, and which it is."""

    n_train: int
    n_test: int
    n_channels: int
    length: int
    train_fingerprint: str
    test_fingerprint: str | None


@dataclass(frozen=True)
class Plan:
    """All sources for all targets, networks, recipes and seeds.

    Attributes
    ----------
    sources, targets
        Names of data sets.
    networks, recipes, seeds
        What each pair is done with.
    extents
        Of every data set among sources and targets.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    networks: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...]
    extents: dict[str, Extent]

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells, in the order in which they are to be done."""
        everyone = sorted({*self.sources, *self.targets})
        by_lot = sorted(self.sources, key=lambda name: hashlib.sha256(name.encode()).digest())
        pairs: list[tuple[int, str, str | None]] = [(0, name, None) for name in everyone]
        places = {name: place for place, name in enumerate(by_lot)}
        # A target begins after its own place, one that is no source after the place of a source that is no target.
        free = [place for place, name in enumerate(by_lot) if name not in self.targets] or [0]
        for i, target in enumerate(name for name in sorted(self.targets) if name not in places):
            places[target] = free[i % len(free)]
        for target in self.targets:
            first = places[target] + 1
            others = [name for name in by_lot[first:] + by_lot[:first] if name != target]
            pairs += [(number, target, source) for number, source in enumerate(others, start=1)]
        ordered = [
            ((seed, number, _n_values(self.extents[target], recipe), target, source or ""), (network, recipe))
            for seed in self.seeds
            for network in self.networks
            for recipe in self.recipes
            for number, target, source in pairs
        ]
        ordered.sort(key=lambda item: item[0])
        return [
            Cell(target, source or None, network, recipe, seed)
            for (seed, _, _, target, source), (network, recipe) in ordered
        ]

    def save(self, folder: Path) -> None:
        """Keep the plan in a run folder, from which `load_plans` reads it.

        Raises
        ------
        DataError
            If the run folder was made with other data of the same name.
        """
        for other in load_plans(folder):
            for name in self.extents.keys() & other.extents.keys():
                if self.extents[name] != other.extents[name]:
                    raise DataError(
                        f"{folder} was begun with other data named {name} (its content differs); name another run "
                        "folder, or the archive of then"
                    )
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps(asdict(self), indent=1, sort_keys=True)
        path = folder / f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
        if not path.exists():
            write_text(path, content)


def size(cell: Cell, extent: Extent) -> tuple[int, int, int]:
    """Return a cell's steps of the optimiser, and how many values of training and of test series it sees."""
    n_test_values = extent.n_test * extent.n_channels * extent.length
    return cell.recipe.n_updates(extent.n_train), _n_values(extent, cell.recipe), n_test_values


def _n_values(extent: Extent, recipe: Recipe) -> int:
    return recipe.n_epochs(extent.n_train) * extent.n_train * extent.n_channels * extent.length


def load_plans(folder: Path) -> list[Plan]:
    """Read all plans that were kept in a folder.

    Raises
    ------
    HeadstartError
        If one is damaged, or of a version of headstart whose recipes have other fields.
    """
    plans = []
    for path in sorted(folder.glob("*.json")):
        try:
            values = json.loads(path.read_text())
            values["recipes"] = tuple(Recipe(**recipe) for recipe in values["recipes"])
            values["extents"] = {name: Extent(**extent) for name, extent in values["extents"].items()}
            for name in ("sources", "targets", "networks", "seeds"):
                values[name] = tuple(values[name])
            plans.append(Plan(**values))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HeadstartError(
                f"{path}: is no plan that this version of headstart reads ({error}); use another run folder"
            ) from None
    return plans


def make_plan(
    archive: str | Path | None = None,
    *,
    sources: Iterable[str] | None = None,
    targets: Iterable[str] | None = None,
    networks: Sequence[str] = ("fcn",),
    recipes: Sequence[str | Recipe] = ("default",),
    seeds: int | Sequence[int] = 1,
) -> Plan:
    """Look at the data and plan an experiment; the parameters are those of `run_grid`.

    Raises
    ------
    DataError
        If a data set cannot be read, or a target that is named has no test part, or there is nothing to do.
    UnknownNameError
        If there is no such data set, network or recipe.
    """
    every_name = archive_names(archive) if sources is None or targets is None else []
    source_names = _canonical(every_name if sources is None else as_list(sources), archive)
    target_names = _canonical(every_name if targets is None else as_list(targets), archive)
    extents: dict[str, Extent] = {}
    problems = []
    for name in sorted({*source_names, *target_names}):
        try:
            extents[name] = _extent(name, archive)
        except HeadstartError as error:
            problems.append(str(error))
    if problems:
        raise DataError(
            f"{len(problems)} data sets cannot be read; repair them, or name the sources and targets to use. "
            + ". ".join(problems)
        )
    without_test = [name for name in target_names if extents[name].n_test == 0]
    if targets is not None and without_test:
        raise DataError(f"{', '.join(without_test)}: has no test part, so it can be a source, but no target")
    plan = Plan(
        source_names,
        tuple(name for name in target_names if name not in without_test),
        tuple(dict.fromkeys(as_list(networks))),
        tuple(dict.fromkeys(map(get_recipe, as_list(recipes)))),
        tuple(
            dict.fromkeys(map(checked_seed, range(seeds) if isinstance(seeds, int | np.integer) else as_list(seeds)))
        ),
        extents,
    )
    if not plan.cells:
        raise DataError("there is nothing to do: give at least one data set, network, recipe and seed")
    names = [recipe.name for recipe in plan.recipes]
    if len(set(names)) < len(names):
        raise DataError(f"two recipes are named alike ({', '.join(names)}); results would not tell them apart")
    return plan


def _canonical(names: Iterable[str], archive: str | Path | None) -> tuple[str, ...]:
    """Return each data set's name in the archive, once, whatever spelling it was asked for by."""
    paths = [find(name, archive) for name in names]
    return tuple(dict.fromkeys(path.stem if path.is_file() else path.name for path in paths))


def _extent(name: str, archive: str | Path | None) -> Extent:
    train, test = load(name, archive)
    return Extent(
        train.n_cases,
        0 if test is None else test.n_cases,
        train.n_channels,
        int(train.lengths.max()),
        train.fingerprint,
        None if test is None else test.fingerprint,
    )
