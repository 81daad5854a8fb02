"""Budgets: which candidates compete, by how long one is ready to wait."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headstart.choice.candidate import Candidate
from headstart.choice.dictionary import Dictionary
from headstart.choice.features import FeatureCandidate
from headstart.choice.forest import fit_forest
from headstart.choice.frozen import Frozen
from headstart.choice.intervals import Intervals
from headstart.choice.kernels import MiniRocketKernels, MultiRocketHydraKernels
from headstart.choice.networks import NetworkCandidate
from headstart.choice.ridge import fit_ridge
from headstart.data.dataset import Dataset
from headstart.data.preprocessing import require_classes
from headstart.errors import ModelError, UnknownNameError
from headstart.networks import get_network
from headstart.selection import rank_sources
from headstart.training import Recipe
from headstart.training.loop import OnEpoch
from headstart.zoo.folder import load_folder, verify
from headstart.zoo.names import known_sources
from headstart.zoo.source import Source


@dataclass(frozen=True)
class Budget:
    """How much is tried.

    Attributes
    ----------
    n_folds
        Into which the training data are split.
    enough_held_out
        Once so many training cases were held out, the folds that are left are not (docs/choice_tuning.md); None: all are.
    n_sources
        Best-ranked sources whose features are taken as they are, and from which networks are fine-tuned.
    n_members
        Networks for each network candidate that is chosen, at least; 0: none is trained, not even from scratch.
    recipe
        How networks are trained, if nothing else is said.
    with_slower
        Whether MultiROCKET-Hydra and QUANT compete, which take ten times as long as MiniROCKET.
    """

    n_folds: int
    enough_held_out: int | None
    n_sources: int
    n_members: int
    recipe: str = "quick"
    with_slower: bool = False


BUDGETS = {
    "fast": Budget(n_folds=10, enough_held_out=None, n_sources=1, n_members=0),
    "default": Budget(n_folds=4, enough_held_out=200, n_sources=2, n_members=1, with_slower=True),
    "thorough": Budget(n_folds=4, enough_held_out=400, n_sources=4, n_members=3, recipe="default", with_slower=True),
}


def get_budget(name: str) -> Budget:
    """Look a budget up by name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in BUDGETS:
        raise UnknownNameError("budget", name, BUDGETS)
    return BUDGETS[name]


def candidates(
    data: Dataset,
    sources: Mapping[str, Source],
    budget: Budget,
    *,
    recipe: str | Recipe | None = None,
    network: str = "fcn",
    normalise: bool = True,
    n_members: int = 1,
    balanced: bool = False,
    seed: int = 0,
    device: str = "auto",
    on_epoch: OnEpoch | None = None,
) -> list[Candidate]:
    """Return what competes.

    Parameters
    ----------
    data
        The target's training data.
    sources
        Sources by name; those that overlap with the target are left out. There may be none.
    budget
        How much is tried.
    recipe, network, normalise, n_members, balanced, seed, device
        As in `TransferClassifier`.
    on_epoch
        As in `pretrain`, of every network that is trained.

    Raises
    ------
    DataError
        If a case has no label, or there is only one class.
    UnknownNameError
        If there is no such network.

    Examples
    --------
    >>> from headstart import load
    >>> [candidate.name for candidate in candidates(load("ItalyPowerDemand")[0], {}, BUDGETS["default"])]
    ['MiniROCKET', 'WEASEL', 'MultiROCKET-Hydra', 'QUANT', 'from scratch']
    """
    require_classes(data)
    get_network(network)
    fixed: dict[str, Any] = {"normalise": normalise, "seed": seed}
    found: list[Candidate] = [
        FeatureCandidate("MiniROCKET", "kernels", partial(MiniRocketKernels.of, **fixed), balanced),
        FeatureCandidate("WEASEL", "dictionary", partial(Dictionary.of, **fixed), balanced),
    ]
    if budget.with_slower:
        hydra = partial(MultiRocketHydraKernels.of, **fixed)
        as_scaled = partial(fit_ridge, standardise=False)
        found.append(FeatureCandidate("MultiROCKET-Hydra", "kernels", hydra, balanced, fit_head=as_scaled))
        quant, trees = partial(Intervals.of, normalise=normalise), partial(fit_forest, seed=seed)
        found.append(FeatureCandidate("QUANT", "intervals", quant, balanced, fit_head=trees))
    starts = best_sources(data, sources, budget.n_sources)
    for name, source in starts.items():
        frozen = partial(Frozen.of_source, source)
        found.append(FeatureCandidate(f"features of {name}", "frozen", frozen, balanced, name))
    if budget.n_members:
        for start in [None, *starts]:
            found.append(
                NetworkCandidate(
                    "from scratch" if start is None else f"fine-tuned from {start}",
                    None if start is None else starts[start],
                    recipe=budget.recipe if recipe is None else recipe,
                    network=network,
                    normalise=normalise,
                    n_members=max(n_members, budget.n_members),
                    balanced=balanced,
                    seed=seed,
                    device=device,
                    start=start,
                    on_epoch=on_epoch,
                )
            )
    return found


def sources_at_hand(folder: str | Path | None) -> Mapping[str, Source]:
    """Return the sources of a folder, or, if it is None, those that are known by name, of which there may be none.

    Of the latter, which nobody asked for, a damaged file is left out with a warning.

    Raises
    ------
    ModelError
        If a folder is named that has no sources; and, when one of its sources is asked for, if it cannot be read.
    """
    if folder is not None:
        return load_folder(folder)
    try:
        known = known_sources()
    except ModelError:
        return {}
    damaged = verify(known)
    for problem in damaged.values():
        warnings.warn(f"left out: {problem}", stacklevel=2)
    return {name: known[name] for name in known if name not in damaged}


def best_sources(data: Dataset, sources: Mapping[str, Source], n: int) -> dict[str, Source]:
    """Return the best-ranked sources that do not overlap with the target.

    The first is a trunk, trained on many data sets at once, where there is one: that with the most series. The rest
    follow as LogME ranks them.

    Parameters
    ----------
    data
        The target's training data.
    sources
        By name.
    n
        How many, at most.

    Raises
    ------
    DataError
        If a case has no label, or there is only one class.
    ModelError
        If a source cannot be read.

    Examples
    --------
    >>> from headstart import load, pretrain
    >>> sources = {"GunPoint": pretrain(load("GunPoint")[0], recipe=Recipe(name="short", epochs=1))}
    >>> list(best_sources(load("ItalyPowerDemand")[0], sources, 1)), best_sources(load("GunPoint")[0], sources, 1)
    (['GunPoint'], {})
    """
    trunks = {name: source for name, source in sources.items() if source.is_trunk} if n else {}
    best = _ranked(data, trunks, "size")[:1]
    if len(best) < n:  # to rank a whole zoo takes a while
        others = {name: source for name, source in sources.items() if name not in trunks}
        best += _ranked(data, others, "logme")[: n - len(best)]
    return {name: sources[name] for name in best}


def _ranked(data: Dataset, sources: Mapping[str, Source], by: str) -> list[str]:
    """Return the names of those that may be used, the best first.

    Where the ranker cannot judge, as for one case a class, the sources with the most series come first.
    """
    if not sources:
        return []
    table = rank_sources(data, sources, by=[by, "size"])
    ranks = table["rank"] if by == "size" or table["rank"].notna().any() else table["size_rank"]
    return list(ranks.dropna().sort_values().index)
