"""The documents say what the commands print."""

from pathlib import Path

from rich.console import Console

from headstart.report.console import recipes_table
from headstart.training import RECIPES


def test_recipes_are_documented_as_they_are():
    document = Path(__file__).parents[2] / "docs" / "training.md"
    table = document.read_text().split("## Recipes")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    console = Console(record=True, width=160)
    console.print(recipes_table(RECIPES))
    printed = [[cell.strip() for cell in line.split("│")] for line in console.export_text().splitlines() if "│" in line]
    assert rows[0][1:-1] == list(RECIPES)
    assert [[row[0].strip("`"), *row[1:-1]] for row in rows[2:]] == printed
