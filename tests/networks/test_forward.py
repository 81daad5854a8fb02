"""The features of a padded batch against a slow twin in numpy, each series alone; FCN's are in test_fcn.py."""

import numpy as np
import pytest
import torch

from headstart.networks import build
from headstart.networks.inceptiontime import max_of_neighbours
from tests.naive import networks as naive


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("name", ["resnet", "inceptiontime", "lite", "dilated"])
def test_features_are_those_of_a_slow_twin(name, n_channels):
    network = build(name, n_channels, n_classes=2, seed=0).double().eval()
    rng = np.random.default_rng(0)
    weights = {}
    for key, tensor in network.state_dict().items():
        if tensor.ndim == 1:  # biases and batch statistics, which start as zeros and ones; variances are positive
            tensor.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, tensor.shape)))
        weights[key] = tensor.numpy()
    lengths = [1, 2, 30]
    x = torch.zeros(len(lengths), n_channels, max(lengths), dtype=torch.float64)
    mask = torch.zeros(len(lengths), 1, max(lengths), dtype=torch.float64)
    for i, length in enumerate(lengths):
        # Negative values: a maximum that looked into the padding would find its zeros.
        x[i, :, :length] = torch.from_numpy(rng.normal(-2, 1, size=(n_channels, length)))
        mask[i, :, :length] = 1

    features = network.features(x, mask).detach().numpy()

    for i, length in enumerate(lengths):
        expected = getattr(naive, name)(weights, x[i, :, :length].numpy())
        np.testing.assert_allclose(features[i], expected, rtol=1e-9, atol=1e-12)


def test_the_maximum_of_neighbours_sees_neither_the_border_nor_padding():
    x = torch.tensor([[[-3.0, -1.0, -2.0, 0.0, 0.0]]])
    mask = torch.tensor([[[1.0, 1.0, 1.0, 0.0, 0.0]]])
    assert max_of_neighbours(x, mask).tolist() == [[[-1.0, -1.0, -1.0, 0.0, 0.0]]]
    assert max_of_neighbours(x[:, :, :3], None).tolist() == [[[-1.0, -1.0, -1.0]]]
