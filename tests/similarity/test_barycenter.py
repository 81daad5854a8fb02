import numpy as np
import pytest
from aeon.clustering.averaging import petitjean_barycenter_average
from aeon.datasets import load_unit_test
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from headstart.errors import DataError, ShapeError
from headstart.similarity import barycenter, medoid, pairwise_dtw
from tests.naive import dtw as naive
from tests.similarity.strategies import collections, radii, radius_for

quick = settings(max_examples=20, deadline=None)


@quick
@given(collections(max_length=20, max_series=12, min_series=1), radii)
def test_medoid_equals_the_naive_twin(series, more):
    radius = radius_for(series, more)
    sums = [sum(naive.dtw(x, y, radius) for y in series) for x in series]
    assert sums[medoid(series, radius)] <= min(sums) * (1 + 1e-12)
    if np.sum(np.isclose(sums, min(sums), rtol=1e-9)) == 1:
        assert medoid(series, radius) == naive.medoid(series, radius)


@quick
@given(collections(max_length=16, max_series=10, min_series=1), radii, st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_average_equals_the_naive_twin(series, more, n_iterations, seed):
    radius = radius_for(series, more)
    weights = np.random.default_rng(seed).uniform(0.1, 2, len(series))
    expected, expected_inertia = naive.dba(series, series[0], n_iterations, weights, radius)
    average, inertia = barycenter(series, series[0], n_iterations, weights, radius, return_inertia=True)
    assert_allclose(inertia, expected_inertia[: len(inertia)], rtol=1e-9, atol=1e-12)
    if not ties(series):  # rounding decides between paths of equal costs
        assert_allclose(average, expected, rtol=1e-9, atol=1e-9)


def ties(series):
    return any(len(np.unique(x)) < x.size for x in series)


@quick
@given(collections(max_length=40, max_series=8))
def test_inertia_never_rises(series):
    average, inertia = barycenter(series, n_iterations=15, return_inertia=True)
    final = pairwise_dtw(series, [average], dtype=np.float64).sum()
    assert (np.diff([*inertia, final]) <= 1e-12 * inertia[0]).all()


def test_stops_where_another_iteration_changes_nothing():
    rng = np.random.default_rng(1)
    series = rng.standard_normal((5, 12))
    average, inertia = barycenter(series, n_iterations=500, return_inertia=True)
    assert 2 < len(inertia) < 100
    assert inertia[-1] == pytest.approx(inertia[-2], rel=1e-11)
    assert_allclose(barycenter(series, average, n_iterations=1), average, rtol=1e-12)


def test_number_of_threads_does_not_matter():
    rng = np.random.default_rng(2)
    series = [rng.standard_normal((2, length)) for length in rng.integers(5, 30, 90)]
    assert_array_equal(barycenter(series, n_jobs=1), barycenter(series, n_jobs=4))


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaTypeSafetyWarning")  # aeon's own
def test_equals_aeon_on_real_data():
    X, y = load_unit_test()
    X = X[y == "1"]
    start = X[medoid(X)]
    expected = petitjean_barycenter_average(X, distance="dtw", init_barycenter=start, max_iters=10, tol=0)
    assert_allclose(barycenter(X), expected, rtol=1e-9)


def test_weights_count_series():
    rng = np.random.default_rng(3)
    a, b, c = rng.standard_normal((3, 10))
    twice = barycenter([a, b, b, c], a, n_iterations=3)
    assert_allclose(barycenter([a, b, c], a, n_iterations=3, weights=[1, 2, 1]), twice, rtol=1e-12)
    assert_allclose(barycenter([a, b, c], a, n_iterations=1, weights=[0, 1, 0], radius=0), [b])


def test_of_one_series_is_itself():
    assert_array_equal(barycenter([[1.5, 2.5]]), [[1.5, 2.5]])
    assert medoid([[1, 2]]) == 0


def test_start_sets_the_length():
    average = barycenter([[0, 1, 2, 3], [0, 1, 3]], init=[0, 3], n_iterations=5)
    assert average.shape == (1, 2)


def test_near_ties_are_decided_in_float64():
    # The first two have sums that float32 cannot tell apart; the second's is smaller.
    X = [[1.0, 0.0], [1.0, 1e-5], [1.0, 3.0], [1.0, -3 + 3e-5]]
    sums = pairwise_dtw(X, dtype=np.float64).sum(axis=0)
    assert sums[1] < sums[0] < sums[1] * (1 + 1e-9)
    assert medoid(X) == 1


@pytest.mark.parametrize("scale", [1e-30, 1e30, 1e120])
def test_values_that_32_bits_do_not_hold(scale):
    X = np.array([[0.0, 5, 1], [5, 0, 2], [1, 2, 3]])
    assert medoid(scale * X) == medoid(X)
    assert_allclose(barycenter(scale * X, n_iterations=3) / scale, barycenter(X, n_iterations=3))


def test_medoid_without_all_pairs_is_close():
    rng = np.random.default_rng(4)
    X = np.sin(np.linspace(0, 6, 12) + rng.standard_normal((600, 1))) + 0.3 * rng.standard_normal((600, 12))
    sums = pairwise_dtw(X).sum(axis=1)
    found = medoid(X, max_exact=200)
    assert found == medoid(X, max_exact=200)
    assert sums[found] <= sums.min() * 1.05
    assert sums[found] < np.quantile(sums, 0.02)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: barycenter([]), ShapeError, "no series"),
        (lambda: medoid([]), ShapeError, "no series"),
        (lambda: barycenter([[1, 2]], init="mean"), DataError, "'medoid'"),
        (lambda: barycenter([[1, 2]], init=[[1, 2], [1, 2]]), ShapeError, "init has 2 channels and X has 1"),
        (lambda: barycenter([[1, 2]], init=[1, 2, 3], radius=0), ShapeError, "at least 1"),
        (lambda: barycenter([[1, 2]], weights=[1, 2]), ShapeError, "1 series need 1 weights"),
        (lambda: barycenter([[1, 2]], weights=[-1]), DataError, "not negative"),
        (lambda: barycenter([[1, 2]], weights=[0]), DataError, "not all 0"),
        (lambda: barycenter([[1, 2]], weights=["a"]), DataError, "numbers"),
        (lambda: barycenter([[1, 2]], n_iterations=-1), DataError, "n_iterations"),
        (lambda: barycenter([[1, np.nan, 2]]), DataError, "time step 2"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_medoid_of_series_far_from_zero():
    for seed in range(10):
        series = 1e7 + np.random.default_rng(seed).normal(size=(12, 30))
        assert medoid(series) == pairwise_dtw(series, dtype=np.float64).sum(axis=1).argmin()


@pytest.mark.parametrize("init", ["medoid", [1, 2, 3]])
def test_costs_beyond_float64_are_refused(init):
    with pytest.raises(DataError, match="too large for float64; scale the series"):
        barycenter([[1e200, -1e200, 0], [-1e200, 1e200, 3], [1, 2, 3]], init)
