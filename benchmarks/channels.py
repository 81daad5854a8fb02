"""Compare ways to spread the first filters of a source of one channel over the many channels of a target.

    python benchmarks/channels.py

Fine-tunes sources of one channel on few series of two real data sets of 12 and 6 channels that aeon ships, and prints
the mean test accuracy and its standard deviation over draws of the series and seeds. The ways: ``signs``, what
`Network.replace_channels` does; ``copies``, each filter over the number of channels, as in Carreira & Zisserman (CVPR
2017); ``new``, new filters below the source's later layers; and no source at all. About three minutes on one thread.
"""

import argparse

import numpy as np
import pandas as pd
import torch
from torch import nn

from headstart import Dataset, Recipe, Source, load, pretrain
from headstart.networks import Network
from headstart.training import class_probabilities, train

RECIPE = Recipe("short", epochs=100)


def spread(network: Network, n_channels: int, way: str, seed: int) -> None:
    old = [layer.weight.detach().clone() for layer in network.input_convolutions()]
    network.replace_channels(n_channels, seed)
    for layer, weight in zip(network.input_convolutions(), old, strict=True):
        if way == "copies":
            layer.weight = nn.Parameter(weight.repeat(1, n_channels, 1) / n_channels)
        elif way == "new":
            nn.init.xavier_uniform_(layer.weight, generator=torch.Generator().manual_seed(seed))


def accuracy(source: Source | None, way: str, few: Dataset, test: Dataset, seed: int) -> float:
    if source is None:
        trained = pretrain(few, recipe=RECIPE, seed=seed, with_prototypes=False)
        network, prepare = trained.new_network(), trained.prepare
    else:
        network, prepare = source.new_network(), source.prepare
        spread(network, few.n_channels, way, seed)
        network.replace_head(few.n_classes, seed)
        train(network, prepare(few), RECIPE, seed=seed)
    return float((class_probabilities(network, prepare(test)).argmax(axis=1) == test.y).mean())


def draw(train_set: Dataset, n_cases: int, seed: int) -> Dataset:
    random = np.random.default_rng(seed)
    classes = range(train_set.n_classes)
    return train_set.subset(
        np.concatenate([random.permutation(np.flatnonzero(train_set.y == c))[:n_cases] for c in classes])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    torch.set_num_threads(1)
    sources = {
        (name, seed): pretrain(load(name)[0], recipe=RECIPE, seed=seed, with_prototypes=False)
        for name in ("GunPoint", "ItalyPowerDemand")
        for seed in seeds
    }
    rows = []
    for target in ("JapaneseVowels", "BasicMotions"):
        train_set, test_set = load(target)
        assert test_set is not None
        for n_cases in (2, 5):
            for seed in seeds:
                few = draw(train_set, n_cases, seed)
                key = {"target": target, "cases a class": n_cases}
                rows.append(key | {"way": "from scratch", "accuracy": accuracy(None, "", few, test_set, seed)})
                for (_, source_seed), source in sources.items():
                    if source_seed == seed:
                        for way in ("signs", "copies", "new"):
                            rows.append(key | {"way": way, "accuracy": accuracy(source, way, few, test_set, seed)})
    grouped = pd.DataFrame(rows).groupby(["target", "cases a class", "way"])["accuracy"]
    print(grouped.agg(["mean", "std", "size"]).round(3).to_string())


if __name__ == "__main__":
    main()
