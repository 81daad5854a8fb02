"""What all tests share."""

import os

# Before torch is imported: small networks gain nothing from threads, and tests may run beside each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from headstart.data import Dataset, load


@pytest.fixture(scope="session")
def italy() -> tuple[Dataset, Dataset]:
    """ItalyPowerDemand, which aeon ships: 67 training and 1029 test series of 24 time steps, 2 classes."""
    return load("ItalyPowerDemand")


@pytest.fixture(scope="session")
def small(italy) -> Dataset:
    """Its first 20 training series."""
    return italy[0].subset(range(20))
