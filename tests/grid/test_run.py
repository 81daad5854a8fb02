"""A whole small experiment: what rows say, going on, failing, trying again, being killed, and two drivers at once."""

import json
import os
import signal
import time
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score
from torch import nn

from benchmarks.grid_kill import differences, drive, kill_at_random_moments, start_driver
from headstart.data import Dataset, load
from headstart.errors import DataError, HeadstartError, UnknownNameError
from headstart.grid import Cell, Grid, load_results, make_plan, run_grid, run_plan, work
from headstart.grid.claims import Claims
from headstart.grid.driver import ATTEMPTS, Driver
from headstart.grid.engines import Done, Lost
from headstart.grid.engines.local import ThisProcess, WorkerProcesses
from headstart.grid.ledger import Ledger, read_rows
from headstart.grid.rows import COLUMNS, MEASURED, to_export, to_rows
from headstart.grid.transfers import transfers
from headstart.networks import NETWORKS, Network
from headstart.tables import load_table, save_table
from headstart.training import Recipe, class_probabilities
from headstart.transfer import fine_tune
from headstart.zoo import pretrain
from tests.data import writers

SHORT = Recipe("short", epochs=1)
NAMES = ["GunPoint", "ItalyPowerDemand", "UnitTest"]


class Mean(Network):
    """The mean of the series, and a line: trained in a millisecond."""

    n_features = 1

    def __init__(self, n_channels: int, n_classes: int) -> None:
        super().__init__(n_channels, n_classes)
        self.convolution = nn.Conv1d(n_channels, 1, 1)

    def features(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return self.convolution(x).mean(dim=2)

    def input_convolutions(self) -> Iterable[nn.Conv1d]:
        return [self.convolution]


@pytest.fixture(autouse=True)
def mean(monkeypatch):
    monkeypatch.setitem(NETWORKS, "mean", Mean)


def run(out, archive, **settings):
    return run_grid(out, archive, **({"networks": ["mean"], "recipes": [SHORT], "device": "cpu"} | settings))


@pytest.fixture
def done(tmp_path, archive):
    return run(tmp_path / "run", archive)


def scores_of(table):
    return table.drop(columns=[*MEASURED])


# What rows say


def test_every_cell_has_one_row(done, archive):
    table = done.results()
    assert set(table.index) == {cell.id for cell in make_plan(archive, networks=["mean"], recipes=[SHORT]).cells}
    assert (table["status"] == "ok").all()
    assert table["kind"].value_counts().to_dict() == {"scratch": 3, "transfer": 6}
    for row in read_rows(done.folder / "ledger")[0]:
        assert Cell.from_row(row).id == row["cell"]
    assert sorted(path.name for path in done.folder.iterdir()) == ["claims", "drivers", "ledger", "plans", "sources"]
    assert {path.stem for path in (done.folder / "sources").iterdir()} == set(table.index[table["kind"] == "scratch"])
    assert list((done.folder / "claims").iterdir()) == list((done.folder / "drivers").iterdir()) == []


def test_a_row_says_what_training_by_hand_says(tmp_path, archive):
    table = run(tmp_path, archive, networks=["fcn"], seeds=[3]).results()
    train, test = load("UnitTest", archive)
    origin, _ = load("GunPoint", archive)
    source = pretrain(origin, recipe=SHORT, seed=3, with_prototypes=False)
    for name, model in (
        (None, pretrain(train, recipe=SHORT, seed=3, with_prototypes=False)),
        ("GunPoint", fine_tune(source, train, SHORT, seed=3)),
    ):
        row = table.loc[Cell("UnitTest", name, recipe=SHORT, seed=3).id]
        p = class_probabilities(model.new_network(), model.prepare(test))
        assert row["accuracy"] == accuracy_score(test.y, p.argmax(axis=1))
        assert row["balanced_accuracy"] == pytest.approx(
            recall_score(test.y, p.argmax(axis=1), labels=sorted(set(test.y)), average="macro")
        )
        assert row["macro_f1"] == pytest.approx(f1_score(test.y, p.argmax(axis=1), average="macro"))
        assert row["log_loss"] == pytest.approx(log_loss(test.y, p, labels=[0, 1]), rel=1e-5)
        assert row["final_loss"] == model.card.losses[-1]
        assert (row["train_fingerprint"], row["test_fingerprint"]) == (train.fingerprint, test.fingerprint)
        assert (row["n_train"], row["n_test"], row["n_classes"], row["n_channels"], row["length"]) == (12, 12, 2, 1, 24)
        assert (row["epochs"], row["recipe_epochs"], row["seed"], row["device"]) == (1, 1, 3, "cpu")
        assert pd.isna(row["source_fingerprint"]) if name is None else row["source_fingerprint"] == origin.fingerprint
        assert row["has_seen_target"] == False  # noqa: E712 (it is numpy's)
        assert row["started"] < row["finished"]
        assert 0 < row["train_seconds"] <= row["cell_seconds"] + 1e-3
        assert row["processor_seconds"] > 0
        assert 10 < row["peak_memory_mib"] < 100_000
        assert row["torch"] == torch.__version__


@pytest.mark.parametrize(
    ("y", "predictions"),
    [([0, 1, 1, 2], [0, 1, 2, 2]), ([0, 0, 1], [2, 0, 1]), ([1, 1], [0, 0]), ([0, 1, 2], [0, 1, 2]), ([2], [2])],
)
def test_scores_are_those_of_scikit_learn(y, predictions):
    y = torch.tensor(y).numpy()
    p = torch.softmax(3 * nn.functional.one_hot(torch.tensor(predictions), 3).double(), dim=1).numpy()
    scores = work._scores(y, p)
    assert scores["accuracy"] == accuracy_score(y, predictions)
    assert scores["macro_f1"] == pytest.approx(f1_score(y, predictions, average="macro"))
    assert scores["log_loss"] == pytest.approx(log_loss(y, p, labels=[0, 1, 2]))
    recalls = [(torch.tensor(predictions).numpy()[y == code] == code).mean() for code in sorted(set(y.tolist()))]
    assert scores["balanced_accuracy"] == pytest.approx(sum(recalls) / len(recalls))


def test_a_certain_and_wrong_prediction_has_a_finite_loss():
    scores = work._scores(torch.tensor([0]).numpy(), torch.tensor([[0.0, 1.0]]).numpy())
    assert 80 < scores["log_loss"] < 90


def test_a_source_that_has_seen_the_target_is_marked(tmp_path, archive):
    folder = tmp_path / "archive"
    for name in ("One", "Two", "Three"):
        (folder / name).mkdir(parents=True)
    for name, part, other in (
        ("One", "TRAIN", "GunPoint_TRAIN"),
        ("One", "TEST", "GunPoint_TEST"),
        ("Two", "TRAIN", "GunPoint_TRAIN"),
        ("Two", "TEST", "GunPoint_TEST"),
        ("Three", "TRAIN", "GunPoint_TEST"),
        ("Three", "TEST", "GunPoint_TRAIN"),
    ):
        content = (archive / "GunPoint" / f"{other}.tsv").read_text()
        (folder / name / f"{name}_{part}.tsv").write_text(content)
    table = run(tmp_path / "run", folder).results()
    seen = table[table["kind"] == "transfer"].set_index(["source", "target"])["has_seen_target"]
    assert seen.all()  # the same training series, or the target's test series
    assert not table[table["kind"] == "scratch"]["has_seen_target"].any()


def test_a_source_with_some_of_the_test_series_is_marked(tmp_path, archive):
    """By their signatures: no fingerprint of a whole part is the same, and the values are on another scale."""
    train, test = load("GunPoint", archive)
    for name, parts in (
        ("Mine", {"TRAIN": train, "TEST": test}),
        ("Leaky", {"TRAIN": Dataset.from_arrays("Leaky", 3 * test.X[:8] + 1, test.labels[:8])}),
        ("Other", {"TRAIN": load("UnitTest", archive)[0]}),
    ):
        (tmp_path / "archive" / name).mkdir(parents=True)
        for part, data in parts.items():
            series = [data.series(i) for i in range(data.n_cases)]
            writers.ucr(tmp_path / "archive" / name / f"{name}_{part}.tsv", series, data.labels.tolist())
    results = run(tmp_path / "run", tmp_path / "archive", targets=["Mine"]).results()
    of_source = results[results["kind"] == "transfer"].set_index("source")["has_seen_target"]
    assert of_source.to_dict() == {"Leaky": True, "Other": False}
    assert transfers(results).set_index("source")["related"].to_dict() == {"Leaky": True, "Other": False}


def test_a_source_without_test_part(tmp_path, archive):
    folder = tmp_path / "archive"
    (folder / "Alone").mkdir(parents=True)
    (folder / "Alone" / "Alone_TRAIN.tsv").write_text((archive / "GunPoint" / "GunPoint_TRAIN.tsv").read_text())
    (folder / "UnitTest").symlink_to(archive / "UnitTest")
    table = run(tmp_path / "run", folder).results()
    assert table["target"].tolist() == ["Alone", "UnitTest", "UnitTest"]
    assert (table["status"] == "ok").all()
    assert table["accuracy"].isna().tolist() == [True, False, False]


def test_the_table_has_the_same_types_whatever_happened(done):
    table = done.results()
    types = {name: str(dtype) for name, dtype in table.dtypes.items() if name in COLUMNS}
    assert types == {name: dtype for name, dtype in COLUMNS.items() if name != "cell"}


def test_equal_means_stay_equal_in_an_export(done, tmp_path):
    """A third and two thirds, rounded, have another mean than two halves."""
    table = done.results()
    table["n_test"], table["accuracy"] = 7, np.arange(len(table)) % 8 / 7
    save_table(to_export(table), tmp_path / "table.csv")
    assert "0.142857," in (tmp_path / "table.csv").read_text()
    assert load_results(tmp_path / "table.csv")["accuracy"].tolist() == table["accuracy"].tolist()


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_an_export_is_read_back(done, tmp_path, suffix):
    table, path = done.results(), tmp_path / f"table{suffix}"
    done.export(path)
    content = path.read_bytes()
    done.export(path)
    assert path.read_bytes() == content
    if suffix == ".csv.gz":
        assert content[4:8] == b"\0\0\0\0"  # no time in the header
    again = load_results(path)
    assert again.dtypes.astype(str).to_dict() == table.dtypes.astype(str).to_dict()
    kept_back = ["host", "traceback"]  # they stay in the run folder
    assert again[kept_back].isna().all(axis=None)
    pd.testing.assert_frame_equal(again.drop(columns=kept_back), table.drop(columns=kept_back), rtol=1e-4)
    assert [Cell.from_row(row).id for row in to_rows(again)] == again.index.tolist()
    pd.testing.assert_frame_equal(load_results(done.folder), table)


def test_a_table_of_something_else_gets_a_sentence(done, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("cell,price\n1,2\n")
    with pytest.raises(HeadstartError, match=r"table\.csv: is no table of results \(it has no column 'kind'\)"):
        load_results(path)
    done.export(path)
    table = pd.read_csv(path)
    table.astype({"seed": object}).assign(seed="first").to_csv(path, index=False)
    with pytest.raises(HeadstartError, match=r"table\.csv: holds values that are none of a grid .*seed"):
        load_results(path)


def test_names_that_look_like_numbers_are_read_back(done, tmp_path):
    table = done.results().copy()
    table["target"] = "007"
    save_table(to_export(table), tmp_path / "table.csv")
    assert load_results(tmp_path / "table.csv")["target"].unique().tolist() == ["007"]
    matrix = pd.DataFrame([[0.0, 1], [1, 0]], ["007", "NA"], ["007", "NA"]).rename_axis("data set")
    save_table(matrix, tmp_path / "matrix.csv")
    pd.testing.assert_frame_equal(load_table(tmp_path / "matrix.csv", "data set"), matrix, check_index_type=False)


def test_what_is_no_export(tmp_path, done):
    with pytest.raises(HeadstartError, match=r"written as \.csv, \.csv\.gz or \.parquet"):
        done.export(tmp_path / "table.xls")
    with pytest.raises(HeadstartError, match="holds no results"):
        load_results(tmp_path / "nothing.csv")
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "other.csv")
    with pytest.raises(HeadstartError, match=r"other\.csv: is no table with the column 'cell'"):
        load_results(tmp_path / "other.csv")
    (tmp_path / "torn.csv.gz").write_bytes(b"\x1f\x8b\x08 and no more")
    with pytest.raises(HeadstartError, match=r"torn\.csv\.gz"):
        load_results(tmp_path / "torn.csv.gz")


def test_the_precision_is_that_of_the_machine(tmp_path, archive, monkeypatch):
    recipes = [SHORT, Recipe("half", epochs=1, bfloat16=True)]
    for has, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(work, "has_bfloat16", lambda device, has=has: has)
        settings = {"networks": ["fcn"], "sources": [], "targets": ["UnitTest"], "recipes": recipes}
        table = run(tmp_path / expected, archive, **settings).results()
        assert table.set_index("recipe")["precision"].to_dict() == {"half": expected, "short": "float32"}


# Going on


def test_what_is_done_is_not_done_again(done, archive, monkeypatch):
    before = done.results()
    monkeypatch.setattr("headstart.grid.engines.local.perform", lambda *_: pytest.fail("a cell was done again"))
    pd.testing.assert_frame_equal(run(done.folder, archive).results(), before)


def test_a_larger_grid_does_what_is_new(done, archive):
    before = done.results()
    after = run(done.folder, archive, seeds=2).results()
    assert len(after) == 2 * len(before)
    pd.testing.assert_frame_equal(after[after["seed"] == 0], before)


def test_the_same_cell_gives_the_same_row(done, archive, tmp_path):
    again = run(tmp_path / "again", archive)
    pd.testing.assert_frame_equal(scores_of(again.results()), scores_of(done.results()))


def test_an_interrupt_leaves_a_clean_state(tmp_path, archive, monkeypatch):
    n_called = 0

    def interrupted(*arguments):
        nonlocal n_called
        n_called += 1
        if n_called == 5:
            raise KeyboardInterrupt
        return work.perform(*arguments)

    monkeypatch.setattr("headstart.grid.engines.local.perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, archive)
    assert len(Grid(tmp_path).results()) == 4
    assert list((tmp_path / "claims").iterdir()) == list((tmp_path / "drivers").iterdir()) == []
    assert len(run(tmp_path, archive).results()) == 9
    assert n_called == 10


def test_an_interrupt_within_a_training_is_no_result(archive, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    class Interrupted(Mean):
        def features(self, x, mask=None):
            self.n_calls = getattr(self, "n_calls", 0) + 1
            if self.n_calls == 3:  # in the third epoch: `train` keeps what it has, and says that it was interrupted
                raise KeyboardInterrupt
            return super().features(x, mask)

    monkeypatch.setitem(NETWORKS, "interrupted", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        work.perform(
            Cell("UnitTest", network="interrupted", recipe=Recipe("long", 9)), lambda n: load(n, archive), None, "cpu"
        )


def test_merged_ledgers_without_the_weights(done, archive, tmp_path):
    """The rows count; sources are trained again only for the cells that are left."""
    other = run(tmp_path / "other", archive, sources=["GunPoint"], targets=["UnitTest"])
    merged = tmp_path / "merged"
    (merged / "ledger").mkdir(parents=True)
    for path in [*(other.folder / "ledger").iterdir()]:
        (merged / "ledger" / path.name).write_bytes(path.read_bytes())
    table = run(merged, archive).results()
    pd.testing.assert_frame_equal(scores_of(table), scores_of(done.results()))
    counts = pd.Series([row["cell"] for path in (merged / "ledger").iterdir() for row in _lines(path)]).value_counts()
    twice = {Cell(name, network="mean", recipe=SHORT).id for name in ("GunPoint", "UnitTest")}
    assert counts.to_dict() == {cell: 1 + (cell in twice) for cell in table.index}
    # Put together by cat, and in one folder, they say the same.
    (tmp_path / "cat" / "ledger").mkdir(parents=True)
    files = [path.read_bytes() for grid in (done, other) for path in (grid.folder / "ledger").iterdir()]
    (tmp_path / "cat" / "ledger" / "all.jsonl").write_bytes(b"".join(files))
    pd.testing.assert_frame_equal(scores_of(Grid(tmp_path / "cat").results()), scores_of(done.results()))


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def test_changed_data_are_refused(done, archive, tmp_path):
    changed = tmp_path / "changed"
    for name in NAMES:
        (changed / name).mkdir(parents=True)
        for path in (archive / name).iterdir():
            (changed / name / path.name).write_text(path.read_text())
    file = changed / "UnitTest" / "UnitTest_TEST.tsv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="was begun with other data named UnitTest"):
        run(done.folder, changed)


# Failing


class Broken(Mean):
    """Fails on series of more than 20 steps."""

    def features(self, x, mask=None):
        raise RuntimeError("this network is broken")


def test_a_failed_cell_has_a_row_and_is_tried_again_only_when_asked(tmp_path, archive, monkeypatch):
    def fails_for_unit_test(cell, *arguments):
        if cell.target == "UnitTest" and cell.source in (None, "GunPoint"):
            monkeypatch.setitem(NETWORKS, "mean", Broken)
        try:
            return work.perform(cell, *arguments)
        finally:
            monkeypatch.setitem(NETWORKS, "mean", Mean)

    with monkeypatch.context() as patch:
        patch.setattr("headstart.grid.engines.local.perform", fails_for_unit_test)
        grid = run(tmp_path, archive)
    table = grid.results()
    failed = table[table["status"] == "failed"]
    assert set(failed.index) == {Cell("UnitTest", s, "mean", SHORT).id for s in (None, "GunPoint")}
    assert (failed["error"] == "RuntimeError: this network is broken").all()
    assert failed["traceback"].str.contains("in features").all()
    assert (failed["n_train"] == 12).all()
    assert failed["accuracy"].isna().all()
    status = grid.status()
    assert (status.n_cells, status.n_done, status.n_failed, status.n_blocked, status.n_left) == (9, 5, 2, 2, 0)

    pd.testing.assert_frame_equal(run(tmp_path, archive).results(), table)  # not tried again
    table = run(tmp_path, archive, retry_failed=True).results()
    assert (table["status"] == "ok").all()
    assert len(table) == 9
    assert grid.status().n_done == 9


def test_tried_again_and_failed_again(tmp_path, archive, monkeypatch):
    monkeypatch.setitem(NETWORKS, "mean", Broken)
    for retry in (False, True, True):
        table = run(tmp_path, archive, targets=["UnitTest"], sources=[], retry_failed=retry).results()
        assert table["status"].tolist() == ["failed"]
    rows = [row for path in (tmp_path / "ledger").iterdir() for row in _lines(path)]
    assert len(rows) == 3
    assert table["finished"].item() == max(row["finished"] for row in rows)


def test_a_damaged_source_file_fails_its_cells_alone(done, archive):
    path = done.folder / "sources" / f"{Cell('GunPoint', None, 'mean', SHORT).id}.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    for ledger in (done.folder / "ledger").iterdir():
        kept = [row for row in _lines(ledger) if row["source"] is None]
        ledger.write_text("".join(json.dumps(row) + "\n" for row in kept))
    table = run(done.folder, archive).results()
    failed = table[table["status"] == "failed"]
    assert failed["source"].tolist() == ["GunPoint", "GunPoint"]
    assert failed["error"].str.contains("is not a whole safetensors file").all()


class Losing:
    """An engine whose workers die under some cells, so many times."""

    slots = 2

    def __init__(self, engine, deaths):
        self.engine, self.deaths, self.submitted = engine, deaths, []

    def submit(self, cell):
        self.submitted.append(cell)
        self.engine.submit(cell)

    def wait(self, seconds):
        cell = self.engine._cells[-1]
        if self.deaths.get(cell.target, 0):
            self.deaths[cell.target] -= 1
            self.engine._cells.pop()
            return [Lost(cell, "the worker process died (exit code -9)")]
        return self.engine.wait(seconds)


@pytest.mark.parametrize("n_deaths", [ATTEMPTS - 1, ATTEMPTS])
def test_a_cell_that_kills_its_worker_again_and_again_fails(tmp_path, archive, n_deaths):
    plan = make_plan(archive, networks=["mean"], recipes=[SHORT], sources=[])
    engine = Losing(ThisProcess(str(archive), tmp_path / "sources", "cpu"), {"UnitTest": n_deaths})
    with Claims(tmp_path) as claims:
        ledger = Ledger(tmp_path / "ledger", claims.name)
        Driver(plan, tmp_path, ledger, claims, engine, retry_failed=False, on_progress=lambda driver: None).run()
        ledger.close()
    table = Grid(tmp_path).results().set_index("target")
    assert (table["status"] == "ok").to_dict() == {n: n != "UnitTest" or n_deaths < ATTEMPTS for n in NAMES}
    assert len(engine.submitted) == 2 + min(n_deaths + 1, ATTEMPTS)
    if n_deaths == ATTEMPTS:
        assert table.loc["UnitTest", "error"] == "the worker process died (exit code -9), 3 times"


def test_a_network_that_predicts_no_numbers_fails_its_cell(tmp_path, archive):
    """One step with a huge learning rate: the loss was finite before it."""
    huge = Recipe("huge", epochs=1, learning_rate=1e30, min_batch_size=64, max_batch_size=64)
    for _ in range(2):
        table = run_grid(
            tmp_path / "run", archive, sources=[], targets=["GunPoint"], recipes=[huge], device="cpu"
        ).results()
        assert table["status"].tolist() == ["failed"]
        assert "GunPoint: what the network computes of case 1 is no number" in table["error"].iloc[0]


def test_what_cannot_be_run(tmp_path, archive):
    for workers in (-1, 1.5):
        with pytest.raises(DataError, match=f"workers is {workers}; it is a whole number of processes"):
            run(tmp_path, archive, workers=workers)
    with pytest.raises(UnknownNameError, match="unknown engine 'lokal'"):
        run(tmp_path, archive, engine="lokal")
    with pytest.raises(HeadstartError, match="local engine has no address"):
        run(tmp_path, archive, address="auto")
    with pytest.raises(HeadstartError, match="device 'cudda' cannot be used here"):
        run(tmp_path, archive, device="cudda")
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadstartError, match=r"cannot make .*file"):
        run(tmp_path / "file", archive)
    with pytest.raises(HeadstartError, match="holds no results"):
        Grid(tmp_path / "nothing").results()
    with pytest.raises(HeadstartError, match="is no run folder"):
        Grid(tmp_path / "nothing").status()


# Status


def test_status(tmp_path, archive, monkeypatch):
    plan = make_plan(archive, networks=["mean"], recipes=[SHORT])
    status = Grid(tmp_path).status(plan)
    assert (status.n_cells, status.n_done, status.n_left, status.seconds_left) == (9, 0, 9, None)
    run_plan(plan, tmp_path, archive, device="cpu")
    more = Grid(tmp_path).status(make_plan(archive, networks=["mean"], recipes=[SHORT], seeds=3))
    assert (more.n_cells, more.n_done, more.n_left, more.n_torn) == (27, 9, 18, 0)
    mean_seconds = Grid(tmp_path).results().groupby("target")["cell_seconds"].mean().clip(lower=1e-3)
    assert more.seconds_left == pytest.approx(6 * mean_seconds.sum(), rel=0.01)
    (tmp_path / "ledger" / "torn.jsonl").write_text('{"cell": ')
    assert Grid(tmp_path).status().n_torn == 1
    with Claims(tmp_path) as claims:
        assert Grid(tmp_path).status().drivers == [claims.name]


def test_data_sets_used_last_stay_in_memory(archive, monkeypatch):
    n_bytes = sum(part.X.nbytes for part in load("UnitTest", archive))
    monkeypatch.setattr(work, "_MAX_BYTES", 2 * n_bytes)
    loaded = []
    monkeypatch.setattr(work, "load", lambda name, archive: loaded.append(name) or load(name, archive))
    inputs = work.LocalInputs(str(archive), archive)
    for name in ("UnitTest", "GunPoint", "UnitTest", "ItalyPowerDemand", "UnitTest", "GunPoint"):
        assert inputs.parts(name)[0].name == name
    assert loaded == ["UnitTest", "GunPoint", "ItalyPowerDemand", "GunPoint"]


# Workers and drivers that die


def test_a_worker_that_is_killed_costs_its_cell_alone(tmp_path, archive):
    (tmp_path / "sources").mkdir()
    engine = WorkerProcesses(1, str(archive), tmp_path / "sources", "cpu")
    try:
        cell = Cell("UnitTest", recipe=Recipe("endless", 10**6))
        engine.submit(cell)
        while not engine._workers[0].is_ready:
            assert engine.wait(1) == []
        time.sleep(0.1)
        os.kill(engine._workers[0].process.pid, signal.SIGKILL)
        assert engine.wait(60) == [Lost(cell, "the worker process died (exit code -9)")]
        # One that is killed before it was ready hands its cell to the next.
        cell = Cell("UnitTest", recipe=SHORT)
        engine.submit(cell)
        os.kill(engine._workers[0].process.pid, signal.SIGKILL)
        outcomes = []
        while not outcomes:
            outcomes = engine.wait(1)
        (outcome,) = outcomes
        assert isinstance(outcome, Done)
        assert (outcome.cell, outcome.row["status"]) == (cell, "ok")
        assert len(outcome.weights) > 1000
    finally:
        engine.close()
    assert not any(worker.process.is_alive() for worker in engine._workers)


def test_workers_that_cannot_start(tmp_path, monkeypatch):
    monkeypatch.setattr("headstart.grid.engines.local._serve", os._exit)
    engine = WorkerProcesses(1, None, tmp_path, "cpu")

    def wait_for_ever():
        while True:
            engine.wait(1)

    try:
        with pytest.raises(HeadstartError, match=r"processes cannot be started: .* before it was ready, 6 times"):
            wait_for_ever()
    finally:
        engine.close()


N_SEEDS = 4


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, archive):
    return drive(tmp_path_factory.mktemp("undisturbed"), archive, "local", N_SEEDS)


def test_killed_at_random_moments(tmp_path, archive, undisturbed):
    assert kill_at_random_moments(tmp_path, archive, "local", N_SEEDS, n_moments=2, seed=0) == 2
    assert differences(Grid(tmp_path), undisturbed) == []


def test_two_drivers_at_once(tmp_path, archive, undisturbed):
    drivers = [start_driver(tmp_path, archive, "local", N_SEEDS) for _ in range(2)]
    assert [driver.wait() for driver in drivers] == [0, 0]
    assert differences(Grid(tmp_path), undisturbed) == []
    assert len(list((tmp_path / "ledger").iterdir())) == 2  # both have done something
