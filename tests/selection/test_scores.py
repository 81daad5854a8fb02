"""Rankers by features, each beside its slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from headstart.selection.h_score import h_score
from headstart.selection.logme import logme
from headstart.selection.probe import STRENGTHS, probe
from tests.naive import selection as naive

SCORES = {"probe": probe, "logme": logme, "h_score": h_score, "silhouette": silhouette_score}


def problem(seed: int, n: int, n_features: int, n_classes: int, signal: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Features like those after ReLU: not negative, of different scales, some of them almost dead."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n - n_classes)])
    centres = signal * rng.normal(size=(n_classes, n_features))
    X = np.maximum(centres[y] + rng.normal(size=(n, n_features)), 0) * rng.lognormal(0, 1, n_features)
    return X, y


SIZES = [(10, 20, 2), (12, 3, 3), (40, 6, 2), (30, 60, 5), (9, 4, 7), (25, 1, 2)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_probe_leaves_each_case_out(size, signal):
    X, y = problem(3, *size, signal)
    assert probe(X, y) == pytest.approx(naive.probe(X, y, STRENGTHS), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("size", [(10, 20, 2), (12, 3, 3), (40, 6, 2)], ids=str)
@pytest.mark.parametrize("signal", [0.0, 0.5])
def test_logme_is_the_largest_evidence(size, signal):
    X, y = problem(4, *size, signal)
    assert logme(X, y) == pytest.approx(naive.logme(X, y), abs=2e-5)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_h_score_by_its_definition(size):
    X, y = problem(5, *size)
    assert h_score(X, y) == pytest.approx(naive.h_score(X, y), rel=1e-8)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_silhouette_by_its_definition(size):
    X, y = problem(6, *size)
    assert silhouette_score(X, y) == pytest.approx(naive.silhouette(X, y))


@st.composite
def problems(draw):
    n_classes = draw(st.integers(2, 5))
    n, n_features = draw(st.integers(n_classes + 1, 25)), draw(st.integers(1, 30))
    return problem(draw(st.integers(0, 10**6)), n, n_features, n_classes, draw(st.sampled_from([0.0, 0.5, 3.0])))


@pytest.mark.parametrize("name", SCORES)
@given(problem=problems(), seed=st.integers(0, 100), factor=st.sampled_from([1e-3, 1.0, 50.0]))
@settings(max_examples=25, deadline=None)
def test_what_must_not_matter(name, problem, seed, factor):
    """The order of cases, the codes of classes, the scale of all features, and a rotation of them."""
    X, y = problem
    rng = np.random.default_rng(seed)
    order, codes = rng.permutation(len(y)), rng.permutation(y.max() + 3)
    rotation = np.linalg.qr(rng.normal(size=(X.shape[1], X.shape[1])))[0]
    score = SCORES[name]
    assert score(factor * X[order] @ rotation, codes[y][order]) == pytest.approx(score(X, y), rel=1e-4, abs=1e-4)


@given(problem=problems())
@settings(max_examples=50, deadline=None)
def test_bounds(problem):
    X, y = problem
    n_classes = len(set(y.tolist()))
    assert -0.5 < probe(X, y) <= 1
    assert 0 <= h_score(X, y) <= n_classes - 1 + 1e-9
    assert -1 <= silhouette_score(X, y) <= 1


@pytest.mark.parametrize("name", SCORES)
def test_better_features_score_higher(name):
    """More signal in the same noise, as often as one may expect of 20 cases."""
    scores = [[SCORES[name](*problem(seed, 20, 15, 3, signal)) for signal in (0.0, 1.0, 3.0)] for seed in range(10)]
    low, middle, high = np.mean(scores, axis=0)
    assert low < middle < high


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("X", [np.zeros((6, 4)), np.full((6, 4), 3.7), np.eye(6)[:, :1]], ids=["0", "3.7", "one"])
def test_features_that_say_nothing(name, X):
    score = SCORES[name](X, np.array([0, 0, 0, 1, 1, 1]))
    assert np.isfinite(score)
    assert score < SCORES[name](
        np.repeat([[0.0], [1.0]], 3, axis=0) + 0.01 * np.arange(6)[:, None], np.repeat([0, 1], 3)
    )


@pytest.mark.parametrize("name", SCORES)
def test_features_that_say_all(name):
    """Cases of a class are equal; the score is finite, and no others score higher."""
    y = np.repeat([0, 1, 2], 4)
    perfect = SCORES[name](np.eye(3)[y], y)
    assert np.isfinite(perfect)
    assert all(SCORES[name](*problem(seed, 12, 3, 3)) < perfect for seed in range(5))
