"""Tables of rankings and of what they are worth."""

import re
from io import StringIO

import numpy as np
import pandas as pd
from rich.console import Console

from headstart.report.rankings import ranking_table, regret_tables
from headstart.selection.evaluation import evaluate, summarise
from headstart.zoo.overlap import Overlap


def printed(table) -> list[str]:
    console = Console(width=140, file=StringIO())
    console.print(table)
    return [" ".join(re.sub("[│┃]", " ", line).split()) for line in console.file.getvalue().splitlines()]


def test_ranking():
    ranking = pd.DataFrame(
        {
            "rank": pd.array([1, 2, None], "Int64"),
            "score": [0.51234, -3.0, 0.7],
            "dtw_rank": pd.array([1, None, None], "Int64"),
            "dtw_score": [-2.5, np.nan, np.nan],
            "dataset": ["A", "B", "C"],
            "n_cases": [10, 20, 30],
            "n_channels": [1, 2, 1],
            "n_classes": [2, 0, 4],  # b is a trunk
            "overlap": [Overlap(5, 0, 0, None), Overlap(5, None, None, None), Overlap(5, 5, 0, "trained on T")],
        },
        index=["A", "b", "C"],
    )
    lines = printed(ranking_table(ranking, "T", ["probe", "dtw"]))
    assert lines[0] == "Sources for T, ranked by probe"
    assert "A 1 0.5123 1 -2.5" in lines
    assert "b 2 -3 - - trained on B" in lines
    assert "C - 0.7 - - trained on T; has seen 5 of 5 series" in lines
    lines = printed(ranking_table(ranking, "T", ["probe"]))
    assert "A 1 0.5123 10 1 2" in lines
    assert "b 2 -3 20 2 - trained on B" in lines
    assert "C - 0.7 30 1 4 trained on T; has seen 5 of 5 series" in lines


def pairs(seeds: list[int]) -> pd.DataFrame:
    table = pd.DataFrame({"source": ["a", "b"] * 2, "target": ["t", "t", "u", "u"]}).merge(
        pd.Series(seeds, name="seed"), "cross"
    )
    return table.assign(accuracy=np.repeat([0.9, 0.7, 0.6, 0.6], len(seeds)), scratch_accuracy=0.6)


def test_what_rankers_are_worth():
    coins = pairs([0]).assign(coin=[1.0, 2.0] * 2, half=[1.0, 2.0, np.nan, np.nan])
    choice, gain = map(printed, regret_tables(summarise(evaluate(coins, ["coin", "half"])), "Two"))
    assert choice[0] == "Two: how well rankers choose"
    assert choice[1].split() == ["accuracy", "regret", "correlation", "seconds"]
    of_coin = choice.index("coin 65.00 10.00 -1.00 -")
    assert choice[of_coin + 1] == "0.00, 20.00"
    of_half = choice.index("half 70.00 20.00 -1.00 -")
    assert choice[of_half + 1] == "1 targets"
    assert gain[0] == "Two: what it earns; wins / ties / losses"
    of_coin = gain.index("coin -5.00 0 / 1 / 1 +5.00 1 / 1 / 0")
    assert gain[of_coin + 1] == "-10.00, +0.00 +0.00, +10.00"


def test_columns_that_need_more():
    two_seeds = pairs([0, 1]).assign(coin=np.repeat([1.0, 2.0, 1.0, 2.0], 2), coin_seconds=0.25)
    choice, _ = map(printed, regret_tables(summarise(evaluate(two_seeds, ["coin"])), "Two"))
    assert choice[1] == "accuracy regret unseen regret correlation seconds"
    assert any(line.startswith("coin ") and line.endswith(" 0.5") for line in choice)
