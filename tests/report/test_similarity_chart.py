import itertools

import numpy as np
import pandas as pd
import pytest

from headstart.errors import DataError, ShapeError
from headstart.report.charts import save_chart
from headstart.report.similarity_chart import _label_places, _positions, _similar_first, similarity_chart


def matrix_of(points: np.ndarray) -> pd.DataFrame:
    names = [f"set {i}" for i in range(len(points))]
    return pd.DataFrame(np.linalg.norm(points[:, None] - points[None], axis=2), names, names)


def random_matrix(n: int) -> pd.DataFrame:
    return matrix_of(np.random.default_rng(n).normal(size=(n, 5)))


def rows_with(chart, key: str) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows if key in row]


def test_a_picture_is_drawn(tmp_path):
    matrix = random_matrix(12)
    save_chart(similarity_chart(matrix, {"set 3": "ECG", "set 4": "motion"}), tmp_path / "a.svg")
    picture = (tmp_path / "a.svg").read_text()
    assert all(picture.count(f">{name}</text>") >= 3 for name in matrix.index)  # row, column, map
    assert ">motion</text>" in picture
    assert "cannot be compared" not in picture


@pytest.mark.parametrize("n", [2, 3, 90])
def test_any_number_of_data_sets(n, tmp_path):
    chart = similarity_chart(random_matrix(n))
    spec = chart.to_dict()  # altair validates it against Vega-Lite's schema
    heat_map, of_the_map = spec["vconcat"][0]["name"], {layer.get("name") for layer in spec["vconcat"][1]["layer"]}
    (selection,) = spec["params"]  # one, in both panels
    assert heat_map in selection["views"]
    assert of_the_map & set(selection["views"])
    assert sum(len(row["other"]) for row in rows_with(chart, "other")) == n * (n - 1)
    assert len(rows_with(chart, "label_x")) == n


def test_cells_hold_the_matrix():
    matrix = random_matrix(5)
    for row in rows_with(similarity_chart(matrix), "other"):
        np.testing.assert_allclose(row["distance"], matrix.loc[row["name"], row["other"]], rtol=1e-4)
        by_distance = matrix[row["name"]].drop(row["name"]).sort_values().index.tolist()
        assert row["neighbour"] == [by_distance.index(other) + 1 for other in row["other"]]


def test_pairs_that_cannot_be_compared_are_empty_and_counted():
    matrix = random_matrix(6)
    matrix.iloc[5, :5] = matrix.iloc[:5, 5] = np.nan
    chart = similarity_chart(matrix)
    rows = {row["name"]: row for row in rows_with(chart, "other")}
    assert rows["set 5"]["other"] == []
    assert "set 5" not in rows["set 0"]["other"]
    assert chart.to_dict()["title"]["subtitle"][0].count("5 pairs cannot be compared")
    assert [row["name"] for row in rows_with(chart, "label_x") if row["nearest"].startswith("none")] == ["set 5"]


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_nothing_comparable_and_all_equal_are_drawn(value, tmp_path):
    names = ["a", "b", "c"]
    matrix = pd.DataFrame(np.where(np.eye(3), 0, value), names, names)
    save_chart(similarity_chart(matrix), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text().count("NaN") == 0


def test_similar_data_sets_lie_side_by_side():
    line = np.random.default_rng(0).permutation(20).astype(float)[:, None]
    order = _similar_first(matrix_of(line).to_numpy())
    assert line[order, 0].tolist() in (list(range(20)), list(range(19, -1, -1)))


def test_a_plane_is_found_again():
    points = np.random.default_rng(0).normal(size=(15, 2))
    distances = matrix_of(points).to_numpy()
    found, fit = _positions(distances)
    np.testing.assert_allclose(matrix_of(found).to_numpy(), distances, atol=1e-3)
    assert fit > 0.999
    np.testing.assert_array_equal(found, _positions(distances)[0])


def test_names_at_one_place_do_not_hide_each_other():
    pixels = np.array([[300.0, 200.0], [301.0, 200.0], [300.0, 202.0], [302.0, 201.0]])
    places, aligned, ends = _label_places(pixels, ["a long name"] * 4, 600)
    for one, other in itertools.combinations(range(4), 2):
        same_row = abs(places[one, 1] - places[other, 1]) < 9
        assert not same_row or {aligned[one], aligned[other]} == {"left", "right"}
    assert ends.shape == (4, 2)


def test_bad_matrices_are_refused():
    matrix = random_matrix(3)
    with pytest.raises(DataError, match="two data sets or more, got 1"):
        similarity_chart(matrix.iloc[:1, :1])
    with pytest.raises(DataError, match="two data sets or more, got 0"):
        similarity_chart(matrix.iloc[:0, :0])
    with pytest.raises(ShapeError, match="same names"):
        similarity_chart(matrix.iloc[:2])
    with pytest.raises(ShapeError, match="same names"):
        similarity_chart(matrix.rename(columns={"set 0": "x"}))
    with pytest.raises(ShapeError, match="'set 0' is twice"):
        similarity_chart(matrix.rename(index={"set 1": "set 0"}, columns={"set 1": "set 0"}))
    with pytest.raises(DataError, match="negative"):
        similarity_chart(-matrix)
    with pytest.raises(DataError, match="not"):
        similarity_chart(matrix + np.triu(np.ones((3, 3)), 1))
