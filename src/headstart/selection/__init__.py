"""Which source to start from: rankers, each a plain function of its own file, found by name in `RANKERS`.

A ranker takes the target's training data and the sources by name, and returns a score for each source: the higher, the
better; NaN where it cannot judge.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.dataset import Dataset
from headstart.errors import DataError, UnknownNameError
from headstart.selection import dtw
from headstart.zoo.source import Source

if TYPE_CHECKING:
    import pandas as pd

Ranker = Callable[[Dataset, Mapping[str, Source]], np.ndarray]
RANKERS: dict[str, Ranker] = {"dtw": dtw.scores}


def rank_sources(target: Dataset, sources: Mapping[str, Source], by: str = "dtw") -> "pd.DataFrame":
    """Rank sources for a target, the best first.

    Parameters
    ----------
    target
        The target's training data, labelled. No test data are needed, and none should be given.
    sources
        Sources by name.
    by
        A key of `RANKERS`.

    Returns
    -------
    DataFrame
        A row a source, indexed by name: its rank (1 is the best), its `score`, the data set it was trained on with
        the number of its series, channels and classes, and whether it `has_seen_target`: such a source was trained on
        these very series, so no claim about transfer can rest on it.

    Raises
    ------
    UnknownNameError
        If there is no such ranker.

    Examples
    --------
    >>> from headstart.data import load
    >>> from headstart.training import Recipe
    >>> from headstart.zoo import pretrain
    >>> short = Recipe(name="short", epochs=1)
    >>> sources = {name: pretrain(load(name)[0], recipe=short) for name in ("GunPoint", "ItalyPowerDemand")}
    >>> rank_sources(load("ArrowHead")[0], sources).index[0]
    'ItalyPowerDemand'
    """
    import pandas as pd

    if by not in RANKERS:
        raise UnknownNameError("ranker", by, RANKERS)
    cards = [source.card for source in sources.values()]
    table = pd.DataFrame(
        {
            "score": RANKERS[by](target, sources),
            "dataset": [card.dataset for card in cards],
            "n_cases": [card.n_cases for card in cards],
            "n_channels": [card.n_channels for card in cards],
            "n_classes": [len(card.classes) for card in cards],
            "has_seen_target": [target.fingerprint in card.seen for card in cards],
        },
        index=pd.Index(sources, name="source"),
    )
    table = table.sort_values("score", ascending=False, kind="stable", na_position="last")
    table.insert(0, "rank", table["score"].rank(ascending=False, method="first").astype("Int64"))
    return table


def choose_source(target: Dataset, sources: Mapping[str, Source], by: str = "dtw") -> Source:
    """Return the best source that has not been trained on the target itself.

    Raises
    ------
    DataError
        If there is none that the ranker can judge.
    """
    table = rank_sources(target, sources, by)
    usable = table[table["score"].notna() & ~table["has_seen_target"]]
    if usable.empty:
        raise DataError(
            f"{target.name}: none of the {len(table)} sources can be used: each was trained on these very series, or "
            f"the ranker {by!r} cannot judge it (it needs prototypes with {target.n_channels} channels); name a source "
            "yourself"
        )
    return sources[usable.index[0]]


__all__ = ["RANKERS", "choose_source", "rank_sources"]
