"""docs/zoo.md names every command and every field of the card, and no other."""

import re
from dataclasses import fields
from pathlib import Path

from headstart.cli.zoo import zoo_app
from headstart.zoo import Card

TEXT = (Path(__file__).parents[2] / "docs" / "zoo.md").read_text()


def first_columns(heading: str) -> str:
    table = TEXT.split(heading)[1].split("\n\n")[1]
    return " ".join(line.split("|")[1] for line in table.splitlines())


def test_every_command():
    commands = {command.name for command in zoo_app.registered_commands}
    assert set(re.findall(r"headstart zoo (\w+)", first_columns("## Commands"))) == commands
    assert set(re.findall(r"headstart zoo (\w+)", TEXT)) == commands


def test_every_field_of_the_card():
    assert set(re.findall(r"`(\w+)`", first_columns("The **card** says:"))) == {field.name for field in fields(Card)}
