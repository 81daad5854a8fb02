"""The test accuracy on the cards of a zoo's sources, beside the published accuracy of the same network.

    python benchmarks/published_zoo.py --zoo src/headstart/zoo/weights --reference official_split_accuracy.csv

prints the table of `docs/zoo.md`. The accuracies are those that `headstart zoo build` measured after each training, of
the weights as they are in the file, on the data set's own test part. The published are means of five runs of Ismail
Fawaz et al., "Deep learning for time series classification: a review" (Data Mining and Knowledge Discovery 33, 2019).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from markdown import print_table

from headstart.zoo import load_folder

FAR = 0.15
"""Difference of accuracies above which one of two trainings has failed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, required=True, help="folder of sources")
    parser.add_argument("--reference", type=Path, required=True, help="CSV with the columns dataset and FCN")
    arguments = parser.parse_args()
    published = pd.read_csv(arguments.reference).set_index("dataset")["FCN"]
    sources = load_folder(arguments.zoo)
    cards = {name: source.card for name, source in sources.items() if not source.is_trunk}
    trunks = [source.card for source in sources.values() if source.is_trunk]
    tested = {name: card for name, card in cards.items() if card.test_accuracy is not None}
    print_table(
        ["source", "training series", "length", "classes", "accuracy", "published"],
        [
            (name, c.n_cases, c.max_length, len(c.classes), f"{c.test_accuracy:.3f}", f"{published[c.dataset]:.3f}")
            for name, c in tested.items()
        ],
    )
    ours = np.array([card.test_accuracy for card in tested.values()])
    theirs = published[[card.dataset for card in tested.values()]].to_numpy()
    wins, losses = int((ours > theirs).sum()), int((ours < theirs).sum())
    print(
        f"\n{len(tested)} sources with a test part: mean accuracy {ours.mean():.4f}, published {theirs.mean():.4f}; "
        f"{wins} above the published, {len(tested) - wins - losses} equal, {losses} below. "
        f"{len(cards) - len(tested)} sources have no test part at hand."
    )
    is_like = np.abs(ours - theirs) <= FAR
    print(
        f"Where the two are at most {FAR} apart, {is_like.sum()} sources: {ours[is_like].mean():.4f}, published "
        f"{theirs[is_like].mean():.4f}."
    )
    hours, trunk_hours = (sum(card.train_seconds for card in some) / 3600 for some in (cards.values(), trunks))
    print(f"Trained in {hours:.1f} hours, and {len(trunks)} trunks in {trunk_hours:.1f}.")


if __name__ == "__main__":
    main()
