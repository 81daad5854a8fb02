"""Train the FCN from scratch with the paper's recipe, and set its accuracy beside the published.

    python benchmarks/published_fcn.py --archive UCR --reference official_split_accuracy.csv

trains it on six small data sets of the UCR archive with three seeds each (about an hour of one core), appends one row a
run to `results/published_fcn.csv`, and prints the table that `docs/networks.md` shows. Runs that the file already holds
are not done again: on a finished file the command only prints.

The published figures are means of five runs of Ismail Fawaz et al., "Deep learning for time series classification: a
review" (Data Mining and Knowledge Discovery 33, 2019).
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import pandas as pd
import torch

from headstart.data import load
from headstart.data.preprocessing import z_normalise
from headstart.networks import build
from headstart.training import class_probabilities, train
from headstart.training.recipe import get_recipe

DATASETS = ("ItalyPowerDemand", "CBF", "GunPoint", "Coffee", "ECG200", "ArrowHead")
TOLERANCE = 0.02


def run(archive: str, name: str, recipe_name: str, seed: int) -> dict[str, object]:
    torch.set_num_threads(1)  # one process a core beats several threads a process
    train_set, test_set = load(name, archive=archive)
    assert test_set is not None
    train_set, test_set = z_normalise(train_set), z_normalise(test_set)
    network = build("fcn", train_set.n_channels, train_set.n_classes, seed=seed)
    recipe = get_recipe(recipe_name)
    history = train(network, train_set, recipe, seed=seed)
    hits = class_probabilities(network, test_set).argmax(axis=1) == test_set.y
    return {
        "dataset": name,
        "recipe": recipe_name,
        "seed": seed,
        "accuracy": round(float(hits.mean()), 6),
        "best_loss": history.best_loss,
        "best_epoch": history.best_epoch,
        "epochs": recipe.epochs,
        "train_seconds": round(history.train_seconds, 1),
        "train_fingerprint": train_set.fingerprint[:16],
    }


def table(rows: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    grouped = rows.groupby("dataset", sort=False)["accuracy"]
    summary = pd.DataFrame({"seeds": grouped.size(), "mean": grouped.mean(), "std": grouped.std()})
    summary["published"] = reference.set_index("dataset")["FCN"]
    summary["difference"] = summary["mean"] - summary["published"]
    summary["within 2 points"] = summary["difference"].abs() <= TOLERANCE
    summary["minutes a run"] = rows.groupby("dataset")["train_seconds"].mean() / 60
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--reference", type=Path, required=True, help="CSV with the columns dataset and FCN")
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("results/published_fcn.csv"))
    arguments = parser.parse_args()

    done = pd.read_csv(arguments.out) if arguments.out.exists() else pd.DataFrame(columns=["dataset", "recipe", "seed"])
    finished = set(done[["dataset", "recipe", "seed"]].itertuples(index=False, name=None))
    todo = [
        (name, arguments.recipe, seed)
        for seed in range(arguments.seeds)
        for name in arguments.datasets
        if (name, arguments.recipe, seed) not in finished
    ]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run, arguments.archive, *cell) for cell in todo]
        for future in as_completed(futures):
            row = pd.DataFrame([future.result()])
            row.to_csv(arguments.out, mode="a", header=not arguments.out.exists(), index=False)
            print(row.to_string(header=False, index=False), flush=True)
    rows = pd.read_csv(arguments.out).query("recipe == @arguments.recipe and dataset in @arguments.datasets")
    rows = rows.sort_values(["dataset", "seed"])
    print(table(rows, pd.read_csv(arguments.reference)).round(3).to_string())


if __name__ == "__main__":
    main()
