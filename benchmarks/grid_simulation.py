"""How long the whole experiment takes, on one core and on many, and what it costs: predicted from cells that are done.

    python benchmarks/grid_simulation.py --results results/grid_ucr.csv.gz --archive UCR --price 0.04

`--results` are tables that `headstart grid export` wrote, or run folders; several may be given, for instance one for
each recipe. The time of a cell is that of `headstart.grid.costs`: its target's own mean where it was run, else fitted
to the steps of the optimiser and the values of series. Recipes with and without bfloat16 are fitted apart, so a recipe
whose precision no row has is left out, with a word on how to measure it. Prints the error of the fit on targets that
were held out, how well the simulation meets the run itself, and for each recipe the tables that `docs/grid.md` shows.

The experiment has all 85 data sets of the paper as sources and targets: 7,140 pairs and 85 trainings from scratch, one
seed. Sizes are read from the archive's folder; for data sets that it lacks, in whole or in their test part, they are
those of the release of 2018 (`archive_lists.RELEASED_SIZES`). Beside it stands what the folder alone allows. Targets
that are larger than all that were run are predicted from smaller ones; the output says how much of the time that is.
`headstart grid --source NAME --target NAME` measures a single large one, from scratch.

The simulation hands cells out as the driver does: in the order of the plan, a cell only when its source is trained, one
to each free node, each after the time that the driver itself needs (`benchmarks/grid_overhead.py`). A node has one
core; in a machine of many, each core is a node.
"""

import argparse
import heapq
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from archive_lists import RELEASED_SIZES
from markdown import print_table

from headstart.grid import Cell, Plan, load_results, make_plan
from headstart.grid.costs import Costs
from headstart.grid.ledger import Row
from headstart.grid.plan import Extent
from headstart.grid.rows import to_rows
from headstart.progress import time_text
from headstart.training.recipe import Recipe, get_recipe

DRIVER_SECONDS = 0.004
"""The driver's own time for a cell, which no other cell's runs beside; `benchmarks/grid_overhead.py` measures it."""

NODES = (1, 2, 4, 8, 16, 32, 64, 128)


def read_rows(paths: Sequence[Path], network: str, *, on_shared_machine: bool) -> list[Row]:
    """Read the rows that are done on a CPU, all on the same kind of machine with the same number of threads."""
    results = pd.concat([load_results(path) for path in paths])
    results = results[(results["status"] == "ok") & (results["device"] == "cpu") & (results["network"] == network)]
    for name in ("device_name", "threads"):
        values = results[name].unique()
        if len(values) != 1:
            found = ", ".join(map(str, values)) or "none"
            raise SystemExit(f"the results must be of one {name.replace('_', ' ')} on CPUs, found: {found}")
    if on_shared_machine:
        results = results.assign(cell_seconds=results["processor_seconds"] / results["threads"].astype(float))
        if results["cell_seconds"].isna().any():
            raise SystemExit("some rows have no processor_seconds; they are of an older version")
    return to_rows(results)


def extents_of(rows: list[Row]) -> dict[str, Extent]:
    return {
        row["target"]: Extent(row["n_train"], row["n_test"], row["n_channels"], row["length"], "", None) for row in rows
    }


def n_values(extent: Extent) -> int:
    """Values of the training series: what an epoch goes through."""
    return extent.n_train * extent.n_channels * extent.length


def costs_of(rows: list[Row], extents: dict[str, Extent]) -> Costs:
    costs = Costs(extents)
    for row in rows:
        costs.add(row)
    return costs


def print_errors(rows: list[Row], extents: dict[str, Extent]) -> None:
    """Print how far off the fit is on targets whose rows it has not seen."""
    predicted, measured, kinds = [], [], []
    for target in sorted({row["target"] for row in rows}):
        costs = costs_of([row for row in rows if row["target"] != target], extents)
        seconds = defaultdict(list)
        for row in rows:
            if row["target"] == target:
                seconds[Cell.from_row(row).recipe].append(row["cell_seconds"])
        for recipe, of_recipe in seconds.items():
            estimate = costs.seconds(Cell(target, recipe=recipe))
            if estimate is not None:
                predicted.append(estimate)
                measured.append(np.mean(of_recipe))
                kinds.append(recipe.name)
    table = pd.DataFrame({"recipe": kinds, "predicted": predicted, "measured": measured})
    print("\nMean seconds of a target's cells, predicted by a fit without the target:")
    lines = []
    for recipe, group in table.groupby("recipe"):
        error = (group["predicted"] / group["measured"] - 1).abs()
        total = group["predicted"].sum() / group["measured"].sum() - 1
        lines.append(
            [
                recipe,
                len(group),
                f"{group['measured'].min():.1f} to {group['measured'].max():.1f}",
                f"{error.median():.0%}",
                f"{error.quantile(0.9):.0%}",
                f"{total:+.0%}",
            ]
        )
    print_table(["recipe", "targets", "measured, seconds", "median error", "nine of ten below", "all together"], lines)


def simulate(seconds: Sequence[float], parents: Sequence[int | None], n_nodes: int) -> float:
    """Return the seconds until all cells are done.

    Parameters
    ----------
    seconds
        Of each cell, in the order in which they are handed out.
    parents
        The index of the cell that each must wait for; None if it need not.
    n_nodes
        Cells in flight at once.
    """
    children = defaultdict(list)
    for i, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(i)
    ready = [i for i, parent in enumerate(parents) if parent is None]  # a heap, since it is sorted
    running: list[tuple[float, int]] = []  # when each ends
    now = driver_free = 0.0
    while ready or running:
        while ready and len(running) < n_nodes:
            driver_free = max(now, driver_free) + DRIVER_SECONDS
            i = heapq.heappop(ready)
            heapq.heappush(running, (driver_free + seconds[i], i))
        now, done = heapq.heappop(running)
        for i in children[done]:
            heapq.heappush(ready, i)
    return now


def parents_of(cells: Sequence[Cell]) -> list[int | None]:
    index = {cell: i for i, cell in enumerate(cells)}
    return [None if cell.parent is None else index[cell.parent] for cell in cells]


def print_check(rows: list[Row]) -> None:
    """Print how long a run took, and how long the simulation says it takes with as many cells in flight."""
    cells = {Cell.from_row(row): row for row in rows}
    transfers = [cell for cell in cells if cell.source is not None]
    plan = Plan(
        tuple(sorted({str(cell.source) for cell in transfers})),
        tuple(sorted({cell.target for cell in transfers})),
        *(tuple(dict.fromkeys(getattr(cell, name) for cell in cells)) for name in ("network", "recipe", "seed")),
        extents=extents_of(rows),
    )
    if set(plan.cells) != set(cells):
        print("\nThe results are not those of one whole run, so the simulation is not checked against it.")
        return
    began, ended = ([pd.Timestamp(row[name]) for row in rows] for name in ("started", "finished"))
    events = sorted([*((moment, 1) for moment in began), *((moment, -1) for moment in ended)])
    n_workers = int(np.cumsum([change for _, change in events]).max())
    seconds = simulate([cells[cell]["cell_seconds"] for cell in plan.cells], parents_of(plan.cells), n_workers)
    took = time_text((max(ended) - min(began)).total_seconds())
    print(
        f"\nThe run itself: {len(rows)} cells, {n_workers} at a time, took {took} from the first to the last; the "
        f"simulation says {time_text(seconds)}."
    )


def plans_of(archive: str, recipe: Recipe, network: str) -> dict[str, Plan]:
    """Return the paper's experiment, and that which the folder allows."""
    at_hand = make_plan(archive, networks=[network], recipes=[recipe])
    extents = dict(at_hand.extents)
    for name, (n_train, n_test, length) in RELEASED_SIZES.items():
        if name not in extents or not extents[name].n_test:
            extents[name] = Extent(n_train, n_test, 1, length, "", None)
    names = tuple(sorted(extents))
    whole = Plan(names, names, (network,), (recipe,), (0,), extents)
    return {"the paper's": whole, "at hand": at_hand}


def print_experiment(title: str, plan: Plan, costs: Costs, largest: int, price: float | None, n_threads: int) -> None:
    cells, parents = plan.cells, parents_of(plan.cells)
    seconds = np.array([costs.seconds(cell) for cell in cells], float)
    total = seconds.sum()
    chain = max(one + (0 if parent is None else seconds[parent]) for one, parent in zip(seconds, parents, strict=True))
    targets = pd.Series([cell.target for cell in cells])
    is_beyond = targets.map({name: n_values(extent) > largest for name, extent in plan.extents.items()}).to_numpy()
    shares = (pd.Series(seconds).groupby(targets).sum() / total).nlargest(4)
    n_pairs = sum(cell.source is not None for cell in cells)
    print(
        f"\nRecipe {plan.recipes[0].name}, {title}: {len(plan.sources)} sources, {len(plan.targets)} targets, "
        f"{n_pairs:,} pairs and {len(cells) - n_pairs} trainings from scratch, one seed. All cells together "
        f"{total / 3600:,.1f} h; the longest chain of a source and a target {chain / 3600:.2f} h; "
        f"{seconds[is_beyond].sum() / total:.0%} of the time is in targets larger than any that was measured. The "
        f"dearest targets: {', '.join(f'{name} {share:.0%}' for name, share in shares.items())}."
    )
    rows = []
    for n_nodes in NODES:
        hours = simulate(seconds, parents, n_nodes) / 3600
        bound = max(total / n_nodes, chain) / 3600
        core_hours = hours * n_nodes * n_threads
        row = [n_nodes, f"{hours:,.1f}", f"{1 - total / 3600 / (hours * n_nodes):.1%}"]
        row += [f"{total / n_nodes / 3600:,.1f}", f"{hours / bound - 1:+.1%}", f"{core_hours:,.0f}"]
        rows.append(row + ([] if price is None else [f"{core_hours * price:,.2f}"]))
    headings = ["nodes", "hours", "idle", "total / nodes, hours", "above the larger bound", "core hours"]
    print_table(headings + ([] if price is None else [f"price at {price:g} a core hour"]), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, nargs="+", required=True, help="exported tables, or run folders")
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--network", default="fcn")
    parser.add_argument("--recipes", nargs="+", default=["default", "paper"])
    parser.add_argument("--shared-machine", action="store_true", help="go by processor time: other programs ran, too")
    parser.add_argument("--price", type=float, help="of a core hour")
    options = parser.parse_args()
    if not options.archive:
        parser.error("give --archive, or set HEADSTART_ARCHIVE")

    rows = read_rows(options.results, options.network, on_shared_machine=options.shared_machine)
    n_threads = rows[0]["threads"]
    clock = "processor seconds" if options.shared_machine else "seconds by the clock"
    print(f"{len(rows)} cells, {rows[0]['device_name']}, threads a cell: {n_threads}; {clock}.")
    print_errors(rows, extents_of(rows))
    for path in options.results:
        print_check(read_rows([path], options.network, on_shared_machine=False))
    for name in options.recipes:
        recipe = get_recipe(name)
        plans = plans_of(options.archive, recipe, options.network)
        costs = costs_of(rows, plans["the paper's"].extents)
        same = [row for row in rows if row["recipe_bfloat16"] == recipe.bfloat16]
        if not same:
            print(
                f"\nRecipe {name}: no cell was measured with bfloat16 {'on' if recipe.bfloat16 else 'off'}; `headstart "
                f"grid --recipe {name}:epochs=20` on a few data sets measures it, and --results takes several tables."
            )
            continue
        largest = max(map(n_values, extents_of(same).values()))
        for title, plan in plans.items():
            print_experiment(title, plan, costs, largest, options.price, n_threads)


if __name__ == "__main__":
    main()
