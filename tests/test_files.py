"""Files and folders appear whole or not at all."""

import errno
import os
import stat

import pytest

from headstart import files
from headstart.errors import HeadstartError
from headstart.files import check_writable, new_folder, write_bytes, write_text


def full_disk(*arguments, **keywords):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(params=["fsync", "replace"])
def failing_step(request, monkeypatch):
    monkeypatch.setattr(files.os, request.param, full_disk)


def test_write(tmp_path):
    path = tmp_path / "a.bin"
    write_bytes(path, b"one")
    assert path.read_bytes() == b"one"
    write_bytes(str(path), b"two")
    assert path.read_bytes() == b"two"
    write_text(path, "schön\n")
    assert path.read_bytes() == "schön\n".encode()
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "usual").write_text("")
    (tmp_path / "usual folder").mkdir()
    write_bytes(tmp_path / "file", b"")
    with new_folder(tmp_path / "folder"):
        pass
    mode = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert mode["file"] == mode["usual"]
    assert mode["folder"] == mode["usual folder"]


def test_an_older_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "private.csv"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_link_stays_one(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "disk" / "real.csv")
    for content in ("first", "second"):
        write_text(tmp_path / "link.csv", content)
        assert (tmp_path / "link.csv").is_symlink()
        assert (tmp_path / "disk" / "real.csv").read_text() == content
    assert os.listdir(tmp_path / "disk") == ["real.csv"]


def test_a_link_to_a_folder_stays_one(tmp_path):
    (tmp_path / "disk" / "real").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "real")
    for content in ("first", "second"):
        check_writable(tmp_path / "link")
        with new_folder(tmp_path / "link") as folder:
            (folder / "a").write_text(content)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "disk" / "real" / "a").read_text() == content
    assert os.listdir(tmp_path / "disk") == ["real"]


@pytest.mark.usefixtures("failing_step")
def test_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(HeadstartError, match=r"cannot write .*a\.bin: no space left on device; choose another place"):
        write_bytes(tmp_path / "a.bin", b"one")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_failed_write_leaves_the_older_file(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    write_bytes(path, b"one")
    monkeypatch.setattr(files.os, step, full_disk)
    with pytest.raises(HeadstartError, match="no space left"):
        write_bytes(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "a.bin", b"one")
    assert not list(tmp_path.iterdir())


def test_new_folder(tmp_path):
    path = tmp_path / "model"
    for content in ("one", "two"):
        with new_folder(path) as temporary:
            (temporary / content).write_text(content)
        assert [file.name for file in path.iterdir()] == [content]
    assert list(tmp_path.iterdir()) == [path]


def test_new_folder_takes_the_place_of_an_empty_one(tmp_path):
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model") as temporary:
        (temporary / "file").write_text("")
    assert os.listdir(tmp_path / "model") == ["file"]
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
@pytest.mark.parametrize("has_older", [False, True])
def test_failed_folder_leaves_what_there_was(tmp_path, error, has_older):
    path = tmp_path / "model"
    if has_older:
        with new_folder(path) as temporary:
            (temporary / "old").write_text("old")
    expected = HeadstartError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected), new_folder(path) as temporary:  # noqa: PT012
        (temporary / "new").write_text("new")
        raise error
    assert os.listdir(tmp_path) == (["model"] if has_older else [])
    if has_older:
        assert os.listdir(path) == ["old"]


def test_files_of_a_folder_are_on_the_disk_before_it_appears(tmp_path, monkeypatch):
    """Without that, a power cut can leave the folder with empty files in it."""
    steps = []
    fsync, replace = os.fsync, os.replace

    def log_fsync(descriptor):
        steps.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def log_replace(source, target):
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(files.os, "fsync", log_fsync)
    monkeypatch.setattr(files.os, "replace", log_replace)
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to name what is flushed")
    with new_folder(tmp_path / "model") as temporary:
        (temporary / "one").write_text("1")
        (temporary / "two").write_text("2")
    assert sorted(steps[: steps.index("rename")]) == ["one", "two"]


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_failed_rename_restores_the_older_folder(tmp_path, monkeypatch, fails_at):
    path = tmp_path / "model"
    with new_folder(path) as temporary:
        (temporary / "old").write_text("old")
    calls = 0
    replace = os.replace

    def failing(source, target):
        nonlocal calls
        calls += 1
        if calls == fails_at:
            full_disk()
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", failing)
    if fails_at == 3:  # there are two renames only
        with new_folder(path) as temporary:
            (temporary / "new").write_text("new")
        assert os.listdir(path) == ["new"]
    else:
        with pytest.raises(HeadstartError, match="no space left"), new_folder(path) as temporary:
            (temporary / "new").write_text("new")
        assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("write", [lambda path: write_bytes(path, b""), lambda path: new_folder(path).__enter__()])
def test_places_that_cannot_be_written(tmp_path, write):
    (tmp_path / "file").write_text("content")
    for check in (write, check_writable):
        with pytest.raises(HeadstartError, match=r"the folder .*missing does not exist; make it first"):
            check(tmp_path / "missing" / "a")
        with pytest.raises(HeadstartError, match=r"cannot write .*: not a directory; choose another place"):
            check(tmp_path / "file" / "a")
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_cannot_take_the_place_of_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(HeadstartError, match=r"cannot write .*folder: is a directory"):
        write_bytes(tmp_path / "folder", b"")
    assert os.listdir(tmp_path) == ["folder"]


def test_the_folder_that_one_is_in_cannot_be_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (".", tmp_path):
        with pytest.raises(HeadstartError, match=r"it cannot be renamed, as it is in use; name a new folder in it"):
            check_writable(path)


def test_check_writable_leaves_nothing(tmp_path):
    (tmp_path / "older").write_text("content")
    check_writable(tmp_path / "new")
    check_writable(tmp_path / "older")
    assert os.listdir(tmp_path) == ["older"]
    assert (tmp_path / "older").read_text() == "content"


def test_folder_without_permission(tmp_path, monkeypatch):
    def refuse(*arguments, **keywords):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "open", refuse, raising=False)
    monkeypatch.setattr(files.tempfile, "NamedTemporaryFile", refuse)
    for check in (check_writable, lambda path: write_bytes(path, b"")):
        with pytest.raises(HeadstartError, match=r"cannot write .*x: permission denied; choose another place"):
            check(tmp_path / "x")


def test_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text("file", "content")
    with new_folder("folder") as temporary:
        (temporary / "file").write_text("")
    check_writable("other")
    assert sorted(os.listdir()) == ["file", "folder"]
