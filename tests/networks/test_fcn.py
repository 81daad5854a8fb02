"""The FCN against its slow twin, and against the paper's numbers."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from headstart.networks import build
from tests.naive import fcn as naive

LENGTHS = {
    "equal": [11, 11, 11, 11],
    "unequal": [11, 4, 7, 2],
    "one time step": [1, 1, 1],
    "one time step among longer ones": [1, 9, 9],
    "one series": [10],
}


def make_batch(lengths, n_channels):
    random = np.random.default_rng(0)
    series = [random.normal(size=(n_channels, length)) for length in lengths]
    x = torch.zeros(len(series), n_channels, max(lengths), dtype=torch.float64)
    mask = torch.zeros(len(series), 1, max(lengths), dtype=torch.float64)
    for i, one in enumerate(series):
        x[i, :, : lengths[i]] = torch.from_numpy(one)
        mask[i, 0, : lengths[i]] = 1
    return series, x, None if len(set(lengths)) == 1 else mask


def make_network(n_channels, n_classes=3):
    """A network whose biases, gains and running statistics are not what they start as, so that they all matter."""
    network = build("fcn", n_channels, n_classes, seed=1).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim == 1:
                tensor.add_(torch.rand(tensor.shape, generator=generator, dtype=torch.float64), alpha=0.3)
    return network


def to_numpy(network):
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_forward_agrees_with_the_twin(lengths, n_channels, training):
    series, x, mask = make_batch(lengths, n_channels)
    network = make_network(n_channels).train(training)
    weights = to_numpy(network)
    expected, _, statistics = naive.features(weights, series, training)
    with torch.no_grad():
        np.testing.assert_allclose(network.features(x, mask), expected, rtol=1e-9, atol=1e-12)
        if training:  # the first batch's statistics replace what the running ones start as
            for name, value in statistics.items():
                np.testing.assert_allclose(network.state_dict()[name], value, rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_allclose(network(x, mask), naive.scores(weights, series), rtol=1e-9, atol=1e-12)
            single = make_network(n_channels).eval().float()
            mask32 = None if mask is None else mask.float()
            np.testing.assert_allclose(single.features(x.float(), mask32), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("name", ["equal", "unequal", "one time step among longer ones"])
def test_training_steps_agree_with_the_twin(name, n_channels):
    """Loss, gradients, two steps of Adam, and the running statistics after them."""
    series, x, mask = make_batch(LENGTHS[name], n_channels)
    y = np.arange(len(series)) % 3
    network = make_network(n_channels).train()
    weights = to_numpy(network)
    loss, gradients, _ = naive.loss_and_gradients(weights, series, y)
    expected, losses = naive.train(weights, series, y, n_steps=2, learning_rate=1e-3)
    assert losses[0] == loss

    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    for step in range(2):
        computed = F.cross_entropy(network(x, mask), torch.from_numpy(y))
        optimizer.zero_grad()
        computed.backward()
        assert computed.item() == pytest.approx(losses[step], rel=1e-9)
        if step == 0:
            assert set(gradients) == {name for name, _ in network.named_parameters()}
            for parameter_name, parameter in network.named_parameters():
                np.testing.assert_allclose(parameter.grad, gradients[parameter_name], rtol=1e-7, atol=1e-11)
        optimizer.step()
    for tensor_name, tensor in network.state_dict().items():
        # The gradient of a bias before batch normalisation is zero but for rounding, which Adam blows up to steps of
        # up to its learning rate; the normalisation takes any such shift out again.
        if "convolution.bias" not in tensor_name and "running_mean" not in tensor_name:
            np.testing.assert_allclose(tensor, expected[tensor_name], rtol=1e-6, atol=1e-8, err_msg=tensor_name)
    np.testing.assert_allclose(
        network(x, mask).detach(), naive.scores(expected, series, training=True), rtol=1e-6, atol=1e-8
    )


def test_twin_gradients_agree_with_differences():
    """The twin's own derivatives, against what the loss does when one weight moves."""
    series, _, _ = make_batch([5, 3], n_channels=2)
    y = np.array([0, 2])
    weights = to_numpy(make_network(2))
    _, gradients, _ = naive.loss_and_gradients(weights, series, y)
    random = np.random.default_rng(0)
    for name, gradient in gradients.items():
        place = tuple(int(random.integers(size)) for size in gradient.shape)
        losses = []
        for shift in (-1e-6, 1e-6):
            moved = {key: value.copy() for key, value in weights.items()}
            moved[name][place] += shift
            losses.append(naive.loss_and_gradients(moved, series, y)[0])
        assert (losses[1] - losses[0]) / 2e-6 == pytest.approx(gradient[place], rel=1e-4, abs=1e-8), name


def test_layers_and_parameters_are_the_papers():
    network = build("fcn", n_channels=1, n_classes=2, seed=0)
    shapes = [tuple(layer.weight.shape) for layer in network.modules() if isinstance(layer, nn.Conv1d)]
    assert shapes == [(128, 1, 8), (256, 128, 5), (128, 256, 3)]
    assert tuple(network.head.weight.shape) == (2, 128)
    n_parameters = sum(p.numel() for p in network.parameters() if p.requires_grad)
    convolutions = 128 * (1 * 8 + 1) + 256 * (128 * 5 + 1) + 128 * (256 * 3 + 1)
    normalisations = 2 * (128 + 256 + 128)
    assert n_parameters == convolutions + normalisations + 2 * (128 + 1) == 264_962
    # Keras, in which the paper's code is written, counts the running means and variances too.
    assert sum(tensor.numel() for tensor in network.state_dict().values()) == 264_962 + normalisations == 265_986


def test_starts_as_the_papers_code_does():
    """Keras: Glorot-uniform weights, biases of zero, gains of one."""
    network = build("fcn", n_channels=2, n_classes=5, seed=0)
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | nn.Linear):
            fan_in = layer.weight[0].numel()
            fan_out = layer.weight.numel() // layer.weight.shape[1]
            limit = (6 / (fan_in + fan_out)) ** 0.5
            assert float(layer.weight.detach().abs().max()) == pytest.approx(limit, rel=0.05)
            assert float(layer.weight.detach().abs().max()) <= limit
            assert float(layer.weight.detach().std()) == pytest.approx(limit / 3**0.5, rel=0.1)
            assert not layer.bias.any()
    assert all((block.norm.weight == 1).all() for block in (network.block1, network.block2, network.block3))
