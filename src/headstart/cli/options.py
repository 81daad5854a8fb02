"""What several commands share: options, the console, and the checks made before any work."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from headstart.data import Dataset

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


def load_for_fit(
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


def check_picture(picture: Path) -> None:
    """Find out before the work whether a picture can be drawn after it."""
    from headstart.report.charts import check_chart_path

    check_chart_path(picture)
    check_file(picture)


def check_file(path: Path) -> None:
    """Find out before the work whether a file can be written after it."""
    from headstart.errors import DataError
    from headstart.files import check_writable

    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file in it")
    check_writable(path)
