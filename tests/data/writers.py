"""Write series to each format that headstart reads, the plain way."""

from pathlib import Path

import numpy as np
import pandas as pd


def _text(value: float) -> str:
    return "NaN" if np.isnan(value) else repr(float(value))


def padded(series: list[np.ndarray]) -> np.ndarray:
    """Stack series of (channels, time) with NaN at their ends."""
    X = np.full((len(series), len(series[0]), max(x.shape[1] for x in series)), np.nan)
    for i, x in enumerate(series):
        X[i, :, : x.shape[1]] = x
    return X


def ucr(path: Path, series: list[np.ndarray], labels: list, separator: str = "\t") -> None:
    lines = [separator.join([str(label), *map(_text, x[0])]) for x, label in zip(padded(series), labels, strict=True)]
    path.write_text("\n".join(lines) + "\n")


def ts(path: Path, series: list[np.ndarray], labels: list) -> None:
    lines = [
        ":".join(",".join(map(_text, channel)) for channel in x) + f":{label}"
        for x, label in zip(series, labels, strict=True)
    ]
    equal = len({x.shape[1] for x in series}) == 1
    header = [
        "# a comment",
        "@problemName Toy",
        f"@univariate {len(series[0]) == 1}",
        f"@equalLength {equal}",
        f"@classLabel true {' '.join(map(str, sorted(set(labels))))}",
        "@data",
    ]
    path.write_text("\n".join(header + lines) + "\n")


def arff(path: Path, series: list[np.ndarray], labels: list) -> None:
    X = padded(series)
    rows = [[",".join(map(_text, channel)).replace("NaN", "?") for channel in x] for x in X]
    names = [f"@attribute att{i} numeric" for i in range(X.shape[2])]
    if X.shape[1] > 1:
        names = ["@attribute series relational", *names, "@end series"]
        lines = ["'" + r"\n".join(row) + f"',{label}" for row, label in zip(rows, labels, strict=True)]
    else:
        lines = [f"{row[0]},{label}" for row, label in zip(rows, labels, strict=True)]
    classes = ",".join(map(str, sorted(set(labels))))
    path.write_text("\n".join(["% a comment", "@relation toy", *names, f"@attribute target {{{classes}}}", "@data"]))
    with path.open("a") as file:
        file.write("\n% another\n" + "\n".join(lines) + "\n")


def wide(series: list[np.ndarray], labels: list) -> pd.DataFrame:
    table = pd.DataFrame(padded(series)[:, 0]).rename(columns=lambda i: f"t{i}")
    return table.assign(label=labels)


def long(series: list[np.ndarray], labels: list) -> pd.DataFrame:
    """One row a time step, shuffled."""
    parts = [
        pd.DataFrame(x.T, columns=[f"channel{c}" for c in range(len(x))]).assign(
            case=f"case {i}", time=np.arange(x.shape[1]), label=label
        )
        for i, (x, label) in enumerate(zip(series, labels, strict=True))
    ]
    table = pd.concat(parts)
    # The first rows of the cases stay in order, since cases are numbered as they appear.
    return pd.concat([table[table.time == 0], table[table.time > 0].sample(frac=1, random_state=0)])


def csv(path: Path, series: list[np.ndarray], labels: list) -> None:
    wide(series, labels).to_csv(path, index=False)


def parquet(path: Path, series: list[np.ndarray], labels: list) -> None:
    wide(series, labels).to_parquet(path)


def npz(path: Path, series: list[np.ndarray], labels: list) -> None:
    np.savez(path, X=padded(series), y=np.array(labels))


def ucr_commas(path: Path, series: list[np.ndarray], labels: list) -> None:
    ucr(path, series, labels, ",")


def ucr_spaces(path: Path, series: list[np.ndarray], labels: list) -> None:
    ucr(path, series, labels, "   ")


WRITERS = {
    ".ts": ts,
    ".tsv": ucr,
    ".txt": ucr_spaces,
    "": ucr_commas,
    ".arff": arff,
    ".csv": csv,
    ".parquet": parquet,
    ".npz": npz,
}
