"""A zoo from an archive: a source for each of its training sets, in one folder.

Each source is trained on the training part alone, rounded to half precision, and then scored on the test part, which
decides nothing. The cheap ones come first. Every file appears whole or not at all, so a build may be killed at any
moment, and the same call goes on; builds that share a folder may do the same work twice, and no more harm than that.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from headstart.arguments import as_list, checked_workers
from headstart.data import archive_names, find, load
from headstart.data.dataset import Dataset
from headstart.data.preprocessing import require_variation
from headstart.errors import HeadstartError, ModelError, UnknownNameError
from headstart.files import expanded
from headstart.networks import NETWORKS
from headstart.training.device import find_device
from headstart.training.recipe import Recipe, get_recipe
from headstart.zoo.card import Card
from headstart.zoo.pretraining import pretrain
from headstart.zoo.source import Source
from headstart.zoo.ucr import LICENCE, ORIGIN, domain_of

_STEP_VALUES = 100
"""Values of series whose training takes as long as what a step of the optimiser takes beside them."""


@dataclass(frozen=True)
class Job:
    """One source to be made.

    Attributes
    ----------
    name
        The data set's, and the file's.
    fingerprint
        Of its training part.
    cost
        Proportional to the time of training.
    """

    name: str
    fingerprint: str
    cost: int


Result = tuple[Job, Card | None, str | None]
"""A job, its source's card if it was made now, and what went wrong."""


@dataclass
class Progress:
    """How far a build is.

    Attributes
    ----------
    n_jobs, n_settled
        Sources in all, and those that were made, kept or failed.
    failures
        What went wrong, by the data set's name.
    seconds_left
        For the rest; None as long as nothing tells it.
    """

    n_jobs: int
    n_settled: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    seconds_left: float | None = None


OnSettled = Callable[[str, Card | None, Progress], None]
"""Called after each source with its name, its card if it was made now, and how far the build is."""


@dataclass(frozen=True)
class _Settings:
    """What all jobs of a build share."""

    archive: str | None
    out: Path
    network: str
    recipe: Recipe
    seed: int
    device: str


def build_zoo(
    archive: str | Path | None,
    out: str | Path,
    names: Iterable[str] | None = None,
    *,
    network: str = "fcn",
    recipe: str | Recipe = "default",
    seed: int = 0,
    workers: int = 0,
    device: str = "auto",
    on_settled: OnSettled | None = None,
) -> Progress:
    """Train a source on each data set of an archive and leave them in a folder as NAME.safetensors.

    A file of the folder that is whole and whose card agrees (same data, network, recipe and seed) is kept; another of
    the same name is replaced.

    Parameters
    ----------
    archive
        Folder of data sets, as for `load`.
    out
        The zoo's folder, made if it is missing.
    names
        Of data sets; by default all in the archive.
    network, recipe, seed, device
        As in `pretrain`.
    workers
        Processes, of one thread each; 0: in this process. The weights are the same with any number, and with 0 if this
        process has one thread.
    on_settled
        To show progress.

    Returns
    -------
    Progress
        At the end; a data set that cannot be trained on is among its failures, and the others are made all the same.

    Raises
    ------
    HeadstartError
        If the archive, a network, a recipe or the folder cannot be used, or a worker process died.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as zoo:
    ...     made = build_zoo(None, zoo, ["ItalyPowerDemand"], recipe=Recipe("short", epochs=2))
    ...     card = Source.load(f"{zoo}/ItalyPowerDemand.safetensors").card
    >>> made.failures, card.domain
    ({}, 'Sensor')
    """
    find_device(device)
    workers = checked_workers(workers)
    if network not in NETWORKS:
        raise UnknownNameError("network", network, NETWORKS)
    out = expanded(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HeadstartError(f"cannot make {out}: {(error.strerror or str(error)).lower()}") from None
    settings = _Settings(None if archive is None else str(archive), out, network, get_recipe(recipe), seed, device)
    paths = [find(name, archive) for name in (archive_names(archive) if names is None else as_list(names))]
    unique = dict.fromkeys(path.stem if path.is_file() else path.name for path in paths)
    progress = Progress(len(unique))

    def settle(name: str, card: Card | None = None, failure: str | None = None) -> None:
        progress.n_settled += 1
        if failure:
            progress.failures[name] = failure
        if on_settled:
            on_settled(name, card, progress)

    jobs = []
    for name in unique:
        try:
            job = _plan(name, settings)
        except HeadstartError as error:
            settle(name, failure=str(error))
            continue
        if _is_finished(job, settings):
            settle(name)
        else:
            jobs.append(job)
    jobs.sort(key=lambda job: job.cost)
    start, cost_done, cost_left = time.monotonic(), 0, sum(job.cost for job in jobs)
    with closing(_perform(jobs, settings, workers)) as results:
        for job, card, failure in results:
            cost_done, cost_left = cost_done + job.cost, cost_left - job.cost
            progress.seconds_left = (time.monotonic() - start) / cost_done * cost_left
            settle(job.name, card, failure)
    return progress


def _plan(name: str, settings: _Settings) -> Job:
    train, _ = load(name, settings.archive)
    require_variation(train)
    recipe = settings.recipe
    n_values = recipe.n_epochs(train.n_cases) * train.n_cases * train.n_channels * int(train.lengths.max())
    return Job(name, train.fingerprint, n_values + _STEP_VALUES * recipe.n_updates(train.n_cases))


def _is_finished(job: Job, settings: _Settings) -> bool:
    """Whether the folder has a whole source that was made from the same data in the same way."""
    try:
        source = Source.load(settings.out / f"{job.name}.safetensors")
    except ModelError:
        return False
    card = source.card
    if card.interrupted or card.started_from is not None or not card.normalise or card.balanced:
        return False
    if source.prototypes is None:
        return False
    found = (card.fingerprint, card.network, card.recipe, card.seed)
    return found == (job.fingerprint, settings.network, settings.recipe.to_dict(), settings.seed)


def _perform(jobs: list[Job], settings: _Settings, workers: int) -> Generator[Result, None, None]:
    """Do jobs, the first ones first, and yield what becomes of each as it ends."""
    if workers == 0 or not jobs:
        yield from (_make(job, settings) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")  # a forked torch may hang in its threads
    theirs, ours = context.Pipe(duplex=False)
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _begin, (theirs,)) as pool:
        try:
            for future in as_completed([pool.submit(_make, job, settings) for job in jobs]):
                yield future.result()
        except BrokenProcessPool:
            raise HeadstartError(
                "a worker process died (it was killed, or memory ran out); what is finished is kept, and the same "
                "command goes on, perhaps with fewer workers"
            ) from None
        finally:
            ours.close()


def _begin(pipe: Connection) -> None:
    """Prepare a worker process, which ends when the other end of its pipe is closed, by whatever cause."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes; the first one sees to this one's end
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    torch.set_num_threads(1)


def _end_with(pipe: Connection) -> None:
    with suppress(EOFError, OSError):
        pipe.recv()
    os._exit(1)


def _make(job: Job, settings: _Settings) -> Result:
    """Make a source and write its file; return its card, None if another build has made it, or what went wrong."""
    if _is_finished(job, settings):
        return job, None, None
    try:
        train, test = load(job.name, settings.archive)
        source = _trained(train, test, settings)
        source.save(settings.out / f"{job.name}.safetensors")
    except (HeadstartError, MemoryError, RuntimeError) as error:  # torch raises the last when memory runs out
        return job, None, str(error) or type(error).__name__
    return job, source.card, None


def _trained(train: Dataset, test: Dataset | None, settings: _Settings) -> Source:
    whole = pretrain(train, settings.network, settings.recipe, seed=settings.seed, device=settings.device, n_jobs=1)
    if whole.card.interrupted:
        raise KeyboardInterrupt  # half a training is no source for a zoo
    source, card = whole.halved(), whole.card
    if test is not None:
        accuracy, accuracy_in_float32 = (_accuracy(one, test, settings.device) for one in (source, whole))
        card = replace(card, test_accuracy=accuracy, test_accuracy_in_float32=accuracy_in_float32)
    if domain := domain_of(train):
        card = replace(card, domain=domain, origin=ORIGIN, licence=LICENCE)
    return replace(source, card=card)


def _accuracy(source: Source, test: Dataset, device: str) -> float:
    is_right = source.class_probabilities(test, device).argmax(axis=1) == test.y
    return round(float(is_right.mean()), 6)
