import itertools

import numpy as np
import pandas as pd
import pytest

from headstart.errors import DataError
from headstart.report.charts import save_chart
from headstart.report.grid_chart import _correlation, _round_up, grid_chart


def pairs_of(sources, targets, change, *, n_seeds=1, scratch=0.5):
    """Pairs whose accuracy is that from scratch and `change(source number, target number, seed)`."""
    rows = [
        {
            "source": source,
            "target": target,
            "seed": seed,
            "accuracy": scratch + change(i, j, seed),
            "scratch_accuracy": scratch,
            "related": False,
        }
        for (i, source), (j, target) in itertools.product(enumerate(sources), enumerate(targets))
        for seed in range(n_seeds)
        if source != target
    ]
    return pd.DataFrame(rows)


def random_pairs(n_sources, n_targets, n_seeds=2):
    rng = np.random.default_rng(0)
    names = [f"set {i}" for i in range(max(n_sources, n_targets))]
    return pairs_of(names[:n_sources], names[:n_targets], lambda *_: rng.normal(0, 0.1), n_seeds=n_seeds)


def distances_of(names):
    """Of points on a line, in the order of their names."""
    places = np.arange(len(names), dtype=float)
    return pd.DataFrame(np.abs(places[:, None] - places), names, names)


def rows_of(spec, panel, layer):
    """The data of a layer."""
    return spec["datasets"][spec["vconcat"][panel]["layer"][layer]["data"]["name"]]


def cells(chart):
    """The cells of the heat map, by source and target, and its means."""
    spec = chart.to_dict()
    values = {(row["source"], row["target"]): row for row in rows_of(spec, 0, 0)}
    return values, {(row["source"], row["target"]): row["change"] for row in rows_of(spec, 0, 1)}


def orders(chart):
    encoding = chart.to_dict()["vconcat"][0]["layer"][0]["encoding"]
    return encoding["y"]["scale"]["domain"][:-2], encoding["x"]["scale"]["domain"][:-2]


def test_cells_are_means_over_seeds_in_percent_of_scratch():
    pairs = pairs_of(["a"], ["x"], lambda i, j, seed: (0.1, 0.2)[seed], n_seeds=2)
    cell = cells(grid_chart(pairs))[0]["a", "x"]
    assert cell["change"] == pytest.approx(30)
    assert (cell["lowest"], cell["highest"]) == (pytest.approx(20), pytest.approx(40))
    assert (cell["accuracy"], cell["scratch_accuracy"]) == (pytest.approx(0.65), 0.5)


def test_sorted_by_means_which_stand_beside():
    pairs = pairs_of(["a", "b", "c"], ["x", "y"], lambda i, j, seed: [0, 0.2, 0.1][i] - 0.3 * (j == 0))
    chart = grid_chart(pairs)
    assert orders(chart) == (["b", "c", "a"], ["y", "x"])
    margins = cells(chart)[1]
    assert margins["b", "mean"] == pytest.approx(10)
    assert margins["mean", "x"] == pytest.approx(-40)


def test_relatives_are_marked_and_not_counted():
    pairs = pairs_of(["a", "b"], ["x", "y"], lambda i, j, seed: 0.4 if (i, j) == (0, 0) else -0.1)
    pairs["related"] = (pairs["source"] == "a") & (pairs["target"] == "x")
    chart = grid_chart(pairs, distances_of(["a", "b", "x", "y"]))
    values, margins = cells(chart)
    assert ("a", "x") not in values
    assert margins["a", "mean"] == pytest.approx(-20)
    spec = chart.to_dict()
    assert spec["title"]["text"] == [
        "Transfer against training from scratch: 0% of 3 pairs gain accuracy, 100% lose",
    ]
    assert "relative of the target" in " ".join(spec["title"]["subtitle"])
    assert [(row["source"], row["target"]) for row in rows_of(spec, 0, -1)] == [("a", "x")]
    assert [row["n_targets"] for row in rows_of(spec, 1, 0)] == [2, 1]
    with pytest.raises(DataError, match="all sources are relatives"):
        grid_chart(pairs.assign(related=True))


def test_change_by_rank():
    names = [f"set {i}" for i in range(6)]
    pairs = pairs_of(names, ["set 0"], lambda i, j, seed: 0.1 - 0.05 * i)
    chart = grid_chart(pairs, distances_of(names)).to_dict()
    curve = {row["rank"]: row["mean"] for row in rows_of(chart, 1, 0)}
    assert curve == {rank: pytest.approx(10 - 5 * rank) for rank in range(1, 6)}
    assert [row["level"] for row in rows_of(chart, 1, 1)] == [0, pytest.approx(-5)]
    assert "mean over targets: +1.00." in chart["vconcat"][1]["title"]["subtitle"][1]


def test_correlation_of_targets_that_all_sources_serve_alike():
    same = pd.DataFrame({"target": "x", "rank": [1.0, 2, 3], "change": [0.1 + 0.2, 0.3, 0.3]})
    assert np.isnan(_correlation(same))
    other = pd.DataFrame({"target": "y", "rank": [1.0, 2, 3], "change": [0.0, 2, 3]})
    assert _correlation(pd.concat([same, other])) == pytest.approx(-1)


def test_distances_of_other_data_sets():
    with pytest.raises(DataError, match="the distances name none of the pairs; give those of the same data sets"):
        grid_chart(random_pairs(3, 3), distances_of(["a", "b"]))


def test_seeds_that_not_every_pair_has():
    pairs = random_pairs(3, 3)
    subtitle = grid_chart(pairs.drop(index=0)).to_dict()["title"]["subtitle"][0]
    assert subtitle.startswith("Means of 1 to 2 seeds.")


def test_what_chance_does():
    pairs = random_pairs(3, 3)
    assert "Means of 2 seeds. By chance alone" in grid_chart(pairs).to_dict()["title"]["subtitle"][0]
    pairs["scratch_accuracy"] = pairs["seed"].map({0: 0.9, 1: 1.1})
    assert "varies by 14.1%" in grid_chart(pairs).to_dict()["title"]["subtitle"][0]
    one = grid_chart(pairs[pairs["seed"] == 0]).to_dict()["title"]["subtitle"]
    assert one == ["One run a pair."]


@pytest.mark.parametrize(("n_sources", "n_targets"), [(1, 2), (22, 20), (4, 70), (70, 4)])
def test_any_size_is_drawn(n_sources, n_targets, tmp_path):
    pairs = random_pairs(n_sources, n_targets)
    names = sorted({*pairs["source"], *pairs["target"]})
    save_chart(grid_chart(pairs, distances_of(names)), tmp_path / "a.svg")
    picture = (tmp_path / "a.svg").read_text()
    assert "NaN" not in picture
    assert ">set 1</text>" in picture


def test_nothing_right_from_scratch_has_no_percentage(tmp_path):
    pairs = pd.concat(
        [
            pairs_of(["a", "b"], ["x"], lambda *_: 0.2, scratch=0.0),
            pairs_of(["a", "b"], ["y"], lambda *_: 0.2),
        ]
    )
    chart = grid_chart(pairs)
    assert cells(chart)[0]["a", "x"]["change"] is None
    save_chart(chart, tmp_path / "a.svg")
    assert "NaN" not in (tmp_path / "a.svg").read_text()


def test_nothing_right_at_all_is_drawn(tmp_path):
    save_chart(grid_chart(pairs_of(["a", "b"], ["x"], lambda *_: 0.0, scratch=0.0)), tmp_path / "a.svg")
    assert "NaN" not in (tmp_path / "a.svg").read_text()


def test_round_up():
    assert [_round_up(value) for value in (0, 0.1, 3, 5, 7, 12, 60)] == pytest.approx([0.1, 0.1, 5, 5, 10, 20, 100])
