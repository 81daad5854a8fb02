"""Signatures: copies are found whatever was done to them, and what is merely alike is not taken for a copy."""

import itertools

import numpy as np
import pytest

from headstart.data import Dataset, load
from headstart.data.signatures import NEAR, NO_SIGNATURE, SCALE, nearest_copies, series_signatures

UNIVARIATE = ["ArrowHead", "GunPoint", "ItalyPowerDemand", "OSULeaf", "PickupGestureWiimoteZ"]


@pytest.fixture(scope="module", params=UNIVARIATE)
def train_and_test(request) -> tuple[Dataset, Dataset]:
    return load(request.param)


def signatures_of(*series) -> np.ndarray:
    return series_signatures(Dataset.from_arrays("toy", list(series)))


def dense(x: np.ndarray) -> np.ndarray:
    """Put a point between each two."""
    old = np.arange(x.shape[-1])
    return np.apply_along_axis(lambda one: np.interp(np.arange(0, x.shape[-1] - 0.9, 0.5), old, one), -1, x)


CHANGES = {
    "scaled": lambda x: -3 + 250 * x,
    "z-normalised": lambda x: (x - x.mean()) / x.std(),
    "float16": lambda x: x.astype(np.float16),
    "2 decimals": lambda x: (x / x.std()).round(2),
    "5 digits": lambda x: np.char.mod("%.5g", 1000 + 20 * x / x.std()).astype(float),
    "a point between each two": dense,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_series_is_found_at_its_place(change, train_and_test):
    train, _ = train_and_test
    cases = np.random.default_rng(0).permutation(train.n_cases)[:30]
    nearest, distance = nearest_copies(
        signatures_of(*(change(train.series(i)) for i in cases)), series_signatures(train)
    )
    assert nearest.tolist() == cases.tolist()
    assert (distance <= NEAR).all()


def test_alike_is_no_copy(train_and_test):
    train, test = train_and_test
    nearest, distance = nearest_copies(series_signatures(test), series_signatures(train))
    assert (nearest == -1).all()
    assert np.isinf(distance).all()


def test_signatures_are_the_same_everywhere():
    """Files carry them, so neither a version of numpy nor a processor may change them by more than rounding."""
    expected = [[[4145, -2381, 1505, 455, 1034, -582, 1041, -623]]]
    np.testing.assert_allclose(signatures_of([0, 1, 4, 2, 2, 3, 0]), expected, atol=1)
    gun_point = [1176, -1695, 2087, 3726, -190, -1, -3747, 1058]
    np.testing.assert_allclose(series_signatures(load("GunPoint")[0])[0, 0], gun_point, atol=1)


def test_large_projections_fit():
    from headstart.data.signatures import _DIRECTIONS

    largest = np.linalg.norm(_DIRECTIONS, axis=0).max() * _DIRECTIONS.shape[0] ** 0.5 * SCALE
    assert largest < np.iinfo(np.int16).max


def test_padding_does_not_matter():
    train, _ = load("JapaneseVowels")
    assert len(set(train.lengths.tolist())) > 5
    cases = np.flatnonzero(train.lengths == train.lengths.min())
    np.testing.assert_array_equal(series_signatures(train.subset(cases)), series_signatures(train)[cases])


def test_backwards_is_the_reversed_series():
    train, _ = load("JapaneseVowels")
    backwards = Dataset.from_arrays("reversed", [train.series(i)[:, ::-1] for i in range(train.n_cases)])
    np.testing.assert_allclose(
        series_signatures(train, backwards=True), series_signatures(backwards).astype(int), atol=1
    )


def test_constant_series_match_nothing():
    constant = signatures_of(np.full(20, 0.1), [3.0], np.full(7, 1e6))
    assert (constant == NO_SIGNATURE).all()
    assert nearest_copies(constant, constant)[0].tolist() == [-1, -1, -1]


def test_a_channel_of_a_multivariate_series_is_found_and_the_other_way_round():
    train, _ = load("BasicMotions")
    channel = Dataset.from_arrays("channel", train.X[[7, 3], 4])
    whole, single = series_signatures(train), series_signatures(channel)
    assert nearest_copies(single, whole)[0].tolist() == [7, 3]
    nearest = nearest_copies(whole, single)[0]
    assert (nearest[7], nearest[3], (nearest >= 0).sum()) == (0, 1, 2)


def test_series_with_the_same_channels_must_agree_in_all():
    train, _ = load("BasicMotions")
    stored = series_signatures(train)
    assert nearest_copies(stored[[5, 1]], stored)[0].tolist() == [5, 1]
    mixed = train.X[:5].copy()
    mixed[:, 0] = train.X[5:10, 0]  # one channel of other series
    assert (nearest_copies(series_signatures(Dataset.from_arrays("mixed", mixed)), stored)[0] == -1).all()


def test_series_with_other_numbers_of_channels_are_not_compared():
    train, _ = load("BasicMotions")
    two = series_signatures(Dataset.from_arrays("two", train.X[:, :2]))
    assert (nearest_copies(two, series_signatures(train))[0] == -1).all()


def test_a_constant_channel_is_left_out():
    train, _ = load("BasicMotions")
    X = train.X.copy()
    X[:, 2] = 1
    with_constant = series_signatures(Dataset.from_arrays("constant", X))
    without = series_signatures(Dataset.from_arrays("without", np.delete(X, 2, axis=1)))
    assert nearest_copies(with_constant, without)[0].tolist() == list(range(train.n_cases))


def naive_nearest(query: np.ndarray, stored: np.ndarray) -> tuple[int, float]:
    """Compare one series with each stored one, as the docstring of `nearest_copies` says."""
    best, nearest = np.inf, -1
    mine = query[query[:, 0] != NO_SIGNATURE].astype(float)
    for i, signature in enumerate(stored):
        other = signature[signature[:, 0] != NO_SIGNATURE].astype(float)
        if len(mine) == len(other) > 0:
            pairs = [(mine, other)]
        elif 1 in (len(mine), len(other)):
            pairs = list(itertools.product(mine, other))
        else:
            pairs = []
        for a, b in pairs:
            distance = np.sqrt(((a - b) ** 2).mean()) / SCALE
            if distance < min(best, NEAR):
                best, nearest = distance, i
    return nearest, best


def test_nearest_copies_against_the_plain_way():
    random = np.random.default_rng(3)
    stored = random.integers(-25, 25, (60, 3, 8)).astype(np.int16)
    queries = stored[random.integers(0, 60, 80)] + random.integers(-19, 20, (80, 3, 8)).astype(np.int16)
    for array in (stored, queries):
        array[random.random(array.shape[:2]) < 0.3] = NO_SIGNATURE
    nearest, distance = nearest_copies(queries, stored)
    expected = [naive_nearest(query, stored) for query in queries]
    np.testing.assert_allclose(distance, [d for _, d in expected])
    assert 10 < (nearest == -1).sum() < 70
    assert (nearest == [i for i, _ in expected]).mean() > 0.9  # of equally near ones it may be any
