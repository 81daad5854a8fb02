import importlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from aeon.datasets import load_japanese_vowels, load_unit_test
from numpy.testing import assert_allclose, assert_array_equal

from headstart.data import Dataset
from headstart.errors import DataError, ShapeError, UnknownNameError
from headstart.similarity import (
    Prototypes,
    barycenter,
    dataset_distance,
    dtw,
    nearest,
    pairwise_dtw,
    prototypes,
    similarity_matrix,
)
from tests.naive import dtw as naive

datasets_module = importlib.import_module("headstart.similarity.datasets")


def toy(name, seed, n_channels=1, n_classes=3, shift=0.0):
    rng = np.random.default_rng(seed)
    X = [shift + rng.standard_normal((n_channels, length)) for length in rng.integers(6, 10, 4 * n_classes)]
    return Dataset.from_arrays(name, X, labels=np.arange(len(X)) % n_classes)


def test_prototypes_are_the_averages_of_classes():
    data = toy("a", 0, n_channels=2)
    found = prototypes(data)
    assert found.name == "a"
    assert_array_equal(found.codes, [0, 1, 2])
    for code, prototype in enumerate(found.series):
        members = [data.series(i).astype(float) for i in np.flatnonzero(data.y == code)]
        expected, _ = naive.dba(members, members[naive.medoid(members)])
        assert_allclose(prototype, expected, rtol=1e-5, atol=1e-6)


def test_distance_is_the_smallest_between_prototypes():
    a, b = toy("a", 0), toy("b", 1)
    expected = min(naive.dtw(x, y) for x in prototypes(a).series for y in prototypes(b).series)
    assert dataset_distance(a, b) == pytest.approx(np.sqrt(expected), rel=1e-6)
    assert dataset_distance(prototypes(a), b) == dataset_distance(a, prototypes(b)) == dataset_distance(b, a)
    assert dataset_distance(a, a) == 0


def test_prototypes_survive_as_plain_arrays():
    found = prototypes(toy("a", 0))
    again = Prototypes("a", found.X.copy(), found.codes.copy())
    assert [x.shape for x in again.series] == [x.shape for x in found.series]
    assert dataset_distance(again, found) == 0
    padded = Prototypes.from_series("a", found.series, found.codes)
    assert_array_equal(padded.X, found.X)


def test_a_class_of_one_series_is_its_own_prototype():
    data = Dataset.from_arrays("few", [[1, 2], [3, 4], [3, 5, 6]], labels=["a", "b", "b"])
    assert_array_equal(prototypes(data).series[0], [[1, 2]])
    assert_array_equal(prototypes(data, per_class=2).codes, [0, 1, 1])
    assert_array_equal(prototypes(data.subset([1, 2])).codes, [1])


def test_more_prototypes_a_class_lie_closer():
    rng = np.random.default_rng(5)
    centres = np.array([np.zeros(10), 5 + np.arange(10.0), -9 * np.ones(10)])
    X = np.repeat(centres, 8, axis=0) + 0.1 * rng.standard_normal((24, 10))
    data = Dataset.from_arrays("groups", X, labels=["all"] * 24)
    spread = [pairwise_dtw(X, prototypes(data, k).series).min(axis=1).sum() for k in (1, 2, 3)]
    assert spread[0] > spread[1] > 10 * spread[2]
    first = sorted(float(x.mean()) for x in prototypes(data, 3).series)
    assert first == pytest.approx([-9, 0, 9.5], abs=0.1)
    assert_array_equal(prototypes(data, 3, seed=1).X, prototypes(data, 3, seed=1).X)


def test_more_prototypes_than_different_series():
    data = Dataset.from_arrays("same", [[1, 2, 3]] * 5, labels=[0] * 5)
    assert len(prototypes(data, per_class=3).series) == 1


def test_matrix():
    data = [toy("a", 0), toy("b", 1, n_classes=2), toy("c", 2, n_channels=2), toy("d", 3, n_channels=2)]
    matrix = similarity_matrix(data)
    assert list(matrix.index) == list(matrix.columns) == ["a", "b", "c", "d"]
    assert_array_equal(matrix, matrix.T)
    assert_array_equal(np.diag(matrix), 0)
    assert matrix.loc["a", "b"] == dataset_distance(data[0], data[1])
    assert matrix.loc["c", "d"] == dataset_distance(data[2], data[3])
    assert matrix.loc[["a", "b"], ["c", "d"]].isna().all(axis=None)
    mixed = similarity_matrix([data[0], *map(prototypes, data[1:])])
    pd.testing.assert_frame_equal(mixed, matrix)
    assert similarity_matrix(data[:1]).to_numpy().tolist() == [[0.0]]


def test_matrix_on_real_data():
    vowels, labels = load_japanese_vowels(split="train")
    data = Dataset.from_arrays("vowels", vowels[:60], labels=labels[:60])
    found = prototypes(data)
    assert found.X.shape[:2] == (2, 12)
    expected = [dtw(x, y, dtype=np.float64) for x, y in [(found.series[0], found.series[1])]]
    assert expected[0] > 0
    X, y = load_unit_test()
    unit = Dataset.from_arrays("unit", X, labels=y)
    matrix = similarity_matrix([data, unit])
    assert np.isnan(matrix.loc["vowels", "unit"])
    average = barycenter(unit.X[unit.y == 1])
    assert_allclose(prototypes(unit).series[1], average, rtol=1e-6)


def test_nearest():
    data = [toy("a", 0), toy("b", 1, shift=9.0), toy("c", 2, shift=1.0), toy("d", 3, n_channels=2)]
    matrix = similarity_matrix(data)
    assert nearest(matrix, "a").index.tolist() == ["c"]
    found = nearest(matrix, "a", k=10)
    assert found.index.tolist() == ["c", "b"]
    assert found.to_list() == [matrix.loc["a", "c"], matrix.loc["a", "b"]]
    with pytest.raises(UnknownNameError, match="Did you mean"):
        nearest(similarity_matrix([toy("Adiac", 0)]), "Adaic")


def test_prototypes_are_cached_by_fingerprint(tmp_path, monkeypatch):
    data = [toy("a", 0), toy("b", 1)]
    cache = tmp_path / "new" / "folder"
    matrix = similarity_matrix(data, cache=cache)
    files = sorted(cache.iterdir())
    assert len(files) == 2
    assert {file.suffix for file in files} == {".npz"}

    computed = []
    original = datasets_module.prototypes
    monkeypatch.setattr(
        datasets_module, "prototypes", lambda *arguments: computed.append(arguments[0].name) or original(*arguments)
    )
    pd.testing.assert_frame_equal(similarity_matrix(data, cache=cache), matrix)
    assert computed == []
    same_series = Dataset.from_arrays("renamed", [data[0].series(i) for i in range(12)], labels=data[0].y)
    assert similarity_matrix([same_series], cache=cache).columns.tolist() == ["renamed"]
    assert computed == []
    similarity_matrix(data, per_class=2, cache=cache)
    assert computed == ["a", "b"]
    whole = files[0].read_bytes()
    entry = whole.index(b"PK\x01\x02")  # of the zip's directory: flags at 8, of which 1 is a password, a method at 10
    for damaged in (whole[:50], _with_byte(whole, entry + 8, 1), _with_byte(whole, entry + 10, 99)):
        files[0].write_bytes(damaged)
        computed.clear()
        pd.testing.assert_frame_equal(similarity_matrix(data, cache=cache), matrix)
        assert len(computed) == 1


def _with_byte(whole: bytes, place: int, value: int) -> bytes:
    return whole[:place] + bytes([value]) + whole[place + 1 :]


def test_progress_ends_at_the_total():
    data = [toy("a", 0), toy("b", 1)]
    seen = []
    similarity_matrix([*data, prototypes(toy("c", 2))], on_progress=lambda done, total: seen.append((done, total)))
    done = [d for d, _ in seen]
    assert done == sorted(done)
    assert seen[-1][0] == seen[-1][1]
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: similarity_matrix([]), ShapeError, "no data set"),
        (lambda: similarity_matrix([toy("a", 0), toy("a", 1)]), DataError, "two data sets are called 'a'"),
        (lambda: dataset_distance(toy("a", 0), toy("b", 0, n_channels=2)), ShapeError, "a has 1 channels and b has 2"),
        (lambda: prototypes(Dataset.from_arrays("bare", [[1, 2]])), DataError, "bare has cases without a label"),
        (lambda: prototypes(toy("a", 0), per_class=0), DataError, "per_class"),
        (lambda: prototypes(toy("a", 0), radius=0), ShapeError, "radius 0 is too small"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_import_is_cheap():
    code = "import sys, headstart.similarity; print({'torch', 'numba', 'pandas'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
