"""What the guarded choice is worth: its test accuracy beside those of its candidates, of scratch, and of peers.

    OMP_NUM_THREADS=1 python benchmarks/choice.py --archive UCR --sources sources
    OMP_NUM_THREADS=1 python benchmarks/choice.py --archive UCR --sources sources --cases-per-class 1 2 5 10 --draws 5

trains on the training part of the archive's split, or on so many cases a class drawn from it, and appends one row a
(data set, cases a class, draw, seed, method) to `results/choice.csv`. Rows that the file holds are not made again, so a
stopped run goes on; on a finished file, or with `--print-only`, the command only prints, for each data set the mean of
the draws that all methods have. `--list` names a list of `archive_lists.py`.

Methods: `scratch`, an FCN; `scratch again`, the same with the next seed: how far it is from the first is chance;
`fine-tuned`, by the recipe quick, from the best-ranked source (a trunk where there is one), and, without which it says
nothing of pretraining, `its network from scratch`, by the recipe default and by quick; `frozen` (the source's pooled
features with a ridge head) and `untrained`, the same features of the same architecture with random weights; `choice
fast`, `choice default` and `choice thorough`; the controls `choice untrained`, which is `choice fast` with the features
of an untrained network of the trunks' architecture in place of a source's, and `choice without sources`, which is
`choice default` where nothing is transferred; and peers: `1NN-DTW` by our own distance without a band, and MiniROCKET,
MultiROCKET-Hydra and QUANT as aeon has them, on z-normalised series.

Where no source may be used, methods that need one have no accuracy. Sources that overlap with the target are never
used; so a folder may hold trunks that were trained without one group of data sets each (`headstart zoo universal
--without GROUP`), of which the one that has not seen the target's group is taken.

Seconds are processor time of a method from the series in memory to the test predictions. With few cases a class, at
most 300 test series are drawn, the same for all.

`--reference` is a table of published accuracies on the same split (a row a data set, a column a method), which are
printed and compared on the same data sets.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import archive_lists
import numpy as np
import pandas as pd
import torch
from markdown import print_table
from scipy import stats

from headstart import Dataset, TransferClassifier, load, pairwise_dtw
from headstart.choice import BUDGETS, candidates, choose
from headstart.choice.budget import best_sources, sources_at_hand
from headstart.choice.candidate import Candidate
from headstart.choice.features import FeatureCandidate
from headstart.choice.frozen import Frozen
from headstart.choice.networks import NetworkCandidate
from headstart.data.preprocessing import z_normalise
from headstart.zoo import Source

KEY = ["dataset", "cases_per_class", "draw", "seed", "method"]
MOST_TEST_CASES = 300
"""With few cases a class, of which there are many draws."""
Predict = Callable[[Dataset, Dataset, Path | None, int], np.ndarray | None]
"""From training data, test series, folder of sources and seed to predicted codes; None where it cannot be done."""


def scratch(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray:
    return NetworkCandidate("", None, seed=seed, device="cpu").fit(train).scores(test).argmax(axis=1)


def scratch_again(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray:
    return scratch(train, test, folder, seed + 1)


def from_best(make: Callable[[Source, int], Candidate]) -> Predict:
    """Return a method of the best-ranked source and a seed."""

    def predict(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray | None:
        sources = list(best_sources(train, sources_at_hand(folder), 1).values())
        return make(sources[0], seed).fit(train).scores(test).argmax(axis=1) if sources else None

    return predict


def fine_tuned(source: Source, seed: int) -> Candidate:
    return NetworkCandidate("", source, recipe="quick", seed=seed, device="cpu")


def not_tuned(source: Source, seed: int, recipe: str = "default") -> Candidate:
    return NetworkCandidate("", None, recipe=recipe, network=source.card.network, seed=seed, device="cpu")


def frozen(source: Source, seed: int) -> Candidate:
    return FeatureCandidate("", "frozen", partial(Frozen.of_source, source))


def untrained(source: Source, seed: int) -> Candidate:
    return FeatureCandidate("", "frozen", partial(Frozen.untrained, source.card.network, seed=seed))


def choice(budget: str) -> Predict:
    def predict(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray:
        classifier = TransferClassifier("auto", sources=folder, budget=budget, random_state=seed, device="cpu")
        predicted = classifier.fit(train).predict_proba(test).argmax(axis=1)
        print(f"    {classifier.report_['verdict']}", flush=True)
        return predicted

    return predict


def control(budget: str, *more: str) -> Predict:
    """Return the choice without any source, but with features of untrained networks of these architectures."""

    def predict(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray:
        competing = candidates(train, {}, BUDGETS[budget], seed=seed, device="cpu")
        for network in more:
            features = partial(Frozen.untrained, network, seed=seed)
            competing.append(FeatureCandidate(f"features of an untrained {network}", "frozen", features))
        n_folds, enough = BUDGETS[budget].n_folds, BUDGETS[budget].enough_held_out
        chosen = choose(train, competing, n_folds=n_folds, enough_held_out=enough, seed=seed)
        return chosen.predict_proba(test, device="cpu").argmax(axis=1)

    return predict


def nearest_by_dtw(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray:
    distances = pairwise_dtw(z_normalise(test), z_normalise(train), n_jobs=1)
    return train.y[distances.argmin(axis=1)]


def peer(name: str) -> Predict:
    def predict(train: Dataset, test: Dataset, folder: Path | None, seed: int) -> np.ndarray:
        from aeon.classification.convolution_based import MiniRocketClassifier, MultiRocketHydraClassifier
        from aeon.classification.interval_based import QUANTClassifier

        made = {
            "MiniROCKET": MiniRocketClassifier,
            "MultiROCKET-Hydra": MultiRocketHydraClassifier,
            "QUANT": QUANTClassifier,
        }[name](random_state=seed)
        return np.asarray(made.fit(z_normalise(train).X, train.y).predict(z_normalise(test).X))

    return predict


METHODS: dict[str, Predict] = {
    "scratch": scratch,
    "scratch again": scratch_again,
    "fine-tuned": from_best(fine_tuned),
    "its network from scratch": from_best(not_tuned),
    "its network from scratch, quick": from_best(partial(not_tuned, recipe="quick")),
    "frozen": from_best(frozen),
    "untrained": from_best(untrained),
    "choice fast": choice("fast"),
    "choice default": choice("default"),
    "choice thorough": choice("thorough"),
    "choice untrained": control("fast", "dilated"),
    "choice without sources": control("default"),
    "1NN-DTW": nearest_by_dtw,
    "MiniROCKET": peer("MiniROCKET"),
    "MultiROCKET-Hydra": peer("MultiROCKET-Hydra"),
    "QUANT": peer("QUANT"),
}
PUBLISHED = ["FCN", "ResNet", "InceptionTime", "1NN-DTW", "MiniROCKET", "MR-Hydra", "QUANT", "HC2"]


def few(train: Dataset, cases_per_class: int, draw: int) -> Dataset:
    """Draw cases of each class; 0 means all."""
    if not cases_per_class:
        return train
    random = np.random.default_rng(draw)
    cases = [random.permutation(np.flatnonzero(train.y == code))[:cases_per_class] for code in range(train.n_classes)]
    return train.subset(np.sort(np.concatenate(cases)))


def todo(options: argparse.Namespace, datasets: list[str]) -> Iterator[tuple]:
    for draw in range(options.draws):
        for seed in range(options.seeds):
            for cases_per_class in options.cases_per_class:
                if draw and not cases_per_class:
                    continue  # of all cases there is one draw
                for dataset in datasets:
                    for method in options.methods:
                        yield dataset, cases_per_class, draw, seed, method


def run(options: argparse.Namespace, cell: tuple) -> dict[str, object]:
    dataset, cases_per_class, draw, seed, method = cell
    whole, test = load(dataset, archive=options.archive)
    assert test is not None
    train = few(whole, cases_per_class, draw)
    if cases_per_class:
        test = test.subset(np.sort(np.random.default_rng(0).permutation(test.n_cases)[:MOST_TEST_CASES]))
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peers, on constant features
        predicted = METHODS[method](train, test, options.sources, seed)
    return dict(zip(KEY, cell, strict=True)) | {
        "n_train": train.n_cases,
        "accuracy": None if predicted is None else round(float((predicted == test.y).mean()), 6),
        "cpu_seconds": round(time.process_time() - begin, 2),
        "train_fingerprint": train.fingerprint[:16],
    }


def report(rows: pd.DataFrame, against: str, reference: Path | None) -> None:
    """Print means, mean ranks, and differences from one method, for each number of cases."""
    for cases_per_class, some in rows.groupby("cases_per_class"):
        wide = some.pivot_table("accuracy", ["dataset", "draw", "seed"], "method")
        wide = wide[[method for method in METHODS if method in wide]].dropna()
        by_set = wide.groupby("dataset").mean()
        seconds = some.pivot_table("cpu_seconds", ["dataset", "draw", "seed"], "method").loc[wide.index]
        what = f"{cases_per_class} cases a class" if cases_per_class else "all training cases"
        print(f"\n{what}: {len(by_set)} data sets that have all methods, {len(wide)} runs of each")
        ranks = by_set.rank(axis=1, ascending=False).mean()
        compare = partial(_compare, by_set.get(against))
        lines = [
            [
                method,
                f"{by_set[method].mean():.4f}",
                f"{ranks[method]:.2f}",
                *compare(by_set[method]),
                f"{seconds[method].mean():.1f}",
            ]
            for method in by_set
        ]
        compared = [f"against {against}, 95% interval", "wins, ties, losses", "worst loss"]
        print_table(["", "mean accuracy", "mean rank", *compared, "processor seconds"], lines)
        if against in by_set:
            _print_losses(wide.drop(columns=against).sub(wide[against], axis=0), against)
        if reference is not None and not cases_per_class:
            published = pd.read_csv(reference, index_col="dataset")
            known = published.reindex(by_set.index)[[name for name in PUBLISHED if name in published]].dropna()
            print(f"\nPublished, {len(known)} of these data sets:")
            lines = [[name, f"{known[name].mean():.4f}", *compare(known[name])] for name in known]
            print_table(["", "mean accuracy", *compared], lines)
            best = known.max(axis=1).mean()
            print(f"\nThe best of these on each data set, which only its test series tell: {best:.4f}")


def _compare(baseline: pd.Series | None, accuracy: pd.Series) -> list[str]:
    return ["", "", ""] if baseline is None else difference((accuracy - baseline).dropna())


def difference(gain: pd.Series) -> list[str]:
    """Return the mean with its confidence interval over data sets, a count of signs, and the worst."""
    gain = gain.round(9)
    if not gain.any():
        return ["", "", ""]
    half_width = stats.t.ppf(0.975, len(gain) - 1) * stats.sem(gain)
    counts = f"{(gain > 0).sum()}, {(gain == 0).sum()}, {(gain < 0).sum()}"
    return [f"{gain.mean():+.4f} ± {half_width:.4f}", counts, f"{min(gain.min(), 0):.3f}"]


def _print_losses(gains: pd.DataFrame, against: str) -> None:
    """Print which data sets lose more than two points, and on which the loss is more than chance can make.

    `gains` has a row a run. What runs of one data set, of other draws and seeds, differ by is pooled over the data
    sets, because each has a few runs only; a loss is beyond chance by a one-sided t test at 5% of false discoveries.
    """
    print(f"\nMean losses against {against} of more than two points, of those that have any:")
    for method, gain in gains.items():
        runs = gain.groupby("dataset")
        mean, n_runs = runs.mean().round(9), runs.count()
        losses = mean[mean < -0.02].sort_values()
        if losses.empty:
            continue
        print(f"- {method}, {len(losses)}: " + ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items()), end="")
        n_free = (n_runs - 1).sum()
        if n_free:
            spread = np.sqrt((runs.var() * (n_runs - 1)).sum() / n_free)
            p_values = stats.t.cdf(mean / (spread / np.sqrt(n_runs)), n_free)
            beyond = ", ".join(mean.index[stats.false_discovery_control(p_values) < 0.05]) or "none"
            print(f"; beyond chance: {beyond} (a run has a standard deviation of {spread:.3f})", end="")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--sources", type=Path, help="folder of sources; none: the known ones")
    parser.add_argument("--list", default="SMALL_REPORTED", help="a list of archive_lists.py")
    parser.add_argument("--datasets", nargs="+", help="these instead")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD")
    parser.add_argument("--cases-per-class", nargs="+", type=int, default=[0], help="0: all of them")
    parser.add_argument("--draws", type=int, default=5, help="with --cases-per-class")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--against", default="scratch", choices=METHODS, metavar="METHOD", help="to compare with")
    parser.add_argument("--reference", type=Path, help="CSV of published accuracies")
    parser.add_argument("--out", type=Path, default=Path("results/choice.csv"))
    parser.add_argument("--print-only", action="store_true", help="make no rows that are missing")
    options = parser.parse_args()
    torch.set_num_threads(1)
    datasets = options.datasets or getattr(archive_lists, options.list)
    done = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame(columns=KEY)
    finished = set(done[KEY].itertuples(index=False, name=None))
    for cell in todo(options, datasets):
        if cell in finished or options.print_only:
            continue
        row = pd.DataFrame([run(options, cell)])
        row.to_csv(options.out, mode="a", header=not options.out.exists(), index=False)
        print(row.to_string(header=False, index=False), flush=True)
    rows = pd.read_csv(options.out)
    is_asked = rows[KEY].apply(tuple, axis=1).isin(set(todo(options, datasets)))
    report(rows[is_asked], options.against, options.reference)


if __name__ == "__main__":
    main()
