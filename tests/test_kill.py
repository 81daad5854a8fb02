"""A process killed at any moment leaves at the output path nothing, or a whole model: the older or the new one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headstart.classifier import TransferClassifier
from headstart.errors import HeadstartError
from headstart.training import Recipe
from headstart.zoo import Source, pretrain

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")

DRIVER = """
import json, os, resource, signal, sys
import aeon.datasets, pandas, torch._dynamo  # what is imported here need not be imported by each child
import headstart.classifier, headstart.comparison, headstart.files, headstart.report.console, headstart.similarity
from headstart.cli import main
from headstart.training import loop

def killing(function, at, after=False):
    calls = 0
    def call(*arguments, **keywords):
        nonlocal calls
        calls += 1
        if calls == at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **keywords)
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

def prepare(moment, at):
    if moment == "training step":
        loop.F.cross_entropy = killing(loop.F.cross_entropy, at)
    elif moment == "flush":
        os.fsync = killing(os.fsync, at)
    elif moment == "before rename":
        os.replace = killing(os.replace, at)
    elif moment == "after rename":
        os.replace = killing(os.replace, at, after=True)
    elif moment == "middle of a file":  # the system ends a process that writes a file beyond this size
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

for run in json.loads(sys.argv[1]):
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        prepare(run["moment"], run["at"])
        main(run["arguments"])
    _, status = os.waitpid(child, 0)
    print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
"""

MOMENTS = [
    ("training step", 7),  # in the second epoch
    ("middle of a file", 0),
    ("flush", 1),
    ("before rename", 1),
    ("after rename", 1),
]
COMMANDS = {
    "fit": ("fit", "ItalyPowerDemand", "--source", "scratch", "--epochs", "2", "--device", "cpu", "--out"),
    "pretrain": ("pretrain", "ItalyPowerDemand", "--epochs", "2", "--device", "cpu", "--out"),
}


def output(command: str, folder: Path) -> Path:
    return folder / ("model" if command == "fit" else "source.safetensors")


def write_older(command: str, path: Path, small) -> None:
    if command == "fit":
        TransferClassifier(None, recipe=Recipe("older", 1)).fit(small).save(path)
    else:
        pretrain(small, recipe=Recipe("older", 1), with_prototypes=False).save(path)


def found(command: str, path: Path) -> str:
    """Say what is at the output path; fails if that is not whole."""
    if not os.path.lexists(path):
        return "nothing"
    source = TransferClassifier.load(path).model_ if command == "fit" else Source.load(path)
    return "older" if source.card.recipe["name"] == "older" else "new"


@pytest.mark.parametrize("has_older", [False, True], ids=["nothing there", "older one there"])
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_at_many_moments(tmp_path, small, command, has_older):
    moments = list(MOMENTS)
    if command == "fit" and has_older:  # it is renamed out of the way first
        moments += [("before rename", 2), ("after rename", 2)]
    runs, paths = [], []
    if has_older:
        write_older(command, output(command, tmp_path), small)
    for i, (moment, at) in enumerate(moments):
        folder = tmp_path / str(i)
        folder.mkdir()
        path = output(command, folder)
        if has_older:
            original = output(command, tmp_path)
            shutil.copytree(original, path) if command == "fit" else shutil.copy(original, path)
        runs.append({"moment": moment, "at": at, "arguments": [*COMMANDS[command], str(path)]})
        paths.append(path)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(runs)], capture_output=True, text=True, check=True, timeout=300
    )
    signals = [int(line) for line in done.stdout.split()]
    results = {}
    for moment, received, path in zip(moments, signals, paths, strict=True):
        expected = signal.SIGXFSZ if moment[0] == "middle of a file" else signal.SIGKILL
        assert received == expected, f"{moment}: {done.stderr}"
        results[moment] = found(command, path)
    before = "older" if has_older else "nothing"
    expected = dict.fromkeys(MOMENTS, before)
    if len(moments) > len(MOMENTS):
        expected |= {moments[-3]: "nothing", moments[-2]: "nothing"}
    assert results == expected | {moments[-1]: "new"}


def test_killed_from_outside_while_training(tmp_path):
    path = tmp_path / "source.safetensors"
    arguments = ["pretrain", "ItalyPowerDemand", "--epochs", "100000", "--device", "cpu", "--out", str(path)]
    with subprocess.Popen(
        [sys.executable, "-m", "headstart", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        for line in process.stdout:  # the table of what was read comes just before the training
            if "class 2" in line:
                break
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not os.listdir(tmp_path)


_watcher = None
_has_hook = False


def _on_event(event: str, arguments: tuple) -> None:
    if _watcher is not None:
        _watcher(event)


@pytest.mark.parametrize("has_older", [False, True], ids=["nothing there", "older one there"])
@pytest.mark.parametrize("command", COMMANDS)
def test_whole_at_every_step_of_saving(tmp_path, small, command, has_older):
    """Whenever Python touches the file system, what a kill would leave at the path is nothing or whole."""
    global _watcher, _has_hook
    if not _has_hook:  # it cannot be taken away again
        sys.addaudithook(_on_event)
        _has_hook = True
    path = output(command, tmp_path)
    if has_older:
        write_older(command, path, small)
    if command == "fit":
        save = TransferClassifier(None, recipe=Recipe("new", 1)).fit(small).save
    else:
        save = pretrain(small, recipe=Recipe("new", 1), with_prototypes=False).save
    seen, events, is_busy = [], [], False

    def watch(event):
        nonlocal is_busy
        if not is_busy and event.split(".")[0] in ("open", "os", "shutil", "tempfile"):
            is_busy = True  # reading the model is no step of saving it
            events.append(event)
            try:
                seen.append(found(command, path))
            except HeadstartError as error:
                seen.append(str(error))
            is_busy = False

    _watcher = watch
    try:
        save(path)
    finally:
        _watcher = None
    assert "os.rename" in events
    assert events.count("open") >= (2 if command == "fit" else 1)
    before = "older" if has_older else "nothing"
    assert set(seen) <= {before, "nothing", "new"}
    assert seen[0] == before
    assert found(command, path) == "new"
    changes = [state for i, state in enumerate(seen) if i == 0 or state != seen[i - 1]]
    assert changes in ([before], [before, "new"], [before, "nothing"], [before, "nothing", "new"])
    assert np.all([name == path.name for name in os.listdir(tmp_path)])
