"""The engine ray: the same rows as the local one, also where a node dies."""

import os
import signal
import threading
import time

import pytest

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from benchmarks.grid_kill import workers_of
from headstart.errors import HeadstartError
from headstart.grid import Cell, run_grid
from headstart.grid.engines import Done, Lost
from headstart.grid.engines.ray import Ray
from headstart.grid.rows import MEASURED
from headstart.training import Recipe

# Ray leaves sockets and logs open at its end, and warns of its own plans.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

RECIPE = Recipe("some", epochs=60)


@pytest.fixture(scope="module")
def local(tmp_path_factory, archive):
    return run_grid(tmp_path_factory.mktemp("local"), archive, recipes=[RECIPE], device="cpu").results()


@pytest.fixture
def cluster():
    """Two nodes; the second has two of three CPUs."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.second = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_node_that_dies_loses_nothing_but_its_running_cells(cluster, archive, tmp_path, local, monkeypatch):
    outcomes = []

    def wait_and_note(self, seconds, wait=Ray.wait):
        new = wait(self, seconds)
        outcomes.extend(new)
        return new

    monkeypatch.setattr(Ray, "wait", wait_and_note)
    slots = []

    def kill():
        raylet = cluster.second.all_processes["raylet"][0].process.pid
        running, n_done = [], 0
        while n_done < 4 or (not running and n_done < 9):
            time.sleep(0.01)
            n_done = sum(isinstance(outcome, Done) for outcome in outcomes)
            running = workers_of(raylet)
        for pid in running:  # as on a machine that loses its power; Ray would let them go on for a while
            os.kill(pid, signal.SIGKILL)
        slots.append(int(ray.cluster_resources()["CPU"]))
        cluster.remove_node(cluster.second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    grid = run_grid(tmp_path, archive, recipes=[RECIPE], device="cpu", engine="ray", address=cluster.address)
    killer.join()
    assert slots == [3]
    assert any(isinstance(outcome, Lost) for outcome in outcomes)
    table = grid.results()
    assert (table["status"] == "ok").all()
    columns = [*MEASURED, "threads"]
    assert table.drop(columns=columns).equals(local.drop(columns=columns))
    assert len([outcome for outcome in outcomes if isinstance(outcome, Done)]) == len(table) == 9


def test_a_worker_that_is_killed_costs_its_cell_alone(archive, tmp_path):
    (tmp_path / "sources").mkdir()
    engine = Ray(1, "local", str(archive), tmp_path / "sources", "cpu")
    try:
        cell = Cell("UnitTest", recipe=Recipe("endless", 10**6))
        engine.submit(cell)
        pid = None
        while pid is None:
            assert engine.wait(0.2) == []
            pid = _worker(os.getpid())
        os.kill(pid, signal.SIGKILL)
        outcomes = []
        while not outcomes:
            outcomes = engine.wait(1)
        assert [(type(outcome), outcome.cell) for outcome in outcomes] == [(Lost, cell)]
    finally:
        engine.close()
    assert not ray.is_initialized()


def test_a_damaged_source_file_fails_its_cell(archive, tmp_path):
    (tmp_path / "sources").mkdir()
    engine = Ray(1, "local", str(archive), tmp_path / "sources", "cpu")
    try:
        engine.submit(Cell("UnitTest", "GunPoint", recipe=RECIPE))
        outcomes = []
        while not outcomes:
            outcomes = engine.wait(1)
    finally:
        engine.close()
    assert outcomes[0].row["status"] == "failed"
    assert "there is no such source file" in outcomes[0].row["error"]


def _worker(pid):
    return next(iter(workers_of(pid)), None)


def test_no_cluster_at_the_address(archive, tmp_path):
    with pytest.raises(HeadstartError, match=r"no Ray cluster answers at .*; check the address"):
        run_grid(tmp_path, archive, sources=[], recipes=[RECIPE], engine="ray", address="127.0.0.1:1")
