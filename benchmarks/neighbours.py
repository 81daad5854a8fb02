"""Agreement with the published table of neighbours (Ismail Fawaz et al. 2018), and where it ends.

    python benchmarks/neighbours.py --archive FOLDER --reference fawaz2018_transfer.csv

The table ranks, for each data set of the UCR archive of 2015, all others by their distance (column `dtw_rank`). Only
data sets whose training set has the same size in the release of 2018 are compared. The archive can also be named by the
environment variable HEADSTART_ARCHIVE.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

from headstart.data import Dataset, archive_names, load, z_normalise
from headstart.similarity import Prototypes, dataset_distance, nearest, prototypes, similarity_matrix

# Of the data sets that were split anew in 2018; not checked against files of 2015, which are not at hand.
TRAINING_CASES_2015 = {
    "DistalPhalanxOutlineAgeGroup": 139,
    "DistalPhalanxOutlineCorrect": 276,
    "DistalPhalanxTW": 139,
    "Earthquakes": 139,
    "FordA": 1320,
    "FordB": 810,
    "HandOutlines": 370,
    "MiddlePhalanxOutlineAgeGroup": 154,
    "MiddlePhalanxOutlineCorrect": 291,
    "MiddlePhalanxTW": 154,
    "ProximalPhalanxTW": 205,
    "Strawberry": 370,
    "Worms": 77,
    "WormsTwoClass": 77,
}


def agreement(matrix: pd.DataFrame, paper: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Whether the nearest data set is the paper's, and the Spearman correlation of the ranks, for each data set."""
    same, correlation = {}, {}
    for target in matrix.columns:
        ours = nearest(matrix, target, len(matrix))
        theirs = paper.loc[target, ours.index]
        same[target] = ours.index[0] == theirs.idxmin()
        correlation[target] = ours.corr(theirs, method="spearman")
    return pd.Series(same), pd.Series(correlation)


def summary(title: str, matrix: pd.DataFrame, paper: pd.DataFrame) -> None:
    same, correlation = agreement(matrix, paper)
    print(
        f"{title}: {len(same)} data sets; nearest agrees on {same.sum()} ({same.mean():.1%}); Spearman correlation "
        f"of the ranks: mean {correlation.mean():.4f}, lowest {correlation.min():.4f} ({correlation.idxmin()})"
    )


def with_noise(data: Dataset, seed: int) -> Prototypes:
    """Prototypes of the series moved by a millionth, about the rounding of their files, so that all ties are broken."""
    rng = np.random.default_rng(seed)
    X = data.X + (1e-6 * rng.standard_normal(data.X.shape)).astype(np.float32)
    return prototypes(Dataset(data.name, X, data.y, data.classes, data.lengths))


def explain(matrix: pd.DataFrame, paper: pd.DataFrame, datasets: dict[str, Dataset], n_draws: int) -> None:
    """Print where the nearest differ, and how far the two distances move when ties are broken by noise."""
    same, correlation = agreement(matrix, paper)
    print(f"\nwhere the nearest differ; noise: {n_draws} draws in which each value was moved by about 1e-6")
    for target in same.index[~same]:
        others = matrix.columns.drop(target)
        ours, theirs = nearest(matrix, target).index[0], paper.loc[target, others].idxmin()
        noisy = {name: [with_noise(datasets[name], seed) for seed in range(n_draws)] for name in (target, ours, theirs)}
        print(f"{target} (Spearman {correlation[target]:.4f})")
        for title, source in (("nearest here ", ours), ("in the table", theirs)):
            draws = [dataset_distance(a, b) for a, b in zip(noisy[target], noisy[source], strict=True)]
            ranks = [table.loc[target, others].rank()[source] for table in (matrix, paper)]
            print(
                f"  {title}: {source:32} distance {matrix.loc[target, source]:.4f} (noise: {min(draws):.4f} to "
                f"{max(draws):.4f}), rank {ranks[0]:.0f} here, {ranks[1]:.0f} in the table"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"))
    parser.add_argument("--reference", required=True, help="CSV with the columns source, target and dtw_rank")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--cache", type=Path, help="keep prototypes in this folder")
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    if not options.archive:
        parser.error("give --archive, or set HEADSTART_ARCHIVE")
    table = pd.read_csv(options.reference)
    paper = table.pivot_table(index="target", columns="source", values="dtw_rank")
    datasets = {}
    for name in archive_names(options.archive):
        if name in paper.index and name not in TRAINING_CASES_2015:
            datasets[name] = load(name, archive=options.archive)[0]
    matrix = similarity_matrix(datasets.values(), n_jobs=options.jobs, cache=options.cache)
    summary("as the archive ships them", matrix, paper)
    rest = matrix.drop(index="Wafer", columns="Wafer")
    summary("without Wafer", rest, paper)
    normalised = [z_normalise(data) for data in datasets.values()]
    summary("z-normalised first", similarity_matrix(normalised, n_jobs=options.jobs, cache=options.cache), paper)
    noisy = [with_noise(data, 0) for data in datasets.values()]
    summary("each value moved by about 1e-6", similarity_matrix(noisy, n_jobs=options.jobs), paper)
    _, correlation = agreement(matrix, paper)
    print("\nlowest correlations:", ", ".join(f"{name} {r:.3f}" for name, r in correlation.nsmallest(8).items()))
    ranks = [table.where(matrix > 0).rank(axis=1) for table in (matrix, paper.loc[matrix.index, matrix.columns])]
    off = (ranks[0] - ranks[1]).abs().mean().nlargest(8)
    print("as a source, off in rank by, on average:", ", ".join(f"{name} {d:.1f}" for name, d in off.items()))
    explain(matrix, paper, datasets, options.draws)


if __name__ == "__main__":
    main()
