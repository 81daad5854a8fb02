"""The trees of QUANT, against scikit-learn's own predictions."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from headstart.choice.forest import N_TREES, fit_forest
from headstart.errors import DataError


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    return (y[:, None] + rng.normal(size=(30, 12))).astype(np.float32), y


def log_shares(X, y, new, weights=None):
    """Logarithms of the votes by scikit-learn, one more tree undecided."""
    trees = ExtraTreesClassifier(N_TREES, criterion="entropy", max_features=0.1, random_state=3)
    shares = trees.fit(X, y, weights).predict_proba(new)
    return np.log((N_TREES * shares + 1 / 3) / (N_TREES + 1))


@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 1.5, 30)], ids=["alike", "weighted"])
def test_votes_are_scikit_learns(data, weights):
    X, y = data
    folds = [np.arange(0, 6), np.arange(20, 30)]
    head, held_out = fit_forest(X, y, 3, folds, weights=weights, seed=3)
    new = np.random.default_rng(1).normal(1, 1, size=(50, 12)).astype(np.float32)
    np.testing.assert_allclose(head.scores(new), log_shares(X, y, new, weights), rtol=1e-5)
    for fold in folds:
        rest = np.setdiff1d(np.arange(30), fold)
        expected = log_shares(X[rest], y[rest], X[fold], None if weights is None else weights[rest])
        np.testing.assert_allclose(held_out[fold], expected, rtol=1e-5)
    assert np.isnan(held_out[6:20]).all()


def test_a_value_on_the_threshold_goes_left():
    head, _ = fit_forest(np.array([[0.0], [1.0]], np.float32), np.array([0, 1]), 2)
    root = head.roots[0]
    tree = replace(head, roots=head.roots[:1], thresholds=np.where(head.thresholds > 0, 0.5, head.thresholds))
    assert head.children[root].tolist() == [1, 2]
    assert tree.scores(np.array([[0.5], [0.6]])).argmax(axis=1).tolist() == [0, 1]


def test_equal_series_leave_a_tree_without_a_split():
    head, held_out = fit_forest(np.zeros((4, 3), np.float32), np.array([0, 1, 0, 1]), 2, [np.array([0, 1])])
    np.testing.assert_allclose(head.scores(np.ones((2, 3))), np.log(0.5))
    np.testing.assert_allclose(held_out[:2], np.log(0.5))


def test_features_that_are_not_finite_are_refused(data):
    X, y = data
    X[3, 4] = np.inf
    with pytest.raises(DataError, match="not finite"):
        fit_forest(X, y, 3)


def test_more_classes_than_half_the_cases_are_nothing_to_warn_of(recwarn):
    fit_forest(np.random.default_rng(0).normal(size=(24, 5)).astype(np.float32), np.arange(24) % 15, 15)
    assert not recwarn.list
