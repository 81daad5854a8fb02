"""Compare recipes: test accuracy and training time of the FCN, from scratch or fine-tuned from a source.

    python benchmarks/recipes.py --archive UCR --recipes paper default --seeds 3
    python benchmarks/recipes.py --archive UCR --recipes paper default --seeds 3 --source FiftyWords.safetensors

trains on twelve small data sets that nothing was tuned on, appends one row a run to `results/recipes.csv`, and prints
the tables that `docs/recipes.md` shows. Runs that the file already holds are not done again, so a stopped run goes on,
and on a finished file the command only prints. A recipe may be given with fields of its own, `default:epochs=400`;
`--tuning` takes the small sets of the tuning list instead, on which the recipes were chosen.

Seconds are processor time of a run on one thread, because other programs may share the machine.
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from archive_lists import SMALL_REPORTED, SMALL_TUNING
from markdown import print_table
from scipy import stats

from headstart.data import load
from headstart.training import Recipe, class_probabilities
from headstart.training.recipe import get_recipe
from headstart.transfer import fine_tune
from headstart.zoo import Source, pretrain

KEY = ["dataset", "start", "recipe", "seed"]


def parse_recipe(text: str) -> Recipe:
    """Return the recipe that NAME or NAME:FIELD=VALUE,FIELD=VALUE stands for."""
    name, _, fields = text.partition(":")
    overrides = dict(field.split("=") for field in fields.split(",")) if fields else {}
    return get_recipe(name, **{key: json.loads(value) for key, value in overrides.items()})


def run(archive: str, dataset: str, source: Path | None, recipe_text: str, seed: int) -> dict[str, object]:
    torch.set_num_threads(1)  # one process a core beats several threads a process
    train_set, test_set = load(dataset, archive=archive)
    assert test_set is not None
    recipe = parse_recipe(recipe_text)
    start = Source.load(source) if source else None
    begin = time.process_time()
    if start is None:
        model = pretrain(train_set, recipe=recipe, seed=seed, device="cpu", with_prototypes=False)
    else:
        model = fine_tune(start, train_set, recipe, seed=seed, device="cpu")
    seconds = time.process_time() - begin
    hits = class_probabilities(model.new_network(), model.prepare(test_set)).argmax(axis=1) == test_set.y
    return {
        "dataset": dataset,
        "start": start.card.dataset if start else "scratch",
        "recipe": recipe_text,
        "seed": seed,
        "accuracy": round(float(hits.mean()), 6),
        "best_loss": float(f"{min(model.card.losses):.4g}"),
        "epochs": len(model.card.losses),
        "cpu_seconds": round(seconds, 1),
        "train_fingerprint": train_set.fingerprint[:16],
    }


def print_means(rows: pd.DataFrame, recipes: list[str], reference: Path | None) -> None:
    """Print mean and spread of the accuracy a data set and recipe, over seeds, and mean seconds."""
    aggregates = {"accuracy": ("accuracy", "mean"), "std": ("accuracy", "std"), "seconds": ("cpu_seconds", "mean")}
    cells = rows.groupby(["recipe", "dataset"]).agg(**aggregates, runs=("seed", "size"))
    table = pd.concat({recipe: cells.loc[recipe] for recipe in recipes}, axis=1).reindex(rows["dataset"].unique())
    if reference is not None:
        table["published", "accuracy"] = pd.read_csv(reference, index_col="dataset")["FCN"]
    table.loc["mean"] = table.drop(columns=["std", "runs"], level=1).mean()
    digits = {"accuracy": 3, "std": 3, "seconds": 0, "runs": 0}
    headings = [recipe if name == "accuracy" else name for recipe, name in table]
    lines = [
        [name, *("" if np.isnan(value) else f"{value:.{digits[what]}f}" for (_, what), value in row.items())]
        for name, row in table.iterrows()
    ]
    print_table(["data set", *headings], lines)


def comparison(rows: pd.DataFrame, first: str, second: str) -> str:
    """Say how `second` differs from `first`, paired over data sets (means of the seeds that both have)."""
    rows = rows[rows["recipe"].isin([first, second])]
    both = rows.pivot_table(index=["dataset", "seed"], columns="recipe", values=["accuracy", "cpu_seconds"]).dropna()
    by_set = both.groupby("dataset").mean()
    difference = (by_set["accuracy"][second] - by_set["accuracy"][first]).to_numpy()
    half_width = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
    wins, losses = int((difference > 0).sum()), int((difference < 0).sum())
    seconds = both["cpu_seconds"]
    return (
        f"{second} against {first}, {len(difference)} data sets, {len(both)} pairs of runs: mean accuracy "
        f"{by_set['accuracy'][second].mean():.4f} against {by_set['accuracy'][first].mean():.4f}, difference "
        f"{difference.mean():+.4f} (95% confidence interval {difference.mean() - half_width:+.4f} to "
        f"{difference.mean() + half_width:+.4f}), {wins} wins, {len(difference) - wins - losses} ties, {losses} "
        f"losses; time: {seconds[second].sum() / seconds[first].sum():.3f} of all runs' together, "
        f"{np.median(seconds[second] / seconds[first]):.3f} of a run's in the median"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--recipes", nargs="+", default=["paper", "default"])
    parser.add_argument("--source", type=Path, help="saved source to fine-tune from; none: from scratch")
    parser.add_argument("--tuning", action="store_true", help="the tuning sets, not those that are reported")
    parser.add_argument("--datasets", nargs="+", help="these only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--reference", type=Path, help="CSV of published accuracies, a row a data set, a column FCN")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("results/recipes.csv"))
    arguments = parser.parse_args()

    datasets = arguments.datasets or (SMALL_TUNING if arguments.tuning else SMALL_REPORTED)
    start = Source.load(arguments.source).card.dataset if arguments.source else "scratch"
    done = pd.read_csv(arguments.out) if arguments.out.exists() else pd.DataFrame(columns=KEY)
    finished = set(done[KEY].itertuples(index=False, name=None))
    todo = [
        (dataset, arguments.source, recipe, seed)
        for seed in range(arguments.seeds)
        for recipe in reversed(arguments.recipes)  # the first, to compare with, is the slowest
        for dataset in datasets
        if (dataset, start, recipe, seed) not in finished
    ]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        futures = [pool.submit(run, arguments.archive, *cell) for cell in todo]
        for future in as_completed(futures):
            row = pd.DataFrame([future.result()])
            row.to_csv(arguments.out, mode="a", header=not arguments.out.exists(), index=False)
            print(row.to_string(header=False, index=False), flush=True)
    rows = pd.read_csv(arguments.out).query("start == @start and dataset in @datasets and recipe in @arguments.recipes")
    print(f"\n{start}:")
    print_means(rows, arguments.recipes, arguments.reference)
    for other in arguments.recipes[1:]:
        print(f"\n{comparison(rows, arguments.recipes[0], other)}")


if __name__ == "__main__":
    main()
