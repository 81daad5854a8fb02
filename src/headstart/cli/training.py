"""Commands that train: fit, predict with what was fitted, and pretrain."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headstart.cli.options import (
    INTERRUPTED,
    Archive,
    Case,
    Device,
    Epochs,
    Label,
    Network,
    Normalise,
    RecipeName,
    Seed,
    Sources,
    Time,
    check_file,
    check_picture,
    console,
    load_for_fit,
)

if TYPE_CHECKING:
    from headstart.data import Dataset


def fit(
    train: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    out: Annotated[Path, typer.Option(help="Folder to save the model in.")],
    test: Annotated[Path | None, typer.Option(help="File of labelled series to judge the model on.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Saved source to start from, or nearest (see --sources); none: from scratch.")
    ] = None,
    sources: Sources = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Judge by cross-validation with so many folds.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the result: .png, .svg, .pdf or .html.")] = None,
    recipe: RecipeName = "default",
    epochs: Epochs = None,
    network: Network = "fcn",
    normalise: Normalise = True,
    seed: Seed = 0,
    device: Device = "auto",
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Fine-tune a network on labelled series, and save it.

    Where there are test series, or with --folds, a twin is trained from scratch, and the two are compared. Ctrl-C ends
    the training and keeps the best network so far.
    """
    from headstart import comparison
    from headstart.classifier import TransferClassifier, check_replaceable
    from headstart.data.preprocessing import require_variation
    from headstart.errors import DataError
    from headstart.files import check_writable
    from headstart.report.console import comparison_table, conclusion, data_table, training_sentence, verdict
    from headstart.training.recipe import get_recipe

    check_replaceable(out)
    check_writable(out)
    train_set, test_set = load_for_fit(train, test, archive, label, case, time)
    if normalise:
        require_variation(train_set)
    if folds is not None:
        comparison.check_folds(train_set, folds)
    if picture is not None:
        if test_set is None or folds is not None:
            raise DataError("--picture shows test series: give --test, and no --folds")
        check_picture(picture)
    console.print(data_table({"train": train_set} | ({} if test_set is None else {"test": test_set})))

    classifier = TransferClassifier(
        source,
        sources=sources,
        network=network,
        recipe=get_recipe(recipe, epochs=epochs),
        normalise=normalise,
        random_state=seed,
        device=device,
        verbose=True,
    )
    was_interrupted = not _fit_to_the_end(classifier, train_set)
    classifier.save(out)
    console.print(training_sentence(classifier.model_.card))
    scratch = comparison.from_scratch(classifier) if classifier.source_ is not None else None
    result = None
    if was_interrupted:
        console.print("Interrupted: the best network so far is kept, and not compared with one from scratch.")
    elif folds is not None:
        result = comparison.compare_by_folds(classifier, scratch, train_set, folds)
    elif test_set is not None:
        if scratch is not None:
            was_interrupted = not _fit_to_the_end(scratch, train_set)
            console.print(training_sentence(scratch.model_.card))
        result = comparison.compare_on_test_set(classifier, scratch, test_set)
    else:
        console.print("How good it is on new series is not known: --test or --folds would tell.")
    if result is not None:
        console.print(comparison_table(result, classifier.model_.card.started_from))
        console.print("\nWhat this shows:")
        for line in conclusion(result, classifier.model_.card.started_from):
            console.print(f"- {line}")
    if picture is not None and result is not None and test_set is not None:
        from headstart.report.charts import save_chart
        from headstart.report.fit_chart import fit_chart

        fitted = [classifier] if scratch is None else [classifier, scratch]
        save_chart(
            fit_chart(
                test_set,
                classifier.predict(test_set),
                losses={_start(c): c.model_.card.losses for c in fitted},
                accuracies={_start(c): c.score(test_set, test_set.labels) for c in fitted},
                title=verdict(result),
            ),
            picture,
        )
        console.print(f"Drawn in {picture}.")
    console.print(f"Saved in {out}; `headstart predict {out} DATA` uses it.")
    if was_interrupted:
        raise typer.Exit(INTERRUPTED)


def predict(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    data: Annotated[str, typer.Argument(help="File of series, or name of a data set (then its test part).")],
    out: Annotated[Path | None, typer.Option(help="CSV to write; otherwise it goes to standard output.")] = None,
    labelled: Annotated[bool, typer.Option("--labels/--no-labels", help="Whether the file holds labels.")] = True,
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Predict classes: a CSV of each series' label if known, its prediction, and the probability of each class."""
    import pandas as pd

    from headstart.classifier import TransferClassifier
    from headstart.data import Dataset, load, read
    from headstart.errors import DataError
    from headstart.files import write_text

    if out is not None:
        check_file(out)
    classifier = TransferClassifier.load(model)
    if Path(data).expanduser().exists():
        series = read(
            data,
            label=label if labelled else None,
            case=case,
            time=time,
            classes=classifier.classes_ if labelled else None,
        )
    else:
        _, test_set = load(data, archive)
        if test_set is None:
            raise DataError(f"{data} has no test part; give a file of series")
        labels = (test_set.labels, classifier.classes_) if labelled else (None, None)
        series = Dataset.from_arrays(test_set.name, test_set.X, labels[0], classes=labels[1])
    probabilities = classifier.predict_proba(series)
    predictions = classifier.classes_[probabilities.argmax(axis=1)]
    table = pd.DataFrame({"case": range(1, series.n_cases + 1)})
    if series.is_labelled:
        table["label"] = series.labels
    table["prediction"] = predictions
    for code, name in enumerate(classifier.classes_):
        table[f"probability of {name}"] = probabilities[:, code].round(6)
    text = table.to_csv(index=False, lineterminator="\n")
    if out is None:
        sys.stdout.write(text)
        return
    write_text(out, text)
    n_right = f", {(predictions == series.labels).mean():.3f} of them right" if series.is_labelled else ""
    console.print(f"{series.n_cases} series predicted{n_right}; written to {out}.")


def pretrain(
    data: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    out: Annotated[Path, typer.Option(help="File to save the source in, NAME.safetensors.")],
    recipe: RecipeName = "default",
    epochs: Epochs = None,
    network: Network = "fcn",
    normalise: Normalise = True,
    seed: Seed = 0,
    device: Device = "auto",
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Train a network from scratch and save it as a source for others to start from.

    Only the training part of a data set is used. Ctrl-C ends the training and keeps the best network so far.
    """
    from headstart.data.preprocessing import require_variation
    from headstart.errors import ModelError
    from headstart.files import check_writable
    from headstart.progress import epoch_bar
    from headstart.report.console import data_table, training_sentence
    from headstart.training.recipe import get_recipe
    from headstart.zoo import pretrain as pretrain_source

    if out.suffix != ".safetensors" or out.is_dir():
        raise ModelError(f"{out}: a source is one file whose name ends in .safetensors; name such a file")
    check_writable(out)
    train_set, _ = load_for_fit(data, None, archive, label, case, time)
    if normalise:
        require_variation(train_set)
    console.print(data_table({"train": train_set}))
    settings = get_recipe(recipe, epochs=epochs)
    with epoch_bar("training from scratch", settings.n_epochs(train_set.n_cases)) as on_epoch:
        source = pretrain_source(
            train_set, network, settings, seed=seed, normalise=normalise, device=device, on_epoch=on_epoch
        )
    source.save(out)
    console.print(training_sentence(source.card))
    console.print(f"Saved in {out}; `headstart fit TRAIN --source {out} --out MODEL` starts from it.")
    if source.card.interrupted:
        raise typer.Exit(INTERRUPTED)


def _fit_to_the_end(classifier: Any, data: "Dataset") -> bool:
    """Fit, and return whether no Ctrl-C ended it; if one came before there was anything to keep, it goes on up."""
    try:
        classifier.fit(data)
    except KeyboardInterrupt:
        if not hasattr(classifier, "model_"):
            raise
        return False
    return True


def _start(classifier: Any) -> str:
    name = classifier.model_.card.started_from
    return "from scratch" if name is None else f"from {name}"
