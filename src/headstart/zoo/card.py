"""The card of a source: where it comes from, and what it was made with."""

from dataclasses import dataclass
from typing import Any


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
    started_from: str | None = None
    precision: str = "float32"
    test_accuracy: float | None = None
    test_accuracy_in_float32: float | None = None
    members: list[str] | None = None
    domain: str | None = None
    origin: str | None = None
    licence: str | None = None
