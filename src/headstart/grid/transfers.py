"""From cells to comparisons: each transfer beside the training of the same target, with the same seed, from scratch.

Ismail Fawaz et al. (IEEE Big Data 2018), section V-A: what a source is worth to a target is the change of the accuracy
that it brings. Its own results have one run a pair; here every seed is a row of its own, so that the spread shows.
"""

import numpy as np
import pandas as pd

from headstart.data.archives import same_name
from headstart.errors import DataError, UnknownNameError
from headstart.zoo.overlap import relatives

_KEY = ["source", "target", "seed"]


def transfers(results: pd.DataFrame, *, network: str | None = None, recipe: str | None = None) -> pd.DataFrame:
    """Return a row for each transfer that is done, with the accuracy of its target from scratch.

    Parameters
    ----------
    results
        What `Grid.results` or `load_results` returns.
    network, recipe
        Of which network, and of which recipe, by name; None where the results are of one alone.

    Returns
    -------
    DataFrame
        The columns `source`, `target`, `seed`, `accuracy`, `scratch_accuracy`, and `related`: whether the source has
        seen the target's series, or is a relative of it by name (`headstart.zoo.overlap.relatives`). No claim about
        transfer can rest on such a row.

    Raises
    ------
    DataError
        If there are several networks or recipes and none is named, or results of two recipes of one name, or of
        different data of one name, or no transfer is done.
    UnknownNameError
        If there are no results of what is named.

    Examples
    --------
    >>> cells = {"kind": ["scratch", "transfer"], "source": [None, "Beef"], "target": "Coffee", "seed": 0}
    >>> results = pd.DataFrame(cells | {"accuracy": [0.75, 1.0], "network": "fcn", "recipe": "default"})
    >>> transfers(results.assign(status="ok", has_seen_target=False))[["source", "accuracy", "scratch_accuracy"]]
      source  accuracy  scratch_accuracy
    0   Beef       1.0              0.75
    """
    done = results[(results["status"] == "ok") & results["accuracy"].notna()]
    done = _only(_only(done, "network", network), "recipe", recipe)
    twice = done.duplicated(_KEY)
    if twice.any():
        row = done[twice].iloc[0]
        raise DataError(
            f"{row['target']}, source {row['source']}, seed {row['seed']}: there are two results of a recipe named "
            f"{row['recipe']}, whose fields differ; export the runs to one table each"
        )
    _check_same_data(done)
    scratch = done[done["kind"] == "scratch"].set_index(["target", "seed"])["accuracy"].rename("scratch_accuracy")
    pairs = done[done["kind"] == "transfer"].join(scratch, on=["target", "seed"], how="inner")
    if pairs.empty:
        raise DataError("no transfer is done yet, so there is nothing to compare; let `headstart grid` go on")
    pairs["related"] = pairs["has_seen_target"].fillna(False).to_numpy(bool) | related_by_name(pairs)
    return pairs[[*_KEY, "accuracy", "scratch_accuracy", "related"]].reset_index(drop=True)


def _check_same_data(done: pd.DataFrame) -> None:
    """Raise DataError if results of data that differ go by one name."""
    for name, part in (("target", "train"), ("target", "test"), ("source", "source")):
        fingerprint = f"{part}_fingerprint"
        if fingerprint not in done:
            continue
        n_different = done.groupby(name)[fingerprint].nunique()
        if (n_different > 1).any():
            raise DataError(
                f"{n_different.idxmax()}: there are results of {n_different.max()} data sets of this name, whose "
                f"{part} series differ; keep such runs in different folders"
            )


def related_by_name(pairs: pd.DataFrame) -> np.ndarray:
    """Say for each row whether `source` and `target` belong to one family: bool (n_rows,).

    Examples
    --------
    >>> related_by_name(pd.DataFrame({"source": ["FiftyWords", "Beef"], "target": "WordSynonyms"})).tolist()
    [True, False]
    """
    family = {target: relatives(target) for target in pairs["target"].unique()}
    return np.array(
        [
            any(same_name(source, other) for other in family[target])
            for source, target in zip(pairs["source"], pairs["target"], strict=True)
        ]
    )


def similarity_ranks(pairs: pd.DataFrame, distances: pd.DataFrame) -> pd.Series:
    """Rank the sources of each target by similarity: 1 is the nearest of those in `pairs` that are no relatives.

    Parameters
    ----------
    pairs
        As `transfers` returns them.
    distances
        Of data sets, names as index and columns, as `similarity_matrix` returns them.

    Returns
    -------
    Series
        A rank for each row of `pairs`; NaN for relatives, and where no distance is known.

    Examples
    --------
    >>> pairs = pd.DataFrame({"source": ["a", "b"], "target": "c", "seed": 0, "related": False})
    >>> names = ["a", "b", "c"]
    >>> similarity_ranks(pairs, pd.DataFrame([[0, 1, 9], [1, 0, 8], [9, 8, 0]], names, names)).tolist()
    [2.0, 1.0]
    """
    i = distances.index.get_indexer(pd.Index(pairs["target"]))
    j = distances.columns.get_indexer(pd.Index(pairs["source"]))
    is_known = (i >= 0) & (j >= 0) & ~pairs["related"].to_numpy(bool)
    known = pairs[["target", "source"]].assign(distance=np.where(is_known, distances.to_numpy()[i, j], np.nan))
    once = known.drop_duplicates(["target", "source"]).dropna()  # other seeds may lack a source
    once["rank"] = once.groupby("target")["distance"].rank(method="min")
    return known.merge(once, "left", ["target", "source"]).set_axis(pairs.index)["rank"]


def _only(results: pd.DataFrame, field: str, name: str | None) -> pd.DataFrame:
    """Return the results of one network or recipe."""
    names = sorted(results[field].unique())
    if name is None and len(names) > 1:
        raise DataError(f"there are results of several {field}s ({', '.join(names)}); name the one to look at")
    if name is not None and name not in names:
        raise UnknownNameError(field, name, names)
    return results if name is None else results[results[field] == name]
