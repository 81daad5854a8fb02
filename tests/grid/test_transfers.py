"""Each transfer beside the same target from scratch; relatives; ranks by similarity."""

import numpy as np
import pandas as pd
import pytest

from headstart.errors import DataError, UnknownNameError
from headstart.grid.transfers import similarity_ranks, transfers


def results(*cells, **more):
    """Rows of (source, target, seed, accuracy)."""
    table = pd.DataFrame(cells, columns=["source", "target", "seed", "accuracy"])
    table["kind"] = np.where(table["source"].isna(), "scratch", "transfer")
    fields = {"network": "fcn", "recipe": "default", "status": "ok", "has_seen_target": False} | more
    return table.assign(**fields)


def test_beside_the_same_seed_from_scratch():
    pairs = transfers(
        results(
            (None, "x", 0, 0.5),
            (None, "x", 1, 0.6),
            (None, "a", 0, 0.9),
            ("a", "x", 0, 0.7),
            ("a", "x", 1, 0.8),
            ("a", "y", 0, 0.1),  # y from scratch is not done yet
        )
    )
    assert pairs.to_dict("records") == [
        {"source": "a", "target": "x", "seed": 0, "accuracy": 0.7, "scratch_accuracy": 0.5, "related": False},
        {"source": "a", "target": "x", "seed": 1, "accuracy": 0.8, "scratch_accuracy": 0.6, "related": False},
    ]


def test_what_failed_or_has_no_test_part_is_left_out():
    table = results(
        (None, "x", 0, 0.5), (None, "y", 0, np.nan), ("a", "x", 0, np.nan), ("b", "x", 0, 0.4), ("b", "y", 0, 0.4)
    )
    table["status"] = ["ok", "ok", "failed", "ok", "ok"]
    assert transfers(table)[["source", "target"]].to_numpy().tolist() == [["b", "x"]]


def test_relatives_by_what_was_seen_and_by_name():
    table = results(
        (None, "WordSynonyms", 0, 0.5),
        ("FiftyWords", "WordSynonyms", 0, 0.9),
        ("50words", "WordSynonyms", 0, 0.9),
        ("Copy", "WordSynonyms", 0, 0.9),
        ("Beef", "WordSynonyms", 0, 0.9),
        ("Unknown", "WordSynonyms", 0, 0.9),
    )
    table["has_seen_target"] = pd.array([False, False, False, True, False, None], "boolean")
    assert transfers(table)["related"].tolist() == [True, True, True, False, False]


def test_one_network_and_one_recipe():
    cells = [(None, "x", 0, 0.5), ("a", "x", 0, 0.7)]
    both = pd.concat([results(*cells), results(*cells, recipe="paper"), results(*cells, network="lite")])
    with pytest.raises(DataError, match=r"results of several networks \(fcn, lite\); name the one"):
        transfers(both)
    with pytest.raises(DataError, match=r"results of several recipes \(default, paper\)"):
        transfers(both, network="fcn")
    assert len(transfers(both, network="fcn", recipe="paper")) == 1
    assert len(transfers(both, network="lite")) == 1
    with pytest.raises(UnknownNameError, match=r"unknown network 'resnet'"):
        transfers(both, network="resnet")
    with pytest.raises(DataError, match="x, source a, seed 0: there are two results of a recipe named default"):
        transfers(pd.concat([results(*cells), results(("a", "x", 0, 0.3))]))
    with pytest.raises(DataError, match="no transfer is done yet"):
        transfers(results(cells[0]))


def test_ranks_among_those_that_were_run():
    pairs = pd.DataFrame(
        {
            "source": ["a", "b", "c", "d", "e", "b", "a"],
            "target": ["x"] * 5 + ["y", "x"],
            "seed": [0] * 6 + [1],
            "related": [False, False, True, False, False, False, False],
        }
    )
    names = ["a", "b", "c", "d", "x"]
    distances = pd.DataFrame(0.0, names, names)
    distances.loc["x", ["a", "b", "c", "d"]] = [3.0, 2.0, 1.0, np.nan]
    distances["x"] = distances.loc["x"]
    assert similarity_ranks(pairs, distances).fillna(0).tolist() == [2, 1, 0, 0, 0, 0, 2]  # in all seeds


@pytest.mark.parametrize(("part", "name"), [("train", "x"), ("test", "x"), ("source", "a")])
def test_different_data_of_one_name(part, name):
    table = results((None, "x", 0, 0.5), ("a", "x", 0, 0.7), (None, "x", 1, 0.5), ("a", "x", 1, 0.7))
    same = {"train_fingerprint": "1", "test_fingerprint": "2", "source_fingerprint": ["", "3", "", "3"]}
    table = table.assign(**same)
    transfers(table)
    table.loc[3, f"{part}_fingerprint"] = "9"
    with pytest.raises(DataError, match=f"^{name}: .* 2 data sets of this name, whose {part} series differ; keep"):
        transfers(table)
