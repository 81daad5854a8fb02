"""Export to ONNX: the file computes what the network does, for series of any number and length."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import torch

from headstart.data import Dataset
from headstart.errors import HeadstartError, ModelError
from headstart.networks import NETWORKS, build
from headstart.zoo import export_onnx
from headstart.zoo import onnx as onnx_module


@pytest.fixture(scope="module")
def path(source, tmp_path_factory):
    """The file of one export, which takes seconds."""
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name)
    path = tmp_path_factory.mktemp("onnx") / "source.onnx"
    export_onnx(source, path)
    return path


@pytest.fixture(scope="module")
def exported(path):
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture
def as_before(path, monkeypatch):
    """Let every export give that file's content."""
    monkeypatch.setattr(onnx_module, "_exported", lambda source: path.read_bytes())


def test_as_torch(exported, source, italy):
    test = italy[1]
    (probabilities,) = exported.run(None, {"series": test.X})
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, source.class_probabilities(test), atol=1e-5)


@pytest.mark.parametrize(("n_cases", "length"), [(1, 1), (1, 24), (2, 5), (9, 300)])
def test_any_number_and_length(exported, source, n_cases, length):
    X = np.random.default_rng(n_cases).normal(100, 3, size=(n_cases, 1, length)).astype(np.float32)
    X[0] = 7.1  # a series that never changes
    (probabilities,) = exported.run(None, {"series": X})
    expected = source.class_probabilities(Dataset.from_arrays("any", X))
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_what_the_file_says(exported, source):
    (series,), (probabilities,) = exported.get_inputs(), exported.get_outputs()
    assert (series.name, series.shape, probabilities.name, probabilities.shape) == (
        "series",
        ["batch", 1, "time"],
        "probabilities",
        ["batch", 2],
    )
    card = json.loads(exported.get_modelmeta().custom_metadata_map["headstart.card"])
    assert card == json.loads(json.dumps(dataclasses.asdict(source.card)))


@pytest.mark.parametrize("network", NETWORKS)
def test_each_network_is_traced_for_any_length(network):
    module = onnx_module._FromSeries(build(network, 2, 3, seed=0).eval(), normalise=False).eval()
    shapes = {"series": {0: torch.export.Dim("batch"), 2: torch.export.Dim("time")}}
    traced = torch.export.export(module, (torch.zeros(2, 2, 32),), dynamic_shapes=shapes).module()
    x = torch.randn(5, 2, 77, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(traced(x), module(x))


def test_a_trunk_has_nothing_to_export(trunk, tmp_path):
    with pytest.raises(ModelError, match="universal has no classes of its own to predict; fine-tune it first"):
        export_onnx(trunk, tmp_path / "a.onnx")


def test_an_export_that_differs_is_not_written(source, tmp_path, as_before):
    other = dataclasses.replace(source, weights={n: t * 1.5 for n, t in source.weights.items()})
    with pytest.raises(ModelError, match="the exported graph differs from the network by"):
        export_onnx(other, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_packages(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(HeadstartError, match=r"pip install 'headstart\[onnx\]'"):
        export_onnx(source, tmp_path / "a.onnx")


def test_command(headstart, own, source, tmp_path, path, as_before):
    own.mkdir(parents=True)
    source.save(own / "Italy.safetensors")
    ended = headstart("zoo", "export", "Italy", "--onnx", tmp_path / "italy.onnx")
    assert ended.code == 0, ended.err
    assert "probabilities of 2 classes out; compared with torch" in ended.text
    assert (tmp_path / "italy.onnx").read_bytes() == path.read_bytes()
    assert headstart("zoo", "export", "Italy", "--onnx", tmp_path / "none" / "italy.onnx").code == 2
