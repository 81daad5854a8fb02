"""How long a whole fit of the FCN on GunPoint takes, against other libraries, at equal epochs and batches.

    python benchmarks/whole_fit.py
    python benchmarks/whole_fit.py --python PEERS/bin/python
    python benchmarks/whole_fit.py --python PEERS/bin/python --epochs 300 --repeats 1

Contestants are `TransferClassifier` from scratch, in float32 and, where the processor has instructions for it, in
bfloat16; the same network and training as one would write it in plain torch; `FCNClassifier` of aeon, which computes
with TensorFlow; and the FCN of tsai, which computes with torch and fastai. The last two are large, and come with the
extra `peers`. `--python` names the interpreter of an environment that has them and headstart; where one is not
installed, the table says so.

Each fit is done in a process of its own, on one thread, after a fit of one epoch that is not counted: it loads what the
libraries load late. What is measured begins with the series in memory and ends with a network that can predict.
Contestants take turns, and the medians of `--repeats` are printed. Seconds are processor time, because other programs
may share the machine. The accuracy on the test series shows what each has learnt. After 30 epochs some predict
no better than chance, because their running statistics of batch normalisation lag behind.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headstart import Dataset, Recipe, TransferClassifier, load
from headstart.data.preprocessing import z_normalise
from headstart.training.device import has_bfloat16

BATCH_SIZE = 16
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

Predict = Callable[[Dataset], np.ndarray]
Fit = Callable[[Dataset, int], Predict]
"""Trains for so many epochs, and returns what predicts labels."""


def headstart(train: Dataset, epochs: int, bfloat16: bool = False) -> Predict:
    recipe = Recipe("whole fit", epochs, max_batch_size=BATCH_SIZE, bfloat16=bfloat16)
    return TransferClassifier(None, recipe=recipe, device="cpu").fit(train).predict


def headstart_bfloat16(train: Dataset, epochs: int) -> Predict:
    return headstart(train, epochs, bfloat16=True)


def plain_fcn(n_classes: int) -> nn.Module:
    blocks: list[nn.Module] = []
    for n_in, n_out, size in ((1, 128, 8), (128, 256, 5), (256, 128, 3)):
        blocks += [nn.Conv1d(n_in, n_out, size, padding="same"), nn.BatchNorm1d(n_out), nn.ReLU()]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(128, n_classes))


def plain_torch(train: Dataset, epochs: int) -> Predict:
    """Train as headstart does: one cycle of the learning rate, and the weights of the lowest training loss."""
    torch.manual_seed(0)
    train = z_normalise(train)
    network = plain_fcn(train.n_classes)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(train.X), torch.from_numpy(train.y))
    batches = torch.utils.data.DataLoader(dataset, BATCH_SIZE, shuffle=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * len(batches))
    best_loss, best_weights = float("inf"), network.state_dict()
    for _ in range(epochs):
        total_loss = 0.0
        for x, y in batches:
            loss = F.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item() * len(x)
        if total_loss < best_loss:
            best_loss = total_loss
            best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(best_weights)
    network.eval()

    @torch.inference_mode()
    def predict(data: Dataset) -> np.ndarray:
        return data.classes[network(torch.from_numpy(z_normalise(data).X)).argmax(dim=1).numpy()]

    return predict


def aeon(train: Dataset, epochs: int) -> Predict:
    from aeon.classification.deep_learning import FCNClassifier

    with tempfile.TemporaryDirectory() as folder:  # for the weights of the best epoch
        classifier = FCNClassifier(n_epochs=epochs, batch_size=BATCH_SIZE, random_state=0, file_path=f"{folder}/")
        classifier.fit(z_normalise(train).X, train.labels)
    return lambda data: classifier.predict(z_normalise(data).X)


def tsai(train: Dataset, epochs: int) -> Predict:
    """Train with fastai's one-cycle schedule; the validation set, without which it does not run, is one series."""
    from tsai.basics import TSClassification, TSClassifier

    torch.manual_seed(0)
    learner = TSClassifier(
        z_normalise(train).X,
        train.labels,
        tfms=[None, TSClassification()],
        splits=(list(range(train.n_cases)), [0]),
        arch="FCN",
        arch_config={"kss": [8, 5, 3]},
        bs=BATCH_SIZE,
        device="cpu",
        verbose=False,
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(epochs, 1e-3)
    return lambda data: learner.get_X_preds(z_normalise(data).X, with_decoded=True)[2]


CONTESTANTS: dict[str, tuple[Fit, str]] = {
    "headstart, float32": (headstart, "torch"),
    "headstart, bfloat16": (headstart_bfloat16, "torch"),
    "plain torch": (plain_torch, "torch"),
    "aeon": (aeon, "tensorflow"),
    "tsai": (tsai, "tsai"),
}
"""By name: what fits, and the package that it needs."""


def measure(name: str, epochs: int) -> dict[str, Any]:
    """Fit once, and return processor seconds and accuracy, or why there are none."""
    fit, package = CONTESTANTS[name]
    if find_spec(package) is None:
        return {"why_not": "not installed"}
    if fit is headstart_bfloat16 and not has_bfloat16(torch.device("cpu")):
        return {"why_not": "not on this processor"}
    torch.set_num_threads(1)
    train, test = load("GunPoint")
    assert test is not None
    fit(train, 1)
    start = time.process_time()
    predict = fit(train, epochs)
    seconds = time.process_time() - start
    accuracy = (np.asarray(predict(test)).astype(int) == test.labels).mean()
    return {"seconds": seconds, "accuracy": float(accuracy)}


def in_a_process(python: str, name: str, epochs: int) -> dict[str, Any]:
    """Measure in a process of its own."""
    environment = os.environ | dict.fromkeys(THREADS, "1")
    command = [python, __file__, "--measure", name, "--epochs", str(epochs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", choices=CONTESTANTS, help=argparse.SUPPRESS)  # what the processes are told
    options = parser.parse_args()
    if options.measure:
        print("\n" + json.dumps(measure(options.measure, options.epochs)))  # the peers leave a line of progress open
        return
    print(f"load average {os.getloadavg()[0]:.1f}; {options.epochs} epochs in batches of {BATCH_SIZE}, one thread\n")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    why_not: dict[str, str] = {}
    for _ in range(options.repeats):
        for name in [name for name in CONTESTANTS if name not in why_not]:
            result = in_a_process(options.python, name, options.epochs)
            if "why_not" in result:
                why_not[name] = result["why_not"]
            else:
                runs[name].append(result)
    seconds = {name: float(np.median([run["seconds"] for run in several])) for name, several in runs.items() if several}
    ours = [name for name in seconds if name.startswith("headstart")]
    print(f"| | processor seconds | {' | '.join(f'as many times {name}' for name in ours)} | accuracy |")
    print("|---|--:|" + "--:|" * len(ours) + "--:|")
    for name in CONTESTANTS:
        if name in why_not:
            print(f"| {name} | {why_not[name]} |" + " |" * len(ours) + " |")
        else:
            ratios = " | ".join("" if name in ours else f"{seconds[name] / seconds[own]:.2f}" for own in ours)
            accuracy = np.median([run["accuracy"] for run in runs[name]])
            print(f"| {name} | {seconds[name]:.2f} | {ratios} | {accuracy:.3f} |")


if __name__ == "__main__":
    main()
