import numpy as np
import pytest

from headstart.data import Dataset, load
from headstart.errors import DataError, ShapeError
from headstart.report.charts import BLUE, MIDDLE, save_chart
from headstart.report.fit_chart import _MAX_RIGHT, _MAX_WRONG, fit_chart

LOSSES = {"from GunPoint": [[0.7, 0.2, 0.1], [0.8, 0.3, 0.1]], "from scratch": [[1.0, 0.5, 0.2], [0.9, 0.6, 0.3]]}
ACCURACIES = {"from GunPoint": 0.9, "from scratch": 0.8, "most frequent class": 0.4}


def mistaken(test: Dataset, share: float) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.where(generator.random(test.n_cases) < share, generator.choice(test.classes, test.n_cases), test.labels)


def rows_with(chart, key: str) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows if key in row]


def small(n_classes: int, n_each: int = 2, length: int = 10) -> Dataset:
    X = np.random.default_rng(0).normal(size=(n_classes * n_each, length))
    return Dataset.from_arrays("small", X, [f"name {i % n_classes}" for i in range(len(X))])


@pytest.mark.parametrize("name", ["GunPoint", "JapaneseVowels", "ACSF1"])
def test_real_data_are_drawn(name, tmp_path):
    test = load(name)[1]
    chart = fit_chart(test, mistaken(test, 0.3), LOSSES, ACCURACIES, "A finding")
    save_chart(chart, tmp_path / "a.svg")
    picture = (tmp_path / "a.svg").read_text()
    assert ("channel 1 of" in picture) == (test.n_channels > 1)
    for words in ("A finding", "from GunPoint", "0.800", "Confusions", "right</text>"):
        assert words in picture


def test_the_classifier_in_question_is_blue():
    """Also if it has no network, and its rival has."""
    test = small(2)
    chart = fit_chart(test, test.labels, {"from scratch": [[0.5, 0.4]]}, {"the choice": 1.0, "from scratch": 0.5}, "A")
    assert {row["name"]: row["colour"] for row in rows_with(chart, "colour")} == {
        "the choice": BLUE,
        "from scratch": MIDDLE,
    }
    assert rows_with(chart, "median")
    without = fit_chart(test, test.labels, {}, {"the choice": 1.0}, "A")
    assert not rows_with(without, "median")


@pytest.mark.parametrize(
    ("n_classes", "losses"),
    [
        (1, LOSSES),
        (2, {"from scratch": [[0.5]]}),
        (5, LOSSES),
        (6, LOSSES),
        (7, {"a": [[0.0, float("nan")]]}),
        (60, LOSSES),
    ],
)
def test_any_number_of_classes_and_curves(n_classes, losses):
    test = small(n_classes)
    chart = fit_chart(test, mistaken(test, 0.5), losses, ACCURACIES, "A finding")
    spec = chart.to_dict()  # altair validates it against Vega-Lite's schema
    assert len({row["panel"] for row in rows_with(chart, "panel")}) == min(n_classes, 6)
    assert ("mistakes" in str(spec)) == (n_classes > 6)


def test_counts_are_right():
    test = Dataset.from_arrays("toy", np.arange(12).reshape(4, 3), ["a", "a", "a", "b"])
    chart = fit_chart(test, np.array(["a", "b", "b", "b"]), LOSSES, ACCURACIES, "A finding")
    assert {row["panel"] for row in rows_with(chart, "panel")} == {"a: 1 of 3 right", "b: 1 of 1 right"}
    cells = {(row["true"], row["predicted"]): (row["series"], row["outcome"]) for row in rows_with(chart, "true")}
    assert cells == {("a", "a"): (1, "right"), ("a", "b"): (2, "wrong"), ("b", "b"): (1, "right")}
    assert {row["case"]: row["outcome"] for row in rows_with(chart, "case")} == {
        1: "right",
        2: "wrong",
        3: "wrong",
        4: "right",
    }


def test_the_classes_with_the_most_mistakes_are_shown():
    test = small(10)
    predicted = test.labels.copy()
    predicted[test.labels == "name 9"] = "name 0"
    panels = {row["panel"] for row in rows_with(fit_chart(test, predicted, LOSSES, ACCURACIES, "A finding"), "panel")}
    assert "name 9: 0 of 2 right" in panels


def test_the_axis_ends_with_the_longest_series_that_is_drawn():
    names = [f"name {i}" for i in range(7)]
    test = Dataset.from_arrays("lengths", [np.arange(10.0)] * 6 + [np.arange(40.0)], names)
    for mistaken, longest in (("name 0", 10), ("name 6", 40)):
        predicted = np.where(test.labels == mistaken, "name 1", test.labels)
        chart = fit_chart(test, predicted, LOSSES, ACCURACIES, "A finding")
        assert f"'domain': [1, {longest}]" in str(chart.to_dict())


@pytest.mark.parametrize(
    ("n_mistaken", "said"), [(1, "among them all that have mistakes"), (7, "those with the most mistakes")]
)
def test_it_is_said_why_these_classes_are_shown(n_mistaken, said):
    test = small(10)
    predicted = np.where(test.y < n_mistaken, "name 9", test.labels)
    assert f"6 of 10 classes, {said}" in str(fit_chart(test, predicted, LOSSES, ACCURACIES, "A finding").to_dict())


def test_many_series_are_sampled_and_that_is_said():
    test = small(2, n_each=100)
    chart = fit_chart(test, mistaken(test, 0.8), LOSSES, ACCURACIES, "A finding")
    lines = rows_with(chart, "case")
    assert sum(line["outcome"] == "right" for line in lines) == 2 * _MAX_RIGHT
    assert sum(line["outcome"] == "wrong" for line in lines) == 2 * _MAX_WRONG
    assert "taken at random" in str(chart.to_dict())


def test_bad_predictions_are_refused():
    test = load("GunPoint")[1]
    with pytest.raises(ShapeError, match="150 series need 150 predictions"):
        fit_chart(test, test.labels[1:], LOSSES, ACCURACIES, "A finding")
    with pytest.raises(DataError, match=r"case 1 was given the label 7"):
        fit_chart(test, np.full(150, 7), LOSSES, ACCURACIES, "A finding")
    with pytest.raises(DataError, match="the label of every series"):
        fit_chart(Dataset.from_arrays("x", test.X), np.full(150, 1), LOSSES, ACCURACIES, "A finding")
