"""Universal sources: trunks of many data sets, and the groups that they are judged on."""

import json
import os

import numpy as np
import pytest
import torch

from headstart.data import Dataset, archive_names, load, z_normalise
from headstart.errors import DataError, HeadstartError, ModelError, UnknownNameError
from headstart.training import Recipe, features
from headstart.transfer import fine_tune
from headstart.zoo import Source, universal
from headstart.zoo.overlap import families, overlap, relatives
from headstart.zoo.universal import build_universal, group_of, groups, train_universal
from headstart.zoo.universal.pretraining import shortened
from tests.data import writers

NAMES = ["ItalyPowerDemand", "GunPoint", "UnitTest"]


@pytest.fixture(scope="module")
def sets():
    return [load(name)[0].subset(range(0, 20)) for name in NAMES]


@pytest.fixture(scope="module")
def trunk(sets):
    return train_universal(sets, n_updates=6, seed=3)


def test_the_card(trunk, sets):
    card = trunk.card
    assert (card.dataset, card.members, card.classes, card.best_epoch) == ("universal", NAMES, [], 2)
    assert card.seen == [data.fingerprint for data in sets]
    assert (card.n_cases, card.min_length, card.max_length) == (60, 24, 150)
    assert card.recipe["method"] == "episodes"
    assert len(trunk.signatures) == 60
    card.check_types()
    json.dumps(card.recipe)


def test_it_is_a_trunk_that_can_be_saved_and_fine_tuned(trunk, tmp_path, small):
    trunk.halved().save(tmp_path / "universal.safetensors")
    back = Source.load(tmp_path / "universal.safetensors")
    assert back.is_trunk
    assert not any(name.startswith("head.") for name in back.weights)
    tuned = fine_tune(back, small, Recipe("short", epochs=1))
    assert tuned.card.started_from == "universal"
    assert tuned.class_probabilities(small).shape == (20, 2)
    with pytest.raises(ModelError, match="cannot predict"):
        back.class_probabilities(small)


def test_it_knows_what_it_has_seen(trunk):
    train, _ = load("GunPoint")
    assert overlap(train.subset(range(20)), trunk).relation == "trained on these very data"
    assert overlap(Dataset.from_arrays("mine", train.X[:5] * 3), trunk).n_shared == 5
    assert overlap(load("ArrowHead")[0], trunk).is_found is False


def test_training_has_moved_the_weights(trunk, sets):
    first = train_universal(sets, n_updates=1, learning_rate=1e-12, seed=3)
    name = "convolutions.0.weight"
    assert not torch.equal(trunk.weights[name], first.weights[name])
    torch.testing.assert_close(first.weights[name], universal.pretraining.build("dilated", 1, 1, 3).state_dict()[name])


def test_heads_and_other_networks(sets):
    source = train_universal(sets, "fcn", "heads", n_updates=3, name="mine")
    assert (source.card.dataset, source.card.network, source.is_trunk) == ("mine", "fcn", True)
    values = features(source.new_network(), z_normalise(sets[0]))
    assert np.isfinite(values).all()
    assert values.std() > 0


def test_what_cannot_be_trained_on_is_refused(sets):
    unlabelled = Dataset.from_arrays("plain", [[1, 2], [3, 5]])
    wide = load("BasicMotions")[0]
    flat = Dataset.from_arrays("flat", [[1, 1], [3, 5], [1, 0], [1, 3]], [0, 0, 1, 1])
    single = Dataset.from_arrays("single", [[1, 2], [3, 5], [1, 0]], [0, 0, 1])
    absent = Dataset.from_arrays("absent", [[1, 2], [3, 5]], [0, 0], classes=np.array([0, 1]))
    for bad, message in (
        ([sets[0]], "at least two data sets, got 1"),
        ([sets[0], sets[0]], "ItalyPowerDemand: is there twice"),
        ([sets[0], unlabelled], "plain: a universal source needs a label for every case"),
        ([sets[0], absent], "absent: there is only one class .*; a universal source needs at least two"),
        ([sets[0], wide], "BasicMotions: has 6 channels, and universal sources are trained on series of one"),
        ([sets[0], flat], "flat: case 1 never changes"),
        ([sets[0], single], "single: episodes need two classes of at least two cases"),
    ):
        with pytest.raises(DataError, match=message):
            train_universal(bad, n_updates=1)
    with pytest.raises(DataError, match="seed is -1; a seed is a whole number from 0"):
        train_universal(sets, n_updates=1, seed=-1)
    with pytest.raises(UnknownNameError, match="Did you mean 'episodes'"):
        train_universal(sets, method="episode")


def test_a_checkpoint_of_other_settings_is_refused(sets, tmp_path):
    path = tmp_path / "checkpoint"
    train_universal(sets[:2], n_updates=2, checkpoint=path, checkpoint_seconds=0)
    for change in ({"seed": 1}, {"n_updates": 3}, {"max_length": 100}):
        with pytest.raises(ModelError, match="other data or with other settings"):
            train_universal(sets[:2], **({"n_updates": 2, "checkpoint": path} | change))
    with pytest.raises(ModelError, match="other data or with other settings"):
        train_universal(sets[1:], n_updates=2, checkpoint=path)


def test_long_series_are_averaged():
    data = Dataset.from_arrays("toy", [np.arange(1, 13), np.arange(1, 7)], [0, 1])
    short = shortened(data, 4)
    assert short.lengths.tolist() == [4, 2]
    assert short.series(0).tolist() == [[2, 5, 8, 11]]
    assert short.series(1).tolist() == [[2, 5]]
    assert np.isnan(short.X[1, 0, 2:]).all()
    assert shortened(data, 12) is data


def test_groups_hold_every_data_set_once_with_its_relatives():
    names = [name for members in groups().values() for name in members]
    assert sorted(names) == sorted(row["dataset"] for row in families())
    sizes = [len(members) for members in groups().values()]
    assert max(sizes) - min(sizes) <= 1
    for name in names:
        assert {group_of(other) for other in relatives(name)} <= {group_of(name)}
    assert group_of("50words") == group_of("FiftyWords")
    assert group_of("beats.csv") is None


def test_a_group_is_left_out(tmp_path, monkeypatch):
    monkeypatch.delenv("HEADSTART_ARCHIVE", raising=False)
    out = tmp_path / "universal.safetensors"
    without = group_of("GunPoint")
    names = [*NAMES, "ArrowHead"]
    source = build_universal(None, out, names, without=without, n_updates=2)
    assert source.card.members == [name for name in names if group_of(name) != without]
    assert source.card.dataset == f"universal-without-{without}"
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    (tmp_path / "universal.safetensors.checkpoint").write_bytes(b"left by a kill in the last moment")
    again = build_universal(None, out, names, without=without, n_updates=2)
    assert again.card == source.card
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    with pytest.raises(HeadstartError, match="is there already, made of other data or in another way"):
        build_universal(None, out, names, without=without, n_updates=3)
    with pytest.raises(UnknownNameError, match="unknown group '9'"):
        build_universal(None, out, names, without=9)


def test_of_a_whole_archive_what_cannot_be_trained_on_is_left_out(tmp_path):
    random = np.random.default_rng(0)
    for name, channels in (("One", 1), ("Two", 1), ("Six", 6)):
        (tmp_path / "archive" / name).mkdir(parents=True)
        writers.ts(
            tmp_path / "archive" / name / f"{name}_TRAIN.ts", list(random.normal(size=(20, channels, 12))), [1, 2] * 10
        )
    out = tmp_path / "mine.safetensors"
    with pytest.warns(UserWarning, match="left out: Six: has 6 channels"):
        source = build_universal(tmp_path / "archive", out, n_updates=2)
    assert sorted(source.card.members) == ["One", "Two"]
    with pytest.raises(DataError, match="Six: has 6 channels"):
        build_universal(tmp_path / "archive", out, ["One", "Two", "Six"], n_updates=2)


def test_command(headstart, tmp_path):
    out = tmp_path / "mine.safetensors"
    named = [argument for name in NAMES for argument in ("--name", name)]
    ended = headstart("zoo", "universal", *named, "--out", out, "--updates", 3)
    assert ended.code == 0, ended.err
    assert "universal: dilated trained on 3 data sets, 137 series" in ended.text
    assert Source.load(out).card.members == NAMES
    again = headstart("zoo", "universal", *named, "--out", out, "--updates", 3)
    assert (again.code, "is there already, made of the same data in the same way; nothing" in again.text) == (0, True)
    done = headstart("zoo", "universal", *named, "--out", tmp_path, "--updates", 3)
    assert (done.code, "is a folder; name a file in it" in done.message) == (2, True)


def test_the_command_goes_on_after_an_interrupt(headstart, tmp_path, monkeypatch):
    out = tmp_path / "mine.safetensors"

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(universal.pretraining, "train_jointly", interrupt)
        ended = headstart("zoo", "universal", "--name", "GunPoint", "--name", "UnitTest", "--out", out)
    assert (ended.code, ended.text) == (130, "Interrupted; the same command goes on.")
    assert not list(tmp_path.iterdir())


def test_the_command_prints_groups_and_asks_for_a_file(headstart):
    ended = headstart("zoo", "universal", "--groups")
    assert all(f"{number}: {members[0]}" in ended.text for number, members in groups().items())
    ended = headstart("zoo", "universal")
    assert ended.code == 2
    assert "--out is missing" in ended.message


def test_the_commands_default_is_the_librarys(headstart):
    ended = headstart("zoo", "universal", "--help")
    assert str(universal.DEFAULT_UPDATES) in ended.text


@pytest.mark.skipif("HEADSTART_ARCHIVE" not in os.environ, reason="no archive at hand")
def test_a_whole_archive_can_be_trained_on():
    archive = os.environ["HEADSTART_ARCHIVE"]
    universal.pretraining._check([load(name, archive)[0] for name in archive_names(archive)], "episodes")
