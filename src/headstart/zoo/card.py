"""The card of a source: where it comes from, and what it was made with."""

import platform
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import torch


@cache
def versions() -> dict[str, str]:
    """Return what a result depends on beside its data: the versions of headstart and of what it computes with."""
    return {
        "headstart": version("headstart"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


@dataclass(frozen=True)
class Card:
    """Where a source comes from, and what it was made with.

    Attributes
    ----------
    dataset, fingerprint
        Name and content hash of the data it was trained on.
    seen
        Fingerprints of all data its weights have seen: its own, and those of the source it started from.
    classes
        The labels of its head. Empty for a *trunk*: a source without a head, to be fine-tuned and not to predict with.
    n_cases, n_channels, min_length, max_length
        Of the training series; lengths in time steps.
    network
        Architecture, a key of `NETWORKS`.
    recipe
        All fields of the recipe.
    seed
        Of weights and order.
    normalise
        Whether series are z-normalised before the network sees them.
    balanced
        Whether each class had the same part in the loss, instead of each case.
    started_from
        Name of the source it was fine-tuned from; None if it was trained from scratch.
    losses, best_epoch, train_seconds, interrupted
        Of the training run: the training loss of each epoch, and the epoch (counted from 1) whose weights were kept.
    precision
        Of the convolutions in training: ``float32`` or ``bfloat16``.
    test_accuracy
        On the data set's own test part, if it was ever measured. It never decided anything.
    test_accuracy_in_float32
        The same before the weights were rounded to half precision; None if they were not, or it was not measured.
    members
        Names of the data sets, if it was trained on several at once; None for a usual source.
    domain
        Where such series come from, in the words of the UCR archive: Image, Sensor, ECG, …
    origin, licence
        Of the data: who published them where, and on which terms.
    device, versions
        What it was trained on and with.
    """

    dataset: str
    fingerprint: str
    classes: list[Any]
    n_cases: int
    n_channels: int
    min_length: int
    max_length: int
    network: str
    recipe: dict[str, Any]
    seed: int
    normalise: bool
    losses: list[float]
    best_epoch: int
    train_seconds: float
    device: str
    versions: dict[str, str]
    seen: list[str]
    interrupted: bool = False
    balanced: bool = False
    started_from: str | None = None
    precision: str = "float32"
    test_accuracy: float | None = None
    test_accuracy_in_float32: float | None = None
    members: list[str] | None = None
    domain: str | None = None
    origin: str | None = None
    licence: str | None = None

    def check_types(self) -> None:
        """Raise TypeError unless each field has its type: a card out of a file may hold anything that JSON can say.

        No text has control characters but blanks, by which a stranger's card could command the terminal that shows it.
        """
        for name, kind in _types().items():
            if not _is_a(getattr(self, name), kind) or not _is_printable(getattr(self, name)):
                raise TypeError(name)
        if not isinstance(self.recipe.get("name"), str):
            raise TypeError("recipe")


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Card)


def _is_printable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_printable, (*value.keys(), *value.values())))
    if isinstance(value, list):
        return all(map(_is_printable, value))
    return not isinstance(value, str) or not any(
        unicodedata.category(letter) == "Cc" for letter in set(value) - set("\t\n\r")
    )


def _is_a(value: Any, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_is_a(value, one) for one in get_args(kind))
    container, items = get_origin(kind), get_args(kind)
    if container is list:
        return isinstance(value, list) and all(_is_a(one, items[0]) for one in value)
    if container is dict:
        return isinstance(value, dict) and all(_is_a(one, items[1]) for one in value.values())
    if kind is float:
        return isinstance(value, int | float)
    return kind is Any or isinstance(value, kind)
