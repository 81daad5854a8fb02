"""Export to ONNX: a trained network for programs without Python or torch.

The graph takes the series as they are: where the source's network wants them z-normalised, it does that itself. Number
and length of the series may change from call to call, but all series of a call have the same length: there is no mask.
Every export is run in onnxruntime and compared with torch before it is written.
"""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headstart.data.dataset import ROUNDING, Dataset
from headstart.errors import HeadstartError, ModelError
from headstart.files import write_bytes
from headstart.networks import Network
from headstart.zoo.source import Source

INPUT, OUTPUT = "series", "probabilities"
_TOLERANCE = 1e-4
_TRIALS = ((1, 16), (3, 50), (7, 128))  # series and time steps of what an export is compared on


def export_onnx(source: Source, path: str | Path) -> None:
    """Write a source's network as an ONNX file.

    The graph has one input, ``series``, float32 (batch, n_channels, time), and one output, ``probabilities``, float32
    (batch, n_classes), in the order of the card's classes. The card is kept in the file's metadata, as JSON under
    ``headstart.card``.

    Parameters
    ----------
    source
        One with a head, such as `TransferClassifier.model_` of a classifier with a source or from scratch and one
        member. A classifier that chose by itself is an average of several methods, and no single graph.
    path
        The file; an older one is replaced in a single step.

    Raises
    ------
    ModelError
        If the source is a trunk, or the exported graph does not compute what the network does.
    HeadstartError
        If onnx, onnxruntime or onnxscript are not installed, or the file cannot be written.
    """
    if source.is_trunk:
        raise ModelError(f"the source {source.card.dataset} has no classes of its own to predict; fine-tune it first")
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        raise HeadstartError("export needs onnx, onnxruntime and onnxscript: pip install 'headstart[onnx]'") from None
    content = _exported(source)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    for n_cases, length in _TRIALS:
        X = generator.normal(5, 3, size=(n_cases, source.card.n_channels, length)).astype(np.float32)
        (found,) = session.run([OUTPUT], {INPUT: X})
        difference = np.abs(found - source.class_probabilities(Dataset.from_arrays("trial", X), "cpu")).max()
        if not difference <= _TOLERANCE:
            raise ModelError(
                f"the exported graph differs from the network by {difference:.2g} in a probability, so it was not "
                "written; report this with the versions of torch and onnxruntime"
            )
    write_bytes(path, content)


def _exported(source: Source) -> bytes:
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    with warnings.catch_warnings(), _quiet("torch.onnx"):  # it warns of what it deprecates, and of what is not needed
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _FromSeries(source.new_network(), source.card.normalise).eval(),
            (torch.zeros(2, source.card.n_channels, 32),),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={"series": {0: batch, 2: time}},
        )
    assert program is not None
    model = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = "headstart.card", json.dumps(asdict(source.card))
    return bytes(model.SerializeToString())


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class _FromSeries(nn.Module):
    """A network behind the z-normalisation that it wants, and before the softmax."""

    def __init__(self, network: Network, normalise: bool) -> None:
        super().__init__()
        self.network = network
        self.normalise = normalise

    def forward(self, series: Tensor) -> Tensor:
        x = _z_normalised(series) if self.normalise else series
        return torch.softmax(self.network(x), dim=1)


def _z_normalised(x: Tensor) -> Tensor:
    """Do what `headstart.data.z_normalise` does, in the same precision."""
    x = x.double()
    mean = x.mean(dim=2, keepdim=True)
    std = (x - mean).square().mean(dim=2, keepdim=True).sqrt()
    is_constant = std <= ROUNDING * mean.abs()
    return torch.where(is_constant, 0.0, (x - mean) / torch.where(is_constant, 1.0, std)).float()
