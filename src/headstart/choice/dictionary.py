"""Features of a dictionary of words, which transfer nothing: WEASEL 2, as aeon has its words.

Schäfer & Leser, "WEASEL 2.0: a random dilated dictionary transform for fast, accurate and memory constrained time
series classification" (Machine Learning 112, 2023): of each window of a series the Fourier coefficients that vary most,
each of them high or low, are a word of up to eight letters (symbolic Fourier approximation: Schäfer & Högqvist, EDBT
2012), and features count the words. Windows of fifty lengths and dilations are drawn, each for the series and its first
difference, as WEASEL 2 draws them for less than 250 training series.

Unlike in WEASEL 2 no words are selected by the labels. So what would be without a fold follows from one fit.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numba
import numpy as np
from aeon.transformations.collection.dictionary_based import SFAFast

from headstart.choice.kernels import MIN_LENGTH, generators_kept, one_length
from headstart.data.dataset import Dataset

N_WINDOWS = 50
MIN_WINDOW, MAX_WINDOW = 4, 24
_MOST_VALUES = 2**20
"""Of the series that are looked at together: each becomes up to two dozen Fourier coefficients."""


class Window(NamedTuple):
    """How words are read from one channel."""

    channel: int
    length: int
    dilation: int
    of_differences: bool
    binning: str
    """How a coefficient's bound between low and high is found: where it splits the cases, or the range, in halves."""

    def words(self, X: np.ndarray) -> SFAFast:
        """Return what finds the words, its letters taken from series, (n_cases, n_channels, length)."""
        words = SFAFast(
            word_length=min(self.length - 2, 8),
            alphabet_size=2,
            window_size=self.length,
            dilation=self.dilation,
            first_difference=self.of_differences,
            binning_method=self.binning,
            feature_selection_strategy="variance",
            return_sparse=False,
        )
        words.fit_transform(X[:, self.channel])  # after `fit` alone it does not know how many words there are
        return words


@dataclass(frozen=True, eq=False)
class Dictionary:
    """Counts of words, up to 256 for each of a hundred windows."""

    length: int
    normalise: bool
    windows: tuple[Window, ...]
    words: tuple[SFAFast, ...]

    @classmethod
    def of(cls, data: Dataset, *, normalise: bool = True, seed: int = 0) -> Self:
        """Draw windows, and find the bounds between letters in the training series, of very many in an even share."""
        length = max(int(data.lengths.max()), MIN_LENGTH)
        X = one_length(data, length, normalise)
        X = X[:: 1 + (len(X) - 1) // _most_cases(length)]
        windows = _drawn(data.n_channels, length, np.random.default_rng(seed))
        with one_thread():
            words = [window.words(X) for window in windows]
        return cls(length, normalise, tuple(windows), tuple(words))

    def __call__(self, data: Dataset) -> np.ndarray:
        """Features, float32 (n_cases, n_words)."""
        X = one_length(data, self.length, self.normalise)
        n_cases = _most_cases(self.length)
        with one_thread():
            counts = [
                np.concatenate([words.transform(X[i : i + n_cases, window.channel]) for i in range(0, len(X), n_cases)])
                for window, words in zip(self.windows, self.words, strict=True)
            ]
        return np.hstack(counts).astype(np.float32)

    def settings(self) -> dict[str, Any]:
        """Return length, normalisation and windows."""
        return {
            "length": self.length,
            "normalise": self.normalise,
            "windows": [window._asdict() for window in self.windows],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return which coefficients make the letters, and their bounds."""
        coefficients = {f"coefficients.{i}": words.support for i, words in enumerate(self.words)}
        return coefficients | {f"bounds.{i}": words.breakpoints for i, words in enumerate(self.words)}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """Make it again of its settings and arrays."""
        windows = tuple(Window(**window) for window in settings["windows"])
        n_channels = max(window.channel for window in windows) + 1
        blank = np.zeros((2, n_channels, settings["length"]), np.float32)
        with one_thread():
            words = tuple(window.words(blank) for window in windows)
        for i, one in enumerate(words):
            one.support, one.breakpoints = arrays[f"coefficients.{i}"], arrays[f"bounds.{i}"]
            one.dft_length = (int(one.support.max()) // 2 + 1) * 2  # up to the last that is needed, in pairs
        return cls(settings["length"], settings["normalise"], windows, words)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let aeon count with one thread, and leave generators as they were.

    It shares out work of a millisecond, hundreds of times, and waits each time, where the other cores are busy.
    """
    n_threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        with generators_kept():
            yield
    finally:
        numba.set_num_threads(n_threads)


def _most_cases(length: int) -> int:
    return max(1, _MOST_VALUES // length)


def _drawn(n_channels: int, length: int, random: np.random.Generator) -> list[Window]:
    """Draw windows; channels take turns, in an order that is drawn, so that of very many some are left out."""
    longest = min(length, MAX_WINDOW)
    channels = random.permutation(n_channels)
    windows = []
    for i in range(N_WINDOWS):
        window = int(random.integers(MIN_WINDOW, longest, endpoint=True))
        dilation = int(2 ** random.uniform(0, np.log2((length - 1) / (window - 1))))
        binning = str(random.choice(["equi-depth", "equi-width"]))
        channel = int(channels[i % n_channels])
        windows += [Window(channel, window, dilation, of_differences, binning) for of_differences in (False, True)]
    return windows
