"""The commands of the whole experiment: grid, grid status, grid export, grid chart."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.options import (
    INTERRUPTED,
    Archive,
    Device,
    check_file,
    check_picture,
    chosen_recipe,
    console,
)

if TYPE_CHECKING:
    from headstart.grid import Status
    from headstart.training import Recipe

grid_app = typer.Typer(invoke_without_command=True)


@grid_app.callback()
def grid(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Run folder, made if it is missing.  [required]")] = None,
    archive: Archive = None,
    sources: Annotated[list[str] | None, typer.Option("--source", help="Only this source; repeat for more.")] = None,
    targets: Annotated[list[str] | None, typer.Option("--target", help="Only this target; repeat for more.")] = None,
    networks: Annotated[
        list[str] | None, typer.Option("--network", help="Architecture; repeat for more.  [default: fcn]")
    ] = None,
    recipes: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe", help="How to train: NAME, or NAME:FIELD=VALUE,…; repeat for more.  [default: default]"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds: 0, 1, …")] = 1,
    engine: Annotated[str, typer.Option(help="local (this machine) or ray (a cluster).")] = "local",
    workers: Annotated[
        int, typer.Option(min=0, help="Cells at a time; 0: one, in this process (ray: as many as there is room for).")
    ] = 0,
    address: Annotated[str | None, typer.Option(help="Of the ray cluster; none: one on this machine.")] = None,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is to do.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
) -> None:
    """Run the whole experiment: train every target from scratch and from every source, and keep each result.

    It may be stopped or killed at any moment; the same command goes on. Several may work in one run folder at once.
    """
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise typer.BadParameter("name the folder to keep the results in", param_hint="--out")
    from headstart.grid import Grid, make_plan, run_plan

    plan = make_plan(
        archive,
        sources=sources,
        targets=targets,
        networks=networks or ["fcn"],
        recipes=[_parsed_recipe(text) for text in recipes or ["default"]],
        seeds=seeds,
    )
    _print_status(Grid(out).status(plan), max(workers, 1))
    if dry_run:
        return
    try:
        run_plan(
            plan,
            out,
            archive,
            engine=engine,
            workers=workers,
            address=address,
            device=device,
            retry_failed=retry_failed,
            verbose=True,
        )
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on.")
        raise typer.Exit(INTERRUPTED) from None
    status = Grid(out).status(plan)
    _print_status(status, max(workers, 1))
    console.print(f"Results in {out}; `headstart grid export {out} --out TABLE` writes them to one table.")
    if status.n_failed:
        raise typer.Exit(1)


@grid_app.command("status")
def grid_status(run: Annotated[Path, typer.Argument(help="Run folder.")]) -> None:
    """Say how far a run is, who is at work, and what failed."""
    from headstart.grid import Grid

    grid = Grid(run)
    status = grid.status()
    _print_status(status, 1)
    console.print(f"At work: {', '.join(status.drivers) or 'nobody'}.")
    if status.n_torn:
        console.print(f"Lines of the ledger that a crash tore, and that are passed over: {status.n_torn}.")
    if status.n_failed:
        for error, n in grid.failures().items():
            console.print(f"{n} times: {error}")


@grid_app.command("export")
def grid_export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[Path, typer.Option(help="Table to write: .csv, .csv.gz or .parquet.")],
) -> None:
    """Write all results of a run to one table, a row a cell."""
    from headstart.grid import Grid
    from headstart.tables import check_table_path

    check_table_path(out)
    check_file(out)
    Grid(run).export(out)
    console.print(f"Results written to {out}.")


@grid_app.command("chart")
def grid_chart(
    run: Annotated[Path, typer.Argument(help="Run folder, or a table that `headstart grid export` wrote.")],
    out: Annotated[Path, typer.Option(help="Picture: .html, .png, .svg or .pdf.")],
    similarity: Annotated[
        Path | None, typer.Option(help="Matrix that `headstart similarity` wrote: accuracy against similarity, too.")
    ] = None,
    network: Annotated[str | None, typer.Option(help="Which, if there are results of several.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Which, if there are results of several.")] = None,
) -> None:
    """Draw what transfer did to every pair of data sets."""
    check_picture(out)
    from headstart.grid import load_results
    from headstart.grid.transfers import transfers
    from headstart.report.charts import save_chart
    from headstart.report.grid_chart import grid_chart
    from headstart.tables import load_table

    distances = None if similarity is None else load_table(similarity, index="data set")
    pairs = transfers(load_results(run), network=network, recipe=recipe)
    save_chart(grid_chart(pairs, distances), out)
    console.print(f"{len(pairs)} transfers drawn in {out}.")


def _parsed_recipe(text: str) -> "Recipe":
    """Return the recipe that NAME or NAME:FIELD=VALUE,… stands for; a changed one is called by the whole text."""
    from headstart.errors import HeadstartError

    name, colon, settings = text.partition(":")
    try:
        recipe = chosen_recipe(name, None, settings.split(",") if colon else None)
    except HeadstartError as error:
        raise HeadstartError(f"--recipe {text}: {str(error).removeprefix('--set ')}") from None
    return replace(recipe, name=text)


def _print_status(status: "Status", workers: int) -> None:
    from headstart.progress import time_text

    console.print(
        f"{status.n_cells} cells: {status.n_done} done, {status.n_failed} failed, {status.n_blocked} wait for a source "
        f"that failed, {status.n_left} left."
    )
    if status.n_left:
        seconds = None if status.seconds_left is None else status.seconds_left / workers
        at_a_time = "one at a time" if workers == 1 else f"{workers} at a time"
        console.print(f"Time left, {at_a_time}: {time_text(seconds)}.")
    if status.n_failed:
        console.print("--retry-failed tries again what failed.")
