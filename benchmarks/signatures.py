"""What signatures find and what they confuse, on all data sets of an archive.

    python benchmarks/signatures.py --archive UCR

First, series that were rounded, cast, resampled or cut, looked for among the signatures of the training set that they
come from. Second, different series of the archive that are taken for each other, by number of projections, beside 64
signs of projections (SimHash), which take as many bytes as four projections do. Third, each test set against the
signatures of all other training sets, and whether the table of families knows those that share series.
"""

import argparse
import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from headstart.data import Dataset, archive_names, load
from headstart.data.signatures import EXACT, NEAR, SCALE, nearest_copies, series_shapes, series_signatures
from headstart.zoo.overlap import relatives

CASES = 100
"""Training series of each data set that are changed and looked for."""


def scaled_to(x: np.ndarray, n_levels: int) -> np.ndarray:
    low, high = x.min(axis=-1, keepdims=True), x.max(axis=-1, keepdims=True)
    return np.rint((x - low) / np.where(high > low, high - low, 1) * n_levels)


def resampled(x: np.ndarray, n: int) -> np.ndarray:
    old = np.linspace(0, 1, x.shape[-1])
    return np.array([[np.interp(np.linspace(0, 1, n), old, channel) for channel in case] for case in x])


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "scaled by 17.3 and raised by 1000, float32": lambda x: (17.3 * x + 1000).astype(np.float32),
    "the same, 5 significant digits": lambda x: np.char.mod("%.5g", 17.3 * x.astype(np.float64) + 1000).astype(float),
    "float16": lambda x: x.astype(np.float16),
    "3 decimals": lambda x: x.round(3),
    "2 decimals": lambda x: x.round(2),
    "1 decimal": lambda x: x.round(1),
    "integers 0 to 1000": lambda x: scaled_to(x, 1000),
    "integers 0 to 255": lambda x: scaled_to(x, 255),
    "a point put between each two": lambda x: resampled(x, 2 * x.shape[-1] - 1),
    "resampled to 512 points": lambda x: resampled(x, 512),
    "every other point": lambda x: x[..., ::2],
    "without the first point": lambda x: x[..., 1:],
    "without the last 5%": lambda x: x[..., : int(0.95 * x.shape[-1])],
}


def print_found(train_sets: list[Dataset]) -> None:
    stored = [series_signatures(data) for data in train_sets]
    print(f"{'change':44}{'found':>9}{'exactly':>9}{'another':>9}")
    for name, change in CHANGES.items():
        totals = Counter[str]()
        for data, signatures in zip(train_sets, stored, strict=True):
            some = np.arange(min(CASES, data.n_cases))
            changed = Dataset.from_arrays(data.name, change(data.X[some]))
            nearest, distance = nearest_copies(series_signatures(changed), signatures)
            apart = np.abs(signatures[nearest] - signatures[some].astype(int)).max(axis=(1, 2)) / SCALE
            totals["series"] += len(some)
            totals["found"] += int((nearest >= 0).sum())
            totals["exactly"] += int((distance <= EXACT).sum())
            totals["another"] += int(((nearest >= 0) & (apart > NEAR)).sum())
        shares = (f"{totals[key] / totals['series']:9.2%}" for key in ("found", "exactly", "another"))
        print(f"{name:44}{''.join(shares)}")
    print(f"{totals['series']} series; another: of those found, the nearest is a different series.\n")


def print_confused(parts: list[tuple[str, Dataset]]) -> None:
    names = np.array([name for name, data in parts for _ in range(data.n_cases)])
    shapes = np.concatenate([series_shapes(data)[:, 0] for _, data in parts]).astype(np.float32)
    signs = np.random.default_rng(0).normal(size=(shapes.shape[1], 64))
    directions = np.random.default_rng(1).uniform(-1, 1, (shapes.shape[1], 32)) * np.sqrt(3 / shapes.shape[1])

    def distances(pairs: np.ndarray) -> np.ndarray:
        chunks = np.array_split(pairs, len(pairs) // 100_000 + 1)
        return np.concatenate([np.sqrt(((shapes[c[:, 0]] - shapes[c[:, 1]]) ** 2).mean(axis=1)) for c in chunks])

    def close(projections: np.ndarray, limit: float) -> np.ndarray:
        radius = limit * projections.shape[1] ** 0.5
        return cKDTree(projections).query_pairs(radius, output_type="ndarray")

    wide = close(shapes @ directions, 2 * NEAR)  # 32 projections, twice the limit: none of those within it is missed
    true = distances(wide)
    n_true = int((true <= NEAR).sum())
    print(f"{len(shapes)} series, {n_true} pairs of them within {NEAR} by their values.")
    is_across = names[wide[:, 0]] != names[wide[:, 1]]
    limits = (0.0, 1e-5, 1e-4, EXACT, NEAR, 2 * NEAR)
    print(f"{'distance by values':24}{'pairs':>10}{'across sets':>13}")
    for low, high in itertools.pairwise(limits):
        chosen = (true <= high) & ((true > low) | (low == 0))
        print(f"{f'{low:g} to {high:g}':24}{chosen.sum():10}{(chosen & is_across).sum():13}")
    print(f"{'signature':24}{'bytes':>6}{'confused':>10}{'across sets':>13}{'missed':>8}")

    def show(name: str, n_bytes: int, pairs: np.ndarray) -> None:
        distance = distances(pairs)
        confused = pairs[distance > 2 * NEAR]
        n_across = int((names[confused[:, 0]] != names[confused[:, 1]]).sum())
        n_missed = n_true - int((distance <= NEAR).sum())
        print(f"{name:24}{n_bytes:6}{len(confused):10}{n_across:13}{n_missed:8}")

    for n in (4, 8, 16):
        projections = np.rint(shapes @ directions[:, :n] * SCALE) / SCALE
        show(f"{n} projections", 2 * n, close(projections, NEAR))
    codes = np.packbits(shapes @ signs > 0, axis=1).view(np.uint64)[:, 0]
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    equal = [np.stack(np.triu_indices(len(group), 1), axis=1) for group in groups]
    pairs = np.concatenate([np.sort(group[p], axis=1) for group, p in zip(groups, equal, strict=True) if len(p)])
    show("64 equal signs", 8, pairs)
    print(f"confused: pairs that are taken for copies and are more than {2 * NEAR} apart.\n")


def print_between_sets(loaded: list[tuple[Dataset, Dataset | None]]) -> None:
    stored = {train.name: series_signatures(train) for train, _ in loaded}
    totals = Counter[str]()
    strangers = []
    for _, test in loaded:
        if test is None:
            continue
        directions = [series_signatures(test), series_signatures(test, backwards=True)]
        for name, signatures in stored.items():
            if name == test.name:
                continue
            n_shared = (np.max([nearest_copies(one, signatures)[0] for one in directions], axis=0) >= 0).sum()
            is_relative = name in relatives(test.name)
            totals["pairs"] += 1
            totals["relatives"] += is_relative
            totals["relatives that share series"] += bool(n_shared) and is_relative
            if n_shared and not is_relative:
                strangers.append(f"{test.name} and {name} ({n_shared})")
    print("; ".join(f"{n} {what}" for what, n in totals.items()) + " of a test set and the training set of another.")
    print(f"Not relatives, and yet sharing series: {', '.join(strangers) or 'none'}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", help="folder of data sets; by default the variable HEADSTART_ARCHIVE")
    archive = parser.parse_args().archive
    loaded = [load(name, archive) for name in archive_names(archive)]
    print_found([train for train, _ in loaded])
    univariate = [(data.name, data) for pair in loaded for data in pair if data is not None and data.n_channels == 1]
    print_confused(univariate)
    print_between_sets(loaded)


if __name__ == "__main__":
    main()
