"""headstart grid, grid status, grid export, grid chart."""

import numpy as np
import pandas as pd
import pytest

from headstart.cli import INTERRUPTED
from headstart.grid import load_results, work
from headstart.networks import NETWORKS
from headstart.tables import save_table
from tests.grid.test_run import Broken, Mean


@pytest.fixture(autouse=True)
def mean(monkeypatch):
    monkeypatch.setitem(NETWORKS, "mean", Mean)


def arguments(archive, run):
    return ["grid", "--archive", archive, "--out", run, "--network", "mean", "--target", "UnitTest", "--device", "cpu"]


def test_from_nothing_to_a_table(headstart, archive, tmp_path):
    run, table = tmp_path / "run", tmp_path / "table.csv"
    done = headstart(*arguments(archive, run), "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert done.text == (
        "5 cells: 0 done, 0 failed, 0 wait for a source that failed, 5 left. Time left, one at a time: not known yet."
    )
    assert not run.exists()
    done = headstart(*arguments(archive, run))
    assert (done.code, done.err) == (0, "")
    assert "5 cells: 5 done, 0 failed, 0 wait for a source that failed, 0 left." in done.text
    done = headstart(*arguments(archive, run), "--seeds", 2, "--dry-run", "--workers", 3)
    assert "10 cells: 5 done, 0 failed, 0 wait for a source that failed, 5 left. Time left, 3 at a time:" in done.text
    done = headstart("grid", "status", run)
    assert done.text == "5 cells: 5 done, 0 failed, 0 wait for a source that failed, 0 left. At work: nobody."
    done = headstart("grid", "export", run, "--out", table)
    assert (done.code, done.text.replace(" ", "")) == (0, f"Resultswrittento{table}.")
    assert pd.read_csv(table)["target"].value_counts().to_dict() == {
        "UnitTest": 3,
        "GunPoint": 1,
        "ItalyPowerDemand": 1,
    }


def test_cells_that_fail(headstart, archive, tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    monkeypatch.setitem(NETWORKS, "mean", Broken)
    done = headstart(*arguments(archive, tmp_path / "run"))
    assert done.code == 1
    assert "5 cells: 0 done, 3 failed, 2 wait for a source that failed, 0 left." in done.text
    assert "--retry-failed tries again what failed." in done.text
    (tmp_path / "run" / "ledger" / "torn.jsonl").write_text("{")
    done = headstart("grid", "status", tmp_path / "run")
    assert "3 times: RuntimeError: this network is broken" in done.text
    assert "Lines of the ledger that a crash tore, and that are passed over: 1." in done.text
    monkeypatch.setitem(NETWORKS, "mean", Mean)
    done = headstart(*arguments(archive, tmp_path / "run"), "--retry-failed")
    assert (done.code, done.err) == (0, "")
    assert "5 cells: 5 done" in done.text


def test_interrupt(headstart, archive, tmp_path, monkeypatch):
    def interrupted(cell, *rest):
        if cell.source is not None:
            raise KeyboardInterrupt
        return work.perform(cell, *rest)

    monkeypatch.setattr("headstart.grid.engines.local.perform", interrupted)
    done = headstart(*arguments(archive, tmp_path / "run"))
    assert (done.code, done.err) == (INTERRUPTED, "")
    assert "Interrupted; the same command goes on." in done.text
    monkeypatch.undo()
    monkeypatch.setitem(NETWORKS, "mean", Mean)
    assert "5 cells: 3 done" in headstart("grid", "status", tmp_path / "run").text


def test_recipes_with_fields_of_their_own(headstart, archive, tmp_path):
    changed = "default:epochs=2,max_updates=none,exact_statistics=false,schedule=plateau"
    given = ("--source", "GunPoint", "--recipe", changed, "--recipe", "default:epochs=1")
    done = headstart(*arguments(archive, tmp_path / "run"), *given)
    assert (done.code, done.err) == (0, "")
    assert "6 cells: 6 done" in done.text
    table = load_results(tmp_path / "run")
    assert set(table["recipe"]) == {changed, "default:epochs=1"}
    rows = table[table["recipe"] == changed]
    assert rows[["recipe_epochs", "epochs"]].to_numpy().tolist() == [[2, 2]] * 3
    assert (rows["recipe_schedule"] == "plateau").all()
    assert not rows["recipe_exact_statistics"].any()
    assert table["recipe_exact_statistics"].any()


def test_the_picture(headstart, archive, tmp_path):
    run, matrix, table = tmp_path / "run", tmp_path / "matrix.csv", tmp_path / "table.csv.gz"
    headstart(*arguments(archive, run), "--recipe", "default:epochs=1", "--seeds", 2)
    headstart("grid", "export", run, "--out", table)
    names = ["GunPoint", "ItalyPowerDemand", "UnitTest"]
    save_table(pd.DataFrame(1 - np.eye(3), names, names).rename_axis("data set"), matrix)
    for results in (run, table):
        done = headstart("grid", "chart", results, "--out", tmp_path / "a.svg", "--similarity", matrix)
        assert (done.code, done.err) == (0, "")
        assert "4 transfers drawn in" in done.text
        assert "Is the more similar source the better one?" in (tmp_path / "a.svg").read_text()
    done = headstart("grid", "chart", table, "--out", tmp_path / "b.svg", "--network", "mean", "--recipe", "paper")
    assert done.code == 2
    assert "unknown recipe 'paper'. 1 known: default:epochs=1" in done.message
    done = headstart("grid", "chart", run, "--out", tmp_path / "b.svg", "--similarity", table)
    assert done.code == 2
    assert "is no table with the column 'data set'" in done.message
    assert not (tmp_path / "b.svg").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["grid", "--out", "run", "--recipe", "defualt"], "--recipe defualt: unknown recipe 'defualt'. Did you mean"),
        (["grid", "--out", "run", "--recipe", "default:epochs"], "--recipe default:epochs: epochs: there is no '='"),
        (["grid", "--out", "run", "--recipe", "default:"], "--recipe default:: : there is no '='"),
        (["grid", "--out", "run", "--recipe", "default:epochs=x"], "epochs=x: 'x' is not a whole number"),
        (["grid", "--out", "run", "--recipe", "default:eras=2"], "unknown recipe field 'eras'"),
        (["grid", "chart", "nowhere", "--out", "picture.svg"], "nowhere: holds no results"),
        (["grid", "chart", "nowhere", "--out", "picture.gif"], "cannot draw to picture.gif"),
        (["grid"], "name the folder to keep the results in"),
        (["grid", "status", "nowhere"], "nowhere: is no run folder (it has no plans); check the path"),
        (["grid", "export", "nowhere", "--out", "table.csv"], "nowhere: holds no results; make some with"),
        (["grid", "export", "nowhere", "--out", "table.xls"], "tables are written as .csv, .csv.gz or .parquet"),
        (["grid", "--out", "run", "--target", "UnitTset"], "unknown data set 'UnitTset'. Did you mean 'UnitTest'?"),
        (["grid", "--out", "run", "--target", "UnitTest", "--source", "GunPoint", "--engine", "x"], "engine 'x'"),
    ],
)
def test_what_cannot_work(headstart, tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    done = headstart(*given)
    assert done.code == 2
    assert message in done.message
    assert list(tmp_path.iterdir()) == []
