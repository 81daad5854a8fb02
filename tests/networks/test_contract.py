"""What every network keeps, whatever its architecture."""

import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from headstart.errors import UnknownNameError
from headstart.networks import NETWORKS, Network, build

pytestmark = pytest.mark.parametrize("name", NETWORKS)
LENGTHS = [9, 4, 1, 7]


def make_batch(lengths, n_channels=2, longest=None, seed=0):
    """Series as a list, and the same padded to `longest` with their mask."""
    generator = torch.Generator().manual_seed(seed)
    longest = longest or max(lengths)
    series = [torch.randn(n_channels, length, generator=generator) for length in lengths]
    x, mask = torch.zeros(len(lengths), n_channels, longest), torch.zeros(len(lengths), 1, longest)
    for i, one in enumerate(series):
        x[i, :, : one.shape[1]] = one
        mask[i, :, : one.shape[1]] = 1
    return series, x, mask


def trained(network: Network, n_channels: int) -> Network:
    """Make running statistics and weights differ from what they start as."""
    _, x, mask = make_batch([12, 8, 10], n_channels, seed=3)
    network.train()
    step(network, x, mask)
    return network.eval()


def step(network, x, mask):
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    loss = F.cross_entropy(network(x, mask), torch.arange(len(x)) % network.n_classes)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("n_channels", [1, 2, 5])
@pytest.mark.parametrize("length", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("batch", [1, 3])
def test_takes_series_of_any_length_and_channels(name, n_channels, length, batch):
    network = build(name, n_channels, n_classes=4, seed=0)
    assert (network.n_channels, network.n_classes) == (n_channels, 4)
    x = torch.randn(batch, n_channels, length)
    for training in (True, False):
        network.train(training)
        assert network.features(x).shape == (batch, network.n_features)
        assert network(x).shape == (batch, 4)
        assert torch.isfinite(network(x)).all()


def test_padding_does_not_change_features(name):
    network = trained(build(name, 2, n_classes=3, seed=0), 2).double()
    series, x, mask = make_batch(LENGTHS, longest=20)
    with torch.no_grad():
        together = network.features(x.double(), mask.double())
        alone = torch.cat([network.features(one[None].double()) for one in series])
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-12)


def test_padding_does_not_change_training(name):
    """Features, statistics and gradients of a batch are the same whatever the amount of padding."""
    results = []
    for longest in (9, 10, 30):
        network = build(name, 2, n_classes=3, seed=0).double().train()
        _, x, mask = make_batch(LENGTHS, longest=longest)
        scores = network(x.double(), mask.double())
        F.cross_entropy(scores, torch.tensor([0, 1, 2, 0])).backward()
        gradients = {key: p.grad for key, p in network.named_parameters()}
        results.append([scores.detach(), network.state_dict(), gradients])
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, rtol=1e-9, atol=1e-12)


def test_mask_without_padding_is_no_mask(name):
    for training in (True, False):
        networks = [build(name, 2, n_classes=3, seed=0).double().train(training) for _ in range(2)]
        x = torch.randn(4, 2, 9, generator=torch.Generator().manual_seed(0)).double()
        scores = [networks[0](x), networks[1](x, torch.ones(4, 1, 9).double())]
        torch.testing.assert_close(scores[0], scores[1], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(networks[0].state_dict(), networks[1].state_dict(), rtol=1e-9, atol=1e-12)


def test_seed_decides_the_weights(name):
    first, same, other = (build(name, 1, 2, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])
    assert sum(not torch.equal(first[key], other[key]) for key in first if key.endswith("weight")) > 1


def test_random_state_of_the_caller_stays(name):
    before = torch.random.get_rng_state()
    network = build(name, 1, 2, seed=0)
    network.replace_head(3, seed=0)
    network.replace_channels(2, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_replace_head(name):
    network = trained(build(name, 2, n_classes=3, seed=0), 2)
    trunk = {key: value.clone() for key, value in network.state_dict().items() if not key.startswith("head")}
    network.replace_head(7, seed=5)
    assert network.n_classes == 7
    assert all(torch.equal(network.state_dict()[key], value) for key, value in trunk.items())
    head = network.head.weight.detach().clone()
    network.replace_head(7, seed=5)
    assert torch.equal(network.head.weight, head)
    network.replace_head(7, seed=6)
    assert not torch.equal(network.head.weight, head)
    assert network(torch.randn(2, 2, 9)).shape == (2, 7)


@pytest.mark.parametrize(("old", "new"), [(1, 4), (4, 1), (2, 3)])
def test_replace_channels(name, old, new):
    network = trained(build(name, old, n_classes=3, seed=0), old)
    filters = [layer.weight.detach().clone() for layer in network.input_convolutions()]
    rest = {key: value.clone() for key, value in network.state_dict().items()}
    network.replace_channels(new, seed=0)
    assert network.n_channels == new
    changed = {key for key, value in network.state_dict().items() if value.shape != rest[key].shape}
    assert len(changed) == len(filters)
    for layer, before in zip(network.input_convolutions(), filters, strict=True):
        assert layer.weight.shape == (before.shape[0], new, before.shape[2])
        kept = before.mean(dim=1, keepdim=True) * (old / new) ** 0.5  # up to the scale that the docstring states
        signs = torch.sign((layer.weight.detach() * kept).sum(dim=2, keepdim=True))
        torch.testing.assert_close(layer.weight.detach(), signs * kept.expand_as(layer.weight))
    assert all(torch.equal(value, rest[key]) for key, value in network.state_dict().items() if key not in changed)

    _, x, mask = make_batch(LENGTHS, new)
    before = [layer.weight.detach().clone() for layer in network.input_convolutions()]
    network.train()
    losses = [step(network, x, mask) for _ in range(10)]
    assert losses[-1] < losses[0]
    for layer, weight in zip(network.input_convolutions(), before, strict=True):
        assert layer.weight.requires_grad
        assert not torch.equal(layer.weight, weight)


def test_replace_channels_keeps_the_spread_of_responses(name):
    """Uncorrelated channels of unit variance excite the filters as one such channel did."""
    x = torch.randn(200, 6, 50, generator=torch.Generator().manual_seed(0))
    network = build(name, 1, 2, seed=0)
    one = [layer(x[:, :1]).std().item() for layer in network.input_convolutions()]
    network.replace_channels(6, seed=0)
    six = [layer(x).std().item() for layer in network.input_convolutions()]
    np.testing.assert_allclose(six, one, rtol=0.05)


def test_replace_channels_shows_filters_different_mixtures(name):
    """Together the filters see every channel: what they get of n channels spans n dimensions."""
    filters = []
    for seed in (0, 0, 1):
        network = build(name, 1, 2, seed=0)
        network.replace_channels(6, seed)
        filters.append([layer.weight.detach() for layer in network.input_convolutions()])
    for layer, again, other in zip(*filters, strict=True):
        assert torch.linalg.matrix_rank(layer[:, :, 0]) == 6
        assert torch.equal(layer, again)
        assert not torch.equal(layer, other)


def test_replace_channels_by_as_many_changes_nothing(name):
    network = build(name, 3, 2, seed=0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.replace_channels(3, seed=0)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_pickle_and_state_dict_round_trip(name):
    network = trained(build(name, 2, n_classes=3, seed=0), 2)
    copy = pickle.loads(pickle.dumps(network))
    fresh = build(name, 2, n_classes=3, seed=99)
    fresh.load_state_dict(network.state_dict())
    _, x, mask = make_batch(LENGTHS)
    with torch.no_grad():
        assert torch.equal(network(x, mask), copy(x, mask))
        assert torch.equal(network(x, mask), fresh.eval()(x, mask))


def test_unknown_network(name):
    with pytest.raises(UnknownNameError, match=f"unknown network '{name}x'. Did you mean '{name}'"):
        build(name + "x", 1, 2, seed=0)
