"""Networks: an architecture a file, under one contract (`Network`), found by name in `NETWORKS`."""

import torch

from headstart.errors import UnknownNameError
from headstart.networks.base import Network
from headstart.networks.dilated import Dilated
from headstart.networks.fcn import FCN
from headstart.networks.inceptiontime import InceptionTime
from headstart.networks.lite import LITE
from headstart.networks.resnet import ResNet

NETWORKS: dict[str, type[Network]] = {
    "fcn": FCN,
    "resnet": ResNet,
    "inceptiontime": InceptionTime,
    "lite": LITE,
    "dilated": Dilated,
}


def get_network(name: str) -> type[Network]:
    """Look an architecture up by name.

    Raises
    ------
    UnknownNameError
        If there is none of that name.
    """
    if name not in NETWORKS:
        raise UnknownNameError("network", name, NETWORKS)
    return NETWORKS[name]


def build(name: str, n_channels: int, n_classes: int, seed: int) -> Network:
    """Return a new network.

    Parameters
    ----------
    name
        Of the architecture, a key of `NETWORKS`.
    n_channels, n_classes
        Of the data.
    seed
        Of the weights, which depend on nothing else.

    Raises
    ------
    UnknownNameError
        If there is no such architecture.

    Examples
    --------
    >>> network = build("fcn", n_channels=1, n_classes=2, seed=0)
    >>> sum(p.numel() for p in network.parameters())
    264962
    """
    architecture = get_network(name)
    with torch.random.fork_rng(devices=[]):  # the caller's random state is left as it was
        torch.default_generator.manual_seed(seed)  # torch.manual_seed, but for the CPU alone: 0.2 ms less
        return architecture(n_channels, n_classes)


__all__ = ["FCN", "LITE", "NETWORKS", "Dilated", "InceptionTime", "Network", "ResNet", "build", "get_network"]
