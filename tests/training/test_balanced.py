"""Balanced classes: what training learns of how frequent they are."""

import numpy as np
import pytest

from headstart.data import Dataset
from headstart.networks import build
from headstart.training import Recipe, class_probabilities, train


@pytest.mark.parametrize(("balanced", "expected"), [(False, 0.9), (True, 0.5)])
def test_what_cannot_be_told_apart_is_as_likely_as_it_counts(balanced, expected):
    """Equal series of both classes, in batches of which most have only the frequent one."""
    data = Dataset.from_arrays("equal", np.tile(np.sin(np.arange(12)), (40, 1)), labels=[0] * 36 + [1] * 4)
    network = build("fcn", 1, 2, seed=0)
    recipe = Recipe("short", epochs=60, max_batch_size=4, learning_rate=3e-3)
    train(network, data, recipe, seed=0, balanced=balanced)
    assert class_probabilities(network, data)[0, 0] == pytest.approx(expected, abs=0.04)
