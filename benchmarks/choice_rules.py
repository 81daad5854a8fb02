"""Which rule should choose: the tuning that stands behind `headstart.choice.decision`, on the tuning list only.

    OMP_NUM_THREADS=1 python benchmarks/choice_rules.py --archive UCR --sources sources

judges candidates that train no network (MiniROCKET, and the pooled features of the best-ranked source and of its
architecture untrained) out of fold on each of the small tuning sets, whole and with five and ten cases a class in two
draws, and prints the mean accuracy, on at most 200 test series, of what each rule makes of them:

- `best`: the candidate with the smallest log loss out of fold;
- `one standard error`: the mean of all that are within one standard error of it;
- `kernels and one standard error`: the same, with MiniROCKET in any case, which is headstart's rule;
- `kernels unless two standard errors`: with MiniROCKET unless it is more than two standard errors worse than the best;
- `all`: the mean of all candidates.
"""

import argparse
import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from archive_lists import SMALL_TUNING
from choice import few

from headstart import load
from headstart.choice import stratified_folds
from headstart.choice.budget import best_sources, sources_at_hand
from headstart.choice.calibration import fit_temperature, log_losses, probabilities
from headstart.choice.features import FeatureCandidate
from headstart.choice.frozen import Frozen
from headstart.choice.kernels import MiniRocketKernels

KERNELS = "MiniROCKET"


def near(losses: dict[str, np.ndarray], n_errors: float) -> set[str]:
    """Return the candidates that are at most so many standard errors worse than the best."""
    best = min(losses, key=lambda name: losses[name].mean())
    worse = {name: loss - losses[best] for name, loss in losses.items()}
    return {name for name, one in worse.items() if one.mean() <= n_errors * one.std(ddof=1) / np.sqrt(len(one))}


def accuracies(archive: str, folder: Path, dataset: str, cases_per_class: int, draw: int, n_folds: int) -> dict:
    whole, test = load(dataset, archive=archive)
    assert test is not None
    test = test.subset(np.random.default_rng(0).permutation(test.n_cases)[:200])
    train = few(whole, cases_per_class, draw)
    folds = stratified_folds(train.y, n_folds)
    cases = np.concatenate(folds)
    makers = {KERNELS: MiniRocketKernels.of}
    for source in best_sources(train, sources_at_hand(folder), 1).values():
        makers["frozen"] = partial(Frozen.of_source, source)
        makers["untrained"] = partial(Frozen.untrained, source.card.network)
    losses, predicted = {}, {}
    for name, make in makers.items():
        trial = FeatureCandidate(name, "", make).trial(train, folds)
        assert trial.member is not None
        temperature = fit_temperature(trial.held_out[cases], train.y[cases])
        losses[name] = log_losses(probabilities(trial.held_out[cases], temperature), train.y[cases])
        predicted[name] = probabilities(trial.member.scores(test), temperature)
    rules = {name: {name} for name in makers} | {
        "best": near(losses, 0),
        "one standard error": near(losses, 1),
        "kernels and one standard error": near(losses, 1) | {KERNELS},
        "kernels unless two standard errors": near(losses, 1) | (near(losses, 2) & {KERNELS}),
        "all": set(makers),
    }
    means = {rule: np.mean([predicted[name] for name in names], axis=0) for rule, names in rules.items()}
    return {rule: (mean.argmax(axis=1) == test.y).mean() for rule, mean in means.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--sources", type=Path, help="folder of sources; none: the known ones")
    parser.add_argument("--datasets", nargs="+", default=SMALL_TUNING)
    parser.add_argument("--folds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    columns = {}
    for cases_per_class in (0, 5, 10):
        rows = [
            accuracies(options.archive, options.sources, dataset, cases_per_class, draw, options.folds)
            for draw in range(2 if cases_per_class else 1)
            for dataset in options.datasets
        ]
        columns[f"{cases_per_class} a class" if cases_per_class else "all cases"] = pd.DataFrame(rows).mean()
    table = pd.DataFrame(columns)
    print(f"{len(options.datasets)} data sets, {options.folds} folds\n")
    print(f"| | {' | '.join(table.columns)} |\n|---|{'--:|' * len(table.columns)}")
    for rule, means in table.iterrows():
        print(f"| {rule} | {' | '.join(f'{mean:.3f}' for mean in means)} |")


if __name__ == "__main__":
    main()
