"""What the paper's own results say: how often transfer helps, and whether similarity tells when.

    python benchmarks/published_transfer.py --reference fawaz2018_transfer.csv

prints it from the 7,140 published results of Ismail Fawaz et al. (IEEE Big Data 2018), one row a pair: the columns
source, target, accuracy after fine-tuning, scratch_accuracy, and dtw_rank (1 = the source most similar to the target).
"""

import argparse
from pathlib import Path

import pandas as pd


def read_published(path: Path) -> pd.DataFrame:
    """Read the published results; they have one run a pair, which is called seed 0."""
    return pd.read_csv(path)[["source", "target", "accuracy", "scratch_accuracy", "dtw_rank"]].assign(seed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="the CSV")
    pairs = read_published(parser.parse_args().reference)

    gain = pairs["accuracy"] - pairs["scratch_accuracy"]
    print(f"{len(pairs)} pairs: {(gain > 0).mean():.0%} gain, {(gain < 0).mean():.0%} lose by transfer")

    by_target = pairs.groupby("target")
    nearest = pairs[pairs["dtw_rank"] == 1].set_index("target")
    change = nearest["accuracy"] - nearest["scratch_accuracy"]
    wins, losses = (change > 0).sum(), (change < 0).sum()
    print(f"mean accuracy over {len(by_target)} targets")
    print(f"  from scratch          {by_target['scratch_accuracy'].first().mean():.4f}")
    print(f"  from a random source  {by_target['accuracy'].mean().mean():.4f}")
    print(f"  from the nearest      {nearest['accuracy'].mean():.4f}  ({wins} wins, {losses} losses against scratch)")
    print(f"  from the best source  {by_target['accuracy'].max().mean():.4f}  (picked on the test set)")

    # Spearman's correlation is that of the ranks; targets that every source serves alike have none.
    differing = (group for _, group in by_target if group["accuracy"].std() > 0)
    correlations = [group["dtw_rank"].corr(group["accuracy"].rank()) for group in differing]
    print(f"mean rank correlation of similarity and accuracy: {-pd.Series(correlations).mean():+.2f}")


if __name__ == "__main__":
    main()
