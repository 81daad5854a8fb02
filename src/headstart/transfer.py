"""Fine-tuning: what a source has learnt, carried over to new data.

Ismail Fawaz et al. (IEEE Big Data 2018), section III-B: the last layer of the source's network is replaced by a new one
for the target's classes, and then *all* layers are trained on the target.
"""

from pathlib import Path

from headstart.data.dataset import Dataset, checked_dataset
from headstart.training.loop import OnEpoch
from headstart.training.recipe import Recipe, get_recipe
from headstart.zoo.names import find
from headstart.zoo.pretraining import train_source
from headstart.zoo.source import Source


def fine_tune(
    source: Source | str | Path,
    data: Dataset,
    recipe: str | Recipe = "default",
    *,
    seed: int = 0,
    balanced: bool = False,
    device: str = "auto",
    on_epoch: OnEpoch | None = None,
) -> Source:
    """Start from a source, replace its head, train all layers, and return the result, itself a source again.

    Parameters
    ----------
    source
        Where to start, or its name, path or address, as for `headstart.zoo.find`; it stays as it is.
    data
        Labelled training series of the target, as they are: they are normalised as the source's were. Their length,
        classes and number of channels may differ from the source's; filters of one channel are spread over many as
        `Network.replace_channels` says.
    recipe, seed, balanced, device, on_epoch
        As in `pretrain`; the seed decides the new head's weights, how filters are spread over more channels, and the
        order of the series.

    Raises
    ------
    DataError
        If the data cannot be trained on, or are no `Dataset`; the message says why.
    UnknownNameError
        If there is no source of that name.
    ModelError
        If the source cannot be read.

    Examples
    --------
    >>> from headstart.data import load
    >>> from headstart.zoo import pretrain
    >>> short = Recipe(name="short", epochs=2)
    >>> source = pretrain(load("ItalyPowerDemand")[0], recipe=short)
    >>> tuned = fine_tune(source, load("GunPoint")[0], recipe=short)
    >>> tuned.card.dataset, tuned.card.started_from, len(tuned.card.seen)
    ('GunPoint', 'ItalyPowerDemand', 2)
    """
    data = checked_dataset(data)
    source = source if isinstance(source, Source) else find(source)
    seed = int(seed)  # may come out of a numpy array, which torch does not take
    network = source.new_network()
    network.replace_channels(data.n_channels, seed)
    network.replace_head(max(data.n_classes, 1), seed)
    return train_source(
        network,
        data,
        network_name=source.card.network,
        recipe=get_recipe(recipe),
        seed=seed,
        balanced=balanced,
        normalise=source.card.normalise,
        device=device,
        parent=source,
        on_epoch=on_epoch,
    )
