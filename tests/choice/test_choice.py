"""The whole: candidates of a budget, the choice among them, and the model that comes of it."""

import json

import numpy as np
import pytest

from headstart.choice import BUDGETS, Choice, Trial, candidates, choose, get_budget
from headstart.choice.budget import best_sources
from headstart.choice.calibration import probabilities
from headstart.choice.networks import NetworkCandidate
from headstart.data import Dataset
from headstart.errors import DataError, UnknownNameError
from headstart.training import Recipe
from headstart.zoo import pretrain

SHORT = Recipe("short", epochs=2)


def run(data, sources, budget="fast", **settings):
    budget = BUDGETS[budget]
    return choose(data, candidates(data, sources, budget, recipe=SHORT, **settings), n_folds=budget.n_folds)


def minirocket(data):
    """Return a candidate that takes no time."""
    return candidates(data, {}, BUDGETS["fast"])[0]


def saved_and_loaded(choice, folder):
    settings, files = choice.to_files()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Choice.from_files(json.loads(json.dumps(settings, allow_nan=False)), folder)


def test_budgets(target, source):
    def kinds(budget, sources):
        return [one.kind for one in candidates(target, sources, BUDGETS[budget])]

    quick = ["kernels", "dictionary"]
    assert kinds("fast", {}) == quick
    assert kinds("fast", {"other": source}) == [*quick, "frozen"]
    others = [*quick, "kernels", "intervals"]
    assert kinds("default", {}) == [*others, "scratch"]
    assert kinds("default", {"other": source}) == [*others, "frozen", "scratch", "fine-tuned"]
    assert kinds("thorough", {}) == [*others, "scratch"]
    with pytest.raises(UnknownNameError, match="Did you mean 'fast'"):
        get_budget("fasst")


def test_the_budget_has_a_recipe_unless_one_is_named(target):
    def recipe(budget, **named):
        return next(c.recipe for c in candidates(target, {}, BUDGETS[budget], **named) if c.kind == "scratch")

    assert (recipe("default"), recipe("thorough")) == ("quick", "default")
    assert recipe("default", recipe="paper") == "paper"


def test_every_candidate_balances_classes(target, source):
    competing = candidates(target, {"other": source}, BUDGETS["thorough"], balanced=True)
    assert {one.kind for one in competing} == {"kernels", "dictionary", "intervals", "frozen", "scratch", "fine-tuned"}
    assert all(one.balanced for one in competing)


def test_choice_is_reported_and_survives_saving(target, source, tmp_path):
    choice = run(target, {"other": source}, "default")
    others = {"MiniROCKET", "WEASEL", "MultiROCKET-Hydra", "QUANT"}
    networks = {"from scratch", "fine-tuned from other"}
    assert set(choice.ranking.index) == {*others, *networks, "features of other"}
    assert choice.ranking["log_loss"].is_monotonic_increasing
    chosen = choice.ranking.index[choice.ranking["chosen"]]
    assert set(chosen) == set(choice.parts) == set(choice.report["chosen"])
    assert choice.ranking["share"].sum() == pytest.approx(1, abs=1e-3)
    assert (choice.ranking["share"] > 0).equals(choice.ranking["chosen"])
    assert choice.report["choice"]["log_loss"] <= choice.report["scratch"]["log_loss"]
    assert choice.report["n_held_out"] == target.n_cases
    assert choice.ranking["why"].str.len().min() > 0
    predicted = choice.predict_proba(target)
    np.testing.assert_allclose(predicted.sum(axis=1), 1)
    assert (predicted.argmax(axis=1) == target.y).mean() > 0.8
    again = saved_and_loaded(choice, tmp_path)
    np.testing.assert_array_equal(again.predict_proba(target), predicted)
    assert again.report == choice.report
    assert again.ranking.equals(choice.ranking)


def test_no_more_is_held_out_than_enough(target):
    """Folds that are left are not asked for, and the decision looks at those that are."""
    asked = []

    class Counting:
        name, kind, start = "counting", "kernels", None

        def trial(self, data, folds):
            asked.extend(folds)
            return kernels.trial(data, folds)

        def fit(self, data):
            return kernels.fit(data)

    kernels = minirocket(target)
    choice = choose(target, [Counting()], n_folds=4, enough_held_out=target.n_cases // 4 + 1)
    assert len(asked) == choice.report["n_folds"] == 2
    assert choice.report["n_held_out"] == sum(map(len, asked)) < target.n_cases
    assert np.isfinite(choice.ranking.loc["counting", "log_loss"])
    assert (choice.predict_proba(target).argmax(axis=1) == target.y).mean() > 0.8


def test_balanced_figures_are_those_that_decided(target):
    """Where classes count alike in the decision, they do in what is reported of it."""
    rare = target.subset([*np.flatnonzero(target.y != 2)[:12], *np.flatnonzero(target.y == 2)[:3]])
    competing = candidates(rare, {}, BUDGETS["default"], recipe=SHORT, balanced=True)
    choice = choose(rare, competing, n_folds=3, balanced=True)
    plain = choose(rare, competing, n_folds=3)
    gain = choice.report["scratch"]["log_loss"] - choice.report["choice"]["log_loss"]
    assert f"by {abs(gain):.3f} ± " in choice.report["verdict"]
    assert (choice.report["balanced"], plain.report["balanced"]) == (True, False)

    class Blind:
        name, kind, start = "blind", "scratch", None

        def trial(self, data, folds):
            return Trial(np.tile([9.0, 0, 0], (data.n_cases, 1)))

        def fit(self, data):
            return kernels.fit(data)

    kernels = minirocket(rare)
    blind = choose(rare, [kernels, Blind()], n_folds=3, balanced=True)
    assert blind.report["scratch"]["accuracy"] == blind.ranking.loc["blind", "accuracy"] == pytest.approx(1 / 3)


def test_thorough(target, source, tmp_path):
    choice = run(target.subset(range(12)), {"other": source}, "thorough")
    assert len(choice.ranking) == 7
    assert all(len(part.member.networks) in (0, 3) for part in choice.parts.values())
    np.testing.assert_array_equal(
        saved_and_loaded(choice, tmp_path).predict_proba(target), choice.predict_proba(target)
    )


def test_the_same_seed_gives_the_same_choice(target):
    first, again = (run(target, {}, "default", seed=3).predict_proba(target) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("budget", ["fast", "default"])
@pytest.mark.parametrize("n_each", [1, 2, 5])
def test_few_cases_a_class(make_waves, source, n_each, budget, tmp_path):
    data = make_waves("few", 3 * n_each, n_classes=3, seed=4)
    choice = run(data, {"other": source}, budget)
    assert np.isfinite(choice.predict_proba(data)).all()
    saved_and_loaded(choice, tmp_path)
    if n_each == 1:
        assert list(choice.parts) == list(choice.ranking.index)
        assert choice.ranking["share"].nunique() == 1
        assert "no class has two cases" in choice.report["verdict"]
        assert choice.report["choice"] is None
    else:
        assert choice.report["n_held_out"] == data.n_cases


def test_without_evidence_members_are_equally_sure(make_waves, source):
    data = make_waves("few", 3, n_classes=3, seed=4)
    choice = run(data, {"other": source})
    for member, temperature, _ in choice.parts.values():
        assert probabilities(member.scores(data), temperature).max(axis=1).mean() == pytest.approx(5 / 6, abs=0.05)


def test_a_model_of_before_the_average_had_a_temperature_is_read(target, source, tmp_path):
    choice = run(target, {"other": source})
    assert choice.temperature != 1
    settings, files = choice.to_files()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert Choice.from_files(settings, tmp_path).temperature == choice.temperature
    del settings["temperature"]
    assert Choice.from_files(settings, tmp_path).temperature == 1


def test_members_score_on_the_device_that_is_named(make_waves):
    devices = []

    class Member:
        networks = ()

        def scores(self, data, device="auto"):
            devices.append(device)
            return np.eye(data.n_classes)[data.y]

    class Candidate:
        name, kind, start = "one", "kernels", None

        def fit(self, data):
            return Member()

    single = make_waves("single", 3, n_classes=3, seed=4)
    choose(single, [Candidate()], n_folds=4, device="cpu").predict_proba(single, "cpu")
    assert devices == ["cpu", "cpu"]


def test_a_class_of_one_case_is_learnt_all_the_same(make_waves):
    data = make_waves("rare", 13, n_classes=3, seed=4).subset([0, 1, 2, 3, 4, 6, 7, 9, 10, 12])
    assert np.bincount(data.y).tolist() == [5, 4, 1]
    choice = run(data, {}, "default")
    assert choice.report["n_held_out"] == 9
    assert choice.predict_proba(data).shape == (10, 3)


def test_sources_that_overlap_are_left_out(target, source):
    own = pretrain(target, recipe=SHORT, with_prototypes=False)
    assert list(best_sources(target, {"own": own, "other": source}, 2)) == ["other"]
    assert best_sources(target, {"own": own}, 2) == {}


def test_the_largest_trunk_comes_first(target, source, make_waves):
    from dataclasses import replace

    weights = {name: tensor for name, tensor in source.weights.items() if not name.startswith("head.")}
    trunk = replace(source, weights=weights, card=replace(source.card, classes=[]))
    larger = replace(trunk, card=replace(trunk.card, n_cases=10_000))
    assert list(best_sources(target, {"trunk": trunk, "larger": larger}, 1)) == ["larger"]
    own = replace(trunk, card=replace(trunk.card, seen=[target.fingerprint]))
    assert best_sources(target, {"own": own}, 1) == {}
    others = {f"other{i}": pretrain(make_waves("x", 12, seed=i), recipe=SHORT, seed=i) for i in range(3)}
    assert list(best_sources(target, {**others, "trunk": trunk}, 1)) == ["trunk"]
    assert next(iter(best_sources(target, {**others, "trunk": trunk}, 2))) == "trunk"
    one_each = target.subset([0, 1, 2])
    assert len(best_sources(one_each, others, 2)) == 2


def test_bad_data_are_refused(target):
    with pytest.raises(DataError, match="only one class"):
        run(target.subset([0, 3]), {})
    with pytest.raises(DataError, match="label for every case"):
        choose(Dataset.from_arrays("bare", target.X), [], n_folds=2)


def test_several_channels_and_unequal_lengths(unequal, tmp_path):
    choice = run(unequal, {}, "default")
    assert (choice.predict_proba(unequal).argmax(axis=1) == unequal.y).mean() > 0.8
    np.testing.assert_array_equal(
        saved_and_loaded(choice, tmp_path).predict_proba(unequal), choice.predict_proba(unequal)
    )


def test_progress_is_told(target):
    told = []
    kernels = minirocket(target)
    scratch = NetworkCandidate("from scratch", None, recipe=SHORT)
    choose(target, [kernels, scratch], n_folds=2, on_candidate=lambda done, name: told.append((done, name)))
    assert told == [(0, "MiniROCKET"), (1, "from scratch"), (2, "from scratch")], "once more, fitted to all series"


class Perfect:
    """Knows the labels, and is interrupted when it is to be tried or fitted."""

    name, kind, start = "perfect", "scratch", None

    def __init__(self, is_tried: bool) -> None:
        self.is_tried = is_tried

    def trial(self, data, folds):
        if not self.is_tried:
            raise KeyboardInterrupt
        return Trial(9.0 * (data.y[:, None] == np.arange(data.n_classes)))

    def fit(self, data):
        raise KeyboardInterrupt


class Failing:
    """Cannot be computed on the series."""

    name, kind, start = "failing", "scratch", None

    def __init__(self, how) -> None:
        self.how = how

    def trial(self, data, folds):
        if isinstance(self.how, Exception):
            raise self.how
        return Trial(np.full((data.n_cases, data.n_classes), self.how))


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (np.nan, "failed: its scores are not finite"),
        (np.inf, "failed: its scores are not finite"),
        (np.linalg.LinAlgError("Eigenvalues did not converge"), "failed: Eigenvalues did not converge"),
        (DataError("the loss is not finite"), "failed: the loss is not finite"),
    ],
)
def test_a_candidate_that_fails_is_left_out(target, tmp_path, how, why):
    kernels = minirocket(target)
    choice = choose(target, [Failing(how), kernels], n_folds=4)
    assert list(choice.parts) == ["MiniROCKET"]
    assert choice.ranking.loc["failing", "why"] == why
    assert choice.report["scratch"] is None
    assert saved_and_loaded(choice, tmp_path).ranking.loc["failing", "why"] == why
    np.testing.assert_array_equal(
        choice.predict_proba(target), choose(target, [kernels], n_folds=4).predict_proba(target)
    )
    with pytest.raises(
        DataError, match=f"no candidate can be fitted to these values \\({why}\\); normalise the series"
    ):
        choose(target, [Failing(how)], n_folds=4)


class FailingAtLast(Perfect):
    """Can be tried, but not fitted to all series."""

    def fit(self, data):
        raise DataError("too large")


def test_a_candidate_that_cannot_be_fitted_in_the_end_is_left_out(target):
    kernels = minirocket(target)
    choice = choose(target, [FailingAtLast(True), kernels], n_folds=4)
    assert list(choice.parts) == ["MiniROCKET"]
    assert choice.ranking.loc["perfect", "why"] == "failed: too large"
    assert np.isnan(choice.ranking.loc["perfect", "accuracy"])
    with pytest.raises(DataError, match=r"no candidate can be fitted to these values \(failed: too large\)"):
        choose(target, [FailingAtLast(True)], n_folds=4)


@pytest.mark.parametrize(
    ("other", "why", "interrupted"),
    [(FailingAtLast, "failed: too large", False), (Perfect, "interrupted before it could be used", True)],
)
def test_without_evidence_what_is_fitted_is_used(make_waves, other, why, interrupted):
    single = make_waves("single", 3, n_classes=3, seed=4)
    kernels = minirocket(single)
    choice = choose(single, [kernels, other(True)], n_folds=4)
    assert {name: part.share for name, part in choice.parts.items()} == {"MiniROCKET": 1.0}
    assert choice.ranking.loc["perfect", "why"] == why
    assert choice.report["interrupted"] == interrupted


@pytest.mark.filterwarnings("ignore")  # of overflow, in what others compute
def test_values_that_only_some_candidates_bear(make_waves):
    data = make_waves("Far", 12)
    far = Dataset.from_arrays("far", data.X * 1e18, data.labels)
    choice = run(far, {}, "default", normalise=False)
    assert choice.parts
    assert np.isfinite(choice.predict_proba(far)).all()


@pytest.mark.parametrize("is_tried", [False, True], ids=["while it is tried", "while it is fitted"])
def test_an_interrupted_choice_is_made_among_what_is_fitted(target, tmp_path, is_tried):
    kernels = minirocket(target)
    choice = choose(target, [kernels, Perfect(is_tried)], n_folds=4)
    assert list(choice.parts) == ["MiniROCKET"]
    assert choice.report["interrupted"]
    assert choice.ranking.loc["perfect", "why"] == "interrupted before it could be used"
    assert saved_and_loaded(choice, tmp_path).report == choice.report
    whole = choose(target, [kernels], n_folds=4)
    assert not whole.report["interrupted"]
    np.testing.assert_array_equal(choice.predict_proba(target), whole.predict_proba(target))


def test_an_interrupt_before_anything_is_fitted_goes_on_up(target):
    with pytest.raises(KeyboardInterrupt):
        choose(target, [Perfect(False), minirocket(target)], n_folds=4)
