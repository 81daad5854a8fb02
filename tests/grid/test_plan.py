"""The plan: every cell once, in an order that makes a stopped run worth something."""

import dataclasses

import numpy as np
import pytest

from headstart.errors import DataError, HeadstartError, UnknownNameError
from headstart.grid import Cell, make_plan
from headstart.grid.costs import Costs
from headstart.grid.plan import Extent, Plan, load_plans
from headstart.training import RECIPES, Recipe
from tests.data import writers

SHORT = Recipe("short", epochs=1)


def plan_of(sources, targets, **settings):
    extents = {name: Extent(10 * (1 + i), 5, 1, 20, name, name) for i, name in enumerate(sorted({*sources, *targets}))}
    defaults = {"networks": ("fcn",), "recipes": (SHORT,), "seeds": (0,)}
    return Plan(tuple(sources), tuple(targets), extents=extents, **(defaults | settings))


def test_every_cell_once():
    names = [f"d{i}" for i in range(7)]
    plan = plan_of(names, names, networks=("fcn", "lite"), recipes=(SHORT, RECIPES["paper"]), seeds=(0, 5))
    expected = {
        Cell(target, source if source != target else None, network, recipe, seed)
        for target in names
        for source in names
        for network in ("fcn", "lite")
        for recipe in (SHORT, RECIPES["paper"])
        for seed in (0, 5)
    }
    assert set(plan.cells) == expected
    assert len(plan.cells) == len(expected) == 2 * 2 * 2 * 7 * 7


def test_scratch_first_then_rounds_of_every_target_cheap_ones_first():
    names = [f"d{i}" for i in range(5)]
    cells = plan_of(names, names, seeds=(0, 1)).cells
    assert {cell.seed for cell in cells[:25]} == {0}
    assert [(cell.source, cell.target) for cell in cells[:5]] == [(None, name) for name in names]
    for start in range(5, 25, 5):
        one_round = cells[start : start + 5]
        assert [cell.target for cell in one_round] == names  # each is larger than the one before it
        assert {cell.source for cell in one_round} == set(names)


@pytest.mark.parametrize("seed", range(20))
def test_in_a_round_targets_have_different_sources(seed):
    """Where there are enough; some targets may be no sources, and some sources no targets."""
    rng, sources = np.random.default_rng(seed), list("abcdefgh")
    targets = sorted(rng.choice([*sources, "x", "y", "z"], rng.integers(1, 9), replace=False).tolist())
    cells = [cell for cell in plan_of(sources, targets).cells if cell.kind == "transfer"]
    for number in range(7):  # each target has so many sources at least
        one_round = cells[number * len(targets) : (number + 1) * len(targets)]
        assert len({cell.source for cell in one_round}) == len(targets)


def test_sources_that_are_no_targets_are_trained_but_not_targets():
    cells = plan_of(["a", "b"], ["b", "c"]).cells
    assert {(cell.source, cell.target) for cell in cells} == {
        (None, "a"), (None, "b"), (None, "c"), ("a", "b"), ("a", "c"), ("b", "c"),
    }  # fmt: skip
    assert {cell.target for cell in cells[3:5]} == {"b", "c"}


def test_many_recipes_and_networks_share_the_rounds():
    cells = plan_of(["a", "b"], ["c"], networks=("fcn", "lite"), recipes=(SHORT, Recipe("longer", 2))).cells
    assert [cell.kind for cell in cells] == ["scratch"] * 12 + ["transfer"] * 8
    assert len({(cell.network, cell.recipe) for cell in cells[12:16]}) == 4


def test_made_from_an_archive(archive):
    plan = make_plan(archive, recipes=[SHORT], seeds=2)
    assert plan.sources == plan.targets == ("GunPoint", "ItalyPowerDemand", "UnitTest")
    extent = plan.extents["GunPoint"]
    assert (extent.n_train, extent.n_test, extent.n_channels, extent.length) == (12, 12, 1, 24)
    assert len(plan.cells) == 2 * 9
    assert make_plan(archive, sources=["Gun_Point", "gunpoint"], targets=["UnitTest"]).sources == ("GunPoint",)
    assert make_plan(archive, targets=["UnitTest"], seeds=[7]).seeds == (7,)


@pytest.mark.parametrize("seeds", [np.int64(2), np.arange(2), [0, 1]])
def test_seeds_of_numpy(archive, tmp_path, seeds):
    plan = make_plan(archive, seeds=seeds)
    assert plan == make_plan(archive, seeds=2)
    assert all(type(seed) is int for seed in plan.seeds), "as JSON writes them"


def test_one_may_stand_for_a_list_of_one(archive):
    one = make_plan(archive, sources="GunPoint", targets="UnitTest", networks="fcn", recipes=SHORT)
    assert one == make_plan(archive, sources=["GunPoint"], targets=["UnitTest"], networks=["fcn"], recipes=[SHORT])
    assert make_plan(archive, recipes="quick") == make_plan(archive, recipes=["quick"])
    with pytest.raises(DataError, match=r"seed is 1\.5; a seed is a whole number"):
        make_plan(archive, seeds=1.5)


def test_what_cannot_be_planned(archive, tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown data set 'GunPiont'\. Did you mean 'GunPoint'"):
        make_plan(archive, sources=["GunPiont"])
    with pytest.raises(UnknownNameError, match="unknown recipe"):
        make_plan(archive, recipes=["x"])
    with pytest.raises(UnknownNameError, match="unknown network"):
        make_plan(archive, networks=["x"])
    with pytest.raises(DataError, match="nothing to do"):
        make_plan(archive, seeds=0)
    with pytest.raises(DataError, match="seed is -1; a seed is a whole number from 0"):
        make_plan(archive, seeds=[-1])
    with pytest.raises(DataError, match="two recipes are named alike"):
        make_plan(archive, recipes=[SHORT, Recipe("short", 2)])
    for name in ("Good", "Bad", "Worse"):
        (tmp_path / name).mkdir()
        writers.ucr(tmp_path / name / f"{name}_TRAIN.tsv", [*archive_series()], ["a", "b"])
    assert make_plan(tmp_path, targets=[]).targets == ()
    with pytest.raises(DataError, match="Good: has no test part, so it can be a source, but no target"):
        make_plan(tmp_path, targets=["Good"])
    for name in ("Bad", "Worse"):
        (tmp_path / name / f"{name}_TRAIN.tsv").write_text("a\tx\n")
    with pytest.raises(DataError, match=r"2 data sets cannot be read; .*Bad_TRAIN.*Worse_TRAIN"):
        make_plan(tmp_path)


def archive_series():
    return np.arange(8.0).reshape(2, 1, 4)


def test_kept_and_read(tmp_path):
    plans = [plan_of(["a", "b"], ["b", "c"]), plan_of(["a"], ["b"], seeds=(1, 2), recipes=(RECIPES["paper"],))]
    for plan in [*plans, plans[0]]:
        plan.save(tmp_path)
    read = load_plans(tmp_path)
    assert len(read) == 2
    assert all(plan in read for plan in plans)


def test_a_plan_of_another_version(tmp_path):
    plan_of(["a", "b"], ["b", "c"]).save(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text().replace('"epochs"', '"eras"'))
    with pytest.raises(HeadstartError, match=r"is no plan that this version of headstart reads \(.*eras"):
        load_plans(tmp_path)


def test_other_data_of_the_same_name_are_refused(tmp_path):
    plan = plan_of(["a", "b"], ["b", "c"])
    plan.save(tmp_path)
    changed = plan.extents | {"b": dataclasses.replace(plan.extents["b"], test_fingerprint="other")}
    with pytest.raises(DataError, match="was begun with other data named b"):
        dataclasses.replace(plan, extents=changed).save(tmp_path)


def _row(cell, seconds, device="cpu"):
    return cell.to_row() | {"status": "ok", "cell_seconds": seconds, "device": device}


def test_costs():
    plan = plan_of(["a", "b", "c"], ["a", "b", "c"])
    costs = Costs(plan.extents)
    cells = {(cell.source, cell.target): cell for cell in plan.cells}
    assert costs.total_seconds(plan.cells) is None
    costs.add(_row(cells[None, "a"], 1.0))
    costs.add(_row(cells[None, "b"], 2.0))
    assert costs.seconds(cells["b", "a"]) == pytest.approx(1)  # its own
    assert costs.seconds(cells[None, "c"]) == pytest.approx(3, rel=0.35)  # 30 cases where the others have 10 and 20
    costs.add(_row(cells["b", "a"], 3.0))
    assert costs.seconds(cells["c", "a"]) == pytest.approx(2)
    costs.add(_row(cells["c", "a"], 0.5, device="cuda"))
    assert costs.seconds(cells["c", "a"]) == pytest.approx(0.5)  # the device that was used last
    assert costs.seconds(dataclasses.replace(cells["c", "a"], network="lite")) is None


def test_costs_find_all_coefficients():
    """Cells that take 2 ms a step, 3 µs a value of the training series and 1 µs a value of the test series."""

    def seconds(n_steps, n_values, n_test_values):
        return n_steps * 2e-3 + n_values * 3e-6 + n_test_values * 1e-6

    sizes = [(16, 500, 10), (64, 20, 500), (32, 900, 90), (48, 70, 33)]  # training cases, test cases, time steps
    extents = {f"d{i}": Extent(n, n_test, 1, length, "", "") for i, (n, n_test, length) in enumerate(sizes)}
    costs = Costs(extents)
    recipe = Recipe("r", 10)
    costs.add(_row(Cell("d0", recipe=recipe), seconds(10, 1_600, 5_000)))
    costs.add(_row(Cell("d1", recipe=recipe), seconds(40, 320_000, 10_000)))
    costs.add(_row(Cell("d2", recipe=recipe), seconds(20, 28_800, 81_000)))
    assert costs.seconds(Cell("d3", recipe=recipe)) == pytest.approx(seconds(30, 15_840, 2_310), rel=1e-4)
    few = Recipe("few", 10, max_updates=7)  # two epochs of three steps
    assert costs.seconds(Cell("d3", recipe=few)) == pytest.approx(seconds(6, 3_168, 2_310), rel=1e-4)
    assert costs.seconds(Cell("d3", recipe=Recipe("half", 10, bfloat16=True))) is None  # another speed
    changed = Recipe("r", 20)  # of the same name
    assert costs.seconds(Cell("d0", recipe=changed)) == pytest.approx(seconds(20, 3_200, 5_000), rel=1e-4)


def test_costs_are_never_negative():
    extents = {
        f"d{i}": Extent(n, 1, 1, length, "", "") for i, (n, length) in enumerate([(16, 100), (16, 200), (160, 1)])
    }
    costs = Costs(extents)
    costs.add(_row(Cell("d0", recipe=SHORT), 1.0))
    costs.add(
        _row(Cell("d1", recipe=SHORT), 4.0)
    )  # more than twice as long: a step would have to take less than nothing
    assert costs.seconds(Cell("d2", recipe=SHORT)) > 0
