"""The ridge head: against scikit-learn's, and held-out scores against fits without the held-out cases."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeClassifierCV

from headstart.choice.candidate import stratified_folds
from headstart.choice.ridge import STRENGTHS, fit_ridge


def blobs(n: int, n_features: int, n_classes: int, spread: float = 2.0, seed: int = 0):
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % n_classes)
    centres = random.normal(size=(n_classes, n_features))
    return 5 + random.uniform(1, 4, n_features) * (centres[y] + spread * random.normal(size=(n, n_features))), y


SHAPES = [(20, 50, 2), (21, 7, 3), (40, 40, 4)]


def scaled(X, like):
    """Features as the head scales them: centred, by variances that four cases of the mean variance have a part in."""
    n, variance = len(like), like.var(axis=0)
    moderated = (n * variance + 4 * variance.mean()) / (n + 4)
    Z = (like - like.mean(axis=0)) / np.sqrt(moderated)
    return (X - like.mean(axis=0)) / np.sqrt(moderated) / np.sqrt(np.square(Z).mean())


def strength_of(X, y):
    """The one that scikit-learn takes."""
    return RidgeClassifierCV(STRENGTHS).fit(scaled(X, X), y).alpha_


@pytest.mark.parametrize(("n", "n_features", "n_classes"), SHAPES)
def test_agrees_with_scikit_learn(n, n_features, n_classes):
    X, y = blobs(n, n_features, n_classes)
    new, _ = blobs(100, n_features, n_classes, seed=1)
    theirs = RidgeClassifierCV(STRENGTHS).fit(scaled(X, X), y)
    expected = theirs.decision_function(scaled(new, X))
    head, _ = fit_ridge(X, y, n_classes)
    scores = head.scores(new)
    if n_classes == 2:
        np.testing.assert_allclose(scores[:, 0], -scores[:, 1], atol=1e-4)
        scores = scores[:, 1]
    np.testing.assert_allclose(scores, expected, atol=1e-4)


@pytest.mark.parametrize("n_folds", [3, 100], ids=["folds", "each case alone"])
@pytest.mark.parametrize(("n", "n_features", "n_classes"), SHAPES)
def test_held_out_scores_are_those_of_fits_without_the_cases(n, n_features, n_classes, n_folds):
    X, y = blobs(n, n_features, n_classes)
    folds = stratified_folds(y, n_folds)
    _, held_out = fit_ridge(X, y, n_classes, folds)
    Z, Y = scaled(X, X), np.where(y[:, None] == np.arange(n_classes), 1.0, -1.0)
    for fold in folds:
        rest = np.setdiff1d(np.arange(n), fold)
        refitted = Ridge(strength_of(X, y)).fit(Z[rest], Y[rest])
        np.testing.assert_allclose(held_out[fold], refitted.predict(Z[fold]), atol=1e-6)


@pytest.mark.parametrize(("n", "n_features", "n_classes"), SHAPES)
def test_weighted_cases(n, n_features, n_classes):
    X, y = blobs(n, n_features, n_classes)
    weights = np.random.default_rng(2).uniform(0.1, 2, n)
    weights /= weights.mean()
    folds = stratified_folds(y, 3)
    head, held_out = fit_ridge(X, y, n_classes, folds, weights=weights)
    Z, Y = scaled(X, X), np.where(y[:, None] == np.arange(n_classes), 1.0, -1.0)
    errors, fits = {}, {}
    for strength in STRENGTHS:
        fits[strength] = Ridge(strength).fit(Z, Y, weights)
        left_out = [
            Ridge(strength).fit(np.delete(Z, i, 0), np.delete(Y, i, 0), np.delete(weights, i)).predict(Z[i : i + 1])[0]
            for i in range(n)
        ]
        errors[strength] = (weights[:, None] * np.square(Y - left_out)).mean()
    best = min(errors, key=errors.__getitem__)
    np.testing.assert_allclose(head.scores(X), fits[best].predict(Z), atol=1e-4)
    for fold in folds:
        rest = np.setdiff1d(np.arange(n), fold)
        np.testing.assert_allclose(
            held_out[fold], Ridge(best).fit(Z[rest], Y[rest], weights[rest]).predict(Z[fold]), atol=1e-6
        )


def test_the_strength_is_chosen():
    clear, noisy = (strength_of(*blobs(30, 60, 2, spread)) for spread in (0.1, 30.0))
    assert clear != noisy
    for spread in (0.1, 30.0):
        X, y = blobs(30, 60, 2, spread)
        rest = np.arange(1, 30)
        _, held_out = fit_ridge(X, y, 2, [np.array([0])])
        Z = scaled(X, X)
        expected = Ridge(strength_of(X, y)).fit(Z[rest], np.where(y[rest] == 1, 1.0, -1.0)).predict(Z[:1])
        np.testing.assert_allclose(held_out[0, 1], expected[0], atol=1e-6)


def test_cases_in_no_fold_have_no_score():
    X, y = blobs(10, 4, 2)
    _, held_out = fit_ridge(X, y, 2, [np.array([1, 3])])
    assert np.isnan(held_out).any(axis=1).tolist() == [i not in (1, 3) for i in range(10)]


def test_constant_features_do_no_harm():
    X, y = blobs(12, 5, 2)
    constant = np.repeat(np.float32([[0.1, 0.0, 1e6]]), 12, axis=0)
    constant[3] *= 1 + 1e-7  # rounding
    head, _ = fit_ridge(np.hstack([X, constant]), y, 2)
    expected, _ = fit_ridge(X, y, 2)
    np.testing.assert_allclose(head.scores(np.hstack([X, constant])), expected.scores(X), atol=1e-2)
    nothing, held_out = fit_ridge(constant[:3], np.array([0, 0, 1]), 2, [np.array([0])])
    assert nothing.scores(constant[:3]).argmax(axis=1).tolist() == [0, 0, 0]
    assert np.isfinite(held_out[0]).all()


def test_features_that_are_scaled_already_stay_so():
    X, y = blobs(20, 6, 2)
    assert not np.allclose(
        fit_ridge(X, y, 2, standardise=False)[0].scores(X), fit_ridge(X, y, 2)[0].scores(X), atol=1e-3
    )
