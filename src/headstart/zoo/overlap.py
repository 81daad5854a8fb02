"""What a source has seen of a target, without which no claim about transfer can be judged.

Three kinds of evidence: the fingerprints on the card (these very data), the signatures in the source's file (copies of
single series), and the table ``families.csv`` of data sets of the archives whose series come from the same recordings,
subjects or sensors, of which the values alone say nothing. ``docs/relatives.md`` says how far each can be trusted.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from weakref import WeakKeyDictionary

import numpy as np

from headstart.data.archives import same_name
from headstart.data.dataset import Dataset
from headstart.data.signatures import EXACT, nearest_copies, series_signatures
from headstart.zoo.source import Source


@dataclass(frozen=True)
class Overlap:
    """What a source has seen of a target.

    Attributes
    ----------
    n_target
        Series of the target.
    n_shared
        Those of which the source has seen a copy; None if that cannot be known, because it carries no signatures.
    n_near
        Those among them whose copy differs by more than rounding at the third decimal.
    relation
        How the source's data are related to the target's by fingerprint or by name; None if they are not.
    """

    n_target: int
    n_shared: int | None
    n_near: int | None
    relation: str | None

    @property
    def is_found(self) -> bool:
        """Whether there is any overlap: such a source is refused where sources are ranked."""
        return self.relation is not None or bool(self.n_shared)

    @property
    def copies(self) -> str:
        """Say how many series the source has seen."""
        return "not known, it carries no signatures" if self.n_shared is None else self._count("")

    def __str__(self) -> str:
        """Say it in a few words; empty if nothing was found."""
        series = f"has seen {self._count(' series')}" if self.n_shared else ""
        return "; ".join(part for part in (self.relation, series) if part)

    def _count(self, noun: str) -> str:
        near = f", {self.n_near} of them nearly" if self.n_near else ""
        return f"{self.n_shared} of {self.n_target}{noun}{near}"


def overlap(target: Dataset, source: Source) -> Overlap:
    """Find out what a source has seen of a target.

    Parameters
    ----------
    target
        The series that the source must not have seen: training or test part, labelled or not.
    source
        The source.

    Examples
    --------
    >>> from headstart.data import load
    >>> from headstart.training import Recipe
    >>> from headstart.zoo import pretrain
    >>> train, test = load("ItalyPowerDemand")
    >>> source = pretrain(train, recipe=Recipe(name="short", epochs=1))
    >>> found = overlap(Dataset.from_arrays("mine", 2.5 * train.X[:20] + 7), source)
    >>> found.n_shared, found.relation, str(found)
    (20, None, 'has seen 20 of 20 series')
    """
    relation = _relation(target, source)
    if source.signatures is None:
        return Overlap(target.n_cases, None, None, relation)
    distance = _distance_of_copies(target, source.signatures)
    is_shared = np.isfinite(distance)
    return Overlap(target.n_cases, int(is_shared.sum()), int((is_shared & (distance > EXACT)).sum()), relation)


def overlaps(target: Dataset, sources: Mapping[str, Source]) -> dict[str, Overlap]:
    """Find out what each source has seen of a target, as `overlap` does."""
    return {name: overlap(target, source) for name, source in sources.items()}


def has_seen(target: Dataset, source: Source) -> bool:
    """Whether a source was trained on series of a target, by fingerprint or by signatures; names do not count here.

    Examples
    --------
    >>> from headstart.data import load
    >>> from headstart.training import Recipe
    >>> from headstart.zoo import pretrain
    >>> train, test = load("ItalyPowerDemand")
    >>> source = pretrain(train, recipe=Recipe(name="short", epochs=1))
    >>> has_seen(train, source), has_seen(test, source)
    (True, False)
    """
    return target.fingerprint in source.card.seen or (
        source.signatures is not None and bool(np.isfinite(_distance_of_copies(target, source.signatures)).any())
    )


def count_copies(target: Dataset, others: Dataset) -> int:
    """Count the series of a target that others hold, too, value for value.

    Examples
    --------
    >>> from headstart.data import load
    >>> train, test = load("ItalyPowerDemand")
    >>> count_copies(train.subset([3, 5]), train), count_copies(test.subset([3, 5]), train)
    (2, 0)
    """
    held = {others.series(i).tobytes() for i in range(others.n_cases)}
    return sum(target.series(i).tobytes() in held for i in range(target.n_cases))


def caution(target: str, found: Mapping[str, Overlap]) -> str:
    """Say aloud, where they are used nevertheless, that sources overlap with the target; empty if none does.

    Examples
    --------
    >>> caution("WordSynonyms", {"FiftyWords": Overlap(10, 3, 0, None), "Wine": Overlap(10, 0, 0, None)})
    'CAUTION: FiftyWords overlaps with WordSynonyms. How well it does there says nothing about transfer.'
    """
    names = [name for name, one in found.items() if one.is_found]
    if not names:
        return ""
    who, verb, they = (names[0], "overlaps", "it does") if len(names) == 1 else (", ".join(names), "overlap", "they do")
    return f"CAUTION: {who} {verb} with {target}. How well {they} there says nothing about transfer."


def relatives(dataset_name: str) -> frozenset[str]:
    """Return the other data sets of a data set's family; none for names that the table does not know.

    Old and new names of the archive mean the same.

    Examples
    --------
    >>> sorted(relatives("50words")), sorted(relatives("BeetleFly")), sorted(relatives("mine"))
    (['WordSynonyms'], ['BirdChicken', 'ShapesAll'], [])
    """
    rows = families()
    of_name = {row["family"] for row in rows if same_name(row["dataset"], dataset_name)}
    return frozenset(
        row["dataset"] for row in rows if row["family"] in of_name and not same_name(row["dataset"], dataset_name)
    )


@cache
def families() -> tuple[dict[str, str], ...]:
    """Return the table of families.

    Each row has a `family`, a `dataset` in it, and `why`: ``series`` if it shares series with others of its family,
    ``origin`` if the archive's documentation says that the subjects, recordings or sensors are the same, ``alone`` if
    it has no relatives among the 85 data sets of the UCR archive of 2015 and those that aeon ships.
    """
    with resources.files("headstart.zoo").joinpath("families.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


_SIGNATURES: WeakKeyDictionary[Dataset, np.ndarray] = WeakKeyDictionary()
"""Of the data sets in memory, of which each is compared with many sources: forwards, then backwards."""


def _distance_of_copies(target: Dataset, stored: np.ndarray) -> np.ndarray:
    """Return how far each series of a target is from the nearest stored one, by their signatures."""
    if target not in _SIGNATURES:
        both = [series_signatures(target, backwards=backwards) for backwards in (False, True)]
        _SIGNATURES[target] = np.concatenate(both)
    return nearest_copies(_SIGNATURES[target], stored)[1].reshape(2, -1).min(axis=0)


def _relation(target: Dataset, source: Source) -> str | None:
    """Say how the data are related by fingerprint or by name."""
    card = source.card
    if target.fingerprint in card.seen:
        return "trained on these very data"
    trained_on = [name for name in (card.dataset, card.started_from, *(card.members or ())) if name is not None]
    # Names such as "train" say little, so one that is not the archive's only counts where signatures cannot tell.
    if source.signatures is None or any(same_name(row["dataset"], target.name) for row in families()):
        for name in trained_on:
            if same_name(name, target.name):
                return f"trained on {name}"
    related = relatives(target.name)
    for name in trained_on:
        if any(same_name(name, other) for other in related):
            return f"trained on {name}, a relative of {target.name}"
    return None
