"""A cell is named by its content, and comes back from its row."""

import json
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.errors import DataError, UnknownNameError
from headstart.grid import Cell
from headstart.networks import NETWORKS
from headstart.training import RECIPES, Recipe

recipes = st.builds(
    Recipe,
    name=st.text(min_size=1),
    epochs=st.integers(1, 5000),
    learning_rate=st.floats(1e-6, 1),
    schedule=st.sampled_from(["plateau", "one-cycle"]),
    max_batch_size=st.integers(1, 512),
    exact_statistics=st.booleans(),
)
cells = st.builds(
    Cell,
    target=st.just("Plane"),
    source=st.one_of(st.none(), st.text().filter(lambda name: name != "Plane")),
    network=st.sampled_from(sorted(NETWORKS)),
    recipe=recipes,
    seed=st.integers(0, 2**31),
)


@given(cells)
def test_round_trip(cell):
    row = json.loads(json.dumps(cell.to_row()))
    again = Cell.from_row(row)
    assert again == cell
    assert again.id == row["cell"] == cell.id


def test_a_row_of_a_time_when_recipes_had_other_fields():
    cell = Cell("Plane", recipe="default")
    row = cell.to_row() | {"recipe_of_old": 1}
    del row["recipe_exact_statistics"]
    assert Cell.from_row(row) == cell


def test_the_id_is_of_the_content():
    cell = Cell("Plane", source="FordA", recipe="paper", seed=3)
    assert cell.id == Cell("Plane", "FordA", "fcn", RECIPES["paper"], 3).id
    others = [
        Cell("Plane", recipe="paper", seed=3),
        replace(cell, target="Trace"),
        replace(cell, source="FordB"),
        replace(cell, network="resnet"),
        replace(cell, seed=4),
        replace(cell, recipe="default"),
        *(
            replace(cell, recipe=replace(cell.recipe, **{name: value}))
            for name, value in {
                "epochs": 1999,
                "learning_rate": 2e-3,
                "patience_epochs": 49,
                "batch_fraction": 0.2,
                "exact_statistics": True,
            }.items()
        ),
    ]
    assert len({cell.id, *(other.id for other in others)}) == len(others) + 1


def test_frozen():
    with pytest.raises(FrozenInstanceError):
        Cell("Plane").seed = 1


def test_parent_and_kind():
    cell = Cell("Plane", "FordA", "lite", "paper", 3)
    assert cell.parent == Cell("FordA", None, "lite", "paper", 3)
    assert (cell.kind, cell.parent.kind, cell.parent.parent) == ("transfer", "scratch", None)


def test_what_is_no_cell():
    with pytest.raises(DataError, match="source and target are the same"):
        Cell("Plane", "Plane")
    with pytest.raises(UnknownNameError, match=r"unknown network 'fnc'\. Did you mean 'fcn'"):
        Cell("Plane", network="fnc")
    with pytest.raises(UnknownNameError, match="unknown recipe"):
        Cell("Plane", recipe="slow")
