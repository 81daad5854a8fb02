"""One trunk on many data sets: evenly, reproducibly, and over interruptions."""

import itertools

import numpy as np
import pytest
import torch

from headstart.data import Dataset, z_normalise
from headstart.errors import DataError, ModelError
from headstart.networks import build
from headstart.training.joint import _member, batch_size, one_cycle, train_jointly
from headstart.training.objectives import Episodes, ManyHeads


@pytest.fixture(scope="module")
def datasets():
    """Two kinds of shapes among noise, and one set of series of unequal length."""
    rng = np.random.default_rng(0)
    sets = []
    for i, length in enumerate((20, 30, 25)):
        y = np.arange(16) % 2
        X = rng.normal(size=(16, length)) + 2 * np.sin(np.arange(length) * (0.3 + y[:, None]))
        series = [x[: length - j % 3] for j, x in enumerate(X)] if i == 2 else X
        sets.append(z_normalise(Dataset.from_arrays(f"set{i}", series, y)))
    return sets


def train(datasets, method="episodes", network="dilated", seed=0, n_updates=7, **options):
    trunk = build(network, 1, 1, seed)
    objective = Episodes() if method == "episodes" else ManyHeads(trunk.n_features, datasets, seed)
    history = train_jointly(trunk, datasets, objective, n_updates=n_updates, seed=seed, **options)
    return trunk, history


def weights_of(trunk):
    return {name: tensor for name, tensor in trunk.state_dict().items() if not name.startswith("head.")}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


class Killed(BaseException):
    """As a kill: nothing in the library catches it."""


@pytest.mark.parametrize(("method", "network"), [("episodes", "dilated"), ("heads", "fcn")])
def test_a_killed_training_goes_on_to_the_same_weights(datasets, tmp_path, method, network):
    whole, history = train(datasets, method, network)
    path = tmp_path / "checkpoint"
    options = {"checkpoint": path, "checkpoint_seconds": 0.0, "identity": "mine"}

    for n_steps in (3, 2):  # the last of them is lost, for the checkpoint is written after `on_update`
        steps = itertools.count(1)

        def kill(n_updates, loss, steps=steps, n_steps=n_steps):
            if next(steps) == n_steps:
                raise Killed

        with pytest.raises(Killed):
            train(datasets, method, network, on_update=kill, **options)

    done = []
    resumed, history_resumed = train(datasets, method, network, on_update=lambda n, _: done.append(n), **options)
    assert done == [4, 5, 6, 7]
    assert same(weights_of(whole), weights_of(resumed))
    assert history_resumed.losses == history.losses
    assert len(history.losses) == 7 // 3
    assert not list(tmp_path.glob(".checkpoint*"))


def test_seed(datasets):
    first, again, other = (weights_of(train(datasets, n_updates=3, seed=seed)[0]) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("method", ["episodes", "heads"])
def test_it_learns(datasets, method):
    _, history = train(datasets, method, n_updates=60, learning_rate=3e-3)
    assert np.mean(history.losses[-3:]) < 0.5 * np.mean(history.losses[:3])


def test_every_data_set_has_a_turn_in_each_round():
    turns = [_member(update, 5, seed=0) for update in range(20)]
    rounds = [turns[i : i + 5] for i in range(0, 20, 5)]
    assert all(sorted(one) == list(range(5)) for one in rounds)
    assert rounds[0] != rounds[1]


def test_batches_of_long_series_are_smaller():
    def of(length):
        return batch_size(Dataset.from_arrays("a", np.random.default_rng(0).normal(size=(2, length))))

    assert (of(10), of(512), of(5000)) == (64, 32, 16)


def test_the_schedule_is_torchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    n = 41
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=n, pct_start=13 / n)
    ours, theirs = [], []
    for update in range(n):
        ours.append(one_cycle(update, n, 0.1))
        theirs.append(cycle.get_last_lr()[0])
        if update < n - 1:
            optimizer.step()
            cycle.step()
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert max(ours) == pytest.approx(0.1)


def test_batch_statistics_are_the_average_over_data_sets(datasets):
    trunk, _ = train(datasets, "heads", "fcn", n_updates=4)
    responses = []
    with torch.no_grad():
        for data in datasets:
            for x in [torch.from_numpy(data.series(i))[None] for i in range(data.n_cases)]:
                responses.append(trunk.block1.convolution(x)[0])
    means = [torch.cat(responses[i : i + 16], dim=1).mean(dim=1) for i in (0, 16, 32)]
    torch.testing.assert_close(trunk.block1.norm.running_mean, torch.stack(means).mean(dim=0), rtol=1e-4, atol=1e-5)
    assert trunk.block1.norm.momentum == 0.01
    assert not trunk.training


def test_the_head_is_left_alone(datasets):
    trunk, _ = train(datasets, n_updates=2)
    assert torch.equal(trunk.head.weight, build("dilated", 1, 1, 0).head.weight)


def test_a_checkpoint_of_another_training_is_refused(datasets, tmp_path):
    path = tmp_path / "checkpoint"
    train(datasets, n_updates=2, checkpoint=path, checkpoint_seconds=0.0, identity="one")
    with pytest.raises(ModelError, match="is the checkpoint of a training on other data or with other settings"):
        train(datasets, n_updates=2, checkpoint=path, identity="other")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="is no whole checkpoint"):
        train(datasets, n_updates=2, checkpoint=path, identity="one")


def test_a_loss_that_is_not_finite_is_named(datasets):
    with pytest.raises(DataError, match=r"set\d: the training loss is no longer a finite number in step \d"):
        train(datasets, n_updates=5, learning_rate=1e30)
