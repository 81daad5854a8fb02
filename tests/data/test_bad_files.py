"""Bad files: each gets one sentence with what, where, and what to do."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from headstart.data import load, read
from headstart.data.readers.base import NoLabelColumnError
from headstart.errors import DataError, HeadstartError, ShapeError
from tests.data.writers import WRITERS

GOOD_TSV = "1\t0.5\t1.5\n2\t1.5\t0.5\n"
LONG = {"case": "id", "time": "t"}


def packed(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def arrays(**named: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **named)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def deflate64(content: bytes) -> bytes:
    """Say of the only member of a zip that it is packed by Deflate64, in its header and in the directory."""
    directory = content.rindex(b"PK\x01\x02")
    method = (9).to_bytes(2, "little")
    return content[:8] + method + content[10 : directory + 10] + method + content[directory + 12 :]


def damaged(content: bytes) -> bytes:
    """Change bytes in the middle of the compressed data."""
    middle = len(content) // 2
    return content[:middle] + bytes(255 - byte for byte in content[middle : middle + 8]) + content[middle + 8 :]


def parquet(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


NOISE = np.random.default_rng(0).bytes(3000)
SPEECH = "@classLabel true a b\n@data\n"
WEKA = "@relation x\n@attribute t0 numeric\n@attribute t1 numeric\n@attribute target {a,b}\n@data\n"
WEKA_CHANNELS = "@attribute s relational\n@attribute t0 numeric\n@end s\n@attribute target {a,b}\n@data\n"

# file name, content, arguments of read, what the message must say beside the file's name
BAD = {
    # any format
    "empty file": ("x.tsv", "", {}, ["empty"]),
    "only blank lines": ("x.csv", "\n  \n", {}, ["empty"]),
    "unknown suffix": ("x.xlsx", "1", {}, ["'.xlsx'", ".csv", ".tsv"]),
    "not UTF-8": ("x.tsv", "1\t2\nü\t3\n".encode("utf-16"), {}, ["line 1", "UTF-8"]),
    "corrupt gzip": ("x.tsv.gz", damaged(gzip.compress(NOISE)), {}, ["damaged"]),
    "truncated gzip": ("x.tsv.gz", gzip.compress(NOISE)[:-20], {}, ["damaged"]),
    "not gzip": ("x.tsv.gz", GOOD_TSV, {}, ["damaged"]),
    "truncated zip": ("x.zip", packed("x.tsv", NOISE)[:-30], {}, ["damaged"]),
    "zip by another method": ("x.zip", deflate64(packed("x.tsv", NOISE)), {}, ["a method that Python has not"]),
    "corrupt zip member": ("x.zip", damaged(packed("x.tsv", NOISE)), {}, ["damaged"]),
    "zip without series": ("x.zip", packed("readme.md", b"hello"), {}, ["none", "one file of series"]),
    # UCR text
    "one column": ("x.tsv", "1;2;3\n2;3;4\n", {}, ["line 1", "one column", "tabs, commas or spaces"]),
    "ragged UCR row": ("x.tsv", GOOD_TSV + "1\t2\n", {}, ["line 3", "2 columns", "3", "NaN"]),
    "long UCR row": ("x", "1,2,3\n\n2,3,4,5\n", {}, ["line 3", "4 columns"]),
    "text cell in UCR": ("x.tsv", "1\t2\t3\n2\t3\tabc\n", {}, ["line 2", "column 3", "'abc'", "not a number"]),
    "header in UCR": ("x.tsv", "label\tt0\tt1\n" + GOOD_TSV, {}, ["line 1", "header", "t0"]),
    "infinite value": ("x.tsv", "1\t2\t3\n2\tinf\t5\n", {}, ["line 2", "infinite", "time step 1"]),
    "too large for float32": ("x.tsv", "1\t2\t3\n2\t1\t1e300\n", {}, ["line 2", "too large", "time step 2"]),
    "all-NaN series": ("x.tsv", "1\t2\t3\n2\tNaN\tNaN\n", {}, ["line 2", "no values"]),
    "no UCR label": ("x.tsv", "1\t2\t3\n\t3\t4\n", {}, ["line 2", "no label"]),
    "measurements as UCR labels": (
        "x.tsv",
        "0.17\t2\t3\n0.21\t3\t4\n-0.4\t4\t3\n",
        {},
        ["column 1", "0.17", "3 different", "measurement"],
    ),
    "index as UCR labels": ("x.tsv", "".join(f"{i}\t1\t2\n" for i in range(12)), {}, ["column 1", "index"]),
    # wide tables
    "no label column": ("x.csv", "a,b,class\n1,2,x\n", {}, ["'label'", "a, b, class", "label=None"]),
    "wrong label column": ("x.csv", "a,b,label\n1,2,x\n", {"label": "kind"}, ["'kind'", "a, b, label"]),
    "label column nobody wants": ("x.csv", "a,b,label\n1,2,3\n", {"label": None}, ["'label'", "remove it"]),
    "wrong delimiter": ("x.csv", "a;b;label\n1;2;x\n", {}, ["line", "';'", "commas"]),
    "tabs in a csv": ("x.csv", "a\tb\tlabel\n1\t2\tx\n", {}, [r"'\t'", "commas"]),
    "ragged row": ("x.csv", "a,b,label\n1,2,x\n1,2,3,y\n", {}, ["line 3", "4 columns", "3"]),
    "short row": ("x.csv", "label,a,b\nx,1,2\ny,1\n", {}, ["line 3", "2 columns", "3"]),
    "all rows longer than the header": ("x.csv", "a,b,label\n1,2,3,x\n1,2,3,y\n", {}, ["line 2", "4 columns"]),
    "text cell": ("x.csv", "a,b,label\n1,2,x\n\n1,two,y\n", {}, ["line 4", "column 'b'", "'two'", "not a number"]),
    "text column": ("x.csv", "a,name,label\n1,u,x\n1,v,y\n", {}, ["line 2", "column 'name'", "'u'"]),
    "truth values": ("x.csv", "a,b,label\n1,True,x\n1,False,y\n", {}, ["line 2", "column 'b'", "'True'"]),
    "no header": ("x.csv", "1,0.5,0.25\n2,0.5,0.75\n", {}, ["no header", ".txt"]),
    "header only": ("x.csv", "a,b,label\n", {}, ["no row"]),
    "saved index": ("x.csv", ",a,label\n0,1,x\n1,2,y\n", {}, ["column 1", "no name"]),
    "two columns of one name": ("x.csv", "a,a,label\n1,2,x\n", {}, ["'a'", "rename"]),
    "id column": ("x.csv", "id,a,label\n1,2,x\n2,3,y\n", {}, ["'id'", "time step"]),
    "long table read as wide": ("x.csv", "Time,v,label\n1,2,x\n2,3,x\n", {}, ["'Time'", "case and time"]),
    "only labels": ("x.csv", "label,case,t\nx,1,2\n", {"case": "case", "time": "t"}, ["no columns of values"]),
    "label missing": ("x.csv", "a,b,label\n1,2,x\n1,2,\n", {}, ["line 3", "no label"]),
    "labels are an index": (
        "x.csv",
        "a,label\n" + "".join(f"1,{i}\n" for i in range(10)),
        {},
        ["column 'label'", "index"],
    ),
    "many columns beside numbered ones": (
        "x.csv",
        "age,sex,weight,height," + ",".join(f"t{i}" for i in range(9)) + ",label\n" + "1," * 13 + "x\n",
        {},
        ["column 'age'", "t0, t1, t2", "remove it"],
    ),
    "labels are measurements": (
        "x.csv",
        "a,b,label\n1,2,0.5\n1,2,0.75\n1,2,1.25\n",
        {},
        ["column 'label' (of a, b, label)", "0.5, 0.75, 1.25", "measurement"],
    ),
    "infinite value in csv": ("x.csv", "a,b,label\n1,2,x\n1,-inf,y\n", {}, ["line 3", "infinite", "time step 2"]),
    "no values in csv": ("x.csv", "a,b,label\n1,2,x\n,,y\n", {}, ["line 3", "no values"]),
    "open quote": ("x.csv", 'a,b,label\n1,2,"x\n3,4,y\n', {}, ["quote"]),
    # long tables
    "case without time": ("x.csv", "id,t,v,label\n1,2,3,x\n", {"case": "id"}, ["both case and time"]),
    "no case column": ("x.csv", "id,t,v,label\n1,2,3,x\n", {"case": "nr", "time": "t"}, ["'nr'", "id, t, v, label"]),
    "duplicate time step": (
        "x.csv",
        "id,t,v,label\na,1,3,x\nb,1,3,y\na,1,4,x\n",
        LONG,
        ["line 2", "line 4", "'a'", "time 1"],
    ),
    "time is text": ("x.csv", "id,t,v,label\na,1,3,x\na,soon,3,x\n", LONG, ["line 3", "column 't'", "'soon'"]),
    "time missing": ("x.csv", "id,t,v,label\na,1,3,x\na,,3,x\n", LONG, ["line 3", "column 't'"]),
    "date with the day first": ("x.csv", "id,t,v,label\na,31/01/2024,3,x\n", LONG, ["31/01/2024", "2024-01-31"]),
    "case missing": ("x.csv", "id,t,v,label\na,1,3,x\n,2,3,x\n", LONG, ["line 3", "case"]),
    "two labels of one case": (
        "x.csv",
        "id,t,v,label\na,1,3,x\na,2,3,y\n",
        LONG,
        ["line 3", "'a'", "'y'", "line 2", "'x'"],
    ),
    "text in a channel": ("x.csv", "id,t,v,label\na,1,3,x\na,2,?!,x\n", LONG, ["line 3", "column 'v'", "'?!'"]),
    "empty channel": ("x.csv", "id,t,v,w,label\na,1,3,,x\na,2,4,,x\n", LONG, ["case 'a'", "channel 2"]),
    # Parquet
    "not Parquet": ("x.parquet", b"PAR1 or not", {}, ["damaged", "not Parquet"]),
    "truncated Parquet": ("x.parquet", parquet(pd.DataFrame({"a": [1], "label": ["x"]}))[:-9], {}, ["damaged"]),
    "no label in Parquet": ("x.parquet", parquet(pd.DataFrame({"a": [1], "b": [2]})), {}, ["'label'", "a, b"]),
    "null label in Parquet": (
        "x.parquet",
        parquet(pd.DataFrame({"a": [1, 2], "label": ["x", None]})),
        {},
        ["row 2", "no label"],
    ),
    "measurements as labels in Parquet": (
        "x.parquet",
        parquet(pd.DataFrame({"a": [1, 2, 3], "label": [0.1, 0.2, 0.3]})),
        {},
        ["column 'label'", "measurement"],
    ),
    "text in Parquet": (
        "x.parquet",
        parquet(pd.DataFrame({"a": ["1", "b"], "label": ["x", "y"]})),
        {},
        ["row 2", "'a'", "'b'"],
    ),
    # .ts
    "ts without data": ("x.ts", "@classLabel true a b\n1,2:a\n", {}, ["@data"]),
    "ts with nothing after data": ("x.ts", SPEECH, {}, ["no series"]),
    "ts for regression": ("x.ts", "@targetLabel true\n@data\n1,2:0.5\n", {}, ["classes"]),
    "ts without labels": ("x.ts", "@classLabel false\n@data\n1,2\n", {}, ["no class labels", "label=None"]),
    "ts row without label": ("x.ts", SPEECH + "1,2:a\n1,2\n", {}, ["line 4", "':'"]),
    "ts text cell": ("x.ts", SPEECH + "1,2:a\n1,x2:b\n", {}, ["line 4", "'x2'", "value 2"]),
    "ts channels differ": ("x.ts", SPEECH + "1,2:3,4:a\n1,2:b\n", {}, ["line 4", "1 channels", "2"]),
    "ts channels of different lengths": ("x.ts", SPEECH + "1,2:3,4,5:a\n", {}, ["line 3", "2, 3"]),
    "ts infinite": ("x.ts", SPEECH + "1,2:3,inf:a\n", {}, ["line 3", "time step 2 of channel 2"]),
    "ts no values": ("x.ts", SPEECH + "1,2:a\n?,?:b\n", {}, ["line 4", "no values"]),
    # .arff
    "arff without data": ("x.arff", "@relation x\n1,2,a\n", {}, ["@data"]),
    "arff with nothing after data": ("x.arff", WEKA, {}, ["no series"]),
    "arff without class": ("x.arff", WEKA.replace("{a,b}", "numeric") + "1,2,3\n", {}, ["last attribute"]),
    "arff ragged": ("x.arff", WEKA + "1,2,a\n% note\n1,b\n", {}, ["line 8", "1 columns", "2"]),
    "arff text cell": ("x.arff", WEKA + "1,2,a\n1,x,b\n", {}, ["line 7", "'x'", "value 2"]),
    "arff without quotes": ("x.arff", WEKA_CHANNELS + "1,2,a\n", {}, ["line 6", "relational"]),
    "arff channels differ": ("x.arff", WEKA_CHANNELS + "'1\\n2',a\n'1',b\n", {}, ["line 7", "1 channels", "2"]),
    "arff without label": ("x.arff", WEKA + "1,2,a\n1,2,?\n", {}, ["line 7", "no label"]),
    "a quote that is never closed": (
        "x.csv",
        'label,a,b\n"x,1,2\n' + "y,1,2\n" * 30_000,
        {},
        ["a quote is not closed"],
    ),
    # .npz
    "not npz": ("x.npz", b"rubbish", {}, ["not an .npz"]),
    "truncated npz": ("x.npz", arrays(X=np.ones((9, 9)), y=np.ones(9))[:-40], {}, ["damaged"]),
    "npy under a wrong name": ("x.npz", npy(np.ones(3)), {}, ["not an .npz"]),
    "npz with labels in two dimensions": (
        "x.npz",
        arrays(X=np.ones((2, 2)), y=np.eye(2)),
        {},
        ["'y' is float64 of the shape (2, 2)", "(cases,)"],
    ),
    "npz with one label": ("x.npz", arrays(X=np.ones((2, 2)), y=np.array(1)), {}, ["'y'", "shape ()"]),
    "npz with one number": ("x.npz", arrays(X=np.array(1.0), y=np.ones(2)), {}, ["'X'", "2 or 3 dimensions"]),
    "npz of complex numbers": ("x.npz", arrays(X=np.ones((2, 2)) * 1j, y=np.ones(2)), {}, ["complex128", "of numbers"]),
    "npz of dates": (
        "x.npz",
        arrays(X=np.ones((2, 2), "datetime64[s]"), y=np.ones(2)),
        {},
        ["datetime64", "of numbers"],
    ),
    "npz without X": ("x.npz", arrays(data=np.ones((2, 2))), {}, ["'X'", "data"]),
    "npz without y": ("x.npz", arrays(X=np.ones((2, 2))), {}, ["'y'", "label=None"]),
    "npz of objects": ("x.npz", arrays(X=np.array([[1], [1, 2]], dtype=object), y=np.ones(2)), {}, ["Python objects"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_file(tmp_path, case):
    name, content, arguments, expected = BAD[case]
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(HeadstartError) as caught:
        read(path, **arguments)
    message = str(caught.value)
    assert type(caught.value) in (DataError, NoLabelColumnError)
    for fragment in [str(path), *expected]:
        assert fragment in message
    assert "\n" not in message
    assert ";" in message or "damaged" in message  # what to do follows what was wrong
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_files_changed_anywhere_raise_nothing_else(tmp_path):
    """Cut out or put in something at random places: reading works or refuses, and never breaks."""
    random = np.random.default_rng(0)
    pieces = [
        b",",
        b"\t",
        b":",
        b"\n",
        b"\r",
        b"?",
        b"NaN",
        b"inf",
        b"'",
        b'"',
        b"\xff",
        b"\0",
        b"@data",
        b"1e400",
        b"",
    ]
    series, labels = [random.normal(size=(1, 5)) for _ in range(4)], ["a", "b"] * 2
    n_refused = 0
    for suffix, writer in WRITERS.items():
        writer(path := tmp_path / f"x{suffix}", series, labels)
        content = path.read_bytes()
        for _ in range(30):
            start = int(random.integers(len(content)))
            path.write_bytes(content[:start] + random.choice(pieces) + content[start + int(random.integers(3)) :])
            try:
                read(path)
            except DataError:
                n_refused += 1
    assert n_refused > 30


def test_labels_and_series_of_an_npz_differ_in_number(tmp_path):
    (tmp_path / "x.npz").write_bytes(arrays(X=np.ones((3, 2)), y=np.ones(2)))
    with pytest.raises(ShapeError, match="3 series need 3 labels"):
        read(tmp_path / "x.npz")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nothing\.csv"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="there is no file"):
        read(tmp_path / "nothing.zip")
    with pytest.raises(DataError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"there is no file or folder .*nothing\.csv"):
        load(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match=r"there is no file or folder nothing\.csv"):
        load("nothing.csv")


def test_encrypted_zip(tmp_path):
    content = bytearray(packed("x.tsv", GOOD_TSV.encode()))
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1  # the flag of encryption
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DataError, match="encrypted; unpack it"):
        read(tmp_path / "x.zip")


def test_file_without_permission(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.tsv"
    path.write_text(GOOD_TSV)
    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(DataError, match=r"x\.tsv cannot be read \(Permission denied\)"):
        read(path)
