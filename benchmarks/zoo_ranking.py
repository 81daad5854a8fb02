"""How long it takes to rank a whole zoo for a target and load the winner, and how much memory.

    python benchmarks/zoo_ranking.py
    python benchmarks/zoo_ranking.py --zoo FOLDER

Without a folder it makes a zoo of 83 sources that are as large as those of the UCR archive (classes, lengths and number
of training series of each of its data sets), but of random weights and with random walks for prototypes. Each run is a
fresh process; its clock starts when everything is imported and the target is loaded. Prints medians of five runs; the
processor time is what counts where other programs share the machine.
"""

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path

N_RUNS = 5
ABSENT = ("StarLightCurves", "UWaveGestureLibraryAll")  # of the 85 data sets, these are not in every copy


def make_zoo(folder: Path) -> None:
    import numpy as np

    from headstart.networks import build
    from headstart.similarity import Prototypes
    from headstart.training.recipe import get_recipe
    from headstart.zoo import Card, Source

    generator = np.random.default_rng(0)
    with resources.files("headstart.zoo").joinpath("domains.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["name"] not in ABSENT]
    for seed, row in enumerate(rows):
        n_train, length, n_classes = (int(row[key]) for key in ("n_train", "length", "n_classes"))
        network = build("fcn", 1, n_classes, seed)
        walks = generator.normal(size=(n_classes, 1, length)).cumsum(axis=2)
        walks = (walks - walks.mean(axis=2, keepdims=True)) / walks.std(axis=2, keepdims=True)
        card = Card(
            dataset=row["name"],
            fingerprint=f"{seed:064x}",
            classes=list(range(n_classes)),
            n_cases=n_train,
            n_channels=1,
            min_length=length,
            max_length=length,
            network="fcn",
            recipe=get_recipe("default").to_dict(),
            seed=seed,
            normalise=True,
            losses=[1.0] * 200,
            best_epoch=1,
            train_seconds=1.0,
            device="cpu",
            versions={},
            seen=[f"{seed:064x}"],
        )
        source = Source(
            card,
            network.state_dict(),
            Prototypes(row["name"], walks.astype(np.float32), np.arange(n_classes)),
            generator.integers(-4000, 4000, size=(n_train, 1, 8), dtype=np.int16),
        )
        source.halved().save(folder / f"{row['name']}.safetensors")


def measure(zoo: Path, by: str) -> dict[str, float]:
    """Rank and load, in this process."""
    from headstart.data import load
    from headstart.selection import choose_source, rank_sources
    from headstart.zoo import load_folder

    train, _ = load("GunPoint")
    toy = {"toy": load_folder(zoo)["Coffee"]}
    rank_sources(train, toy, by)  # compiled code is loaded once; it is as an import
    memory_before = peak_mib()
    start, cpu_start = time.perf_counter(), time.process_time()
    choose_source(train, load_folder(zoo), by).new_network()
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu_start,
        "memory_before_mib": memory_before,
        "memory_mib": peak_mib(),
    }


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoo", type=Path, help="folder of sources; none: a zoo of random ones is made")
    parser.add_argument("--by", default="dtw", help="ranker")
    parser.add_argument("--once", action="store_true", help="measure in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(measure(arguments.zoo, arguments.by)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        zoo = arguments.zoo or Path(temporary)
        if arguments.zoo is None:
            make_zoo(zoo)
        sizes = [path.stat().st_size for path in zoo.glob("*.safetensors")]
        print(f"{len(sizes)} sources, {sum(sizes) / 1e6:.1f} MB, {statistics.mean(sizes) / 1e6:.2f} MB each")
        command = [sys.executable, __file__, "--zoo", str(zoo), "--by", arguments.by, "--once"]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(N_RUNS)]
    seconds, cpu_seconds, before, peak = (statistics.median(run[key] for run in runs) for key in runs[0])
    print(f"ranked by {arguments.by} and the best loaded in {seconds:.2f} s, {cpu_seconds:.2f} s of processor time")
    print(f"memory at the most: {peak:.0f} MiB, of which {before:.0f} MiB before (Python, libraries, the target)")


if __name__ == "__main__":
    main()
