import gzip
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from headstart.data import READERS, UNLABELLED, load, read
from headstart.data.archives import _shipped
from headstart.data.readers import from_text
from headstart.errors import DataError
from tests.data import writers
from tests.data.writers import WRITERS

MANY_CHANNELS = [".ts", ".arff", ".npz"]


def some_series(n_channels: int = 1, unequal: bool = False) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n_channels, 6 + i % 3 * unequal)).astype(np.float32) for i in range(6)]


def assert_holds(data, series: list[np.ndarray], labels: list) -> None:
    assert data.labels.tolist() == labels
    assert data.lengths.tolist() == [x.shape[1] for x in series]
    assert data.n_interpolated == 0
    for i, x in enumerate(series):
        np.testing.assert_allclose(data.series(i), x, rtol=1e-6)


def test_every_format_is_tested():
    assert set(WRITERS) == set(READERS)


@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("suffix", WRITERS)
def test_plain_file(tmp_path, suffix, unequal):
    series, labels = some_series(unequal=unequal), [1, -1, 2, 1, -1, 2]
    WRITERS[suffix](path := tmp_path / f"toy{suffix}", series, labels)
    data = read(path)
    assert data.name == "toy"
    assert data.classes.dtype.kind == "i"
    assert_holds(data, series, labels)


@pytest.mark.parametrize("packing", ["gz", "zip", "gz in zip"])
@pytest.mark.parametrize("suffix", WRITERS)
def test_packed_file(tmp_path, suffix, packing):
    series, labels = some_series(), ["up", "Down", "up", "Down", "banana", "banana"]
    WRITERS[suffix](path := tmp_path / f"toy{suffix}", series, labels)
    if packing != "zip":
        packed = Path(f"{path}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    if packing != "gz":
        with zipfile.ZipFile(tmp_path / "toy.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, f"folder/{path.name}")
            archive.writestr("__MACOSX/._toy.tsv", "rubbish")
        path = tmp_path / "toy.zip"
    data = read(path)
    assert data.name == "toy"
    assert_holds(data, series, labels)


@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("suffix", MANY_CHANNELS)
def test_many_channels(tmp_path, suffix, unequal):
    series, labels = some_series(3, unequal), ["a", "b"] * 3
    WRITERS[suffix](path := tmp_path / f"toy{suffix}", series, labels)
    assert_holds(read(path), series, labels)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_long_table(tmp_path, suffix):
    series, labels = some_series(3, unequal=True), ["a", "b"] * 3
    table = writers.long(series, labels)
    path = tmp_path / f"toy{suffix}"
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    assert_holds(read(path, case="case", time="time"), series, labels)


def test_long_table_orders_dates(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("id,when,x,label\n7,2024-02-01,2,a\n07,2024-01-01,8,b\n7,2024-01-31T12:00,1,a\n07,2024-01-02,9,b\n")
    data = read(path, case="id", time="when")
    assert data.X[:, 0].tolist() == [[1, 2], [8, 9]]
    assert data.labels.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["1", "-1"], [1, -1]),
        (["0.5", "1.0"], [0.5, 1.0]),
        (["01", "2"], ["01", "2"]),
        (["1", "1.0"], ["1", "1.0"]),
        (["1", "one"], ["1", "one"]),
        (["NA", "None"], ["NA", "None"]),
        (["nan", "inf"], ["nan", "inf"]),
        (["True", "False"], ["True", "False"]),
        (["12345678901234567890", "1"], ["12345678901234567890", "1"]),
    ],
)
def test_labels_come_back_as_written(tmp_path, written, expected):
    assert from_text(written).tolist() == expected
    assert all(str(label) == text for label, text in zip(from_text(written), written, strict=True))
    path = tmp_path / "toy.csv"
    path.write_text("label,a,b\n" + "".join(f"{label},1,{i}\n" for i, label in enumerate(written)))
    assert read(path).labels.tolist() == expected


@pytest.mark.parametrize("suffix", [".ts", ".arff", ".csv"])
def test_text_labels_keep_case_and_characters(tmp_path, suffix):
    labels = ["Banana", "NaN-free", "Über", "Banana", "NaN-free", "Über"]
    WRITERS[suffix](path := tmp_path / f"toy{suffix}", some_series(), labels)
    assert read(path).labels.tolist() == labels


def test_labels_of_old_ucr_files_are_integers(tmp_path):
    path = tmp_path / "Old_TRAIN"
    path.write_text("  1.0000000e+00  -7.9e-01  2\n  -1.0000000e+00 1 2\n")
    assert read(path).labels.tolist() == [1, -1]


@pytest.mark.parametrize("labels", [[3, 1], [2.5, 1.5], [True, False], ["x", "y"], ["1", "2"]])
def test_parquet_labels_keep_their_type(tmp_path, labels):
    table = pd.DataFrame({"a": [1, 2], "b": [2, 4], "label": labels})
    table.to_parquet(tmp_path / "toy.parquet")
    assert read(tmp_path / "toy.parquet").labels.tolist() == labels
    categories = table.assign(label=table.label.astype("category"))
    categories.to_parquet(tmp_path / "categories.parquet")
    assert read(tmp_path / "categories.parquet").labels.tolist() == labels


def test_classes_of_the_training_set_encode_another_file(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("label,a,b\n2,1,2\n2,3,5\n")
    data = read(path, classes=np.array([1, 2, 3]))
    assert data.y.tolist() == [1, 1]
    assert data.classes.tolist() == [1, 2, 3]
    assert read(path, classes=["1", "2"]).classes.tolist() == ["1", "2"]
    with pytest.raises(DataError, match=r"line 2 of .*toy\.csv has the label '2', which is not among the 2 classes"):
        read(path, classes=[5, 6])


@pytest.mark.parametrize("suffix", WRITERS)
def test_without_labels(tmp_path, suffix):
    series, labels = some_series(), [1, 2, 3] * 2
    path = tmp_path / f"toy{suffix}"
    if suffix == ".csv":
        writers.wide(series, labels).drop(columns="label").to_csv(path, index=False)
    elif suffix == ".parquet":
        writers.wide(series, labels).drop(columns="label").to_parquet(path)
    elif suffix == ".npz":
        np.savez(path, X=writers.padded(series))
    elif suffix in (".ts", ".arff"):
        WRITERS[suffix](path, series, labels)
    else:
        separator = {".tsv": "\t", ".txt": " ", "": ","}[suffix]
        np.savetxt(path, np.concatenate(series), delimiter=separator, fmt="%.9g")
    data = read(path, label=None)
    assert set(data.y.tolist()) == {UNLABELLED}
    np.testing.assert_allclose(data.X, np.stack(series), rtol=1e-6)


def test_unlabelled_ts(tmp_path):
    path = tmp_path / "toy.ts"
    path.write_text("@classLabel false\n@data\n1,2:3,4\n5,6:7,8\n")
    assert read(path, label=None).X.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    with pytest.raises(DataError, match="no class labels"):
        read(path)


def test_columns_without_names_count_from_0_or_1(tmp_path):
    for start in (0, 1):
        path = tmp_path / f"from{start}.csv"
        pd.DataFrame([[1.5, 2, 3]], columns=range(start, start + 3)).to_csv(path, index=False)
        assert read(path, label=None).X.tolist() == [[[1.5, 2, 3]]]


def test_columns_named_by_wavelengths(tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text("1100.5,1102,1104\n1,2,3\n")
    with pytest.raises(DataError, match="no header"):  # three columns are too few to tell a scale from a series
        read(path, label=None)
    path.write_text("1100.5,1102,1104,1106\n1,2,3,4\n")
    assert read(path, label=None).X.tolist() == [[[1, 2, 3, 4]]]


@pytest.mark.parametrize("names", [["x_0", "x_1", "y_0", "y_1"], ["Jan 1", "Jan 2", "Jan 3", "Feb 1", "Feb 2"]])
def test_columns_numbered_in_several_ways(tmp_path, names):
    """They may be time steps, or channels side by side, of which none is meant."""
    path = tmp_path / "x.csv"
    path.write_text(f"label,{','.join(names)}\na,{','.join('1' * len(names))}\n")
    with pytest.warns(UserWarning, match=r"numbered in several ways \((x_#, y_#|Jan#, Feb#)\), and are read as one"):
        assert read(path).step_names == tuple(names)


def test_a_first_series_that_rises_is_no_header(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("1,2,3.2,9\n4,3,2,1\n")
    with pytest.raises(DataError, match="the first line has numbers only, so there is no header"):
        read(path, label=None)


def test_parquet_with_a_series_in_each_cell(tmp_path):
    table = pd.DataFrame({"label": ["a", "b"], "series": [[1.0, 2, 3], [3.0, 2, 1]]})
    table.to_parquet(tmp_path / "toy.parquet")
    with pytest.raises(
        DataError, match=r"toy\.parquet: column 'series' holds a list in each cell; give each time step"
    ):
        read(tmp_path / "toy.parquet")


@pytest.mark.parametrize("kind", ["datetime64[ns]", "timedelta64[ns]"])
def test_missing_times_of_parquet_are_refused(tmp_path, kind):
    times = pd.Series([1, 2, None], dtype=kind)
    pd.DataFrame({"id": "a", "t": times, "v": [1.0, 2, 4], "label": "x"}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="row 3, column 't' holds 'NaT' as time"):
        read(tmp_path / "a.parquet", case="id", time="t")


def test_the_index_of_parquet_is_no_time_step(tmp_path):
    frame = pd.DataFrame({"label": ["x", "y"], "a": [1.0, 2], "b": [3.0, 4]})
    for index in (frame, frame.set_index("label", drop=False), frame.set_index("label"), frame.rename_axis("subject")):
        index.to_parquet(tmp_path / "a.parquet")
        data = read(tmp_path / "a.parquet")
        assert (data.X.tolist(), data.labels.tolist()) == ([[[1, 3]], [[2, 4]]], ["x", "y"])


def test_numbers_of_many_kinds_in_parquet(tmp_path):
    values = {"a": pd.array([1, None], "Int64"), "b": [Decimal("0.5"), Decimal("1.5")], "c": ["2", "3"], "d": [4.0, 5]}
    pd.DataFrame({"label": ["x", "y"]} | values).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").X.tolist() == [[[1, 0.5, 2, 4]], [[1.5, 1.5, 3, 5]]]


def test_ts_with_time_stamps_keeps_signs_and_exponents(tmp_path):
    path = tmp_path / "toy.ts"
    path.write_text(
        "@timeStamps true\n@classLabel true a b\n@data\n"
        "(2024-01-01 00:00:00,-1.5),(2024-01-02,2e-3):a\n\n(1,3),(2,?):b\n"
    )
    data = read(path)
    np.testing.assert_allclose(data.series(0), [[-1.5, 2e-3]])
    np.testing.assert_allclose(data.series(1), [[3]])


@pytest.mark.parametrize("suffix", [".ts", ".tsv", ".txt", ".arff", ".csv"])
def test_missing_values(tmp_path, suffix):
    series, labels = some_series(), [1, 2] * 3
    series[0][0, 2:4] = np.nan
    series[1][0, -2:] = np.nan
    WRITERS[suffix](path := tmp_path / f"toy{suffix}", series, labels)
    data = read(path)
    assert data.lengths.tolist() == [6, 4, 6, 6, 6, 6]
    assert data.n_interpolated == 2
    np.testing.assert_allclose(data.X[0, 0, 1:5], np.linspace(series[0][0, 1], series[0][0, 4], 4), rtol=1e-5)


def test_byte_order_mark_windows_lines_blank_lines_and_quotes(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b,"my label"\r\n\r\n1,2,"x, y"\r\n3,"4",z\r\n')
    data = read(path, label="my label")
    assert data.labels.tolist() == ["x, y", "z"]
    assert data.X[:, 0].tolist() == [[1, 2], [3, 4]]


def test_blanks_around_names_of_columns(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("case , time, label ,x \na,0,no,1\na,1,no,2\nb,0,yes ,3\nb,1,yes,4\n")
    data = read(path, case="case", time="time")
    assert data.labels.tolist() == ["no", "yes"]
    assert data.channel_names == ("x",)
    assert data.X[:, 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("name", ["GunPoint", "ArrowHead", "BasicMotions"])
def test_formats_of_real_data_agree(name):
    folder = _shipped()[name]
    expected = read(folder / f"{name}_TRAIN.ts")
    others = [path for path in folder.glob(f"{name}_TRAIN.*") if path.suffix != ".ts"]
    assert others
    for path in others:
        data = read(path)
        assert data.labels.tolist() == expected.labels.tolist()
        np.testing.assert_allclose(data.X, expected.X, rtol=1e-5, atol=1e-5)


def test_shipped_text_labels_keep_their_case():
    train, test = load("BasicMotions")
    assert train.classes.tolist() == ["Badminton", "Running", "Standing", "Walking"]
    assert test.n_channels == 6


def test_shipped_unequal_lengths():
    train, test = load("JapaneseVowels")
    assert (train.lengths.min(), train.lengths.max(), test.lengths.max()) == (7, 26, 29)
    assert np.isnan(train.X[0, :, train.lengths[0] :]).all()
