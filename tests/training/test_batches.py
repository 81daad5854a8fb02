"""What a network says of a data set does not depend on how the series are batched."""

import numpy as np
import pytest
import torch

from headstart.data import Dataset
from headstart.errors import DataError
from headstart.networks import build
from headstart.training import Recipe, class_probabilities, features, train
from headstart.training import batches as batches_module
from headstart.training.batches import Batches


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    series = [random.normal(size=(2, int(length))) for length in random.permutation(np.arange(1, 25))]
    return Dataset.from_arrays("unequal", series, labels=["a", "b", "c"] * 8)


@pytest.fixture(scope="module")
def network(data):
    network = build("fcn", 2, 3, seed=0)
    train(network, data, Recipe("short", 5), seed=0)
    return network


@pytest.mark.parametrize("function", [features, class_probabilities])
def test_one_by_one_in_any_order_and_together(network, data, function):
    together = function(network, data)
    assert together.dtype == np.float32
    alone = np.concatenate([function(network, data.subset([i])) for i in range(data.n_cases)])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)
    order = np.random.default_rng(1).permutation(data.n_cases)
    np.testing.assert_allclose(function(network, data.subset(order)), together[order], rtol=1e-5, atol=1e-6)


def test_many_small_batches(network, data, monkeypatch):
    together = features(network, data)
    monkeypatch.setattr(batches_module, "_MAX_STEPS", 60)  # two series a batch
    np.testing.assert_allclose(features(network, data), together, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(batches_module, "_MAX_STEPS", 1)
    np.testing.assert_allclose(features(network, data), together, rtol=1e-5, atol=1e-6)


def test_probabilities_are_the_softmax_of_the_head(network, data):
    scores = features(network, data) @ network.head.weight.detach().numpy().T + network.head.bias.detach().numpy()
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(class_probabilities(network, data), expected, rtol=1e-4, atol=1e-6)


def test_network_is_left_as_it_was(network, data):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()
    features(network, data)
    assert network.training
    network.eval()
    features(network, data)
    assert not network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_batch_is_cut_to_its_longest_series(data):
    batches = Batches(data, "cpu")
    cases = torch.from_numpy(np.flatnonzero(data.lengths <= 10))
    x, mask = batches[cases]
    assert x.shape == (10, 2, 10)
    assert mask.shape == (10, 1, 10)
    assert mask.sum(dim=(1, 2)).tolist() == data.lengths[cases].tolist()
    assert not (x * (1 - mask)).any()
    for i, case in enumerate(cases.tolist()):
        np.testing.assert_array_equal(x[i, :, : data.lengths[case]], data.series(case))
    x, mask = batches[cases[:1]]
    assert mask is None


def test_what_is_no_number_is_refused(data):
    network = build("fcn", 2, 3, seed=0)
    with torch.no_grad():
        network.head.weight.fill_(torch.inf)
    with pytest.raises(DataError, match="what the network computes of case 1 is no number"):
        class_probabilities(network, data)
