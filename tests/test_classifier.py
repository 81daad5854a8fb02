"""`TransferClassifier`: scikit-learn's contract, all forms of input, and the folder it is saved in."""

import json
import os
import pickle
import re
import shutil
import warnings
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from headstart import classifier as classifier_module
from headstart import progress as progress_module
from headstart.classifier import TransferClassifier
from headstart.data import Dataset, load
from headstart.errors import DataError, HeadstartError, ModelError, ShapeError
from headstart.training import Recipe
from headstart.zoo import Source, names, pretrain

SHORT = Recipe("short", epochs=2)
LEARNS = Recipe("learns", epochs=12)


@pytest.fixture(scope="module")
def source(small) -> Source:
    return pretrain(small, recipe=SHORT, seed=3, with_prototypes=False)


@pytest.fixture(scope="module")
def table(small):
    return small.X[:, 0].astype(np.float64), small.labels


@pytest.fixture(scope="module")
def unequal():
    """Series of 2 channels and 5 to 14 time steps, whose class is whether they rise or fall."""
    random = np.random.default_rng(0)
    signs = np.array([1, -1] * 12)
    series = [
        np.stack([sign * np.linspace(-1, 1, n), np.zeros(n)]) + random.normal(scale=0.1, size=(2, n))
        for sign, n in zip(signs, random.integers(5, 15, size=24), strict=True)
    ]
    return series, np.where(signs > 0, "up", "down")


# scikit-learn's own checks

EXPECTED_FAILURES = {
    "check_methods_subset_invariance": "float32 convolutions of batches of different sizes differ by 2e-7, and the "
    "check allows 1e-7; test_subsets_and_orders_agree asks for 1e-6"
}


@parametrize_with_checks(
    [
        TransferClassifier(None, recipe=Recipe("check", epochs=10), normalise=normalise, n_members=n_members)
        for normalise, n_members in ((True, 1), (False, 2))
    ]
    + [TransferClassifier("auto", budget="fast", normalise=False)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
@pytest.mark.filterwarnings("ignore:.* never change")
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_subsets_and_orders_agree(small):
    classifier = TransferClassifier(None, recipe=SHORT).fit(small)
    together = classifier.predict_proba(small.X)
    alone = np.concatenate([classifier.predict_proba(small.X[i : i + 1]) for i in range(small.n_cases)])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    order = np.random.default_rng(0).permutation(small.n_cases)
    np.testing.assert_allclose(classifier.predict_proba(small.X[order]), together[order], atol=1e-6)
    np.testing.assert_array_equal(classifier.predict(small.X[order]), classifier.predict(small.X)[order])


# Forms of input


def test_all_forms_of_the_same_series_agree(small, source):
    X, labels = small.X[:, 0], small.labels
    forms = {
        "3-D": small.X,
        "2-D": X,
        "2-D float64": X.astype(np.float64),
        "Fortran order": np.asfortranarray(X),
        "list of 1-D": list(X),
        "list of 2-D": list(small.X),
        "tuple": tuple(X),
        "nested lists": X.tolist(),
        "nested lists of channels": small.X.tolist(),
        "DataFrame": pd.DataFrame(X).rename(columns=str),
    }
    expected = TransferClassifier(source, recipe=SHORT).fit(small).predict_proba(small)
    for name, form in forms.items():
        classifier = TransferClassifier(source, recipe=SHORT).fit(form, labels)
        np.testing.assert_array_equal(classifier.predict_proba(form), expected, err_msg=name)
        np.testing.assert_array_equal(classifier.predict_proba(small), expected, err_msg=name)
        for y in (labels.tolist(), pd.Series(labels)):
            np.testing.assert_array_equal(TransferClassifier(source, recipe=SHORT).fit(form, y).classes_, [1, 2])


@pytest.mark.filterwarnings("ignore:.* never change")
def test_series_of_different_lengths(unequal, source):
    series, labels = unequal
    for start in (None, source):
        classifier = TransferClassifier(start, recipe=LEARNS).fit(series, labels)
        assert classifier.score(series, labels) > 0.9
        assert not hasattr(classifier, "n_features_in_")
        alone = np.concatenate([classifier.predict_proba([x]) for x in series])
        np.testing.assert_allclose(alone, classifier.predict_proba(series), atol=1e-6)
        padded = np.full((len(series), 2, 20), np.nan)
        for i, x in enumerate(series):
            padded[i, :, : x.shape[1]] = x
        np.testing.assert_allclose(classifier.predict_proba(padded), classifier.predict_proba(series), atol=1e-6)
        assert classifier.predict([np.ones((2, 40)), np.ones((2, 1))]).shape == (2,)


def test_a_list_of_arrays_fixes_no_length(small, source):
    """Also if all of them happen to be equally long."""
    classifier = TransferClassifier(source, recipe=SHORT).fit(list(small.X[:, 0]), small.labels)
    assert classifier.predict([small.X[0, 0, :20]]).shape == (1,)
    assert classifier.predict([small.X[0, 0, :20], small.X[1, 0]]).shape == (2,)


@pytest.mark.parametrize("make", [pd.Series, torch.tensor])
def test_a_list_of_other_arrays_fixes_no_length(small, source, make):
    series = [make(series) for series in small.X[:, 0]]
    classifier = TransferClassifier(source, recipe=SHORT).fit(series, small.labels)
    assert classifier.predict([series[0][:20]]).shape == (1,)


def test_tensors_of_three_dimensions(small, source):
    classifier = TransferClassifier(source, recipe=SHORT).fit(torch.tensor(small.X), small.labels)
    np.testing.assert_array_equal(classifier.predict(torch.tensor(small.X)), classifier.predict(small))


def test_series_that_never_change_are_told(small):
    X = small.X.copy()
    X[:3] = 7
    with pytest.warns(UserWarning, match=r"3 of \d+ series never change, and z-normalisation leaves nothing of them"):
        classifier = TransferClassifier(None, recipe=SHORT).fit(X, small.labels)
    with pytest.warns(UserWarning, match=r"3 of \d+ series never change, .* what is predicted of them says nothing"):
        classifier.predict(X)
    with warnings.catch_warnings(action="error"):
        TransferClassifier(None, recipe=SHORT, normalise=False).fit(X, small.labels).predict(X)


@pytest.mark.parametrize("kind", ["datetime64[D]", "S10"])
def test_labels_that_json_has_not_are_refused(small, kind):
    labels = np.array(["2020-01-01", "2020-01-02"] * 50)[: small.n_cases].astype(kind)
    with pytest.raises(DataError, match=r"labels must be strings or numbers, not of the type (date|bytes)"):
        Dataset.from_arrays("dated", small.X, labels)


def test_missing_values_are_interpolated():
    X = np.array([[0.0, 1, 2, 3], [3, 2, 1, 0], [0, 2, 4, 6], [6, 4, 2, 0]])
    classifier = TransferClassifier(None, recipe=SHORT).fit(X, [0, 1, 0, 1])
    holes = X.copy()
    holes[:, 1] = np.nan
    with pytest.warns(UserWarning, match="4 missing values inside series were interpolated"):
        filled = classifier.predict_proba(holes)
    np.testing.assert_array_equal(filled, classifier.predict_proba(X))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([2, 1] * 5, dtype=object), [1, 2]),
        (pd.Series([2, 1] * 5, dtype="Int64"), [1, 2]),
        (pd.Series(["b", "a"] * 5, dtype="string"), ["a", "b"]),
        ([True, np.False_] * 5, [False, True]),
    ],
)
def test_labels_that_come_as_objects_are_of_their_type(small, labels, classes):
    classifier = TransferClassifier(None, recipe=SHORT).fit(small.X[:10, 0], labels)
    assert classifier.classes_.tolist() == classes
    assert type(classifier.classes_.tolist()[0]) is type(classes[0])


@pytest.mark.parametrize("form", [lambda X: X[:, 0], list], ids=["table", "list of series"])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", 2] * 5, "labels are of several types ('a' in case 1, 2 in case 2)"),
        (["a", None] * 5, "case 2 has no label"),
        (pd.Series(["a", np.nan] * 5, dtype=object), "case 2 has no label"),
        (pd.Series([1, pd.NA] * 5, dtype="Int64"), "case 2 has no label"),
    ],
)
def test_labels_that_cannot_be_used(small, form, labels, message):
    with pytest.raises(DataError, match=re.escape(message)):
        TransferClassifier(None, recipe=SHORT).fit(form(small.X[:10]), labels)


def test_columns_of_series(unequal):
    series, labels = unequal
    column = pd.Series(series)
    classifier = TransferClassifier(None, recipe=SHORT).fit(column, labels)
    np.testing.assert_array_equal(classifier.predict_proba(column.to_numpy()), classifier.predict_proba(series))
    with pytest.raises(DataError, match="the cells of the table hold series; give a list of arrays"):
        classifier.fit(pd.DataFrame({"x": series}), labels)
    with pytest.raises(DataError, match="X is a pair of data sets, as `load` returns; give the first"):
        classifier.fit(load("ItalyPowerDemand"))
    with pytest.raises(DataError, match="case 1 is a DataFrame, whose rows may be time steps or channels"):
        classifier.fit([pd.DataFrame(one.T) for one in series], labels)


def test_time_steps_are_those_of_training(small, tmp_path):
    names = [f"t{i}" for i in range(24)]
    data = replace(small, step_names=tuple(names))
    TransferClassifier(None, recipe=SHORT).fit(data).save(tmp_path / "model")
    classifier = TransferClassifier.load(tmp_path / "model")
    expected = classifier.predict_proba(small)
    for steps in (names, names[:12], [*names, "t24"], [f"hour {i}" for i in range(24)]):
        new = Dataset.from_arrays("new", np.resize(small.X, (20, 1, len(steps))), step_names=steps)
        assert classifier.predict_proba(new).shape == expected.shape
    for steps in (sorted(names), ["class", *names]):
        new = Dataset.from_arrays("new", np.resize(small.X, (20, 1, len(steps))), step_names=steps)
        with pytest.raises(DataError, match=r"new: 't\d+' is time step \d, where \d+ is wanted; give the same columns"):
            classifier.predict_proba(new)


def test_number_of_features_is_that_of_a_table_only(small, unequal):
    classifier = TransferClassifier(None, recipe=SHORT)
    names = [f"t{i}" for i in range(24)]
    classifier.fit(pd.DataFrame(small.X[:, 0], columns=names), small.labels)
    assert classifier.n_features_in_ == 24
    assert classifier.feature_names_in_.tolist() == names
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(pd.DataFrame(small.X[:, 0, :20], columns=names[:20]))
    with pytest.raises(ValueError, match="24 features"):
        classifier.fit(small.X[:, 0], small.labels).predict(small.X[:, 0, :20])
    for X, y in ((small, None), (small.X, small.labels), (list(small.X), small.labels)):
        classifier.fit(pd.DataFrame(small.X[:, 0], columns=names), small.labels)
        classifier.fit(X, y)
        assert not hasattr(classifier, "n_features_in_")
        assert not hasattr(classifier, "feature_names_in_")
        assert classifier.predict(small.X[:, 0, :20]).shape == (20,)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["b", "a"], "U"),
        (["ä", "longer than the other"], "U"),
        ([7, -3], "i"),
        ([2.0, 1.0], "f"),
        ([True, False], "b"),
        (np.array(["b", "a"], dtype=object), "U"),
        (np.array([3, 200], dtype=np.uint8), "u"),
        (pd.Series(["b", "a"], dtype="string"), "U"),
        (pd.Categorical(["b", "a"]), "U"),
    ],
    ids=["text", "longer text", "int", "float", "bool", "object", "uint8", "pandas text", "categories"],
)
def test_labels_come_back_as_they_were(small, tmp_path, labels, kind):
    y = np.asarray(labels)[small.y]
    if isinstance(labels, pd.Series | pd.Categorical):
        y = pd.Series(labels)[small.y]
    classifier = TransferClassifier(None, recipe=LEARNS).fit(small.X[:, 0], y)
    classifier.save(tmp_path / "model")
    for one in (classifier, TransferClassifier.load(tmp_path / "model")):
        predictions = one.predict(small.X[:, 0])
        assert predictions.dtype.kind == kind
        assert set(predictions.tolist()) == set(np.asarray(labels).tolist())
        assert one.score(small.X[:, 0], y) > 0.8


def test_sample_order_of_probabilities(small):
    classifier = TransferClassifier(None, recipe=LEARNS).fit(small)
    probabilities = classifier.predict_proba(small)
    assert probabilities.shape == (20, 2)
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=1)], classifier.predict(small))


# Training


@pytest.mark.parametrize("make", ["path", "str", "source"])
def test_source(small, source, tmp_path, make):
    source.save(path := tmp_path / "a.safetensors")
    start = {"path": path, "str": str(path), "source": source}[make]
    classifier = TransferClassifier(start, recipe=SHORT).fit(small)
    assert classifier.source_.card == source.card
    assert classifier.model_.card.started_from == "ItalyPowerDemand"
    scratch = TransferClassifier(None, recipe=SHORT).fit(small)
    assert scratch.source_ is None
    assert scratch.model_.card.started_from is None
    assert not np.array_equal(scratch.predict_proba(small), classifier.predict_proba(small))


def test_seed(small):
    def probabilities(seed):
        return TransferClassifier(None, recipe=SHORT, random_state=seed).fit(small).predict_proba(small)

    np.testing.assert_array_equal(probabilities(1), probabilities(1))
    np.testing.assert_array_equal(probabilities(np.int64(1)), probabilities(1))
    np.testing.assert_array_equal(probabilities(np.random.RandomState(1)), probabilities(np.random.RandomState(1)))
    assert not np.array_equal(probabilities(1), probabilities(2))
    random = np.random.RandomState(1)
    assert not np.array_equal(probabilities(random), probabilities(random))
    assert np.isfinite(probabilities(None)).all()


# Members


@pytest.mark.parametrize("with_source", [False, True])
def test_members_differ_in_their_seed_alone(small, source, with_source):
    start = source if with_source else None
    ensemble = TransferClassifier(start, recipe=SHORT, n_members=3, random_state=5).fit(small)
    assert [model.card.seed for model in ensemble.models_] == [5, 6, 7]
    assert ensemble.model_ is ensemble.models_[0]
    alone = [TransferClassifier(start, recipe=SHORT, random_state=seed).fit(small) for seed in (5, 6, 7)]
    each = [classifier.predict_proba(small) for classifier in alone]
    assert not np.array_equal(each[0], each[1])
    np.testing.assert_allclose(ensemble.predict_proba(small), np.mean(each, axis=0), rtol=1e-12)
    assert {model.card.started_from for model in ensemble.models_} == {"ItalyPowerDemand" if with_source else None}
    np.testing.assert_array_equal(clone(ensemble).fit(small).predict_proba(small), ensemble.predict_proba(small))


def test_members_of_a_random_state_are_kept(small, tmp_path):
    ensemble = TransferClassifier(None, recipe=SHORT, n_members=2, random_state=np.random.RandomState(1)).fit(small)
    first, second = (model.card.seed for model in ensemble.models_)
    assert second == first + 1
    ensemble.save(tmp_path / "model")
    again = clone(TransferClassifier.load(tmp_path / "model")).fit(small)
    np.testing.assert_array_equal(again.predict_proba(small), ensemble.predict_proba(small))


def test_progress_counts_the_epochs_of_all_members(small, monkeypatch):
    bars, shown = [], []

    @contextmanager
    def bar(description, epochs):
        bars.append((description, epochs))
        yield lambda epoch, loss: shown.append(epoch)

    monkeypatch.setattr(classifier_module, "epoch_bar", bar)
    TransferClassifier(None, recipe=Recipe("three", epochs=3), n_members=2, verbose=True).fit(small)
    assert bars == [("training from scratch", 6)]
    assert shown == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("budget", "bar_of"), [("default", (18, "epochs")), ("fast", (2, "candidates"))])
def test_progress_of_a_choice_counts_epochs_where_networks_are_trained(small, monkeypatch, no_sources, budget, bar_of):
    bars, shown = [], []

    @contextmanager
    def bar(description, total, unit, with_eta=True):
        bars.append((total, unit))
        yield lambda done, note: shown.append((done, note))

    monkeypatch.setattr(progress_module, "progress_bar", bar)
    three = Recipe("three", epochs=3)
    TransferClassifier(budget=budget, recipe=three, n_members=2, verbose=True).fit(small)
    assert bars == [bar_of], "one network without each of four folds, and two with all series"
    assert shown[0] == (0, "MiniROCKET")
    if budget == "default":
        counts = [done for done, note in shown if note == "from scratch"]
        assert counts[:13] == list(range(13))
        assert counts[-1] in (12, 18), "the last fit is of what is chosen"


def test_progress_goes_to_standard_error(small, capsys):
    TransferClassifier(None, recipe=SHORT, verbose=True).fit(small)
    captured = capsys.readouterr()
    assert captured.out == ""
    TransferClassifier(None, recipe=SHORT).fit(small)
    assert capsys.readouterr() == ("", "")


# Inside scikit-learn


def test_cross_validation(table, source):
    X, y = table
    scores = cross_val_score(TransferClassifier(source, recipe=LEARNS), X, y, cv=3)
    assert scores.shape == (3,)
    assert scores.mean() > 0.7


def test_cross_validation_of_three_dimensions(small):
    scores = cross_val_score(TransferClassifier(None, recipe=LEARNS), small.X, small.labels, cv=3, error_score="raise")
    assert scores.mean() > 0.7


def test_cross_validation_of_lists(unequal):
    series, labels = unequal
    scores = cross_val_score(TransferClassifier(None, recipe=LEARNS), series, labels, cv=3, error_score="raise")
    assert scores.mean() > 0.7


def test_grid_search(table, source, tmp_path):
    X, y = table
    grid = {"source": [None, source], "normalise": np.array([True, False])}
    search = GridSearchCV(TransferClassifier(None, recipe=SHORT), grid, cv=2, error_score="raise").fit(X, y)
    assert set(search.best_params_) == {"source", "normalise"}
    assert search.predict(X).shape == (20,)
    search.best_estimator_.save(tmp_path / "model")  # parameters out of an array are numpy's, not Python's
    np.testing.assert_array_equal(TransferClassifier.load(tmp_path / "model").predict(X), search.predict(X))


def test_grid_search_over_recipes(table, tmp_path):
    X, y = table
    recipes = [
        Recipe("grid", epochs=epochs, learning_rate=rate) for epochs in np.arange(1, 3) for rate in np.array([1e-3])
    ]
    search = GridSearchCV(TransferClassifier(None), {"recipe": recipes}, cv=2, error_score="raise").fit(X, y)
    search.best_estimator_.save(tmp_path / "model")
    np.testing.assert_array_equal(TransferClassifier.load(tmp_path / "model").predict(X), search.predict(X))


def test_calibration(table, source):
    X, y = table
    calibrated = CalibratedClassifierCV(TransferClassifier(source, recipe=SHORT), cv=2).fit(X, y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)


def test_pipeline_and_clone(table, source):
    X, y = table
    pipeline = make_pipeline(FunctionTransformer(), clone(TransferClassifier(source, recipe=SHORT)))
    np.testing.assert_array_equal(
        pipeline.fit(X, y).predict_proba(X), TransferClassifier(source, recipe=SHORT).fit(X, y).predict_proba(X)
    )


def test_pickle(table, source):
    X, y = table
    for start in (None, source):
        classifier = TransferClassifier(start, recipe=SHORT).fit(X, y)
        copy = pickle.loads(pickle.dumps(classifier))
        np.testing.assert_array_equal(copy.predict_proba(X), classifier.predict_proba(X))
        assert copy.get_params()["recipe"] == SHORT


# What is refused


def test_not_fitted(small, tmp_path):
    for call in (
        lambda c: c.predict(small),
        lambda c: c.predict_proba(small.X),
        lambda c: c.save(tmp_path / "model"),
    ):
        with pytest.raises(NotFittedError):
            call(TransferClassifier())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (lambda d: d, lambda d: d.labels, "either a Dataset, which has its own labels, or series and labels"),
        (lambda d: d.X, lambda d: None, "give a label for every series"),
        (lambda d: d.X, lambda d: d.labels[:-1], "inconsistent numbers of samples"),
        (lambda d: d.X, lambda d: [1] * d.n_cases, "only one class"),
        (lambda d: d.X, lambda d: np.linspace(0, 1, d.n_cases), "Unknown label type"),
        (lambda d: d.X[:, 0], lambda d: np.eye(20)[:, :2], "y should be a 1d array"),
        (lambda d: Dataset.from_arrays("bare", d.X), lambda d: None, "bare: training needs a label for every case"),
        (lambda d: d.X * np.inf, lambda d: d.labels, "infinite value"),
        (lambda d: d.X * np.nan, lambda d: d.labels, "case 1 has no values at all; remove it"),
        (lambda d: d.X[None], lambda d: d.labels, "array with dim 4"),
        (lambda d: [["a", "b"]] * 20, lambda d: d.labels, "could not convert|not made of numbers|numeric"),
        (lambda d: [*d.X[:19, 0], np.ones((2, 5))], lambda d: d.labels, "case 20 has 2 channels where case 1 has 1"),
        (lambda d: [], lambda d: [], "minimum of 1 is required|at least one|Expected 2D"),
    ],
)
def test_training_data_that_are_refused(small, X, y, message):
    with pytest.raises(ValueError, match=message):
        TransferClassifier(None, recipe=SHORT).fit(X(small), y(small))


def test_series_to_predict_that_are_refused(small):
    classifier = TransferClassifier(None, recipe=SHORT).fit(small)
    with pytest.raises(ShapeError, match="has 2 channels, the model was trained on 1; give the same channels"):
        classifier.predict(np.ones((3, 2, 5)))
    with pytest.raises(DataError, match="case 2 has no values at all"):
        classifier.predict([[1.0, 2.0], [np.nan, np.nan]])
    with pytest.raises(ShapeError, match="there is no series; give at least one"):
        classifier.predict([])
    with pytest.raises(DataError, match="X is a pair of data sets, as `load` returns; give the one to predict"):
        classifier.predict((small, None))


def test_score_of_a_data_set(small):
    classifier = TransferClassifier(None, recipe=SHORT).fit(small)
    assert classifier.score(small) == classifier.score(small.X, small.labels)
    with pytest.raises(DataError, match="give y, or a labelled Dataset"):
        classifier.score(small.X)
    with pytest.raises(DataError, match="has cases without a label"):
        classifier.score(Dataset.from_arrays("new", small.X))


def test_unknown_settings(small, tmp_path):
    for settings, message in (
        ({"recipe": "papr"}, "unknown recipe 'papr'"),
        ({"recipe": {"epochs": 2}}, "a recipe is a Recipe or the name of one, not {'epochs': 2}"),
        ({"network": "fnc"}, "unknown network 'fnc'"),
        ({"device": "warp"}, "device 'warp' cannot be used"),
        ({"device": "hpu"}, "device 'hpu' cannot be used"),
        ({"device": "meta"}, "device 'meta' cannot be used"),
        ({"source": tmp_path / "none.safetensors"}, "there is no such source file"),
        ({"source": "scratch"}, "a network from scratch is asked for by source=None"),
        ({"source": "nearest", "sources": tmp_path}, "has no sources"),
        ({"source": "auto", "sources": tmp_path}, "has no sources"),
        ({"source": "auto", "budget": "fsat"}, "unknown budget 'fsat'. Did you mean 'fast'?"),
        ({"n_members": 0}, "n_members is 0; it must be a whole number of at least 1"),
        ({"n_members": 1.5}, "n_members is 1.5; it must be"),
    ):
        with pytest.raises(HeadstartError, match=message):
            TransferClassifier(**{"source": None, "recipe": SHORT} | settings).fit(small)


# A fit that ends early


def interrupt_training(monkeypatch, epoch):
    """Let Ctrl-C come at the end of an epoch, or, where it is 0, before the first."""
    from headstart.training import loop

    cross_entropy, calls = loop.F.cross_entropy, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == epoch + 1:
            raise KeyboardInterrupt
        return cross_entropy(*arguments)

    monkeypatch.setattr(loop.F, "cross_entropy", interrupted)


BIG_BATCH = Recipe("big", epochs=5, max_batch_size=1000)  # one step an epoch


def test_interrupt_keeps_a_usable_model(small, tmp_path, monkeypatch):
    interrupt_training(monkeypatch, epoch=2)
    classifier = TransferClassifier(None, recipe=BIG_BATCH)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(small)
    assert classifier.model_.card.interrupted
    assert len(classifier.model_.card.losses) == 2
    classifier.save(tmp_path / "model")
    loaded = TransferClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(small), classifier.predict_proba(small))


@pytest.mark.parametrize(
    ("epoch", "n_kept", "n_epochs"),
    [
        pytest.param(2, 1, 2, id="first member, half trained"),
        pytest.param(5, 1, 5, id="second, in its first epoch"),
        pytest.param(7, 1, 5, id="second, half trained"),
        pytest.param(12, 2, 5, id="third, half trained"),
    ],
)
def test_interrupt_keeps_whole_members(small, tmp_path, monkeypatch, epoch, n_kept, n_epochs):
    interrupt_training(monkeypatch, epoch)
    classifier = TransferClassifier(None, recipe=BIG_BATCH, n_members=3)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(small)
    assert [len(model.card.losses) for model in classifier.models_] == [n_epochs] * n_kept
    assert classifier.model_.card.interrupted == (n_epochs < 5)
    classifier.save(tmp_path / "model")
    loaded = TransferClassifier.load(tmp_path / "model")
    assert len(loaded.models_) == n_kept
    np.testing.assert_array_equal(loaded.predict_proba(small), classifier.predict_proba(small))


def test_interrupt_in_the_first_epoch(small, monkeypatch):
    interrupt_training(monkeypatch, epoch=0)
    classifier = TransferClassifier(None, recipe=BIG_BATCH)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(small)
    with pytest.raises(NotFittedError):
        classifier.predict(small)


def test_a_fit_that_fails_leaves_the_earlier_one(small, unequal, monkeypatch):
    classifier = TransferClassifier(None, recipe=SHORT).fit(small)
    before = classifier.predict_proba(small)
    interrupt_training(monkeypatch, epoch=0)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*unequal)
    np.testing.assert_array_equal(classifier.predict_proba(small), before)
    assert classifier.classes_.tolist() == [1, 2]


def test_a_fit_that_fails_leaves_the_columns_of_the_earlier_one(table, small):
    X, y = table
    classifier = TransferClassifier(None, recipe=SHORT).fit(X, y)
    for other in (X[:, :20], small.X[:, :, :20]):
        with pytest.raises(DataError, match="only one class"):
            classifier.fit(other, np.zeros(len(other)))
        assert classifier.n_features_in_ == X.shape[1]
        assert classifier.predict(X[:2]).shape == (2,)
        with pytest.raises(ValueError, match="20 features"):
            classifier.predict(X[:, :20])


# Folders


@pytest.fixture(scope="module")
def fitted(small, source) -> TransferClassifier:
    return TransferClassifier(source, recipe=SHORT, random_state=4).fit(small.X[:, 0], small.labels)


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    return tmp_path / "model"


def test_save_and_load(fitted, saved, small):
    assert sorted(os.listdir(saved)) == ["model.json", "network.safetensors", "source.safetensors"]
    loaded = TransferClassifier.load(saved)
    np.testing.assert_array_equal(loaded.predict_proba(small), fitted.predict_proba(small))
    assert loaded.n_features_in_ == fitted.n_features_in_
    assert loaded.model_.card == fitted.model_.card
    assert loaded.source_.card == fitted.source_.card
    mine, its = fitted.get_params(), loaded.get_params()
    assert mine.pop("source").card == its.pop("source").card
    assert mine == its
    again = loaded.fit(small.X[:, 0], small.labels)
    np.testing.assert_array_equal(again.predict_proba(small), fitted.predict_proba(small))


def test_save_and_load_members(small, source, tmp_path):
    ensemble = TransferClassifier(source, recipe=SHORT, n_members=3).fit(small)
    ensemble.save(tmp_path / "model")
    assert sorted(os.listdir(tmp_path / "model")) == [
        "model.json",
        "network.safetensors",
        "network2.safetensors",
        "network3.safetensors",
        "source.safetensors",
    ]
    loaded = TransferClassifier.load(tmp_path / "model")
    assert [model.card for model in loaded.models_] == [model.card for model in ensemble.models_]
    assert loaded.model_ is loaded.models_[0]
    assert loaded.n_members == 3
    np.testing.assert_array_equal(loaded.predict_proba(small), ensemble.predict_proba(small))
    assert Source.load(tmp_path / "model" / "network2.safetensors").card.seed == 1
    TransferClassifier(None, recipe=SHORT).fit(small).save(tmp_path / "model")
    assert sorted(os.listdir(tmp_path / "model")) == ["model.json", "network.safetensors"]
    shutil.copy(tmp_path / "model" / "network.safetensors", tmp_path / "copy.safetensors")
    ensemble.save(tmp_path / "model")
    shutil.copy(tmp_path / "copy.safetensors", tmp_path / "model" / "network2.safetensors")
    with pytest.raises(ModelError, match=r"network2\.safetensors: is not the file this model was saved with"):
        TransferClassifier.load(tmp_path / "model")


def test_models_of_before_there_were_members(saved, fitted, small):
    edit(saved / "model.json", signed(lambda model: model["parameters"].pop("n_members")))
    np.testing.assert_array_equal(TransferClassifier.load(saved).predict_proba(small), fitted.predict_proba(small))


def test_save_and_load_other_settings(small, source, tmp_path):
    source.save(path := tmp_path / "a.safetensors")
    frame = pd.DataFrame(small.X[:, 0]).rename(columns=lambda i: f"t{i}")
    for classifier in (
        TransferClassifier(None, recipe=SHORT, normalise=False, random_state=np.random.RandomState(1)),
        TransferClassifier(path, recipe=SHORT, random_state=None),
        TransferClassifier(str(path), recipe=SHORT, random_state=np.int64(3)),
    ):
        classifier.fit(frame, small.labels).save(tmp_path / "model")
        loaded = TransferClassifier.load(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict_proba(frame), classifier.predict_proba(frame))
        assert loaded.feature_names_in_.tolist() == frame.columns.tolist()
        again = clone(loaded).fit(frame, small.labels)  # the seed was kept, wherever it came from
        np.testing.assert_array_equal(again.predict_proba(frame), classifier.predict_proba(frame))


def test_another_source_than_that_of_the_fit_is_not_saved(small, source, saved):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    classifier = TransferClassifier(None, recipe=SHORT).fit(small).set_params(source=source)
    with pytest.raises(ModelError, match="source was set to another since the fit; fit again, or set it back"):
        classifier.save(saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before


@pytest.mark.parametrize("n_dims", [2, 3, "list"])
def test_masked_values_are_missing(small, n_dims):
    masked = np.ma.masked_array(small.X.astype(float), small.X > 1)
    masked.data[masked.mask] = 1e6
    X = {2: masked[:, 0], 3: masked, "list": list(masked)}[n_dims]
    missing = np.where(masked.mask, np.nan, small.X)
    with warnings.catch_warnings(action="ignore"):  # that values are interpolated
        of_masked = TransferClassifier(None, recipe=SHORT).fit(X, small.labels).predict_proba(X)
        of_missing = TransferClassifier(None, recipe=SHORT).fit(missing, small.labels).predict_proba(missing)
    np.testing.assert_array_equal(of_masked, of_missing)


def test_saving_again_replaces_the_model(saved, small, fitted):
    other = TransferClassifier(None, recipe=SHORT, random_state=9).fit(small)
    other.save(saved)
    np.testing.assert_array_equal(TransferClassifier.load(saved).predict_proba(small), other.predict_proba(small))
    assert sorted(os.listdir(saved)) == ["model.json", "network.safetensors"]
    assert os.listdir(saved.parent) == ["model"]


def test_saving_leaves_alone_what_is_no_model(fitted, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter1.txt").write_text("years of work")
    (tmp_path / "file").write_text("more work")
    for place in (folder, tmp_path / "file"):
        with pytest.raises(ModelError, match="exists and is no headstart model, so it is left alone"):
            fitted.save(place)
    assert (folder / "chapter1.txt").read_text() == "years of work"
    assert sorted(os.listdir(tmp_path)) == ["file", "thesis"]


def test_saving_loses_nothing_that_lies_beside_a_model(fitted, saved):
    (saved / "predictions.csv").write_text("case,prediction")
    before = sorted(os.listdir(saved))
    with pytest.raises(ModelError, match=r"it holds predictions\.csv, which would be lost; move that away"):
        fitted.save(saved)
    assert sorted(os.listdir(saved)) == before


def test_saving_on_a_full_disk(fitted, saved, monkeypatch):
    def full_disk(*arguments, **keywords):
        raise OSError(28, "No space left on device")

    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    for place in (saved, saved.parent / "other"):
        with pytest.raises(HeadstartError, match=f"cannot write {place}: no space left on device; choose another"):
            fitted.save(place)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert os.listdir(saved.parent) == ["model"]


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def signed(change):
    """A change after which the digest is right again, as another version of headstart would write it."""

    def change_and_sign(document):
        change(document["model"])
        document["sha256"] = classifier_module._sha256(classifier_module._canonical(document["model"]))

    return change_and_sign


DAMAGE = {
    "no model.json": (lambda f: (f / "model.json").unlink(), "is no headstart model \\(it has no model.json\\)"),
    "no network": (lambda f: (f / "network.safetensors").unlink(), "network.safetensors: there is no such source"),
    "no source": (lambda f: (f / "source.safetensors").unlink(), "source.safetensors: there is no such source"),
    "empty model.json": (lambda f: (f / "model.json").write_text(""), "model.json: cannot be read .*; fit the model"),
    "truncated model.json": (
        lambda f: (f / "model.json").write_bytes((f / "model.json").read_bytes()[:-30]),
        "model.json: cannot be read",
    ),
    "model.json is a list": (lambda f: (f / "model.json").write_text("[]"), "model.json: cannot be read"),
    "model.json is not text": (lambda f: (f / "model.json").write_bytes(b"\xff\xfe\x00"), "model.json: cannot be read"),
    "model.json is a folder": (
        lambda f: ((f / "model.json").unlink(), (f / "model.json").mkdir()),
        "model.json: cannot be read",
    ),
    "other classes": (lambda f: edit(f / "model.json", lambda d: d["model"]["classes"].reverse()), "was altered"),
    "other settings": (
        lambda f: edit(f / "model.json", lambda d: d["model"]["parameters"].update(normalise=False)),
        "was altered since it was written",
    ),
    "source left out": (
        lambda f: edit(f / "model.json", lambda d: d["model"]["sha256"].pop("source.safetensors")),
        "was altered since it was written",
    ),
    "newer version": (
        lambda f: edit(f / "model.json", lambda d: d.update(format_version=2)),
        "has format version 2, this headstart reads 1; install a newer headstart",
    ),
    "recipe of another version": (
        lambda f: edit(f / "model.json", signed(lambda m: m["parameters"]["recipe"].update(mood="good"))),
        "does not fit this headstart \\(it was made by headstart .*\\); install that version",
    ),
    "setting of another version": (
        lambda f: edit(f / "model.json", signed(lambda m: m["parameters"].pop("recipe"))),
        "does not fit this headstart",
    ),
    "no network at all": (
        lambda f: edit(f / "model.json", signed(lambda m: m["sha256"].pop("network.safetensors"))),
        "does not fit this headstart",
    ),
    "truncated network": (
        lambda f: (f / "network.safetensors").write_bytes((f / "network.safetensors").read_bytes()[:-1]),
        "network.safetensors: is not a whole safetensors file",
    ),
    "altered network": (
        lambda f: (f / "network.safetensors").write_bytes((f / "network.safetensors").read_bytes()[:-1] + b"\x55"),
        "network.safetensors: card or weights were altered",
    ),
    "networks swapped": (
        lambda f: shutil.copy(f / "source.safetensors", f / "network.safetensors"),
        "network.safetensors: is not the file this model was saved with",
    ),
    "network is a pickle": (
        lambda f: (f / "network.safetensors").write_bytes(pickle.dumps({"a": 1})),
        "network.safetensors: is not a whole safetensors file",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_folder(saved, damage, message):
    damage(saved)
    with pytest.raises(ModelError, match=message) as caught:
        TransferClassifier.load(saved)
    assert str(saved) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "none", tmp_path / "file", tmp_path):
        with pytest.raises(ModelError, match=f"{place}: is no headstart model"):
            TransferClassifier.load(place)


# The choice


@pytest.fixture
def no_sources(monkeypatch, tmp_path):
    """No source is known by name."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(names, "SHIPPED", tmp_path / "shipped")


@pytest.fixture
def folder(tmp_path, make_source):
    """A folder with one source."""
    (tmp_path / "sources").mkdir()
    make_source.save(tmp_path / "sources" / "gun.safetensors")
    return tmp_path / "sources"


@pytest.fixture(scope="module")
def make_source():
    data, _ = load("GunPoint")
    return pretrain(data.subset(range(20)), recipe=SHORT, with_prototypes=False)


def test_the_default_is_the_choice(small, folder, tmp_path):
    classifier = TransferClassifier(recipe=SHORT, sources=folder, random_state=np.random.RandomState(2)).fit(small)
    assert classifier.source == "auto"
    without_networks = {"MiniROCKET", "WEASEL", "MultiROCKET-Hydra", "QUANT", "features of gun"}
    assert set(classifier.ranking_.index) == {*without_networks, "from scratch", "fine-tuned from gun"}
    assert classifier.report_["choice"]["log_loss"] <= classifier.report_["scratch"]["log_loss"]
    assert classifier.score(small, small.labels) > 0.9
    classifier.save(tmp_path / "model")
    again = TransferClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(small), classifier.predict_proba(small))
    assert again.report_ == classifier.report_
    assert [model.card for model in again.models_] == [model.card for model in classifier.models_]
    assert again.fit(small).report_["verdict"] == classifier.report_["verdict"]
    assert not hasattr(again.set_params(source=None).fit(small), "report_")


def test_settings_out_of_an_array_can_be_saved(small, no_sources, tmp_path):
    true = np.array([True])[0]
    TransferClassifier(budget="fast", balanced=true, normalise=true).fit(small).save(tmp_path / "model")
    assert TransferClassifier.load(tmp_path / "model").report_["balanced"] is True


@pytest.mark.parametrize("settings", [{"device": "warp"}, {"network": "fnc"}, {"random_state": -1}])
def test_settings_are_checked_though_nothing_needs_them(small, no_sources, settings):
    with pytest.raises(HeadstartError, match=r"warp|fnc|random_state is -1; a seed is a whole number from 0"):
        TransferClassifier(budget="fast", **settings).fit(small)


def test_a_damaged_source_that_nobody_asked_for_is_left_out(small, no_sources, make_source):
    names.own_folder().mkdir(parents=True)
    make_source.save(names.own_folder() / "gun.safetensors")
    (names.own_folder() / "torn.safetensors").write_bytes(b"torn")
    with pytest.warns(UserWarning, match=r"left out: .*torn\.safetensors: is not a whole safetensors file"):
        classifier = TransferClassifier(budget="fast").fit(small)
    assert "features of gun" in classifier.ranking_.index
    with pytest.raises(ModelError, match="torn"):
        TransferClassifier(budget="fast", sources=names.own_folder()).fit(small)


def test_channels_are_found_by_name(tmp_path):
    X, labels = np.random.default_rng(0).normal(size=(12, 2, 20)).cumsum(axis=2), ["a", "b"] * 6
    train = Dataset.from_arrays("train", X, labels, channel_names=["x", "y"])
    swapped = Dataset.from_arrays("swapped", X[:, ::-1], channel_names=["y", "x"])
    TransferClassifier(None, recipe=SHORT).fit(train).save(tmp_path / "model")
    classifier = TransferClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(classifier.predict_proba(swapped), classifier.predict_proba(X))
    with pytest.raises(ShapeError, match="other has the channels x, z where x, y are wanted"):
        classifier.predict(Dataset.from_arrays("other", X, channel_names=["x", "z"]))


def test_the_choice_needs_no_source(small, no_sources, tmp_path):
    classifier = TransferClassifier(budget="fast").fit(small)
    assert set(classifier.ranking_.index) == {"MiniROCKET", "WEASEL"}
    assert classifier.model_ is None
    assert classifier.models_ == []
    with pytest.raises(ShapeError, match="2 channels, the model was trained on 1"):
        classifier.predict(np.zeros((3, 2, 24)))
    classifier.save(tmp_path / "model")
    member = tmp_path / "model" / "member1.safetensors"
    content = member.read_bytes()
    member.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match="is not the file this model was saved with"):
        TransferClassifier.load(tmp_path / "model")
    member.unlink()
    with pytest.raises(ModelError, match=r"member1\.safetensors"):
        TransferClassifier.load(tmp_path / "model")
    edit(tmp_path / "model" / "model.json", signed(lambda m: m["choice"].pop("members")))
    with pytest.raises(ModelError, match="does not fit this headstart"):
        TransferClassifier.load(tmp_path / "model")


def test_an_interrupted_choice_leaves_the_older_fit(small, no_sources, monkeypatch):
    classifier = TransferClassifier(None, recipe=SHORT).fit(small)
    expected = classifier.predict_proba(small)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(classifier_module, "choose", interrupt)
    with pytest.raises(KeyboardInterrupt):
        classifier.set_params(source="auto").fit(small)
    np.testing.assert_array_equal(classifier.predict_proba(small), expected)


def test_a_bar_is_shown_where_it_can_move():
    from io import StringIO

    from rich.console import Console

    assert progress_module._is_watched(Console(force_terminal=True))
    assert progress_module._is_watched(Console(force_jupyter=True))
    assert not progress_module._is_watched(Console(file=StringIO(), force_jupyter=False))
