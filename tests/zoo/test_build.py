"""Building a zoo: what is in it, what is kept, what is made again, and what a kill leaves."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from headstart.data import load
from headstart.errors import HeadstartError, UnknownNameError
from headstart.training import RECIPES, Recipe
from headstart.zoo import Source, build_zoo
from headstart.zoo import build as build_module

SHORT = Recipe("short", epochs=1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Three small data sets; one of them has but one class, another no test part."""
    folder = tmp_path_factory.mktemp("archive")
    series = {"Wine": 3, "Coffee": 2, "Flat": 2}
    for name, n in series.items():
        (folder / name).mkdir()
        lines = [
            f"{label if name != 'Flat' else 1}\t{i}\t1\t{label}\t{i}\t2\t4\n" for i in range(n) for label in (1, 2)
        ]
        (folder / name / f"{name}_TRAIN.tsv").write_text("".join(lines))
        if name == "Wine":
            (folder / name / f"{name}_TEST.tsv").write_text("".join(lines[:3]))
    return folder


@pytest.fixture(scope="module")
def built(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("zoo") / "made" / "here"
    seen = []
    end = build_zoo(archive, out, recipe=SHORT, seed=3, on_settled=lambda name, card, progress: seen.append(name))
    return out, end, seen


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def weights(folder) -> dict[str, bytes]:
    """What is equal in two builds: all but the seconds on the card."""
    return {
        f"{path.name} {name}": tensor.numpy().tobytes()
        for path in folder.iterdir()
        for name, tensor in Source.load(path).weights.items()
    }


def test_what_a_zoo_holds(built, archive):
    out, end, seen = built
    assert sorted(os.listdir(out)) == ["Coffee.safetensors", "Wine.safetensors"]
    assert list(end.failures) == ["Flat"]
    assert "only one class" in end.failures["Flat"]
    assert (end.n_jobs, end.n_settled) == (3, 3)
    assert seen.index("Coffee") < seen.index("Wine"), "the cheap ones come first"
    wine = Source.load(out / "Wine.safetensors")
    train, test = load("Wine", archive)
    assert (wine.card.fingerprint, wine.card.seed, wine.card.recipe) == (train.fingerprint, 3, SHORT.to_dict())
    assert wine.card.test_accuracy == pytest.approx((wine.class_probabilities(test).argmax(axis=1) == test.y).mean())
    assert wine.card.test_accuracy_in_float32 is not None
    assert Source.load(out / "Coffee.safetensors").card.test_accuracy is None
    assert wine.to_bytes() == wine.halved().to_bytes()
    assert wine.prototypes.codes.tolist() == [0, 1]
    assert wine.signatures.shape[0] == train.n_cases


def test_name_alone_does_not_make_it_the_archives(built):
    """This Wine is not the archive's, whatever its name: nobody knows its domain."""
    card = Source.load(built[0] / "Wine.safetensors").card
    assert (card.domain, card.origin, card.licence) == (None, None, None)


def test_domain_of_the_archives_own(tmp_path):
    build_zoo(None, tmp_path, ["italy_power_demand"], recipe=SHORT)
    card = Source.load(tmp_path / "ItalyPowerDemand.safetensors").card
    assert card.domain == "Sensor"
    assert "UCR" in card.origin
    assert card.licence


def test_accuracy_before_rounding_is_that_of_the_same_training(archive, tmp_path, monkeypatch):
    """Rounding so rough that it shows."""
    monkeypatch.setattr(Source, "halved", lambda self: replace(self, weights=without_head(self.weights)))
    build_zoo(archive, tmp_path, ["Wine"], recipe=Recipe("long", epochs=60))
    card = Source.load(tmp_path / "Wine.safetensors").card
    assert card.test_accuracy_in_float32 > card.test_accuracy


def without_head(weights):
    return dict(weights) | {"head.weight": -weights["head.weight"], "head.bias": -weights["head.bias"]}


def test_finished_sources_are_kept(built, archive, monkeypatch):
    out, _, _ = built
    before = contents(out)
    monkeypatch.setattr(build_module, "pretrain", None)  # it would fail
    end = build_zoo(archive, out, ["Wine", "Coffee"], recipe=SHORT, seed=3)
    assert not end.failures
    assert contents(out) == before


def rewrite_card(path, **fields) -> None:
    source = Source.load(path)
    replace(source, card=replace(source.card, **fields)).save(path)


CHANGES = {
    "flipped byte": (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\7"), {}),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:1000]), {}),
    "another seed": (lambda path: None, {"seed": 4}),
    "another recipe": (lambda path: None, {"recipe": Recipe("short", epochs=2)}),
    "another network": (lambda path: None, {"network": "resnet"}),
    "interrupted": (lambda path: rewrite_card(path, interrupted=True), {}),
    "balanced": (lambda path: rewrite_card(path, balanced=True), {}),
    "without prototypes": (lambda path: replace(Source.load(path), prototypes=None).save(path), {}),
    "fine-tuned": (lambda path: rewrite_card(path, started_from="Coffee"), {}),
    "other data": (lambda path: shutil.copy(path.with_name("Coffee.safetensors"), path), {}),
}


@pytest.mark.parametrize(("change", "settings"), CHANGES.values(), ids=CHANGES)
def test_others_are_made_again(built, archive, tmp_path, change, settings):
    shutil.copytree(built[0], tmp_path / "zoo")
    path = tmp_path / "zoo" / "Wine.safetensors"
    change(path)
    before = path.read_bytes()
    build_zoo(archive, tmp_path / "zoo", ["Wine"], **{"recipe": SHORT, "seed": 3} | settings)
    assert path.read_bytes() != before
    assert Source.load(path).card.seed == settings.get("seed", 3)
    if not settings:
        original = Source.load(built[0] / "Wine.safetensors").weights
        assert all((tensor == original[name]).all() for name, tensor in Source.load(path).weights.items())


def test_another_build_was_faster(built, archive, tmp_path, monkeypatch):
    """What has appeared since the plan was made is not made again."""
    make = build_module._make

    def copy_and_make(job, settings):
        shutil.copy(built[0] / f"{job.name}.safetensors", tmp_path)
        return make(job, settings)

    monkeypatch.setattr(build_module, "_make", copy_and_make)
    monkeypatch.setattr(build_module, "pretrain", None)
    assert not build_zoo(archive, tmp_path, ["Wine"], recipe=SHORT, seed=3).failures


def test_what_cannot_be_built(archive, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown recipe 'papr'"):
        build_zoo(archive, tmp_path, recipe="papr")
    with pytest.raises(UnknownNameError, match="Did you mean 'Coffee'"):
        build_zoo(archive, tmp_path, ["Cofee"])
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadstartError, match=r"cannot make .*file"):
        build_zoo(archive, tmp_path / "file")


def test_unknown_network_fails_before_any_work(archive, tmp_path):
    with pytest.raises(UnknownNameError, match="unknown network 'fnc'"):
        build_zoo(archive, tmp_path, network="fnc")


def test_out_of_memory_is_said_and_the_others_go_on(archive, tmp_path, monkeypatch):
    pretrain = build_module.pretrain

    def greedy(train, *arguments, **keywords):
        if train.name == "Coffee":
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        return pretrain(train, *arguments, **keywords)

    monkeypatch.setattr(build_module, "pretrain", greedy)
    end = build_zoo(archive, tmp_path, ["Coffee", "Wine"], recipe=SHORT)
    assert end.failures == {"Coffee": "DefaultCPUAllocator: not enough memory"}
    assert os.listdir(tmp_path) == ["Wine.safetensors"]


# The command


def test_command(headstart, archive, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "short", SHORT)
    arguments = ["zoo", "build", "--archive", archive, "--out", tmp_path / "zoo", "--recipe", "short", "--workers", 0]
    first = headstart(*arguments, "--name", "Wine", "--name", "Coffee")
    assert first.code == 0
    assert "2 of 2, left: 0 s - Wine: 0 s, accuracy" in first.text
    assert first.text.endswith(f"2 sources in {tmp_path / 'zoo'}, 0 failed.")
    again = headstart(*arguments)
    assert again.code == 1
    assert "Flat: Flat: there is only one class" in again.text
    assert "Wine: is there already" in again.text
    assert again.text.endswith(", 1 failed: Flat.")


def test_command_with_a_changed_recipe(headstart, archive, tmp_path):
    build = ["zoo", "build", "--archive", archive, "--out", tmp_path, "--name", "Wine", "--recipe", "quick"]
    assert headstart(*build, "--set", "epochs=2", "--set", "max_updates=none").code == 0
    recipe = Source.load(tmp_path / "Wine.safetensors").card.recipe
    assert recipe == replace(RECIPES["quick"], epochs=2, max_updates=None).to_dict()
    assert "Wine: is there already" in headstart(*build, "--set", "epochs=2", "--set", "max_updates=none").text
    assert "accuracy" in headstart(*build, "--set", "epochs=1").text
    assert "Did you mean 'epochs'?" in headstart(*build, "--set", "epoch=1").message


BUILD = """
import sys
from headstart.cli import main
from headstart.training import RECIPES, Recipe
RECIPES["slow"] = Recipe("slow", epochs=30)  # as SLOW
main(sys.argv[1:])
"""


SLOW = Recipe("slow", epochs=30)


def wait_for_the_end_of_group(group: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("a worker process is still there")


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups here")
def test_killed_and_gone_on_with(archive, tmp_path):
    """Killed in its second source: the worker process ends, what is done stays, and nothing is left of the other."""
    out = tmp_path / "zoo"
    (tmp_path / "archive").mkdir()
    shutil.copytree(archive / "Wine", tmp_path / "archive" / "Wine")
    (tmp_path / "archive" / "Long").mkdir()
    series = "".join(f"{label % 3}\t{'0 1 2 5' * 200}\n".replace(" ", "\t") for label in range(300))
    (tmp_path / "archive" / "Long" / "Long_TRAIN.tsv").write_text(series)
    command = [sys.executable, "-c", BUILD, "zoo", "build", "--archive", str(tmp_path / "archive"), "--out", str(out)]
    with subprocess.Popen(
        [*command, "--recipe", "slow", "--seed", "3", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        line = process.stdout.readline()
        assert "Wine: " in line, process.stderr.read()
        process.kill()
        process.wait()
        wait_for_the_end_of_group(process.pid)
    assert os.listdir(out) == ["Wine.safetensors"]
    finished = contents(out)
    build_zoo(archive, out, ["Wine"], recipe=SLOW, seed=3)
    assert contents(out) == finished, "it is kept"
    build_zoo(archive, tmp_path / "here", ["Wine"], recipe=SLOW, seed=3)
    assert weights(out) == weights(tmp_path / "here"), "a worker process makes the same"


def test_interrupted(headstart, archive, tmp_path, monkeypatch):
    """Ctrl-C in the middle of a training: half of it is not kept."""

    update = torch.optim.Adam.step
    calls = []

    def step(self, *arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return update(self, *arguments)

    monkeypatch.setitem(RECIPES, "short", replace(SHORT, epochs=10))
    monkeypatch.setattr(torch.optim.Adam, "step", step)
    ended = headstart("zoo", "build", "--archive", archive, "--out", tmp_path, "--recipe", "short", "--workers", 0)
    assert ended.code == 130
    assert "Interrupted; the same command goes on." in ended.text
    assert not list(tmp_path.iterdir())
