"""One trunk trained on many data sets at once.

Each step takes a batch of one data set. In a round every data set has its turn once, in an order that is drawn anew, so
that a set of 16 series counts as much as one of 8,926; and batches have about the same number of values, so that long
series take no more time than short ones. Adam on the one-cycle schedule of `Recipe`, with bfloat16 as there.

A training may be killed at any moment and goes on from its checkpoint, written whole or not at all. All that is drawn
in a step follows from the seed and the number of the step, so the weights are bit for bit those of a training that was
not interrupted.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from headstart.data.dataset import Dataset
from headstart.errors import DataError, ModelError
from headstart.files import write_bytes
from headstart.networks.base import Network
from headstart.networks.layers import MaskedBatchNorm1d, statistics_anew
from headstart.training.batches import Batches
from headstart.training.device import has_bfloat16
from headstart.training.objectives import Objective

OnUpdate = Callable[[int, float], None]
"""Called after each step with the number of steps done and the mean loss of the last round."""

_BATCH_STEPS = 1 << 14
"""Time steps of a batch."""
_BATCH_CASES = (16, 64)
"""The fewest and the most series of a batch, whatever their length."""
_HEADER = "headstart"


@dataclass
class JointHistory:
    """What happened in a joint training.

    Attributes
    ----------
    losses
        Mean loss of each finished round; 1 is that of guessing.
    n_updates
        Steps done.
    round_loss
        Sum of the losses of the steps of the round that has begun.
    train_seconds
        In all, over all interruptions.
    """

    losses: list[float] = field(default_factory=list)
    n_updates: int = 0
    round_loss: float = 0.0
    train_seconds: float = 0.0


def train_jointly(
    network: Network,
    datasets: Sequence[Dataset],
    objective: Objective,
    *,
    n_updates: int,
    seed: int,
    learning_rate: float = 1e-3,
    bfloat16: bool = True,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 60.0,
    identity: str = "",
    on_update: OnUpdate | None = None,
) -> JointHistory:
    """Train a network's trunk and an objective, in place; the network's head is left alone.

    Parameters
    ----------
    network
        On the device to train on.
    datasets
        Labelled series, normalised, with as many channels as the network takes.
    objective
        What to train for.
    n_updates
        Steps.
    seed
        Decides what is drawn: the same seed, data and machine give the same weights.
    learning_rate
        Adam's, at its highest.
    bfloat16
        As in `Recipe`.
    checkpoint
        File to go on from if it is there, and to write every `checkpoint_seconds`; whose it is to remove at the end.
    identity
        Says all that the weights follow from; a checkpoint of another identity is refused.
    on_update
        To show progress.

    Raises
    ------
    DataError
        If the loss is no longer finite, or the objective cannot use a data set.
    ModelError
        If the checkpoint is damaged, or that of another training.
    """
    device = next(network.parameters()).device
    objective.to(device)
    trained = nn.ModuleDict({"network": network, "objective": objective})
    parameters = {n: p for n, p in trained.named_parameters() if not n.startswith("network.head.")}
    optimizer = torch.optim.Adam(parameters.values(), lr=learning_rate, fused=True)
    batches = [Batches(data, device) for data in datasets]
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=bfloat16 and has_bfloat16(device))
    history = JointHistory()
    if checkpoint is not None and checkpoint.exists():
        history = _restore(checkpoint, identity, trained, parameters, optimizer)
    begin = time.perf_counter() - history.train_seconds
    last_saved = time.monotonic()
    trained.train()
    while history.n_updates < n_updates:
        for group in optimizer.param_groups:
            group["lr"] = one_cycle(history.n_updates, n_updates, learning_rate)
        member = _member(history.n_updates, len(datasets), seed)
        data = datasets[member]
        draw = objective.draw(data, batch_size(data), np.random.default_rng([seed, 1, history.n_updates]))
        with autocast:
            features = network.features(*batches[member][torch.from_numpy(draw.cases)])
        loss = objective(member, features.float(), torch.from_numpy(draw.y).to(device), draw.n_support)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        _note(history, loss.item(), len(datasets), data.name)
        history.train_seconds = time.perf_counter() - begin
        if on_update is not None:
            on_update(history.n_updates, history.losses[-1] if history.losses else math.nan)
        if checkpoint is not None and time.monotonic() - last_saved >= checkpoint_seconds:
            _save(checkpoint, identity, trained, parameters, optimizer, history)
            last_saved = time.monotonic()
    _measure_statistics(network, batches)
    network.eval()
    return history


def one_cycle(update: int, n_updates: int, peak: float) -> float:
    """Learning rate of a step (counted from 0): up for the first 30%, then down, both along a cosine.

    As torch's ``OneCycleLR``, but a function of the step alone, so that there is nothing to be kept in a checkpoint.

    Examples
    --------
    >>> [round(one_cycle(update, 101, 1.0), 6) for update in (0, 30, 65, 100)]
    [0.04, 1.0, 0.500002, 4e-06]
    """
    share = update / max(n_updates - 1, 1)
    low, progress = (peak / 25, share / 0.3) if share < 0.3 else (peak / 250_000, (1 - share) / 0.7)
    return low + (peak - low) * (1 - math.cos(math.pi * progress)) / 2


def batch_size(data: Dataset) -> int:
    """Return how many series of a data set make a batch, where it has as many."""
    return int(np.clip(_BATCH_STEPS // data.X.shape[2], *_BATCH_CASES))


def _member(update: int, n_members: int, seed: int) -> int:
    n_rounds, turn = divmod(update, n_members)
    return int(np.random.default_rng([seed, 0, n_rounds]).permutation(n_members)[turn])


def _note(history: JointHistory, loss: float, n_members: int, name: str) -> None:
    if not math.isfinite(loss):
        raise DataError(
            f"{name}: the training loss is no longer a finite number in step {history.n_updates + 1}; lower the "
            "learning rate, or leave the data set out"
        )
    history.n_updates += 1
    history.round_loss += loss
    if history.n_updates % n_members == 0:
        history.losses.append(history.round_loss / n_members)
        history.round_loss = 0.0


@torch.no_grad()
def _measure_statistics(network: Network, batches: list[Batches]) -> None:
    """Set batch statistics, where a network has such, to the plain average over one batch of each data set.

    Not to those of a mixture: a batch had series of one data set in training, and was normalised by itself. So the
    average variance within data sets is what layers expect, not that between them too.
    """
    if not any(isinstance(module, MaskedBatchNorm1d) for module in network.modules()):
        return
    with statistics_anew(network):
        for one in batches:
            n_cases = len(one.lengths)
            n_used = min(n_cases, one.most_cases, 4 * _BATCH_CASES[1])
            network.features(*one[torch.linspace(0, n_cases - 1, n_used).long()])


_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def _save(
    path: Path,
    identity: str,
    trained: nn.Module,
    parameters: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    history: JointHistory,
) -> None:
    tensors = {f"weights/{name}": tensor.cpu().contiguous() for name, tensor in trained.state_dict().items()}
    for name, parameter in parameters.items():
        state = optimizer.state.get(parameter, {})  # a head that has not had its turn has none
        tensors |= {f"{moment}/{name}": state[moment].cpu().contiguous() for moment in _MOMENTS if moment in state}
    header = json.dumps({"identity": identity, "history": asdict(history)})
    write_bytes(path, safetensors.torch.save(tensors, metadata={_HEADER: header}))


def _restore(
    path: Path,
    identity: str,
    trained: nn.Module,
    parameters: dict[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> JointHistory:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
        found, history = header["identity"], JointHistory(**header["history"])
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: is no whole checkpoint ({error}); remove it to begin anew") from None
    if found != identity:
        raise ModelError(
            f"{path}: is the checkpoint of a training on other data or with other settings; go on with those, or "
            "remove it to begin anew"
        )
    trained.load_state_dict({n.removeprefix("weights/"): t for n, t in tensors.items() if n.startswith("weights/")})
    for name, parameter in parameters.items():
        state = {moment: tensors[f"{moment}/{name}"] for moment in _MOMENTS if f"{moment}/{name}" in tensors}
        if state:
            optimizer.state[parameter] = {moment: tensor.to(parameter.device) for moment, tensor in state.items()}
    return history
