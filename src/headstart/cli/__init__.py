"""The command line: each command parses, calls the library, and prints.

Everything heavy is imported inside the commands, so that ``headstart --help`` answers at once.
"""

import io
import os
import sys
import warnings
from typing import NoReturn

import typer
from rich.console import Console

from headstart.cli.data import data_app
from headstart.cli.grid import grid_app
from headstart.cli.options import INTERRUPTED
from headstart.cli.selection import rank, similarity
from headstart.cli.training import curves, fit, predict, pretrain, recipes
from headstart.cli.zoo import zoo_app
from headstart.errors import HeadstartError

app = typer.Typer(
    help="Deep transfer learning for time series classification.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for command in (fit, predict, curves, pretrain, recipes, rank, similarity):
    app.command()(command)
app.add_typer(grid_app, name="grid")
app.add_typer(data_app, name="data")
app.add_typer(zoo_app, name="zoo")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what goes wrong is one sentence on standard error and exit code 2."""
    # Read when torch loads its threads. These wait for each other after every small layer. Where other programs want
    # the cores too, waiting in a busy loop makes a training several times as long; elsewhere it saves a tenth.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # of an encoding that may lack a letter of a label
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            app(args=arguments, prog_name="headstart")
    except HeadstartError as error:
        _complain(str(error))
    except OSError as error:  # such as a folder on the way to a file that may not be looked into
        if error.filename is None:
            raise
        _complain(f"{error.filename}: {(error.strerror or str(error)).lower()}; choose another place, or allow it")


def _complain(sentence: str) -> NoReturn:
    _say(sentence)
    sys.exit(2)


def _warn(message: Warning | str, *place: object, **more: object) -> None:
    """Print a warning as a sentence, without the line of code that gave it."""
    _say(f"warning: {message}")


def _say(sentence: str) -> None:
    Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True).print(f"headstart: {sentence}")


__all__ = ["INTERRUPTED", "app", "main"]
