import zipfile

import numpy as np
import pytest

from headstart.data import load
from headstart.errors import DataError, ShapeError, UnknownNameError

TRAIN, TEST = "1\t0\t1\n2\t1\t0\n", "2\t5\t6\n1\t6\t5\n2\t7\t5\n"


def write(folder, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.tsv").write_text(content)


def assert_toy(train, test) -> None:
    assert (train.n_cases, test.n_cases) == (2, 3)
    assert test.y.tolist() == [1, 0, 1]


@pytest.mark.parametrize("given", ["Toy_TRAIN.tsv", "Toy_TEST.tsv", ""])
def test_files_and_folder(tmp_path, given):
    write(tmp_path / "Toy", Toy_TRAIN=TRAIN, Toy_TEST=TEST)
    train, test = load(tmp_path / "Toy" / given)
    assert train.name == test.name == "Toy"
    assert_toy(train, test)


def test_lower_case_sibling(tmp_path):
    write(tmp_path, toy_train=TRAIN, toy_test=TEST)
    assert_toy(*load(str(tmp_path / "toy_train.tsv")))


def test_title_case_sibling(tmp_path):
    for part in ("Train", "Test"):
        (tmp_path / f"Toy_{part}.csv").write_text("label,a,b\nx,1,2\ny,2,1\n")
    for part in ("Train", "Test"):
        train, test = load(tmp_path / f"Toy_{part}.csv")
        assert (train.n_cases, test.n_cases) == (2, 2)


def test_the_same_part_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "Toy.zip", "w") as archive:
        for folder, value in (("raw", 1), ("scaled", 100)):
            archive.writestr(f"{folder}/Toy_TRAIN.csv", f"label,a,b\nx,{value},2\ny,2,1\n")
    with pytest.raises(DataError, match=r"both .*raw.* and .*scaled.* may be meant; give the path of one"):
        load(tmp_path / "Toy.zip")


def test_a_table_without_labels_is_no_test_set(tmp_path):
    (tmp_path / "toy_train.csv").write_text("kind,a,b\nx,1,2\ny,2,1\n")
    (tmp_path / "toy_test.csv").write_text("a,b\n1,2\n")
    with pytest.warns(UserWarning, match=r"toy_test\.csv has no column 'kind', so it is not taken for a test set"):
        train, test = load(tmp_path / "toy_train.csv", label="kind")
    assert (train.n_cases, test) == (2, None)
    with pytest.raises(DataError, match=r"toy_train\.csv: there is no label column"):
        load(tmp_path / "toy_train.csv")


def test_what_is_not_wanted_is_not_read(tmp_path):
    (tmp_path / "toy_train.csv").write_text("label,a,b\nx,1,2\ny,2,1\n")
    (tmp_path / "toy_test.csv").write_text("nonsense")
    assert load(tmp_path / "toy_train.csv", with_test=False)[1] is None
    with pytest.raises(DataError, match=r"toy_test\.csv"):
        load(tmp_path / "toy_train.csv")


def test_spelling_of_the_sibling_that_is_missed(tmp_path):
    (tmp_path / "stress_test.csv").write_text("label,a,b\nx,1,2\ny,2,1\n")
    with pytest.raises(DataError, match=r"called a test set, and stress_train\.csv is not beside it; .* rename it"):
        load(tmp_path / "stress_test.csv")


def test_one_series_of_each_of_many_classes(tmp_path):
    (tmp_path / "a.csv").write_text("label,a,b\n" + "".join(f"gesture{i},{i},{i * i}\n" for i in range(12)))
    assert load(tmp_path / "a.csv")[0].n_classes == 12


def test_file_alone(tmp_path):
    write(tmp_path, Toy_TRAIN=TRAIN, other=TEST)
    assert load(tmp_path / "Toy_TRAIN.tsv")[1] is None
    assert load(tmp_path / "other.tsv")[1] is None


def test_test_file_alone_is_refused(tmp_path):
    write(tmp_path, Toy_TEST=TEST)
    with pytest.raises(
        DataError, match=r"Toy_TEST\.tsv is called a test set, and Toy_TRAIN\.tsv is not beside it; .*rename it"
    ):
        load(tmp_path / "Toy_TEST.tsv")


def test_sibling_of_another_format_is_not_taken(tmp_path):
    write(tmp_path, Toy_TRAIN=TRAIN)
    (tmp_path / "Toy_TEST.csv").write_text("label,a,b\n1,2,3\n")
    assert load(tmp_path / "Toy_TRAIN.tsv")[1] is None


def test_folder_with_several_formats_prefers_the_one_with_both_parts(tmp_path):
    write(tmp_path, Toy_TRAIN=TRAIN, Toy_TEST=TEST)
    (tmp_path / "Toy_TRAIN.ts").write_text("@data\n9,9:1\n9,8:2\n")
    (tmp_path / "Toy.txt").write_text("About this data set.")
    assert_toy(*load(tmp_path))


def test_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "Toy.zip", "w") as archive:
        archive.writestr("Toy/Toy_TRAIN.tsv", TRAIN)
        archive.writestr("Toy/Toy_TEST.tsv", TEST)
        archive.writestr("Toy/Toy_eq_TRAIN.tsv", TEST)
    assert_toy(*load(tmp_path / "Toy.zip"))


def test_folder_of_one_file(tmp_path):
    write(tmp_path, anything=TRAIN)
    assert load(tmp_path)[0].name == "anything"


def test_folder_without_or_with_several_training_files(tmp_path):
    write(tmp_path / "none")
    with pytest.raises(DataError, match="one NAME_TRAIN file, and there is none"):
        load(tmp_path / "none")
    write(tmp_path / "two", A_TRAIN=TRAIN, B_TRAIN=TRAIN)
    with pytest.raises(DataError, match="there are A_TRAIN, B_TRAIN"):
        load(tmp_path / "two")


def test_class_unseen_in_training(tmp_path):
    write(tmp_path, Toy_TRAIN=TRAIN, Toy_TEST="1\t0\t1\n3\t0\t1\n")
    with pytest.raises(
        DataError, match=r"line 2 of .*Toy_TEST\.tsv has the label '3', which is not among the 2 classes"
    ):
        load(tmp_path)


def test_different_channels(tmp_path):
    (tmp_path / "Toy_TRAIN.ts").write_text("@data\n1,2:1\n2,1:2\n")
    (tmp_path / "Toy_TEST.ts").write_text("@data\n1,2:3,4:1\n")
    with pytest.raises(ShapeError, match=r"Toy_TEST\.ts has 2 channels where .*Toy_TRAIN\.ts has 1; give both"):
        load(tmp_path)


def test_test_labels_take_the_type_of_the_training_labels(tmp_path):
    (tmp_path / "toy_train.csv").write_text("label,a,b\n01,1,2\n2,2,1\n")
    (tmp_path / "toy_test.csv").write_text("label,a,b\n2,1,2\n")
    train, test = load(tmp_path / "toy_train.csv")
    assert train.classes.tolist() == ["01", "2"]
    assert test.labels.tolist() == ["2"]


def test_columns_of_tables(tmp_path):
    (tmp_path / "toy_train.csv").write_text("nr,when,v,kind\n1,0,5,a\n1,1,6,a\n2,0,5,b\n2,1,7,b\n")
    train, _ = load(tmp_path / "toy_train.csv", label="kind", case="nr", time="when")
    np.testing.assert_array_equal(train.X[:, 0], [[5, 6], [5, 7]])


def test_unlabelled(tmp_path):
    write(tmp_path, Toy_TRAIN="1\t2\n2\t3\n", Toy_TEST="4\t5\n")
    train, test = load(tmp_path, label=None)
    assert not train.is_labelled
    assert not test.is_labelled
    assert train.X.shape == (2, 1, 2)


def test_unknown_name(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    monkeypatch.delenv("HEADSTART_ARCHIVE", raising=False)
    with pytest.raises(UnknownNameError, match=r"unknown data set 'GunPont'\. Did you mean 'GunPoint'"):
        load("GunPont")
