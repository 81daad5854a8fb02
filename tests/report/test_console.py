"""Sentences and tables for the console."""

from dataclasses import fields, replace

import numpy as np
import pytest
from rich.console import Console

from headstart.comparison import Comparison
from headstart.report.console import comparison_table, conclusion, recipes_table, training_sentence, verdict
from headstart.training import RECIPES, Recipe
from headstart.training.recipe import get_recipe
from headstart.zoo import pretrain


def compared(both: int, only_with: int, only_without: int, neither: int = 0) -> Comparison:
    n = (both, only_with, only_without, neither)
    return Comparison(
        held_out=f"{sum(n)} test series",
        predicted=np.zeros(sum(n)),
        correct=np.repeat([True, True, False, False], n),
        correct_from_scratch=np.repeat([True, False, True, False], n),
        majority_share=0.5,
    )


@pytest.mark.parametrize(
    ("comparison", "p_value", "words"),
    [
        (compared(10, 0, 0), 1.0, "made no difference"),
        (compared(10, 3, 3), 1.0, "made no difference"),
        (compared(10, 5, 0), 2 / 2**5, "helps no more than chance"),
        (compared(10, 6, 0), 2 / 2**6, "transfer helps, by more than chance"),
        (compared(10, 0, 6), 2 / 2**6, "transfer hurts, by more than chance"),
        (compared(0, 1, 2, 7), 1.0, "hurts no more than chance"),
    ],
)
def test_verdict_is_the_exact_mcnemar_test(comparison, p_value, words):
    assert comparison.p_value == pytest.approx(p_value)
    assert words in verdict(comparison)


def test_conclusion_in_three_lines():
    first, second, third = conclusion(compared(10, 6, 1, 3), "from GunPoint")
    assert first == "From GunPoint: right on 16 of 20 test series; from scratch, same recipe and seed: on 11."
    assert second.startswith("6 series are right only with transfer, 1 only from scratch")
    assert "one seed" in third


def test_conclusion_of_ensembles():
    first, _, third = conclusion(replace(compared(10, 6, 1, 3), n_members=5), "from GunPoint")
    assert "same recipe and seeds: on 11" in first
    assert third.startswith("This is one ensemble of 5 and one choice")
    *_, third = conclusion(replace(compared(10, 6, 1, 3), n_members=5), "the choice", "the choice")
    assert third.startswith("This is one seed and one choice"), "not all that was chosen has five members"


def test_conclusion_without_a_source():
    alone = Comparison("4 test series", np.zeros(4), np.array([True, True, True, False]), None, 0.5)
    first, second, _ = conclusion(alone, "from scratch")
    assert first == "From scratch: right on 3 of 4 test series; guessing the most frequent class: on 50%."
    assert "no transfer to judge" in second


def test_comparison_table():
    console = Console(record=True, width=80)
    console.print(comparison_table(compared(10, 6, 1, 3), "from GunPoint"))
    rows = [line.split() for line in console.export_text().splitlines()]
    assert ["from", "GunPoint", "│", "16", "│", "0.800"] in rows
    assert ["from", "scratch", "│", "11", "│", "0.550"] in rows


def test_training_sentence(small):
    card = pretrain(small, recipe=get_recipe("default", epochs=2), with_prototypes=False).card
    card = replace(card, train_seconds=1.25)
    assert training_sentence(card) == ("ItalyPowerDemand: fcn trained from scratch, recipe default, 2 epochs, 1.2 s.")
    tuned = replace(card, started_from="GunPoint", interrupted=True)
    assert "fine-tuned from GunPoint, recipe default, 2 epochs until it was interrupted, 1.2 s." in training_sentence(
        tuned
    )
    assert training_sentence(card, card, card) == (
        "ItalyPowerDemand: 3 fcn networks trained from scratch, recipe default, 2 epochs each, 3.8 s."
    )


def test_training_sentence_says_what_was_changed_in_a_recipe(small):
    changed = replace(RECIPES["default"], epochs=1, learning_rate=3e-4, bfloat16=not RECIPES["default"].bfloat16)
    sentence = training_sentence(pretrain(small, recipe=changed, with_prototypes=False).card)
    assert "recipe default with learning_rate 0.0003 and bfloat16 " in sentence
    own = pretrain(small, recipe=Recipe("mine", 1, learning_rate=0.1), with_prototypes=False).card
    assert "recipe mine, 1 epochs" in training_sentence(own)


def test_recipes_table():
    console = Console(record=True, width=160)
    console.print(recipes_table(RECIPES))
    rows = [[cell.strip() for cell in line.split("│")] for line in console.export_text().splitlines()]
    for field in fields(Recipe):
        if field.name != "name":
            assert [row for row in rows if row[0] == field.name], field.name
    assert ["epochs", *(str(recipe.epochs) for recipe in RECIPES.values())] in rows
    assert any(row[0] == "max_updates" and "none" in row for row in rows)
