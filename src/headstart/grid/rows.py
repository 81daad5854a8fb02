"""What a row holds: each field, in order, with its type."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import get_type_hints

import pandas as pd

from headstart.errors import HeadstartError
from headstart.grid.cell import RECIPE_PREFIX
from headstart.grid.ledger import Row
from headstart.tables import load_table
from headstart.training.recipe import Recipe

COLUMNS = {
    "cell": "string",
    "kind": "string",
    "source": "string",
    "target": "string",
    "network": "string",
    "recipe": "string",
    "seed": "Int64",
    "status": "string",
    "accuracy": "float64",
    "balanced_accuracy": "float64",
    "macro_f1": "float64",
    "log_loss": "float64",
    "final_loss": "float64",
    "best_loss": "float64",
    "best_epoch": "Int64",
    "epochs": "Int64",
    "has_seen_target": "boolean",
    "n_train": "Int64",
    "n_test": "Int64",
    "n_classes": "Int64",
    "n_channels": "Int64",
    "length": "Int64",
    "train_fingerprint": "string",
    "test_fingerprint": "string",
    "source_fingerprint": "string",
    "train_seconds": "float64",
    "cell_seconds": "float64",
    "processor_seconds": "float64",
    "peak_memory_mib": "float64",
    "started": "string",
    "finished": "string",
    "device": "string",
    "device_name": "string",
    "precision": "string",
    "threads": "Int64",
    "host": "string",
    "headstart": "string",
    "torch": "string",
    "numpy": "string",
    "python": "string",
    "error": "string",
    "traceback": "string",
}
"""Fields of a row but the recipe's (``recipe_epochs`` and so on), with their types in pandas."""

MEASURED = ("train_seconds", "cell_seconds", "processor_seconds", "peak_memory_mib", "started", "finished")
"""Fields that differ when the same cell is done again on the same machine."""

NOT_EXPORTED = ("host", "traceback")
"""Fields that say more of the machine, its names and paths, than of the result; they stay in the ledger."""

_RESULT = ("kind", "source", "target", "network", "recipe", "seed", "status", "accuracy")
"""Fields without which a row is no result."""

_DECIMALS = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1"), 6)
_SIGNIFICANT = dict.fromkeys(("log_loss", "final_loss", "best_loss"), 5)
_PANDAS_TYPES = {int: "Int64", float: "float64", bool: "boolean", int | None: "Int64"}


def now() -> str:
    """Return the time, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_table(rows: list[Row]) -> pd.DataFrame:
    """Make a table of rows, indexed by cell: seed by seed, what was trained from scratch first."""
    extra = sorted({name for row in rows for name in row} - COLUMNS.keys())
    table = pd.DataFrame(rows, columns=[*COLUMNS, *extra]).astype(_types([*COLUMNS, *extra]))
    order = ["network", "recipe", "seed", "kind", "target", "source", "cell"]
    return table.sort_values(order, ignore_index=True).set_index("cell")


def to_export(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as it is given away: scores with six decimals, losses with five digits, no names of machines."""
    table = table.drop(columns=[*NOT_EXPORTED])
    for name, decimals in _DECIMALS.items():
        table[name] = table[name].round(decimals)
    for name, digits in _SIGNIFICANT.items():
        table[name] = table[name].map(lambda value, digits=digits: float(f"{value:.{digits}g}"), na_action="ignore")
    return table


def from_export(path: Path) -> pd.DataFrame:
    """Read a table that was exported; what it leaves out is null.

    Accuracies become again what they were before they were rounded, shares of whole series, so that equal means over
    seeds are equal here, too.

    Raises
    ------
    HeadstartError
        If there is no such file, or it is no such table.
    """
    texts = [name for name, kind in COLUMNS.items() if kind == "string"]
    table = load_table(path, index="cell", texts=texts).reset_index()
    if missing := [name for name in _RESULT if name not in table]:
        raise HeadstartError(
            f"{path}: is no table of results (it has no column {missing[0]!r}); make one with `headstart grid export`"
        )
    names = list(dict.fromkeys([*COLUMNS, *table.columns]))
    try:
        table = table.reindex(columns=names).astype(_types(names)).set_index("cell")
    except (ValueError, TypeError) as error:
        raise HeadstartError(
            f"{path}: holds values that are none of a grid ({error}); export the run again with `headstart grid export`"
        ) from None
    n_test = table["n_test"].astype("float64")
    n_right = (table["accuracy"] * n_test).round()
    table["accuracy"] = table["accuracy"].where(~(n_test > 0), n_right / n_test)
    return table


def to_rows(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table, with None where it has nothing."""
    table = table.reset_index().astype(object)
    records = table.where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in records]


def _types(names: Iterable[str]) -> dict[str, str]:
    """Return the types of those fields that are known."""
    hints = get_type_hints(Recipe)
    recipe = {RECIPE_PREFIX + field.name: _PANDAS_TYPES.get(hints[field.name], "string") for field in fields(Recipe)}
    return {name: kind for name, kind in (COLUMNS | recipe).items() if name in names}
