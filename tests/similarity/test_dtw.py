import importlib

import numpy as np
import pytest
from aeon.datasets import load_basic_motions, load_japanese_vowels, load_unit_test
from aeon.distances import dtw_alignment_path, dtw_pairwise_distance
from aeon.distances import dtw_distance as aeon_dtw
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from headstart.data import Dataset
from headstart.errors import DataError, HeadstartError, ShapeError
from headstart.similarity import dtw, dtw_path, pairwise_dtw
from tests.naive import dtw as naive
from tests.similarity.strategies import collections, radii, radius_for

quick = settings(max_examples=60, deadline=None)


@quick
@given(collections(), radii)
def test_equals_the_naive_twin(series, more):
    radius = radius_for(series, more)
    expected = np.array([[naive.dtw(x, y, radius) for y in series] for x in series])
    assert_array_equal(pairwise_dtw(series, radius=radius, dtype=np.float64), expected)
    assert_array_equal(pairwise_dtw(series, series, radius=radius, dtype=np.float64), expected)
    assert_allclose(pairwise_dtw(series, radius=radius), expected, rtol=1e-5, atol=1e-5)
    assert dtw(series[0], series[1], radius, np.float64) == expected[0, 1]


@quick
@given(collections(max_series=2), radii)
def test_path_equals_the_naive_twins(series, more):
    x, y = series
    radius = radius_for(series, more)
    path = dtw_path(x, y, radius)
    assert [tuple(cell) for cell in path.tolist()] == naive.path(x, y, radius)
    assert_allclose(((x[:, path[:, 0]] - y[:, path[:, 1]]) ** 2).sum(), naive.dtw(x, y, radius), rtol=1e-12)


@quick
@given(collections(max_series=4), st.sampled_from([np.float32, np.float64]))
def test_is_symmetric_and_zero_on_itself(series, dtype):
    costs = pairwise_dtw(series, dtype=dtype)
    assert_array_equal(costs, costs.T)
    assert_array_equal(np.diag(pairwise_dtw(series, series, dtype=dtype)), 0)
    assert costs.dtype == dtype


@quick
@given(collections(max_series=4))
def test_padding_and_kind_of_collection_do_not_matter(series):
    expected = pairwise_dtw(series)
    padded = np.full((len(series), len(series[0]), max(x.shape[1] for x in series) + 3), np.nan)
    for i, x in enumerate(series):
        padded[i, :, : x.shape[1]] = x
    assert_array_equal(pairwise_dtw(padded), expected)
    assert_array_equal(pairwise_dtw(Dataset.from_arrays("some", series)), expected)
    if len(series[0]) == 1:
        assert_array_equal(pairwise_dtw(padded[:, 0]), expected)
        assert_array_equal(pairwise_dtw([x[0] for x in series]), expected)


@pytest.mark.parametrize("n_series", [1, 2, 15, 16, 17, 40])
def test_any_number_of_pairs_and_threads(n_series):
    rng = np.random.default_rng(n_series)
    series = [rng.standard_normal((1, length)) for length in rng.integers(1, 12, n_series)]
    expected = [[naive.dtw(x, y) for y in series[:3]] for x in series]
    assert_array_equal(pairwise_dtw(series, series[:3], dtype=np.float64, n_jobs=1), expected)
    assert_array_equal(pairwise_dtw(series, dtype=np.float64, n_jobs=3)[:, :3], expected)


def test_tasks_cover_every_pair_once(monkeypatch):
    module = importlib.import_module("headstart.similarity.dtw")
    rng = np.random.default_rng(0)
    series = rng.standard_normal((60, 9))
    expected = pairwise_dtw(series, n_jobs=1)
    monkeypatch.setattr(module, "PAIRS_A_TASK", 16)
    assert_array_equal(pairwise_dtw(series, n_jobs=2), expected)
    assert_array_equal(pairwise_dtw(series, series[:7], n_jobs=2), expected[:, :7])


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaTypeSafetyWarning")  # aeon's own
def test_equals_aeon_on_real_data():
    X, _ = load_unit_test()
    motions, _ = load_basic_motions()
    for some in (X, motions[:12]):
        expected = dtw_pairwise_distance(some)
        assert_allclose(pairwise_dtw(some), expected, rtol=1e-5, atol=1e-6)
        assert_allclose(pairwise_dtw(some, dtype=np.float64), expected, rtol=1e-12)
        length = some.shape[2]
        banded = dtw_pairwise_distance(some, window=5 / length)
        assert_allclose(pairwise_dtw(some, radius=5), banded, rtol=1e-5, atol=1e-6)
    vowels, _ = load_japanese_vowels(split="train")
    for x, y in zip(vowels[:20], vowels[100:120], strict=True):
        assert dtw(x, y) == pytest.approx(aeon_dtw(x, y), rel=1e-5)
        expected_path, cost = dtw_alignment_path(x, y)
        path = dtw_path(x, y)
        assert cost == pytest.approx(dtw(x, y, dtype=np.float64), rel=1e-12)
        assert [tuple(cell) for cell in path.tolist()] == expected_path


def test_known_values():
    assert dtw([3], [5]) == 4
    assert dtw([1, 1, 1, 1], [2, 2]) == 4
    assert dtw([[0, 0], [0, 0]], [[3, 3], [4, 4]]) == 50
    assert dtw([0, 1, 2], [1, 2, 3], radius=0) == 3


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pairwise_dtw([]), ShapeError, "X holds no series"),
        (lambda: pairwise_dtw([[1, 2]], []), ShapeError, "Y holds no series"),
        (lambda: pairwise_dtw([[1, 2], []]), ShapeError, r"X\[1\] has no values"),
        (lambda: pairwise_dtw([[1, 2], [np.nan, np.nan]]), ShapeError, r"X\[1\] has no values"),
        (lambda: pairwise_dtw(np.zeros(5)), ShapeError, "1 dimensions"),
        (lambda: dtw(np.zeros((1, 2, 3)), [1]), ShapeError, "x has 3 dimensions"),
        (lambda: pairwise_dtw([[[1, 2]], [[1, 2], [3, 4]]]), ShapeError, r"X\[1\] has 2 channels where X\[0\] has 1"),
        (lambda: pairwise_dtw([[1, 2]], [[[1, 2], [3, 4]]]), ShapeError, "X has 1 channels and Y has 2"),
        (lambda: dtw([[1, 2]], [[1, 2], [3, 4]]), ShapeError, "x has 1 channels and y has 2"),
        (lambda: dtw([1, np.nan, 2], [1]), DataError, "x has no value .* at time step 2"),
        (lambda: dtw([[1, 2, 3], [1, np.nan, np.nan]], [[1], [2]]), DataError, "time step 2 of channel 2"),
        (lambda: dtw([1, np.inf], [1]), DataError, "too large"),
        (lambda: dtw([1e39], [1]), DataError, "too large for float32"),
        (lambda: dtw([1e30], [-1e30]), DataError, "dtype=np.float64"),
        (
            lambda: dtw_path([1e200, -1e200, 0], [-1e200, 1e200, 3]),
            DataError,
            "too large for float64; scale the series$",
        ),
        (lambda: dtw(["a"], [1]), DataError, "not made of numbers"),
        (lambda: dtw([1, 2], [1], radius=0), ShapeError, "radius 0 is too small.*at least 1"),
        (lambda: dtw_path([1, 2, 3], [1], radius=1), ShapeError, "at least 2"),
        (lambda: pairwise_dtw([[1, 2, 3], [1]], radius=1), ShapeError, "at least 2"),
        (lambda: pairwise_dtw([[1, 2, 3]], [[1]], radius=1), ShapeError, "at least 2"),
        (lambda: dtw([1], [1], radius=0.1), DataError, "whole number"),
        (lambda: dtw([1], [1], radius=-1), DataError, "whole number"),
        (lambda: dtw([1], [1], dtype=int), DataError, "float32 or np.float64"),
        (lambda: pairwise_dtw([[1]], n_jobs=0), HeadstartError, "n_jobs"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_large_costs_in_float64():
    assert dtw([1e30], [-1e30], dtype=np.float64) == pytest.approx(4e60)


@pytest.mark.parametrize("offset", [1e5, -1e6, 1e8])
@pytest.mark.parametrize("of", ["pair", "one collection", "two collections"])
def test_an_offset_changes_no_cost(offset, of):
    time = np.linspace(0, 6, 200)
    x, y = np.array([np.sin(time), time]), np.array([np.cos(time), 2 * time])
    wanted = dtw(x, y, dtype=np.float64)
    x[0] += offset
    y[0] += offset
    found = {
        "pair": lambda: dtw(x, y),
        "one collection": lambda: pairwise_dtw([x, y])[0, 1],
        "two collections": lambda: pairwise_dtw([x], [y])[0, 0],
    }[of]()
    assert found == pytest.approx(wanted, rel=1e-5)


def test_what_is_masked_is_no_value():
    masked = np.ma.masked_array([[1.0, 2, 3, 999], [1, 2, 3, 4]], mask=[[0, 0, 0, 1], [0, 0, 0, 0]])
    assert pairwise_dtw(masked)[0, 1] == dtw(masked[0], masked[1]) == dtw([1, 2, 3], [1, 2, 3, 4])
