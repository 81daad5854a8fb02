import re

import numpy as np
import pandas as pd
import pytest

from headstart.data import Dataset, describe, z_normalise
from headstart.data.preprocessing import require_variation
from headstart.errors import DataError, ShapeError


def test_array_and_list_give_the_same():
    X = np.random.default_rng(0).normal(size=(4, 2, 7))
    X[1, 0, 5:] = X[1, 1, 4:] = np.nan
    X[2, 1, 2] = np.nan
    of_array = Dataset.from_arrays("x", X, list("abab"))
    of_list = Dataset.from_arrays("x", [x[:, :5] if i == 1 else x for i, x in enumerate(X)], list("abab"))
    assert of_array.fingerprint == of_list.fingerprint
    assert of_array.lengths.tolist() == [7, 5, 7, 7]
    assert of_array.n_interpolated == of_list.n_interpolated == 2
    np.testing.assert_allclose(of_array.X[2, 1, 2], (X[2, 1, 1] + X[2, 1, 3]) / 2, rtol=1e-6)
    assert of_array.X[1, 1, 4] == of_array.X[1, 1, 3]
    assert np.isnan(of_array.X[1, :, 5:]).all()


@pytest.mark.parametrize(("level", "height"), [(101325, 0.05), (1e6, 0.8), (5.3e6, 3)])
def test_a_high_level_hides_no_movement(level, height):
    """Air pressure in pascals, coordinates in metres."""
    data = Dataset.from_arrays("high", [level + height * np.sin(np.linspace(0, 9, 100))])
    assert z_normalise(data).X.std() == pytest.approx(1, abs=1e-3)
    require_variation(data)


def test_what_normalisation_would_erase_is_refused():
    data = Dataset.from_arrays("flat", np.float32(7e6) + np.array([[0, 0.5, 0, 0.5, 0]], np.float32))
    assert np.ptp(data.X) > 0, "its values differ by rounding"
    assert not z_normalise(data).X.any()
    with pytest.raises(DataError, match="flat: case 1 never changes"):
        require_variation(data)


WAVE = np.sin(np.arange(60))


@pytest.mark.parametrize(("offset", "amplitude"), [(1e9, 100), (1e9, 1), (1e7, 1), (52.5, 3e-6), (-1e12, 1)])
@pytest.mark.parametrize("form", [np.array, list, lambda X: np.array(X)[:, None]])
def test_variation_that_32_bits_cannot_hold_is_refused(form, offset, amplitude):
    far = amplitude * WAVE + offset
    with pytest.raises(DataError, match=r"^far: case 2 varies by about [0-9.e-]+ around [0-9.e+-]+, which 32 bits"):
        Dataset.from_arrays("far", form([WAVE, far, far]))
    assert Dataset.from_arrays("one that is nearly constant", form([WAVE, WAVE, far])).n_cases == 3


@pytest.mark.parametrize(("offset", "amplitude"), [(0, 1e-15), (1e5, 1), (52.5, 1e-3), (0.3, 0), (1e9, 0), (0, 0)])
def test_variation_that_32_bits_hold(offset, amplitude):
    X = Dataset.from_arrays("near", [amplitude * WAVE + offset]).X
    np.testing.assert_allclose(X.std(), amplitude * WAVE.std(), rtol=0.02, atol=1e-6 * offset)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", 1, "b"], "labels are of several types ('a' in case 1, 1 in case 2); make all"),
        (np.array([True, 2, 2], object), "labels are of several types (True in case 1, 2 in case 2)"),
        (["a", float("nan"), "b"], "case 2 has no label"),
        (pd.Series(["a", pd.NA, "b"], dtype="string"), "case 2 has no label"),
        (["a", None, "b"], "case 2 has no label"),
    ],
)
def test_labels_that_cannot_be_used(labels, message):
    with pytest.raises(DataError, match=re.escape(message)):
        Dataset.from_arrays("x", np.eye(3), labels)


def test_truth_values_of_two_libraries_are_of_one_type():
    assert Dataset.from_arrays("x", np.eye(3), [True, np.True_, np.False_]).labels.tolist() == [True, True, False]


@pytest.mark.parametrize("cases", [[], np.zeros(3, bool)])
def test_no_cases(cases):
    with pytest.raises(DataError, match="x: none of its 3 cases is asked for"):
        Dataset.from_arrays("x", np.eye(3)).subset(cases)


@pytest.mark.parametrize("X", [np.zeros((6, 0, 5)), [np.zeros((0, 5))] * 6])
def test_series_without_channels(X):
    with pytest.raises(ShapeError, match="no channels"):
        Dataset.from_arrays("empty", X)


def test_values_lie_in_order_in_memory():
    table = np.asfortranarray(np.arange(12.0).reshape(3, 4))  # as that of a DataFrame
    assert Dataset.from_arrays("table", table).X.flags.c_contiguous


def test_masked_values_are_missing():
    data = Dataset.from_arrays("masked", np.ma.masked_equal([[1, 2, 3], [2, 99, 4]], 99))
    assert (data.X[1, 0].tolist(), data.n_interpolated) == ([2, 3, 4], 1)


@pytest.mark.parametrize("kind", [complex, "datetime64[s]", "timedelta64[s]"])
def test_values_that_are_no_numbers(kind):
    with pytest.raises(DataError, match="series are of numbers that can be ordered, and these are"):
        Dataset.from_arrays("odd", np.ones((2, 3), kind))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [([2, 1.5, 2], [1.5, 2]), ([True, False, True], [False, True]), (["b", "a", "b"], ["a", "b"])],
)
def test_labels_keep_their_type(labels, classes):
    data = Dataset.from_arrays("x", np.eye(3), labels)
    assert data.classes.tolist() == classes
    assert data.labels.tolist() == labels


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"channel_names": "abc"}, "there are 2 channels and 3 names of channels; name all or none"),
        ({"case_names": ["p"]}, "there are 3 cases and 1 names of cases"),
        ({"channel_names": ["a", "a"]}, r"two channels have the same name \(a, a\); rename one"),
    ],
)
def test_names_that_do_not_fit(names, message):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays("x", np.zeros((3, 2, 4)), **names)


def test_names_of_cases_follow_them():
    data = Dataset.from_arrays("x", [[1, 2], [3, 4], [5, 6]], case_names=["a", "b", "c"])
    assert data.subset([2, 0]).case_names == ("c", "a")
    assert z_normalise(data).subset([1]).case_names == ("b",)


def test_arrays_given_are_not_changed():
    X = np.array([[1, np.nan, 3]], np.float32)
    assert Dataset.from_arrays("x", X).X.tolist() == [[[1, 2, 3]]]
    assert np.isnan(X[0, 1])


def test_common_padding_is_cut_off():
    assert Dataset.from_arrays("x", [[1, 2, np.nan], [3, np.nan, np.nan]]).X.shape == (2, 1, 2)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ShapeError, "no series"),
        (np.empty((0, 5)), ShapeError, "no series"),
        (3, ShapeError, "no series"),
        (np.empty((2, 0)), DataError, "case 1 has no values"),
        ([[1, 2], []], DataError, "case 2 has no values"),
        (np.zeros(4), ShapeError, "case 1 has 0 dimensions"),
        (np.zeros((2, 2, 2, 2)), ShapeError, "case 1 has 3 dimensions"),
        ([[1, 2], ["a", 2]], DataError, "case 2 is not made of numbers"),
        ([np.zeros((2, 3)), np.zeros((1, 3))], ShapeError, "case 2 has 1 channels where case 1 has 2"),
        ([[1, 2], [1, np.inf]], DataError, "case 2 has an infinite value .* at time step 2;"),
        ([[[1, 2], [1, 1e200]]], DataError, "case 1 has an infinite value .*too large.* at time step 2 of channel 2"),
        (np.array([[1e39, 1.0]]), DataError, "case 1 has an infinite value .* at time step 1"),
        ([[1, 2], [np.nan, np.nan]], DataError, "case 2 has no values at all"),
        ([[[1, 2], [np.nan, np.nan]]], DataError, "case 1 has no values in channel 2"),
    ],
)
def test_bad_series(X, error, message):
    with pytest.raises(error, match=f"^toy: .*{message}"):
        Dataset.from_arrays("toy", X)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([1], ShapeError, "2 series need 2 labels"),
        ([[1], [2]], ShapeError, "2 series need 2 labels"),
        ([1.0, np.nan], DataError, "case 2 has no label"),
        (["a", None], DataError, "case 2 has no label"),
        (["", "b"], DataError, "case 1 has no label"),
    ],
)
def test_bad_labels(labels, error, message):
    with pytest.raises(error, match=message):
        Dataset.from_arrays("toy", [[1, 2], [3, 4]], labels)


def test_describe():
    data = Dataset.from_arrays("toy", [[1, np.nan, 3], [4, 5], [6, 7]], ["b", "a", "b"])
    summary = describe(data)
    assert summary.class_counts == {"a": 1, "b": 2}
    assert (summary.n_cases, summary.n_channels, summary.shortest, summary.longest) == (3, 1, 2, 3)
    assert (summary.n_interpolated, summary.n_unlabelled) == (1, 0)
    assert describe(Dataset.from_arrays("toy", [[1, 2]])).n_unlabelled == 1


def test_z_normalise_keeps_padding():
    data = z_normalise(Dataset.from_arrays("toy", [[[1, 2, 3], [5, 5, 5]], [[1, 3], [2, 8]]]))
    np.testing.assert_allclose(np.nanmean(data.X, axis=2), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(data.X, axis=2), [[1, 0], [1, 1]], atol=1e-6)
    assert np.isnan(data.X[1, :, 2]).all()


def test_constant_series():
    data = Dataset.from_arrays("toy", [[1, 2], [3, 3]])
    assert z_normalise(data).X.tolist() == [[[-1, 1]], [[0, 0]]]
    with pytest.raises(DataError, match="case 2 never changes"):
        require_variation(data)


def test_no_labels():
    with pytest.raises(DataError, match="toy has cases without a label"):
        _ = Dataset.from_arrays("toy", [[1, 2]]).labels
