"""Commands that compare data sets and sources: rank and similarity."""

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli.options import (
    Archive,
    Case,
    Label,
    Normalise,
    Time,
    check_file,
    check_picture,
    console,
    load_for_fit,
)


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

    train_set, _ = load_for_fit(train, None, archive, label, case, time)
    console.print(ranking_table(rank_sources(train_set, load_folder(sources), by), train_set.name, by))


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
    check_file(out)
    if picture is not None:
        check_picture(picture)
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
