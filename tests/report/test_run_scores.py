"""From a run of the grid to what rankers are worth: headstart rank --evaluate."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from headstart.data import Dataset, load
from headstart.errors import DataError, HeadstartError, UnknownNameError
from headstart.grid import run_grid
from headstart.report.run_scores import score_run
from headstart.selection import RANKERS
from headstart.selection.evaluation import SECONDS
from headstart.similarity import prototypes
from headstart.training import Recipe
from headstart.zoo import pretrain
from tests.data import writers
from tests.selection.conftest import waves

SHORT = Recipe("short", epochs=1)
NAMES = ["Alpha", "Beta", "Gamma", "FiftyWords", "WordSynonyms"]  # the last two are relatives


def write(archive, name: str, data: Dataset) -> None:
    (archive / name).mkdir(exist_ok=True)
    for part, cases in (("TRAIN", data.subset(range(12))), ("TEST", data.subset(range(12, 24)))):
        writers.ucr(archive / name / f"{name}_{part}.tsv", list(cases.X), list(cases.labels))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    for i, name in enumerate(NAMES):
        write(folder, name, waves(name, 24, n_classes=2 + i % 2, length=20 + 3 * i, seed=i))
    return folder


@pytest.fixture(scope="module")
def run(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_grid(folder, archive, targets=["Alpha", "WordSynonyms"], recipes=[SHORT], seeds=2, device="cpu")
    return folder


def test_pairs_and_scores(run, archive):
    pairs = score_run(run, archive, list(RANKERS))
    assert len(pairs) == 2 * (4 + 3)
    assert not ((pairs["source"] == "FiftyWords") & (pairs["target"] == "WordSynonyms")).any()
    assert pairs[["accuracy", "scratch_accuracy", *RANKERS]].notna().all(axis=None)
    assert (pairs[[name + SECONDS for name in RANKERS]] > 0).all(axis=None)
    (row,) = pairs.query("source == 'Beta' and target == 'Alpha' and seed == 1").to_dict("records")
    target, (beta, _) = load("Alpha", archive)[0], load("Beta", archive)
    source = pretrain(beta, recipe=SHORT, seed=1)
    for name in ("dtw", "probe", "logme", "size"):
        assert row[name] == pytest.approx(RANKERS[name](target, {"Beta": source})[0], rel=1e-4, abs=1e-4)
    np.testing.assert_array_equal(source.prototypes.X, prototypes(source.prepare(beta)).X)
    by_seed = pairs.query("target == 'Alpha'").pivot_table(index="source", columns="seed", values=["dtw", "probe"])
    np.testing.assert_array_equal(by_seed["dtw"][0], by_seed["dtw"][1])  # the weights of a seed say nothing to it
    assert (by_seed["probe"][0] != by_seed["probe"][1]).all()


def test_relatives_when_they_are_asked_for(run, archive):
    pairs = score_run(run, archive, "size", allow_overlap=True)
    assert len(pairs) == 2 * (4 + 4)


def test_a_run_of_relatives_alone(archive, tmp_path):
    names = ["FiftyWords", "WordSynonyms"]
    run_grid(tmp_path / "run", archive, sources=names, targets=names, recipes=[SHORT], device="cpu")
    with pytest.raises(DataError, match="all pairs are of relatives, which count only with --allow-overlap"):
        score_run(tmp_path / "run", archive, ["size"])


@pytest.mark.parametrize("by", ["size", "logme"])
def test_a_run_without_a_network_that_others_started_from(run, archive, tmp_path, by):
    """As of one that is not finished, or merged in part."""
    shutil.copytree(run, tmp_path / "run")
    for path in (tmp_path / "run" / "ledger").glob("*.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines() if line]
        kept = [row for row in rows if (row["kind"], row["target"], row["seed"]) != ("scratch", "Beta", 1)]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    with pytest.raises(DataError, match=r"has no network from scratch on Beta with seed 1; finish the run"):
        score_run(tmp_path / "run", archive, by)


def test_progress(run, archive):
    calls = []
    score_run(run, archive, "random", on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]


def test_command(headstart, run, archive, tmp_path):
    done = headstart(
        "rank", "--evaluate", run, "--archive", archive, "--by", "probe,dtw",
        "--out", tmp_path / "pairs.csv", "--picture", tmp_path / "regret.svg",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    for word in ("probe", "dtw", "any source", "from scratch", "2 targets: what it earns"):
        assert word in done.text
    table = pd.read_csv(tmp_path / "pairs.csv")
    assert {"source", "target", "seed", "accuracy", "scratch_accuracy", "probe", "probe_seconds", "dtw"} <= {*table}
    assert len(table) == 14
    assert ">probe</text>" in (tmp_path / "regret.svg").read_text()


def test_several_networks_and_recipes(archive, tmp_path):
    some = {"sources": ["Alpha", "Beta"], "targets": ["Gamma"], "device": "cpu"}
    run_grid(tmp_path, archive, **some, networks=["fcn", "lite"], recipes=[SHORT, Recipe("other", epochs=2)])
    with pytest.raises(HeadstartError, match=r"several networks \(fcn, lite\)"):
        score_run(tmp_path, archive, "size")
    with pytest.raises(HeadstartError, match=r"several recipes \(other, short\)"):
        score_run(tmp_path, archive, "size", network="fcn")
    with pytest.raises(UnknownNameError, match=r"unknown recipe 'shrt'\. Did you mean 'short'"):
        score_run(tmp_path, archive, "size", network="fcn", recipe="shrt")
    assert len(score_run(tmp_path, archive, "size", network="lite", recipe="short")) == 2


def test_what_cannot_work(headstart, run, archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given, message in (
        (["rank"], "name what to rank for, TRAIN; or a run to --evaluate"),
        (["rank", "--evaluate", "nowhere"], "nowhere: holds no results"),
        (["rank", "--evaluate", run, "--archive", archive, "--by", "dwt"], "unknown ranker 'dwt'"),
        (["rank", "--evaluate", run, "--archive", archive, "--out", "a.xls"], "tables are written as .csv"),
        (["rank", "--evaluate", run, "--archive", archive, "--picture", "a.gif"], "cannot draw to a.gif"),
    ):
        done = headstart(*given)
        assert done.code == 2
        assert message in done.message.replace("│ │ ", "")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_has_changed(run, archive, tmp_path):
    for i, name in enumerate(NAMES):
        write(tmp_path, name, waves(name, 24, n_classes=2 + i % 2, length=20 + 3 * i, seed=i + (name == "Alpha")))
    with pytest.raises(HeadstartError, match=r"Alpha is not what .* was made with"):
        score_run(run, tmp_path, "size")


def test_without_weights(archive, tmp_path):
    run_grid(tmp_path, archive, sources=["Alpha", "Beta"], targets=["Gamma"], recipes=[SHORT], device="cpu")
    for path in (tmp_path / "sources").iterdir():
        path.unlink()
    with pytest.raises(HeadstartError, match="there is no such source file"):
        score_run(tmp_path, archive, "probe")


def test_before_anything_was_transferred(archive, tmp_path):
    run_grid(tmp_path, archive, sources=[], targets=["Alpha"], recipes=[SHORT], device="cpu")
    with pytest.raises(HeadstartError, match="no transfer is done yet"):
        score_run(tmp_path, archive, "size")
