"""Sources that have hardly learnt anything: rankers must judge them all the same."""

from dataclasses import replace

import numpy as np
import pytest

from headstart.data import Dataset
from headstart.training import Recipe
from headstart.zoo import Source, pretrain


def waves(name: str, n: int, n_channels: int = 1, n_classes: int = 2, length: int = 30, seed: int = 0) -> Dataset:
    """Sine waves, a frequency a class, as every data set of the tests of selection."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    phase = rng.uniform(0, 6, (n, n_channels, 1))
    X = np.sin((0.2 + 0.25 * y[:, None, None]) * np.arange(length) + phase) + 0.4 * rng.normal(size=phase.shape)
    X += 0.3 * rng.normal(size=X.shape)
    return Dataset.from_arrays(name, X, labels=y)


@pytest.fixture(scope="session")
def sources() -> dict[str, Source]:
    """Four that differ in what rankers can judge; "bare" is a trunk without prototypes."""
    short = Recipe("short", epochs=2)
    bare = pretrain(waves("bare", 16, length=50, seed=4), recipe=short, with_prototypes=False)
    trunk = {name: tensor for name, tensor in bare.weights.items() if not name.startswith("head.")}
    return {
        "few": pretrain(waves("few", 12, seed=1), recipe=short),
        "many": pretrain(waves("many", 30, n_classes=3, seed=2), recipe=short, seed=1),
        "wide": pretrain(waves("wide", 16, n_channels=2, seed=3), recipe=short),
        "bare": replace(bare, weights=trunk, card=replace(bare.card, classes=[])),
    }


@pytest.fixture(scope="session")
def target() -> Dataset:
    return waves("target", 24, seed=9)
