"""Pushing and pulling, against a stand-in for the Hugging Face Hub on this machine."""

import sys
import threading

import pytest

pytest.importorskip("huggingface_hub")

from headstart.errors import HeadstartError, UnknownNameError
from headstart.zoo import find, load_folder, pull, push
from tests.zoo.hub_server import HubServer

NOBODY = "http://127.0.0.1:9"


def import_anew(patch: pytest.MonkeyPatch, url: str) -> None:
    """Let huggingface_hub be imported where HF_ENDPOINT names another Hub: it looks there but once."""
    patch.setenv("HF_ENDPOINT", url)
    for name in [name for name in sys.modules if name.split(".")[0] == "huggingface_hub"]:
        patch.delitem(sys.modules, name)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The stand-in, to which HF_ENDPOINT leads."""
    with pytest.MonkeyPatch.context() as patch:
        server = HubServer()
        import_anew(patch, server.url)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("HF_TOKEN", "hf_of_a_test")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hub(server, own, source, tmp_path):
    """The stand-in with one repository of two sources."""
    server.requests.clear()
    (tmp_path / "mine").mkdir()
    for name in ("One", "Two"):
        source.save(tmp_path / "mine" / f"{name}.safetensors")
    contents = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    server.repositories = {"me/zoo": contents | {"README.md": b"", "old/Three.safetensors": b""}, "me/empty": {}}
    return server


def test_there_and_back(headstart, hub, own, tmp_path, source):
    ended = headstart("zoo", "push", "me/new", tmp_path / "mine")
    assert ended.code == 0
    assert f"2 sources uploaded to {hub.url}/me/new." in ended.text
    assert "Bearer hf_of_a_test" in hub.tokens
    assert hub.repositories["me/new"] == {p.name: p.read_bytes() for p in (tmp_path / "mine").iterdir()}
    ended = headstart("zoo", "pull", "me/new")
    assert ended.code == 0
    assert "2 sources added to" in ended.text
    assert find("One").card == source.card
    assert {p.name: p.read_bytes() for p in own.iterdir()} == hub.repositories["me/new"]


def test_push_replaces_and_keeps_the_rest(hub, source, tmp_path):
    (tmp_path / "mine" / "Two.safetensors").unlink()
    source.halved().save(tmp_path / "mine" / "One.safetensors")
    push("me/zoo", load_folder(tmp_path / "mine"))
    assert hub.repositories["me/zoo"]["One.safetensors"] == source.halved().to_bytes()
    assert hub.repositories["me/zoo"]["Two.safetensors"] == source.to_bytes()


def test_push_of_a_damaged_source(hub, tmp_path):
    (tmp_path / "mine" / "Two.safetensors").write_bytes(b"x")
    with pytest.raises(HeadstartError, match=r"Two\.safetensors: is not a whole"):
        push("me/new", load_folder(tmp_path / "mine"))
    assert not hub.requests


def test_some_names_only(headstart, hub, own):
    assert list(pull("me/zoo")) == ["One", "Two"]
    assert headstart("zoo", "pull", "me/zoo", "--name", "Two").code == 0
    assert [path.name for path in own.iterdir()] == ["Two.safetensors"]
    with pytest.raises(UnknownNameError, match=r"unknown source in hf://me/zoo 'Tow'\. Did you mean 'Two'"):
        pull("me/zoo", ["Tow"])


def test_a_damaged_source_is_not_added(headstart, hub, own):
    content = hub.repositories["me/zoo"]["Two.safetensors"]
    hub.repositories["me/zoo"]["Two.safetensors"] = content[:-1] + bytes([content[-1] ^ 1])
    ended = headstart("zoo", "pull", "me/zoo")
    assert ended.code == 2
    assert "the sha256 differs" in ended.message
    assert not own.exists()


def test_address(hub, source, monkeypatch):
    assert find("hf://me/zoo/Two").card == source.card
    assert find("hf://me/zoo/Two.safetensors").card == source.card
    n_sent = sum(request.startswith("GET") for request in hub.requests)
    find("hf://me/zoo/Two")
    assert sum(request.startswith("GET") for request in hub.requests) == n_sent, "it is kept"
    import_anew(monkeypatch, NOBODY)
    assert find("hf://me/zoo/Two").card == source.card, "it is found in the cache without the Hub"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: find("hf://me/zoo/Tow"), "hf://me/zoo/Tow: the repository has no such source; check the name"),
        (lambda: find("hf://me/zo/Two"), "hf://me/zo/Two: there is no such repository, or you may not see it"),
        (lambda: find("hf://zoo/Two"), "hf://zoo/Two: is no address of a source; write hf://OWNER/REPOSITORY/NAME"),
        (lambda: pull("me/zo"), "hf://me/zo: there is no such repository"),
        (lambda: pull("me/empty"), r"hf://me/empty: has no sources \(\*\.safetensors\)"),
        (lambda: pull("my zoo"), "hf://my zoo: is no name of a repository; write OWNER/REPOSITORY"),
    ],
)
def test_what_is_not_there(hub, ask, message):
    with pytest.raises(HeadstartError, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_the_hub_cannot_be_reached(hub, tmp_path, monkeypatch):
    import_anew(monkeypatch, NOBODY)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # before huggingface_hub tries again
    for ask in (lambda: pull("me/zoo"), lambda: push("me/zoo", load_folder(tmp_path / "mine"))):
        with pytest.raises(
            HeadstartError, match=r"hf://me/zoo: the Hub cannot be reached, or refuses \(.+\); try"
        ) as caught:
            ask()
        assert "\n" not in str(caught.value)
    with pytest.raises(HeadstartError, match="hf://me/zoo/One: the Hub cannot be reached, and the cache does not have"):
        find("hf://me/zoo/One")


def test_without_the_package(own, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HeadstartError, match=r"needs huggingface_hub: pip install 'headstart\[hub\]'"):
        pull("me/zoo")
