"""The public functions take data sets, and say in one sentence what they were given instead."""

import numpy as np
import pytest

import headstart
from headstart.data import Dataset
from headstart.errors import DataError, ModelError, UnknownNameError
from headstart.similarity import dataset_distance
from headstart.training import Recipe
from headstart.zoo.names import SHIPPED

SERIES = np.random.default_rng(0).normal(size=(6, 12)).astype(np.float32)
DATA = Dataset.from_arrays("toy", SERIES, labels=[0, 1] * 3)
TAKE_DATA = {
    "pretrain": headstart.pretrain,
    "fine_tune": lambda data: headstart.fine_tune("GunPoint", data),
    "rank_sources": headstart.rank_sources,
    "prototypes": headstart.prototypes,
    "similarity_matrix": lambda data: headstart.similarity_matrix([data]),
    "dataset_distance": lambda data: dataset_distance(DATA, data),
}


@pytest.mark.parametrize("function", TAKE_DATA.values(), ids=list(TAKE_DATA))
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (SERIES, r"^a Dataset is wanted, and this is a ndarray; Dataset.from_arrays\(NAME, X, labels\) makes one$"),
        ((DATA, None), "^one Dataset is wanted, and this is a pair, as load returns it; give the first or the second$"),
    ],
    ids=["an array", "what load returns"],
)
def test_no_data_set(function, given, message):
    with pytest.raises(DataError, match=message):
        function(given)


def test_sources_by_name():
    name = sorted(path.stem for path in SHIPPED.glob("*.safetensors") if "universal" not in path.stem)[0]
    tuned = headstart.fine_tune(name, DATA, Recipe("short", epochs=1))
    assert tuned.card.started_from == name
    by_name, of_folder = headstart.rank_sources(DATA, by="size"), headstart.rank_sources(DATA, SHIPPED, by="size")
    assert set(of_folder.index) <= set(by_name.index)
    assert name in of_folder.index


def test_no_such_sources(tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown source 'Gunpiont'.*Did you mean 'GunPoint'"):
        headstart.fine_tune("Gunpiont", DATA)
    with pytest.raises(ModelError, match="has no sources"):
        headstart.rank_sources(DATA, tmp_path)
