"""Sources found by name, and the commands that list, show, check and add them."""

import dataclasses
import os
import shutil

import pytest

from headstart.classifier import TransferClassifier
from headstart.data import Dataset, load
from headstart.errors import HeadstartError, ModelError, UnknownNameError
from headstart.training import Recipe
from headstart.zoo import Source, copy_into, find, known_sources, load_folder, names, own_folder, sources_at, verify

SHORT = Recipe("short", epochs=1)


def named(source: Source, name: str, **fields) -> Source:
    return dataclasses.replace(source, card=dataclasses.replace(source.card, dataset=name, **fields))


@pytest.fixture
def zoo(own, source, trunk):
    """Two shipped sources, one of which the user has too, and a trunk of the user's."""
    names.SHIPPED.mkdir()
    own.mkdir(parents=True)
    named(source, "shipped").save(names.SHIPPED / "FiftyWords.safetensors")
    named(source, "shipped").save(names.SHIPPED / "Wine.safetensors")
    named(source, "own").save(own / "Wine.safetensors")
    trunk.save(own / "universal.safetensors")
    return own


def test_names(zoo, monkeypatch, tmp_path):
    assert list(known_sources()) == ["FiftyWords", "Wine", "universal"]
    assert find("Wine").card.dataset == "own"
    assert find("FiftyWords").card.dataset == "shipped"
    assert find("50words").card.dataset == "shipped"
    assert find("universal").is_trunk
    assert find(names.SHIPPED / "Wine.safetensors").card.dataset == "shipped"
    monkeypatch.chdir(zoo.parent)
    assert find("zoo/Wine.safetensors").card.dataset == "own"
    shutil.copy(zoo / "universal.safetensors", "Wine")
    assert find("Wine").is_trunk, "a file that exists comes first"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("Wime", UnknownNameError, r"unknown source 'Wime'. Did you mean 'Wine'\? 3 known: headstart zoo list$"),
        ("Wine.safetensors", ModelError, "Wine.safetensors: there is no such source file"),
        ("zoo/Wine", ModelError, "zoo/Wine: there is no such source file"),
        ("x" * 300, UnknownNameError, "unknown source 'xxx"),
        ("", UnknownNameError, "unknown source ''"),
    ],
)
def test_names_of_nothing(zoo, name, error, message):
    with pytest.raises(error, match=message):
        find(name)


def test_no_sources_at_all(own):
    for ask in (known_sources, lambda: find("FordA")):
        with pytest.raises(
            ModelError, match=r"no sources on this machine: none ship with this headstart, and .*zoo has"
        ):
            ask()


def test_files_are_read_when_they_are_asked_for_and_once(zoo, monkeypatch):
    read = []
    monkeypatch.setattr(Source, "load", lambda path, load=Source.load: read.append(path.stem) or load(path))
    sources = load_folder(zoo)
    assert (len(sources), "Wine" in sources, "Beer" in sources) == (2, True, False)
    assert not read
    assert sources["Wine"] is sources["Wine"]
    assert read == ["Wine"]
    with pytest.raises(KeyError):
        sources["Beer"]


def test_hidden_files_are_no_sources(zoo):
    """Such as those of a write under way."""
    (zoo / ".Wine.safetensors.x1.safetensors").write_bytes(b"")
    assert "universal" in load_folder(zoo)
    assert len(load_folder(zoo)) == 2


# Used by name


def test_classifier_from_a_name(zoo, small):
    classifier = TransferClassifier("universal", recipe=SHORT).fit(small)
    assert classifier.model_.card.started_from == "universal"
    assert TransferClassifier("nearest", recipe=SHORT).fit(gun_points()).source_.card.dataset in ("own", "shipped")
    with pytest.raises(UnknownNameError, match=r"unknown source 'universe'\. Did you mean 'universal'"):
        TransferClassifier("universe", recipe=SHORT).fit(small)


def test_commands_with_names(headstart, zoo, tmp_path):
    ended = headstart("fit", "GunPoint", "--source", "FiftyWords", "--epochs", 1, "--out", tmp_path / "model")
    assert ended.code == 0
    assert "fine-tuned from shipped" in ended.text
    ended = headstart("rank", "GunPoint")
    assert ended.code == 0
    assert all(name in ended.text for name in ("FiftyWords", "Wine", "universal"))


def test_commands_without_any_source(headstart, own, tmp_path):
    for arguments in (
        ("rank", "GunPoint"),
        ("fit", "GunPoint", "--source", "nearest", "--out", tmp_path / "model"),
        ("fit", "GunPoint", "--source", "FordA", "--out", tmp_path / "model"),
    ):
        ended = headstart(*arguments)
        assert ended.code == 2
        assert "there are no sources on this machine: none ship with this headstart" in ended.message
        assert "make one with `headstart pretrain" in ended.message


def gun_points() -> Dataset:
    return load("GunPoint")[0].subset(range(10))


# Checking and adding


DAMAGES = {
    "flipped byte": (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "the sha256 differs"),
    "truncated": (lambda content: content[:-100], "is not a whole safetensors file"),
    "card edited by hand": (lambda content: content.replace(b'seed\\": 3', b'seed\\": 4'), "the sha256 differs"),
    "newer": (
        lambda content: content.replace(b'format_version\\": 1', b'format_version\\": 9'),
        "has format version 9",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_found_and_not_added(headstart, zoo, tmp_path, damage, message):
    folder = tmp_path / "folder"
    shutil.copytree(zoo, folder)
    content = (folder / "Wine.safetensors").read_bytes()
    (folder / "Wine.safetensors").write_bytes(damage(content))
    assert (folder / "Wine.safetensors").read_bytes() != content
    problems = verify(load_folder(folder))
    assert list(problems) == ["Wine"]
    assert message in problems["Wine"]
    ended = headstart("zoo", "verify", folder)
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{folder / 'Wine.safetensors'}: ")
    assert message in lines[0]
    assert lines[1] == "1 of 2 sources are whole."
    shutil.rmtree(zoo)
    refused = headstart("zoo", "add", folder)
    assert refused.code == 2
    assert message in refused.message
    assert not zoo.exists()


def test_verify_all_that_are_found_by_name(headstart, zoo):
    (names.SHIPPED / "Wine.safetensors").write_bytes(b"damaged, though the user's own hides it")
    ended = headstart("zoo", "verify")
    assert ended.code == 1
    assert ended.text.endswith("3 of 4 sources are whole.")
    shutil.rmtree(names.SHIPPED)
    assert headstart("zoo", "verify").code == 0
    assert headstart("zoo", "verify", zoo / "Wine.safetensors").text == "1 of 1 sources are whole."


def test_add(headstart, own, source, tmp_path):
    source.save(tmp_path / "Mine.safetensors")
    ended = headstart("zoo", "add", tmp_path / "Mine.safetensors")
    assert ended.code == 0
    assert "Mine" in ended.out
    assert (own / "Mine.safetensors").read_bytes() == (tmp_path / "Mine.safetensors").read_bytes()
    assert find("Mine").card == source.card
    assert own_folder() == own
    assert headstart("zoo", "add", tmp_path / "missing").code == 2


def test_add_replaces_nothing_unasked(headstart, zoo, source, tmp_path):
    named(source, "another").save(tmp_path / "Wine.safetensors")
    before = (zoo / "Wine.safetensors").read_bytes()
    ended = headstart("zoo", "add", tmp_path / "Wine.safetensors")
    assert ended.code == 2
    assert "has other sources named Wine; leave these out, or say that they are to be replaced" in ended.message
    assert (zoo / "Wine.safetensors").read_bytes() == before
    ended = headstart("zoo", "add", tmp_path / "Wine.safetensors", "--replace")
    assert ended.code == 0
    assert "used in place of the shipped ones of the same name: Wine" in ended.text
    assert find("Wine").card.dataset == "another"
    assert headstart("zoo", "add", tmp_path / "Wine.safetensors").code == 0, "the same again is no other"


def test_members_of_a_choice_are_no_sources(headstart, own, small, tmp_path):
    TransferClassifier(budget="fast").fit(small).save(tmp_path / "model")
    ended = headstart("zoo", "add", tmp_path / "model")
    assert "member1.safetensors: is a part of a model, and no source to start from" in ended.message


def test_a_folder_that_cannot_be_made(own, source, tmp_path):
    source.save(tmp_path / "Mine.safetensors")
    (tmp_path / "file").write_text("")
    with pytest.raises(HeadstartError, match=r"cannot make .*file"):
        copy_into(tmp_path / "file" / "zoo", sources_at(tmp_path / "Mine.safetensors"))
    assert not os.path.exists(own)


# Listing and showing


def test_list(headstart, zoo, source):
    shutil.rmtree(names.SHIPPED)
    named(source, "Old", domain="ECG", test_accuracy=0.91, min_length=50, max_length=90).save(zoo / "Old.safetensors")
    every = headstart("zoo", "list")
    assert every.code == 0
    assert [line.split()[0] for line in every.out.splitlines()[1:4]] == ["Old", "Wine", "universal"]
    assert "Old ECG 20 50 to 90 2 0.910 fcn" in every.text
    assert "universal - 20 24 - - fcn" in every.text
    for options, expected in {
        ("--domain", "ecg"): ["Old"],
        ("--min-length", 25): ["Old"],
        ("--max-length", 24): ["Wine", "universal"],
        ("--classes", 0): ["universal"],
        ("--classes", 2): ["Old", "Wine"],
        ("--channels", 1): ["Old", "Wine", "universal"],
        ("--channels", 2): [],
        ("--classes", 2, "--max-length", 80): ["Wine"],
    }.items():
        ended = headstart("zoo", "list", *options)
        assert [line.split()[0] for line in ended.out.splitlines()[1:-1]] == expected, options
        assert ended.out.splitlines()[-1] == f"{len(expected)} of 3 sources."


def test_a_damaged_source_does_not_end_what_needs_others(headstart, zoo):
    (zoo / "Mine.safetensors").write_bytes(b"cut off")
    for command in (("zoo", "list"), ("zoo", "overlap", "ItalyPowerDemand")):
        ended = headstart(*command)
        assert ended.code == 0, ended.err
        assert "Left out: " in ended.text
        assert "Mine.safetensors: is not a whole safetensors file" in ended.text
        assert "Wine" in ended.text or "overlap with ItalyPowerDemand" in ended.text


def test_list_of_nothing(headstart, own):
    ended = headstart("zoo", "list")
    assert ended.code == 2
    assert "there are no sources on this machine" in ended.message


def test_show(headstart, zoo, tmp_path):
    ended = headstart("zoo", "show", "universal")
    assert ended.code == 0
    assert "trained on universal: One, Two" in ended.text
    assert "none: it is fine-tuned, and cannot predict" in ended.text
    ended = headstart("zoo", "show", "wine", "--picture", tmp_path / "wine.svg")
    assert "prototypes 2" in ended.text
    assert "accuracy not measured" in ended.text
    assert "Prototypes of the classes" in (tmp_path / "wine.svg").read_text()
    assert headstart("zoo", "show", "wine", "--picture", tmp_path / "wine.gif").code == 2
    assert "Did you mean 'Wine'" in headstart("zoo", "show", "Wime").message
