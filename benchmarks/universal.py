"""Universal sources against no source at all, on data sets that they have not seen.

    headstart zoo universal --archive UCR --without 1 --out trunks/episodes-1.safetensors   # and 2 to 5
    python benchmarks/universal.py --archive UCR --trunk episodes=trunks/episodes-{group}.safetensors

Each target is judged with the trunk that was trained without its group; a trunk that has seen anything of the target
all the same (`headstart zoo overlap`) ends the run. `--trunk` may be repeated, to compare trunks. Candidates:

- `frozen NAME`: the trunk's features, which are not trained any further, and a ridge regression;
- `untrained ARCHITECTURE`: the same with the network's first random weights, the control of all claims for the former;
- `minirocket`: MiniROCKET's features (aeon) and the same ridge regression;
- `frozen NAME + minirocket`: both, with equal weight;
- `tuned NAME`: all layers fine-tuned with the recipe quick;
- `scratch fcn`, `scratch ARCHITECTURE`: trained from nothing with the recipe default.

from 2 and 5 cases a class, drawn several times, and from the whole training set. Rows go to a file as they are made,
and a stopped run goes on. Test labels decide nothing. Data sets are the small ones that nothing was tuned on, or with
`--tuning` those of the tuning list.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from aeon.transformations.collection.convolution_based import MiniRocket
from archive_lists import SMALL_REPORTED, SMALL_TUNING
from markdown import print_table
from scipy import stats
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

from headstart.data import Dataset, load, z_normalise
from headstart.networks import build
from headstart.training import features
from headstart.transfer import fine_tune
from headstart.zoo import Source, pretrain
from headstart.zoo.overlap import caution, overlap
from headstart.zoo.universal import group_of

KEY = ["dataset", "candidate", "cases_per_class", "draw"]
Features = tuple[np.ndarray, np.ndarray]


def few_cases(y: np.ndarray, per_class: int, draw: int) -> np.ndarray:
    """Draw so many cases of each class, or all where a class has fewer."""
    rng = np.random.default_rng([per_class, draw])
    return np.sort(np.concatenate([rng.permutation(np.flatnonzero(y == c))[:per_class] for c in np.unique(y)]))


def of_network(source: Source, train: Dataset, test: Dataset) -> Features:
    network = source.new_network()
    return features(network, source.prepare(train)), features(network, source.prepare(test))


def of_untrained(architecture: str, draw: int, train: Dataset, test: Dataset) -> Features:
    network = build(architecture, train.n_channels, 1, seed=draw).eval()
    return features(network, z_normalise(train)), features(network, z_normalise(test))


def of_kernels(draw: int, train: Dataset, test: Dataset) -> Features:
    rocket = MiniRocket(random_state=draw, n_jobs=1)
    X, X_test = z_normalise(train).X, z_normalise(test).X
    return rocket.fit_transform(X), rocket.transform(X_test)


def ridge_accuracy(parts: list[Features], train: Dataset, test: Dataset) -> float:
    """Fit ridge regression to standardised features, whose parts have the same total variance."""
    scaled = []
    for X, X_test in parts:
        scaler, weight = StandardScaler().fit(X), (parts[0][0].shape[1] / X.shape[1]) ** 0.5
        scaled.append((weight * scaler.transform(X), weight * scaler.transform(X_test)))
    X, X_test = (np.concatenate(both, axis=1) for both in zip(*scaled, strict=True))
    model = RidgeClassifierCV(np.logspace(-3, 3, 10)).fit(X, train.y)
    return float((model.predict(X_test) == test.y).mean())


def network_accuracy(train_network: Callable[[Dataset], Source], train: Dataset, test: Dataset) -> float:
    return float((train_network(train).class_probabilities(test).argmax(axis=1) == test.y).mean())


def candidates(
    trunks: dict[str, Source], architectures: list[str], draw: int, train: Dataset, test: Dataset
) -> Iterator[tuple[str, Callable[[], float]]]:
    """Yield the candidates by name, each with what trains it and returns its accuracy."""

    def with_ridge(*makers: Callable[[Dataset, Dataset], Features]) -> Callable[[], float]:
        return lambda: ridge_accuracy([make(train, test) for make in makers], train, test)

    def with_network(train_network: Callable[[Dataset], Source]) -> Callable[[], float]:
        return lambda: network_accuracy(train_network, train, test)

    kernels = partial(of_kernels, draw)
    yield "minirocket", with_ridge(kernels)
    for architecture in architectures:
        yield f"untrained {architecture}", with_ridge(partial(of_untrained, architecture, draw))
    for name, source in trunks.items():
        yield f"frozen {name}", with_ridge(partial(of_network, source))
        yield f"frozen {name} + minirocket", with_ridge(partial(of_network, source), kernels)
        yield f"tuned {name}", with_network(partial(fine_tune, source, recipe="quick", seed=draw, device="cpu"))
    for architecture in dict.fromkeys(["fcn", *architectures]):
        scratch = partial(pretrain, network=architecture, seed=draw, device="cpu", with_prototypes=False)
        yield f"scratch {architecture}", with_network(scratch)


def unseen(path_pattern: str, target: str, train: Dataset, test: Dataset) -> Source:
    """Load the trunk that was trained without the target's group, and make sure that it was."""
    source = Source.load(path_pattern.format(group=group_of(target)))
    for part in (train, test):
        if warning := caution(target, {path_pattern: overlap(part, source)}):
            raise SystemExit(warning)
    return source


def trunk_of(candidate: str, trunks: dict[str, Source]) -> str | None:
    """Say which trunk a candidate starts from: its data, recipe and seed."""
    name = candidate.removeprefix("frozen ").removeprefix("tuned ").removesuffix(" + minirocket")
    if name not in trunks:
        return None
    card = trunks[name].card
    return f"{card.dataset} {card.fingerprint[:8]} {card.network} {card.recipe['name']} {len(card.losses)} {card.seed}"


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"cases_per_class": str})


def print_tables(rows: pd.DataFrame) -> None:
    """Print mean accuracies, and each candidate against the FCN from scratch, over the data sets that all have."""
    by_set = rows.pivot_table("accuracy", ["cases_per_class", "dataset"], "candidate")
    shots = [n for n in ("2", "5", "all") if n in by_set.index.get_level_values(0)]
    complete = {n: by_set.loc[n].dropna(axis=1, how="all").dropna() for n in shots}
    means = pd.DataFrame({n: table.mean() for n, table in complete.items()})
    seconds = rows.groupby("candidate")["cpu_seconds"].mean()
    print("\nMean accuracy by cases a class, and processor seconds to train and to predict the test part:")
    print_table(
        ["candidate", *(f"{n} ({len(complete[n])} data sets)" for n in shots), "seconds"],
        ([name, *means.loc[name].round(3), round(seconds[name], 1)] for name in means.index),
    )
    for n, table in complete.items():
        if "scratch fcn" not in table:
            continue
        print(f"\nDifference from scratch fcn, {n} cases a class, with its 95% confidence interval over data sets:")
        lines = []
        for name in table.columns.drop("scratch fcn"):
            difference = table[name] - table["scratch fcn"]
            half_width = stats.t.ppf(0.975, len(table) - 1) * stats.sem(difference) if len(table) > 1 else np.nan
            wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
            outcome = [wins, len(table) - wins - losses, losses]
            lines.append([name, f"{difference.mean():+.3f} ± {half_width:.3f}", *outcome])
        print_table(["candidate", "difference", "wins", "ties", "losses"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--trunk", action="append", metavar="NAME=PATH", default=[], help="{group} stands for 1 to 5")
    parser.add_argument("--tuning", action="store_true", help="the tuning sets, not those that are reported")
    parser.add_argument("--datasets", nargs="+", help="these only")
    parser.add_argument("--cases", nargs="+", default=["2", "5", "all"], help="cases a class")
    parser.add_argument("--draws", type=int, default=5, help="of few cases; the whole training set has two seeds")
    parser.add_argument("--only", nargs="+", help="candidates whose names begin with these words")
    parser.add_argument("--out", type=Path, default=Path("results/universal.csv"))
    arguments = parser.parse_args()

    datasets = arguments.datasets or (SMALL_TUNING if arguments.tuning else SMALL_REPORTED)
    earlier = read(arguments.out) if arguments.out.exists() else pd.DataFrame(columns=[*KEY, "trunk"])
    done = set(earlier[KEY].itertuples(index=False, name=None))
    others = earlier.dropna(subset="trunk").groupby(["dataset", "candidate"])["trunk"].first()
    for dataset in datasets:
        train, test = load(dataset, arguments.archive)
        if test is None:
            raise SystemExit(f"{dataset} has no test part")
        patterns = dict(trunk.split("=", 1) for trunk in arguments.trunk)
        trunks = {name: unseen(pattern, dataset, train, test) for name, pattern in patterns.items()}
        architectures = list(dict.fromkeys(source.card.network for source in trunks.values()))
        for cases in arguments.cases:
            for draw in range(2 if cases == "all" else arguments.draws):
                part = train if cases == "all" else train.subset(few_cases(train.y, int(cases), draw))
                for name, run in candidates(trunks, architectures, draw, part, test):
                    trunk = trunk_of(name, trunks)
                    if others.get((dataset, name), trunk) != trunk:
                        raise SystemExit(
                            f"{arguments.out} has rows of another trunk called {name}; call this one other"
                        )
                    is_wanted = not arguments.only or name.startswith(tuple(arguments.only))
                    if not is_wanted or (dataset, name, cases, draw) in done:
                        continue
                    torch.set_num_threads(1)  # each time: MiniROCKET's parallel loops change it
                    begin = time.process_time()
                    accuracy = run()
                    row = {
                        "dataset": dataset,
                        "group": group_of(dataset),
                        "candidate": name,
                        "cases_per_class": cases,
                        "draw": draw,
                        "accuracy": round(accuracy, 6),
                        "cpu_seconds": round(time.process_time() - begin, 2),
                        "n_train": part.n_cases,
                        "train_fingerprint": part.fingerprint[:16],
                        "trunk": trunk,
                    }
                    pd.DataFrame([row]).to_csv(arguments.out, mode="a", header=not arguments.out.exists(), index=False)
                    print(*(row[key] for key in [*KEY, "accuracy", "cpu_seconds"]), flush=True)
    rows = read(arguments.out).query("dataset in @datasets")
    print_tables(rows)


if __name__ == "__main__":
    main()
