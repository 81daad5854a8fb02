"""From many labelled data sets to one trunk, a source without a head."""

import hashlib
import json
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from headstart.arguments import as_list, checked_seed
from headstart.data.archives import archive_names, same_name
from headstart.data.dataset import Dataset
from headstart.data.loading import load
from headstart.data.preprocessing import require_classes, require_variation, z_normalise
from headstart.data.signatures import series_signatures
from headstart.errors import DataError, HeadstartError, UnknownNameError
from headstart.files import check_writable, expanded
from headstart.networks import build
from headstart.training.device import find_device, has_bfloat16
from headstart.training.joint import OnUpdate, train_jointly
from headstart.training.objectives import Episodes, ManyHeads, Objective
from headstart.zoo.card import Card, versions
from headstart.zoo.source import Source
from headstart.zoo.ucr import LICENCE, ORIGIN, domain_of
from headstart.zoo.universal.groups import group_of, groups

METHODS = ("episodes", "heads")
DEFAULT_UPDATES = 8000
LEARNING_RATE = 1e-3
MAX_LENGTH = 512
"""Time steps to which longer series are averaged."""


def train_universal(
    datasets: Iterable[Dataset],
    network: str = "dilated",
    method: str = "episodes",
    *,
    n_updates: int = DEFAULT_UPDATES,
    learning_rate: float = LEARNING_RATE,
    max_length: int = MAX_LENGTH,
    seed: int = 0,
    name: str = "universal",
    device: str = "auto",
    checkpoint: str | Path | None = None,
    checkpoint_seconds: float = 60.0,
    on_update: OnUpdate | None = None,
) -> Source:
    """Train one trunk on many data sets, each as often as any other, and return it as a source without a head.

    Parameters
    ----------
    datasets
        Labelled series of one channel, training data only; as they are: each series is z-normalised.
    network
        Architecture, a key of `NETWORKS`.
    method
        ``episodes``: heads are fitted to a few cases a class in closed form, and judged by others (`Episodes`);
        ``heads``: each data set has a linear head of its own (`ManyHeads`).
    n_updates
        Steps, each on a batch of one data set.
    learning_rate
        Adam's, at its highest.
    max_length
        Longer series are averaged to so many time steps, in training alone, so that they do not eat the time of the
        others. Cropped, they might lose what their label is about.
    seed
        Decides the first weights and all that is drawn.
    name
        What the card calls the whole of the data sets.
    device
        ``auto`` (a GPU where there is one), ``cpu`` or ``cuda``.
    checkpoint
        File to go on from if it is there, written every `checkpoint_seconds`; it is left to the caller to remove.
    on_update
        Called after each step with the number of steps done and the mean loss of the last round, in which every data
        set had one step. The card's losses are those of the rounds; 1 is that of guessing.

    Raises
    ------
    DataError
        If a data set cannot be trained on, two have the same name, or there are fewer than two.
    UnknownNameError
        If there is no such network or method.
    ModelError
        If the checkpoint is damaged or that of another training.

    Examples
    --------
    >>> from headstart.data import load
    >>> sets = [load(name)[0] for name in ("ItalyPowerDemand", "GunPoint")]
    >>> source = train_universal(sets, n_updates=2)
    >>> source.card.members, source.is_trunk, len(source.card.seen)
    (['ItalyPowerDemand', 'GunPoint'], True, 2)
    """
    datasets = list(datasets)
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if n_updates < 1 or max_length < 1 or not 0 < learning_rate < float("inf"):
        raise DataError("n_updates and max_length must be at least 1, and learning_rate positive")
    seed = checked_seed(seed)
    _check(datasets, method)
    where = find_device(device)
    recipe = _recipe(method, n_updates, learning_rate, max_length)
    trunk = build(network, 1, 1, seed)  # its head is never used
    prepared = [shortened(z_normalise(data), max_length) for data in datasets]
    history = train_jointly(
        trunk.to(where),
        prepared,
        _objective(method, trunk.n_features, prepared, seed),
        n_updates=n_updates,
        seed=seed,
        learning_rate=learning_rate,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        checkpoint_seconds=checkpoint_seconds,
        identity=_identity(datasets, network, recipe, seed),
        on_update=on_update,
    )
    lengths = [length for data in datasets for length in (data.lengths.min(), data.lengths.max())]
    card = Card(
        dataset=name,
        fingerprint=joint_fingerprint(datasets),
        classes=[],
        n_cases=sum(data.n_cases for data in datasets),
        n_channels=1,
        min_length=int(min(lengths)),
        max_length=int(max(lengths)),
        network=network,
        recipe=recipe,
        seed=seed,
        normalise=True,
        losses=[float(f"{loss:.5g}") for loss in history.losses],
        best_epoch=len(history.losses),
        train_seconds=round(history.train_seconds, 3),
        device=where.type,
        versions=versions(),
        seen=[data.fingerprint for data in datasets],
        precision="bfloat16" if has_bfloat16(where) else "float32",
        members=[data.name for data in datasets],
    )
    weights = {key: tensor.cpu() for key, tensor in trunk.state_dict().items() if not key.startswith("head.")}
    return Source(card, weights, signatures=np.concatenate([series_signatures(data) for data in datasets]))


def build_universal(
    archive: str | Path | None,
    out: str | Path,
    names: Sequence[str] | None = None,
    *,
    without: int | None = None,
    network: str = "dilated",
    method: str = "episodes",
    n_updates: int = DEFAULT_UPDATES,
    seed: int = 0,
    device: str = "auto",
    on_update: OnUpdate | None = None,
) -> Source:
    """Train a trunk on the training sets of an archive, round it to half precision, and write it to a file.

    It may be killed at any moment, and the same call goes on, from a checkpoint beside the file that is at most a
    minute old and is removed at the end. A file that is there already, made of the same data in the same way, is kept.

    Parameters
    ----------
    archive
        Folder of data sets, as for `load`.
    out
        The source's file.
    names
        Of data sets; by default all in the archive that can be trained on.
    without
        Number of a group (`groups`) to leave out. Data sets that are in no group are not left out.
    network, method, n_updates, seed, device, on_update
        As in `train_universal`.

    Raises
    ------
    HeadstartError
        If the archive or the file cannot be used, or as in `train_universal`.

    Warns
    -----
    UserWarning
        Of data sets that are left out, because none is named and they cannot be trained on.
    """
    out = expanded(out)
    check_writable(out)
    if without is not None and without not in groups():
        raise UnknownNameError("group", str(without), map(str, groups()))
    wanted = archive_names(archive) if names is None else as_list(names)
    loaded = (
        load(name, archive, with_test=False)[0] for name in wanted if without is None or group_of(name) != without
    )
    datasets = []
    for data in loaded:
        try:
            _check_one(data, method)
        except DataError as error:
            if names is not None:
                raise
            warnings.warn(f"left out: {error}", stacklevel=2)
            continue
        datasets.append(data)
    _check(datasets, method)
    checkpoint = out.with_name(out.name + ".checkpoint")
    if out.exists():
        source = Source.load(out)
        recipe = _recipe(method, n_updates, LEARNING_RATE, MAX_LENGTH)
        if _made_of(source.card) == (joint_fingerprint(datasets), network, recipe, seed):
            checkpoint.unlink(missing_ok=True)  # a kill may have come between the two last steps
            return source
        raise HeadstartError(f"{out} is there already, made of other data or in another way; choose another file")
    whole = train_universal(
        datasets,
        network,
        method,
        n_updates=n_updates,
        seed=seed,
        name="universal" if without is None else f"universal-without-{without}",
        device=device,
        checkpoint=checkpoint,
        on_update=on_update,
    )
    source = whole.halved()
    if all(domain_of(data) for data in datasets):
        source = replace(source, card=replace(source.card, origin=ORIGIN, licence=LICENCE))
    source.save(out)
    checkpoint.unlink(missing_ok=True)
    return source


def joint_fingerprint(datasets: Iterable[Dataset]) -> str:
    """SHA-256 of the fingerprints of several data sets, in their order."""
    return hashlib.sha256("\n".join(data.fingerprint for data in datasets).encode()).hexdigest()


def shortened(data: Dataset, max_length: int) -> Dataset:
    """Average series over time, so that the longest has at most `max_length` steps, all by the same share.

    Examples
    --------
    >>> shortened(Dataset.from_arrays("toy", [[0, 2, 4, 6], [1, 3]]), 2).X.tolist()
    [[[1.0, 5.0]], [[2.0, nan]]]
    """
    longest = data.X.shape[2]
    if longest <= max_length:
        return data
    lengths = np.maximum(1, np.rint(data.lengths * (max_length / longest)).astype(np.int64))
    X = np.full((*data.X.shape[:2], int(lengths.max())), np.nan, np.float32)
    for old in np.unique(data.lengths):
        cases = data.lengths == old
        new = int(lengths[cases][0])
        X[cases, :, :new] = F.adaptive_avg_pool1d(torch.from_numpy(data.X[cases][:, :, :old]), new).numpy()
    return replace(data, X=X, lengths=lengths)


def _check(datasets: list[Dataset], method: str) -> None:
    if len(datasets) < 2:
        raise DataError(f"a universal source needs at least two data sets, got {len(datasets)}")
    for i, data in enumerate(datasets):
        if any(same_name(data.name, other.name) for other in datasets[:i]):
            raise DataError(f"{data.name}: is there twice; name each data set once")
        _check_one(data, method)


def _check_one(data: Dataset, method: str) -> None:
    require_classes(data, "a universal source")
    if data.n_channels != 1:
        raise DataError(
            f"{data.name}: has {data.n_channels} channels, and universal sources are trained on series of one; leave "
            "it out"
        )
    require_variation(data)
    if method == "episodes":
        Episodes().draw(data, 2, np.random.default_rng(0))  # raises where there are too few cases


def _objective(method: str, n_features: int, datasets: list[Dataset], seed: int) -> Objective:
    return Episodes() if method == "episodes" else ManyHeads(n_features, datasets, seed)


def _recipe(method: str, n_updates: int, learning_rate: float, max_length: int) -> dict[str, Any]:
    return {
        "name": f"universal-{method}",
        "method": method,
        "n_updates": n_updates,
        "learning_rate": learning_rate,
        "max_length": max_length,
    }


def _identity(datasets: list[Dataset], network: str, recipe: dict[str, Any], seed: int) -> str:
    """Say all that the weights follow from."""
    return json.dumps([joint_fingerprint(datasets), network, recipe, seed, torch.__version__], sort_keys=True)


def _made_of(card: Card) -> tuple[str, str, dict[str, Any], int]:
    return card.fingerprint, card.network, card.recipe, card.seed
