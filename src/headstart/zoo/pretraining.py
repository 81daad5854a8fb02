"""From labelled series to a source."""

from dataclasses import replace

import numpy as np

from headstart.data.dataset import Dataset, checked_dataset
from headstart.data.preprocessing import z_normalise
from headstart.data.signatures import NO_SIGNATURE, series_signatures
from headstart.networks import Network, build
from headstart.similarity import prototypes
from headstart.training import Recipe, train
from headstart.training.device import find_device, has_bfloat16
from headstart.training.loop import OnEpoch
from headstart.training.recipe import get_recipe
from headstart.zoo.card import Card, versions
from headstart.zoo.source import Source


def pretrain(
    data: Dataset,
    network: str = "fcn",
    recipe: str | Recipe = "default",
    *,
    seed: int = 0,
    balanced: bool = False,
    normalise: bool = True,
    device: str = "auto",
    with_prototypes: bool = True,
    n_jobs: int | None = None,
    on_epoch: OnEpoch | None = None,
) -> Source:
    """Train a network from scratch and return it as a source for others to start from.

    Parameters
    ----------
    data
        Labelled series of at least two classes; training data only.
    network
        Architecture, a key of `NETWORKS`.
    recipe
        A `Recipe`, or the name of one.
    seed
        Decides the first weights and the order of the series.
    balanced
        Whether each class has the same part in the loss, however many cases it has, instead of each case.
    normalise
        Whether to z-normalise each series; kept on the card, and done to all that the network ever sees.
    device
        ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    with_prototypes
        Whether to compute the DTW barycenter of each class, by which the source can be ranked.
    n_jobs
        Threads for the barycenters; None = one a core.
    on_epoch
        Called after every epoch with the number of epochs done and the training loss.

    Raises
    ------
    DataError
        If the data cannot be trained on, or are no `Dataset`; the message says why.

    Examples
    --------
    >>> from headstart.data import load
    >>> train, test = load("ItalyPowerDemand")
    >>> source = pretrain(train, recipe=Recipe(name="short", epochs=2))
    >>> source.card.dataset, source.card.n_cases, source.prototypes.codes.tolist()
    ('ItalyPowerDemand', 67, [0, 1])
    """
    data = checked_dataset(data)
    source = train_source(
        build(network, data.n_channels, max(data.n_classes, 1), int(seed)),
        data,
        network_name=network,
        recipe=get_recipe(recipe),
        seed=seed,
        balanced=balanced,
        normalise=normalise,
        device=device,
        on_epoch=on_epoch,
    )
    if not with_prototypes:
        return source
    return replace(source, prototypes=prototypes(source.prepare(data), n_jobs=n_jobs))


def train_source(
    network: Network,
    data: Dataset,
    *,
    network_name: str,
    recipe: Recipe,
    seed: int,
    balanced: bool,
    normalise: bool,
    device: str,
    parent: Source | None = None,
    on_epoch: OnEpoch | None = None,
) -> Source:
    """Train a network, new or started from `parent`, and write its card; the source has no prototypes yet."""
    where = find_device(device)
    prepared = z_normalise(data) if normalise else data
    history = train(network.to(where), prepared, recipe, seed=seed, balanced=balanced, on_epoch=on_epoch)
    card = Card(
        dataset=data.name,
        fingerprint=data.fingerprint,
        classes=data.classes.tolist(),
        n_cases=data.n_cases,
        n_channels=data.n_channels,
        min_length=int(data.lengths.min()),
        max_length=int(data.lengths.max()),
        network=network_name,
        recipe=recipe.to_dict(),
        seed=int(seed),  # these may come out of numpy arrays, which JSON does not take
        normalise=bool(normalise),
        losses=[float(f"{loss:.5g}") for loss in history.losses],
        best_epoch=history.best_epoch,
        train_seconds=round(history.train_seconds, 3),
        device=where.type,
        versions=versions(),
        seen=[*(parent.card.seen if parent else []), data.fingerprint],
        interrupted=history.interrupted,
        balanced=bool(balanced),
        started_from=parent.card.dataset if parent else None,
        precision="bfloat16" if recipe.bfloat16 and has_bfloat16(where) else "float32",
    )
    weights = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    return Source(card, weights, signatures=_signatures(data, parent))


def _signatures(data: Dataset, parent: Source | None) -> np.ndarray | None:
    """Return the signatures of the data and of all that the parent has seen; None if the latter are not known."""
    own = series_signatures(data)
    if parent is None or parent.signatures is None:
        return own if parent is None else None
    n_channels = max(own.shape[1], parent.signatures.shape[1])
    both = [
        np.pad(part, ((0, 0), (0, n_channels - part.shape[1]), (0, 0)), constant_values=NO_SIGNATURE)
        for part in (parent.signatures, own)
    ]
    return np.concatenate(both)
