"""How long it takes to rank a whole zoo for a target and load the winner, and how much memory.

    python benchmarks/zoo_ranking.py
    python benchmarks/zoo_ranking.py --zoo FOLDER

Without a folder it is the zoo that ships with headstart. Each run is a fresh process; its clock starts when everything
is imported and the target is loaded. Prints medians of five runs; the processor time is what counts where other
programs share the machine.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from headstart.zoo.names import SHIPPED

N_RUNS = 5


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
    parser.add_argument("--zoo", type=Path, default=SHIPPED, help="folder of sources")
    parser.add_argument("--by", default="dtw", help="ranker")
    parser.add_argument("--once", action="store_true", help="measure in this process and print JSON")
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(measure(arguments.zoo, arguments.by)))
        return
    sizes = [path.stat().st_size for path in arguments.zoo.glob("*.safetensors")]
    print(f"{len(sizes)} sources, {sum(sizes) / 1e6:.1f} MB, {statistics.mean(sizes) / 1e6:.2f} MB each")
    command = [sys.executable, __file__, "--zoo", str(arguments.zoo), "--by", arguments.by, "--once"]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(N_RUNS)]
    seconds, cpu_seconds, before, peak = (statistics.median(run[key] for run in runs) for key in runs[0])
    print(f"ranked by {arguments.by} and the best loaded in {seconds:.2f} s, {cpu_seconds:.2f} s of processor time")
    print(f"memory at the most: {peak:.0f} MiB, of which {before:.0f} MiB before (Python, libraries, the target)")


if __name__ == "__main__":
    main()
