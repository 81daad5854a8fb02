"""Commands about data sets: data list, data show, data download, data relatives."""

from typing import Annotated

import typer

from headstart.cli.options import Archive, Case, Label, Labelled, Time, console, label_column
from headstart.cli.overlap import relatives

data_app = typer.Typer(help="Look at, list and download data sets.", no_args_is_help=True)
data_app.command("relatives")(relatives)


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
    labelled: Labelled = True,
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Say what a data set holds: series, channels, lengths, classes, missing values."""
    from headstart.data import load
    from headstart.report.console import data_table

    train_set, test_set = load(data, archive, label=label_column(label, labelled), case=case, time=time)
    console.print(data_table({"train": train_set} | ({} if test_set is None else {"test": test_set})))


@data_app.command("download")
def download_data(names: Annotated[list[str], typer.Argument(help="Names of data sets.")]) -> None:
    """Download data sets from timeseriesclassification.com; they are then found by name."""
    from headstart.data import download_archive

    for name in names:
        console.print(f"{name}: {download_archive(name)}")
