"""For all tests and the docstrings' examples: one thread."""

import os
import sys

import pytest

# Before torch is imported: small networks gain nothing from threads, and tests may run beside each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Undo what numba's parallel loops do, which share OpenMP's number of threads with torch."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
