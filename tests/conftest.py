"""What all tests share."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

# Before torch is imported: small networks gain nothing from threads, and tests may run beside each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from headstart.cli import main
from headstart.data import Dataset, load


@pytest.fixture(scope="session")
def italy() -> tuple[Dataset, Dataset]:
    """ItalyPowerDemand, which aeon ships: 67 training and 1029 test series of 24 time steps, 2 classes."""
    return load("ItalyPowerDemand")


@pytest.fixture(scope="session")
def small(italy) -> Dataset:
    """Its first 20 training series."""
    return italy[0].subset(range(20))


@dataclass(frozen=True)
class Finished:
    """How a command ended, and what it printed, also as words, so that lines and frames do not matter."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return " ".join(re.sub("[│┃━╇┿─┼╪]", " ", self.out).split())

    @property
    def message(self) -> str:
        return " ".join(self.err.split())


@pytest.fixture
def headstart(capsys) -> Callable[..., Finished]:
    """Run the command line in this process."""

    def run(*arguments: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Finished(ended.value.code or 0, captured.out, captured.err)

    return run
