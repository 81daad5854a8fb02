"""How well rankers choose sources: on published results, or on pairs that `headstart rank --evaluate` has scored.

    python benchmarks/rankers.py --reference fawaz2018_transfer.csv --archive UCR
    python benchmarks/rankers.py --pairs pairs.csv

The first judges rankers that need no network on the 7,140 published results of Ismail Fawaz et al. (IEEE Big Data
2018), one row a pair: the columns source, target, accuracy after fine-tuning, scratch_accuracy and dtw_rank (1 = the
source most similar to the target). `dtw` goes by our own matrix (`headstart similarity`), `dtw, published` by the
published ranks. Data sets that the matrix or the archive lacks are left out, and so are pairs of relatives. The archive
can also be named by HEADSTART_ARCHIVE.

The second also prints the targets on the tuning list of `benchmarks/archive_lists.py`, on which rankers were designed,
apart from all others.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from archive_lists import TUNING
from rich.console import Console

from headstart.data import archive_names, load
from headstart.report.charts import save_chart
from headstart.report.rankings import regret_tables
from headstart.report.regret_chart import regret_chart
from headstart.selection.evaluation import SECONDS, evaluate, summarise
from headstart.zoo.overlap import relatives


def published(reference: Path, matrix: Path, archive: str) -> tuple[pd.DataFrame, list[str]]:
    pairs = pd.read_csv(reference)
    distances = pd.read_csv(matrix, index_col=0)
    known = set(archive_names(archive)) & set(distances.index)
    pairs = pairs[pairs["source"].isin(known) & pairs["target"].isin(known)].assign(seed=0)
    is_related = [source in relatives(target) for source, target in zip(pairs["source"], pairs["target"], strict=True)]
    pairs = pairs[~np.array(is_related)]
    sets = {name: load(name, archive=archive)[0] for name in sorted(known & set(pairs["source"]))}
    rankers = {
        "dtw": [-distances.loc[pair] for pair in zip(pairs["source"], pairs["target"], strict=True)],
        "dtw, published": -pairs["dtw_rank"],
        "size": pairs["source"].map({name: data.n_cases for name, data in sets.items()}),
        "number of classes": pairs["source"].map({name: data.n_classes for name, data in sets.items()}),
    }
    return pairs.assign(**rankers), list(rankers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--reference", type=Path, help="the published results, a CSV")
    given.add_argument("--pairs", type=Path, help="scored pairs, a CSV")
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--matrix", type=Path, default=Path("results/similarity_ucr.csv"), help="distances, a CSV")
    parser.add_argument("--picture", type=Path, help="draw it: .html, .png, .svg or .pdf")
    options = parser.parse_args()
    if options.reference and not options.archive:
        parser.error("give --archive, or set HEADSTART_ARCHIVE")
    if options.pairs:
        pairs = pd.read_csv(options.pairs)
        rankers = [name.removesuffix(SECONDS) for name in pairs if name.endswith(SECONDS)]
    else:
        pairs, rankers = published(options.reference, options.matrix, options.archive)
    outcomes = evaluate(pairs, rankers)
    parts = {"in all": outcomes}
    if options.pairs:
        is_tuning = outcomes["target"].isin(TUNING)
        parts |= {"on the tuning list": outcomes[is_tuning], "not on the tuning list": outcomes[~is_tuning]}
    console = Console(highlight=False)
    for title, part in parts.items():
        if not part.empty:
            console.print(*regret_tables(summarise(part), f"{part['target'].nunique()} targets {title}"))
    if options.picture:
        save_chart(regret_chart(outcomes), options.picture)


if __name__ == "__main__":
    main()
