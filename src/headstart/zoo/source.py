"""A pretrained source: a network's weights, the card that says where they come from, and its class prototypes.

One file holds all three: safetensors, with the card as JSON in its header. A digest over card and tensors is stored
beside the card, so that a flipped byte or a card edited by hand is found. Reading a file executes nothing of it.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import z_normalise
from headstart.errors import ModelError, UnknownNameError
from headstart.files import write_bytes
from headstart.networks import Network, build
from headstart.similarity import Prototypes

FORMAT_VERSION = 1
_HEADER = "headstart"  # the entry of the file's metadata that holds card, digest and format version
_WEIGHT = "network."  # prefix of the names of weights
_PROTOTYPES, _PROTOTYPE_CODES = "prototypes.X", "prototypes.codes"


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
        The labels of its head.
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
    test_accuracy
        On the data set's own test part, if it was ever measured. It never decided anything.
    licence
        Of the data.
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
    test_accuracy: float | None = None
    licence: str | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """A pretrained network to start from.

    Attributes
    ----------
    card
        Where it comes from.
    weights
        The network's state, as `Network.state_dict` names it.
    prototypes
        DTW barycenters of its classes, of the series as the network sees them. From them its similarity to other data
        is computed without its own data. None if they were not made.
    """

    card: Card
    weights: dict[str, torch.Tensor]
    prototypes: Prototypes | None = None

    def new_network(self) -> Network:
        """Return the network, on the CPU, in evaluation mode, with a copy of the weights."""
        network = build(self.card.network, self.card.n_channels, len(self.card.classes), seed=self.card.seed)
        network.load_state_dict(self.weights)
        return network.eval()

    def prepare(self, data: Dataset) -> Dataset:
        """Return the data as the network expects them."""
        return z_normalise(data) if self.card.normalise else data

    def to_bytes(self) -> bytes:
        """Return the content of the file that `save` writes; equal sources give equal bytes."""
        tensors = {_WEIGHT + name: tensor.contiguous().cpu() for name, tensor in self.weights.items()}
        if self.prototypes is not None:
            tensors[_PROTOTYPES] = torch.from_numpy(self.prototypes.X)
            tensors[_PROTOTYPE_CODES] = torch.from_numpy(self.prototypes.codes)
        card = asdict(self.card)
        header = {"format_version": FORMAT_VERSION, "sha256": _digest(card, tensors), "card": card}
        # One entry: safetensors writes several in random order.
        return safetensors.torch.save(tensors, metadata={_HEADER: json.dumps(header)})

    def save(self, path: str | Path) -> None:
        """Write the source to one file; an older one is replaced in a single step.

        Raises
        ------
        HeadstartError
            If it cannot be written; nothing is left behind then.
        """
        write_bytes(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> "Source":
        """Read a source that `save` wrote.

        Raises
        ------
        ModelError
            If the file is missing, truncated, altered, no source at all, or of a newer version.
        """
        path = Path(path)
        if not os.path.isfile(path):  # pathlib's raises for names that no file can have
            raise ModelError(f"{path}: there is no such source file; check the path")
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        except (safetensors.SafetensorError, OSError) as error:
            raise ModelError(
                f"{path}: is not a whole safetensors file ({error}); make or fetch the source again"
            ) from None
        if _HEADER not in metadata:
            raise ModelError(
                f"{path}: holds weights but no card of a headstart source; make it with `headstart pretrain`"
            )
        try:
            header = json.loads(metadata[_HEADER])
            format_version, digest, values = header["format_version"], header["sha256"], header["card"]
        except (ValueError, KeyError, TypeError):
            raise ModelError(f"{path}: its card is damaged; make or fetch the source again") from None
        if format_version != FORMAT_VERSION:
            raise ModelError(
                f"{path}: has format version {format_version}, this headstart reads {FORMAT_VERSION}; "
                "install a newer headstart, or make the source again"
            )
        if digest != _digest(values, tensors):
            raise ModelError(
                f"{path}: card or weights were altered since the file was written (the sha256 differs); "
                "make or fetch the source again"
            )
        weights = {n.removeprefix(_WEIGHT): t for n, t in tensors.items() if n.startswith(_WEIGHT)}
        prototypes = None
        try:
            if _PROTOTYPES in tensors:
                codes = tensors[_PROTOTYPE_CODES].numpy()
                prototypes = Prototypes(values["dataset"], tensors[_PROTOTYPES].numpy(), codes)
            source = cls(Card(**values), weights, prototypes)
            source.new_network()
        except (KeyError, TypeError, RuntimeError, UnknownNameError):  # fields, architectures, shapes of other versions
            versions = values.get("versions") if isinstance(values, dict) else None
            maker = versions.get("headstart") if isinstance(versions, dict) else None
            raise ModelError(
                f"{path}: its card or weights do not fit this headstart (they were made by headstart "
                f"{maker or 'of unknown version'}); install that version"
            ) from None
        return source


def _digest(card: Any, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
