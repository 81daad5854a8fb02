"""What all tests share."""

import re
from collections.abc import Callable
from dataclasses import dataclass

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
def headstart(capsys, monkeypatch) -> Callable[..., Finished]:
    """Run the command line in this process, on data that aeon ships."""
    monkeypatch.delenv("HEADSTART_ARCHIVE", raising=False)

    def run(*arguments: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Finished(ended.value.code or 0, captured.out, captured.err)

    return run
