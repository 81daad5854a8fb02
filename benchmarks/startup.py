"""How long the command line takes to answer, and the package to be imported, each in a fresh interpreter.

    python benchmarks/startup.py

Prints the median of ten runs, after one that fills the caches of bytecode and files.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

N_RUNS = 10
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import headstart'": [sys.executable, "-c", "import headstart"],
    "headstart --help": [str(Path(sys.executable).with_name("headstart")), "--help"],
}


def main() -> None:
    for name, command in COMMANDS.items():
        seconds = [wall_seconds(command) for _ in range(N_RUNS + 1)][1:]
        print(f"{name:30} {statistics.median(seconds):.3f} s")


def wall_seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
