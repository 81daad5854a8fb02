"""How far the variance of a feature should be drawn towards that of all: ridge regression on the tuning sets.

    OMP_NUM_THREADS=1 python benchmarks/moderation.py --archive UCR --sources src/headstart/zoo/weights

prints the mean test accuracy of `headstart.choice.ridge` on the features of MiniROCKET and of a universal trunk that
has not seen the target, and of the two averaged, as if 0, 4, 16 or 64 cases of the mean variance had been seen before.
On data sets that are reported, nothing was chosen.
"""

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from archive_lists import TUNING
from choice import few
from markdown import print_table

from headstart import Dataset, load
from headstart.choice import Candidate, choose, ridge
from headstart.choice.budget import best_sources
from headstart.choice.features import FeatureCandidate
from headstart.choice.frozen import Frozen
from headstart.choice.kernels import MiniRocketKernels
from headstart.zoo import Source
from headstart.zoo.folder import load_folder

CASES_BEFORE = [0.0, 4.0, 16.0, 64.0]
CASES_PER_CLASS = [1, 2, 5, 10, 0]
N_TEST = 300


def accuracies(train: Dataset, test: Dataset, trunk: Source) -> Iterator[tuple[str, float, float]]:
    """Yield features, cases before, and accuracy."""
    kernels: list[Candidate] = [FeatureCandidate("MiniROCKET", "kernels", MiniRocketKernels.of)]
    frozen: list[Candidate] = [FeatureCandidate("trunk", "frozen", partial(Frozen.of_source, trunk))]
    for cases_before in CASES_BEFORE:
        ridge.CASES_BEFORE = cases_before
        for name, competing in {"MiniROCKET": kernels, "trunk": frozen, "both": kernels + frozen}.items():
            predicted = choose(train, competing, n_folds=10).predict_proba(test).argmax(axis=1)
            yield name, cases_before, float((predicted == test.y).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--sources", type=Path, required=True, help="folder of sources with trunks")
    parser.add_argument("--datasets", nargs="+", default=TUNING)
    parser.add_argument("--draws", type=int, default=2, help="of few cases a class")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trunks = {name: source for name, source in load_folder(options.sources).items() if source.is_trunk}
    found = []
    for dataset in options.datasets:
        whole, test = load(dataset, options.archive)
        assert test is not None
        test = test.subset(np.random.default_rng(0).permutation(test.n_cases)[:N_TEST])
        (trunk,) = best_sources(whole, trunks, 1).values()
        for cases_per_class in CASES_PER_CLASS:
            for draw in range(options.draws if cases_per_class else 1):
                train = few(whole, cases_per_class, draw)
                found += [(cases_per_class, dataset, *row) for row in accuracies(train, test, trunk)]
        print(dataset, flush=True)
    table = pd.DataFrame(found, columns=["cases", "dataset", "features", "before", "accuracy"])
    wide = table.pivot_table("accuracy", ["features", "before"], "cases", sort=False)
    print(f"\nMean accuracy on {len(options.datasets)} data sets:")
    titles = [f"{cases} a class" if cases else "all" for cases in wide.columns]
    rows = zip(wide.index, wide.to_numpy(), strict=True)
    lines = [[name, f"{before:g}", *(f"{one:.3f}" for one in of_all)] for (name, before), of_all in rows]
    print_table(["features", "cases before", *titles], lines)


if __name__ == "__main__":
    main()
