"""The commands, in this process, on data that aeon ships and on files of every kind."""

import io
import os
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from headstart.classifier import TransferClassifier
from headstart.cli import INTERRUPTED
from headstart.cli.options import chosen_recipe
from headstart.data import load, read
from headstart.training import RECIPES, Recipe, loop
from headstart.zoo import Source
from tests.data import writers


def write_trend(path, n_cases=12, length=10, n_channels=1, names=("up", "down"), seed=0, writer=writers.csv):
    """Series that go up or down with a little noise, in a file."""
    random = np.random.default_rng(seed)
    labels = [names[i % 2] for i in range(n_cases)]
    series = [
        (1 - 2 * (i % 2)) * np.linspace(-1, 1, length) + random.normal(scale=0.2, size=(n_channels, length))
        for i in range(n_cases)
    ]
    writer(path, series, labels)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def source(folder, small):
    from headstart.zoo import pretrain

    path = folder / "Italy.safetensors"
    pretrain(small, recipe=Recipe("short", 2)).save(path)
    return path


@pytest.fixture(scope="module")
def model(folder, source):
    """A model of up and down, saved by the library."""
    train = read(write_trend(folder / "trend.csv"))
    path = folder / "trend"
    TransferClassifier(source, recipe=Recipe("short", 8)).fit(train).save(path)
    return path


# fit


def test_fit_a_data_set_by_name(headstart, tmp_path, italy):
    done = headstart(
        "fit", "ItalyPowerDemand", "--source", "scratch", "--out", tmp_path / "model", "--epochs", 2, "--device", "cpu"
    )
    assert (done.code, done.err) == (0, "")
    assert "ItalyPowerDemand train test" in done.text
    assert "series 67 1029" in done.text
    assert "time steps 24 24" in done.text
    assert "class 1 34 513" in done.text
    assert "ItalyPowerDemand: fcn trained from scratch, recipe default, 2 epochs" in done.text
    assert "Right among 1029 test series" in done.text
    assert "There was no source, so there is no transfer to judge" in done.text
    assert f"Saved in {tmp_path / 'model'}; `headstart predict {tmp_path / 'model'} DATA` uses it." in done.text
    assert os.listdir(tmp_path) == ["model"]
    classifier = TransferClassifier.load(tmp_path / "model")
    n_right = int((classifier.predict(italy[1]) == italy[1].labels).sum())
    assert f"from scratch {n_right} {n_right / 1029:.3f}" in done.text


def test_fit_from_a_source(headstart, tmp_path, source):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    done = headstart("fit", train, "--test", test, "--source", source, "--out", tmp_path / "model", "--epochs", 8)
    assert (done.code, done.err) == (0, "")
    assert "a: fcn fine-tuned from ItalyPowerDemand, recipe default, 8 epochs" in done.text
    assert "CAUTION" not in done.text
    assert "a: fcn trained from scratch, recipe default, 8 epochs" in done.text
    assert "from ItalyPowerDemand" in done.text
    assert "transfer" in done.text.split("only from scratch")[1]
    classifier = TransferClassifier.load(tmp_path / "model")
    assert classifier.model_.card.started_from == "ItalyPowerDemand"
    assert classifier.score(read(test), read(test).labels) > 0.9


@pytest.mark.parametrize("seen", ["train", "test"])
def test_fit_says_when_the_source_has_seen_the_series(headstart, tmp_path, seen):
    parts = {name: write_trend(tmp_path / f"{name}.csv", seed=seed) for seed, name in enumerate(("train", "test"))}
    source = tmp_path / "mine.safetensors"
    headstart("pretrain", parts[seen], "--out", source, "--epochs", 1)
    done = headstart(
        "fit", parts["train"], "--test", parts["test"], "--source", source, "--out", tmp_path / "model", "--epochs", 1
    )
    assert done.code == 0
    assert f"CAUTION: {seen} overlaps with {seen}. How well it does there says nothing about transfer." in done.text


@pytest.fixture
def only_own(monkeypatch, tmp_path):
    """The folder of the user's own zoo, of which alone sources are known by name."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("headstart.zoo.names.SHIPPED", tmp_path / "shipped")
    return tmp_path / "cache" / "zoo"


def test_the_choice_says_when_its_source_has_seen_the_test_series(headstart, tmp_path, only_own):
    train, test = write_trend(tmp_path / "train.csv"), write_trend(tmp_path / "test.csv", seed=1)
    only_own.mkdir(parents=True)
    headstart("pretrain", test, "--out", only_own / "seen.safetensors", "--epochs", 1)
    done = headstart("fit", train, "--test", test, "--budget", "fast", "--out", tmp_path / "model", "--epochs", 1)
    assert (done.code, done.err) == (0, "")
    assert "features of seen" in done.text
    assert "CAUTION: seen overlaps with test. How well it does there says nothing about transfer." in done.text


def test_fit_says_when_test_series_are_those_of_training(headstart, tmp_path, only_own):
    train = write_trend(tmp_path / "train.csv")
    done = headstart("fit", train, "--test", train, "--source", "scratch", "--out", tmp_path / "model", "--epochs", 1)
    assert "CAUTION: 12 of 12 test series are among those of training, too." in done.text


def test_settings_change_the_recipe_of_the_budget(headstart, tmp_path, only_own):
    train = write_trend(tmp_path / "train.csv")
    done = headstart("fit", train, "--out", tmp_path / "model", "--epochs", 1, "--set", "learning_rate=0.002")
    assert (done.code, done.err) == (0, "")
    networks = TransferClassifier.load(tmp_path / "model").models_
    assert not networks or "Networks were trained by the recipe quick with learning_rate 0.002, 1 epochs." in done.text
    assert networks, "on so few series all candidates count"
    assert networks[0].card.recipe["max_updates"] == RECIPES["quick"].max_updates


def test_settings_leave_scratch_as_long_as_it_was(headstart, tmp_path, only_own):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    done = headstart(
        "fit", train, "--test", test, "--budget", "fast", "--out", tmp_path / "m", "--set", "max_updates=3"
    )
    assert "recipe default with max_updates 3" in done.text


def test_balanced_with_one_case_a_class(headstart, tmp_path, only_own):
    train = write_trend(tmp_path / "a.csv", n_cases=2)
    done = headstart("fit", train, "--budget", "fast", "--balanced", "--out", tmp_path / "model")
    assert (done.code, done.err) == (0, "")


def write_two_channels(path, order=("x", "y")):
    random = np.random.default_rng(0)
    rows = [
        {"who": f"p{case:02}", "t": t, "x": (-1) ** case * t + random.normal(), "y": random.normal(), "label": case % 2}
        for case in range(12)
        for t in range(12)
    ]
    pd.DataFrame(rows)[["who", "t", *order, "label"]].to_csv(path, index=False)
    return path


def test_channels_and_cases_of_long_tables_keep_their_names(headstart, tmp_path):
    train, swapped = write_two_channels(tmp_path / "a.csv"), write_two_channels(tmp_path / "b.csv", ("y", "x"))
    long = ("--case", "who", "--time", "t")
    done = headstart("fit", train, "--test", swapped, *long, "--budget", "fast", "--out", tmp_path / "model")
    assert done.code == 0
    assert "the choice 12 1.000" in done.text
    of_train, of_swapped = (headstart("predict", tmp_path / "model", path, *long).out for path in (train, swapped))
    assert of_train == of_swapped
    assert pd.read_csv(io.StringIO(of_train))["case"].tolist() == [f"p{case:02}" for case in range(12)]


def test_blanks_behind_a_label_make_no_other_class(headstart, tmp_path):
    path = write_trend(tmp_path / "a.csv")
    path.write_text(path.read_text().replace("up", "up ", 2))
    assert read(path).classes.tolist() == ["down", "up"]


def test_fit_from_the_nearest_source(headstart, tmp_path, source):
    train = write_trend(tmp_path / "a.csv")
    done = headstart(
        "fit", train, "--source", "nearest", "--sources", source.parent, "--out", tmp_path / "model", "--epochs", 1
    )
    assert (done.code, done.err) == (0, "")
    assert "a: fcn fine-tuned from ItalyPowerDemand" in done.text
    assert "How good it is on new series was not measured: --test or --folds would tell." in done.text


@pytest.mark.parametrize("with_source", [False, True])
def test_fit_with_folds(headstart, tmp_path, source, with_source):
    train = write_trend(tmp_path / "a.csv")
    more = ("--source", source) if with_source else ()
    done = headstart(
        "fit", train, "--source", "scratch", "--folds", 2, "--out", tmp_path / "model", "--epochs", 1, *more
    )
    assert (done.code, done.err) == (0, "")
    assert "Right among 12 training series, each held out in one of 2 folds" in done.text
    assert "the most frequent class 6 0.500" in done.text


def test_fit_with_a_picture(headstart, tmp_path):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    picture = tmp_path / "result.html"
    done = headstart(
        "fit",
        train,
        "--source",
        "scratch",
        "--test",
        test,
        "--out",
        tmp_path / "model",
        "--epochs",
        1,
        "--picture",
        picture,
    )
    assert (done.code, done.err) == (0, "")
    assert f"Drawn in {picture}." in done.text
    assert picture.stat().st_size > 1000


def test_the_most_frequent_class_is_that_of_training(headstart, tmp_path):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", n_cases=13, seed=1)
    for path, kept in ((train, range(9)), (test, [0, *range(1, 13, 2), 2])):  # 5 of 9 are up, and then 2 of 8
        pd.read_csv(path).iloc[list(kept)].to_csv(path, index=False)
    done = headstart("fit", train, "--source", "scratch", "--test", test, "--out", tmp_path / "model", "--epochs", 1)
    assert "guessing the most frequent class: on 25%" in done.text


def test_fit_options_reach_the_model(headstart, tmp_path):
    train = write_trend(tmp_path / "a.csv")
    headstart(
        "fit",
        train,
        "--source",
        "scratch",
        "--out",
        tmp_path / "model",
        "--epochs",
        1,
        "--no-normalise",
        "--seed",
        7,
        "--recipe",
        "paper",
    )
    card = TransferClassifier.load(tmp_path / "model").model_.card
    assert (card.normalise, card.seed, card.recipe["name"], card.recipe["epochs"]) == (False, 7, "paper", 1)


def test_fields_of_a_recipe_are_set(headstart, tmp_path):
    train = write_trend(tmp_path / "a.csv")
    settings = ("--set", "learning_rate=3e-4", "--set", "schedule=plateau", "--set", "max_updates=2")
    done = headstart(
        "fit",
        train,
        "--source",
        "scratch",
        "--out",
        tmp_path / "model",
        "--epochs",
        3,
        *settings,
        "--set",
        "bfloat16=true",
    )
    assert (done.code, done.err) == (0, "")
    assert "recipe default with learning_rate 0.0003 and schedule plateau and max_updates 2" in done.text
    recipe = TransferClassifier.load(tmp_path / "model").model_.card.recipe
    expected = {"epochs": 3, "learning_rate": 3e-4, "schedule": "plateau", "max_updates": 2, "bfloat16": True}
    assert expected.items() <= recipe.items()
    done = headstart("pretrain", train, "--out", tmp_path / "a.safetensors", "--set", "epochs=2", *settings[:2])
    assert (done.code, done.err) == (0, "")
    recipe = Source.load(tmp_path / "a.safetensors").card.recipe
    assert {"epochs": 2, "learning_rate": 3e-4, "schedule": "one-cycle"}.items() <= recipe.items()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("epochs=7", "epochs", 7),
        ("learning_rate=3e-4", "learning_rate", 3e-4),
        ("learning_rate=1", "learning_rate", 1.0),
        ("schedule=plateau", "schedule", "plateau"),
        ("batch_fraction=0.5", "batch_fraction", 0.5),
        ("exact_statistics=false", "exact_statistics", False),
        ("exact_statistics=true", "exact_statistics", True),
        ("max_updates=9", "max_updates", 9),
        ("max_updates=none", "max_updates", None),
        ("name=mine", "name", "mine"),
        ("name=a=b", "name", "a=b"),
    ],
)
def test_values_are_read_as_the_field_has_them(name, setting, field, value):
    recipe = chosen_recipe(name, None, [setting])
    assert recipe == replace(RECIPES[name], **{field: value})
    assert type(getattr(recipe, field)) is type(value)


def test_every_field_can_be_set():
    """What --set writes for a value is read back as that value."""
    for recipe in RECIPES.values():
        texts = {name: str(value) for name, value in recipe.to_dict().items()}
        for name, value in recipe.to_dict().items():
            if value is None or isinstance(value, bool):
                texts[name] = texts[name].lower()
        assert chosen_recipe("default", None, [f"{name}={text}" for name, text in texts.items()]) == recipe


def test_fit_members(headstart, tmp_path, source):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    arguments = ("fit", train, "--test", test, "--source", source, "--out", tmp_path / "model", "--epochs", 2)
    done = headstart(*arguments, "--members", 3, "--seed", 4, "--picture", tmp_path / "result.svg")
    assert (done.code, done.err) == (0, "")
    assert "a: 3 fcn networks fine-tuned from ItalyPowerDemand, recipe default, 2 epochs each" in done.text
    assert "a: 3 fcn networks trained from scratch, recipe default, 2 epochs each" in done.text
    assert "This is one ensemble of 3" in done.text
    classifier = TransferClassifier.load(tmp_path / "model")
    assert [model.card.seed for model in classifier.models_] == [4, 5, 6]
    n_right = int((classifier.predict(read(test)) == read(test).labels).sum())
    assert f"from ItalyPowerDemand {n_right} {n_right / 12:.3f}" in done.text
    assert headstart("predict", tmp_path / "model", test).code == 0


def test_fit_again_replaces_the_model(headstart, tmp_path):
    train = write_trend(tmp_path / "a.csv")
    for seed in (1, 2):
        assert (
            headstart(
                "fit", train, "--source", "scratch", "--out", tmp_path / "model", "--epochs", 1, "--seed", seed
            ).code
            == 0
        )
    assert TransferClassifier.load(tmp_path / "model").model_.card.seed == 2
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "model"]


@pytest.mark.parametrize("suffix", writers.WRITERS)
def test_fit_and_predict_every_format(headstart, tmp_path, suffix):
    path = write_trend(tmp_path / f"a{suffix}", writer=writers.WRITERS[suffix])
    assert headstart("fit", path, "--source", "scratch", "--out", tmp_path / "model", "--epochs", 1).code == 0
    done = headstart("predict", tmp_path / "model", path)
    assert (done.code, done.err) == (0, "")
    assert pd.read_csv(io.StringIO(done.out))["label"].tolist() == ["up", "down"] * 6


def test_long_tables(headstart, tmp_path):
    series, labels = [np.random.default_rng(i).normal(size=(2, 5 + i % 3)) for i in range(8)], ["x", "y"] * 4
    writers.long(series, labels).to_csv(tmp_path / "a.csv", index=False)
    columns = ("--case", "case", "--time", "time")
    done = headstart(
        "fit", tmp_path / "a.csv", "--source", "scratch", *columns, "--out", tmp_path / "model", "--epochs", 1
    )
    assert done.code == 0
    assert "channels 2" in done.text
    assert "time steps 5 to 7" in done.text
    done = headstart("predict", tmp_path / "model", tmp_path / "a.csv", *columns)
    assert pd.read_csv(io.StringIO(done.out))["label"].tolist() == labels


def test_another_label_column(headstart, tmp_path):
    write_trend(tmp_path / "a.csv")
    pd.read_csv(tmp_path / "a.csv").rename(columns={"label": "kind"}).to_csv(tmp_path / "a.csv", index=False)
    arguments = ("fit", tmp_path / "a.csv", "--source", "scratch", "--out", tmp_path / "model", "--epochs", 1)
    assert headstart(*arguments, "--label", "kind").code == 0


def test_predict_a_folder_with_another_label_column(headstart, tmp_path):
    folder = tmp_path / "archive" / "Mine"
    folder.mkdir(parents=True)
    for seed, part in enumerate(("TRAIN", "TEST")):
        path = write_trend(folder / f"Mine_{part}.csv", seed=seed)
        pd.read_csv(path).rename(columns={"label": "kind"}).to_csv(path, index=False)
    fit = ("--source", "scratch", "--out", tmp_path / "model", "--epochs", 1, "--label", "kind")
    assert headstart("fit", folder, *fit).code == 0
    of_folder = headstart("predict", tmp_path / "model", folder, "--label", "kind")
    of_name = headstart("predict", tmp_path / "model", "Mine", "--archive", folder.parent, "--label", "kind")
    of_file = headstart("predict", tmp_path / "model", folder / "Mine_TEST.csv", "--label", "kind")
    assert of_folder.code == of_name.code == 0, of_folder.err + of_name.err
    assert of_folder.out == of_name.out == of_file.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--source", "scratch", "--budget", "default"), "--budget is for a choice, --source scratch leaves none"),
        (("--source", "SOURCE", "--network", "fcn"), "--network is for networks from scratch, a source has its own"),
        (("--source", "SOURCE", "--no-normalise"), "--normalise is for networks from scratch, a source has its own"),
        (("--source", "nearest", "--network", "resnet"), "--network is for networks from scratch"),
    ],
)
def test_options_without_effect_are_refused(headstart, tmp_path, source, options, message):
    train = write_trend(tmp_path / "a.csv")
    options = [str(source) if option == "SOURCE" else option for option in options]
    done = headstart("fit", train, "--out", tmp_path / "model", *options)
    assert (done.code, message in done.message) == (2, True)
    assert not (tmp_path / "model").exists()


def test_constant_series_for_a_source_that_does_not_normalise(headstart, tmp_path):
    train = write_trend(tmp_path / "a.csv")
    table = pd.read_csv(train)
    table.iloc[0, table.columns != "label"] = 1.0
    table.to_csv(train, index=False)
    source = tmp_path / "raw.safetensors"
    assert headstart("pretrain", train, "--out", source, "--epochs", 1).code == 2
    assert headstart("pretrain", train, "--out", source, "--epochs", 1, "--no-normalise").code == 0
    assert headstart("fit", train, "--out", tmp_path / "model", "--source", source, "--epochs", 1).code == 0
    usual = tmp_path / "usual.safetensors"
    assert headstart("pretrain", write_trend(tmp_path / "b.csv"), "--out", usual, "--epochs", 1).code == 0
    done = headstart("fit", train, "--out", tmp_path / "model", "--source", usual, "--epochs", 1)
    assert (done.code, "case 1 never changes" in done.message) == (2, True)


def test_series_shorter_than_the_filters(headstart, tmp_path):
    path = write_trend(tmp_path / "a.csv", length=2)
    assert headstart("fit", path, "--source", "scratch", "--out", tmp_path / "model", "--epochs", 1).code == 0


def test_names_that_look_like_markup(headstart, tmp_path):
    """Nothing in the data is taken for a style or an emoji."""
    names = ("[/bold] :smile:", "[red]x[/red]")
    path = write_trend(tmp_path / "a[b].csv", names=names)
    done = headstart("fit", path, "--source", "scratch", "--out", tmp_path / "m[i]", "--epochs", 1, "--folds", 2)
    assert (done.code, done.err) == (0, "")
    for name in (*names, "a[b]", "m[i]"):
        assert name in done.text
    source = tmp_path / "[s].safetensors"
    assert headstart("pretrain", path, "--out", source, "--epochs", 1).code == 0
    path.rename(path := tmp_path / "[c].csv")
    assert headstart("pretrain", path, "--out", source, "--epochs", 1).code == 0
    done = headstart("fit", path, "--source", source, "--out", tmp_path / "m[i]", "--epochs", 1)
    assert "fine-tuned from [c]" in done.text
    assert "[s]" in headstart("rank", path, "--sources", tmp_path).text


# predict


def test_predict_to_standard_output(headstart, tmp_path, model):
    data = write_trend(tmp_path / "new.csv", seed=5)
    done = headstart("predict", model, data)
    assert (done.code, done.err) == (0, "")
    table = pd.read_csv(io.StringIO(done.out))
    classifier = TransferClassifier.load(model)
    assert table.columns.tolist() == ["case", "label", "prediction", "probability of down", "probability of up"]
    assert table["case"].tolist() == list(range(1, 13))
    assert table["label"].tolist() == ["up", "down"] * 6
    assert table["prediction"].tolist() == classifier.predict(read(data)).tolist()
    np.testing.assert_allclose(table.iloc[:, 3:], classifier.predict_proba(read(data)), atol=1e-6)


def test_predicted_labels_are_utf8_whatever_a_terminal_shows(headstart, tmp_path, model, monkeypatch):
    """As on Windows, where a pipe has the letters of one continent."""
    rng = np.random.default_rng(0)
    rows = [f"{'上' if i % 2 else '下'}," + ",".join(f"{x:.3f}" for x in rng.normal(size=8)) for i in range(8)]
    (tmp_path / "train.csv").write_text("\n".join(["label," + ",".join("abcdefgh"), *rows]), encoding="utf-8")
    TransferClassifier(None, recipe=Recipe("short", 1)).fit(load(tmp_path / "train.csv")[0]).save(tmp_path / "words")
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", shown)
    assert headstart("predict", tmp_path / "words", tmp_path / "train.csv").code == 0
    assert "上" in shown.buffer.getvalue().decode("utf-8")


def test_predict_to_a_file(headstart, tmp_path, model):
    data = write_trend(tmp_path / "new.csv", seed=5)
    done = headstart("predict", model, data, "--out", tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    share = (table["label"] == table["prediction"]).mean()
    assert done.text == f"12 series predicted, {share:.3f} of them right; written to {tmp_path / 'out.csv'}."
    assert (tmp_path / "out.csv").read_text() == headstart("predict", model, data).out


def test_a_model_that_was_fitted_on_another_device_predicts(headstart, tmp_path, model):
    TransferClassifier.load(model).set_params(device="cuda:7").save(tmp_path / "elsewhere")
    data = write_trend(tmp_path / "new.csv", seed=5)
    here, elsewhere = (headstart("predict", one, data) for one in (model, tmp_path / "elsewhere"))
    assert (elsewhere.code, elsewhere.out) == (0, here.out)


def test_predict_without_labels(headstart, tmp_path, model):
    data = write_trend(tmp_path / "new.csv", seed=5)
    with_labels = pd.read_csv(io.StringIO(headstart("predict", model, data).out))
    pd.read_csv(data).drop(columns="label").to_csv(data, index=False)
    done = headstart("predict", model, data, "--no-labels")
    assert (done.code, done.err) == (0, "")
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(done.out)), with_labels.drop(columns="label"))


def test_predict_a_data_set_by_name(headstart, tmp_path, italy):
    headstart("fit", "ItalyPowerDemand", "--source", "scratch", "--out", tmp_path / "model", "--epochs", 2)
    table = pd.read_csv(io.StringIO(headstart("predict", tmp_path / "model", "ItalyPowerDemand").out))
    assert table["label"].tolist() == italy[1].labels.tolist()
    without = pd.read_csv(io.StringIO(headstart("predict", tmp_path / "model", "ItalyPowerDemand", "--no-labels").out))
    pd.testing.assert_frame_equal(without, table.drop(columns="label"))


def test_predict_series_of_other_lengths(headstart, tmp_path, model):
    done = headstart("predict", model, write_trend(tmp_path / "new.csv", length=33))
    assert (done.code, done.err) == (0, "")


# pretrain, rank, similarity


def test_pretrain(headstart, tmp_path):
    path = tmp_path / "Italy.safetensors"
    done = headstart("pretrain", "ItalyPowerDemand", "--out", path, "--epochs", 2, "--seed", 3)
    assert (done.code, done.err) == (0, "")
    assert "ItalyPowerDemand: fcn trained from scratch, recipe default, 2 epochs" in done.text
    assert f"Saved in {path}; `headstart fit TRAIN --source {path} --out MODEL` starts from it." in done.text
    source = Source.load(path)
    assert (source.card.dataset, source.card.seed, len(source.card.losses)) == ("ItalyPowerDemand", 3, 2)
    assert len(source.prototypes.series) == 2
    assert os.listdir(tmp_path) == ["Italy.safetensors"]


def test_rank(headstart, tmp_path, source):
    done = headstart("rank", write_trend(tmp_path / "a.csv"), "--sources", source.parent)
    assert (done.code, done.err) == (0, "")
    assert "Italy" in done.text


def test_rank_leaves_damaged_sources_out(headstart, tmp_path, source):
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "Damaged.safetensors").write_bytes(source.read_bytes()[:500])
    train = write_trend(tmp_path / "a.csv")
    done = headstart("rank", train, "--sources", tmp_path / "zoo")
    assert (done.code, "all sources are damaged" in done.message) == (2, True)
    (tmp_path / "zoo" / "Whole.safetensors").write_bytes(source.read_bytes())
    done = headstart("rank", train, "--sources", tmp_path / "zoo")
    assert (done.code, done.err) == (0, "")
    assert "Left out: " in done.text
    assert "Damaged.safetensors: is not a whole safetensors file" in done.text
    assert "Whole" in done.text


def test_rank_by_several(headstart, tmp_path, source):
    train = write_trend(tmp_path / "a.csv")
    arguments = ("rank", train, "--sources", source.parent, "--by", "dtw,size,random")
    done = headstart(*arguments, "--out", tmp_path / "ranking.csv")
    assert (done.code, done.err) == (0, "")
    table = pd.read_csv(tmp_path / "ranking.csv", index_col=0)
    assert table.index.tolist() == ["Italy"]
    assert table.loc["Italy", ["rank", "size_rank", "size_score"]].tolist() == [1, 1, 20]
    assert "…" not in done.text
    for more in (("--picture", tmp_path / "a.png"), ("--network", "fcn")):
        assert "are about a run to --evaluate" in headstart(*arguments, *more).err
    assert "leave out TRAIN and --sources" in headstart("rank", train, "--evaluate", tmp_path).err


def test_similarity(headstart, tmp_path):
    archive = tmp_path / "archive"
    for i, name in enumerate(("First", "Second", "Third")):
        (archive / name).mkdir(parents=True)
        write_trend(archive / name / f"{name}_TRAIN.csv", length=8 + i, seed=i)
    done = headstart("similarity", "--archive", archive, "--out", tmp_path / "matrix.csv")
    assert done.code == 0
    assert "Distances of 3 data sets written to" in done.text
    table = pd.read_csv(tmp_path / "matrix.csv", index_col=0)
    assert table.index.tolist() == table.columns.tolist() == ["First", "Second", "Third"]
    np.testing.assert_allclose(table, table.T)


def test_recipes(headstart):
    done = headstart("recipes")
    assert (done.code, done.err) == (0, "")
    for name, recipe in RECIPES.items():
        assert name in done.text
        assert str(recipe.epochs) in done.text


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_curves(headstart, tmp_path, source, model, suffix):
    train = read(write_trend(tmp_path / "trend.csv"))
    TransferClassifier(None, recipe=Recipe("short", 8), n_members=2).fit(train).save(tmp_path / "scratch")
    picture = tmp_path / f"curves{suffix}"
    done = headstart("curves", model, tmp_path / "scratch", "--out", picture)
    assert (done.code, done.err) == (0, "")
    assert done.text == f"3 training runs drawn in {picture}."
    if suffix == ".svg":
        for words in ("Training loss on trend, with and without transfer", "from ItalyPowerDemand", "from scratch"):
            assert words in picture.read_text()
    assert headstart("curves", source, model / "network.safetensors", "--out", picture).code == 0


# data


def test_list(headstart):
    done = headstart("data", "list")
    assert (done.code, done.err) == (0, "")
    assert "ItalyPowerDemand" in done.text
    assert done.text.endswith("data sets on this machine.")


def test_list_what_can_be_downloaded(headstart):
    done = headstart("data", "list", "--remote")
    assert done.code == 0
    assert "Adiac" in done.text


def test_show(headstart, tmp_path):
    done = headstart("data", "show", "ItalyPowerDemand")
    assert (done.code, done.err) == (0, "")
    assert "series 67 1029" in done.text
    (tmp_path / "a.csv").write_text("a,b,c,label\n1,,3,x\n2,3,,y\n")
    done = headstart("data", "show", tmp_path / "a.csv")
    assert "time steps 2 to 3" in done.text
    assert "missing values, interpolated 1" in done.text
    (tmp_path / "b.csv").write_text("a,b,c\n1,,3\n2,3,\n")
    done = headstart("data", "show", tmp_path / "b.csv", "--no-labels")
    assert (done.code, "time steps 2 to 3" in done.text) == (0, True)
    done = headstart("data", "show", tmp_path / "b.csv", "--no-labels", "--label", "a")
    assert (done.code, "--no-labels says that there is none: give one" in done.message) == (2, True)


def test_download(headstart, monkeypatch):
    monkeypatch.setattr("headstart.data.download_archive", lambda name: f"/archive/{name}")
    done = headstart("data", "download", "Adiac", "Beef")
    assert done.text == "Adiac: /archive/Adiac Beef: /archive/Beef"


def test_same_as_the_library(headstart, tmp_path):
    """What the command line does is what the classifier does."""
    train, _ = load("ItalyPowerDemand")
    headstart("fit", "ItalyPowerDemand", "--source", "scratch", "--out", tmp_path / "model", "--epochs", 2, "--seed", 5)
    from headstart.training.recipe import get_recipe

    classifier = TransferClassifier(None, recipe=get_recipe("default", epochs=2), random_state=5).fit(train)
    saved = TransferClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(saved.predict_proba(train), classifier.predict_proba(train))


# Ctrl-C


def interrupt_at_step(monkeypatch, n):
    cross_entropy, calls = loop.F.cross_entropy, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == n:
            raise KeyboardInterrupt
        return cross_entropy(*arguments)

    monkeypatch.setattr(loop.F, "cross_entropy", interrupted)


def test_interrupted_fit_keeps_the_model(headstart, tmp_path, source, monkeypatch):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    interrupt_at_step(monkeypatch, 7)  # in the third epoch: twelve series are three batches
    done = headstart("fit", train, "--test", test, "--source", source, "--out", tmp_path / "model", "--epochs", 5)
    assert done.code == INTERRUPTED
    assert "2 epochs until it was interrupted" in done.text
    assert "Interrupted: the best network so far is kept, and not compared with one from scratch." in done.text
    assert TransferClassifier.load(tmp_path / "model").model_.card.interrupted


def test_interrupted_choice(headstart, tmp_path, source, monkeypatch):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    interrupt_at_step(monkeypatch, 1)
    done = headstart("fit", train, "--test", test, "--sources", source.parent, "--out", tmp_path / "model")
    assert done.code == INTERRUPTED
    kept = "Interrupted: a choice among what was fitted by then is kept, and not compared with one from scratch."
    assert kept in done.text
    classifier = TransferClassifier.load(tmp_path / "model")
    assert {"MiniROCKET"} <= set(classifier.report_["chosen"])
    assert set(classifier.report_["chosen"]) <= {
        "MiniROCKET",
        "WEASEL",
        "MultiROCKET-Hydra",
        "QUANT",
        "features of Italy",
    }
    assert classifier.score(read(test), read(test).labels) > 0.8


def test_interrupted_members(headstart, tmp_path, monkeypatch):
    train = write_trend(tmp_path / "a.csv")
    interrupt_at_step(monkeypatch, 22)  # in the second epoch of the third network
    done = headstart(
        "fit", train, "--source", "scratch", "--out", tmp_path / "model", "--epochs", 3, "--members", 5, "--folds", 2
    )
    assert done.code == INTERRUPTED
    assert "a: 2 fcn networks trained from scratch, recipe default, 3 epochs each" in done.text
    assert "Interrupted: 2 of 5 networks are kept, and not compared with one from scratch." in done.text
    assert len(TransferClassifier.load(tmp_path / "model").models_) == 2


@pytest.mark.parametrize(
    ("step", "judge"),
    [(22, "--test"), (16, "--test"), (30, "--folds")],
    ids=["twin", "twin, in its first epoch", "second fold"],
)
def test_interrupt_while_judging(headstart, tmp_path, source, monkeypatch, step, judge):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    interrupt_at_step(monkeypatch, step)
    how = (judge, test if judge == "--test" else 2)
    done = headstart("fit", train, *how, "--source", source, "--out", tmp_path / "model", "--epochs", 5)
    assert done.code == INTERRUPTED
    assert "Interrupted: the model is kept, but how good it is was not measured to the end." in done.text
    assert "What this shows" not in done.text
    assert not TransferClassifier.load(tmp_path / "model").model_.card.interrupted


def test_interrupted_pretrain_keeps_the_source(headstart, tmp_path, monkeypatch):
    train = write_trend(tmp_path / "a.csv")
    interrupt_at_step(monkeypatch, 7)
    done = headstart("pretrain", train, "--out", tmp_path / "a.safetensors", "--epochs", 5)
    assert done.code == INTERRUPTED
    assert Source.load(tmp_path / "a.safetensors").card.interrupted


@pytest.mark.parametrize("command", [("fit", "model", "--source", "scratch"), ("pretrain", "a.safetensors")])
def test_interrupt_in_the_first_epoch_leaves_nothing(headstart, tmp_path, monkeypatch, command):
    train = write_trend(tmp_path / "a.csv")
    interrupt_at_step(monkeypatch, 1)
    name, out, *more = command
    done = headstart(name, train, "--out", tmp_path / out, "--epochs", 5, *more)
    assert done.code == INTERRUPTED
    assert "Traceback" not in done.err
    assert os.listdir(tmp_path) == ["a.csv"]


# Help


@pytest.mark.parametrize(
    "command", ["", "fit", "predict", "curves", "pretrain", "recipes", "rank", "similarity", "data", "data list"]
)
def test_help(headstart, command):
    done = headstart(*command.split(), "--help")
    assert done.code == 0
    assert f"Usage: headstart {command}".strip() in done.text


def test_fit_chooses_and_says_why(headstart, tmp_path, source):
    train, test = write_trend(tmp_path / "a.csv"), write_trend(tmp_path / "b.csv", seed=1)
    done = headstart(
        "fit", train, "--test", test, "--sources", source.parent, "--out", tmp_path / "model", "--epochs", 2
    )
    assert done.code == 0, done.err
    told = (
        "Candidates, on",
        "MiniROCKET",
        "Used: ",
        "Out of fold it is right on",
        "the network from scratch (recipe quick, changed) on",
    )
    for words in told:
        assert words in done.text, words
    assert "The choice: right on" in done.text
    assert "only with the choice" in done.text
    assert headstart("predict", tmp_path / "model", test).code == 0


def test_fit_fast(headstart, tmp_path, source):
    train = write_trend(tmp_path / "a.csv")
    done = headstart("fit", train, "--budget", "fast", "--sources", source.parent, "--out", tmp_path / "model")
    assert done.code == 0, done.err
    assert "it was not compared with a network from scratch" in done.text
    assert "the network from scratch (recipe" not in done.text
    assert headstart("fit", train, "--budget", "fats", "--out", tmp_path / "other").code == 2
    fast = ("--budget", "fast", "--sources", source.parent, "--out", tmp_path / "model", "--epochs", 2)
    done = headstart("fit", train, *fast)
    assert (done.code, "--epochs is for networks, and --budget fast trains none" in done.message) == (2, True)
    write_trend(tmp_path / "b_TEST.csv", seed=3)
    done = headstart("fit", write_trend(tmp_path / "b_TRAIN.csv"), *fast)
    assert (done.code, done.err) == (0, ""), "the network from scratch beside it has so many"


def test_fit_beside_a_table_without_labels(headstart, tmp_path):
    train = write_trend(tmp_path / "b_train.csv")
    (tmp_path / "b_test.csv").write_text("a,b\n1,2\n")
    arguments = ("--source", "scratch", "--epochs", 1)
    done = headstart("fit", train, *arguments, "--out", tmp_path / "one")
    assert done.code == 0
    assert "b_test.csv has no column 'label', so it is not taken for a test set" in done.message
    other = write_trend(tmp_path / "other.csv", seed=3)
    for more in (("--test", other), ("--folds", 2)):
        done = headstart("fit", train, *arguments, *more, "--out", tmp_path / more[0])
        assert (done.code, done.err) == (0, "")
    done = headstart("pretrain", train, "--epochs", 1, "--out", tmp_path / "a.safetensors")
    assert (done.code, done.err) == (0, "")
