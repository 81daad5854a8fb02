"""The training loop: what it repeats, keeps, and refuses."""

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from headstart.data import Dataset
from headstart.errors import DataError, ShapeError
from headstart.networks import build
from headstart.training import Recipe, class_probabilities, train
from headstart.training.batches import Batches
from headstart.training.device import has_bfloat16
from headstart.training.loop import _schedule
from headstart.training.recipe import PAPER

SHORT = Recipe("short", epochs=4)
RUNNING = dataclasses.replace(SHORT, exact_statistics=False)  # what is kept is what there was after an epoch


def weights(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def loss_of(network, data):
    """Cross-entropy over all series, in evaluation mode."""
    x, mask = Batches(data, "cpu")[torch.arange(data.n_cases)]
    with torch.no_grad():
        return float(F.cross_entropy(network.eval()(x, mask), torch.from_numpy(data.y)))


def unequal() -> Dataset:
    random = np.random.default_rng(0)
    series = [random.normal(size=(2, int(length))) for length in random.integers(1, 12, size=18)]
    return Dataset.from_arrays("unequal", series, labels=["a", "b", "c"] * 6)


# Seeds


@pytest.mark.parametrize("recipe", [SHORT, dataclasses.replace(PAPER, epochs=2)], ids=["one-cycle", "plateau"])
def test_seed_decides_the_result(small, recipe):
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(results))  # must not matter
        network = build("fcn", 1, 2, seed=0)
        history = train(network, small, recipe, seed=seed)
        results.append((weights(network), history.losses))
    assert same(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert not same(results[0][0], results[2][0])


def test_random_state_of_the_caller_stays(small):
    before = torch.random.get_rng_state()
    train(build("fcn", 1, 2, seed=0), small, SHORT, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


# What is learnt and kept


def test_learns_and_fills_the_history(small):
    network = build("fcn", 1, 2, seed=0)
    before = loss_of(network, small)
    seen = []
    history = train(network, small, Recipe("short", 30), seed=0, on_epoch=lambda *what: seen.append(what))
    assert loss_of(network, small) < before / 3
    assert seen == list(enumerate(history.losses, 1))
    assert len(history.losses) == len(history.learning_rates) == 30
    assert history.best_loss == min(history.losses) == history.losses[history.best_epoch - 1]
    assert history.train_seconds > 0
    assert not history.interrupted
    assert not network.training


def test_series_of_different_lengths():
    data = unequal()
    network = build("fcn", 2, 3, seed=0)
    history = train(network, data, Recipe("short", 40), seed=0)
    assert history.best_loss < history.losses[0] / 2


def test_keeps_the_weights_of_the_best_training_loss(small):
    """With a far too high learning rate the loss jumps about; the weights are those after its best epoch."""
    wild = Recipe("wild", epochs=8, learning_rate=0.5, schedule="plateau", max_batch_size=5, exact_statistics=False)
    network = build("fcn", 1, 2, seed=0)
    after = []
    history = train(network, small, wild, seed=0, on_epoch=lambda *_: after.append(weights(network)))
    assert 1 < history.best_epoch < 8, "the example must have its best epoch somewhere inside"
    assert history.losses[history.best_epoch - 1] == min(history.losses)
    assert same(weights(network), after[history.best_epoch - 1])


def test_a_single_series_in_a_batch():
    data = Dataset.from_arrays("tiny", [[1.0], [2.0], [-1.0, 1.0]], labels=[0, 1, 1])
    history = train(build("fcn", 1, 2, seed=0), data, dataclasses.replace(PAPER, epochs=2), seed=0)
    assert np.isfinite(history.losses).all()


def test_a_single_value_in_a_batch_of_bfloat16():
    """Torch refuses to take its variance, so it is taken by hand, and in float32."""
    norm = build("fcn", 1, 2, seed=0).train().block1.norm
    with torch.autocast("cpu", torch.bfloat16):
        out = norm(torch.ones(1, 128, 1, dtype=torch.bfloat16))
    assert torch.isfinite(out).all()
    torch.testing.assert_close(norm.running_mean, torch.ones(128))


def test_statistics_of_very_many_batches_are_their_plain_average(small, monkeypatch):
    """A moving average would be that of the last hundred."""
    network = build("fcn", 1, 2, seed=0)
    monkeypatch.setattr(Batches, "most_cases", 1)
    many = small.subset(np.repeat(np.arange(20), 15))
    train(network, many, dataclasses.replace(SHORT, epochs=1), seed=0)
    with torch.no_grad():
        of_each = network.block1.convolution(torch.from_numpy(many.X)).mean(dim=2)
    norm = network.block1.norm
    torch.testing.assert_close(norm.running_mean, of_each.mean(dim=0), rtol=1e-3, atol=1e-4)
    assert norm.momentum == 0.01


def test_every_series_is_used_once_an_epoch(small, monkeypatch):
    used = []
    fetch = Batches.__getitem__
    monkeypatch.setattr(Batches, "__getitem__", lambda self, cases: used.append(cases.tolist()) or fetch(self, cases))
    train(build("fcn", 1, 2, seed=0), small, Recipe("short", 2, max_batch_size=8, exact_statistics=False), seed=0)
    assert [len(batch) for batch in used] == [8, 8, 4] * 2
    first, second = [*used[0], *used[1], *used[2]], [*used[3], *used[4], *used[5]]
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second


def test_statistics_are_those_of_all_series_and_of_the_weights_kept():
    data = unequal()
    network = build("fcn", 2, 3, seed=0)
    train(network, data, dataclasses.replace(SHORT, max_batch_size=4), seed=0)
    with torch.no_grad():
        convolution, norm = network.block1.convolution, network.block1.norm
        alone = [convolution(torch.from_numpy(data.series(i))[None])[0] for i in range(data.n_cases)]  # (128, length)
    values = torch.cat(alone, dim=1).double()
    torch.testing.assert_close(norm.running_mean.double(), values.mean(dim=1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var.double(), values.var(dim=1), rtol=1e-4, atol=1e-5)
    assert not network.training


# Learning rate


def keras_plateau(losses, recipe):
    """`ReduceLROnPlateau` of Keras with monitor="loss", factor=0.5: the rates with which the epochs are trained."""
    rate, best, wait, rates = recipe.learning_rate, float("inf"), 0, []
    for loss in losses:
        rates.append(rate)
        if loss < best - 1e-4:  # min_delta
            best, wait = loss, 0
        else:
            wait += 1
            if wait >= recipe.patience_epochs and rate > recipe.min_learning_rate:
                rate, wait = max(rate * 0.5, recipe.min_learning_rate), 0
    return rates


@pytest.mark.parametrize("patience", [1, 2, 3, 50])
@pytest.mark.parametrize("kind", ["flat", "random", "slowly down", "steps"])
def test_plateau_is_that_of_keras(kind, patience):
    n_epochs = 300
    random = np.random.default_rng(patience)
    losses = {
        "flat": np.ones(n_epochs),
        "random": random.uniform(size=n_epochs),
        "slowly down": 1 - 5e-5 * np.arange(n_epochs),  # below Keras' min_delta from one epoch to the next
        "steps": np.repeat(np.linspace(1, 0, 30), 10),
    }[kind]
    recipe = dataclasses.replace(PAPER, patience_epochs=patience)
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=recipe.learning_rate)
    _, end_epoch = _schedule(optimizer, recipe, n_updates=3 * n_epochs)
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        end_epoch(float(loss))
    np.testing.assert_allclose(rates, keras_plateau(losses, recipe), rtol=1e-12)
    if kind == "flat":
        assert rates[0] == 1e-3
        assert min(rates) == 1e-4


def test_one_cycle_goes_up_and_down_to_nothing(small):
    history = train(build("fcn", 1, 2, seed=0), small, Recipe("short", 20, learning_rate=0.01), seed=0)
    rates = history.learning_rates
    top = int(np.argmax(rates))
    assert rates[top] == pytest.approx(0.01, rel=0.02)
    assert top == pytest.approx(0.3 * 20, abs=1)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[0] < 0.001
    assert rates[-1] < 0.0005


def test_updates_are_limited(small):
    recipe = Recipe("short", epochs=20, max_updates=5 * math.ceil(small.n_cases / 16) + 1)
    history = train(build("fcn", 1, 2, seed=0), small, recipe, seed=0)
    assert len(history.losses) == 5
    assert history.learning_rates[-1] < 0.3e-3  # the schedule ends with the training


@pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="this processor has no bfloat16 instructions")
def test_bfloat16_trains_alike_and_leaves_float32(small):
    networks = {}
    for bfloat16 in (False, True):
        networks[bfloat16] = build("fcn", 1, 2, seed=0)
        history = train(networks[bfloat16], small, Recipe("short", 20, bfloat16=bfloat16), seed=0)
        assert history.best_loss < 0.4
    assert all(weight.dtype == torch.float32 for weight in networks[True].state_dict().values())
    exact, rounded = (class_probabilities(networks[bfloat16], small) for bfloat16 in (False, True))
    assert 0 < np.abs(exact - rounded).max() < 0.2


def test_a_torch_that_does_not_say_what_the_processor_can(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)  # as before torch 2.11
    assert not has_bfloat16(torch.device("cpu"))


def test_without_bfloat16_instructions_everything_is_float32(small, monkeypatch):
    monkeypatch.setattr("headstart.training.loop.has_bfloat16", lambda device: False)
    networks = [build("fcn", 1, 2, seed=0) for _ in range(2)]
    for network, bfloat16 in zip(networks, (False, True), strict=True):
        train(network, small, Recipe("short", 2, bfloat16=bfloat16), seed=0)
    for ours, theirs in zip(*(network.state_dict().values() for network in networks), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


# Interrupts


def interrupt_at(epoch):
    def on_epoch(done, loss):
        if done == epoch:
            raise KeyboardInterrupt

    return on_epoch


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_interrupt_keeps_the_best_so_far(small, epoch):
    network, whole = build("fcn", 1, 2, seed=0), build("fcn", 1, 2, seed=0)
    after = []
    train(whole, small, RUNNING, seed=0, on_epoch=lambda *_: after.append(weights(whole)))
    history = train(network, small, RUNNING, seed=0, on_epoch=interrupt_at(epoch))
    assert history.interrupted
    assert len(history.losses) == len(history.learning_rates) == epoch
    assert history.best_loss == min(history.losses)
    assert same(weights(network), after[history.best_epoch - 1])
    assert not network.training


class _InterruptAtStep:
    """Raise KeyboardInterrupt in the n-th forward pass."""

    def __init__(self, network, n):
        self.left = n
        network.block1.register_forward_pre_hook(self)

    def __call__(self, module, arguments):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_interrupt_within_an_epoch_discards_that_epoch(small):
    recipe = dataclasses.replace(RUNNING, max_batch_size=5)  # 4 steps an epoch
    network, whole = build("fcn", 1, 2, seed=0), build("fcn", 1, 2, seed=0)
    _InterruptAtStep(network, 4 + 3)
    history = train(network, small, recipe, seed=0)
    after = []
    train(whole, small, recipe, seed=0, on_epoch=lambda *_: after.append(weights(whole)))
    assert history.interrupted
    assert len(history.losses) == 1
    assert same(weights(network), after[0])


def test_interrupt_in_the_first_epoch_goes_on_up(small):
    network = build("fcn", 1, 2, seed=0)
    _InterruptAtStep(network, 2)
    with pytest.raises(KeyboardInterrupt):
        train(network, small, Recipe("short", 4, max_batch_size=5), seed=0)


def test_interrupt_while_weights_are_kept(small, monkeypatch):
    """The kept weights are those of one epoch, never half of one and half of another."""
    network, whole = build("fcn", 1, 2, seed=0), build("fcn", 1, 2, seed=0)
    after = []
    train(whole, small, RUNNING, seed=0, on_epoch=lambda *_: after.append(weights(whole)))
    calls = 0
    copy = torch.Tensor.copy_
    clone = torch.Tensor.clone

    def interrupted(method):
        def call(self, *arguments, **keywords):
            nonlocal calls
            if self.shape == (256,) and not self.requires_grad:
                calls += 1
                if calls == 8:
                    raise KeyboardInterrupt
            return method(self, *arguments, **keywords)

        return call

    monkeypatch.setattr(torch.Tensor, "copy_", interrupted(copy))
    monkeypatch.setattr(torch.Tensor, "clone", interrupted(clone))
    history = train(network, small, RUNNING, seed=0)
    monkeypatch.undo()
    assert history.interrupted
    assert same(weights(network), after[history.best_epoch - 1])


# What is refused


def test_data_without_labels(small):
    data = Dataset.from_arrays("bare", small.X)
    with pytest.raises(DataError, match="bare: training needs a label"):
        train(build("fcn", 1, 2, seed=0), data, SHORT, seed=0)


def test_one_class(small):
    data = Dataset.from_arrays("lonely", small.X, labels=["a"] * 20)
    with pytest.raises(DataError, match=r"lonely: there is only one class \(a\) in all 20 cases"):
        train(build("fcn", 1, 1, seed=0), data, SHORT, seed=0)


def test_cases_of_one_class_only(small):
    alone = small.subset(np.flatnonzero(small.y == 0))
    with pytest.raises(DataError, match="there is only one class"):
        train(build("fcn", 1, 2, seed=0), alone, SHORT, seed=0)


@pytest.mark.parametrize(("n_channels", "n_classes"), [(2, 2), (1, 3)])
def test_network_that_does_not_fit(small, n_channels, n_classes):
    with pytest.raises(ShapeError, match="has 1 channels and 2 classes, the network"):
        train(build("fcn", n_channels, n_classes, seed=0), small, SHORT, seed=0)


def test_loss_that_is_not_finite(small):
    hot = Recipe("hot", 3, learning_rate=1e38, schedule="plateau", max_batch_size=5)
    with pytest.raises(DataError, match="no longer a finite number in epoch 1; lower the learning rate, or normalise"):
        train(build("fcn", 1, 2, seed=0), small, hot, seed=0)


@pytest.mark.parametrize(("length", "expected"), [(60, 1), (600, 2)])
def test_small_batches_are_trained_by_one_thread(length, expected):
    data = Dataset.from_arrays("noise", np.random.default_rng(0).normal(size=(32, 1, length)), np.arange(32) % 2)
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        recipe = Recipe(name="short", epochs=1)
        network = build("fcn", 1, 2, seed=0)
        train(network, data, recipe, seed=0, on_epoch=lambda *_: seen.append(torch.get_num_threads()))
        assert (seen, torch.get_num_threads()) == ([expected], 2)
    finally:
        torch.set_num_threads(before)
