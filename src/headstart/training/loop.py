"""The training loop, one for pretraining and fine-tuning alike.

Ismail Fawaz et al. (IEEE Big Data 2018), section IV-B: cross-entropy, Adam, and of all epochs the weights with the
lowest training loss. No test data are seen here; none can be passed.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_sample_weight
from torch import nn

from headstart.data.dataset import Dataset
from headstart.data.preprocessing import require_classes
from headstart.errors import DataError, ShapeError
from headstart.networks.base import Network
from headstart.networks.layers import statistics_anew
from headstart.training.batches import Batches
from headstart.training.device import has_bfloat16
from headstart.training.head import StandardisedHead
from headstart.training.recipe import Recipe

OnEpoch = Callable[[int, float], None]
"""Called after each epoch with the number of epochs done and the epoch's mean training loss."""
_FEW_STEPS = 4096
"""Time steps of a batch, those of all series, below which threads wait for each other longer than they compute."""


@dataclass
class History:
    """What happened in a training run: one entry an epoch, and which epoch's weights were kept."""

    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    best_epoch: int = 0
    train_seconds: float = 0.0
    interrupted: bool = False

    @property
    def best_loss(self) -> float:
        """Training loss of the epoch whose weights were kept (counted from 1)."""
        return self.losses[self.best_epoch - 1] if self.best_epoch else math.inf


def train(
    network: Network,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    balanced: bool = False,
    on_epoch: OnEpoch | None = None,
) -> History:
    """Train all layers of a network, in place, and leave it with the weights of the lowest training loss.

    The series are taken as they are: normalise them first. An interrupt (Ctrl-C) ends the training; the best
    weights so far are kept, and `History.interrupted` says so (in the first epoch, where there are none,
    `KeyboardInterrupt` is raised).

    Parameters
    ----------
    network
        On the device to train on; its head must have the data's classes.
    data
        Labelled series, normalised.
    recipe
        How to train.
    seed
        Decides the order of the series: the same seed, data and machine give the same weights.
    balanced
        Whether each class has the same part in the loss, however many cases it has, instead of each case.
    on_epoch
        Called after every epoch, to show progress.

    Raises
    ------
    DataError
        If the data are not labelled or have fewer than two classes, or the loss is no longer finite.
    ShapeError
        If the network's channels or classes are not the data's.
    """
    _check(network, data)
    device = next(network.parameters()).device
    head = StandardisedHead(network.head) if recipe.standardise_features else network.head
    trained = nn.ModuleDict({"network": network, "head": head})
    batches = Batches(data, device)
    y = torch.from_numpy(data.y).to(device)
    weights = torch.from_numpy(compute_sample_weight("balanced", data.y)).float().to(device) if balanced else None
    batch_size = recipe.batch_size(data.n_cases)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, fused=True)
    end_step, end_epoch = _schedule(optimizer, recipe, n_updates=recipe.n_updates(data.n_cases))
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=recipe.bfloat16 and has_bfloat16(device))
    generator = torch.Generator().manual_seed(int(seed))
    history = History()
    best_weights: dict[str, torch.Tensor] = {}
    start = time.perf_counter()
    trained.train()
    n_threads = torch.get_num_threads()
    if batch_size * data.X.shape[2] < _FEW_STEPS:
        torch.set_num_threads(1)
    try:
        for epoch in range(1, recipe.n_epochs(data.n_cases) + 1):
            learning_rate = optimizer.param_groups[0]["lr"]
            total_loss = torch.zeros((), device=device)
            for cases in torch.randperm(data.n_cases, generator=generator).split(batch_size):
                with autocast:
                    features = network.features(*batches[cases])
                cases = cases.to(device)
                loss = _loss(head(features.float()), y[cases], None if weights is None else weights[cases])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                end_step()
                total_loss += loss.detach() * len(cases)
            epoch_loss = total_loss.item() / data.n_cases
            if not math.isfinite(epoch_loss):
                raise DataError(
                    f"{data.name}: the training loss is no longer a finite number in epoch {epoch}; "
                    "lower the learning rate, or normalise the series"
                )
            end_epoch(epoch_loss)
            history.losses.append(epoch_loss)
            history.learning_rates.append(learning_rate)
            if epoch_loss < history.best_loss:
                copies = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
                history.best_epoch, best_weights = epoch, copies  # both or none, should an interrupt come here
            if on_epoch is not None:
                on_epoch(epoch, epoch_loss)
    except KeyboardInterrupt:
        if history.best_epoch == 0:
            raise  # nothing was learnt that could be kept
        history.interrupted = True
    finally:
        torch.set_num_threads(n_threads)
    trained.load_state_dict(best_weights)
    if isinstance(head, StandardisedHead):
        head.fold()
    if recipe.exact_statistics:
        _measure_statistics(network, batches, torch.randperm(data.n_cases, generator=generator))
    network.eval()
    history.train_seconds = time.perf_counter() - start
    return history


def _loss(scores: torch.Tensor, y: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    if weights is None:
        return F.cross_entropy(scores, y)
    # torch's own weighted mean divides by the weights of the batch, and batches of one class alone would not have any.
    return (weights * F.cross_entropy(scores, y, reduction="none")).mean()


@torch.no_grad()
def _measure_statistics(network: Network, batches: Batches, order: torch.Tensor) -> None:
    """Set the batch statistics to those of all series, in batches as large as memory allows, all of a size."""
    with statistics_anew(network):
        for cases in order.chunk(math.ceil(len(order) / batches.most_cases)):
            network(*batches[cases])


def _check(network: Network, data: Dataset) -> None:
    require_classes(data)
    if network.n_channels != data.n_channels or network.n_classes != data.n_classes:
        raise ShapeError(
            f"{data.name} has {data.n_channels} channels and {data.n_classes} classes, the network "
            f"{network.n_channels} and {network.n_classes}; replace its channels or head first"
        )


def _schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, n_updates: int
) -> tuple[Callable[[], None], Callable[[float], None]]:
    """Return what to call after each step, and after each epoch with its loss, to move the learning rate."""
    if recipe.schedule == "one-cycle":
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=recipe.learning_rate, total_steps=n_updates + 1)
        return cycle.step, lambda loss: None
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.5,
        patience=recipe.patience_epochs - 1,  # torch acts in the epoch after its patience has run out, Keras in it
        threshold=1e-4,
        threshold_mode="abs",  # Keras' min_delta
        min_lr=recipe.min_learning_rate,
    )
    return lambda: None, plateau.step
