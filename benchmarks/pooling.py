"""Which statistics over time make good features: ridge regression on an untrained network, on the tuning sets.

    python benchmarks/pooling.py --archive UCR

prints the mean test accuracy for the mean of what is positive, the maximum, and the share of time steps that are
positive, of all layers of the network `dilated`, alone and together. It pools as it does because of this; on data sets
that are reported, nothing was chosen.
"""

import argparse
import os

import numpy as np
import torch
from archive_lists import SMALL_TUNING
from markdown import print_table
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from headstart.data import Dataset, load, z_normalise
from headstart.networks import Network, build
from headstart.networks.dilated import SeriesNorm

SETS = {
    "mean": [0],
    "maximum": [1],
    "share": [2],
    "mean, maximum": [0, 1],
    "mean, share": [0, 2],
    "mean, maximum, share": [0, 1, 2],
}


def pooled(network: Network, data: Dataset) -> np.ndarray:
    """Return the statistics of all layers, (n_cases, n_filters, 3), of series of equal length."""
    statistics: list[torch.Tensor] = []

    def note(module: nn.Module, inputs: object, h: torch.Tensor) -> None:
        values = [h.relu().mean(dim=2), h.amax(dim=2).relu(), (h > 0).float().mean(dim=2)]
        statistics.append(torch.stack(values, dim=2))

    hooks = [module.register_forward_hook(note) for module in network.modules() if isinstance(module, SeriesNorm)]
    parts = []
    with torch.inference_mode():
        for x in torch.from_numpy(z_normalise(data).X).split(256):
            statistics.clear()
            network.features(x)
            parts.append(torch.cat(statistics, dim=1))
    for hook in hooks:
        hook.remove()
    return torch.cat(parts).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archive", default=os.environ.get("HEADSTART_ARCHIVE"), help="folder of the UCR archive")
    parser.add_argument("--datasets", nargs="+", default=SMALL_TUNING)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    network = build("dilated", 1, 1, seed=0).eval()
    accuracies: dict[str, list[float]] = {name: [] for name in SETS}
    for dataset in arguments.datasets:
        train, test = load(dataset, arguments.archive)
        assert test is not None
        X, X_test = pooled(network, train), pooled(network, test)
        for name, wanted in SETS.items():
            model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-3, 3, 10)))
            model.fit(X[:, :, wanted].reshape(len(X), -1), train.y)
            predicted = model.predict(X_test[:, :, wanted].reshape(len(X_test), -1))
            accuracies[name].append(float((predicted == test.y).mean()))
    print(f"Mean accuracy on {len(arguments.datasets)} data sets:")
    print_table(["statistics", "accuracy"], ([name, f"{np.mean(values):.3f}"] for name, values in accuracies.items()))


if __name__ == "__main__":
    main()
