"""What rankers say of the pairs of a run of `headstart grid`, beside what came of them.

The sources are those of the run: the weights that its cells from scratch have left, seed by seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd

from headstart.data import Dataset, load, z_normalise
from headstart.errors import DataError, HeadstartError, UnknownNameError
from headstart.grid import Grid
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
        Whether pairs count in which the source was trained on the target's own series.
    on_progress
        Called after each target with the number of targets done, and of all.

    Returns
    -------
    DataFrame
        For `evaluate`: a row for each source, target and seed, with accuracies, scores, and seconds.

    Raises
    ------
    HeadstartError
        If the run has no results of transfer, or of several networks or recipes of which none is named, or lacks the
        weights of a source, or the archive is not that of the run.
    """
    names = ranker_names(by)
    results = _results(Path(run), network, recipe)
    scratch = results[results["kind"] == "scratch"].reset_index()
    pairs = results[results["kind"] == "transfer"]
    if not allow_overlap:
        pairs = pairs[~pairs["has_seen_target"]]
    if pairs.empty:
        raise HeadstartError(f"{run}: has no results of transfer yet, so there is nothing to judge rankers by")
    from_scratch = scratch[["target", "seed", "accuracy"]].rename(columns={"accuracy": "scratch_accuracy"})
    pairs = pairs[["source", "target", "seed", "accuracy"]].merge(from_scratch, on=["target", "seed"])
    fingerprints = dict(zip(scratch["target"], scratch["train_fingerprint"], strict=True))
    cells = scratch.set_index(["target", "seed"])["cell"]

    def training_part(name: str) -> Dataset:
        data, _ = load(name, archive)
        if data.fingerprint != fingerprints[name]:
            raise DataError(f"{name} is not what {run} was made with (its content differs); name the archive of then")
        return data

    @cache
    def prototypes_of(name: str) -> Prototypes:  # cells keep none
        return prototypes(z_normalise(training_part(name)))

    @cache
    def source(name: str, seed: int) -> Source:
        weights = Source.load(Path(run) / "sources" / f"{cells[name, seed]}.safetensors")
        return replace(weights, prototypes=prototypes_of(name)) if "dtw" in names else weights

    scored = []
    for done, (name, of_target) in enumerate(pairs.groupby("target")):
        on_progress(done, pairs["target"].nunique())
        target = training_part(str(name))
        for seed, of_seed in of_target.groupby("seed"):
            scores = score_sources(target, {other: source(other, seed) for other in of_seed["source"]}, names)
            scored.append(of_seed.merge(scores, left_on="source", right_index=True))
    return pd.concat(scored, ignore_index=True)


def _results(run: Path, network: str | None, recipe: str | None) -> pd.DataFrame:
    """Return the results of one network and one recipe that are ok."""
    results = Grid(run).results()
    results = results[results["status"] == "ok"]
    for kind, wanted in (("network", network), ("recipe", recipe)):
        names = sorted(results[kind].unique())
        if wanted is None and len(names) > 1:
            raise HeadstartError(f"{run}: has results of several {kind}s ({', '.join(names)}); choose one by --{kind}")
        if wanted is not None:
            if wanted not in names:
                raise UnknownNameError(kind, wanted, names)
            results = results[results[kind] == wanted]
    return results
