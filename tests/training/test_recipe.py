"""Recipes: batch sizes, and what is refused."""

import json
import pickle

import pytest

from headstart.errors import DataError, UnknownNameError
from headstart.training import RECIPES, Recipe
from headstart.training.recipe import DEFAULT, PAPER, get_recipe


def test_batch_sizes():
    assert all(PAPER.batch_size(n) == max(1, int(min(n / 10, 16))) for n in range(1, 1000))
    assert [PAPER.batch_size(n) for n in (1, 9, 16, 19, 20, 28, 159, 160, 10_000)] == [1, 1, 1, 1, 2, 2, 15, 16, 16]
    assert [DEFAULT.batch_size(n) for n in (1, 4, 40, 59, 1000)] == [1, 4, 4, 5, 16]


def test_no_batch_is_smaller_than_the_floor():
    recipe = Recipe("floor", 10, batch_fraction=0.1, min_batch_size=4)
    assert [recipe.batch_size(n) for n in (1, 3, 4, 39, 50, 159, 160, 10_000)] == [1, 3, 4, 4, 5, 15, 16, 16]
    with pytest.raises(DataError, match="at least min_batch_size"):
        Recipe("crossed", 10, min_batch_size=17)


def test_updates_are_limited_in_whole_epochs():
    recipe = Recipe("short", 10, max_updates=35)
    assert [recipe.n_epochs(n) for n in (16, 48, 64, 160, 10_000)] == [10, 10, 8, 3, 1]
    assert [recipe.n_updates(n) for n in (16, 48, 64, 160, 10_000)] == [10, 30, 32, 30, 625]
    assert PAPER.n_epochs(10_000) == PAPER.epochs


def test_paper():
    assert (PAPER.epochs, PAPER.learning_rate, PAPER.schedule) == (2000, 1e-3, "plateau")
    assert (PAPER.patience_epochs, PAPER.min_learning_rate) == (50, 1e-4)


def test_recipes_are_found_by_name():
    assert all(get_recipe(name) is not None and recipe.name == name for name, recipe in RECIPES.items())
    assert get_recipe("paper") == PAPER
    assert get_recipe(PAPER) == PAPER
    assert get_recipe("paper", epochs=None) == PAPER
    assert get_recipe("paper", epochs=7, learning_rate=0.1) == Recipe(
        **{**PAPER.to_dict(), "epochs": 7, "learning_rate": 0.1}
    )


def test_unknown_names():
    with pytest.raises(UnknownNameError, match=r"unknown recipe 'papper'\. Did you mean 'paper'"):
        get_recipe("papper")
    with pytest.raises(UnknownNameError, match=r"unknown recipe field 'epoch'\. Did you mean 'epochs'"):
        get_recipe("paper", epoch=3)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_round_trips(recipe):
    assert Recipe(**json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    with pytest.raises(AttributeError):
        recipe.epochs = 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", -1),
        ("epochs", 2.5),
        ("epochs", "3"),
        ("max_updates", 1e4),
        ("max_batch_size", 0),
        ("min_batch_size", 0),
        ("max_updates", 0),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("batch_fraction", 0.0),
        ("batch_fraction", 1.5),
        ("batch_fraction", float("nan")),
        ("patience_epochs", 0),
        ("min_learning_rate", -1.0),
        ("min_learning_rate", float("inf")),
    ],
)
def test_refused(field, value):
    with pytest.raises(DataError, match=f"recipe 'mine': .*{field}"):
        Recipe(**{"name": "mine", "epochs": 5, field: value})


def test_unknown_schedule():
    with pytest.raises(UnknownNameError, match=r"'plateu'\. Did you mean 'plateau'"):
        Recipe("mine", 5, schedule="plateu")
