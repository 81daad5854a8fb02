"""The picture of a source shows the prototypes that it has, and its losses."""

import dataclasses

import numpy as np
import pytest

from headstart.data import Dataset
from headstart.errors import HeadstartError
from headstart.report.source_chart import source_chart
from headstart.training import Recipe
from headstart.zoo import pretrain


@pytest.fixture(scope="module")
def source():
    """Fourteen classes, two channels, unequal lengths."""
    random = np.random.default_rng(0)
    series = [random.normal(size=(2, 10 + i % 3)) for i in range(28)]
    data = Dataset.from_arrays("many", series, labels=[f"label {i % 14:02}" for i in range(28)])
    return pretrain(data, recipe=Recipe("short", epochs=3))


def test_prototypes_of_the_first_classes_and_losses(source):
    chart = source_chart(source).to_dict()
    assert chart["title"]["text"] == ["many: a source of 14 classes"]
    assert chart["title"]["subtitle"] == ["fcn, recipe short; 28 training series."]
    panels, _ = chart["vconcat"]
    assert panels["title"]["text"] == "Prototypes of the classes, the first 12 of 14"
    lines = chart["datasets"][panels["data"]["name"]]
    assert len(lines) == 24
    assert {line["panel"] for line in lines} == {f"class label {i:02}" for i in range(12)}
    first = source.prototypes.series[0]
    drawn = next(line for line in lines if line["panel"] == "class label 00" and line["channel"] == "channel 2")
    np.testing.assert_allclose(drawn["value"], first[1], rtol=1e-3, atol=1e-3)
    assert drawn["step"] == list(range(1, first.shape[1] + 1))
    drawn_losses = next(row["loss"] for rows in chart["datasets"].values() for row in rows if "loss" in row)
    np.testing.assert_allclose(drawn_losses, source.card.losses)


def test_what_is_known_is_said(source):
    card = dataclasses.replace(source.card, domain="ECG", test_accuracy=0.9172)
    subtitle = source_chart(dataclasses.replace(source, card=card)).to_dict()["title"]["subtitle"]
    assert subtitle == ["ECG; fcn, recipe short; 28 training series; accuracy 0.917 on its own test series."]


def test_a_trunk_has_losses_only(source):
    card = dataclasses.replace(source.card, classes=[])
    chart = source_chart(dataclasses.replace(source, card=card, prototypes=None)).to_dict()
    assert chart["title"]["text"] == ["many: a trunk without classes"]
    assert len(chart["vconcat"]) == 1
    assert "'cross-entropy'" in str(chart)
    joint = dataclasses.replace(card, members=["a", "b"])
    chart = str(source_chart(dataclasses.replace(source, card=joint, prototypes=None)).to_dict())
    assert "'loss (1: guessing)'" in chart
    assert "'cross-entropy'" not in chart


def test_nothing_to_draw(source):
    card = dataclasses.replace(source.card, losses=[])
    with pytest.raises(HeadstartError, match="many: the source has neither prototypes nor losses"):
        source_chart(dataclasses.replace(source, card=card, prototypes=None))
