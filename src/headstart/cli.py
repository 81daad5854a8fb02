"""The command line: each command parses, calls the library, and prints.

Everything heavy is imported inside the commands, so that ``headstart --help`` answers at once.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from headstart.errors import HeadstartError

if TYPE_CHECKING:
    from headstart.data import Dataset
    from headstart.grid import Status

app = typer.Typer(
    help="Deep transfer learning for time series classification.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
data_app = typer.Typer(help="Look at, list and download data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
grid_app = typer.Typer(invoke_without_command=True)
app.add_typer(grid_app, name="grid")

console = Console(highlight=False, markup=False, emoji=False)  # names in data may look like either
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

Archive = Annotated[
    Path | None,
    typer.Option(help="Folder of data sets to look names up in.", envvar="HEADSTART_ARCHIVE", show_envvar=True),
]
Label = Annotated[str, typer.Option(help="Column of a table that holds the class.")]
Case = Annotated[str | None, typer.Option(help="Column of a long table that says which series a row belongs to.")]
Time = Annotated[str | None, typer.Option(help="Column of a long table that holds the time.")]
RecipeName = Annotated[str, typer.Option(help="How to train: default, or paper (2,000 epochs).")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs, in place of the recipe's.")]
Network = Annotated[str, typer.Option(help="Architecture.")]
Normalise = Annotated[bool, typer.Option(help="z-normalise each series.")]
Sources = Annotated[Path | None, typer.Option(help="Folder of saved sources to choose from.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of weights and order.")]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu or cuda.")]


@app.command()
def fit(
    train: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    out: Annotated[Path, typer.Option(help="Folder to save the model in.")],
    test: Annotated[Path | None, typer.Option(help="File of labelled series to judge the model on.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Saved source to start from, or nearest (see --sources); none: from scratch.")
    ] = None,
    sources: Sources = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Judge by cross-validation with so many folds.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the result: .png, .svg, .pdf or .html.")] = None,
    recipe: RecipeName = "default",
    epochs: Epochs = None,
    network: Network = "fcn",
    normalise: Normalise = True,
    seed: Seed = 0,
    device: Device = "auto",
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Fine-tune a network on labelled series, and save it.

    Where there are test series, or with --folds, a twin is trained from scratch, and the two are compared. Ctrl-C ends
    the training and keeps the best network so far.
    """
    from headstart import comparison
    from headstart.classifier import TransferClassifier, check_replaceable
    from headstart.errors import DataError
    from headstart.files import check_writable
    from headstart.report.console import comparison_table, conclusion, data_table, training_sentence, verdict
    from headstart.training.recipe import get_recipe

    check_replaceable(out)
    check_writable(out)
    train_set, test_set = _load_for_fit(train, test, archive, label, case, time)
    if normalise:
        _require_variation(train_set)
    if folds is not None:
        comparison.check_folds(train_set, folds)
    if picture is not None:
        if test_set is None or folds is not None:
            raise DataError("--picture shows test series: give --test, and no --folds")
        _check_picture(picture)
    console.print(data_table({"train": train_set} | ({} if test_set is None else {"test": test_set})))

    classifier = TransferClassifier(
        source,
        sources=sources,
        network=network,
        recipe=get_recipe(recipe, epochs=epochs),
        normalise=normalise,
        random_state=seed,
        device=device,
        verbose=True,
    )
    was_interrupted = not _fit_to_the_end(classifier, train_set)
    classifier.save(out)
    console.print(training_sentence(classifier.model_.card))
    scratch = comparison.from_scratch(classifier) if classifier.source_ is not None else None
    result = None
    if was_interrupted:
        console.print("Interrupted: the best network so far is kept, and not compared with one from scratch.")
    elif folds is not None:
        result = comparison.compare_by_folds(classifier, scratch, train_set, folds)
    elif test_set is not None:
        if scratch is not None:
            was_interrupted = not _fit_to_the_end(scratch, train_set)
            console.print(training_sentence(scratch.model_.card))
        result = comparison.compare_on_test_set(classifier, scratch, test_set)
    else:
        console.print("How good it is on new series is not known: --test or --folds would tell.")
    if result is not None:
        console.print(comparison_table(result, classifier.model_.card.started_from))
        console.print("\nWhat this shows:")
        for line in conclusion(result, classifier.model_.card.started_from):
            console.print(f"- {line}")
    if picture is not None and result is not None and test_set is not None:
        from headstart.report.charts import save_chart
        from headstart.report.fit_chart import fit_chart

        fitted = [classifier] if scratch is None else [classifier, scratch]
        save_chart(
            fit_chart(
                test_set,
                classifier.predict(test_set),
                losses={_start(c): c.model_.card.losses for c in fitted},
                accuracies={_start(c): c.score(test_set, test_set.labels) for c in fitted},
                title=verdict(result),
            ),
            picture,
        )
        console.print(f"Drawn in {picture}.")
    console.print(f"Saved in {out}; `headstart predict {out} DATA` uses it.")
    if was_interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    data: Annotated[str, typer.Argument(help="File of series, or name of a data set (then its test part).")],
    out: Annotated[Path | None, typer.Option(help="CSV to write; otherwise it goes to standard output.")] = None,
    labelled: Annotated[bool, typer.Option("--labels/--no-labels", help="Whether the file holds labels.")] = True,
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Predict classes: a CSV of each series' label if known, its prediction, and the probability of each class."""
    import pandas as pd

    from headstart.classifier import TransferClassifier
    from headstart.data import Dataset, load, read
    from headstart.errors import DataError
    from headstart.files import write_text

    if out is not None:
        _check_file(out)
    classifier = TransferClassifier.load(model)
    if Path(data).expanduser().exists():
        series = read(
            data,
            label=label if labelled else None,
            case=case,
            time=time,
            classes=classifier.classes_ if labelled else None,
        )
    else:
        _, test_set = load(data, archive)
        if test_set is None:
            raise DataError(f"{data} has no test part; give a file of series")
        labels = (test_set.labels, classifier.classes_) if labelled else (None, None)
        series = Dataset.from_arrays(test_set.name, test_set.X, labels[0], classes=labels[1])
    probabilities = classifier.predict_proba(series)
    predictions = classifier.classes_[probabilities.argmax(axis=1)]
    table = pd.DataFrame({"case": range(1, series.n_cases + 1)})
    if series.is_labelled:
        table["label"] = series.labels
    table["prediction"] = predictions
    for code, name in enumerate(classifier.classes_):
        table[f"probability of {name}"] = probabilities[:, code].round(6)
    text = table.to_csv(index=False, lineterminator="\n")
    if out is None:
        sys.stdout.write(text)
        return
    write_text(out, text)
    n_right = f", {(predictions == series.labels).mean():.3f} of them right" if series.is_labelled else ""
    console.print(f"{series.n_cases} series predicted{n_right}; written to {out}.")


@app.command()
def pretrain(
    data: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    out: Annotated[Path, typer.Option(help="File to save the source in, NAME.safetensors.")],
    recipe: RecipeName = "default",
    epochs: Epochs = None,
    network: Network = "fcn",
    normalise: Normalise = True,
    seed: Seed = 0,
    device: Device = "auto",
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Train a network from scratch and save it as a source for others to start from.

    Only the training part of a data set is used. Ctrl-C ends the training and keeps the best network so far.
    """
    from headstart.errors import ModelError
    from headstart.files import check_writable
    from headstart.progress import epoch_bar
    from headstart.report.console import data_table, training_sentence
    from headstart.training.recipe import get_recipe
    from headstart.zoo import pretrain as pretrain_source

    if out.suffix != ".safetensors" or out.is_dir():
        raise ModelError(f"{out}: a source is one file whose name ends in .safetensors; name such a file")
    check_writable(out)
    train_set, _ = _load_for_fit(data, None, archive, label, case, time)
    if normalise:
        _require_variation(train_set)
    console.print(data_table({"train": train_set}))
    settings = get_recipe(recipe, epochs=epochs)
    with epoch_bar("training from scratch", settings.epochs) as on_epoch:
        source = pretrain_source(
            train_set, network, settings, seed=seed, normalise=normalise, device=device, on_epoch=on_epoch
        )
    source.save(out)
    console.print(training_sentence(source.card))
    console.print(f"Saved in {out}; `headstart fit TRAIN --source {out} --out MODEL` starts from it.")
    if source.card.interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def rank(
    train: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    sources: Annotated[Path, typer.Option(help="Folder of saved sources.")],
    by: Annotated[str, typer.Option(help="How to rank: dtw.")] = "dtw",
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Rank saved sources for a target, the best first. Only the training part of a data set is used."""
    from headstart.report.console import ranking_table
    from headstart.selection import rank_sources
    from headstart.zoo import load_folder

    train_set, _ = _load_for_fit(train, None, archive, label, case, time)
    console.print(ranking_table(rank_sources(train_set, load_folder(sources), by), train_set.name, by))


@app.command()
def similarity(
    archive: Annotated[Path, typer.Option(help="Folder of data sets.", envvar="HEADSTART_ARCHIVE", show_envvar=True)],
    out: Annotated[Path, typer.Option(help="Matrix of distances: .csv or .parquet.")],
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this data set; repeat for more.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it: .html, .png, .svg or .pdf.")] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Prototypes a class.")] = 1,
    radius: Annotated[
        int | None, typer.Option(min=0, help="Half-width of the band in time steps; none: no band.")
    ] = None,
    normalise: Normalise = True,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps prototypes, so that a run goes on.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Threads; none: one a core.")] = None,
) -> None:
    """Compute the distances between all training sets of an archive: the smallest DTW distance of class prototypes."""
    from headstart.data import archive_names, load
    from headstart.data.preprocessing import z_normalise
    from headstart.progress import progress_bar
    from headstart.similarity import similarity_matrix
    from headstart.tables import check_table_path, save_table

    check_table_path(out)
    _check_file(out)
    if picture is not None:
        _check_picture(picture)
    train_sets = [load(name, archive)[0] for name in names or archive_names(archive)]
    if normalise:
        train_sets = [z_normalise(train_set) for train_set in train_sets]
    with progress_bar("prototypes and distances", 100, "%") as update:
        matrix = similarity_matrix(
            train_sets,
            per_class=per_class,
            radius=radius,
            n_jobs=jobs,
            cache=cache,
            on_progress=lambda done, total: update(round(100 * done / total), ""),
        )
    save_table(matrix.rename_axis("data set"), out)
    console.print(f"Distances of {len(matrix)} data sets written to {out}.")
    if picture is not None:
        from headstart.report.charts import save_chart
        from headstart.report.similarity_chart import similarity_chart

        save_chart(similarity_chart(matrix), picture)
        console.print(f"Drawn in {picture}.")


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
        list[str] | None, typer.Option("--recipe", help="How to train; repeat for more.  [default: default]")
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
        recipes=recipes or ["default"],
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
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet.")],
) -> None:
    """Write all results of a run to one table, a row a cell."""
    from headstart.grid import Grid
    from headstart.tables import check_table_path

    check_table_path(out)
    _check_file(out)
    Grid(run).export(out)
    console.print(f"Results written to {out}.")


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


@data_app.command("list")
def list_data(
    archive: Archive = None,
    remote: Annotated[bool, typer.Option("--remote", help="List what can be downloaded instead.")] = False,
) -> None:
    """List the data sets that are found by name."""
    from rich.columns import Columns

    from headstart.data import archive_names, downloadable_names

    names = downloadable_names() if remote else archive_names(archive)
    console.print(Columns(names, padding=(0, 2)))
    where = "at timeseriesclassification.com" if remote else f"in {archive}" if archive else "on this machine"
    console.print(f"{len(names)} data sets {where}.")


@data_app.command("show")
def show_data(
    data: Annotated[str, typer.Argument(help="File of series, or name of a data set.")],
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Say what a data set holds: series, channels, lengths, classes, missing values."""
    from headstart.data import load
    from headstart.report.console import data_table

    train_set, test_set = load(data, archive, label=label, case=case, time=time)
    console.print(data_table({"train": train_set} | ({} if test_set is None else {"test": test_set})))


@data_app.command("download")
def download_data(names: Annotated[list[str], typer.Argument(help="Names of data sets.")]) -> None:
    """Download data sets from timeseriesclassification.com; they are then found by name."""
    from headstart.data import download_archive

    for name in names:
        console.print(f"{name}: {download_archive(name)}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what goes wrong is one sentence on standard error and exit code 2."""
    # Read when torch loads its threads. These wait for each other after every small layer. Where other programs want
    # the cores too, waiting in a busy loop makes a training several times as long; elsewhere it saves a tenth.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        app(args=arguments, prog_name="headstart")
    except HeadstartError as error:
        Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True).print(f"headstart: {error}")
        sys.exit(2)


def _load_for_fit(
    train: str, test: Path | None, archive: Path | None, label: str, case: str | None, time: str | None
) -> "tuple[Dataset, Dataset | None]":
    """Load what to train on, and what to judge on: `test` if it is given, else what belongs to `train`."""
    from headstart.data import load, read
    from headstart.errors import ShapeError

    train_set, test_set = load(train, archive, label=label, case=case, time=time)
    if test is not None:
        test_set = read(test, label=label, case=case, time=time, classes=train_set.classes)
        if test_set.n_channels != train_set.n_channels:
            raise ShapeError(
                f"{test} has {test_set.n_channels} channels where {train} has {train_set.n_channels}; give both the "
                "same"
            )
    return train_set, test_set


def _require_variation(data: "Dataset") -> None:
    from headstart.data.preprocessing import require_variation

    require_variation(data)


def _check_picture(picture: Path) -> None:
    """Find out before the work whether a picture can be drawn after it."""
    from headstart.report.charts import check_chart_path

    check_chart_path(picture)
    _check_file(picture)


def _check_file(path: Path) -> None:
    """Find out before the work whether a file can be written after it."""
    from headstart.errors import DataError
    from headstart.files import check_writable

    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file in it")
    check_writable(path)


def _fit_to_the_end(classifier: Any, data: "Dataset") -> bool:
    """Fit, and return whether no Ctrl-C ended it; if one came before there was anything to keep, it goes on up."""
    try:
        classifier.fit(data)
    except KeyboardInterrupt:
        if not hasattr(classifier, "model_"):
            raise
        return False
    return True


def _start(classifier: Any) -> str:
    name = classifier.model_.card.started_from
    return "from scratch" if name is None else f"from {name}"
