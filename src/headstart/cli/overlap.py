"""Commands about series that occur twice: data relatives, which compares data sets, and zoo overlap, with sources."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.options import Archive, Case, Label, Labelled, Time, check_file, console, label_column, whole_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headstart.data import Dataset


def relatives(
    archive: Annotated[Path, typer.Option(help="Folder of data sets.", envvar="HEADSTART_ARCHIVE", show_envvar=True)],
    out: Annotated[Path | None, typer.Option(help="Table of the counts: .csv or .parquet.")] = None,
    series: Annotated[Path | None, typer.Option(help="Table of each shared series: .csv or .parquet.")] = None,
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this data set; repeat for more.")] = None,
) -> None:
    """Find the series that data sets share, within and across their training and test parts.

    Near copies count, forwards and in reversed time: what rounding, scaling and casting leave of a series.
    """
    from headstart.data import archive_names, find, load
    from headstart.data.relatives import count_shared, shared_series
    from headstart.progress import progress_bar
    from headstart.report.overlap import relatives_table
    from headstart.tables import check_table_path, save_table

    for path in (out, series):
        if path is not None:
            check_table_path(path)
            check_file(path)
    found = [find(name, archive) for name in names or archive_names(archive)]
    chosen = {path.stem if path.is_file() else path.name: path for path in found}

    with progress_bar("reading", len(chosen), "data sets", with_eta=False) as update:

        def parts() -> "Iterator[tuple[str, str, Dataset]]":
            for i, (name, path) in enumerate(chosen.items()):
                update(i, name)
                train_set, test_set = load(path)
                yield name, "train", train_set
                if test_set is not None:
                    yield name, "test", test_set

        shared = shared_series(parts())
    counts = count_shared(shared)
    console.print(relatives_table(counts))
    console.print(
        f"Data sets compared: {len(chosen)}; pairs that share series, or parts of one that do: {len(counts)}."
    )
    if out is not None:
        save_table(counts.set_index("dataset"), out)
        console.print(f"Counts written to {out}.")
    if series is not None:
        save_table(shared.set_index("dataset"), series)
        console.print(f"The series written to {series}.")


def overlap(
    data: Annotated[str, typer.Argument(help="File of series, or name of a data set.")],
    sources: Annotated[
        Path | None, typer.Option(help="Folder of saved sources; none: all that are found by name.")
    ] = None,
    labelled: Labelled = True,
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Say which sources have seen series of a data set, exactly or nearly, or are its relatives by name.

    How well such a source does there says nothing about transfer.
    """
    from headstart.data import load
    from headstart.report.overlap import overlap_table
    from headstart.zoo.overlap import overlaps

    train_set, test_set = load(data, archive, label=label_column(label, labelled), case=case, time=time)
    parts = {"train": train_set} | ({} if test_set is None else {"test": test_set})
    known = whole_sources(sources)
    found = {part: overlaps(series, known) for part, series in parts.items()}
    n_found = sum(any(of_part[name].is_found for of_part in found.values()) for name in known)
    console.print(overlap_table(found, train_set.name))
    console.print(f"{n_found} of {len(known)} sources overlap with {train_set.name}.")
