"""All kinds of candidates, and what becomes of them when they are saved and loaded."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import safetensors.numpy
import torch

from headstart.choice import MEMBERS, dictionary, features, intervals, stratified_folds
from headstart.choice.dictionary import MARGIN, Dictionary
from headstart.choice.features import TRANSFORMS, FeatureCandidate, FeatureMember
from headstart.choice.forest import fit_forest
from headstart.choice.frozen import Frozen
from headstart.choice.intervals import Intervals
from headstart.choice.kernels import MIN_LENGTH, MiniRocketKernels, MultiRocketHydraKernels
from headstart.choice.networks import NetworkCandidate, NetworkMember
from headstart.choice.ridge import fit_ridge
from headstart.data import Dataset
from headstart.data.preprocessing import z_normalise
from headstart.errors import ModelError
from headstart.networks import NETWORKS
from headstart.training import Recipe

SHORT = Recipe("short", epochs=2)


@pytest.fixture
def makers(source):
    return {
        "frozen": partial(Frozen.of_source, source),
        "minirocket": MiniRocketKernels.of,
        "multirocket-hydra": MultiRocketHydraKernels.of,
        "quant": Intervals.of,
        "weasel": Dictionary.of,
    }


@pytest.fixture(params=["frozen", "minirocket", "multirocket-hydra", "quant", "weasel", "scratch", "fine-tuned"])
def candidate(request, makers, source):
    if request.param in makers:
        fit_head = fit_forest if request.param == "quant" else fit_ridge
        return FeatureCandidate(request.param, "some", makers[request.param], fit_head=fit_head)
    start = source if request.param == "fine-tuned" else None
    return NetworkCandidate(request.param, start, recipe=SHORT, n_members=2, device="cpu")


def reloaded(member, folder):
    paths = []
    for i, content in enumerate(member.to_files()):
        paths.append(folder / f"{i}.safetensors")
        paths[-1].write_bytes(content)
    return type(member).from_files(paths)


@pytest.mark.parametrize("data", ["target", "unequal"])
def test_candidates(candidate, data, request, tmp_path):
    data = request.getfixturevalue(data)
    folds = stratified_folds(data.y, 2)
    trial = candidate.trial(data, folds)
    assert trial.held_out.shape == (data.n_cases, data.n_classes)
    assert np.isfinite(trial.held_out).all()
    member = candidate.fit(data)
    if trial.member is not None:
        np.testing.assert_array_equal(trial.member.scores(data), member.scores(data))
    assert type(member) in MEMBERS.values()
    again = reloaded(member, tmp_path)
    np.testing.assert_array_equal(again.scores(data), member.scores(data))
    longer = Dataset.from_arrays("longer", np.repeat(data.X[:, :, :5], 9, axis=2))
    np.testing.assert_array_equal(again.scores(longer), member.scores(longer))


def test_one_network_a_fold_is_trained_and_several_in_the_fit(target):
    candidate = NetworkCandidate("scratch", None, recipe=SHORT, n_members=3, device="cpu")
    folds = stratified_folds(target.y, 2)
    held_out = candidate.trial(target, folds).held_out
    np.testing.assert_array_equal(held_out, replace(candidate, n_members=1).trial(target, folds).held_out)
    assert [network.card.seed for network in candidate.fit(target).networks] == [0, 1, 2]
    assert candidate.n_epochs(target.n_cases, folds) == (2 + 3) * SHORT.epochs


def test_hydra_takes_a_few_series_at_a_time(target, monkeypatch):
    kernels = MultiRocketHydraKernels.of(target)
    whole = kernels(target)
    monkeypatch.setattr("headstart.choice.kernels._MOST_STEPS", 2 * target.X.shape[2])
    np.testing.assert_array_equal(kernels(target), whole)


def test_many_series_are_predicted_in_batches(makers, target, monkeypatch):
    member = FeatureCandidate("", "some", makers["minirocket"]).fit(target)
    at_once = member.scores(target)
    monkeypatch.setattr(features, "_MOST_CASES", 7)
    np.testing.assert_allclose(member.scores(target), at_once, rtol=1e-5, atol=1e-6)


def test_a_class_may_have_no_case(candidate, target):
    part = target.subset(np.flatnonzero(target.y > 0))
    scores = candidate.fit(part).scores(part)
    assert scores.shape == (part.n_cases, 3)
    assert (scores[:, 1:].max(axis=1) > scores[:, 0]).all()


def test_balanced_classes_change_what_is_fitted(candidate):
    noise = np.random.default_rng(0).normal(size=(60, 30))  # says nothing of the class
    data = Dataset.from_arrays("noise", noise[:30], labels=np.arange(30) % 6 == 0)
    new = Dataset.from_arrays("new", noise[30:])
    balanced = replace(candidate, balanced=True).fit(data)
    lead = [np.diff(member.scores(new), axis=1).mean() for member in (candidate.fit(data), balanced)]
    assert lead[1] > lead[0] + 0.01, "the rare class gains"
    assert all(network.card.balanced for network in balanced.networks)


@pytest.mark.parametrize(
    "candidate",
    [
        NetworkCandidate("scratch", None, recipe=SHORT, device="cpu"),
        FeatureCandidate("QUANT", "intervals", Intervals.of, fit_head=fit_forest),
    ],
    ids=["network", "trees"],
)
def test_held_out_cases_are_not_trained_on(target, candidate):
    """What a candidate makes of a fold does not depend on the labels of the fold."""
    fold = stratified_folds(target.y, 4)[0]
    other = target.y.copy()
    other[fold] = (other[fold] + 1) % 3
    first, second = (candidate.trial(data, [fold]).held_out for data in (target, replace(target, y=other)))
    np.testing.assert_array_equal(first[fold], second[fold])
    assert np.isnan(np.delete(first, fold, axis=0)).all()


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_transforms_leave_generators_and_threads_alone(name, makers, target):
    np.random.seed(3)  # noqa: NPY002
    torch.manual_seed(3)
    expected = np.random.random(), torch.rand(1).item()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    torch.manual_seed(3)
    n_threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        transform = makers[name](target)
        transform(target)
        type(transform).restored(transform.settings(), transform.arrays())
        assert (np.random.random(), torch.rand(1).item()) == expected  # noqa: NPY002
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(n_threads)


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_a_series_has_the_same_features_in_any_company(name, makers, unequal):
    transform = makers[name](unequal)
    together = transform(unequal)
    for i in (0, 7):
        np.testing.assert_allclose(transform(unequal.subset([i]))[0], together[i], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_pooled_features_of_every_network(name, target):
    frozen = Frozen.untrained(name, target)
    features = frozen(target)
    assert features.shape[0] == target.n_cases
    assert features.shape[1] > 3 * frozen.network.n_features or name == "dilated"
    assert np.isfinite(features).all()
    assert (features.std(axis=0) > 0).mean() > 0.5


def test_pooled_features_are_what_they_say(source, target):
    """The last layer's means are the network's own features."""
    network = source.new_network()
    features = Frozen.of_source(source, target)(target)
    n = features.shape[1] // 2
    last_mean, last_maximum, last_share = np.split(features[:, n - 3 * 128 : n], 3, axis=1)
    with torch.inference_mode():
        x = torch.from_numpy(z_normalise(target).X)
        h = network.block3(network.block2(network.block1(x)))
    np.testing.assert_allclose(last_mean, h.mean(dim=2), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(last_maximum, h.amax(dim=2), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(last_share, (h > 0).float().mean(dim=2), atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what aeon gives numpy to round
def test_kernels_and_intervals_are_aeons(italy):
    """The same predictions as aeon's classifiers make, but for what is almost a tie."""
    from aeon.classification.convolution_based import MiniRocketClassifier, MultiRocketHydraClassifier
    from aeon.classification.interval_based import QUANTClassifier

    train, test = z_normalise(italy[0]), z_normalise(italy[1]).subset(range(200))
    for make, fit_head, theirs in (
        (MiniRocketKernels.of, fit_ridge, MiniRocketClassifier(random_state=0)),
        (
            MultiRocketHydraKernels.of,
            partial(fit_ridge, standardise=False),
            MultiRocketHydraClassifier(random_state=0),
        ),
        (Intervals.of, fit_forest, QUANTClassifier(random_state=0)),
    ):
        ours = FeatureCandidate("ours", "some", make, fit_head=fit_head).fit(train).scores(test)
        agrees = train.classes[ours.argmax(axis=1)] == theirs.fit(train.X, train.labels).predict(test.X)
        assert agrees.mean() >= 0.98


def test_words_are_counted_at_every_place(target):
    transform = Dictionary.of(target)
    n_words = [2 ** len(letters.bounds) for letters in transform.letters]
    counts = np.split(transform(target), np.cumsum(n_words)[:-1], axis=1)
    for window, of_window in zip(transform.windows, counts, strict=True):
        n_steps = transform.length + 2 * MARGIN - window.of_differences
        assert (of_window.sum(axis=1) == n_steps - (window.length - 1) * window.dilation).all()
    assert {window.of_differences for window in transform.windows} == {True, False}


def test_letters_are_fourier_coefficients():
    X = np.random.default_rng(0).normal(size=(3, 2, 40)).astype(np.float32)
    X[0, 1, 20:] = X[0, 1, 19]  # a window without variance is not divided
    window = dictionary.Window(channel=1, length=7, dilation=3, of_differences=True)
    found = window.coefficients(X)
    series = np.diff(np.pad(X[:, 1], ((0, 0), (MARGIN, MARGIN))), axis=1)
    for case in range(3):
        for place in range(found.shape[1]):
            seen = series[case, place : place + 7 * 3 : 3]
            spectrum = np.fft.rfft(seen) / (seen.std() or 1)
            np.testing.assert_allclose(found[case, place], np.append(spectrum.real, -spectrum.imag), atol=6e-4)
    letters = dictionary.Letters.of(found, n_letters=3, at_median=True)
    variance = found.reshape(-1, found.shape[2]).var(axis=0)
    assert set(letters.coefficients) == set(np.argsort(variance)[-3:])
    is_high = found[0][:, letters.coefficients] > letters.bounds
    words = (is_high * [1, 2, 4]).sum(axis=1)
    np.testing.assert_array_equal(letters.counts(found)[0], np.bincount(words, minlength=8))


def test_words_know_what_weasel_knows(italy):
    """aeon draws other windows, and selects words by the labels, so that predictions are not the same."""
    from aeon.classification.dictionary_based import WEASEL_V2

    train, test = z_normalise(italy[0]), z_normalise(italy[1]).subset(range(200))
    ours = FeatureCandidate("ours", "some", Dictionary.of).fit(train).scores(test)
    theirs = WEASEL_V2(random_state=0).fit(train.X, train.labels).predict(test.X)
    assert (train.classes[ours.argmax(axis=1)] == theirs).mean() > 0.95


def test_each_of_fifty_channels_has_its_words(make_waves):
    windows = Dictionary.of(make_waves("many", 6, n_channels=50)).windows
    assert {window.channel for window in windows} == set(range(50))


def test_words_of_many_series_are_counted_in_batches(monkeypatch, unequal):
    transform = Dictionary.of(unequal)
    together = transform(unequal)
    monkeypatch.setattr(dictionary, "_MOST_VALUES", 3 * transform.length)
    np.testing.assert_array_equal(transform(unequal), together)
    fewer = Dictionary.of(unequal)  # of 16 series each sixth is looked at
    assert fewer.windows == transform.windows
    pairs = zip(fewer.letters, transform.letters, strict=True)
    assert any(one.bounds.tolist() != other.bounds.tolist() for one, other in pairs)


def test_short_series_are_drawn_out():
    data = Dataset.from_arrays("short", [[0, 1, 2], [2, 1, 0], [0, 2], [3, 1]], labels=[0, 1, 0, 1])
    for cls in (MiniRocketKernels, MultiRocketHydraKernels, Intervals, Dictionary):
        transform = cls.of(data)
        assert transform.length == MIN_LENGTH
        assert np.isfinite(transform(data)).all()


def test_intervals_of_many_series_are_taken_in_batches(monkeypatch, unequal):
    transform = Intervals.of(unequal)
    together = transform(unequal)
    monkeypatch.setattr(intervals, "_MOST_VALUES", 3 * 2 * transform.length)
    np.testing.assert_array_equal(transform(unequal), together)


def test_a_model_of_before_there_were_other_heads(target, tmp_path):
    member = FeatureCandidate("MiniROCKET", "kernels", MiniRocketKernels.of).fit(target)
    arrays = safetensors.numpy.load(member.to_files()[0])
    header = {"transform": "minirocket", "settings": member.transform.settings()}
    safetensors.numpy.save_file(arrays, tmp_path / "old.safetensors", metadata={"headstart": json.dumps(header)})
    again = FeatureMember.from_files([tmp_path / "old.safetensors"])
    np.testing.assert_array_equal(again.scores(target), member.scores(target))


def test_a_damaged_member_is_refused(target, tmp_path):
    (content,) = FeatureCandidate("MiniROCKET", "kernels", MiniRocketKernels.of).fit(target).to_files()
    path = tmp_path / "member.safetensors"
    for wrong in (
        content[:1000],
        b"",
        content.replace(b"minirocket", b"maxirocket"),
        content.replace(b"ridge", b"bridg"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(ModelError, match=r"member\.safetensors"):
            FeatureMember.from_files([path])
    with pytest.raises(ModelError, match=r"missing\.safetensors"):
        FeatureMember.from_files([tmp_path / "missing.safetensors"])
    with pytest.raises(ModelError, match=r"missing\.safetensors"):
        NetworkMember.from_files([tmp_path / "missing.safetensors"])


def test_an_interrupt_is_not_swallowed(monkeypatch, target):
    from headstart.choice import networks

    finished = networks.pretrain(target, recipe=SHORT, with_prototypes=False)
    half = replace(finished, card=replace(finished.card, interrupted=True))
    monkeypatch.setattr(networks, "pretrain", lambda *args, **kwargs: half)
    with pytest.raises(KeyboardInterrupt):
        NetworkCandidate("scratch", None, recipe=SHORT).fit(target)
