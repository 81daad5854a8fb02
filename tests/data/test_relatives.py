"""Data sets that share series: which, how many, and that all of the archive's are in the committed table."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headstart.data import Dataset, archive_names, load
from headstart.data.relatives import PARTS, count_shared, shared_series

FOUND = Path(__file__).parents[2] / "results" / "relatives_ucr.csv"


def rows(shared: pd.DataFrame) -> set[tuple]:
    return set(shared.drop(columns="distance").itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def shared(italy) -> pd.DataFrame:
    """Italy's own parts, one set that mixes in some of each, changed, and one that has nothing to do with them."""
    train, test = italy
    gun_point, _ = load("GunPoint")
    mixed = [
        *gun_point.X[:2],
        (1000 + 20 * train.X[4]).round(2),
        test.X[9, :, ::-1].astype(np.float16),
        -train.X[6],  # upside down is another series
        test.X[10],
    ]
    arrow_head, _ = load("ArrowHead")
    parts = [("Italy", "train", train), ("Italy", "test", test), ("Arrow", "train", arrow_head)]
    return shared_series([*parts, ("Mixed", "test", Dataset.from_arrays("Mixed", mixed))])


def test_which_series(shared):
    assert rows(shared) == {
        ("Italy", "train", 5, "Mixed", "test", 3, False),
        ("Italy", "test", 10, "Mixed", "test", 4, True),
        ("Italy", "test", 11, "Mixed", "test", 6, False),
        ("Mixed", "test", 3, "Italy", "train", 5, False),
        ("Mixed", "test", 4, "Italy", "test", 10, True),
        ("Mixed", "test", 6, "Italy", "test", 11, False),
    }


def test_counts(shared):
    (row,) = count_shared(shared).to_dict("records")
    assert [row[part] for part in PARTS] == [0, 1, 0, 2]
    assert (row["dataset"], row["other"], row["n_backwards"]) == ("Italy", "Mixed", 1)


def test_within_a_data_set(italy):
    train, test = italy
    leaking = Dataset.from_arrays("Leaking", np.concatenate([test.X, train.X[:3] + np.float32(0.001)]))
    counts = count_shared(shared_series([("Leaking", "train", train), ("Leaking", "test", leaking)]))
    assert counts.to_dict("records") == [
        {
            "dataset": "Leaking", "other": "Leaking", "train_train": 0, "train_test": 3, "test_train": 0,
            "test_test": 0, "n_near": 0, "n_backwards": 0,
        }
    ]  # fmt: skip


def test_near_copies_are_counted(italy):
    train, _ = italy
    scaled = train.X / train.X.std(axis=2, keepdims=True)
    rounded = Dataset.from_arrays("Rounded", scaled.round(2))
    (row,) = count_shared(shared_series([("Rounded", "train", rounded), ("Italy", "train", train)])).to_dict("records")
    assert (row["dataset"], row["train_train"]) == ("Italy", 67)
    assert 30 < row["n_near"] <= 67


def test_nothing_is_shared():
    parts = [(name, "train", load(name)[0]) for name in ("ArrowHead", "GunPoint")]
    shared = shared_series(parts)
    assert shared.empty
    assert count_shared(shared).empty
    assert list(count_shared(shared)) == ["dataset", "other", *PARTS, "n_near", "n_backwards"]


def test_many_equal_series_make_no_pairs_of_all_with_all():
    x = np.sin(np.arange(30.0) ** 1.5)
    many = Dataset.from_arrays("many", np.tile(x, (5_000, 1)))
    shared = shared_series([("A", "train", many), ("B", "train", many)])
    assert len(shared) == 10_000


def test_channels_that_became_data_sets():
    motions, _ = load("BasicMotions")
    channels = [(f"axis {i}", "train", Dataset.from_arrays("axis", motions.X[:, i])) for i in range(3)]
    counts = count_shared(shared_series([("motions", "train", motions), *channels]))
    assert counts[["dataset", "other", "train_train"]].values.tolist() == [
        ["axis 0", "motions", 40],
        ["axis 1", "motions", 40],
        ["axis 2", "motions", 40],
    ]


def test_the_document_shows_the_committed_table():
    document = (FOUND.parents[1] / "docs" / "relatives.md").read_text(encoding="utf-8")
    for row in pd.read_csv(FOUND).to_dict("records"):
        if row["dataset"] == row["other"]:
            cells = [row["dataset"], row["train_test"], row["n_near"]]
        else:
            cells = [row["dataset"], row["other"], *(f"{row[key]:,}" for key in (*PARTS, "n_near", "n_backwards"))]
        assert f"| {' | '.join(map(str, cells))} |" in document


@pytest.mark.skipif("HEADSTART_ARCHIVE" not in os.environ, reason="needs the UCR archive")
def test_the_committed_table_is_what_the_archive_gives():
    archive = Path(os.environ["HEADSTART_ARCHIVE"])

    def parts():
        for name in archive_names(archive):
            for part, data in zip(("train", "test"), load(name, archive), strict=True):
                if data is not None:
                    yield name, part, data

    pd.testing.assert_frame_equal(count_shared(shared_series(parts())), pd.read_csv(FOUND), check_dtype=False)
