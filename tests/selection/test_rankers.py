"""What every ranker keeps to, and rank_sources."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from headstart.data import Dataset
from headstart.errors import DataError, UnknownNameError
from headstart.selection import BY_FEATURES, RANKERS, choose_source, rank_sources
from headstart.selection import features as features_module
from headstart.selection.features import MAX_CASES, target_features
from headstart.training import features
from tests.selection.conftest import waves


@pytest.mark.parametrize("name", RANKERS)
def test_contract(name, target, sources):
    scores = RANKERS[name](target, sources)
    assert scores.shape == (4,)
    assert np.isfinite(scores[:2]).all()
    np.testing.assert_array_equal(scores, RANKERS[name](target, sources))
    assert RANKERS[name](target, {}).shape == (0,)


@pytest.mark.parametrize("name", [name for name in RANKERS if name != "random"])
def test_the_order_of_sources_does_not_matter(name, target, sources):
    backwards = dict(reversed(sources.items()))
    np.testing.assert_array_equal(RANKERS[name](target, backwards)[::-1], RANKERS[name](target, sources))


@pytest.mark.parametrize("name", RANKERS)
def test_data_and_sources_stay_as_they_are(name, target, sources):
    before = target.X.copy(), {n: t.clone() for n, t in sources["wide"].weights.items()}
    RANKERS[name](waves("wide target", 10, n_channels=3), sources)
    RANKERS[name](target, sources)
    np.testing.assert_array_equal(target.X, before[0])
    assert all(torch.equal(tensor, sources["wide"].weights[n]) for n, tensor in before[1].items())
    assert sources["wide"].new_network().n_channels == 2


@pytest.mark.parametrize("name", RANKERS)
def test_channels_and_prototypes(name, sources):
    """Features are those of the network adapted to the target's channels; DTW compares equal ones, by prototypes."""
    judged = np.isfinite(RANKERS[name](waves("target", 12, n_channels=2, seed=5), sources))
    assert judged.tolist() == ([False, False, True, False] if name == "dtw" else [True] * 4)


@pytest.mark.parametrize("name", BY_FEATURES)
def test_targets_that_labels_say_too_little_of(name, sources):
    one_each = Dataset.from_arrays("one each", waves("", 5).X, labels=list("abcde"))
    assert np.isnan(BY_FEATURES[name](one_each, sources)).all()
    two_of_one = Dataset.from_arrays("two of one", waves("", 6).X, labels=list("abcdea"))
    assert np.isfinite(BY_FEATURES[name](two_of_one, sources)).all()
    many = np.random.default_rng(0).normal(size=(2 * MAX_CASES + 2, 8))
    one_of_each = Dataset.from_arrays("many classes", many, labels=np.tile(np.arange(MAX_CASES + 1), 2))
    assert np.isnan(BY_FEATURES[name](one_of_each, sources)).all(), "the sample has one case of each class"
    absent = waves("absent", 12, n_classes=3).subset([0, 1, 3, 4, 6, 7])  # the third class has no case
    assert np.isfinite(BY_FEATURES[name](absent, sources)).all()
    with pytest.raises(DataError, match=r"one class: there is only one class \(1\) in all 4 cases; ranking"):
        BY_FEATURES[name](Dataset.from_arrays("one class", waves("", 4).X, labels=[1] * 4), sources)
    with pytest.raises(DataError, match="bare: ranking sources needs a label for every case"):
        BY_FEATURES[name](Dataset.from_arrays("bare", waves("", 4).X), sources)


@pytest.mark.parametrize("name", BY_FEATURES)
def test_more_classes_than_features_and_cases_than_are_looked_at(name, sources, monkeypatch):
    monkeypatch.setattr(features_module, "MAX_CASES", 150)
    many = waves("many", 300, n_classes=140, length=12)
    assert np.isfinite(BY_FEATURES[name](many, {"few": sources["few"]})).all()


@pytest.mark.parametrize("name", BY_FEATURES)
def test_a_broken_source_is_not_judged(name, target, sources):
    weights = dict(sources["few"].weights)
    weights["block1.convolution.weight"] = torch.full_like(weights["block1.convolution.weight"], torch.nan)
    scores = BY_FEATURES[name](target, {"broken": replace(sources["few"], weights=weights), "few": sources["few"]})
    assert np.isnan(scores).tolist() == [True, False]


def test_features_are_those_that_fine_tuning_starts_from(target, sources):
    expected = features(sources["few"].new_network(), sources["few"].prepare(target))
    np.testing.assert_array_equal(target_features(target, sources["few"]), expected.astype(np.float64))
    wide = sources["wide"].new_network()
    wide.replace_channels(1, seed=0)
    np.testing.assert_array_equal(
        target_features(target, sources["wide"]), features(wide, sources["wide"].prepare(target))
    )


def test_features_are_computed_once_for_all_rankers(sources, monkeypatch):
    n_calls = 0

    def counted(network, data):
        nonlocal n_calls
        n_calls += 1
        return features(network, data)

    monkeypatch.setattr(features_module, "features", counted)
    fresh = waves("fresh", 10)
    rank_sources(fresh, sources, by=list(BY_FEATURES))
    assert n_calls == len(sources)
    n_kept = len(features_module._kept)
    del fresh
    assert len(features_module._kept) == n_kept - 1
    rank_sources(waves("fresh", 10), sources, by="probe")
    assert n_calls == 2 * len(sources)


def test_sample_of_many_cases(sources):
    sizes = {0: 3000, 1: 600, 2: 30, 3: 1}
    y = np.repeat(list(sizes), list(sizes.values()))
    cases = features_module._sample(y)
    assert len(cases) == len(set(cases.tolist())) == MAX_CASES
    assert (np.diff(cases) > 0).all()
    np.testing.assert_array_equal(cases, features_module._sample(y))
    taken = np.bincount(y[cases])
    assert taken[3] == 1
    np.testing.assert_allclose(taken[:3], [size * MAX_CASES / len(y) for size in (3000, 600, 30)], atol=3)
    many = Dataset.from_arrays("many", np.random.default_rng(0).normal(size=(MAX_CASES + 100, 8)), labels=y[-600:])
    assert target_features(many, sources["few"]).shape == (MAX_CASES, 128)


def test_size_and_random(target, sources):
    assert RANKERS["size"](target, sources).tolist() == [12, 30, 16, 16]
    assert not np.array_equal(RANKERS["random"](target, sources), RANKERS["random"](waves("other", 12), sources))


# rank_sources, choose_source


def test_several_rankers_side_by_side(target, sources):
    table = rank_sources(target, sources, by="size,dtw, probe")
    assert table.columns.tolist() == [
        "rank", "score", "dtw_rank", "dtw_score", "probe_rank", "probe_score",
        "dataset", "n_cases", "n_channels", "n_classes", "overlap",
    ]  # fmt: skip
    assert table.index.tolist() == ["many", "wide", "bare", "few"]
    assert table["rank"].tolist() == [1, 2, 3, 4]
    for name in ("dtw", "probe"):
        assert table[f"{name}_score"].to_dict() == pytest.approx(
            dict(zip(sources, RANKERS[name](target, sources), strict=True)), nan_ok=True
        )
        judged = table.dropna(subset=f"{name}_score").sort_values(f"{name}_rank")
        assert judged[f"{name}_score"].is_monotonic_decreasing
        assert judged[f"{name}_rank"].tolist() == list(range(1, len(judged) + 1))
    assert table["dtw_rank"].isna().to_dict() == {"few": False, "many": False, "wide": True, "bare": True}
    alone = rank_sources(target, sources, by=["probe"])
    assert alone["score"].to_dict() == table["probe_score"].to_dict()


def test_what_has_seen_the_target_has_no_rank(sources):
    few = waves("few", 12, seed=1)
    table = rank_sources(few, sources, by="size")
    assert table["rank"].isna().to_dict() == {"few": True, "many": False, "wide": False, "bare": False}
    assert table.index[-1] == "few"
    assert table.loc["few", "overlap"].is_found
    assert rank_sources(few, sources, by="size", allow_overlap=True)["rank"].notna().all()


def test_choose(target, sources):
    assert choose_source(target, sources, by="size") is sources["many"]
    without = {name: source for name, source in sources.items() if name != "many"}
    assert choose_source(waves("many", 30, n_classes=3, seed=2), sources, by="size") is sources["wide"]
    assert choose_source(target, without, by="dtw") is sources["few"]
    with pytest.raises(DataError, match="target: none of the 1 sources can be used"):
        choose_source(target, {"bare": sources["bare"]}, by="dtw")


def test_no_sources(target):
    assert rank_sources(target, {}, by="size,probe").empty


@pytest.mark.parametrize("by", ["dwt", "probe,dwt", ["dwt"]])
def test_unknown_rankers(target, sources, by):
    with pytest.raises(UnknownNameError, match=r"unknown ranker 'dwt'\. Did you mean 'dtw'"):
        rank_sources(target, sources, by=by)
