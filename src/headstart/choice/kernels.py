"""Features of fixed convolution kernels, which transfer nothing: MiniROCKET and MultiROCKET-Hydra, as aeon has them.

Dempster, Schmidt & Webb, "MiniRocket" (KDD 2021); Tan et al., "MultiRocket" (Data Mining and Knowledge Discovery 36,
2022); Dempster, Schmidt & Webb, "Hydra" (Data Mining and Knowledge Discovery 37, 2023). They take series of one length,
so series of any other are drawn out or together to the longest of training, by linear interpolation.

What they learn from the training series (dilations, channels, biases) are arrays, which are kept; no label has a part
in them. aeon seeds the random generators of numpy and torch, which are put back here as they were.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from aeon.transformations.collection.convolution_based import HydraTransformer, MiniRocket, MultiRocket

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import z_normalise

MIN_LENGTH = 10
"""Time steps: a kernel has nine, and MultiROCKET looks at first differences, too."""
_MOST_STEPS = 2**15
"""Time steps of the series that Hydra convolves at once."""


@dataclass(frozen=True, eq=False)
class MiniRocketKernels:
    """MiniROCKET: the share of positive values of 9,996 convolutions."""

    length: int
    normalise: bool
    rocket: MiniRocket

    @classmethod
    def of(cls, data: Dataset, *, normalise: bool = True, seed: int = 0) -> Self:
        """Draw biases from the training series."""
        length = max(int(data.lengths.max()), MIN_LENGTH)
        with generators_kept():
            rocket = MiniRocket(random_state=seed).fit(one_length(data, length, normalise))
        return cls(length, normalise, rocket)

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features, float32 (n_cases, 9996)."""
        with generators_kept():
            return self.rocket.transform(one_length(data, self.length, self.normalise))

    def settings(self) -> dict[str, Any]:
        """Return length, channels and normalisation."""
        return {"length": self.length, "normalise": self.normalise, "n_channels": self.rocket.metadata_["n_channels"]}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters of the kernels."""
        return _numbered("parameters", self.rocket.parameters)

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings and parameters."""
        with generators_kept():
            rocket = MiniRocket(random_state=0).fit(_blank(settings))
        rocket.parameters = _collected("parameters", arrays)
        return cls(settings["length"], settings["normalise"], rocket)


@dataclass(frozen=True, eq=False)
class MultiRocketHydraKernels:
    """MultiROCKET and Hydra side by side, each scaled as aeon's `MultiRocketHydraClassifier` does it."""

    length: int
    normalise: bool
    rocket: MultiRocket
    hydra: HydraTransformer
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, data: Dataset, *, normalise: bool = True, seed: int = 0) -> Self:
        """Draw biases from the training series, and measure the features' scale on them."""
        length = max(int(data.lengths.max()), MIN_LENGTH)
        X = one_length(data, length, normalise)
        with generators_kept():
            hydra, rocket = HydraTransformer(random_state=seed).fit(X), MultiRocket(random_state=seed).fit(X)
            of_hydra, of_rocket = _of_hydra(hydra, X), rocket.transform(X)
        # Hydra's are counts: what is seldom above 0 must not become large.
        rare = (of_hydra == 0).mean(axis=0) ** 4 + 1e-8
        std = of_rocket.std(axis=0)
        scale = np.append(of_hydra.std(axis=0, ddof=1) + rare, np.where(std > 0, std, 1))
        mean = np.append(of_hydra.mean(axis=0), of_rocket.mean(axis=0))
        return cls(length, normalise, rocket, hydra, mean.astype(np.float32), scale.astype(np.float32))

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features, float32 (n_cases, n_features)."""
        X = one_length(data, self.length, self.normalise)
        with generators_kept():
            of_hydra, of_rocket = _of_hydra(self.hydra, X), self.rocket.transform(X)
        scaled = (np.hstack([of_hydra, of_rocket]) - self.mean) / self.scale
        scaled[:, : of_hydra.shape[1]] *= of_hydra != 0
        return scaled

    def settings(self) -> dict[str, Any]:
        """Return length, channels and normalisation."""
        return {"length": self.length, "normalise": self.normalise, "n_channels": self.rocket.metadata_["n_channels"]}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters of all kernels, and the scale of their features."""
        kernels = self.hydra._hydra
        return (
            {"mean": self.mean, "scale": self.scale, "hydra.kernels": kernels.W.numpy()}
            | _numbered("hydra.channels", [channels.numpy() for channels in kernels.idx])
            | _numbered("series", self.rocket.parameter)
            | _numbered("differences", self.rocket.parameter1)
        )

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings and parameters."""
        X = _blank(settings)
        with generators_kept():
            hydra, rocket = HydraTransformer(random_state=0).fit(X), MultiRocket(random_state=0).fit(X)
        hydra._hydra.W = torch.from_numpy(arrays["hydra.kernels"])
        hydra._hydra.idx = [torch.from_numpy(channels) for channels in _collected("hydra.channels", arrays)]
        rocket.parameter, rocket.parameter1 = _collected("series", arrays), _collected("differences", arrays)
        return cls(settings["length"], settings["normalise"], rocket, hydra, arrays["mean"], arrays["scale"])


def _of_hydra(hydra: HydraTransformer, X: np.ndarray) -> np.ndarray:
    """Return Hydra's counts, their roots taken, float32 (n_cases, n_features).

    A few series at a time: aeon convolves all that it is given at once, which takes 3.5 MiB for each of 1,024 steps.
    """
    n_cases = max(1, _MOST_STEPS // X.shape[2])
    counts = [hydra.transform(X[i : i + n_cases]).numpy() for i in range(0, len(X), n_cases)]
    return np.sqrt(np.maximum(np.concatenate(counts), 0))


def one_length(data: Dataset, length: int, normalise: bool) -> np.ndarray:
    """Return all series at one length, float32 (n_cases, n_channels, length)."""
    data = z_normalise(data) if normalise else data
    if (data.lengths == length).all():
        return data.X
    X = np.empty((data.n_cases, data.n_channels, length), np.float32)
    for i in range(data.n_cases):
        series = data.series(i)
        steps = np.linspace(0, series.shape[1] - 1, length)
        X[i] = [np.interp(steps, np.arange(series.shape[1]), channel) for channel in series]
    return X


def _blank(settings: Mapping[str, Any]) -> np.ndarray:
    """Return series on which a transformer can be fitted before it is given the parameters that were kept."""
    return np.zeros((2, settings["n_channels"], settings["length"]), np.float32)


def _numbered(name: str, arrays: Any) -> dict[str, np.ndarray]:
    return {f"{name}.{i}": np.asarray(array) for i, array in enumerate(arrays)}


def _collected(name: str, arrays: Mapping[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    n = sum(key.startswith(f"{name}.") for key in arrays)
    return tuple(arrays[f"{name}.{i}"] for i in range(n))


@contextmanager
def generators_kept() -> Iterator[None]:
    """Undo what aeon does to numpy's and torch's generators and to torch's number of threads."""
    state, n_threads = np.random.get_state(), torch.get_num_threads()  # noqa: NPY002 (the global one is aeon's)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        torch.set_num_threads(n_threads)
