"""Features of a dictionary of words, which transfer nothing: those of WEASEL 2.

Schäfer & Leser, "WEASEL 2.0: a random dilated dictionary transform for fast, accurate and memory constrained time
series classification" (Machine Learning 112, 2023). Of each window of a series the Fourier coefficients that vary most,
divided by the window's standard deviation, are the letters of a word: low or high (symbolic Fourier approximation:
Schäfer & Högqvist, EDBT 2012). Features count the words. Fifty lengths and dilations of windows are drawn, each for the
series and its first difference, as WEASEL 2 draws them for less than 250 training series.

Deviations: no words are selected by the labels, so that what would be without a fold follows from one fit; and dilated
windows do not run on from the end of one phase of the series into the next. aeon's words, which do, are as good, but
its code is compiled when it is first used, and what it learns is not made to be kept as arrays.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from headstart.choice.kernels import MIN_LENGTH, one_length
from headstart.data.dataset import Dataset

N_WINDOWS = 50
MIN_WINDOW, MAX_WINDOW = 4, 24
MOST_LETTERS = 8
MARGIN = 10
"""Time steps of zeros before and after each series."""
_MOST_VALUES = 2**20
"""Of the series that are looked at together: there are up to two dozen windows around each value."""


@dataclass(frozen=True)
class Window:
    """What is looked at, place by place."""

    channel: int
    length: int
    dilation: int
    of_differences: bool

    def coefficients(self, X: np.ndarray) -> np.ndarray:
        """Real and imaginary parts of the windows' spectra, (n_cases, n_places, n_parts).

        X is (n_cases, n_channels, length). Rounded, so that what is equal but for the order of a sum is one letter.
        """
        series = np.pad(X[:, self.channel], ((0, 0), (MARGIN, MARGIN)))
        series = np.diff(series, axis=1) if self.of_differences else series
        windows = sliding_window_view(series, (self.length - 1) * self.dilation + 1, axis=1)[:, :, :: self.dilation]
        deviation = windows.std(axis=2, keepdims=True)
        is_flat = windows.min(axis=2, keepdims=True) == windows.max(axis=2, keepdims=True)
        deviation[is_flat | (deviation == 0)] = 1
        angles = 2 * np.pi / self.length * np.outer(np.arange(self.length), np.arange(self.length // 2 + 1))
        waves = np.hstack([np.cos(angles), np.sin(angles)]).astype(np.float32)
        return np.round(windows @ waves / deviation, 3)


@dataclass(frozen=True, eq=False)
class Letters:
    """How coefficients become a word: which of them, and above what each counts as high."""

    coefficients: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, spectra: np.ndarray, n_letters: int, at_median: bool) -> Self:
        """Take the coefficients that vary most; their bounds halve the cases, or else the range."""
        spectra = spectra.reshape(-1, spectra.shape[2])
        chosen = np.sort(np.argsort(-spectra.var(axis=0), kind="stable")[:n_letters])
        values = spectra[:, chosen]
        bounds = np.median(values, axis=0) if at_median else (values.min(axis=0) + values.max(axis=0)) / 2
        return cls(chosen, bounds.astype(np.float32))

    def counts(self, spectra: np.ndarray) -> np.ndarray:
        """Count the words of each case, float32 (n_cases, n_words)."""
        n_cases, n_words = len(spectra), 2 ** len(self.bounds)
        is_high = spectra[:, :, self.coefficients] > self.bounds
        words = np.packbits(is_high, axis=2, bitorder="little")[:, :, 0]
        in_case = words + n_words * np.arange(n_cases)[:, None]
        counts = np.bincount(in_case.ravel(), minlength=n_cases * n_words).reshape(n_cases, n_words)
        return counts.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Counts of words, up to 256 for each of a hundred windows."""

    length: int
    normalise: bool
    windows: tuple[Window, ...]
    letters: tuple[Letters, ...]

    @classmethod
    def of(cls, data: Dataset, *, normalise: bool = True, seed: int = 0) -> Self:
        """Draw windows, and find their letters in the training series, of very many in an even share."""
        length = max(int(data.lengths.max()), MIN_LENGTH)
        X = one_length(data, length, normalise)
        X = X[:: 1 + (len(X) - 1) // _most_cases(length)]
        drawn = list(_drawn(data.n_channels, length, np.random.default_rng(seed)))
        letters = [
            Letters.of(window.coefficients(X), min(window.length, MOST_LETTERS), at_median)
            for window, at_median in drawn
        ]
        return cls(length, normalise, tuple(window for window, _ in drawn), tuple(letters))

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features, float32 (n_cases, n_words)."""
        X = one_length(data, self.length, self.normalise)
        n_cases = _most_cases(self.length)
        batches = [X[i : i + n_cases] for i in range(0, len(X), n_cases)]
        pairs = list(zip(self.windows, self.letters, strict=True))
        return np.concatenate(
            [np.hstack([letters.counts(window.coefficients(some)) for window, letters in pairs]) for some in batches]
        )

    def settings(self) -> dict[str, Any]:
        """Return length, normalisation and windows."""
        windows = [asdict(window) for window in self.windows]
        return {"length": self.length, "normalise": self.normalise, "windows": windows}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the letters."""
        coefficients = {f"coefficients.{i}": one.coefficients for i, one in enumerate(self.letters)}
        return coefficients | {f"bounds.{i}": one.bounds for i, one in enumerate(self.letters)}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings and arrays."""
        windows = tuple(Window(**window) for window in settings["windows"])
        letters = tuple(Letters(arrays[f"coefficients.{i}"], arrays[f"bounds.{i}"]) for i in range(len(windows)))
        return cls(settings["length"], settings["normalise"], windows, letters)


def _drawn(n_channels: int, length: int, random: np.random.Generator) -> Iterator[tuple[Window, bool]]:
    """Draw windows, and whether their bounds are medians.

    Channels take turns, in an order that is drawn, so that of very many some are left out.
    """
    longest = min(length, MAX_WINDOW)
    channels = random.permutation(n_channels)
    for i in range(N_WINDOWS):
        window = int(random.integers(MIN_WINDOW, longest, endpoint=True))
        dilation = int(2 ** random.uniform(0, np.log2((length - 1) / (window - 1))))
        at_median = bool(random.integers(2))
        for of_differences in (False, True):
            yield Window(int(channels[i % n_channels]), window, dilation, of_differences), at_median


def _most_cases(length: int) -> int:
    return max(1, _MOST_VALUES // length)
