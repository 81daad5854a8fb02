"""One network of the ensemble InceptionTime.

Ismail Fawaz et al., "InceptionTime: finding AlexNet for time series classification" (DMKD 2020), whose code this
follows: two blocks of three Inception modules and a shortcut, then the mean over time. The paper's classifier averages
five such networks that start from different seeds; this is one of them.

Deviation: the first module has no bottleneck. The paper's code leaves it out for series of one channel, and only for
these. Here the long filters read several channels directly too, so that the layers are the same for any number of
channels, and a network for one can become one for many and back.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headstart.networks.base import Network
from headstart.networks.layers import (
    ConvNorm,
    MaskedBatchNorm1d,
    MultiplexConv1d,
    SameConv1d,
    masked_mean,
    masked_relu,
)

WIDTH = MultiplexConv1d.n_filters + 32
"""Channels that a module hands on: its three lengths of filters, and 32 of the max-pooling branch."""


class InceptionTime(Network):
    """Six Inception modules in two residual blocks; global average pooling; one linear layer."""

    n_features = WIDTH

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.block1 = ResidualBlock(n_channels, bottleneck=False)
        self.block2 = ResidualBlock(WIDTH, bottleneck=True)

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `Network.features`."""
        h = self.block1(x, mask)  # (batch, 128, time)
        h = self.block2(h, mask)  # (batch, 128, time)
        return masked_mean(h, mask)  # (batch, 128)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """See `Network.input_convolutions`."""
        first = self.block1.module1
        return [*first.multiplex.convolutions, first.pooled, self.block1.shortcut.convolution]


class ResidualBlock(nn.Module):
    """Three Inception modules, added to a shortcut of one convolution of a single time step."""

    def __init__(self, in_channels: int, *, bottleneck: bool) -> None:
        super().__init__()
        self.module1 = InceptionModule(in_channels, bottleneck=bottleneck)
        self.module2 = InceptionModule(WIDTH)
        self.module3 = InceptionModule(WIDTH)
        self.shortcut = ConvNorm(in_channels, WIDTH, kernel_size=1, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) to (batch, 128, time)."""
        h = self.module1(x, mask)
        h = self.module2(h, mask)
        h = self.module3(h, mask)  # (batch, 128, time)
        return masked_relu(h + self.shortcut(x, mask), mask)


class InceptionModule(nn.Module):
    """Filters of three lengths behind a bottleneck, and beside them the maximum of three neighbours, mixed."""

    def __init__(self, in_channels: int, *, bottleneck: bool = True) -> None:
        super().__init__()
        self.bottleneck = SameConv1d(in_channels, 32, kernel_size=1, bias=False) if bottleneck else nn.Identity()
        self.multiplex = MultiplexConv1d(32 if bottleneck else in_channels)
        self.pooled = SameConv1d(in_channels, 32, kernel_size=1, bias=False)
        self.norm = MaskedBatchNorm1d(WIDTH)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) to (batch, 128, time)."""
        filtered = self.multiplex(self.bottleneck(x))  # (batch, 96, time)
        pooled = self.pooled(max_of_neighbours(x, mask))  # (batch, 32, time)
        return masked_relu(self.norm(torch.cat([filtered, pooled], dim=1), mask), mask)


def max_of_neighbours(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the maximum of each time step, the one before and the one after, (batch, channels, time).

    At the ends of a series there are two: what lies beyond, padding included, never wins, even over negative values.
    """
    if mask is None:
        return _max_pool(x)
    padding = mask == 0  # (batch, 1, time)
    return _max_pool(x.masked_fill(padding, -torch.inf)).masked_fill(padding, 0)


def _max_pool(x: Tensor) -> Tensor:
    # max_pool1d would do, but torch's exporter fixes the length of the series there.
    return F.max_pool2d(x[:, :, None], kernel_size=(1, 3), stride=1, padding=(0, 1))[:, :, 0]
