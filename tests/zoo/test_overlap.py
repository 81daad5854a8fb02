"""What a source has seen of a target: copies, relatives by name, and the table of families."""

import csv
import dataclasses
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headstart.data import SHIPPED, Dataset, load
from headstart.training import Recipe
from headstart.transfer import fine_tune
from headstart.zoo import Source, pretrain
from headstart.zoo.overlap import Overlap, caution, families, overlap, overlaps, relatives

SHORT = Recipe("short", epochs=1)
FOUND = Path(__file__).parents[2] / "results" / "relatives_ucr.csv"


@pytest.fixture(scope="module")
def source(italy) -> Source:
    return pretrain(italy[0], recipe=SHORT, with_prototypes=False)


def named(data: Dataset, name: str) -> Dataset:
    return dataclasses.replace(data, name=name)


def trained_on(source: Source, name: str, **changes) -> Source:
    """Return the source with another name on its card, without signatures."""
    return dataclasses.replace(source, card=dataclasses.replace(source.card, dataset=name, **changes), signatures=None)


# What the source has seen


def test_its_own_training_data(source, italy):
    found = overlap(italy[0], source)
    assert (found.n_target, found.n_shared, found.n_near) == (67, 67, 0)
    assert found.relation == "trained on these very data"
    assert found.is_found


def test_the_test_part_is_known_by_name_alone(source, italy):
    found = overlap(italy[1], source)
    assert (found.n_target, found.n_shared, found.n_near) == (1029, 0, 0)
    assert str(found) == found.relation == "trained on ItalyPowerDemand"


def test_copies_mixed_into_another_set(source, italy):
    train, test = italy
    scaled = train.X / train.X.std(axis=2, keepdims=True)
    mixed = np.concatenate(
        [test.X[:40], 3 * train.X[:10] - 8, scaled[10:15].round(2), train.X[15:17, :, ::-1], train.X[17:18]]
    )
    found = overlap(Dataset.from_arrays("mine", mixed[::-1]), source)
    assert (found.n_target, found.n_shared, found.relation) == (58, 18, None)
    assert 0 < found.n_near <= 5
    assert found.is_found
    assert str(found) == f"has seen 18 of 58 series, {found.n_near} of them nearly"
    assert found.copies == f"18 of 58, {found.n_near} of them nearly"


def test_other_series(source):
    found = overlap(load("GunPoint")[0], source)
    assert found == Overlap(50, 0, 0, None)
    assert not found.is_found
    assert str(found) == ""


def test_a_source_without_signatures_is_not_known_to_have_seen_them(source, italy):
    silent = dataclasses.replace(source, signatures=None)
    found = overlap(named(italy[0].subset(range(30)), "mine"), silent)
    assert found == Overlap(30, None, None, None)
    assert not found.is_found
    assert found.copies == "not known, it carries no signatures"


def test_what_its_parent_has_seen(source, italy):
    child = fine_tune(source, load("GunPoint")[0].subset([0, 1, 2, 3]), recipe=SHORT)
    mine = named(italy[0].subset(range(9)), "mine")
    assert overlap(mine, child).n_shared == 9
    assert overlap(named(italy[1], "ItalyPowerDemand"), child).relation == "trained on ItalyPowerDemand"


def test_several_sources(source):
    found = overlaps(load("GunPoint")[0], {"Italy": source, "Gun": trained_on(source, "Gun_Point")})
    assert {name: one.is_found for name, one in found.items()} == {"Italy": False, "Gun": True}


# Relatives by name


@pytest.mark.parametrize(
    ("target", "trained", "words"),
    [
        ("ECG200", "ecg_200", "trained on ecg_200"),
        ("50words", "WordsSynonyms", "trained on WordsSynonyms, a relative of 50words"),
        ("CricketX", "CricketZ", "trained on CricketZ, a relative of CricketX"),
        ("HandOutlines", "MiddlePhalanxTW", "trained on MiddlePhalanxTW, a relative of HandOutlines"),
        ("Wine", "Coffee", None),
        ("mine", "Coffee", None),
    ],
)
def test_names(source, italy, target, trained, words):
    assert overlap(named(italy[1], target), trained_on(source, trained)).relation == words


def test_a_name_that_is_not_the_archives_counts_only_without_signatures(source, italy):
    card = dataclasses.replace(source.card, dataset="train")
    target = named(load("GunPoint")[0], "train")
    assert not overlap(target, dataclasses.replace(source, card=card)).is_found
    assert overlap(target, trained_on(source, "train")).relation == "trained on train"


def test_names_of_several_data_sets(source, italy):
    several = trained_on(source, "Several", members=["Wine", "FordA"])
    assert overlap(named(italy[1], "FordB"), several).relation == "trained on FordA, a relative of FordB"


def test_relatives_are_mutual():
    names = [row["dataset"] for row in families()]
    assert any(relatives(name) for name in names)
    for name in names:
        assert name not in relatives(name)
        assert all(name in relatives(other) for other in relatives(name))


def test_the_table_holds_the_archive_and_what_aeon_ships():
    with resources.files("headstart.zoo").joinpath("domains.csv").open(encoding="utf-8") as file:
        archive = {row["name"] for row in csv.DictReader(file)}
    names = [row["dataset"] for row in families()]
    assert len(names) == len(set(names))
    assert set(names) == archive | set(SHIPPED)


def test_a_family_has_several_members_or_is_alone():
    table = pd.DataFrame(families())
    assert set(table["why"]) == {"series", "origin", "alone"}
    sizes = table.groupby("family").size()
    assert (sizes[table["family"]].to_numpy() == 1).tolist() == (table["why"] == "alone").tolist()


def test_the_table_holds_all_pairs_that_were_found():
    found = pd.read_csv(FOUND).query("dataset != other")
    assert len(found) > 20
    for one, other in zip(found["dataset"], found["other"], strict=True):
        assert other in relatives(one), f"{one} shares series with {other}; put both into one family"
    shares = set(found["dataset"]) | set(found["other"])
    assert {row["dataset"] for row in families() if row["why"] == "series"} == shares


def test_caution():
    found = {"A": Overlap(5, 2, 0, None), "B": Overlap(5, 0, 0, "trained on T"), "C": Overlap(5, 0, 0, None)}
    assert caution("T", found) == "CAUTION: A, B overlap with T. How well they do there says nothing about transfer."
    assert caution("T", {"C": found["C"]}) == ""
