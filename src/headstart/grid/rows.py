"""What a row holds: each field, in order, with its type."""

from datetime import UTC, datetime

import pandas as pd

from headstart.grid.ledger import Row

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
    "peak_memory_mib": "float64",
    "started": "string",
    "finished": "string",
    "device": "string",
    "device_name": "string",
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

MEASURED = ("train_seconds", "cell_seconds", "peak_memory_mib", "started", "finished")
"""Fields that differ when the same cell is done again on the same machine."""


def now() -> str:
    """Return the time, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_table(rows: list[Row]) -> pd.DataFrame:
    """Make a table of rows, indexed by cell: seed by seed, what was trained from scratch first."""
    extra = sorted({name for row in rows for name in row} - COLUMNS.keys())
    table = pd.DataFrame(rows, columns=[*COLUMNS, *extra]).astype(COLUMNS)
    order = ["network", "recipe", "seed", "kind", "target", "source", "cell"]
    return table.sort_values(order, ignore_index=True).set_index("cell")
