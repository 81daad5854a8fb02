"""Sentences and tables for the console."""

import numpy as np
import pytest
from rich.console import Console

from headstart.comparison import Comparison
from headstart.report.console import comparison_table, conclusion, verdict


def compared(both: int, only_with: int, only_without: int, neither: int = 0) -> Comparison:
    n = (both, only_with, only_without, neither)
    return Comparison(
        held_out=f"{sum(n)} test series",
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
    first, second, third = conclusion(compared(10, 6, 1, 3), "GunPoint")
    assert first == "From GunPoint: right on 16 of 20 test series; from scratch, same recipe and seed: on 11."
    assert second.startswith("6 series are right only with transfer, 1 only from scratch")
    assert "one seed" in third


def test_conclusion_without_a_source():
    alone = Comparison("4 test series", np.array([True, True, True, False]), None, 0.5)
    first, second, _ = conclusion(alone, None)
    assert first == "From scratch: right on 3 of 4 test series; guessing the most frequent class: on 50%."
    assert "no transfer to judge" in second


def test_comparison_table():
    console = Console(record=True, width=80)
    console.print(comparison_table(compared(10, 6, 1, 3), "GunPoint"))
    rows = [line.split() for line in console.export_text().splitlines()]
    assert ["from", "GunPoint", "│", "16", "│", "0.800"] in rows
    assert ["from", "scratch", "│", "11", "│", "0.550"] in rows
