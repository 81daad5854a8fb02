"""LITE, a network of 9,814 parameters below its head.

Ismail-Fawaz et al., "LITE: Light Inception with boosTing tEchniques for time series classification" (DSAA 2023), whose
code this follows: one Inception layer with filters of three lengths ("multiplexing") beside fixed filters made by hand,
two dilated separable convolutions, then the mean over time. The paper's LITETime averages five such networks that start
from different seeds; this is one of them.

The fixed filters are those of Ismail-Fawaz et al., "Deep learning for time series classification using new hand-crafted
convolution filters" (IEEE Big Data 2022).

Deviation: for n channels the fixed filters' responses are divided by √n. The batch normalisation that follows makes
that no difference to a new network; a network that is carried over from one channel to many then finds responses of the
spread that it knows (see `Network.replace_channels`).
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headstart.networks.base import Network
from headstart.networks.layers import MaskedBatchNorm1d, MultiplexConv1d, SameConv1d, masked_mean, masked_relu


class LITE(Network):
    """96 learnt and 17 fixed filters; two separable layers of 32; global average pooling; one linear layer."""

    n_features = 32

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.fixed = FixedFilters()
        self.multiplex = MultiplexConv1d(n_channels)
        n_filters = self.multiplex.n_filters + self.fixed.n_filters
        self.norm = MaskedBatchNorm1d(n_filters)
        self.block1 = SeparableBlock(n_filters, 32, kernel_size=20, dilation=2)
        self.block2 = SeparableBlock(32, 32, kernel_size=10, dilation=4)

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `Network.features`."""
        h = torch.cat([self.multiplex(x), self.fixed(x)], dim=1)  # (batch, 113, time)
        h = masked_relu(self.norm(h, mask), mask)
        h = self.block1(h, mask)  # (batch, 32, time)
        h = self.block2(h, mask)  # (batch, 32, time)
        return masked_mean(h, mask)  # (batch, 32)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """See `Network.input_convolutions`. The fixed filters treat all channels alike, whatever their number."""
        return self.multiplex.convolutions


class FixedFilters(nn.Module):
    """ReLU of the responses to filters made by hand, which are never trained."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        filters = fixed_filters()
        self.n_filters = len(filters)
        # One convolution for all: each filter stands in the longest one's place for it, among zeros, where padding
        # before and after it would have put it. They are not saved with the weights: the code makes them.
        longest = max(map(len, filters))
        centred = torch.zeros(len(filters), 1, longest)
        for row, f in zip(centred, filters, strict=True):
            start = (longest - 1) // 2 - (len(f) - 1) // 2
            row[0, start : start + len(f)] = f
        self.register_buffer("filters", centred, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, n_channels, time) to (batch, 17, time)."""
        total = x.sum(dim=1, keepdim=True) / x.shape[1] ** 0.5  # (batch, 1, time)
        before, after = (self.filters.shape[2] - 1) // 2, self.filters.shape[2] // 2
        return torch.relu(F.conv1d(F.pad(total, (before, after)), self.filters))


class SeparableBlock(nn.Module):
    """Separable dilated convolution, without bias: a filter for each channel, then a mixture; batch norm; ReLU."""

    def __init__(self, in_channels: int, n_filters: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.depthwise = SameConv1d(
            in_channels, in_channels, kernel_size, dilation=dilation, groups=in_channels, bias=False
        )
        self.pointwise = SameConv1d(in_channels, n_filters, kernel_size=1, bias=False)
        self.norm = MaskedBatchNorm1d(n_filters)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) to (batch, n_filters, time)."""
        return masked_relu(self.norm(self.pointwise(self.depthwise(x)), mask), mask)


def fixed_filters() -> list[Tensor]:
    """Return the 17 filters of the paper's code: six for an increase, six for a decrease, five for a peak.

    Those for a change have 2 to 64 time steps, whose signs alternate. Those for a peak have 6 to 96: an arch of height
    two between two of depth one, each a parabola up and the same parabola down.

    Examples
    --------
    >>> filters = fixed_filters()
    >>> [f.tolist() for f in (filters[1], filters[7], filters[12])]
    [[-1.0, 1.0, -1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [-1.0, -1.0, 2.0, 2.0, -1.0, -1.0]]
    """
    increase = [torch.tensor([-1.0, 1.0]).repeat(length // 2) for length in (2, 4, 8, 16, 32, 64)]
    decrease = [-f for f in increase]
    peak = []
    for quarter in (1, 2, 4, 8, 16):
        rise = (torch.arange(1, quarter + 1) / quarter) ** 2
        arch = torch.cat([rise, rise.flip(0)])
        peak.append(torch.cat([-arch, 2 * arch, -arch]))
    return [*increase, *decrease, *peak]
