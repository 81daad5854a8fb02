"""The contract that every network keeps: features, then one linear layer that can be replaced.

Series of different lengths share a batch by padding. A network takes the padding's mask through every layer, so that
it never changes a result: the features of a series are the same alone and padded, and so are the batch statistics.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Network(nn.Module, ABC):
    """A trunk that turns series of any length into a feature vector, and a linear head.

    Attributes
    ----------
    n_channels
        Channels of the series that it takes.
    n_features
        Length of the feature vector.
    head
        Linear layer from the features to the classes.
    """

    n_features: int

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.head = new_head(self.n_features, n_classes)

    @property
    def n_classes(self) -> int:
        """Number of classes of the head."""
        return self.head.out_features

    @abstractmethod
    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Feature vectors of a batch of series.

        Parameters
        ----------
        x
            (batch, n_channels, time), zeros in the padding.
        mask
            (batch, 1, time): 1 on a series' own time steps, 0 in its padding; None if nothing is padded.

        Returns
        -------
        Tensor
            (batch, n_features).
        """

    @abstractmethod
    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """Return the layers that read the series themselves, whose number of channels is the data's."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the class scores before softmax, (batch, n_classes); the arguments are those of `features`."""
        return self.head(self.features(x, mask))

    def replace_head(self, n_classes: int, seed: int) -> None:
        """Put a new head for `n_classes` classes in place of the old one, its weights drawn from `seed`."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.head = new_head(self.n_features, n_classes).to(self.head.weight.device)

    def replace_channels(self, n_channels: int, seed: int) -> None:
        """Let the network read series of another number of channels, keeping the shapes that its filters have learnt.

        Every filter of an input layer becomes its mean over the old channels, repeated for each new channel with a sign
        drawn from `seed`, and scaled by √(old) / √(new).

        The signs make each filter look at another mixture of the channels, so that together they see all of them.
        Equal copies, as Carreira & Zisserman make along a new time axis ("Quo vadis, action recognition?", CVPR 2017,
        section 2.4), would show every filter the same sum of the channels and lose the rest; fine-tuning on few series
        does not get it back (``docs/networks.md`` has the figures). The scale keeps the spread of the responses: n
        uncorrelated channels of unit variance, which z-normalisation makes, add up to √n times the deviation of one,
        and the batch statistics that come with the source expect that of one.
        """
        if n_channels == self.n_channels:
            return
        generator = torch.Generator().manual_seed(seed)
        for layer in self.input_convolutions():
            mean = layer.weight.detach().mean(dim=1, keepdim=True)  # (filters, 1, time)
            signs = torch.randint(0, 2, (len(mean), n_channels, 1), generator=generator) * 2 - 1
            scale = (self.n_channels / n_channels) ** 0.5
            layer.weight = nn.Parameter(scale * mean * signs.to(mean))
            layer.in_channels = n_channels
        self.n_channels = n_channels


def new_head(n_features: int, n_classes: int) -> nn.Linear:
    """Return a linear layer that starts as the paper's do: Glorot-uniform weights, zero biases."""
    head = nn.Linear(n_features, n_classes)
    nn.init.xavier_uniform_(head.weight)
    nn.init.zeros_(head.bias)
    return head
