"""A head that sees standardised features while it trains.

The mean of a feature over all series may be large against its differences between classes, as with spectra that are
nearly alike. A linear head on such features is an ill-conditioned problem (LeCun et al., "Efficient BackProp", 1998,
section 4.3), on which a short training does not even learn the training set. So features are centred and brought to
a common spread before the head; at the end that is folded into the head's own weights, and the network is the
paper's again.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEAST_SPREAD = 0.01
"""Of a feature, as a share of the features' size: what hardly varies in training is not blown up any further."""
_MOMENTUM = 0.01
"""Share of a batch in the running statistics, after the plain average of the first 100 batches."""


class StandardisedHead(nn.Module):
    """A linear layer on features that are standardised by running statistics, through which no gradient flows.

    Statistics of single batches, as in batch normalisation, would be as noisy as batches are small: a feature has one
    value a series. The features' size as a whole is kept: at unit variance the head alone would learn, and the network
    below it too little.
    """

    mean: Tensor
    square: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.register_buffer("mean", torch.zeros_like(linear.weight[0]))
        self.register_buffer("square", torch.zeros_like(linear.weight[0]))
        self.n_batches = 0

    def forward(self, features: Tensor) -> Tensor:
        """Map features (batch, n_features) to class scores (batch, n_classes); in training mode also note them."""
        if self.training:
            self.n_batches += 1
            share = max(_MOMENTUM, 1 / self.n_batches)
            with torch.no_grad():
                self.mean.lerp_(features.mean(dim=0), share)
                self.square.lerp_(features.square().mean(dim=0), share)
        return self.linear((features - self.mean) * self._gain())

    @torch.no_grad()
    def fold(self) -> None:
        """Change the linear layer so that it alone gives the same scores, from the features as they are."""
        weight = self.linear.weight * self._gain()
        self.linear.bias.sub_(F.linear(self.mean, weight))
        self.linear.weight.copy_(weight)

    def _gain(self) -> Tensor:
        size = self.square.mean().sqrt()  # of all features together
        variance = (self.square - self.mean.square()).clamp(min=0)
        return size / (variance + (_LEAST_SPREAD * size) ** 2).sqrt().clamp(min=1e-12)
