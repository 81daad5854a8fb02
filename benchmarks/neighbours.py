"""Agreement with the published table of neighbours (Ismail Fawaz et al. 2018), and why it is not complete.

    python benchmarks/neighbours.py --archive FOLDER --reference fawaz2018_transfer.csv

The table ranks, for each data set of the UCR archive of 2015, all others by their distance (column `dtw_rank`). Only
data sets whose training set has the same size in the release of 2018 are compared. The archive can also be named by the
environment variable HEADSTART_ARCHIVE.

The authors' code leaves series out of averages, after a start drawn at random without a seed; their draw is not known.
So the agreement of its prototypes is printed for several draws, and none is chosen by it.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from archive_lists import TRAINING_CASES_2015

from headstart.data import Dataset, archive_names, load, z_normalise
from headstart.similarity import Prototypes, barycenter, nearest, pairwise_dtw, prototypes, similarity_matrix


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


def where_nearest_differ(matrix: pd.DataFrame, paper: pd.DataFrame) -> None:
    same, _ = agreement(matrix, paper)
    for target in same.index[~same]:
        found = nearest(matrix, target, len(matrix))
        theirs = paper.loc[target, found.index].idxmin()
        print(f"  {target}: {found.index[0]} ({found.iloc[0]:.4f}), in the table {theirs} ({found[theirs]:.4f})")


def with_noise(data: Dataset) -> Prototypes:
    """Prototypes of the series moved by a millionth, about the rounding of their files, so that all ties are broken."""
    rng = np.random.default_rng(0)
    X = data.X + (1e-6 * rng.standard_normal(data.X.shape)).astype(np.float32)
    return prototypes(Dataset(data.name, X, data.y, data.classes, data.lengths))


def published_prototypes(data: Dataset, n_draws: int, n_jobs: int) -> list[tuple[Prototypes, list[int]]]:
    """Prototypes as the authors' code makes them, and how many series of each class they average; `n_draws` times.

    Its k-means of one cluster is handed an array of up to six centres: the first is a series drawn at random, the
    others were never filled and are zero. Only the first is updated, but all attract. So a series that costs more to
    the centre than to a constant zero, which is its sum of squares, is left out of the average. Ten rounds, and one
    more for the prototype.
    """
    codes = np.unique(data.y)
    averages: list[list[np.ndarray]] = [[] for _ in range(n_draws)]
    counts: list[list[int]] = [[] for _ in range(n_draws)]
    for code in codes:
        X = data.X[data.y == code].astype(np.float64)
        to_zero = (X**2).sum(axis=(1, 2))
        costs = pairwise_dtw(X, n_jobs=n_jobs, dtype=np.float64)
        known: dict[bytes, np.ndarray] = {}  # the draws end in few different subsets
        for draw in range(n_draws):
            centre = X[np.random.default_rng((draw, code)).integers(len(X))]
            for _ in range(11):
                kept = np.flatnonzero(pairwise_dtw(X, [centre], n_jobs=n_jobs, dtype=np.float64)[:, 0] <= to_zero)
                if kept.tobytes() not in known:
                    medoid = kept[costs[np.ix_(kept, kept)].sum(axis=0).argmin()]
                    known[kept.tobytes()] = barycenter(X[kept], X[medoid], n_jobs=n_jobs)
                centre = known[kept.tobytes()]
            averages[draw].append(centre)
            counts[draw].append(len(kept))
    return [(Prototypes.from_series(data.name, averages[i], codes), counts[i]) for i in range(n_draws)]


def as_published(paper: pd.DataFrame, datasets: dict[str, Dataset], n_draws: int, n_jobs: int) -> None:
    """Print the agreement of the authors' prototypes, draw by draw, and which series they leave out."""
    drawn = {name: published_prototypes(data, n_draws, n_jobs) for name, data in datasets.items()}
    rows = {}
    for draw in range(n_draws):
        matrix = similarity_matrix([drawn[name][draw][0] for name in datasets], n_jobs=n_jobs)
        summary(f"as the authors' code, draw {draw}", matrix, paper)
        where_nearest_differ(matrix, paper)
        rows[draw] = agreement(matrix, paper)[1]
    correlation = pd.DataFrame(rows)  # (data sets, draws)
    mean = correlation.mean()
    print(f"mean of the draws: lowest {mean.min():.4f}, median {mean.median():.4f}, highest {mean.max():.4f}")
    print("\nclasses of which it leaves series out: how many it averages (Spearman of the data set's ranks, draws)")
    for name, data in datasets.items():
        codes, sizes = np.unique(data.y, return_counts=True)
        counts = np.array([kept for _, kept in drawn[name]])  # (draws, classes)
        touched = np.flatnonzero((counts < sizes).any(axis=0))
        if len(touched):
            classes = [f"{sizes[i]} of class {data.classes[codes[i]]}" for i in touched]
            print(f"{name}: {', '.join(classes)}")
            for outcome in np.unique(counts[:, touched], axis=0):
                draws = np.flatnonzero((counts[:, touched] == outcome).all(axis=1))
                print(f"  {', '.join(map(str, outcome))} ({correlation.loc[name, draws].mean():.4f}, {len(draws)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"))
    parser.add_argument("--reference", required=True, help="CSV with the columns source, target and dtw_rank")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--cache", type=Path, help="keep prototypes in this folder")
    parser.add_argument("--draws", type=int, default=10, help="of the random starts of the authors' code")
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
    where_nearest_differ(matrix, paper)
    normalised = [z_normalise(data) for data in datasets.values()]
    summary("z-normalised first", similarity_matrix(normalised, n_jobs=options.jobs, cache=options.cache), paper)
    noisy = [with_noise(data) for data in datasets.values()]
    summary("each value moved by about 1e-6", similarity_matrix(noisy, n_jobs=options.jobs), paper)
    _, correlation = agreement(matrix, paper)
    print("\nlowest correlations:", ", ".join(f"{name} {r:.3f}" for name, r in correlation.nsmallest(8).items()))
    ranks = [table.where(matrix > 0).rank(axis=1) for table in (matrix, paper.loc[matrix.index, matrix.columns])]
    off = (ranks[0] - ranks[1]).abs().mean().nlargest(8)
    print("as a source, off in rank by, on average:", ", ".join(f"{name} {d:.1f}" for name, d in off.items()))
    print()
    as_published(paper, datasets, options.draws, options.jobs)


if __name__ == "__main__":
    main()
