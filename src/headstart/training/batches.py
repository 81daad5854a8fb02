"""Data sets as tensors, and what a network says of them."""

import numpy as np
import torch
from torch import Tensor

from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.networks.base import Network

_MAX_STEPS = 1 << 18
"""Time steps of `Batches.most_cases` series: 256 MiB for the output of a layer of 256 filters."""


class Batches:
    """A data set on a device, from which batches are cut to the longest of their series."""

    def __init__(self, data: Dataset, device: torch.device | str) -> None:
        self.x = torch.from_numpy(np.nan_to_num(data.X)).to(device)  # (n_cases, n_channels, time)
        self.lengths = torch.from_numpy(data.lengths)

    @property
    def most_cases(self) -> int:
        """Series that a batch can have where nothing but memory limits it."""
        return max(1, _MAX_STEPS // self.x.shape[2])

    def __getitem__(self, cases: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return series (batch, n_channels, time) and their mask (batch, 1, time), None where nothing is padded."""
        lengths = self.lengths[cases]
        longest = int(lengths.max())
        x = self.x[cases.to(self.x.device), :, :longest]
        if int(lengths.min()) == longest:
            return x, None
        mask = torch.arange(longest) < lengths[:, None]  # (batch, time)
        return x, mask[:, None].to(x)


def features(network: Network, data: Dataset) -> np.ndarray:
    """Compute what a network makes of series before its head, in its evaluation mode.

    Parameters
    ----------
    network
        On the device to compute on.
    data
        Series of its channels, normalised.

    Returns
    -------
    ndarray
        float32, (n_cases, n_features).

    Examples
    --------
    >>> from headstart import load
    >>> from headstart.networks import build
    >>> features(build("fcn", n_channels=1, n_classes=2, seed=0), load("ItalyPowerDemand")[0]).shape
    (67, 128)
    """
    return _forward(network, data, network.features)


def class_probabilities(network: Network, data: Dataset) -> np.ndarray:
    """Compute the probabilities of the classes, in the network's evaluation mode.

    Parameters
    ----------
    network
        On the device to compute on.
    data
        Series of its channels, normalised.

    Returns
    -------
    ndarray
        float32, (n_cases, n_classes).

    Raises
    ------
    DataError
        If they are no numbers, because weights or values are so large that what is computed from them overflows.

    Examples
    --------
    >>> from headstart import load
    >>> from headstart.networks import build
    >>> class_probabilities(build("fcn", n_channels=1, n_classes=2, seed=0), load("ItalyPowerDemand")[0]).shape
    (67, 2)
    """
    probabilities = _forward(network, data, lambda x, mask: torch.softmax(network(x, mask), dim=1))
    is_number = np.isfinite(probabilities).all(axis=1)
    if not is_number.all():
        raise DataError(
            f"{data.name}: what the network computes of case {int(np.argmin(is_number)) + 1} is no number, since its "
            "weights or the values are too large; train with a lower learning rate, or normalise the series"
        )
    return probabilities


@torch.inference_mode()
def _forward(network: Network, data: Dataset, function) -> np.ndarray:  # type: ignore[no-untyped-def]
    device = next(network.parameters()).device
    batches = Batches(data, device)
    # Series of like length go together, so that little is spent on padding.
    order = torch.from_numpy(np.argsort(data.lengths, kind="stable"))
    was_training = network.training
    network.eval()
    try:
        outputs = torch.cat([function(*batches[cases]).cpu() for cases in order.split(batches.most_cases)])
    finally:
        network.train(was_training)
    result = torch.empty_like(outputs)
    result[order] = outputs
    return result.numpy()
