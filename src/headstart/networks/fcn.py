"""The fully convolutional network of the paper.

Wang, Yan & Oates, "Time series classification from scratch with deep neural networks" (IJCNN 2017), as used by Ismail
Fawaz et al., "Transfer learning for time series classification" (IEEE Big Data 2018, section III-A): three blocks of
convolution, batch normalisation and ReLU, then the mean over time. Nothing depends on the length of the series.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from headstart.networks.base import Network
from headstart.networks.layers import ConvBlock, masked_mean


class FCN(Network):
    """128 filters of 8 time steps, 256 of 5, 128 of 3; global average pooling; one linear layer."""

    n_features = 128

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.block1 = ConvBlock(n_channels, 128, kernel_size=8)
        self.block2 = ConvBlock(128, 256, kernel_size=5)
        self.block3 = ConvBlock(256, 128, kernel_size=3)

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `Network.features`."""
        h = self.block1(x, mask)  # (batch, 128, time)
        h = self.block2(h, mask)  # (batch, 256, time)
        h = self.block3(h, mask)  # (batch, 128, time)
        return masked_mean(h, mask)  # (batch, 128)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """See `Network.input_convolutions`."""
        return [self.block1.convolution]
