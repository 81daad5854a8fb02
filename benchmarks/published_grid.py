"""What a grid of ours says, beside the paper's own results on the same pairs.

    python benchmarks/published_grid.py --results results/grid_ucr.csv.gz --reference fawaz2018_transfer.csv

`--results` is what `headstart grid export` wrote, or a run folder; `--reference` holds the published results of Ismail
Fawaz et al. (IEEE Big Data 2018) as `published_transfer.py` reads them. Prints the tables that `docs/grid.md` shows.

Only pairs count that both have, of which all our seeds are done, and whose source is no relative of the target
(`headstart.zoo.overlap`). The nearest source is that of `--similarity` among those that were run; for the paper's
results, that of the published ranks. Whatever is picked on the test set is called so.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from archive_lists import TRAINING_CASES_2015
from markdown import print_table
from published_transfer import read_published
from scipy.stats import norm

from headstart.grid import load_results
from headstart.grid.transfers import similarity_ranks, transfers
from headstart.selection.evaluation import ANY_SOURCE, SCRATCH, evaluate, summarise
from headstart.tables import load_table

PAIR = ["source", "target"]
NEAREST, BEST, UNSEEN = "nearest", "best", "best of another seed"
STARTS = {
    SCRATCH: "from scratch",
    ANY_SOURCE: "a random source",
    NEAREST: "the nearest source",
    UNSEEN: "the best source of the other seeds",
    BEST: "the best source, picked on the test set",
}
TIE = 1e-9


def with_choices(pairs: pd.DataFrame) -> pd.DataFrame:
    """Add the scores by which a source is chosen; those of the best ones are accuracies on the test set."""
    choices = {NEAREST: -pairs["dtw_rank"], BEST: pairs["accuracy"]}
    n_seeds = pairs["seed"].nunique()
    if n_seeds > 1:
        of_all = pairs.groupby(PAIR)["accuracy"].transform("sum")
        choices[UNSEEN] = ((of_all - pairs["accuracy"]) / (n_seeds - 1)).round(9)
    return pairs.assign(**choices)


def outcomes(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return what each start gives each target."""
    return evaluate(pairs, [name for name in (NEAREST, BEST, UNSEEN) if name in pairs])


def best_of_runs(pairs: pd.DataFrame) -> pd.Series:
    """Estimate, for each target, the expected best of as many runs from scratch as there are sources.

    Of so many draws from a normal distribution: the mean of the runs from scratch, and the spread over seeds of all of
    the target's runs, those with a source included, since there are too few from scratch. No run is better than 1.
    """
    best = {}
    quantiles = (np.arange(10_000) + 0.5) / 10_000
    for target, group in pairs.groupby("target"):
        scratch = group.drop_duplicates("seed")["scratch_accuracy"]
        variances = [*group.groupby("source")["accuracy"].var(), scratch.var()]
        n_sources = group["source"].nunique()
        draws = scratch.mean() + np.sqrt(np.mean(variances)) * norm.ppf(quantiles ** (1 / n_sources))
        best[target] = np.minimum(draws, 1).mean()
    return pd.Series(best)


def print_starts(ours: pd.DataFrame, published: pd.DataFrame) -> None:
    summary, of_paper = summarise(outcomes(ours)), summarise(outcomes(published))
    seeds = sorted(ours["seed"].unique())
    single = pd.DataFrame({seed: summarise(outcomes(ours[ours["seed"] == seed]))["accuracy"] for seed in seeds})

    def counts(table: pd.DataFrame, start: str) -> str:
        if start == SCRATCH or start not in table.index:
            return ""
        return " / ".join(str(table.loc[start, f"{name}_over_scratch"]) for name in ("wins", "ties", "losses"))

    rows = []
    for start, title in STARTS.items():
        if start not in summary.index:
            continue
        row = summary.loc[start]
        low, high = row["gain_over_scratch_low"], row["gain_over_scratch_high"]
        rows.append(
            [
                title,
                f"{of_paper.loc[start, 'accuracy']:.4f}" if start in of_paper.index else "",
                counts(of_paper, start),
                f"{row['accuracy']:.4f}",
                f"{single.loc[start].std():.4f}" if len(seeds) > 1 else "",
                "" if start == SCRATCH else f"{row['gain_over_scratch']:+.4f} ({low:+.4f} to {high:+.4f})",
                counts(summary, start),
            ]
        )
    scratch, best = summary.loc[SCRATCH, "accuracy"], summary.loc[BEST, "accuracy"]
    if len(seeds) > 1:
        rerun = best_of_runs(ours).mean()
        title = "estimate: the best of as many runs from scratch"
        rows.append([title, "", "", f"{rerun:.4f}", "", f"{rerun - scratch:+.4f}", ""])
    headings = ["mean accuracy when training starts from", "published, one run", "wins / ties / losses"]
    headings += [f"here, mean of {len(seeds)} seeds", "± over seeds", "against scratch (95%)", "wins / ties / losses"]
    print_table(headings, rows)
    if len(seeds) > 1 and best > scratch:
        unseen = summary.loc[UNSEEN, "accuracy"]
        noise = min((best - unseen) / (best - scratch), 1)
        print(
            f"\nThe best source of {ours.groupby('target')['source'].nunique().mean():.0f}, picked on the test set, is "
            f"{100 * (best - scratch):+.2f} points above scratch. Picked on the other seeds it is "
            f"{100 * (unseen - scratch):+.2f}, so {noise:.0%} of that gain is selection on "
            f"noise; the best of as many runs from scratch would be {100 * (rerun - scratch):+.2f} (estimate)."
        )
    print("\nRank correlation of similarity and accuracy, mean over targets (95% interval):", end=" ")
    print(
        "; ".join(
            f"{mean_text(table.loc[NEAREST])} {where}" for where, table in (("published", of_paper), ("here", summary))
        )
    )


def mean_text(row: pd.Series) -> str:
    return f"{row['correlation']:+.2f} ({row['correlation_low']:+.2f} to {row['correlation_high']:+.2f})"


def shares(change: pd.Series) -> list[str]:
    """Shares that gain, stay equal, and lose."""
    return [f"{share:.1%}" for share in ((change > TIE).mean(), (change.abs() <= TIE).mean(), (change < -TIE).mean())]


def print_pairs(ours: pd.DataFrame, published: pd.DataFrame) -> None:
    """Print how many pairs gain and lose, and how many would if a source were nothing but another seed."""
    single, paper = (table["accuracy"] - table["scratch_accuracy"] for table in (ours, published))
    means = single.groupby([ours[name] for name in PAIR]).mean()
    n_seeds = ours["seed"].nunique()
    columns = {"published, one run": shares(paper), "here, one run": shares(single)}
    if n_seeds > 1:
        columns[f"here, mean of {n_seeds} seeds"] = shares(means)
        columns["scratch against scratch of another seed"] = shares(between_seeds(scratch_of(ours)))
    print_table(["share of pairs that", *columns], zip(("gain", "stay equal", "lose"), *columns.values(), strict=True))
    print(
        f"\nMean change {100 * paper.mean():+.2f} points published, {100 * means.mean():+.2f} here; median "
        f"{100 * paper.median():+.2f} and {100 * means.median():+.2f}."
    )


def scratch_of(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracies from scratch, (targets, seeds)."""
    return pairs.pivot_table(index="target", columns="seed", values="scratch_accuracy")


def between_seeds(table: pd.DataFrame) -> pd.Series:
    """Return the differences of every two columns, both ways."""
    return pd.concat([table[a] - table[b] for a in table for b in table if a != b])


def print_correlations(ours: pd.DataFrame, published: pd.DataFrame) -> None:
    """Print how ours go with the published, where both have the same splits, and how our seeds go with each other."""
    was_split_anew = ours[PAIR].isin([*TRAINING_CASES_2015]).any(axis=1)
    ours = ours[~was_split_anew]
    if ours.empty:
        print("\nNo pair has the splits of the paper.")
        return
    paper = published.set_index(PAIR)
    change = ours.assign(change=ours["accuracy"] - ours["scratch_accuracy"])
    tables = {
        "accuracy from scratch, by target": (scratch_of(ours), paper["scratch_accuracy"].groupby("target").first()),
        "accuracy after transfer, by pair": (by_seed(change, "accuracy"), paper["accuracy"]),
        "change by transfer, by pair": (by_seed(change, "change"), paper["accuracy"] - paper["scratch_accuracy"]),
    }
    rows = []
    for title, (table, theirs) in tables.items():
        row = [title, len(table)]
        for method in ("pearson", "spearman"):
            row.append(correlation(table.mean(axis=1), theirs.reindex(table.index), method))
        for method in ("pearson", "spearman"):
            between = [table[a].corr(table[b], method=method) for a in table for b in table if a < b]
            row.append(f"{np.mean(between):.3f}" if between else "")
        rows.append(row)
    headings = ["correlation", "n", "with the published: Pearson", "Spearman", "of two seeds: Pearson", "Spearman"]
    print_table(headings, rows)


def by_seed(pairs: pd.DataFrame, column: str) -> pd.DataFrame:
    return pairs.pivot_table(index=PAIR, columns="seed", values=column)


def correlation(a: pd.Series, b: pd.Series, method: str) -> str:
    return f"{a.corr(b, method=method):.3f}"  # type: ignore[arg-type]


def print_targets(ours: pd.DataFrame, published: pd.DataFrame) -> None:
    """Print each target: means over seeds in percent."""
    mean = ours.groupby(["target", "source"], as_index=False)[["accuracy", "scratch_accuracy", "dtw_rank"]].mean()
    spread = scratch_of(ours).std(axis=1)
    paper = published.groupby("target")
    rows = []
    for target, group in mean.groupby("target"):
        by_accuracy = group.sort_values(["accuracy", "source"])
        nearest = group.loc[group["dtw_rank"].idxmin()] if group["dtw_rank"].notna().any() else None
        change = group["accuracy"] - group["scratch_accuracy"]
        theirs = paper.get_group(target)
        rows.append(
            [
                target,
                f"{100 * theirs['scratch_accuracy'].iloc[0]:.1f}",
                f"{100 * group['scratch_accuracy'].iloc[0]:.1f}"
                + (f" ± {100 * s:.1f}" if (s := spread[target]) >= 0 else ""),
                f"{100 * theirs['accuracy'].mean():.1f}",
                f"{100 * group['accuracy'].mean():.1f}",
                " / ".join(f"{100 * by_accuracy['accuracy'].iloc[i]:.1f}" for i in (0, len(group) // 2, -1)),
                "" if nearest is None else f"{nearest['source']} {100 * nearest['accuracy']:.1f}",
                f"{(change > TIE).sum()} / {(change.abs() <= TIE).sum()} / {(change < -TIE).sum()}",
            ]
        )
    headings = ["target", "scratch, published", "here", "random source, published", "here", "worst / median / best"]
    print_table([*headings, "nearest source", "sources that gain / equal / lose"], rows)


def pairs_of(options: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame, Sequence[str]]:
    """Return our pairs and the published ones, the same ones, and what was left out."""
    results = load_results(options.results)
    ours = transfers(results, network=options.network, recipe=options.recipe)
    ours["dtw_rank"] = similarity_ranks(ours, load_table(options.similarity, "data set"))
    published = read_published(options.reference)
    is_published = pd.MultiIndex.from_frame(ours[PAIR]).isin(pd.MultiIndex.from_frame(published[PAIR]))
    is_whole = ours.groupby(PAIR)["seed"].transform("size") == ours["seed"].nunique()
    left_out = [
        f"{ours.loc[mask, PAIR].drop_duplicates().shape[0]} pairs {why}"
        for why, mask in (
            ("of relatives", ours["related"]),
            ("that the paper has not", ~is_published),
            ("without all seeds", ~is_whole),
        )
    ]
    ours = ours[~ours["related"] & is_published & is_whole]
    if ours.empty:
        raise SystemExit("no pair is left: " + ", ".join(left_out))
    published = published.merge(ours[PAIR].drop_duplicates())
    published["dtw_rank"] = published.groupby("target")["dtw_rank"].rank()
    n_failed = int((results["status"] == "failed").sum())
    return with_choices(ours), with_choices(published), [*left_out, f"{n_failed} cells that failed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="exported table, or run folder")
    parser.add_argument("--reference", type=Path, required=True, help="the published results, a CSV")
    parser.add_argument("--similarity", type=Path, default=Path("results/similarity_ucr.csv"), help="distances, a CSV")
    parser.add_argument("--network", help="where the results are of several")
    parser.add_argument("--recipe", help="where the results are of several")
    ours, published, left_out = pairs_of(parser.parse_args())
    n_pairs = len(ours) // ours["seed"].nunique()
    print(
        f"{n_pairs} pairs of {ours['source'].nunique()} sources and {ours['target'].nunique()} targets, "
        f"{ours['seed'].nunique()} seeds. Left out: {', '.join(left_out)}. Split anew since the paper: "
        f"{', '.join(sorted(set(ours['target']) & set(TRAINING_CASES_2015))) or 'none'} of the targets."
    )
    print_starts(ours, published)
    print_pairs(ours, published)
    print_correlations(ours, published)
    print_targets(ours, published)


if __name__ == "__main__":
    main()
