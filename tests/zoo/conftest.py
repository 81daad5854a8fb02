"""What the tests of the zoo share: a small source, and a cache of one's own."""

import dataclasses

import pytest

from headstart.training import Recipe
from headstart.zoo import Source, names, pretrain


@pytest.fixture(scope="session")
def source(small) -> Source:
    return pretrain(small, recipe=Recipe("short", epochs=2), seed=3)


@pytest.fixture(scope="session")
def trunk(source) -> Source:
    """A source without a head, as one that was trained on several data sets at once."""
    card = dataclasses.replace(source.card, dataset="universal", classes=[], members=["One", "Two"])
    weights = {name: tensor for name, tensor in source.weights.items() if not name.startswith("head.")}
    return Source(card, weights)


@pytest.fixture
def own(monkeypatch, tmp_path):
    """The folder of the user's own zoo; nothing ships with the package."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(names, "SHIPPED", tmp_path / "shipped")
    return tmp_path / "cache" / "zoo"
