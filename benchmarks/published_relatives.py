"""What relatives do in the paper's own results: which sources share series with their target, and what that is worth.

    python benchmarks/published_relatives.py --reference fawaz2018_transfer.csv

reads the 7,140 published results as benchmarks/published_transfer.py does, and the pairs that share series from
results/relatives_ucr.csv, which `headstart data relatives` wrote.
"""

import argparse
from pathlib import Path

import pandas as pd
from published_transfer import read_published

from headstart.zoo.overlap import relatives

FOUND = Path(__file__).parents[1] / "results" / "relatives_ucr.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, required=True, help="the CSV")
    pairs = read_published(parser.parse_args().reference)
    found = pd.read_csv(FOUND)
    sharing = {frozenset(pair) for pair in zip(found["dataset"], found["other"], strict=True)}

    def relation(source: str, target: str) -> str:
        if frozenset((source, target)) in sharing:
            return "share series"
        return "other relatives" if source in relatives(target) else "strangers"

    pairs["relation"] = [relation(*pair) for pair in zip(pairs["source"], pairs["target"], strict=True)]
    pairs["gain"] = 100 * (pairs["accuracy"] - pairs["scratch_accuracy"])
    print(f"{'source and target':18}{'pairs':>7}{'mean gain':>11}{'gain':>7}{'lose':>7}")
    for name, group in pairs.groupby("relation"):
        gain = group["gain"]
        print(f"{name:18}{len(gain):7}{gain.mean():+11.2f}{(gain > 0).mean():7.0%}{(gain < 0).mean():7.0%}")
    nearest = pairs[pairs["dtw_rank"] == 1]
    counts = nearest["relation"].value_counts()
    print(f"nearest source of {len(nearest)} targets: " + ", ".join(f"{n} {name}" for name, n in counts.items()))


if __name__ == "__main__":
    main()
