"""Bad input, end to end: one sentence with what, where, and what to do; exit code 2; nothing left behind."""

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from headstart.classifier import TransferClassifier
from headstart.data import read
from headstart.training import Recipe, loop
from headstart.zoo import Source, pretrain
from tests.data import writers

HEADER = "a,b,c,label\n"
GOOD = HEADER + "1,2,3,x\n3,2,1,y\n1,2,4,x\n4,2,1,y\n"
GOOD_TSV = "1\t0.5\t1.5\n2\t1.5\t0.5\n"
LONG = "id,t,v,label\na,1,3,x\na,2,4,x\nb,1,4,y\nb,2,3,y\n"


# What lies in the folder in which each command runs: made once, by the library.


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "good.csv").write_text(GOOD)
    train, recipe = read(folder / "good.csv"), Recipe("short", 1)
    source = pretrain(train, recipe=recipe)
    source.save(folder / "source.safetensors")
    TransferClassifier(source, recipe=recipe).fit(train).save(folder / "model")
    return folder


@pytest.fixture
def workplace(made, tmp_path, monkeypatch) -> Path:
    """A folder with good.csv, source.safetensors and model/, which is the current one."""
    folder = tmp_path / "workplace"
    folder.mkdir()
    (folder / "model").mkdir()
    for path in made.rglob("*"):
        if path.is_file():
            (folder / path.relative_to(made)).write_bytes(path.read_bytes())
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HEADSTART_ARCHIVE", raising=False)
    return folder


# Small functions that make bad files.


def file(name, content):
    """Write a file."""
    data = content.encode() if isinstance(content, str) else content
    return lambda: Path(name).write_bytes(data)


def packed(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def ts(name, n_channels, labels=("x", "y")):
    series = [np.random.default_rng(i).normal(size=(n_channels, 6)) for i in range(4)]
    return lambda: writers.ts(Path(name), series, list(labels) * 2)


def cut(name):
    """Cut off the end of a file."""
    return lambda: Path(name).write_bytes(Path(name).read_bytes()[:-20])


def flip(name):
    """Change the last byte of a file."""
    return lambda: Path(name).write_bytes(Path(name).read_bytes()[:-1] + bytes([Path(name).read_bytes()[-1] ^ 1]))


def edit(name, change):
    """Change a JSON file."""

    def change_file():
        document = json.loads(Path(name).read_text())
        change(document)
        Path(name).write_text(json.dumps(document))

    return change_file


def remove(name):
    return lambda: Path(name).unlink()


def folder(name, *files):
    def make():
        Path(name).mkdir()
        for one in files:
            (Path(name) / one).write_text("years of work")

    return make


def newer_source():
    with safetensors.safe_open("source.safetensors", framework="pt") as opened:
        header = json.loads(opened.metadata()["headstart"])
    tensors = safetensors.torch.load_file("source.safetensors")
    metadata = {"headstart": json.dumps(header | {"format_version": 2})}
    Path("source.safetensors").write_bytes(safetensors.torch.save(tensors, metadata=metadata))


def many_channels():
    data = pretrain(read_ts(3), recipe=Recipe("short", 1), with_prototypes=False)
    data.save("wide.safetensors")


def read_ts(n_channels):
    ts("wide.ts", n_channels)()
    return read("wide.ts")


FIT = "fit bad.csv --out new --epochs 1"
PRETRAIN = "pretrain bad.csv --out new.safetensors --epochs 1"
PREDICT = "predict model bad.csv --out new.csv"
ON_GOOD = "fit good.csv --out new --epochs 1"

# what makes the input bad; the command; what is wrong; where; what to do
BAD = {
    # Files of series
    "missing file": (None, FIT, "there is no file or folder", "bad.csv", "check the path"),
    "missing test file": (None, f"{ON_GOOD} --test none.csv", "there is no file", "none.csv", "check the path"),
    "empty file": (file("bad.csv", ""), FIT, "the file is empty", "bad.csv", "give one with at least one series"),
    "header only": (file("bad.csv", HEADER), FIT, "a header but no row", "bad.csv", "give at least one series"),
    "wrong delimiter": (
        file("bad.csv", GOOD.replace(",", ";")), FIT, "separated by ';'", "bad.csv: the first line", "by commas",
    ),
    "UCR text separated by semicolons": (
        file("bad.tsv", GOOD_TSV.replace("\t", ";")), "fit bad.tsv --out new", "one column only", "bad.tsv: line 1",
        "separated by tabs, commas or spaces",
    ),
    "ragged rows": (file("bad.csv", GOOD + "1,2,x\n"), FIT, "3 columns", "bad.csv: line 6", "keep their commas"),
    "ragged UCR rows": (
        file("bad.tsv", GOOD_TSV + "1\t2\n"), "fit bad.tsv --out new", "2 columns", "bad.tsv: line 3", "pad shorter",
    ),
    "text cell": (
        file("bad.csv", GOOD + "1,two,3,x\n"), FIT, "'two', which is not a number", "line 6, column 'b'", "correct it",
    ),
    "text cell in UCR": (
        file("bad.tsv", GOOD_TSV + "1\t2\tabc\n"), "fit bad.tsv --out new", "'abc', which is not", "line 3, column 3",
        "correct it",
    ),
    "no header": (
        file("bad.csv", "1,0.5,1.5\n2,1.5,0.5\n"), FIT, "numbers only", "bad.csv: the first line", "name the columns",
    ),
    "no label column": (
        file("bad.csv", GOOD.replace("label", "kind")), FIT, "no label column 'label'", "bad.csv", "a, b, c, kind",
    ),
    "wrong label column": (None, f"{ON_GOOD} --label kind", "no label column 'kind'", "good.csv", "a, b, c, label"),
    "missing label": (file("bad.csv", GOOD + "1,2,3,\n"), FIT, "has no label", "line 6 of bad.csv", "label it"),
    "label column that is an index": (
        file("bad.csv", HEADER + "".join(f"1,2,{i},{i}\n" for i in range(12))), FIT, "looks like an index",
        "column 'label'", "name the column that holds the class",
    ),
    "label column that is a float index": (
        file("bad.csv", HEADER + "".join(f"1,2,{i},{i}.0\n" for i in range(12))), FIT, "looks like an index",
        "column 'label'", "name the column that holds the class",
    ),
    "label column that is a measurement": (
        file("bad.csv", HEADER + "".join(f"1,2,{i},0.{i}1\n" for i in range(9))), FIT, "looks like a measurement",
        "column 'label'", "name the column that holds the class",
    ),
    "id column": (
        file("bad.csv", "id,a,label\n1,2,x\n2,3,y\n"), FIT, "'id' would be read as a time step", "bad.csv", "remove it",
    ),
    "patient column": (
        file("bad.csv", "patient_id,a,label\n1,2,x\n2,3,y\n"), FIT, "'patient_id' would be read as a time step",
        "bad.csv", "remove it",
    ),
    "row number": (
        file("bad.csv", "nr,t0,t1,t2,t3,label\n1,2,3,1,2,x\n2,3,1,2,3,y\n"), FIT, "'nr' would be read as a time step",
        "named as the others are (t0, t1, t2, t3)", "remove it, or, if it is one, rename it",
    ),
    "columns in another order": (
        file("bad.csv", "\n".join(f"{b},{a},{rest}" for a, b, rest in (r.split(",", 2) for r in GOOD.split()))),
        PREDICT, "'b' is time step 1, where 2 is wanted", "bad", "the same columns in the same order",
    ),
    "test columns in another order": (
        file("bad.csv", "\n".join(f"{b},{a},{rest}" for a, b, rest in (r.split(",", 2) for r in GOOD.split()))),
        f"{ON_GOOD} --test bad.csv", "'b' is time step 1, where 2 is wanted", "bad", "the same columns",
    ),
    "labels taken for time steps": (
        file("bad.csv", "kind,a,b,c\n1,2,3,5\n2,4,3,2\n"), f"{PREDICT} --no-labels", "'a' is time step 2, where 1",
        "bad", "the same columns in the same order",
    ),
    "a first line for Excel": (file("bad.csv", "sep=,\n" + GOOD), FIT, "('sep=') is no header", "bad", "remove it"),
    "a comment": (file("bad.csv", "# of 2024\n" + GOOD), FIT, "('# of 2024') is no header", "bad.csv", "remove it"),
    "no header but a label": (
        file("bad.csv", "1,2,1,x\n2,1,2,y\n"), f"{FIT} --label x", "several columns are named '1'", "bad.csv",
        "if the first line is no header, add one",
    ),
    "saved row index": (
        file("bad.csv", "Unnamed: 0.1,a,label\n1,2,x\n2,3,y\n"), FIT, "'Unnamed: 0.1' would be read as a time step",
        "bad.csv", "remove it",
    ),
    "budget where nothing is chosen": (
        None, f"{ON_GOOD} --source scratch --budget fsat", "unknown budget 'fsat'", "Did you mean 'fast'?", "known:",
    ),
    "one class": (file("bad.csv", GOOD.replace("y", "x")), FIT, "only one class (x)", "bad", "needs at least two"),
    "one case": (file("bad.csv", HEADER + "1,2,3,x\n"), FIT, "only one class (x)", "bad", "needs at least two"),
    "one case a class": (
        file("bad.csv", HEADER + "1,2,3,x\n3,2,1,y\n"), f"{FIT} --folds 2", "1 of the 2 cases", "class x",
        "ask for fewer folds, give a test set, or add cases",
    ),
    "more folds than cases": (None, f"{ON_GOOD} --folds 9", "2 of the 9 cases", "class x", "ask for fewer folds"),
    "all-NaN series": (file("bad.csv", GOOD + ",,,x\n"), FIT, "no values at all", "line 6 of bad.csv", "remove it"),
    "all-NaN series in pretrain": (
        file("bad.csv", GOOD + "NaN,NaN,NaN,x\n"), PRETRAIN, "no values at all", "line 6 of bad.csv", "remove it",
    ),
    "constant series": (
        file("bad.csv", GOOD + "7,7,7,x\n"), FIT, "never changes (its value is 7)", "case 5", "--no-normalise",
    ),
    "constant series in pretrain": (
        file("bad.csv", GOOD + "7,7,7,x\n"), PRETRAIN, "never changes (its value is 7)", "case 5", "remove it",
    ),
    "series that rounding leaves nothing of": (
        file("bad.csv", GOOD + "7e9,7000000100,7e9,x\n"), FIT, "never changes (its value is 7e+09)", "case 5", "remove",
    ),
    "far from zero": (
        file("bad.csv", "a,b,c,label\n" + "7000000000,7000000100,7e9,x\n7e9,7e9,7000000050,y\n" * 2),
        FIT, "around 7e+09, which 32 bits cannot tell", "line 2 of bad.csv", "subtract a constant",
    ),
    "one time step": (
        file("bad.csv", "a,label\n1,x\n2,y\n3,x\n4,y\n"), FIT, "never changes (its value is 1)", "case 1", "remove it",
    ),
    "infinite value": (
        file("bad.csv", GOOD + "1,inf,3,x\n"), FIT, "infinite value", "line 6 of bad.csv has", "replace it",
    ),
    "too large a value": (
        file("bad.csv", GOOD + "1,2,1e99,x\n"), FIT, "too large for 32 bits", "at time step 3", "replace it",
    ),
    "duplicate time steps of a case": (
        file("bad.csv", LONG + "a,2,5,x\n"), f"{FIT} --case id --time t", "both hold case 'a' at time 2",
        "line 3 and line 6", "keep one of them",
    ),
    "two labels of one case": (
        file("bad.csv", LONG + "a,3,5,y\n"), f"{FIT} --case id --time t", "case 'a' the label 'y'", "line 6",
        "give all rows of a case the same label",
    ),
    "case without time": (file("bad.csv", LONG), f"{FIT} --case id", "both case and time", "bad.csv", "name both"),
    "channels differ inside a file": (
        file("bad.ts", "@classLabel true x y\n@data\n1,2:3,4:x\n1,2:y\n"), "fit bad.ts --out new", "1 channels",
        "line 4", "2",
    ),
    "unknown format": (file("bad.xlsx", "x"), "fit bad.xlsx --out new", "unknown format '.xlsx'", "bad.xlsx", ".csv"),
    "not UTF-8": (file("bad.csv", "ä,b,label\n".encode("latin-1")), FIT, "not UTF-8", "line 1", "save the file as"),
    "truncated zip": (
        file("bad.zip", packed("bad.csv", GOOD)[:-20]), "fit bad.zip --out new", "damaged or was cut off", "bad.zip",
        "copy or download it again",
    ),
    "corrupt gzip": (
        file("bad.csv.gz", gzip.compress(GOOD.encode())[:-9] + b"corrupted"), "fit bad.csv.gz --out new", "damaged",
        "bad.csv.gz", "copy or download it again",
    ),
    "zip with nothing in it": (
        file("bad.zip", packed("readme.md", "hello")), "fit bad.zip --out new", "there is none", "bad.zip", "give the",
    ),
    "test set alone": (
        file("Bad_TEST.tsv", GOOD_TSV), "fit Bad_TEST.tsv --out new", "Bad_TRAIN.tsv is not beside it",
        "Bad_TEST.tsv", "give",
    ),
    # Files that do not go together
    "test classes unseen in training": (
        file("bad.csv", GOOD + "1,2,3,z\n"), f"{ON_GOOD} --test bad.csv", "label 'z', which is not among the 2 classes",
        "line 6 of bad.csv", "remove it, or add such cases to the training data",
    ),
    "channels of train and test differ": (
        ts("bad.ts", 2), f"{ON_GOOD} --test bad.ts", "has 2 channels where good.csv has 1", "bad.ts", "give both",
    ),
    "channels of model and data differ": (
        ts("bad.ts", 2), "predict model bad.ts --out new.csv", "2 channels, the model was trained on 1", "bad",
        "give the same channels",
    ),
    "channels of other names": (
        lambda: (file("bad.csv", LONG)(), file("test.csv", LONG.replace("v", "w"))()),
        f"{FIT} --case id --time t --test test.csv", "test has the channels w where v are wanted", "test", "same names",
    ),
    "classes of model and data differ": (
        file("bad.csv", GOOD + "1,2,3,z\n"), PREDICT, "label 'z', which is not among", "line 6 of bad.csv", "remove it",
    ),
    "classes of model and named data set differ": (
        None, "predict model ItalyPowerDemand --out new.csv", "has the label 2, which is not among the 2 classes",
        "ItalyPowerDemand: case 1", "remove it",
    ),
    "data to predict without labels": (
        file("bad.csv", "a,b,c\n1,2,3\n"), PREDICT, "no label column 'label'", "bad.csv", "--no-labels",
    ),
    "ts to predict without labels": (
        file("bad.ts", "@classLabel false\n@data\n1,2\n"), "predict model bad.ts --out new.csv", "no class labels",
        "bad.ts", "--no-labels",
    ),
    "labels in data that should have none": (
        file("bad.csv", GOOD), f"{PREDICT} --no-labels", "there is a column 'label'", "bad.csv", "remove it",
    ),
    "label column of data without labels": (
        None, "predict model good.csv --out new.csv --label kind --no-labels", "--no-labels says that there is none",
        "--label kind", "give one",
    ),
    "predictions in another format": (
        None, "predict model good.csv --out new.parquet", "predictions are written as .csv", "new.parquet", "name such",
    ),
    "data to predict with an empty series": (
        file("bad.csv", GOOD + ",,,x\n"), PREDICT, "no values at all", "line 6 of bad.csv", "remove it",
    ),
    # Models and sources
    "no model": (None, "predict none good.csv", "is no headstart model", "none: ", "make one with `headstart fit`"),
    "model without its network": (
        remove("model/network.safetensors"), "predict model good.csv --out new.csv", "there is no such source file",
        "model/network.safetensors", "check the path",
    ),
    "model without model.json": (
        remove("model/model.json"), "predict model good.csv --out new.csv", "it has no model.json", "model: ",
        "make one with `headstart fit`",
    ),
    "truncated model": (
        cut("model/network.safetensors"), "predict model good.csv --out new.csv", "not a whole safetensors file",
        "model/network.safetensors", "make or fetch the source again",
    ),
    "truncated model.json": (
        cut("model/model.json"), "predict model good.csv --out new.csv", "cannot be read", "model/model.json",
        "fit the model again",
    ),
    "altered model": (
        flip("model/network.safetensors"), "predict model good.csv --out new.csv", "were altered",
        "model/network.safetensors", "make or fetch the source again",
    ),
    "altered model.json": (
        edit("model/model.json", lambda d: d["model"]["classes"].reverse()), "predict model good.csv --out new.csv",
        "was altered since it was written", "model/model.json", "fit the model again",
    ),
    "model of a newer version": (
        edit("model/model.json", lambda d: d.update(format_version=2)), "predict model good.csv --out new.csv",
        "has format version 2, this headstart reads 1", "model/model.json", "install a newer headstart",
    ),
    "unknown source": (
        None, f"{ON_GOOD} --source none.safetensors", "there is no such source file", "none.safetensors", "check the",
    ),
    "source that is a text file": (
        None, f"{ON_GOOD} --source good.csv", "not a whole safetensors file", "good.csv", "make or fetch the source",
    ),
    "truncated source": (
        cut("source.safetensors"), f"{ON_GOOD} --source source.safetensors", "not a whole safetensors file",
        "source.safetensors", "make or fetch the source again",
    ),
    "altered source": (
        flip("source.safetensors"), f"{ON_GOOD} --source source.safetensors", "were altered", "source.safetensors",
        "make or fetch the source again",
    ),
    "source of a newer version": (
        newer_source, f"{ON_GOOD} --source source.safetensors", "has format version 2", "source.safetensors",
        "install a newer headstart",
    ),
    "weights of something else": (
        lambda: Path("bad.safetensors").write_bytes(safetensors.torch.save({"a": torch.zeros(1)})),
        f"{ON_GOOD} --source bad.safetensors", "no card of a headstart source", "bad.safetensors",
        "make it with `headstart pretrain`",
    ),
    "nearest of an empty folder": (
        folder("empty"), f"{ON_GOOD} --source nearest --sources empty", "has no sources", "empty: ",
        "make one with `headstart pretrain",
    ),
    "no source can be ranked": (
        lambda: (folder("wide")(), many_channels(), Path("wide.safetensors").rename("wide/wide.safetensors")),
        f"{ON_GOOD} --source nearest --sources wide", "none of the 1 sources can be used", "good: ", "name a source",
    ),
    "rank an empty folder": (
        folder("empty"), "rank good.csv --sources empty", "has no sources", "empty: ", "make one with",
    ),
    "unknown ranker": (
        None, "rank good.csv --sources . --by dwt", "unknown ranker 'dwt'", "Did you mean 'dtw'?", "known: dtw",
    ),
    # Places to write
    "folder to write in is missing": (
        None, "fit good.csv --out none/new", "cannot write none/new", "the folder none does not exist", "make it first",
    ),
    "folder to write in is a file": (
        None, "fit good.csv --out good.csv/new", "not a directory", "cannot write good.csv/new", "choose another place",
    ),
    "place with a model.json of something else": (
        folder("web", "model.json", "weights.bin"), "fit good.csv --out web", "is not that of a whole model",
        "web: is left alone", "choose another place",
    ),
    "model with other files beside it": (
        file("model/notes.txt", "years of work"), "fit good.csv --out model", "which would be lost", "notes.txt",
        "move that away, or choose another place",
    ),
    "place is something else": (
        folder("thesis", "chapter1.txt"), "fit good.csv --out thesis", "exists and is no headstart model", "thesis: ",
        "choose another place",
    ),
    "place is a file": (
        None, "fit good.csv --out good.csv", "exists and is no headstart model", "good.csv: ", "choose another place",
    ),
    "source without its suffix": (
        None, "pretrain good.csv --out new.pt", "ends in .safetensors", "new.pt", "name such a file",
    ),
    "source that is a folder": (
        folder("new2.safetensors"), "pretrain good.csv --out new2.safetensors", "a source is one file",
        "new2.safetensors", "name such a file",
    ),
    "folder of a source is missing": (
        None, "pretrain good.csv --out none/new.safetensors", "the folder none does not exist",
        "cannot write none/new.safetensors", "make it first",
    ),
    "predictions to a folder": (
        folder("empty"), "predict model good.csv --out empty", "is a folder", "empty", "name a file in it",
    ),
    "predictions below a file": (
        None, "predict model good.csv --out good.csv/new.csv", "not a directory", "cannot write good.csv/new.csv",
        "choose another place",
    ),
    "curves of no model": (
        folder("empty"), "curves model empty --out new.png", "is no headstart model", "empty: ", "make one with",
    ),
    "curves of no source": (
        None, "curves none.safetensors --out new.png", "there is no such source file", "none.safetensors", "check the",
    ),
    "curves of a text file": (
        None, "curves good.csv --out new.png", "not a whole safetensors file", "good.csv", "make or fetch",
    ),
    "curves in a file of an unknown kind": (None, "curves model --out new.bmp", "cannot draw to", "new.bmp", ".png"),
    "curves in a missing folder": (
        None, "curves model --out none/new.png", "the folder none does not exist", "cannot write none/new.png",
        "make it first",
    ),
    "picture of an unknown kind": (
        None, f"{ON_GOOD} --test good.csv --picture new.bmp", ".bmp", "new.bmp", ".png",
    ),
    "picture of nothing": (
        None, f"{ON_GOOD} --picture new.png", "--picture shows test series", "--picture", "give --test",
    ),
    "picture in a missing folder": (
        None, f"{ON_GOOD} --test good.csv --picture none/new.png", "the folder none does not exist",
        "cannot write none/new.png", "make it first",
    ),
    # Settings
    "unknown recipe": (None, f"{ON_GOOD} --recipe papr", "unknown recipe 'papr'", "Did you mean 'paper'?", "known:"),
    "unknown recipe in pretrain": (
        None, "pretrain good.csv --out new.safetensors --recipe papr", "unknown recipe 'papr'",
        "Did you mean 'paper'?", "known:",
    ),
    "unknown field of a recipe": (
        None, f"{ON_GOOD} --set learning_rat=1", "unknown recipe field 'learning_rat'",
        "Did you mean 'learning_rate'?", "batch_fraction",
    ),
    "setting without a value": (
        None, f"{ON_GOOD} --set batch_fraction", "there is no '='", "--set batch_fraction", "write FIELD=VALUE",
    ),
    "setting that is not whole": (
        None, f"{ON_GOOD} --set max_batch_size=1.5", "'1.5' is not a whole number", "--set max_batch_size=1.5", "whole",
    ),
    "setting that is no number": (
        None, f"{ON_GOOD} --set learning_rate=fast", "'fast' is not a number", "--set learning_rate=fast", "a number",
    ),
    "setting that is neither true nor false": (
        None, f"{ON_GOOD} --set bfloat16=yes", "'yes' is not true or false", "--set bfloat16=yes", "true or false",
    ),
    "setting that is neither whole nor none": (
        None, f"{ON_GOOD} --set max_updates=many", "'many' is not a whole number or none", "--set max_updates=many",
        "none",
    ),
    "unknown schedule": (
        None, f"{ON_GOOD} --set schedule=plateu", "unknown schedule 'plateu'", "Did you mean 'plateau'?", "one-cycle",
    ),
    "setting that the recipe refuses": (
        None, f"{ON_GOOD} --set learning_rate=0", "learning_rate must be positive", "recipe 'quick'", "positive",
    ),
    "empty setting": (None, f"{ON_GOOD} --set max_updates=", "'' is not a whole number or none", "--set", "none"),
    "one field set twice": (
        None, f"{ON_GOOD} --set bfloat16=true --set bfloat16=false", "bfloat16 is set twice", "--set bfloat16=false",
        "give one value",
    ),
    "epochs set twice": (None, f"{ON_GOOD} --set epochs=3", "epochs is set twice", "--set epochs=3", "give one value"),
    "setting in pretrain": (
        None, "pretrain good.csv --out new.safetensors --set epochs", "there is no '='", "--set epochs", "FIELD=VALUE",
    ),
    "network that is not to be trained": (
        None, "fit good.csv --out new --budget fast --network lite", "--network is for networks", "--budget fast",
        "leave it out",
    ),
    "recipe that is not used": (
        None, "fit good.csv --out new --budget fast --set epochs=3", "--set is for networks", "--budget fast",
        "leave it out",
    ),
    "a model as source": (
        None, "fit good.csv --out new --source model", "is the folder of a fitted classifier, not a source", "model",
        "name a network of it, model/network.safetensors",
    ),
    "predictions in place of the series": (
        None, "predict model good.csv --out good.csv", "holds the series to predict", "good.csv", "another place",
    ),
    "device that is not needed": (
        None, "fit good.csv --out new --budget fast --device warp", "device 'warp' cannot be used", "here", "'cpu'",
    ),
    "two ways to judge": (
        None, f"{ON_GOOD} --test good.csv --folds 2", "--test judges by other series", "--folds", "give one of the two",
    ),
    "sources for no choice": (
        None, f"{ON_GOOD} --source scratch --sources .", "--sources is a folder to choose from", "--source scratch",
        "give one of the two",
    ),
    "unknown network": (None, f"{ON_GOOD} --network fnc", "unknown network 'fnc'", "Did you mean 'fcn'?", "known:"),
    "unknown device": (None, f"{ON_GOOD} --device warp", "device 'warp' cannot be used", "here", "use 'auto' or 'cpu'"),
    "unknown data set": (
        None, "fit ItalyPowerDemnad --out new", "unknown data set 'ItalyPowerDemnad'",
        "Did you mean 'ItalyPowerDemand'?", "headstart data list",
    ),
    "unknown data set to predict": (
        None, "predict model GunPiont", "unknown data set 'GunPiont'", "'GunPoint'?", "headstart data list",
    ),
    "missing archive": (
        None, "data list --archive none", "the archive folder none does not exist", "none", "check the path",
    ),
}  # fmt: skip


def listing(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(headstart, workplace, monkeypatch, name):
    spoil, command, what, where, remedy = BAD[name]
    if spoil is not None:
        spoil()

    def train_all_the_same(*arguments):
        pytest.fail("it should have been found out before the training")

    monkeypatch.setattr(loop.F, "cross_entropy", train_all_the_same)
    before = listing(workplace)
    done = headstart(*command.split())
    for fragment in (what, where, remedy):
        assert fragment in done.message
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.err.startswith("headstart: ")
    assert done.err.count("\n") == 1, "one message, on one line"
    assert listing(workplace) == before, "nothing is left behind, and nothing is changed"


# Usage errors are typer's

USAGE = {
    "epochs 0": (f"{ON_GOOD} --epochs 0", "--epochs"),
    "epochs in words": (f"{ON_GOOD} --epochs many", "--epochs"),
    "folds 1": (f"{ON_GOOD} --folds 1", "--folds"),
    "seed below 0": (f"{ON_GOOD} --seed -1", "--seed"),
    "members 0": (f"{ON_GOOD} --members 0", "--members"),
    "curves without a place": ("curves model", "--out"),
    "curves of nothing": ("curves --out new.png", "models"),
    "no place to write": ("fit good.csv", "--out"),
    "unknown option": (f"{ON_GOOD} --epoch 3", "--epoch"),
    "unknown command": ("fti good.csv", "fti"),
    "no data": ("fit --out new", "train"),
}


@pytest.mark.parametrize("name", USAGE)
def test_usage_error(headstart, workplace, name):
    command, what = USAGE[name]
    before = listing(workplace)
    done = headstart(*command.split())
    assert done.code == 2
    assert what in done.message
    assert "Usage: headstart" in done.message
    assert "Traceback" not in done.err
    assert listing(workplace) == before


# What has to be simulated

WRITING = {
    "fit": ("fit good.csv --source scratch --out new --epochs 1", "cannot write new: no space left on device"),
    "fit over an older model": ("fit good.csv --out model --epochs 1", "cannot write model: no space left on device"),
    "pretrain": (
        "pretrain good.csv --out new.safetensors --epochs 1",
        "cannot write new.safetensors: no space left on device",
    ),
    "pretrain over an older source": (
        "pretrain good.csv --out source.safetensors --epochs 1",
        "cannot write source.safetensors: no space left on device",
    ),
    "predict": ("predict model good.csv --out new.csv", "cannot write new.csv: no space left on device"),
}


@pytest.mark.parametrize("name", WRITING)
def test_full_disk(headstart, workplace, monkeypatch, name):
    command, message = WRITING[name]
    before = listing(workplace)

    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    done = headstart(*command.split())
    assert done.code == 2
    assert done.err == f"headstart: {message}; choose another place, or make room there\n"
    assert listing(workplace) == before


@pytest.mark.parametrize("name", WRITING)
def test_place_without_permission(headstart, workplace, monkeypatch, name):
    """Simulated, since whoever runs the tests may be allowed everything."""
    command, message = WRITING[name]
    before = listing(workplace)

    def refuse(*arguments, **keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    done = headstart(*command.split())
    assert done.code == 2
    expected = message.replace("no space left on device", "permission denied")
    assert done.err == f"headstart: {expected}; choose another place, or make room there\n"
    assert "epochs" not in done.out, "found out before the training"
    assert listing(workplace) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_gpu_where_there_is_none(headstart, workplace):
    before = listing(workplace)
    done = headstart(*f"{ON_GOOD} --device cuda".split())
    assert done.code == 2
    assert "device 'cuda' cannot be used here" in done.message
    assert "use 'auto' or 'cpu'" in done.message
    assert done.err.count("\n") == 1
    assert listing(workplace) == before


def test_loss_that_is_not_finite(headstart, workplace, monkeypatch):
    cross_entropy = loop.F.cross_entropy
    monkeypatch.setattr(loop.F, "cross_entropy", lambda *arguments: cross_entropy(*arguments) * float("nan"))
    done = headstart(*ON_GOOD.split(), "--source", "scratch")
    assert done.code == 2
    assert done.err == (
        "headstart: good: the training loss is no longer a finite number in epoch 1; lower the learning rate, or "
        "normalise the series\n"
    )
    assert not Path("new").exists()
    done = headstart(*ON_GOOD.split())
    assert done.code == 0, "the candidates that train no network are left"
    assert "failed: good: the training loss is no longer a finite number" in done.text


def test_sources_are_not_executed(headstart, workplace):
    import pickle

    class Boom:
        def __reduce__(self):
            return os.mkdir, (str(workplace / "executed"),)

    Path("bad.safetensors").write_bytes(pickle.dumps(Boom()))
    done = headstart(*f"{ON_GOOD} --source bad.safetensors".split())
    assert done.code == 2
    assert "not a whole safetensors file" in done.message
    assert not Path("executed").exists()


def test_the_workplace_is_good(headstart, workplace):
    """Without anything bad in it, every command of the table works."""
    Path("bad.csv").write_text(GOOD)
    for command in (
        FIT,
        f"{FIT} --folds 2",
        PRETRAIN,
        PREDICT,
        f"{ON_GOOD} --source source.safetensors",
        f"{ON_GOOD} --set max_batch_size=8",
        "curves model source.safetensors --out new.svg",
    ):
        assert headstart(*command.split()).code == 0
    assert isinstance(Source.load("new.safetensors"), Source)
