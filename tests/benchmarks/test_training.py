"""What the benchmarks of training rest on: the operations they count, and that contestants train the same network."""

import importlib
import os
import sys
from types import ModuleType

import numpy as np
import pytest

from headstart.data import load
from headstart.networks import NETWORKS, build


@pytest.fixture
def benchmark(monkeypatch):
    """Import a benchmark, which may set variables of its process's environment."""

    def import_it(name: str) -> ModuleType:
        monkeypatch.setattr(os, "environ", dict(os.environ))
        return importlib.import_module(f"benchmarks.{name}")

    return import_it


def test_operations_are_those_of_the_layers(benchmark):
    multiplications = 8 * 1 * 128 + 5 * 128 * 256 + 3 * 256 * 128  # for each time step
    head = 2 * 128
    counted = benchmark("throughput").training_flops("fcn", 500)
    assert counted == pytest.approx(3 * 2 * (multiplications + head / 500), rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_turns(benchmark, monkeypatch, name):
    throughput = benchmark("throughput")
    monkeypatch.setattr(throughput, "N_STEPS", 1)
    done, seconds = throughput.training(name, 24, bfloat16=False)()
    assert done == 2 * 16 * 24
    assert seconds > 0
    assert throughput.training_flops(name, 24) > 0


def test_tables_of_throughput(benchmark, monkeypatch, capsys):
    throughput = benchmark("throughput")
    monkeypatch.setattr(throughput, "N_STEPS", 1)
    monkeypatch.setattr(throughput, "PRODUCT_SIZE", 8)
    monkeypatch.setattr(sys, "argv", ["", "--networks", "lite", "--lengths", "24", "50", "--repeats", "1"])
    throughput.main()
    printed = capsys.readouterr().out
    assert "matrix product in float32, numpy" in printed
    assert "| thousand series-steps a second | | 24 | 50 |" in printed
    assert printed.count("| `lite` | float32 |") == 2


def test_plain_network_is_as_large(benchmark):
    plain = benchmark("whole_fit").plain_fcn(3)
    sizes = [sum(p.numel() for p in network.parameters()) for network in (plain, build("fcn", 1, 3, seed=0))]
    assert sizes[0] == sizes[1]


@pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel lengths")
def test_plain_fit_learns(benchmark):
    train, test = load("ItalyPowerDemand")
    predict = benchmark("whole_fit").plain_torch(train, 20)
    assert (predict(test) == test.labels).mean() > 0.8


def test_peers_that_are_not_installed(benchmark, monkeypatch, capsys):
    whole_fit = benchmark("whole_fit")
    monkeypatch.setattr(whole_fit, "find_spec", lambda package: None)
    assert whole_fit.measure("aeon", 2) == {"why_not": "not installed"}
    fast = {"seconds": 2.0, "accuracy": 0.9}
    slow = {"seconds": 3.0, "accuracy": 0.8}
    results = {"headstart, float32": fast, "plain torch": slow}
    missing = {"why_not": "not installed"}
    monkeypatch.setattr(whole_fit, "in_a_process", lambda python, name, epochs: results.get(name, missing))
    monkeypatch.setattr(sys, "argv", ["", "--repeats", "2"])
    whole_fit.main()
    printed = capsys.readouterr().out
    assert "| plain torch | 3.00 | 1.50 | 0.800 |" in printed
    assert "| aeon | not installed |" in printed


def test_a_fit_is_measured_without_the_first(benchmark, monkeypatch):
    whole_fit = benchmark("whole_fit")
    trained = []

    def fit(train, epochs):
        trained.append(epochs)
        return lambda test: np.full(test.n_cases, 1)

    monkeypatch.setitem(whole_fit.CONTESTANTS, "mine", (fit, "torch"))
    result = whole_fit.measure("mine", 3)
    assert trained == [1, 3]
    assert result["seconds"] >= 0
    assert result["accuracy"] == pytest.approx(76 / 150)
