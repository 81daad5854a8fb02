"""What several commands share: options, the console, and the checks made before any work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer
from rich.console import Console

if TYPE_CHECKING:
    from headstart.data import Dataset
    from headstart.training import Recipe
    from headstart.zoo import Source

console = Console(highlight=False, markup=False, emoji=False)  # names in data may look like either
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

Archive = Annotated[
    Path | None,
    typer.Option(help="Folder of data sets to look names up in.", envvar="HEADSTART_ARCHIVE", show_envvar=True),
]
Label = Annotated[str, typer.Option(help="Column of a table that holds the class.")]
Labelled = Annotated[bool, typer.Option("--labels/--no-labels", help="Whether the file holds labels.")]
Case = Annotated[str | None, typer.Option(help="Column of a long table that says which series a row belongs to.")]
Time = Annotated[str | None, typer.Option(help="Column of a long table that holds the time.")]
RecipeName = Annotated[str, typer.Option(help="How to train; `headstart recipes` shows all recipes.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Epochs, in place of the recipe's.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Another value for a field of the recipe; repeat for more.",
        show_default=False,
    ),
]
Members = Annotated[
    int, typer.Option(min=1, help="Networks that differ in their seed, whose probabilities are averaged.")
]
Network = Annotated[str, typer.Option(help="Architecture.")]
Normalise = Annotated[bool, typer.Option(help="z-normalise each series.")]
Sources = Annotated[
    Path | None, typer.Option(help="Folder of saved sources to choose from; none: all of `headstart zoo list`.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights and order.")]
Device = Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu or cuda.")]


def is_given(context: typer.Context, name: str) -> bool:
    """Whether an option was given by the user, also with the value that it has by default."""
    origin = context.get_parameter_source(name)
    return origin is not None and origin.name == "COMMANDLINE"


def load_for_fit(
    train: str,
    test: Path | None,
    archive: Path | None,
    label: str,
    case: str | None,
    time: str | None,
    *,
    with_test: bool = True,
) -> "tuple[Dataset, Dataset | None]":
    """Load what to train on, and what to judge on: `test` if it is given, else what belongs to `train`."""
    from headstart.data import load, read
    from headstart.errors import ShapeError

    train_set, test_set = load(train, archive, label=label, case=case, time=time, with_test=with_test and test is None)
    if test is not None:
        test_set = read(test, label=label, case=case, time=time, classes=train_set.classes)
        if test_set.n_channels != train_set.n_channels:
            raise ShapeError(
                f"{test} has {test_set.n_channels} channels where {train} has {train_set.n_channels}; give both the "
                "same"
            )
        test_set = test_set.with_channels(train_set.channel_names).with_steps(train_set.step_names)
    return train_set, test_set


def whole_sources(folder: Path | None) -> "dict[str, Source]":
    """Return the sources of a folder, or, if it is None, all that are known by name, and say which are damaged."""
    from headstart.zoo import sources_in, verify

    sources = sources_in(folder)
    damaged = verify(sources)
    for problem in damaged.values():
        console.print(f"Left out: {problem}", soft_wrap=True)
    return {name: sources[name] for name in sources if name not in damaged}


def label_column(label: str, labelled: bool) -> str | None:
    """Return the column of labels; None if there are none."""
    from headstart.errors import DataError

    if labelled:
        return label
    if label != "label":
        raise DataError(f"--label {label} names a column of labels, --no-labels says that there is none: give one")
    return None


def chosen_recipe(name: str, epochs: int | None, settings: list[str] | None) -> "Recipe":
    """Return the recipe `name`, changed as --epochs and --set say."""
    from headstart.errors import HeadstartError, UnknownNameError
    from headstart.training import Recipe
    from headstart.training.recipe import get_recipe

    kinds = get_type_hints(Recipe)
    changes: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
    for setting in settings or []:
        field, equals, text = setting.partition("=")
        if not equals:
            raise HeadstartError(f"--set {setting}: there is no '='; write FIELD=VALUE, as in --set epochs=50")
        if field not in kinds:
            raise UnknownNameError("recipe field", field, kinds)
        if field in changes:
            raise HeadstartError(f"--set {setting}: {field} is set twice; give one value")
        try:
            changes[field] = _value(text, kinds[field])
        except ValueError as error:
            raise HeadstartError(f"--set {setting}: {error}") from None
    return replace(get_recipe(name), **changes)


def _value(text: str, kind: Any) -> Any:
    """Read a field's value; `kind` is the field's type, or that type or None."""
    expected = []
    for one in get_args(kind) if NoneType in get_args(kind) else (kind,):
        words, read = _READERS.get(one, ("text", str))  # a choice among words is checked by the recipe itself
        try:
            return read(text)
        except (ValueError, KeyError):
            expected.append(words)
    raise ValueError(f"{text!r} is not {' or '.join(expected)}")


_READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    int: ("a whole number", int),
    float: ("a number", float),
    bool: ("true or false", {"true": True, "false": False}.__getitem__),
    NoneType: ("none", {"none": None}.__getitem__),
}


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
