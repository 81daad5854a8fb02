"""Which source to start from: rankers, each a plain function of its own file, found by name in `RANKERS`.

A ranker takes the target's training data and the sources by name, and returns a score for each source: the higher, the
better; NaN where it cannot judge. ``docs/selection.md`` says what each is, what it costs, and how well it chooses.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.dataset import Dataset, checked_dataset
from headstart.errors import DataError, UnknownNameError
from headstart.selection import dtw, h_score, logme, probe, random, silhouette, size
from headstart.zoo.names import sources_in
from headstart.zoo.overlap import overlaps
from headstart.zoo.source import Source

if TYPE_CHECKING:
    import pandas as pd

Ranker = Callable[[Dataset, Mapping[str, Source]], np.ndarray]

BY_FEATURES: dict[str, Ranker] = {
    "probe": probe.scores,
    "logme": logme.scores,
    "h_score": h_score.scores,
    "silhouette": silhouette.scores,
}
"""Rankers that look at what the sources' networks make of the target's series."""

RANKERS: dict[str, Ranker] = {"dtw": dtw.scores, "size": size.scores, "random": random.scores, **BY_FEATURES}


def rank_sources(
    target: Dataset,
    sources: Mapping[str, Source] | str | Path | None = None,
    by: str | Sequence[str] = "dtw",
    *,
    allow_overlap: bool = False,
) -> "pd.DataFrame":
    """Rank sources for a target, the best first.

    Parameters
    ----------
    target
        The target's training data, labelled. No test data are needed, and none should be given.
    sources
        Sources by name, or a folder of them; None for all that headstart knows by name.
    by
        A key of `RANKERS`, or several: a list, or one string with commas. The first decides the order.
    allow_overlap
        Whether sources that overlap with the target are ranked, too: those that have seen its series, or are its
        relatives by name. How well such a source does says nothing about transfer.

    Returns
    -------
    DataFrame
        A row a source, indexed by name: its `rank` (1 is the best) and `score` by the first ranker, `NAME_rank` and
        `NAME_score` by each further one, the data set it was trained on with the number of its series, channels and
        classes, and its `overlap` with the target (`headstart.zoo.overlap.Overlap`). Sources that a ranker cannot
        judge, or that are not to be used, have no rank, and come last.

    Raises
    ------
    UnknownNameError
        If there is no such ranker.
    DataError
        If the target has not the labels that a ranker needs, or is no `Dataset`.
    ModelError
        If the folder has no sources, or one cannot be read.

    Examples
    --------
    >>> from headstart.data import load
    >>> from headstart.training import Recipe
    >>> from headstart.zoo import pretrain
    >>> short = Recipe(name="short", epochs=1)
    >>> sources = {name: pretrain(load(name)[0], recipe=short) for name in ("GunPoint", "ItalyPowerDemand")}
    >>> table = rank_sources(load("ArrowHead")[0], sources, by="dtw,size")
    >>> table.index.tolist(), table["rank"].tolist(), table["size_score"].tolist()
    (['ItalyPowerDemand', 'GunPoint'], [1, 2], [67.0, 50.0])
    """
    import pandas as pd

    target = checked_dataset(target)
    if not isinstance(sources, Mapping):
        sources = sources_in(sources)
    cards = [source.card for source in sources.values()]
    found = overlaps(target, sources)
    is_usable = np.array([allow_overlap or not found[name].is_found for name in sources], bool)
    columns: dict[str, object] = {}
    for i, name in enumerate(ranker_names(by)):
        score = pd.Series(RANKERS[name](target, sources), dtype=float)
        prefix = f"{name}_" if i else ""
        columns[f"{prefix}rank"] = score.where(is_usable).rank(ascending=False, method="first").astype("Int64")
        columns[f"{prefix}score"] = score
    columns |= {
        "dataset": [card.dataset for card in cards],
        "n_cases": [card.n_cases for card in cards],
        "n_channels": [card.n_channels for card in cards],
        "n_classes": [len(card.classes) for card in cards],
        "overlap": [found[name] for name in sources],
    }
    table = pd.DataFrame(columns).set_index(pd.Index(sources, name="source"))
    return table.sort_values(["rank", "score"], ascending=[True, False], kind="stable")


def choose_source(target: Dataset, sources: Mapping[str, Source], by: str = "dtw") -> Source:
    """Return the best source that does not overlap with the target.

    Raises
    ------
    DataError
        If there is none that the ranker can judge.
    """
    table = rank_sources(target, sources, by)
    if table["rank"].isna().all():
        raise DataError(
            f"{target.name}: none of the {len(table)} sources can be used: each has seen series of it or of its "
            f"relatives, or the ranker {by!r} cannot judge it; `headstart rank` says which, or name a source yourself"
        )
    return sources[table.index[0]]


def ranker_names(by: str | Sequence[str]) -> list[str]:
    """Return the names in `by`, once each.

    Raises
    ------
    UnknownNameError
        If one is not a key of `RANKERS`.
    DataError
        If there is none.

    Examples
    --------
    >>> ranker_names("probe, dtw")
    ['probe', 'dtw']
    """
    names = [name.strip() for name in by.split(",")] if isinstance(by, str) else list(by)
    for name in names:
        if name not in RANKERS:
            raise UnknownNameError("ranker", name, RANKERS)
    if not names:
        raise DataError(f"no ranker is named; give one or more of {', '.join(RANKERS)}")
    return list(dict.fromkeys(names))


__all__ = ["BY_FEATURES", "RANKERS", "choose_source", "rank_sources", "ranker_names"]
