"""Claims: one driver a cell; the dead lose theirs, and only one takes them over."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from headstart.errors import HeadstartError
from headstart.grid import claims
from headstart.grid.claims import Claims, living_drivers


def test_one_driver_a_cell(tmp_path):
    with Claims(tmp_path) as one, Claims(tmp_path) as two:
        assert one.take("a")
        assert not two.take("a")
        assert two.take("b")
        one.release("a")
        assert two.take("a")
        assert living_drivers(tmp_path) == sorted([one.name, two.name])
    assert list((tmp_path / "claims").iterdir()) == []
    assert living_drivers(tmp_path) == []


def _dead_driver(folder, **identity):
    """What a driver leaves that was killed."""
    dead = Claims(folder)
    dead._identity |= identity
    dead._drivers.mkdir(parents=True, exist_ok=True)
    dead._claims.mkdir(exist_ok=True)
    dead._beat()
    assert dead.take("a")
    return dead


def _number_of_a_process_that_is_gone():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("how", ["gone", "number used again"])
def test_the_dead_of_this_machine_lose_theirs_at_once(tmp_path, how):
    identity = {"pid": _number_of_a_process_that_is_gone()} if how == "gone" else {"born": "0"}
    dead = _dead_driver(tmp_path, **identity)
    assert living_drivers(tmp_path) == []
    with Claims(tmp_path) as one, Claims(tmp_path) as two:
        assert not (tmp_path / "drivers" / dead.name).exists()
        assert one.take("a")
        assert not two.take("a")
        one.release("a")
        assert list((tmp_path / "claims").iterdir()) == []


def test_the_dead_of_other_machines_lose_theirs_after_a_while(tmp_path):
    dead = _dead_driver(tmp_path, machine="elsewhere")
    with Claims(tmp_path) as one:
        assert not one.take("a")
        assert len(living_drivers(tmp_path)) == 2
        silent = time.time() - claims.DEAD_AFTER_SECONDS - 10
        os.utime(dead._path, (silent, silent))
        assert living_drivers(tmp_path) == [one.name]
        assert one.take("a")


def test_a_heartbeat_keeps_all_claims_fresh(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    with Claims(tmp_path) as one:
        assert one.take("a")
        claim = tmp_path / "claims" / "a.1"
        os.utime(claim, (0, 0))
        deadline = time.monotonic() + 10
        while claim.stat().st_mtime == 0:
            assert time.monotonic() < deadline


def test_a_driver_that_was_taken_for_dead_and_wakes_up(tmp_path):
    with Claims(tmp_path) as one:
        assert one.take("a")
        one._path.unlink()  # another has tidied up
        assert not one.take("b")
        assert one.take("b")
        assert json.loads(one._path.read_text())["name"] == one.name


def test_tidy_takes_away_what_the_dead_left_of_cells_that_are_done(tmp_path):
    _dead_driver(tmp_path, pid=_number_of_a_process_that_is_gone())
    with Claims(tmp_path) as one:
        assert one.take("b")
        one.tidy({"b"})
        assert sorted(path.name for path in (tmp_path / "claims").iterdir()) == ["a.1", "b.1"]
        one.tidy({"a", "b"})
        assert [path.name for path in (tmp_path / "claims").iterdir()] == ["b.1"]


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(
        HeadstartError, match="operation not permitted; a run folder must be on a file system with hard"
    ):
        Claims(tmp_path).__enter__()
    assert list((tmp_path / "drivers").iterdir()) == []


def test_only_one_of_many_takes_over(tmp_path):
    for i in range(20):
        folder = tmp_path / str(i)
        _dead_driver(folder, pid=_number_of_a_process_that_is_gone() if i == 0 else 2**22 + i)
        drivers = [Claims(folder).__enter__() for _ in range(6)]
        barrier, taken = threading.Barrier(6), []

        def take(driver, barrier=barrier, taken=taken):
            barrier.wait()
            taken.append(driver.take("a"))

        threads = [threading.Thread(target=take, args=(driver,)) for driver in drivers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for driver in drivers:
            driver.__exit__()
        assert sum(taken) == 1


def test_many_share_cells_without_a_double(tmp_path):
    barrier, taken = threading.Barrier(6), []

    def take_all():
        with Claims(tmp_path) as one:
            barrier.wait()
            taken.extend(i for i in range(200) if one.take(str(i)))
            barrier.wait()

    threads = [threading.Thread(target=take_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(200))
