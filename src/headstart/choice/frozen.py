"""Features of a network that is not trained any further: every filter, seen through three statistics.

A network's own features are the mean of its last layer over time. Here every batch normalisation, of every layer, gives
three numbers a filter: the mean and the maximum of what is positive, and the share of time steps at which it is, as
MultiROCKET pools its convolutions (Tan et al., Data Mining and Knowledge Discovery 36, 2022); and all of this twice,
for the series and for its first difference. Random filters pooled so are strong features already, which is why no claim
about pretraining is made without the same network untrained beside it (``untrained``).

A network without batch normalisation (``dilated``) pools every depth itself; its features are taken as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import z_normalise
from headstart.networks import Network, build
from headstart.networks.layers import MaskedBatchNorm1d
from headstart.training.batches import Batches, features
from headstart.zoo.source import Source


@dataclass(frozen=True, eq=False)
class Frozen:
    """Pooled features of all layers of a network.

    Attributes
    ----------
    network
        In evaluation mode, for series of the data's channels.
    architecture
        Its key in `NETWORKS`.
    normalise
        Whether series are z-normalised first. Their differences always are.
    """

    network: Network
    architecture: str
    normalise: bool

    @classmethod
    def of_source(cls, source: Source, data: Dataset) -> Self:
        """Return the features of a source, adapted to the data's channels as fine-tuning does it, with seed 0."""
        network = source.new_network()
        network.replace_channels(data.n_channels, seed=0)
        return cls(network, source.card.network, source.card.normalise)

    @classmethod
    def untrained(cls, architecture: str, data: Dataset, *, normalise: bool = True, seed: int = 0) -> Self:
        """Return the features of a network with its first random weights: the control of all claims of the others."""
        return cls(build(architecture, data.n_channels, 1, seed).eval(), architecture, normalise)

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features, float32: (n_cases, 6 × the number of filters), or the network's own."""
        series = z_normalise(data) if self.normalise else data
        if not _norms(self.network):
            return features(self.network, series)
        # The first difference is 0, so that the shortest series keep a time step.
        differences = z_normalise(replace(data, X=np.diff(data.X, axis=2, prepend=data.X[:, :, :1])))
        return np.concatenate([_pooled(self.network, part) for part in (series, differences)], axis=1)

    def settings(self) -> dict[str, Any]:
        """Return architecture, channels and normalisation."""
        return {
            "architecture": self.architecture,
            "n_channels": self.network.n_channels,
            "normalise": self.normalise,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights without the head's."""
        state = self.network.state_dict()
        return {name: tensor.numpy() for name, tensor in state.items() if not name.startswith("head.")}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings and weights."""
        network = build(settings["architecture"], settings["n_channels"], 1, seed=0).eval()
        state = {name: torch.from_numpy(array) for name, array in arrays.items()}
        network.load_state_dict(state | {n: t for n, t in network.state_dict().items() if n.startswith("head.")})
        return cls(network, settings["architecture"], settings["normalise"])


def _norms(network: Network) -> list[MaskedBatchNorm1d]:
    return [module for module in network.modules() if isinstance(module, MaskedBatchNorm1d)]


@torch.inference_mode()
def _pooled(network: Network, data: Dataset) -> np.ndarray:
    """Pool what comes out of each batch normalisation, float32 (n_cases, 3 × filters)."""
    pooled: list[Tensor] = []

    def pool(module: nn.Module, inputs: tuple[Tensor, Tensor | None], h: Tensor) -> None:
        mask = inputs[1] if len(inputs) > 1 else None
        mask = torch.ones_like(h[:1, :1]) if mask is None else mask
        h = h.float() * mask  # what is 0 counts for none of the three
        n_steps = mask.sum(dim=2)
        mean, share = h.relu().sum(dim=2) / n_steps, (h > 0).sum(dim=2) / n_steps
        pooled.extend([mean, h.amax(dim=2).relu(), share])

    hooks = [norm.register_forward_hook(pool) for norm in _norms(network)]
    try:
        batches, parts = Batches(data, "cpu"), []
        order = torch.from_numpy(np.argsort(data.lengths, kind="stable"))
        for cases in order.split(batches.most_cases):
            pooled.clear()
            network.features(*batches[cases])
            parts.append(torch.cat(pooled, dim=1))
    finally:
        for hook in hooks:
            hook.remove()
    result = np.empty((data.n_cases, parts[0].shape[1]), np.float32)
    result[order.numpy()] = torch.cat(parts).numpy()
    return result
