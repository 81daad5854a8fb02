"""The documents and the command line name every ranker, and no other."""

import re
from pathlib import Path

from headstart.selection import RANKERS

DOCUMENT = Path(__file__).parents[2] / "docs" / "selection.md"


def test_every_ranker_is_described():
    table = DOCUMENT.read_text().split("## Rankers")[1].split("\n\n")[1]
    assert set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == set(RANKERS)


def test_every_ranker_is_offered(headstart):
    described = headstart("rank", "--help").text.split("first decides:")[1].split(".")[0]
    assert {name.strip() for name in described.split(",")} == set(RANKERS)
