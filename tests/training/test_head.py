"""The head that sees standardised features."""

import dataclasses

import pytest
import torch
from torch import nn

from headstart.networks import build
from headstart.training import Recipe, class_probabilities, train
from headstart.training.head import StandardisedHead


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(0)
    return 5 + torch.randn((40, 6), generator=generator) * torch.tensor([0.1, 1.0, 2.0, 0.5, 3.0, 0.0])


def test_statistics_are_those_of_all_batches_at_first(features):
    head = StandardisedHead(nn.Linear(6, 3))
    for batch in features.split(4):
        head(batch)
    torch.testing.assert_close(head.mean, features.mean(dim=0))
    torch.testing.assert_close(head.square, features.square().mean(dim=0))


def test_then_they_move_by_a_hundredth(features):
    head = StandardisedHead(nn.Linear(6, 3))
    for _ in range(200):
        head(features)
    head(features + 100)
    torch.testing.assert_close(head.mean, features.mean(dim=0) + 1)


def test_nothing_is_noted_in_evaluation(features):
    head = StandardisedHead(nn.Linear(6, 3))
    head(features)
    before = head.mean.clone()
    head.eval()(features + 1)
    torch.testing.assert_close(head.mean, before, rtol=0, atol=0)


def test_features_are_standardised_and_keep_their_size(features):
    head = StandardisedHead(nn.Linear(6, 6))
    with torch.no_grad():
        head.linear.weight.copy_(torch.eye(6))
        head.linear.bias.zero_()
    head(features)
    seen = head.eval()(features)
    size = features.square().mean().sqrt()
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(seen[:, 1:5].std(dim=0, correction=0), size.expand(4), rtol=1e-2, atol=0)
    assert (seen[:, 5] == 0).all()  # it never varied
    assert seen[:, 0].std() < size  # it hardly did


def test_folded_it_is_the_same(features):
    head = StandardisedHead(nn.Linear(6, 3))
    head(features)
    scores = head.eval()(features)
    head.fold()
    torch.testing.assert_close(head.linear(features), scores, rtol=1e-4, atol=1e-4)


def test_a_trained_network_has_a_plain_head_again(small):
    recipe = Recipe("short", 30, standardise_features=True)
    network = build("fcn", 1, 2, seed=0)
    history = train(network, small, recipe, seed=0)
    assert type(network.head) is nn.Linear
    hits = class_probabilities(network, small).argmax(axis=1) == small.y
    assert hits.mean() > 0.9
    twin = build("fcn", 1, 2, seed=0)
    assert train(twin, small, dataclasses.replace(recipe, standardise_features=False), seed=0).losses != history.losses
