import hashlib
import http.server
import io
import os
import threading
import zipfile

import numpy as np
import pytest

from headstart.data import SHIPPED, archive_names, archives, download_archive, downloadable_names, find, load
from headstart.data.archives import same_name
from headstart.errors import DataError, UnknownNameError

ARCHIVE = os.environ.get("HEADSTART_ARCHIVE")
TRAIN, TEST = "1\t0\t1\n2\t1\t0\n", "2\t5\t6\n"

# Names in the 2015 release and in the 2018 release, all that differ.
RENAMED = {
    "50words": "FiftyWords",
    "CinC_ECG_torso": "CinCECGTorso",
    "Cricket_X": "CricketX",
    "Cricket_Y": "CricketY",
    "Cricket_Z": "CricketZ",
    "FISH": "Fish",
    "Gun_Point": "GunPoint",
    "Lighting2": "Lightning2",
    "Lighting7": "Lightning7",
    "MALLAT": "Mallat",
    "NonInvasiveFatalECG_Thorax1": "NonInvasiveFetalECGThorax1",
    "NonInvasiveFatalECG_Thorax2": "NonInvasiveFetalECGThorax2",
    "SonyAIBORobotSurface": "SonyAIBORobotSurface1",
    "SonyAIBORobotSurfaceII": "SonyAIBORobotSurface2",
    "synthetic_control": "SyntheticControl",
    "Two_Patterns": "TwoPatterns",
    "uWaveGestureLibrary_X": "UWaveGestureLibraryX",
    "uWaveGestureLibrary_Y": "UWaveGestureLibraryY",
    "uWaveGestureLibrary_Z": "UWaveGestureLibraryZ",
    "wafer": "Wafer",
    "WordsSynonyms": "WordSynonyms",
    "yoga": "Yoga",
}


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.tsv", content)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.delenv("HEADSTART_ARCHIVE", raising=False)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "archive"


@pytest.fixture
def archive(tmp_path):
    """An archive with one data set as a folder and one as a zip."""
    folder = tmp_path / "ucr"
    (folder / "Gun_Point").mkdir(parents=True)
    (folder / "Gun_Point" / "Gun_Point_TRAIN").write_text(TRAIN.replace("\t", ","))
    (folder / "Gun_Point" / "Gun_Point_TEST").write_text(TEST.replace("\t", ","))
    (folder / "FiftyWords.zip").write_bytes(zipped(FiftyWords_TRAIN=TRAIN, FiftyWords_TEST=TEST))
    (folder / "README.md").write_text("About the archive.")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def site(monkeypatch):
    """A stand-in for timeseriesclassification.com: file name to (status, body)."""
    served: dict[str, tuple[int, bytes]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = served.get(self.path.removeprefix("/"), (200, b"<html>no such page</html>"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + served.get("missing bytes", (0, b""))[0]))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(archives, "URL", f"http://127.0.0.1:{server.server_port}/{{name}}.zip")
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_old_and_new_names_are_the_same(old, new):
    assert same_name(old, new)
    assert same_name(new, old.lower())
    assert new in downloadable_names()
    assert [name for name in downloadable_names() if same_name(name, old)] == [new]


def write_set(folder, name, value):
    (folder / name).mkdir(parents=True)
    (folder / name / f"{name}_TRAIN.tsv").write_text(f"1\t{value}\t0\n2\t0\t{value}\n")


def test_names_that_differ_little(tmp_path):
    """Those of subjects and sessions, for instance: the one that is called just so is taken."""
    for value, name in enumerate(("user1_12", "user11_2", "Other"), start=1):
        write_set(tmp_path, name, value)
    for name in ("user1_12", "user11_2"):
        assert find(name, tmp_path) == tmp_path / name
        assert load(name, tmp_path)[0].name == name
    assert find("other", tmp_path) == tmp_path / "Other"
    with pytest.raises(DataError, match="the name 'user112' may mean user11_2 or user1_12; write it as the archive"):
        find("user112", tmp_path)


def test_names_with_a_dot(tmp_path, monkeypatch):
    write_set(tmp_path / "archive", "Set.v2", 1)
    assert archive_names(tmp_path / "archive") == ["Set.v2"]
    assert load("Set.v2", tmp_path / "archive")[0].X[0, 0].tolist() == [1, 0]
    monkeypatch.setenv("HEADSTART_ARCHIVE", str(tmp_path / "archive"))
    assert load("Set.v2")[0].name == "Set.v2"
    with pytest.raises(DataError, match=r"there is no file or folder Set\.csv; check the path"):
        load("Set.csv")


def test_the_home_of_nobody(tmp_path):
    for path in ("~nobody-of-this-name/x.csv", "~nobody-of-this-name"):
        with pytest.raises((DataError, UnknownNameError), match="nobody-of-this-name"):
            load(path)
    with pytest.raises(DataError, match="the archive folder ~nobody-of-this-name does not exist"):
        archive_names("~nobody-of-this-name")


def test_a_named_archive_comes_before_the_working_directory(tmp_path, monkeypatch):
    write_set(tmp_path / "archive", "Coffee", 1)
    write_set(tmp_path, "Coffee", 2)
    (tmp_path / "Empty").mkdir()
    write_set(tmp_path / "archive", "Empty", 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADSTART_ARCHIVE", raising=False)
    assert load("Coffee", "archive")[0].X[0, 0].tolist() == [1, 0]
    assert load("./Coffee", "archive")[0].X[0, 0].tolist() == [2, 0]
    assert load("Coffee")[0].X[0, 0].tolist() == [2, 0]
    assert load("Empty", "archive")[0].X[0, 0].tolist() == [3, 0]
    (tmp_path / "GunPoint").mkdir()  # a model, say
    (tmp_path / "GunPoint" / "network.safetensors").touch()
    assert load("GunPoint")[0].n_cases == 50


def test_parts_in_other_letters_are_found(tmp_path):
    write_set(tmp_path, "Beats", 1)
    path = tmp_path / "Beats" / "Beats_TRAIN.tsv"
    path.rename(path.with_name("beats_train.tsv"))
    assert archive_names(tmp_path) == ["Beats"]
    assert load("Beats", tmp_path)[0].n_cases == 2


def test_different_data_sets_have_different_names():
    names = downloadable_names()
    assert len({archives._key(name) for name in names}) == len(names) > 150


def test_names_of_an_archive(archive, monkeypatch):
    assert archive_names(archive) == ["FiftyWords", "Gun_Point"]
    assert set(SHIPPED) <= set(archive_names())
    monkeypatch.setenv("HEADSTART_ARCHIVE", str(archive))
    assert {"FiftyWords", "Gun_Point", "ItalyPowerDemand"} <= set(archive_names())
    assert "GunPoint" not in archive_names()  # the same set as Gun_Point


@pytest.mark.parametrize("name", ["Gun_Point", "GunPoint", "gunpoint", "50words", "FiftyWords"])
def test_load_from_an_archive(archive, name, monkeypatch):
    train, test = load(name, archive)
    assert (train.n_cases, test.n_cases) == (2, 1)
    monkeypatch.setenv("HEADSTART_ARCHIVE", str(archive))
    assert load(name)[0].fingerprint == train.fingerprint


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_data_load_without_an_archive(name):
    train, test = load(name)
    assert train.name == name
    assert train.is_labelled
    assert test.is_labelled
    assert train.n_classes >= 2


def test_archive_folder_that_does_not_exist(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"archive folder .*nowhere does not exist"):
        find("GunPoint", tmp_path / "nowhere")
    with pytest.raises(DataError, match="does not exist"):
        archive_names(tmp_path / "nowhere")
    monkeypatch.setenv("HEADSTART_ARCHIVE", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="HEADSTART_ARCHIVE"):
        load("GunPoint")


def test_known_but_not_here():
    with pytest.raises(
        DataError, match="'50words' is not on this machine; download it with 'headstart data download Fif"
    ):
        find("50words")


def test_download(site, cache, monkeypatch):
    content = zipped(Coffee_TRAIN=TRAIN, Coffee_TEST=TEST)
    site["Coffee.zip"] = 200, content
    train, test = load("coffee", download=True)
    assert (train.name, train.n_cases, test.n_cases) == ("Coffee", 2, 1)
    assert (cache / "Coffee.zip.sha256").read_text() == f"{hashlib.sha256(content).hexdigest()}  Coffee.zip\n"
    assert sorted(path.name for path in cache.iterdir()) == ["Coffee.zip", "Coffee.zip.sha256"]
    assert "Coffee" in archive_names()
    site.clear()
    assert load("Coffee")[0].fingerprint == train.fingerprint  # now offline


def test_download_that_was_altered_later(site, cache):
    site["Coffee.zip"] = 200, zipped(Coffee_TRAIN=TRAIN)
    path = download_archive("Coffee")
    path.write_bytes(zipped(Coffee_TRAIN=TEST))
    with pytest.raises(DataError, match=r"Coffee\.zip has changed since it was downloaded .*; delete it"):
        load("Coffee")
    path.with_name("Coffee.zip.sha256").write_bytes(b"")  # of a machine that lost its power
    with pytest.raises(DataError, match=r"Coffee\.zip has changed since it was downloaded .*; delete it"):
        load("Coffee")


@pytest.mark.parametrize(
    ("status", "body", "missing_bytes", "message"),
    [
        (404, b"", 0, "404 Not Found"),
        (500, b"", 0, "500 Internal Server Error"),
        (200, b"<html>no such data set</html>", 0, "served no zip with a training set"),
        (200, zipped(readme="hello"), 0, "served no zip with a training set"),
        (200, zipped(Coffee_TRAIN=TRAIN)[:-10], 0, "served no zip with a training set"),
        (200, zipped(Coffee_TRAIN=TRAIN)[:50], 100, "could not be downloaded"),
    ],
)
def test_download_that_fails(site, cache, status, body, missing_bytes, message):
    site["Coffee.zip"] = status, body
    site["missing bytes"] = missing_bytes, b""
    with pytest.raises(DataError, match=message) as caught:
        load("Coffee", download=True)
    assert "\n" not in str(caught.value)
    assert list(cache.iterdir()) == []


def test_no_connection(monkeypatch, cache):
    monkeypatch.setattr(archives, "URL", "http://127.0.0.1:9/{name}.zip")
    with pytest.raises(DataError, match=r"could not be downloaded \(ConnectionError\); check the connection"):
        download_archive("Coffee")
    assert list(cache.iterdir()) == []


def test_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"the cache .* cannot be written .*HEADSTART_CACHE"):
        download_archive("Coffee")


def test_unknown_names():
    with pytest.raises(UnknownNameError, match=r"'Cofee'\. Did you mean 'Coffee'\? \d+ known: headstart data list$"):
        find("Cofee")
    with pytest.raises(UnknownNameError, match="Did you mean 'Coffee'"):
        download_archive("Cofee")


@pytest.mark.skipif(ARCHIVE is None, reason="HEADSTART_ARCHIVE names no archive folder")
def test_every_data_set_of_the_archive_loads():
    for name in archive_names(ARCHIVE):
        train, test = load(name, ARCHIVE)
        assert train.is_labelled
        assert train.n_classes >= 2
        assert test is None or set(test.classes.tolist()) == set(train.classes.tolist())
        if name in SHIPPED:
            shipped = load(name)[0]
            assert shipped.labels.tolist() == train.labels.tolist()
            np.testing.assert_allclose(shipped.X, train.X, rtol=1e-4, atol=1e-4)
