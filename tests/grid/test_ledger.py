"""The ledger: nothing whole is lost, nothing torn is believed, and merging is putting together."""

import json
import multiprocessing
import os

import pytest

from headstart.errors import HeadstartError
from headstart.grid.ledger import Ledger, read_rows


def row(cell, finished="2026-01-01T00:00:00.000Z", status="ok", **more):
    fields = {"target": "Plane", "train_fingerprint": "a", "test_fingerprint": "b"}
    return {"cell": cell, "status": status, "finished": finished} | fields | more


def write(folder, writer, *rows):
    ledger = Ledger(folder, writer)
    for one in rows:
        ledger.append(one)
    ledger.close()
    return ledger.path


def cells(folder):
    rows, _ = read_rows(folder)
    return sorted(row["cell"] for row in rows)


def test_rows_come_back(tmp_path):
    rows = [row("a", value=1.5, text="ü\n"), row("b", none=None)]
    write(tmp_path, "w", *rows)
    assert read_rows(tmp_path) == (rows, 0)
    assert read_rows(tmp_path / "nothing") == ([], 0)


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write(tmp_path, "w", row("a", value=float("nan")))


def test_torn_at_every_byte_of_the_last_row(tmp_path):
    path = write(tmp_path, "w", row("a"), row("b", text="ü"))
    whole = path.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for length in range(last, len(whole) + 1):
        path.write_bytes(whole[:length])
        is_whole = length >= len(whole) - 1  # all but, perhaps, the end of the line
        assert cells(tmp_path) == (["a", "b"] if is_whole else ["a"])
        assert read_rows(tmp_path)[1] == (not is_whole and length > last)
        reader = Ledger(tmp_path, "reader")
        assert [r["cell"] for r in reader.news()] == cells(tmp_path)


def test_torn_at_every_byte_and_joined_by_cat(tmp_path):
    one = write(tmp_path / "one", "w", row("a"), row("b")).read_bytes()
    two = write(tmp_path / "two", "v", row("c")).read_bytes()
    (tmp_path / "both").mkdir()
    for length in range(len(one) + 1):
        (tmp_path / "both" / "merged.jsonl").write_bytes(one[:length] + two)
        assert "c" in cells(tmp_path / "both")


def test_what_is_no_row_is_passed_over(tmp_path):
    path = write(tmp_path, "w", row("a"))
    path.write_bytes(
        path.read_bytes()
        + b'\0\0\xff\n[1]\n7\n{"cell": "a", "status": "ok", "finished": "2"}\n'
        + json.dumps(row("c")).encode()
        + b"\n"
    )
    assert cells(tmp_path) == ["a", "c"]
    assert read_rows(tmp_path)[1] == 4


def test_news_come_once_and_not_ones_own(tmp_path):
    mine, other = Ledger(tmp_path, "mine"), Ledger(tmp_path, "other")
    mine.append(row("a"))
    other.append(row("b"))
    assert [r["cell"] for r in mine.news()] == ["b"]
    assert list(mine.news()) == []
    torn = json.dumps(row("c")).encode()
    with other.path.open("ab") as file:
        file.write(torn[:20])
        file.flush()
        assert list(mine.news()) == []
        file.write(torn[20:] + b"\n")
    assert [r["cell"] for r in mine.news()] == ["c"]


def test_which_of_several_rows_stands(tmp_path):
    early, late = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
    write(tmp_path, "x", row("a", late, n=1), row("b", early, "failed", n=1), row("c", early, "failed", n=1))
    write(tmp_path, "y", row("a", early, n=2), row("b", late, n=2), row("c", late, "failed", n=2))
    write(tmp_path, "z", row("a", early, n=3), row("b", late, "failed", n=3))
    assert {r["cell"]: r["n"] for r in read_rows(tmp_path)[0]} == {"a": 2, "b": 2, "c": 2}
    # The same in one file, in any order.
    (tmp_path / "one").mkdir()
    files = [path.read_bytes() for path in tmp_path.glob("*.jsonl")]
    for content in (b"".join(files), b"".join(reversed(files))):
        (tmp_path / "one" / "x.jsonl").write_bytes(content)
        found = {r["cell"]: (r["status"], r["finished"]) for r in read_rows(tmp_path / "one")[0]}
        assert found == {"a": ("ok", early), "b": ("ok", late), "c": ("failed", late)}


def test_rows_of_different_data_are_not_mixed(tmp_path):
    write(tmp_path, "x", row("a"))
    write(tmp_path, "y", row("a", test_fingerprint="other"))
    with pytest.raises(HeadstartError, match=r"different data named Plane \(test fingerprint other… and b…\)"):
        read_rows(tmp_path)


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path, "w")
    ledger.append(row("a"))
    write_all = os.write
    monkeypatch.setattr(os, "write", lambda fd, line: write_all(fd, line[:10]))
    with pytest.raises(HeadstartError, match=r"cannot write .*only a part was written; make room there"):
        ledger.append(row("b"))
    monkeypatch.undo()
    ledger.append(row("c"))
    assert cells(tmp_path) == ["a", "c"]


def test_a_flush_that_fails_is_not_forgotten(tmp_path, monkeypatch):
    """That a later one succeeds does not say that the earlier row is on the disk."""
    import threading

    may_fail, has_failed, on_disk = threading.Event(), threading.Event(), []
    flush, n_flushes = os.fsync, iter(range(10))

    def first_fails(descriptor):
        if next(n_flushes) == 0:
            may_fail.wait()
            has_failed.set()
            raise OSError(5, "Input/output error")
        flush(descriptor)

    ledger = Ledger(tmp_path, "w")
    os.makedirs(tmp_path, exist_ok=True)
    ledger._descriptor = ledger._open()
    monkeypatch.setattr(os, "fsync", first_fails)
    ledger.append(row("a"), lambda: on_disk.append("a"))
    ledger.append(row("b"), lambda: on_disk.append("b"))
    may_fail.set()
    has_failed.wait()
    with pytest.raises(HeadstartError, match=r"cannot write .*input/output error"):
        ledger.close()
    assert on_disk == []
    with pytest.raises(HeadstartError, match="input/output error"):
        ledger.append(row("c"))


def _append_many(folder, name):
    write(folder, name, *(row(f"{name}-{i}", text="x" * 5000) for i in range(50)))


def test_writers_in_two_processes(tmp_path):
    other = multiprocessing.get_context("spawn").Process(target=_append_many, args=(tmp_path, "b"))
    other.start()
    mine, seen = Ledger(tmp_path, "a"), []
    n_written = 0
    while other.is_alive():
        seen += [r["cell"] for r in mine.news()]
        if seen and n_written < 50:
            mine.append(row(f"a-{n_written}", text="x" * 5000))
            n_written += 1
    assert other.exitcode == 0
    seen += [r["cell"] for r in mine.news()]
    mine.close()
    assert sorted(seen) == sorted(f"b-{i}" for i in range(50))
    assert cells(tmp_path) == sorted([*seen, *(f"a-{i}" for i in range(n_written))])
