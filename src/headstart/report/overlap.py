"""Tables of series that occur twice, for the console."""

from collections.abc import Mapping

import pandas as pd
from rich.table import Table

from headstart.data.relatives import PARTS
from headstart.zoo.overlap import Overlap


def relatives_table(counts: pd.DataFrame) -> Table:
    """Show which data sets share series, as `count_shared` counts them."""
    table = Table(title="Series that occur in two data sets, or two parts", title_justify="left", show_edge=False)
    table.add_column("data set", overflow="fold")
    table.add_column("and", overflow="fold")
    for heading in (*(part.replace("_", "\n") for part in PARTS), "near", "back-\nwards"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in counts.to_dict("records"):
        other = "itself" if row["other"] == row["dataset"] else row["other"]
        table.add_row(row["dataset"], other, *(str(row[key]) for key in (*PARTS, "n_near", "n_backwards")))
    return table


def overlap_table(found: Mapping[str, Mapping[str, Overlap]], target: str) -> Table:
    """Show what sources have seen of the parts of a data set, by part and source; if it is nothing, they are left out.

    Those of which it is not known are shown.
    """
    table = Table(title=f"What sources have seen of {target}", title_justify="left", show_edge=False)
    table.add_column("source", no_wrap=True)
    for part in found:
        table.add_column(f"{part} series seen")
    table.add_column("")
    for name in next(iter(found.values())):
        of_parts = [of_part[name] for of_part in found.values()]
        if any(one.is_found or one.n_shared is None for one in of_parts):
            relation = next((one.relation for one in of_parts if one.relation is not None), "")
            table.add_row(name, *(one.copies for one in of_parts), relation)
    return table
