"""Kill a grid with -9 at random moments, driver and worker in turn, and compare what it ends with.

    python benchmarks/grid_kill.py [--engine local|ray] [--moments 20] [--seed 0]

The finished ledger must equal that of a run that nothing disturbed, row for row but for times; no cell may have two
rows; nothing may be left claimed. Needs Linux (it finds processes in /proc).
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from headstart.data import load
from headstart.grid import Grid, run_grid
from headstart.grid.rows import MEASURED
from headstart.training import Recipe

CELLS_A_SEED = 9  # three data sets, each from scratch and from the two others
RECIPE = Recipe("short", epochs=2)


def write_archive(folder: Path) -> None:
    """Write three data sets that aeon ships, cut to a few cases and 24 time steps."""
    for name in ("GunPoint", "ItalyPowerDemand", "UnitTest"):
        (folder / name).mkdir(parents=True)
        for part, data in zip(("TRAIN", "TEST"), load(name), strict=True):
            cases = data.subset(range(12))
            lines = [
                "\t".join(map(str, [label, *x[0, :24].tolist()]))
                for label, x in zip(cases.labels, cases.X, strict=True)
            ]
            (folder / name / f"{name}_{part}.tsv").write_text("\n".join(lines) + "\n")


def drive(folder: Path, archive: Path, engine: str, n_seeds: int) -> Grid:
    """Run the grid in this process."""
    return run_grid(folder, archive, recipes=[RECIPE], seeds=n_seeds, engine=engine, workers=1, device="cpu")


def start_driver(folder: Path, archive: Path, engine: str, n_seeds: int) -> subprocess.Popen[bytes]:
    """Run the grid in a process of its own."""
    program = (
        "import sys; from pathlib import Path; from benchmarks.grid_kill import drive; "
        "drive(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))"
    )
    arguments = [str(folder), str(archive), engine, str(n_seeds)]
    return subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=Path(__file__).parents[1])


def workers_of(pid: int) -> list[int]:
    """Return the processes that do cells for a driver."""
    parents, commands = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            commands[int(path.name)] = (path / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended meanwhile

    def descends(child: int) -> bool:
        while child in parents and child != pid:
            child = parents[child]
        return child == pid

    return [
        child
        for child, command in commands.items()
        if child != pid and (b"spawn_main" in command or command.startswith(b"ray::_perform")) and descends(child)
    ]


def n_rows(folder: Path) -> int:
    return sum(path.read_bytes().count(b'"status": "ok"') for path in (folder / "ledger").glob("*.jsonl"))


def kill_at_random_moments(folder: Path, archive: Path, engine: str, n_seeds: int, n_moments: int, seed: int) -> int:
    """Start drivers and kill them or their workers, until all moments are used or all is done; return the kills."""
    moments = random.Random(seed)
    n_killed = 0
    driver = start_driver(folder, archive, engine, n_seeds)
    n_before = n_rows(folder)
    try:
        while n_killed < n_moments and driver.poll() is None:
            if n_rows(folder) == n_before:  # nothing has been done since the last kill: it is still starting
                time.sleep(0.005)
                continue
            time.sleep(moments.uniform(0, 0.15))
            if n_killed % 2:
                victims = workers_of(driver.pid)
                if not victims:
                    continue
                os.kill(victims[0], signal.SIGKILL)
            else:
                driver.kill()
                driver.wait()
                driver = start_driver(folder, archive, engine, n_seeds)
            n_killed += 1
            n_before = n_rows(folder)
        if driver.wait() != 0:
            driver = start_driver(folder, archive, engine, n_seeds)
            if driver.wait() != 0:
                raise RuntimeError("the last driver failed")
    finally:
        driver.kill()
        driver.wait()
    return n_killed


def differences(disturbed: Grid, undisturbed: Grid) -> list[str]:
    """Return how a run that was disturbed differs from one that was not."""
    problems = []
    a, b = (grid.results().drop(columns=[*MEASURED]) for grid in (disturbed, undisturbed))
    if not a.equals(b):
        problems.append(f"the tables differ:\n{a.compare(b) if a.shape == b.shape else (a.shape, b.shape)}")
    if n_rows(disturbed.folder) != len(a):
        problems.append(f"{n_rows(disturbed.folder)} rows for {len(a)} cells")
    left = sorted(path.name for place in ("claims", "drivers") for path in (disturbed.folder / place).iterdir())
    if left:
        problems.append(f"left behind: {left}")
    return problems


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", default="local")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    n_seeds = arguments.moments  # of 9 cells each: more than are done between two moments
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_archive(folder / "archive")
        start = time.perf_counter()
        undisturbed = drive(folder / "undisturbed", folder / "archive", arguments.engine, n_seeds)
        print(f"undisturbed: {n_seeds * CELLS_A_SEED} cells in {time.perf_counter() - start:.1f} s", flush=True)
        n_killed = kill_at_random_moments(
            folder / "disturbed", folder / "archive", arguments.engine, n_seeds, arguments.moments, arguments.seed
        )
        problems = differences(Grid(folder / "disturbed"), undisturbed)
    print(f"{arguments.engine}: killed {n_killed} times, driver and worker in turn: {'; '.join(problems) or 'equal'}")
    if problems or n_killed < arguments.moments:
        sys.exit(1)


if __name__ == "__main__":
    main()
