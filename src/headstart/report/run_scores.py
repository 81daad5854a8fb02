"""What rankers say of the pairs of a run of `headstart grid`, beside what came of them.

The sources are those of the run: the weights that its cells from scratch have left, seed by seed.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from headstart.data import Dataset, load, z_normalise
from headstart.errors import DataError
from headstart.grid import Grid
from headstart.grid.transfers import transfers
from headstart.selection import ranker_names
from headstart.selection.evaluation import score_sources
from headstart.similarity import Prototypes, prototypes
from headstart.zoo import Source


def score_run(
    run: str | Path,
    archive: str | Path | None,
    by: str | Sequence[str],
    *,
    network: str | None = None,
    recipe: str | None = None,
    allow_overlap: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Score the pairs of a run by rankers; a run that is not finished will do.

    Parameters
    ----------
    run
        A run folder, with its weights in ``sources/``.
    archive
        The folder of data sets that the run was made with, as for `load`.
    by
        Keys of `RANKERS`, a list or one string with commas.
    network, recipe
        Which results, if the run has those of several.
    allow_overlap
        Whether pairs count in which the source has seen the target's series, or is a relative of it.
    on_progress
        Called after each target with the number of targets done, and of all.

    Returns
    -------
    DataFrame
        For `evaluate`: a row for each source, target and seed, with accuracies, scores, and seconds.

    Raises
    ------
    HeadstartError
        If the run has no results of transfer, or those of several networks or recipes of which none is named, or lacks
        the weights of a source, or the archive is not that of the run.
    """
    names = ranker_names(by)
    results = Grid(run).results()
    pairs = transfers(results, network=network, recipe=recipe)
    if not allow_overlap:
        pairs = pairs[~pairs["related"]]
        if pairs.empty:
            raise DataError(f"{run}: all pairs are of relatives, which count only with --allow-overlap")
    scratch = _from_scratch(results, network, recipe)
    fingerprints = {cell["target"]: cell["train_fingerprint"] for cell in scratch}
    ids = {(cell["target"], cell["seed"]): cell["cell"] for cell in scratch}

    def training_part(name: str) -> Dataset:
        if name not in fingerprints:
            raise DataError(f"{run}: has no network from scratch on {name}; finish the run, or merge what is missing")
        data, _ = load(name, archive)
        if data.fingerprint != fingerprints[name]:
            raise DataError(f"{name} is not what {run} was made with (its content differs); name the archive of then")
        return data

    @cache
    def prototypes_of(name: str) -> Prototypes:  # cells keep none
        return prototypes(z_normalise(training_part(name)))

    @cache
    def source(name: str, seed: int) -> Source:
        if (name, seed) not in ids:
            raise DataError(f"{run}: has no network from scratch on {name} with seed {seed}; finish the run")
        weights = Source.load(Path(run) / "sources" / f"{ids[name, seed]}.safetensors")
        return replace(weights, prototypes=prototypes_of(name)) if "dtw" in names else weights

    scored = []
    n_targets = pairs["target"].nunique()
    for done, (name, of_target) in enumerate(pairs.drop(columns="related").groupby("target"), start=1):
        target = training_part(str(name))
        for seed, of_seed in of_target.groupby("seed"):
            scores = score_sources(target, {other: source(other, seed) for other in of_seed["source"]}, names)
            scored.append(of_seed.merge(scores, left_on="source", right_index=True))
        on_progress(done, n_targets)
    return pd.concat(scored, ignore_index=True)


def _from_scratch(results: pd.DataFrame, network: str | None, recipe: str | None) -> list[dict[Hashable, Any]]:
    """Return the cells whose weights the transfers started from."""
    cells = results[(results["kind"] == "scratch") & (results["status"] == "ok")].reset_index()
    for field, name in (("network", network), ("recipe", recipe)):
        if name is not None:
            cells = cells[cells[field] == name]
    return cells.to_dict("records")
