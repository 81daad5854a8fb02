"""What the tests of the choice share: series with a class that can be learnt, and a source that has hardly learnt."""

import numpy as np
import pytest

from headstart.data import Dataset
from headstart.training import Recipe
from headstart.zoo import Source, pretrain

SHORT = Recipe("short", epochs=2)


def waves(name: str, n: int, n_channels: int = 1, n_classes: int = 2, length: int = 30, seed: int = 0) -> Dataset:
    """Noisy sine waves, a frequency a class."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    phase = random.uniform(0, 6, (n, n_channels, 1))
    X = np.sin((0.2 + 0.3 * y[:, None, None]) * np.arange(length) + phase)
    return Dataset.from_arrays(name, X + 0.3 * random.normal(size=X.shape), labels=y)


@pytest.fixture(scope="session")
def make_waves():
    return waves


@pytest.fixture(scope="session")
def target() -> Dataset:
    return waves("target", 24, n_classes=3, seed=9)


@pytest.fixture(scope="session")
def unequal() -> Dataset:
    """Series of 2 channels and 5 to 14 time steps, whose class is whether they rise or fall."""
    random = np.random.default_rng(0)
    signs = np.array([1, -1] * 8)
    series = [
        np.stack([sign * np.linspace(-1, 1, n), np.zeros(n)]) + random.normal(scale=0.1, size=(2, n))
        for sign, n in zip(signs, random.integers(5, 15, size=16), strict=True)
    ]
    return Dataset.from_arrays("unequal", series, labels=np.where(signs > 0, "up", "down"))


@pytest.fixture(scope="session")
def source() -> Source:
    return pretrain(waves("other", 20, seed=1), recipe=SHORT)
