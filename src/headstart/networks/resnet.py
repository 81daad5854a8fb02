"""The residual network for time series.

Wang, Yan & Oates, "Time series classification from scratch with deep neural networks" (IJCNN 2017), as used by Ismail
Fawaz et al., "Deep learning for time series classification: a review" (DMKD 2019), whose code this follows: three
residual blocks of three convolutions each, then the mean over time. Nothing depends on the length of the series.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from headstart.networks.base import Network
from headstart.networks.layers import ConvBlock, ConvNorm, MaskedBatchNorm1d, masked_mean, masked_relu


class ResNet(Network):
    """Residual blocks of 64, 128 and 128 filters; global average pooling; one linear layer."""

    n_features = 128

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.block1 = ResidualBlock(n_channels, 64)
        self.block2 = ResidualBlock(64, 128)
        self.block3 = ResidualBlock(128, 128)
        self.shortcut1 = ConvNorm(n_channels, 64, kernel_size=1)
        self.shortcut2 = ConvNorm(64, 128, kernel_size=1)
        self.shortcut3 = MaskedBatchNorm1d(128)  # the block is no wider than what it gets

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `Network.features`."""
        h = self.block1(x, self.shortcut1(x, mask), mask)  # (batch, 64, time)
        h = self.block2(h, self.shortcut2(h, mask), mask)  # (batch, 128, time)
        h = self.block3(h, self.shortcut3(h, mask), mask)  # (batch, 128, time)
        return masked_mean(h, mask)  # (batch, 128)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """See `Network.input_convolutions`."""
        return [self.block1.conv1.convolution, self.shortcut1.convolution]


class ResidualBlock(nn.Module):
    """Filters of 8, 5 and 3 time steps, to whose responses a shortcut's are added before the last ReLU."""

    def __init__(self, in_channels: int, n_filters: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(in_channels, n_filters, kernel_size=8)
        self.conv2 = ConvBlock(n_filters, n_filters, kernel_size=5)
        self.conv3 = ConvNorm(n_filters, n_filters, kernel_size=3)

    def forward(self, x: Tensor, shortcut: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) and a shortcut (batch, n_filters, time) to (batch, n_filters, time)."""
        h = self.conv1(x, mask)
        h = self.conv2(h, mask)
        h = self.conv3(h, mask)
        return masked_relu(h + shortcut, mask)
