"""A small residual network of dilated convolutions, made for trunks that are trained on many data sets at once.

It is closest to the temporal convolutional network (Bai, Kolter & Koltun, "An empirical evaluation of generic
convolutional and recurrent networks for sequence modeling", 2018, section 3): residual convolutions whose dilation
doubles, so that eight layers of three taps see 519 time steps, where the FCN's three layers see 14. What differs from
it, and why:

- It is not causal: a series to be classified is there as a whole.
- The series' first difference stands beside the series, as MultiROCKET has it (Tan et al., Data Mining and Knowledge
  Discovery 36, 2022, section 3.1), scaled to unit power within each series. A filter could take differences by itself,
  but in a smooth series they would be too small to be seen.
- Normalisation is that of Conv-TasNet (Luo & Mesgarani, IEEE/ACM Transactions on Audio, Speech, and Language Processing
  27(8), 2019, section II-C, "global layer normalization"): over all filters and time steps of one series. So nothing
  depends on which series share a batch, and there are no running statistics, which for a trunk of many data sets would
  be those of no data set.
- Every depth is pooled over time, so that a linear head, trained or fitted, finds short shapes beside long ones; and
  by two statistics: the mean, and the share of time steps that are positive, as ROCKET's successors pool (the same
  paper of Tan et al., section 3.2), here with a ramp in place of the step, so that it has a gradient. The maximum
  beside them does harm (``docs/universal.md``).
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headstart.networks.base import Network
from headstart.networks.layers import SameConv1d, masked_mean, masked_relu

WIDTH = 64
DILATIONS = (1, 2, 4, 8, 16, 32, 64, 128)
_RAMP = 12.0
"""Scale of the ramp that counts positive values: from 0 to 1 within a quarter of a standard deviation of zero."""


class Dilated(Network):
    """32 filters of 9 steps on the series and 32 on its difference; 8 residual layers of 64 filters; all pooled."""

    n_features = 2 * WIDTH * (len(DILATIONS) + 1)

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.of_series = SameConv1d(n_channels, WIDTH // 2, kernel_size=9, bias=False)
        self.of_difference = SameConv1d(n_channels, WIDTH // 2, kernel_size=9, bias=False)
        self.norms = nn.ModuleList(SeriesNorm(WIDTH) for _ in range(len(DILATIONS) + 1))
        self.convolutions = nn.ModuleList(
            SameConv1d(WIDTH, WIDTH, kernel_size=3, dilation=dilation, bias=False) for dilation in DILATIONS
        )

    def features(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """See `Network.features`."""
        h = torch.cat([self.of_series(x), self.of_difference(difference(x, mask))], dim=1)  # (batch, 64, time)
        pooled = []
        for i, norm in enumerate(self.norms):
            z = norm(h, mask)
            a = masked_relu(z, mask)  # (batch, 64, time)
            share = F.hardsigmoid(_RAMP * z)  # clamp(2 z + 1/2, 0, 1)
            pooled += [masked_mean(a, mask), masked_mean(share, mask)]
            if i < len(self.convolutions):
                h = h + self.convolutions[i](a)
        return torch.cat(pooled, dim=1)  # (batch, 1152)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        """See `Network.input_convolutions`."""
        return [self.of_series, self.of_difference]


class SeriesNorm(nn.Module):
    """Normalisation over all filters and time steps of each series, then a scale and a shift for each filter."""

    def __init__(self, n_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise x (batch, n_features, time); mask (batch, 1, time) is 0 in the padding, None without padding."""
        if mask is None:
            return F.group_norm(x, 1, self.weight, self.bias, self.eps)
        n_values = mask.sum(dim=(1, 2), keepdim=True) * x.shape[1]
        x = x.to(mask.dtype)  # sums in bfloat16 would be rough
        centred = x - (x * mask).sum(dim=(1, 2), keepdim=True) / n_values
        variance = (centred.square() * mask).sum(dim=(1, 2), keepdim=True) / n_values
        return centred * torch.rsqrt(variance + self.eps) * self.weight[:, None] + self.bias[:, None]


def difference(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the first difference of x (batch, channels, time), as long as x, of unit power in each channel.

    It starts with 0. A channel that never changes has zeros throughout.
    """
    steps = x - F.pad(x, (1, 0), mode="replicate")[:, :, :-1]
    if mask is not None:
        steps = steps * mask  # the step from the last value into the padding
    power = masked_mean(steps.square(), mask)  # (batch, channels)
    return steps * torch.rsqrt(power + 1e-8)[:, :, None]
