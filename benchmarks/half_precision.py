"""What half precision costs: the test accuracy of each source of a zoo, in float32 and rounded.

    headstart zoo build --archive UCR --out zoo
    python benchmarks/half_precision.py --zoo zoo --archive UCR

A zoo's files hold rounded weights, so the accuracy in float32 is the one that the build measured before it rounded them
and wrote on the card; the accuracy of the rounded ones is measured here. Where a file holds float32, as `headstart
pretrain` writes it, both are. Sources of data sets without a test part are left out.
"""

import argparse
import os
from pathlib import Path

import pandas as pd

from headstart.data import Dataset, load
from headstart.zoo import Source, load_folder


def accuracy(source: Source, test: Dataset) -> float:
    return float((source.class_probabilities(test).argmax(axis=1) == test.y).mean())


def is_halved(source: Source) -> bool:
    return source.to_bytes() == source.halved().to_bytes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True, help="folder of sources")
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the data sets")
    arguments = parser.parse_args()
    rows = []
    for name, source in load_folder(arguments.zoo).items():
        if source.is_trunk:
            continue
        _, test = load(source.card.dataset, arguments.archive)
        if test is None:
            continue
        whole = source.card.test_accuracy_in_float32 if is_halved(source) else accuracy(source, test)
        rows.append(
            {"source": name, "series": test.n_cases, "float32": whole, "rounded": accuracy(source.halved(), test)}
        )
    table = pd.DataFrame(rows).set_index("source").dropna()
    # Accuracies on cards have six digits, so it is numbers of right series that are compared.
    right = table[["float32", "rounded"]].mul(table["series"], axis=0).round().astype(int)
    more_right = right["rounded"] - right["float32"]
    print(table.round(4).assign(more_right=more_right).to_string())
    print(
        f"{len(table)} sources: mean accuracy {table['float32'].mean():.5f} in float32, {table['rounded'].mean():.5f} "
        f"rounded; {(more_right > 0).sum()} better, {(more_right < 0).sum()} worse, by {more_right.abs().max()} of "
        f"their test series at the most and {more_right.sum():+d} of {table['series'].sum()} in all"
    )


if __name__ == "__main__":
    main()
