"""The documents name every field of a row, and no other."""

import re
from dataclasses import fields
from pathlib import Path

from headstart.grid.rows import COLUMNS
from headstart.training import Recipe

DOCUMENT = Path(__file__).parents[2] / "docs" / "grid.md"


def test_every_field_of_a_row_is_described():
    table = DOCUMENT.read_text().split("## A row")[1]
    first_columns = " ".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(\w+)`", first_columns))
    recipe = {f"recipe_{field.name}" for field in fields(Recipe)}
    assert named - recipe == set(COLUMNS)
