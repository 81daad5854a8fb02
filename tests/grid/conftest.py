"""Small archives and recipes for grids."""

import pytest

from headstart.data import load
from headstart.training import Recipe
from tests.data import writers

SHORT = Recipe("short", epochs=1)


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """Three data sets that aeon ships, cut to a few cases and 24 time steps."""
    folder = tmp_path_factory.mktemp("archive")
    for name in ("GunPoint", "ItalyPowerDemand", "UnitTest"):
        (folder / name).mkdir()
        for part, data in zip(("TRAIN", "TEST"), load(name), strict=True):
            cases = data.subset(range(12))
            writers.ucr(folder / name / f"{name}_{part}.tsv", list(cases.X[:, :, :24]), list(cases.labels))
    return folder
