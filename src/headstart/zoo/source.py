"""A pretrained source: a network's weights, the card that says where they come from, and its class prototypes.

One file holds all three: safetensors, with the card as JSON in its header. A digest over card and tensors is stored
beside the card, so that a flipped byte or a card edited by hand is found. Reading a file executes nothing of it.

Weights of convolutions and linear layers are written in half precision where that loses nothing, which is so once they
were rounded to it (`Source.halved`); batch statistics and biases, which are few, never are. In memory all are float32.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import z_normalise
from headstart.data.signatures import N_PROJECTIONS
from headstart.errors import ModelError
from headstart.files import write_bytes
from headstart.networks import NETWORKS, Network, build
from headstart.similarity import Prototypes
from headstart.training import class_probabilities
from headstart.training.device import find_device
from headstart.zoo.card import Card

FORMAT_VERSION = 1
_HEADER = "headstart"  # the entry of the file's metadata that holds card, digest and format version
_WEIGHT = "network."  # prefix of the names of weights
_PROTOTYPES, _PROTOTYPE_CODES, _SIGNATURES = "prototypes.X", "prototypes.codes", "signatures"


@dataclass(frozen=True, eq=False)
class Source:
    """A pretrained network to start from.

    Attributes
    ----------
    card
        Where it comes from.
    weights
        The network's state, float32, as `Network.state_dict` names it; without the head's if the source is a trunk.
    prototypes
        DTW barycenters of its classes, of the series as the network sees them. From them its similarity to other data
        is computed without its own data. None if they were not made.
    signatures
        Of all series that its weights have seen, int16 (n_seen, n_channels, 8), as `series_signatures` makes them. By
        them it is asked whether it has seen a target's series. None if they are not known.
    """

    card: Card
    weights: dict[str, torch.Tensor]
    prototypes: Prototypes | None = None
    signatures: np.ndarray | None = None

    def __repr__(self) -> str:
        card = self.card
        what = "trunk" if self.is_trunk else f"{len(card.classes)} classes"
        return f"Source({card.dataset!r}, {card.network}, {what}, {card.n_cases} training series)"

    @property
    def is_trunk(self) -> bool:
        """Whether it has no head, so that it can be fine-tuned but not predict."""
        return not self.card.classes

    def new_network(self) -> Network:
        """Return the network, on the CPU, in evaluation mode, with a copy of the weights.

        That of a trunk has a new head of one class, which is to be replaced.
        """
        network = build(self.card.network, self.card.n_channels, max(len(self.card.classes), 1), seed=self.card.seed)
        network.load_state_dict(self.weights, strict=not self.is_trunk)
        return network.eval()

    def class_probabilities(self, data: Dataset, device: str = "auto") -> np.ndarray:
        """Probabilities of the source's classes, float32 (n_cases, n_classes), for series as they are.

        Raises
        ------
        ModelError
            If the source is a trunk.
        """
        if self.is_trunk:
            raise ModelError(
                f"the source {self.card.dataset} has no classes of its own and cannot predict; fine-tune it first"
            )
        return class_probabilities(self.new_network().to(find_device(device)), self.prepare(data))

    def prepare(self, data: Dataset) -> Dataset:
        """Return the data as the network expects them."""
        return z_normalise(data) if self.card.normalise else data

    def halved(self) -> "Source":
        """Return the source with weights of half precision, whose file is half as large."""
        return replace(self, weights={name: _rounded(tensor) for name, tensor in self.weights.items()})

    def to_bytes(self) -> bytes:
        """Return the content of the file that `save` writes; equal sources give equal bytes."""
        tensors = {_WEIGHT + name: _smallest(tensor).contiguous().cpu() for name, tensor in self.weights.items()}
        if self.prototypes is not None:
            tensors[_PROTOTYPES] = torch.from_numpy(self.prototypes.X)
            tensors[_PROTOTYPE_CODES] = torch.from_numpy(self.prototypes.codes)
        if self.signatures is not None:
            tensors[_SIGNATURES] = torch.from_numpy(self.signatures)
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
            if "transform" in header:  # its features' part of it
                raise ModelError(f"{path}: is a part of a model, and no source to start from")
            format_version, digest, values = header["format_version"], header["sha256"], header["card"]
        except (ValueError, KeyError, TypeError, RecursionError):
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
        try:
            return _assembled(values, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError, OverflowError):  # those of another version, or made up
            versions = values.get("versions") if isinstance(values, dict) else None
            maker = versions.get("headstart") if isinstance(versions, dict) else None
            raise ModelError(
                f"{path}: its card or weights do not fit this headstart (they were made by headstart "
                f"{maker or 'of unknown version'}); install that version"
            ) from None


def _assembled(values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Source:
    """Make a source of a file's card and tensors; one of several errors is raised if they do not fit each other."""
    card = Card(**values)
    card.check_types()
    weights = {n.removeprefix(_WEIGHT): t.float() for n, t in tensors.items() if n.startswith(_WEIGHT)}
    if {name: tensor.shape for name, tensor in weights.items()} != _shapes(
        card.network, card.n_channels, len(card.classes)
    ):
        raise ValueError("weights")
    prototypes = signatures = None
    if _PROTOTYPES in tensors:
        prototypes = Prototypes(card.dataset, tensors[_PROTOTYPES].numpy(), tensors[_PROTOTYPE_CODES].numpy())
        _check_prototypes(prototypes, card)
    if _SIGNATURES in tensors:
        signatures = tensors[_SIGNATURES].numpy()
        if signatures.ndim != 3 or signatures.shape[2] != N_PROJECTIONS or signatures.dtype != np.int16:
            raise ValueError("signatures")
    return Source(card, weights, prototypes, signatures)


def _check_prototypes(prototypes: Prototypes, card: Card) -> None:
    X, codes = prototypes.X, prototypes.codes
    if X.ndim != 3 or X.shape[1] != card.n_channels or X.dtype != np.float32:
        raise ValueError("shape of the prototypes")
    if codes.shape != X.shape[:1] or codes.dtype != np.int64 or not np.isin(codes, range(len(card.classes))).all():
        raise ValueError("classes of the prototypes")
    is_padding = np.isnan(X[:, 0])  # at the end, the same in all channels
    if is_padding[:, 0].any() or (np.diff(is_padding, axis=1) & is_padding[:, :-1]).any():
        raise ValueError("padding of the prototypes")
    if (np.isfinite(X) == is_padding[:, None]).any():
        raise ValueError("values of the prototypes")


def _rounded(tensor: torch.Tensor) -> torch.Tensor:
    """Round a matrix of weights to half precision, unless it has values that are too large for it."""
    rounded = tensor.half().float()
    return rounded if tensor.ndim > 1 and bool(rounded.isfinite().all()) else tensor


def _smallest(tensor: torch.Tensor) -> torch.Tensor:
    """Return a matrix of weights in half precision if that loses nothing."""
    half = tensor.half()
    return half if tensor.ndim > 1 and torch.equal(half.float(), tensor) else tensor


@lru_cache(maxsize=128)
def _shapes(network: str, n_channels: int, n_classes: int) -> dict[str, torch.Size]:
    """Return the shapes of a network's weights; nothing is allocated or drawn for it."""
    with torch.device("meta"):
        state = NETWORKS[network](n_channels, max(n_classes, 1)).state_dict()
    return {name: tensor.shape for name, tensor in state.items() if n_classes or not name.startswith("head.")}


def _digest(card: Any, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
