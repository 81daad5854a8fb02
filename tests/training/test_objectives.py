"""What trunks of many data sets are trained for."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from headstart.data import Dataset
from headstart.errors import DataError
from headstart.training.objectives import Episodes, ManyHeads, ridge_scores, standardised


def labelled(counts, name="toy"):
    labels = np.repeat(np.arange(len(counts)), counts)
    return Dataset.from_arrays(name, np.random.default_rng(0).normal(size=(len(labels), 6)), labels)


def test_the_closed_form_is_sklearns():
    rng = np.random.default_rng(0)
    z, queries = rng.normal(size=(7, 20)), rng.normal(size=(5, 20))
    z -= z.mean(axis=0)
    targets = np.eye(3)[[0, 0, 1, 1, 2, 2, 2]]
    ours = ridge_scores(*map(torch.from_numpy, (z, targets, queries)), torch.tensor(0.3).double())
    np.testing.assert_allclose(ours, Ridge(alpha=np.float32(0.3)).fit(z, targets).predict(queries), rtol=1e-9)


def test_the_loss_reaches_features_of_both_kinds_and_the_strength():
    objective = Episodes()
    y = torch.tensor([0, 0, 1, 1, 0, 1])
    features = torch.randn(6, 9, generator=torch.Generator().manual_seed(0)).requires_grad_()
    objective(0, features, y, 4).backward()
    assert (features.grad.abs().sum(dim=1) > 0).all()
    assert all(parameter.grad.abs() > 0 for parameter in objective.parameters())


def test_features_that_tell_classes_apart_have_a_small_loss_and_others_that_of_guessing():
    objective, y = Episodes(), torch.arange(4).repeat_interleave(3).repeat(2)
    noise = torch.randn(24, 50, generator=torch.Generator().manual_seed(0))
    told_apart = torch.nn.functional.one_hot(y).float() @ torch.randn(4, 50) * 10 + noise
    assert objective(0, told_apart, y, 12).item() < 0.5
    assert objective(0, torch.ones(24, 50), y, 12).item() == pytest.approx(1.0)


@pytest.mark.parametrize("counts", [[2, 2], [1, 2, 40], [30] * 12, [2, 100]])
def test_an_episode_holds_back_cases_of_every_class(counts):
    data = labelled(counts)
    for seed in range(20):
        draw = Episodes().draw(data, 32, np.random.default_rng(seed))
        assert len(np.unique(draw.cases)) == len(draw.cases) == len(draw.y) <= max(32, 2 * len(counts))
        learnt, held_back = draw.y[: draw.n_support], draw.y[draw.n_support :]
        n_classes = min(Episodes.max_classes, sum(count >= 2 for count in counts))
        assert set(learnt) == set(held_back) == set(range(n_classes))
        assert max(np.bincount(learnt)) <= Episodes.shots[1]
        # Codes are one to one with the data set's classes.
        assert len({*zip(draw.y.tolist(), data.y[draw.cases].tolist(), strict=True)}) == n_classes


def test_an_episode_needs_two_classes_of_two_cases():
    with pytest.raises(DataError, match="toy: episodes need two classes of at least two cases each; leave it out"):
        Episodes().draw(labelled([1, 1, 9]), 32, np.random.default_rng(0))


def test_each_data_set_has_its_own_head():
    datasets = [labelled([4, 4]), labelled([3, 3, 3])]
    objective = ManyHeads(5, datasets, seed=1)
    assert [tuple(head.weight.shape) for head in objective.heads] == [(2, 5), (3, 5)]
    draw = objective.draw(datasets[1], 6, np.random.default_rng(0))
    assert (draw.y == datasets[1].y[draw.cases]).all()
    loss = objective(1, torch.randn(6, 5), torch.from_numpy(draw.y), draw.n_support)
    loss.backward()
    assert objective.heads[0].weight.grad is None
    assert objective.heads[1].weight.grad.abs().sum() > 0
    assert objective(1, torch.ones(6, 5), torch.from_numpy(draw.y), 0).item() == pytest.approx(1.0)


def test_heads_follow_from_the_seed_alone():
    datasets = [labelled([4, 4])]
    before = torch.random.get_rng_state()
    weights = [ManyHeads(5, datasets, seed).heads[0].weight for seed in (0, 0, 1)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert [torch.equal(a, b) for a, b in pairwise(weights)] == [True, False]


def test_what_hardly_varies_is_not_blown_up():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(100, 3, generator=generator) * torch.tensor([1.0, 5.0, 1e-4]) + 7
    z = standardised(features, features)
    assert z.mean(dim=0).abs().max() < 1e-5
    spread = z.std(dim=0)
    assert math.isclose(spread[1], 1, abs_tol=0.05)
    assert spread[2] < 0.01
