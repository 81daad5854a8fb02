"""Layers that leave the padding of shorter series out of everything they compute.

Defaults follow the paper's own code, which was written in Keras: Glorot-uniform weights, zero biases, batch
normalisation with epsilon 1e-3 and running statistics that move by 1% a batch.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SameConv1d(nn.Conv1d):
    """Convolution whose output is as long as its input: zeros before and after, the odd one after, as in Keras."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation, groups=groups, bias=bias)
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, time) to (batch, out_channels, time)."""
        before, odd = divmod(self.dilation[0] * (self.kernel_size[0] - 1), 2)
        if odd:
            x, before = F.pad(x, (before, before + 1)), 0
        return F.conv1d(x, self.weight, self.bias, padding=before, dilation=self.dilation, groups=self.groups)


class MaskedBatchNorm1d(nn.Module):
    """Batch normalisation (Ioffe & Szegedy, ICML 2015) over the time steps that the series really have.

    The running statistics start as the plain average over the first 100 batches and go on as Keras' moving average.
    With few series a short training run may have no more than a few hundred batches, in which a moving average alone
    would still remember the values it began with.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, n_features: int, eps: float = 1e-3, momentum: float = 0.01) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))
        self.register_buffer("running_mean", torch.zeros(n_features))
        self.register_buffer("running_var", torch.ones(n_features))
        self.n_batches = 0  # seen since the module was made: fine-tuning re-estimates its source's statistics

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise x (batch, n_features, time); mask (batch, 1, time) is 0 in the padding, None without padding."""
        if not self.training:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        self.n_batches += 1
        momentum = max(self.momentum, 1 / self.n_batches)
        if mask is None and x.shape[0] * x.shape[2] > 1:  # torch refuses to take the variance of a single value
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, True, momentum, self.eps
            )
        if mask is None:
            mask = torch.ones_like(x[:, :1], dtype=self.weight.dtype)  # x may be bfloat16
        n_values = mask.sum()
        mean = (x * mask).sum(dim=(0, 2)) / n_values  # (n_features,)
        centred = x - mean[:, None]
        variance = (centred.square() * mask).sum(dim=(0, 2)) / n_values
        with torch.no_grad():
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * n_values / (n_values - 1).clamp(min=1), momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None] + self.bias[:, None]


@contextmanager
def statistics_anew(network: nn.Module) -> Iterator[None]:
    """Make the running statistics those of the batches that follow in the block, however many: their plain average."""
    norms = [module for module in network.modules() if isinstance(module, MaskedBatchNorm1d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.n_batches, norm.momentum = 0, 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


class ConvNorm(nn.Module):
    """Convolution and batch normalisation."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, bias: bool = True) -> None:
        super().__init__()
        self.convolution = SameConv1d(in_channels, out_channels, kernel_size, bias=bias)
        self.norm = MaskedBatchNorm1d(out_channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) to (batch, out_channels, time), anything in the padding."""
        return self.norm(self.convolution(x), mask)


class ConvBlock(ConvNorm):
    """Convolution, batch normalisation, ReLU."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (batch, in_channels, time) to (batch, out_channels, time), zeros in the padding."""
        return masked_relu(super().forward(x, mask), mask)


class MultiplexConv1d(nn.Module):
    """Filters of 40, 20 and 10 time steps side by side, 32 of each, without bias: the core of Inception modules."""

    n_filters = 3 * 32

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.long = SameConv1d(in_channels, 32, kernel_size=40, bias=False)
        self.middle = SameConv1d(in_channels, 32, kernel_size=20, bias=False)
        self.short = SameConv1d(in_channels, 32, kernel_size=10, bias=False)

    @property
    def convolutions(self) -> list[nn.Conv1d]:
        """The three layers, the longest filters first."""
        return [self.long, self.middle, self.short]

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, time) to (batch, 96, time)."""
        return torch.cat([convolution(x) for convolution in self.convolutions], dim=1)


def masked_relu(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the ReLU of x (batch, features, time), zeros in the padding.

    The next convolution must see beyond the end of a series what it sees of a series alone.
    """
    h = torch.relu(x)
    return h if mask is None else h * mask


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Average x (batch, features, time) over each series' own time steps: (batch, features)."""
    if mask is None:
        return x.mean(dim=2, dtype=torch.promote_types(x.dtype, torch.float32))  # bfloat16 rounds differences away
    return (x * mask).sum(dim=2) / mask.sum(dim=2)
