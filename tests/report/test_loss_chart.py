"""Loss curves: what shares a panel and a name, and what a logarithmic axis leaves out."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.errors import HeadstartError
from headstart.report.charts import CATEGORIES, MIDDLE, save_chart
from headstart.report.loss_chart import _apart, _running_median, loss_chart, thinned
from headstart.training import Recipe
from headstart.zoo import Card, pretrain


@pytest.fixture(scope="module")
def card(small) -> Card:
    made = pretrain(small, recipe=Recipe("short", 1), with_prototypes=False).card
    return replace(made, losses=[1.0, 0.5, 0.25])


def rows_with(chart, key: str) -> list[dict]:
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows if key in row]


def colours_of(chart) -> dict[str, str]:
    """Colour by name; every layer of a panel has the same scale."""
    scale = chart.to_dict()["vconcat"][0]["layer"][0]["encoding"]["color"]["scale"]
    return dict(zip(scale["domain"], scale["range"], strict=True))


def test_with_and_without_transfer(card, tmp_path):
    tuned = replace(card, started_from="GunPoint", losses=[0.8, 0.1, 0.2])
    chart = loss_chart([tuned, card])
    assert {row["name"]: row["loss"] for row in rows_with(chart, "loss")} == {
        "from GunPoint": [0.8, 0.1, 0.2],
        "from scratch": [1.0, 0.5, 0.25],
    }
    assert chart.to_dict()["title"]["text"] == ["Training loss on ItalyPowerDemand, with and without transfer"]
    assert colours_of(chart) == {"from GunPoint": CATEGORIES[0], "from scratch": MIDDLE}
    for suffix in (".svg", ".html"):
        save_chart(chart, tmp_path / f"a{suffix}")
    picture = (tmp_path / "a.svg").read_text()
    for words in ("from GunPoint", "from scratch", "cross-entropy", "with and without transfer"):
        assert words in picture
    assert loss_chart([card]).to_dict()["title"]["text"] == ["Training loss on ItalyPowerDemand"]


def test_members_share_a_name_and_a_median(card):
    members = [replace(card, seed=i, losses=losses) for i, losses in enumerate(([1.0, 0.4], [0.8, 0.2], [0.6, 0.3]))]
    chart = loss_chart(members)
    assert {row["name"] for row in rows_with(chart, "loss")} == {"from scratch"}
    assert [row["network"] for row in rows_with(chart, "loss")] == [1, 2, 3]
    (thick,) = rows_with(chart, "median")
    assert thick["median"] == [0.8, 0.3]


def test_each_data_set_has_its_panel(card):
    other = replace(card, dataset="GunPoint", fingerprint="other")
    chart = loss_chart([card, other, replace(card, seed=1)])
    panels = chart.to_dict()["vconcat"]
    assert [panel["title"] for panel in panels] == ["ItalyPowerDemand", "GunPoint"]
    assert chart.to_dict()["title"]["text"] == ["Training loss"]
    assert len(rows_with(chart, "loss")) == 3


def test_names_say_where_trainings_differ(card):
    def names(*cards):
        return [row["name"] for row in rows_with(loss_chart(list(cards)), "loss")]

    recipe = card.recipe
    lite = replace(card, network="lite")
    assert names(card, lite) == ["from scratch, fcn", "from scratch, lite"]
    other = replace(card, recipe=recipe | {"name": "other", "epochs": 9})
    assert names(card, other) == ["from scratch, short", "from scratch, other"]
    longer = replace(card, recipe=recipe | {"epochs": 9})
    assert names(card, longer) == ["from scratch, epochs 1", "from scratch, epochs 9"]
    raw = replace(card, normalise=False)
    assert names(card, raw) == ["from scratch, normalise True", "from scratch, normalise False"]
    older = replace(card, recipe={name: value for name, value in recipe.items() if name != "bfloat16"})
    assert names(card, older) == ["from scratch"] * 2, "a field that a card lacks is no difference"


def test_losses_that_a_logarithm_cannot_show(card):
    chart = loss_chart([replace(card, losses=[1.0, 0.0, float("nan"), 0.5]), replace(card, losses=[0.0])])
    (thin,) = rows_with(chart, "loss")
    assert (thin["epoch"], thin["loss"]) == ([1, 4], [1.0, 0.5])
    loss_chart([replace(card, losses=[0.0])]).to_dict()


def test_what_cannot_be_drawn(card):
    with pytest.raises(HeadstartError, match="the card of ItalyPowerDemand keeps no losses"):
        loss_chart([replace(card, losses=[])])
    with pytest.raises(HeadstartError, match="there is no network whose losses could be drawn"):
        loss_chart([])
    many = [replace(card, started_from=f"source {i}") for i in range(len(CATEGORIES) + 1)]
    with pytest.raises(HeadstartError, match="9 kinds of curves are more than the 8 colours"):
        loss_chart(many)
    assert len(set(colours_of(loss_chart(many[:-1])).values())) == len(CATEGORIES)


def test_running_median_of_long_runs():
    runs = [np.full(2000, 1.0), np.full(1000, 3.0), np.full(2000, 2.0)]
    runs[0][500] = 99.0
    epochs, medians = _running_median(runs)
    assert (epochs[0], epochs[-1]) == (1, 2000)
    assert len(epochs) <= 240
    assert set(medians[epochs < 970]) == {2.0}, "of all three, whatever one of them does for an instant"
    assert set(medians[epochs > 1030]) == {1.5}, "of the two that are left"


def test_thinning_keeps_peaks_and_ends():
    x = np.zeros(10_000)
    x[[0, 1234, 7777, -1]] = 1.0, 5.0, -5.0, 2.0
    steps, values = thinned(x)
    assert len(steps) < 300
    assert {0, 1234, 7777, 9999} <= set(steps.tolist())
    np.testing.assert_array_equal(values, x[steps])


def test_labels_move_apart_and_stay_inside():
    moved = _apart([148.0, 147.0, 20.0], height=150, distance=15)
    assert moved == [150.0, 135.0, 20.0]
