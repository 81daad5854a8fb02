"""The commands about series that occur twice: data relatives and zoo overlap."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from headstart.training import Recipe
from headstart.zoo import pretrain
from tests.data import writers


@pytest.fixture(scope="module")
def archive(tmp_path_factory, italy):
    """Two data sets: Italy's, and one that holds ten of its test series, raised and rounded, and five others."""
    train, test = italy
    folder = tmp_path_factory.mktemp("archive")
    random = np.random.default_rng(0)
    mixed = [*(5 + test.X[:10]).round(4).astype(float), *random.normal(size=(5, 1, 24))]
    sets = {
        "Italy": {"TRAIN": (train.X, train.labels), "TEST": (test.X[:50], test.labels[:50])},
        "Mixed": {"TRAIN": (mixed, [1, 2, 1] * 5)},
    }
    for name, parts in sets.items():
        (folder / name).mkdir()
        for part, (X, labels) in parts.items():
            writers.ucr(folder / name / f"{name}_{part}.tsv", list(X), list(labels))
    return folder


@pytest.fixture(scope="module")
def sources(tmp_path_factory, italy):
    folder = tmp_path_factory.mktemp("sources")
    source = pretrain(italy[0], recipe=Recipe("short", 1), with_prototypes=False)
    source.save(folder / "A.safetensors")
    other = dataclasses.replace(source.card, dataset="WordSynonyms", fingerprint="0", seen=["0"])
    dataclasses.replace(source, card=other, signatures=source.signatures[:0]).save(folder / "B.safetensors")
    dataclasses.replace(source, card=other, signatures=None).save(folder / "C.safetensors")
    return folder


def test_relatives(headstart, tmp_path, archive):
    out, series = tmp_path / "counts.csv", tmp_path / "series.csv"
    done = headstart("data", "relatives", "--archive", archive, "--out", out, "--series", series)
    assert (done.code, done.err) == (0, "")
    assert "Italy Mixed 0 0 10 0 0 0" in done.text
    assert (
        f"Data sets compared: 2; pairs that share series, or parts of one that do: 1. Counts written to {out}."
        in done.text
    )
    counts = pd.read_csv(out)
    assert list(counts)[:2] == ["dataset", "other"]
    assert counts[["dataset", "other", "test_train", "train_train"]].values.tolist() == [["Italy", "Mixed", 10, 0]]
    found = pd.read_csv(series).query("dataset == 'Mixed'")
    assert found["case"].tolist() == found["other_case"].tolist() == list(range(1, 11))


def test_relatives_prints_without_files(headstart, archive):
    done = headstart("data", "relatives", "--archive", archive, "--name", "Italy", "--name", "italy")
    assert (done.code, done.err) == (0, "")
    assert "Data sets compared: 1; pairs that share series, or parts of one that do: 0." in done.text


@pytest.mark.parametrize("option", ["--out", "--series"])
def test_relatives_refuses_a_table_it_cannot_write_before_it_begins(headstart, tmp_path, option):
    done = headstart("data", "relatives", "--archive", tmp_path / "missing", option, tmp_path / "table.txt")
    assert done.code == 2
    assert "tables are written as" in done.message


def test_overlap_of_a_data_set(headstart, sources):
    done = headstart("zoo", "overlap", "ItalyPowerDemand", "--sources", sources)
    assert (done.code, done.err) == (0, "")
    assert "A 67 of 67 0 of 1029 trained on these very data" in done.text
    assert "1 of 3 sources overlap with ItalyPowerDemand." in done.text
    assert "C not known" in done.text
    assert "B 0 of 67" not in done.text


def test_overlap_of_a_file(headstart, archive, sources, italy, tmp_path):
    path = tmp_path / "FiftyWords.tsv"
    writers.ucr(path, list(2 * italy[0].X[:12].astype(float) - 1), [1, 2] * 6)
    done = headstart("zoo", "overlap", path, "--sources", sources)
    assert (done.code, done.err) == (0, "")
    assert "A 12 of 12" in done.text
    assert "B 0 of 12 trained on WordSynonyms, a relative of FiftyWords" in done.text
    assert "3 of 3 sources overlap with FiftyWords." in done.text


def test_overlap_of_series_without_labels(headstart, sources, italy, tmp_path):
    path = tmp_path / "new.csv"
    rows = [",".join(map(str, series[0])) for series in italy[0].X[:12]]
    path.write_text("\n".join([",".join(f"t{i}" for i in range(24)), *rows]) + "\n")
    done = headstart("zoo", "overlap", path, "--sources", sources, "--no-labels")
    assert (done.code, done.err) == (0, "")
    assert "A 12 of 12" in done.text
    assert "there is no label column" in headstart("zoo", "overlap", path, "--sources", sources).message


def test_overlap_without_sources_says_so(headstart, tmp_path):
    done = headstart("zoo", "overlap", "ItalyPowerDemand", "--sources", tmp_path)
    assert done.code == 2
    assert "has no sources" in done.message
