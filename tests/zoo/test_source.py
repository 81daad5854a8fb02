"""Sources: what is saved comes back, and what was damaged is refused and never executed."""

import dataclasses
import json
import os
import pickle

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from headstart.data import Dataset
from headstart.data.signatures import NO_SIGNATURE, series_signatures
from headstart.errors import DataError, HeadstartError, ModelError
from headstart.training import RECIPES, Recipe
from headstart.transfer import fine_tune
from headstart.zoo import Source, load_folder, pretrain, pretraining
from headstart.zoo import source as source_module

SHORT = Recipe("short", epochs=2)


@pytest.fixture
def saved(source, tmp_path):
    path = tmp_path / "source.safetensors"
    source.save(path)
    return path


def assert_same(first: Source, second: Source) -> None:
    assert first.card == second.card
    assert list(first.weights) == list(second.weights) or set(first.weights) == set(second.weights)
    for name, tensor in first.weights.items():
        assert tensor.dtype == second.weights[name].dtype
        assert tensor.numpy().tobytes() == second.weights[name].numpy().tobytes()
    assert (first.prototypes is None) == (second.prototypes is None)
    if first.prototypes is not None:
        np.testing.assert_array_equal(first.prototypes.X, second.prototypes.X)
        np.testing.assert_array_equal(first.prototypes.codes, second.prototypes.codes)


def rewrite(path, change) -> None:
    """Let `change` work on the header's entry and the tensors of a source file, and write them back."""
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    header = json.loads(metadata["headstart"])
    change(header, tensors)
    path.write_bytes(safetensors.torch.save(tensors, metadata={"headstart": json.dumps(header)}))


# Pretraining


def test_card(source, small):
    card = source.card
    assert (card.dataset, card.fingerprint, card.seen) == ("ItalyPowerDemand", small.fingerprint, [small.fingerprint])
    assert (card.classes, card.n_cases, card.n_channels, card.min_length, card.max_length) == ([1, 2], 20, 1, 24, 24)
    assert (card.network, card.recipe, card.seed, card.normalise) == ("fcn", SHORT.to_dict(), 3, True)
    assert len(card.losses) == 2
    assert card.losses[card.best_epoch - 1] == min(card.losses)
    assert card.train_seconds > 0
    assert not card.interrupted
    assert card.started_from is None
    assert card.test_accuracy is None
    assert card.device in ("cpu", "cuda")
    assert card.versions["torch"] == torch.__version__
    assert source.prototypes.codes.tolist() == [0, 1]


def test_same_seed_same_source(source, small):
    again, other = (pretrain(small, recipe=SHORT, seed=seed) for seed in (3, 4))
    again = dataclasses.replace(again, card=dataclasses.replace(again.card, train_seconds=source.card.train_seconds))
    assert again.to_bytes() == source.to_bytes()
    assert not torch.equal(other.weights["head.weight"], source.weights["head.weight"])


def test_the_data_stay_as_they_are(small):
    before = small.X.copy(), small.y.copy()
    pretrain(small, recipe=SHORT, with_prototypes=False)
    np.testing.assert_array_equal(small.X, before[0])
    np.testing.assert_array_equal(small.y, before[1])


def test_normalisation_is_kept_with_the_source(small):
    scaled = dataclasses.replace(small, X=small.X * 10 + 5)
    with_it, scaled_with_it = (pretrain(data, recipe=SHORT, with_prototypes=False) for data in (small, scaled))
    without = pretrain(small, recipe=SHORT, normalise=False, with_prototypes=False)
    np.testing.assert_allclose(with_it.card.losses, scaled_with_it.card.losses, rtol=1e-3)
    assert without.card.losses != with_it.card.losses
    assert not without.card.normalise
    np.testing.assert_array_equal(without.prepare(small).X, small.X)
    np.testing.assert_allclose(with_it.prepare(small).X.mean(axis=2), 0, atol=1e-6)


def test_recipe_by_name(small, monkeypatch):
    monkeypatch.setitem(RECIPES, "tiny", Recipe("tiny", 1))
    assert pretrain(small, recipe="tiny", with_prototypes=False).card.recipe["name"] == "tiny"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"network": "fnc"}, "unknown network 'fnc'. Did you mean 'fcn'"),
        ({"recipe": "papr"}, "unknown recipe 'papr'. Did you mean 'paper'"),
        ({"device": "warp"}, "device 'warp' cannot be used here .*; use 'auto' or 'cpu'"),
    ],
)
def test_unknown_names(small, arguments, message):
    with pytest.raises(HeadstartError, match=message):
        pretrain(small, **{"recipe": SHORT, "with_prototypes": False} | arguments)


def test_data_that_cannot_be_trained_on(small):
    with pytest.raises(DataError, match="only one class"):
        pretrain(Dataset.from_arrays("x", small.X, labels=["a"] * 20), recipe=SHORT)
    with pytest.raises(DataError, match="needs a label for every case"):
        pretrain(Dataset.from_arrays("x", small.X), recipe=SHORT)


def test_arguments_out_of_arrays(small, source, tmp_path):
    """As a loop over an array hands them on."""
    recipe = Recipe("short", epochs=np.int64(2), learning_rate=np.float64(1e-3), max_batch_size=np.int32(16))
    again = pretrain(small, recipe=recipe, seed=np.int64(3), normalise=np.True_)
    again.save(tmp_path / "a.safetensors")
    card = Source.load(tmp_path / "a.safetensors").card
    assert dataclasses.replace(card, train_seconds=0) == dataclasses.replace(source.card, train_seconds=0)


# Files


def test_round_trip(source, saved):
    loaded = Source.load(saved)
    assert_same(source, loaded)
    assert loaded.to_bytes() == saved.read_bytes()
    x = torch.randn(3, 1, 24, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(source.new_network()(x), loaded.new_network()(x))


def test_round_trip_through_pickle(source):
    assert_same(source, pickle.loads(pickle.dumps(source)))


@pytest.mark.parametrize(
    "labels", [["naïve", "日本"], [1.5, 2.0], [-3, 2**40], [True, False]], ids=["text", "floats", "ints", "bools"]
)
def test_classes_of_any_type(small, tmp_path, labels):
    data = Dataset.from_arrays("any", small.X, labels=np.array(labels)[small.y])
    source = pretrain(data, recipe=SHORT, with_prototypes=False)
    source.save(tmp_path / "a.safetensors")
    loaded = Source.load(tmp_path / "a.safetensors")
    assert loaded.card == source.card
    assert [type(label) for label in loaded.card.classes] == [type(label) for label in data.classes.tolist()]


def test_network_has_a_copy_of_the_weights(source):
    before = source.weights["head.weight"].clone()
    network = source.new_network()
    with torch.no_grad():
        network.head.weight.add_(1)
    assert torch.equal(source.weights["head.weight"], before)
    assert not network.training


def test_equal_sources_give_equal_files(source, saved):
    assert all(source.to_bytes() == saved.read_bytes() for _ in range(10))


def test_flipped_byte_anywhere(source, saved):
    """Every byte of the header's beginning and end, and bytes all over the file."""
    content = saved.read_bytes()
    header_length = 8 + int.from_bytes(content[:8], "little")
    random = np.random.default_rng(0)
    places = [
        *range(60),
        *range(header_length - 60, header_length + 8),
        *random.integers(0, header_length, size=150).tolist(),
        *random.integers(header_length, len(content), size=50).tolist(),
        len(content) - 1,
    ]
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << int(random.integers(8))
        saved.write_bytes(changed)
        with pytest.raises(ModelError) as caught:
            Source.load(saved)
        assert str(saved) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_truncated(saved):
    content = saved.read_bytes()
    for length in (0, 1, 7, 8, 100, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"source\.safetensors: is not a whole safetensors file .*; make or fetch"):
            Source.load(saved)


def test_lengthened(saved):
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="is not a whole safetensors file"):
        Source.load(saved)


ALTERED = {
    "accuracy on the card": lambda header, tensors: header["card"].update(test_accuracy=0.99),
    "class on the card": lambda header, tensors: header["card"]["classes"].reverse(),
    "card without a field": lambda header, tensors: header["card"].pop("seed"),
    "one weight": lambda header, tensors: tensors["network.head.weight"][0, 0].add_(1e-3),
    "minus zero": lambda header, tensors: tensors["network.head.bias"].zero_().neg_(),
    "another type": lambda header, tensors: tensors.update(
        {"network.head.bias": tensors["network.head.bias"].view(torch.int32)}
    ),
    "weights without bits to compare": lambda header, tensors: tensors.update(
        {"network.head.bias": tensors["network.head.bias"].bfloat16()}
    ),
    "swapped names": lambda header, tensors: tensors.update(
        {
            "network.block1.norm.weight": tensors["network.block1.norm.bias"],
            "network.block1.norm.bias": tensors["network.block1.norm.weight"],
        }
    ),
    "one tensor more": lambda header, tensors: tensors.update({"network.more": torch.zeros(1)}),
    "one tensor less": lambda header, tensors: tensors.pop("network.head.bias"),
    "prototype": lambda header, tensors: tensors["prototypes.X"][0, 0, 0].add_(1),
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_altered(saved, change):
    rewrite(saved, change)
    with pytest.raises(ModelError, match="card or weights were altered since the file was written"):
        Source.load(saved)


def test_newer_version(saved):
    rewrite(saved, lambda header, tensors: header.update(format_version=2))
    with pytest.raises(ModelError, match="has format version 2, this headstart reads 1; install a newer headstart"):
        Source.load(saved)


def signed(change):
    """A change after which the digest is right again, as another version of headstart would write it."""

    def change_and_sign(header, tensors):
        change(header, tensors)
        header["sha256"] = source_module._digest(header["card"], tensors)

    return change_and_sign


OTHER_VERSIONS = {
    "field more": lambda header, tensors: header["card"].update(mood="good"),
    "field less": lambda header, tensors: header["card"].pop("seed"),
    "unknown network": lambda header, tensors: header["card"].update(network="transformer"),
    "card is a list": lambda header, tensors: header.update(card=["fcn"]),
    "weight less": lambda header, tensors: tensors.pop("network.head.bias"),
    "no such number of channels": lambda header, tensors: header["card"].update(n_channels=-1),
    "very many channels": lambda header, tensors: header["card"].update(n_channels=10**30),
    "text for a number": lambda header, tensors: header["card"].update(best_epoch="3"),
    "a number for a list": lambda header, tensors: header["card"].update(classes=2),
    "text among losses": lambda header, tensors: header["card"].update(losses=[0.5, "0.4"]),
    "a list for a network": lambda header, tensors: header["card"].update(network=["fcn"]),
    "prototypes of another shape": lambda header, tensors: tensors.update({"prototypes.X": torch.zeros(2, 3)}),
    "prototypes without codes": lambda header, tensors: tensors.pop("prototypes.codes"),
    "signatures of another kind": lambda header, tensors: tensors.update({"signatures": torch.zeros(2, 1, 8)}),
    "signatures of another length": lambda header, tensors: tensors.update(
        {"signatures": torch.zeros(2, 1, 4, dtype=torch.int16)}
    ),
    "prototypes of other channels": lambda header, tensors: tensors.update({"prototypes.X": torch.zeros(2, 3, 24)}),
    "prototypes of nothing": lambda header, tensors: tensors["prototypes.X"].fill_(torch.nan),
    "prototypes with a gap": lambda header, tensors: tensors["prototypes.X"][0, 0, 3:5].fill_(torch.nan),
    "infinite prototypes": lambda header, tensors: tensors["prototypes.X"][0, 0, 3:5].fill_(torch.inf),
    "prototypes of no class": lambda header, tensors: tensors["prototypes.codes"].fill_(9),
    "recipe without a name": lambda header, tensors: header["card"]["recipe"].pop("name"),
    "commands for the terminal": lambda header, tensors: header["card"].update(domain="\x1b]0;title\x07"),
    "commands in a class": lambda header, tensors: header["card"].update(classes=["\x1b[31mred", "blue"]),
    "weights of another shape": lambda header, tensors: tensors.update({"network.head.bias": torch.zeros(5)}),
}


def test_blanks_in_a_class(small, tmp_path):
    labels = np.where(small.y == 0, "one\ttab", "two\nlines")
    source = pretrain(Dataset.from_arrays("mine", small.X, labels), recipe=Recipe("short", 1))
    source.save(tmp_path / "mine.safetensors")
    assert Source.load(tmp_path / "mine.safetensors").card.classes == ["one\ttab", "two\nlines"]


@pytest.mark.parametrize("change", OTHER_VERSIONS.values(), ids=OTHER_VERSIONS)
def test_card_of_another_version(saved, change):
    rewrite(saved, signed(change))
    with pytest.raises(ModelError, match=r"do not fit this headstart \(they were made by headstart .*\); install that"):
        Source.load(saved)


def test_weights_without_a_card(saved):
    saved.write_bytes(safetensors.torch.save({"weight": torch.zeros(2)}))
    with pytest.raises(ModelError, match="holds weights but no card of a headstart source"):
        Source.load(saved)
    for damaged in ("{", "[]", "{}", "1e999", "[" * 100_000):
        saved.write_bytes(safetensors.torch.save({"weight": torch.zeros(2)}, metadata={"headstart": damaged}))
        with pytest.raises(ModelError, match="its card is damaged"):
            Source.load(saved)


def test_missing_file(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(ModelError, match="there is no such source file"):
            Source.load(path)


class _Boom:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("writer", [lambda boom, path: path.write_bytes(pickle.dumps(boom)), torch.save])
def test_pickle_is_not_executed(tmp_path, writer):
    boom = _Boom()
    boom.path = str(tmp_path / "executed")
    path = tmp_path / "evil.safetensors"
    writer(boom, path)
    with pytest.raises(ModelError, match="is not a whole safetensors file"):
        Source.load(path)
    assert os.listdir(tmp_path) == ["evil.safetensors"]
    pickle.loads(pickle.dumps(boom))  # the trap would have worked
    assert (tmp_path / "executed").is_dir()


def test_saving_fails_without_a_trace(source, tmp_path, monkeypatch):
    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    source.save(tmp_path / "older.safetensors")
    content = (tmp_path / "older.safetensors").read_bytes()
    monkeypatch.setattr(os, "fsync", full_disk)
    for name in ("new.safetensors", "older.safetensors"):
        with pytest.raises(HeadstartError, match=f"cannot write .*{name}: no space left on device"):
            source.save(tmp_path / name)
    assert os.listdir(tmp_path) == ["older.safetensors"]
    assert (tmp_path / "older.safetensors").read_bytes() == content


# Half precision


def test_half_precision_in_the_file_alone(source, saved, tmp_path):
    halved = source.halved()
    halved.save(tmp_path / "half.safetensors")
    with safetensors.safe_open(tmp_path / "half.safetensors", framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            if name.startswith("network."):
                assert file.get_tensor(name).dtype == (
                    torch.float16 if name.endswith("n.weight") or name == "network.head.weight" else torch.float32
                ), name
    assert (tmp_path / "half.safetensors").stat().st_size < 0.55 * saved.stat().st_size
    loaded = Source.load(tmp_path / "half.safetensors")
    assert_same(loaded, halved)
    assert {tensor.dtype for tensor in loaded.weights.values()} == {torch.float32}
    assert {parameter.dtype for parameter in loaded.new_network().parameters()} == {torch.float32}
    assert loaded.to_bytes() == (tmp_path / "half.safetensors").read_bytes()
    assert loaded.halved().to_bytes() == loaded.to_bytes()


def test_half_precision_rounds_matrices_and_nothing_else(source):
    halved = source.halved()
    for name, tensor in source.weights.items():
        if tensor.ndim == 1:
            assert torch.equal(halved.weights[name], tensor)
        else:
            assert not torch.equal(halved.weights[name], tensor)
            torch.testing.assert_close(halved.weights[name], tensor, rtol=2**-11, atol=2**-25)
    assert source.to_bytes() == dataclasses.replace(source, weights=dict(source.weights)).to_bytes()


def test_values_too_large_for_half_precision_stay(source):
    large = dict(source.weights) | {"head.weight": source.weights["head.weight"] + 1e6}
    halved = dataclasses.replace(source, weights=large).halved()
    assert torch.equal(halved.weights["head.weight"], large["head.weight"])


def test_a_network_from_a_halved_source_is_whole(source, small):
    """What is fine-tuned is kept in float32, as it was computed."""
    tuned = fine_tune(source.halved(), small, SHORT)
    assert len(tuned.to_bytes()) > 1.9 * len(source.halved().to_bytes())


# Trunks: sources without a head


def test_trunk_round_trip(trunk, tmp_path):
    trunk.save(tmp_path / "a.safetensors")
    loaded = Source.load(tmp_path / "a.safetensors")
    assert_same(loaded, trunk)
    assert loaded.is_trunk
    assert loaded.card.members == ["One", "Two"]


def test_trunk_is_fine_tuned_as_any_source_is(trunk, source, italy, small):
    assert trunk.new_network().n_classes == 1
    tuned, usual = (fine_tune(start, small, SHORT, seed=5) for start in (trunk, source))
    for name, tensor in usual.weights.items():
        assert torch.equal(tuned.weights[name], tensor)
    assert not tuned.is_trunk
    assert tuned.card.members is None
    assert set(tuned.card.seen) >= set(trunk.card.seen)
    assert tuned.class_probabilities(italy[1]).shape == (1029, 2)


def test_trunk_does_not_predict(trunk, small):
    with pytest.raises(
        ModelError, match="the source universal has no classes of its own and cannot predict; fine-tune"
    ):
        trunk.class_probabilities(small)


@pytest.mark.parametrize("missing", ["head.weight", "block1.convolution.weight"])
def test_a_usual_source_needs_all_its_weights(source, trunk, tmp_path, missing):
    weights = {name: tensor for name, tensor in source.weights.items() if name != missing}
    dataclasses.replace(source, weights=weights).save(tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match="do not fit this headstart"):
        Source.load(tmp_path / "a.safetensors")
    dataclasses.replace(trunk, weights=source.weights).save(tmp_path / "b.safetensors")
    with pytest.raises(ModelError, match="do not fit this headstart"):
        Source.load(tmp_path / "b.safetensors")


# What it was trained on


def test_signatures_of_all_that_was_seen(source, small, tmp_path):
    np.testing.assert_array_equal(source.signatures, series_signatures(small))
    other = Dataset.from_arrays("two channels", np.random.default_rng(0).normal(size=(4, 2, 9)), labels=[0, 1, 0, 1])
    tuned = fine_tune(source, other, SHORT)
    tuned.save(tmp_path / "a.safetensors")
    signatures = Source.load(tmp_path / "a.safetensors").signatures
    assert signatures.shape == (24, 2, 8)
    np.testing.assert_array_equal(signatures[:20, :1], source.signatures)
    assert (signatures[:20, 1] == NO_SIGNATURE).all()
    np.testing.assert_array_equal(signatures[20:], series_signatures(other))
    unknown = fine_tune(dataclasses.replace(source, signatures=None), other, SHORT)
    assert unknown.signatures is None


def test_precision_of_training(small, monkeypatch):
    recipe = Recipe("rounded", epochs=1, bfloat16=True)
    for has_it in (True, False):
        monkeypatch.setattr(pretraining, "has_bfloat16", lambda device, has_it=has_it: has_it)
        card = pretrain(small, recipe=recipe, with_prototypes=False).card
        assert card.precision == ("bfloat16" if has_it else "float32")
    assert pretrain(small, recipe=SHORT, with_prototypes=False).card.precision == "float32"


def test_loading_builds_and_draws_nothing(saved, monkeypatch):
    """Many sources are read where one is used."""
    monkeypatch.setattr(source_module, "build", None)
    state = torch.random.get_rng_state()
    Source.load(saved)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_sources_written_before_cards_had_all_fields(saved, source):
    def change(header, tensors):
        for name in ("precision", "members", "domain", "origin"):
            del header["card"][name]
        del tensors["signatures"]

    rewrite(saved, signed(change))
    assert_same(Source.load(saved), source)
    assert Source.load(saved).signatures is None


# Folders


def test_folder(source, tmp_path):
    for name in ("b", "a"):
        source.save(tmp_path / f"{name}.safetensors")
    (tmp_path / "readme.txt").write_text("")
    sources = load_folder(tmp_path)
    assert list(sources) == ["a", "b"]
    assert_same(sources["a"], source)


def test_folder_without_sources(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ModelError, match=r"has no sources \(\*\.safetensors\); make one with"):
            load_folder(folder)
