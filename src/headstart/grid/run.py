"""`run_grid` does an experiment in a run folder; `Grid` reads what such a folder holds."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from headstart.arguments import checked_workers
from headstart.errors import HeadstartError
from headstart.files import expanded
from headstart.grid.claims import Claims, living_drivers
from headstart.grid.costs import Costs
from headstart.grid.driver import Driver
from headstart.grid.engines import ENGINES, check_engine
from headstart.grid.ledger import Ledger, read_rows
from headstart.grid.plan import Plan, load_plans, make_plan
from headstart.grid.rows import from_export, to_export, to_table
from headstart.progress import progress_bar, time_text
from headstart.tables import check_table_path, save_table
from headstart.training.device import find_device
from headstart.training.recipe import Recipe


@dataclass(frozen=True)
class Status:
    """How far an experiment is.

    Attributes
    ----------
    n_cells
        Cells of the plan.
    n_done, n_failed, n_blocked
        Those that are done; whose training failed; that need a source whose training failed.
    n_torn
        Lines of the ledger that a crash tore, and that were passed over.
    seconds_left
        For the cells that are left, one after another; None if the ledger's times do not tell it yet.
    drivers
        Names of the drivers that are at work.
    """

    n_cells: int
    n_done: int
    n_failed: int
    n_blocked: int
    n_torn: int
    seconds_left: float | None
    drivers: list[str]

    @property
    def n_left(self) -> int:
        """Cells that a run would do."""
        return self.n_cells - self.n_done - self.n_failed - self.n_blocked


class Grid:
    """What a run folder holds; it may be read while drivers are at work in it.

    Examples
    --------
    >>> import tempfile
    >>> short = Recipe("short", epochs=1)
    >>> with tempfile.TemporaryDirectory() as run:
    ...     results = run_grid(run, sources=["GunPoint"], targets=["ItalyPowerDemand"], recipes=[short]).results()
    >>> results["target"].tolist(), results["source"].fillna("scratch").tolist()
    (['GunPoint', 'ItalyPowerDemand', 'ItalyPowerDemand'], ['scratch', 'scratch', 'GunPoint'])
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = expanded(folder)

    def results(self) -> pd.DataFrame:
        """Return a row a cell, indexed by the cell's id; ``docs/grid.md`` says what its columns hold.

        Rows with ``status == "failed"`` are cells whose training failed; they have no scores.

        Raises
        ------
        HeadstartError
            If the folder holds no results, or rows of one cell that were made from different data.
        """
        rows, _ = read_rows(self.folder / "ledger")
        if not rows:
            raise HeadstartError(f"{self.folder}: holds no results; make some with `headstart grid --out`")
        return to_table(rows)

    def failures(self) -> dict[str, int]:
        """Return the errors of cells that failed, and how often each occurs."""
        rows, _ = read_rows(self.folder / "ledger")
        return dict(Counter(row["error"] for row in rows if row["status"] == "failed").most_common())

    def export(self, path: str | Path) -> None:
        """Write the results to one table, .csv, .csv.gz or .parquet, which `load_results` reads.

        Scores are rounded to six decimals, losses to five digits; the names of machines and the tracebacks of cells
        that failed stay in the run folder. The same results give the same bytes.
        """
        check_table_path(Path(path))
        save_table(to_export(self.results()), Path(path))

    def status(self, plan: Plan | None = None) -> Status:
        """Say how far a plan is, by default all that were begun in the folder.

        Raises
        ------
        HeadstartError
            If the folder holds no plan and none is given.
        """
        plans = [plan] if plan else load_plans(self.folder / "plans")
        if not plans:
            raise HeadstartError(f"{self.folder}: is no run folder (it has no plans); check the path")
        rows, n_torn = read_rows(self.folder / "ledger")
        status = {row["cell"]: row["status"] for row in rows}
        cells = {cell.id: cell for plan in plans for cell in plan.cells}
        n_done = n_failed = n_blocked = 0
        left = []
        for cell in cells.values():
            if cell.id in status:
                n_done += status[cell.id] == "ok"
                n_failed += status[cell.id] == "failed"
            elif cell.parent is not None and status.get(cell.parent.id) == "failed":
                n_blocked += 1
            else:
                left.append(cell)
        extents = {name: extent for plan in plans for name, extent in plan.extents.items()}
        costs = Costs(extents)
        for row in sorted(rows, key=lambda row: row["finished"]):
            costs.add(row)
        seconds = costs.total_seconds(left)
        return Status(len(cells), n_done, n_failed, n_blocked, n_torn, seconds, living_drivers(self.folder))


def load_results(path: str | Path) -> pd.DataFrame:
    """Return the results of a run folder, or of a table that `Grid.export` wrote, as `Grid.results` does.

    Raises
    ------
    HeadstartError
        If there are none at `path`.
    """
    path = expanded(path)
    return from_export(path) if path.is_file() else Grid(path).results()


def run_grid(
    out: str | Path,
    archive: str | Path | None = None,
    *,
    sources: Iterable[str] | None = None,
    targets: Iterable[str] | None = None,
    networks: Sequence[str] = ("fcn",),
    recipes: Sequence[str | Recipe] = ("default",),
    seeds: int | Sequence[int] = 1,
    engine: str = "local",
    workers: int = 0,
    address: str | None = None,
    device: str = "auto",
    retry_failed: bool = False,
    verbose: bool = False,
) -> Grid:
    """Train every target from scratch and from every source, and keep each result; what is done is not done again.

    It may be stopped or killed at any moment: the same call goes on. Several calls, on one machine or on several that
    share a file system, may work in one folder at once.

    Parameters
    ----------
    out
        The run folder; made if it is missing. What it holds: ``docs/grid.md``.
    archive
        Folder of data sets, as for `load`.
    sources, targets
        Names of data sets; by default all in the archive, as targets those that have a test part. A data set is no
        source for itself.
    networks
        Keys of `NETWORKS`.
    recipes
        Recipes or their names; source and target are trained with the same one.
    seeds
        How many, or which.
    engine
        ``local``, or ``ray`` for a cluster.
    workers
        Cells at a time: worker processes of the local engine, 0 for this process alone; of ray, 0 for as many as the
        cluster has room for.
    address
        Of the ray cluster; None starts one on this machine.
    device
        ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    retry_failed
        Whether cells whose training failed before are tried again.
    verbose
        Whether to show a progress bar.

    Raises
    ------
    HeadstartError
        If a data set, network, recipe or device cannot be used, or the folder cannot be written.
    """
    check_engine(engine)
    plan = make_plan(archive, sources=sources, targets=targets, networks=networks, recipes=recipes, seeds=seeds)
    return run_plan(
        plan,
        out,
        archive,
        engine=engine,
        workers=workers,
        address=address,
        device=device,
        retry_failed=retry_failed,
        verbose=verbose,
    )


def run_plan(
    plan: Plan,
    out: str | Path,
    archive: str | Path | None = None,
    *,
    engine: str = "local",
    workers: int = 0,
    address: str | None = None,
    device: str = "auto",
    retry_failed: bool = False,
    verbose: bool = False,
) -> Grid:
    """Do the cells of a plan, as `run_grid`."""
    check_engine(engine)
    workers = checked_workers(workers)
    if engine == "local":
        find_device(device)
    folder = expanded(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HeadstartError(f"cannot make {folder}: {(error.strerror or str(error)).lower()}") from None
    plan.save(folder / "plans")
    with (
        Claims(folder) as claims,
        closing(Ledger(folder / "ledger", claims.name)) as ledger,
        closing(
            ENGINES[engine](workers, address, None if archive is None else str(archive), folder / "sources", device)
        ) as crew,
        progress_bar("grid", len(plan.cells), "cells", with_eta=False) if verbose else nullcontext() as update,
    ):

        def show(driver: Driver) -> None:
            if update is not None:
                failed = f", {driver.n_failed} failed" if driver.n_failed else ""
                update(driver.n_settled, f"left: {time_text(driver.seconds_left())}{failed}")

        Driver(plan, folder, ledger, claims, crew, retry_failed=retry_failed, on_progress=show).run()
    return Grid(folder)
