"""Fine-tuning starts where the source ended, and leaves the source as it is."""

import numpy as np
import pytest
import torch

from headstart.data import Dataset, load
from headstart.errors import DataError
from headstart.networks import NETWORKS
from headstart.training import Recipe
from headstart.transfer import fine_tune
from headstart.zoo import Source, pretrain

SHORT = Recipe("short", epochs=2)
STILL = Recipe("still", epochs=1, learning_rate=1e-30, schedule="plateau")
"""Leaves all weights where they started."""


@pytest.fixture(scope="module")
def source(small) -> Source:
    return pretrain(small, recipe=SHORT, seed=3)


@pytest.fixture(scope="module")
def motions() -> Dataset:
    """Ten series of BasicMotions, which aeon ships: 6 channels, 4 classes."""
    train, _ = load("BasicMotions")
    return train.subset(range(0, train.n_cases, 4))


def three_classes(name="three") -> Dataset:
    random = np.random.default_rng(0)
    series = [random.normal(size=int(length)) for length in random.integers(5, 40, size=12)]
    return Dataset.from_arrays(name, series, labels=["x", "y", "z"] * 4)


def test_card(source, small):
    data = three_classes()
    tuned = fine_tune(source, data, SHORT, seed=5)
    assert (tuned.card.dataset, tuned.card.started_from) == ("three", "ItalyPowerDemand")
    assert tuned.card.seen == [small.fingerprint, data.fingerprint]
    assert tuned.card.classes == ["x", "y", "z"]
    assert (tuned.card.network, tuned.card.normalise, tuned.card.seed) == ("fcn", True, 5)
    assert tuned.card.min_length == data.lengths.min()
    again = fine_tune(tuned, small, SHORT)
    assert again.card.started_from == "three"
    assert again.card.seen == [small.fingerprint, data.fingerprint, small.fingerprint]


def test_starts_from_the_weights_of_the_source(source):
    tuned = fine_tune(source, three_classes(), STILL, seed=5)
    for name, tensor in source.weights.items():
        if name.startswith("head."):
            assert tuned.weights[name].shape[0] == 3
        elif "running" not in name:
            torch.testing.assert_close(tuned.weights[name], tensor, rtol=0, atol=0)
    head = source.new_network()
    head.replace_head(3, seed=5)
    assert torch.equal(tuned.weights["head.weight"], head.head.weight.detach())


def test_the_head_is_new_even_for_as_many_classes(source, small):
    tuned = fine_tune(source, small, STILL, seed=5)
    assert tuned.weights["head.weight"].shape == source.weights["head.weight"].shape
    assert not torch.equal(tuned.weights["head.weight"], source.weights["head.weight"])


def test_all_layers_are_trained(source):
    tuned = fine_tune(source, three_classes(), SHORT)
    for name, tensor in source.weights.items():
        if name.endswith("weight") and not name.startswith("head"):
            assert not torch.equal(tuned.weights[name], tensor), name


def test_the_source_stays_as_it_is(source):
    before = source.to_bytes()
    fine_tune(source, three_classes(), SHORT)
    assert source.to_bytes() == before


def test_seed(source):
    first, same, other = (fine_tune(source, three_classes(), SHORT, seed=seed).weights for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["block1.convolution.weight"], other["block1.convolution.weight"])


@pytest.mark.parametrize("network", NETWORKS)
def test_from_one_channel_to_many_and_back(small, motions, network):
    one = pretrain(small, network, SHORT, with_prototypes=False)
    many = fine_tune(one, motions, SHORT)
    assert (many.card.n_channels, many.card.classes) == (6, motions.classes.tolist())
    back = fine_tune(many, small, SHORT)
    assert back.card.n_channels == 1
    for source, data in ((many, motions), (back, small)):
        x = torch.from_numpy(source.prepare(data).X)
        with torch.no_grad():
            scores = source.new_network()(x)
        assert scores.shape == (data.n_cases, data.n_classes)
        assert torch.isfinite(scores).all()


def test_normalisation_is_the_sources(small):
    source = pretrain(small, recipe=SHORT, normalise=False, with_prototypes=False)
    tuned = fine_tune(source, three_classes(), SHORT)
    assert not tuned.card.normalise


def test_saved_and_loaded(source, tmp_path):
    tuned = fine_tune(source, three_classes(), SHORT)
    tuned.save(tmp_path / "a.safetensors")
    assert Source.load(tmp_path / "a.safetensors").to_bytes() == tuned.to_bytes()


def test_data_that_cannot_be_trained_on(source, small):
    with pytest.raises(DataError, match="only one class"):
        fine_tune(source, Dataset.from_arrays("x", small.X, labels=["a"] * 20), SHORT)
    with pytest.raises(DataError, match="needs a label for every case"):
        fine_tune(source, Dataset.from_arrays("x", small.X), SHORT)


def test_interrupt(source):
    def interrupt(epoch, loss):
        raise KeyboardInterrupt

    tuned = fine_tune(source, three_classes(), SHORT, on_epoch=interrupt)
    assert tuned.card.interrupted
    assert len(tuned.card.losses) == 1
