"""Commands that train: fit, predict with what was fitted, and pretrain."""

import sys
import warnings
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
    Labelled,
    Members,
    Network,
    Normalise,
    RecipeName,
    Seed,
    Settings,
    Sources,
    Time,
    check_file,
    check_picture,
    chosen_recipe,
    console,
    is_given,
    label_column,
    load_for_fit,
)

if TYPE_CHECKING:
    from headstart.comparison import Comparison
    from headstart.data import Dataset
    from headstart.zoo import Card


def fit(
    context: typer.Context,
    train: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    out: Annotated[Path, typer.Option(help="Folder to save the model in.")],
    test: Annotated[Path | None, typer.Option(help="File of labelled series to judge the model on.")] = None,
    source: Annotated[
        str,
        typer.Option(
            help="auto: what is best on the training series, with transfer or without; scratch; nearest (see "
            "--sources); or a source: a name, file or hf:// address."
        ),
    ] = "auto",
    sources: Sources = None,
    budget: Annotated[
        str, typer.Option(help="What competes in auto: fast (no network is trained), default or thorough.")
    ] = "default",
    folds: Annotated[int | None, typer.Option(min=2, help="Judge by cross-validation with so many folds.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the result: .png, .svg, .pdf or .html.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help="How to train (see `headstart recipes`); none: default, or in auto what the budget says."),
    ] = None,
    epochs: Epochs = None,
    settings: Settings = None,
    members: Members = 1,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Let every class count the same, however many series it has.")
    ] = False,
    network: Network = "fcn",
    normalise: Normalise = True,
    seed: Seed = 0,
    device: Device = "auto",
    archive: Archive = None,
    label: Label = "label",
    case: Case = None,
    time: Time = None,
) -> None:
    """Fit a classifier to labelled series, with transfer where it helps, and save it.

    Where there are test series, or with --folds, a network is trained from scratch, and the two are compared. With
    --source other than auto, Ctrl-C ends the training and keeps the best network so far; with --members, the networks
    that are done; in auto, the choice among the candidates that train no network.
    """
    from headstart import comparison
    from headstart.choice import get_budget
    from headstart.classifier import TransferClassifier, check_replaceable
    from headstart.data.preprocessing import require_variation
    from headstart.errors import DataError
    from headstart.files import check_writable
    from headstart.networks import get_network
    from headstart.report.console import comparison_table, conclusion, data_table, verdict
    from headstart.training.device import find_device
    from headstart.zoo import find as find_source

    of_budget = get_budget(budget).recipe
    usual = of_budget if source == "auto" else "default"
    is_said = bool(recipe or epochs or settings)
    chosen = chosen_recipe(recipe or usual, epochs, settings) if is_said else None
    if test is not None and folds is not None:
        raise DataError("--test judges by other series, --folds by those of training: give one of the two")
    if sources is not None and source not in ("auto", "nearest"):
        raise DataError(
            f"--sources is a folder to choose from, --source {source} leaves no choice; give one of the two"
        )
    said = {name for name in ("budget", "network", "normalise") if is_given(context, name)}
    if "budget" in said and source != "auto":
        raise DataError(f"--budget is for a choice, --source {source} leaves none; give one of the two")
    if source not in ("auto", "scratch") and (own := sorted(said - {"budget"})):
        raise DataError(
            f"--{own[0]} is for networks from scratch, a source has its own; leave it out, or give --source scratch"
        )
    get_network(network)
    find_device(device)
    check_replaceable(out)
    check_writable(out)
    train_set, test_set = load_for_fit(train, test, archive, label, case, time, with_test=folds is None)
    is_compared = test_set is not None or folds is not None  # then with a network from scratch
    if source == "auto" and not get_budget(budget).n_members and not is_compared and _of_networks(context):
        option = _of_networks(context)[0]
        raise DataError(f"--{option} is for networks, and --budget {budget} trains none; leave it out, or give --test")
    if normalise if source in ("auto", "scratch", "nearest") else find_source(source).card.normalise:
        require_variation(train_set, can_be_switched_off=source in ("auto", "scratch"))
    if folds is not None:
        comparison.check_folds(train_set, folds)
    if picture is not None:
        if test_set is None:
            raise DataError("--picture shows test series: give --test, and no --folds")
        check_picture(picture)
    console.print(data_table({"train": train_set} | ({} if test_set is None else {"test": test_set})))

    classifier = TransferClassifier(
        None if source == "scratch" else source,
        sources=sources,
        budget=budget,
        network=network,
        recipe=chosen,
        n_members=members,
        balanced=balanced,
        normalise=normalise,
        random_state=seed,
        device=device,
        verbose=True,
    )
    is_done = _fit_to_the_end(classifier, train_set)
    classifier.save(out)
    _tell(classifier)
    for words in _cautions(classifier, train_set, None if folds is not None else test_set):
        console.print(words)
    is_auto = classifier.choice_ is not None
    scratch = comparison.from_scratch(classifier) if is_auto or classifier.source_ is not None else None
    if scratch is not None and is_said:  # alone it trains as long as any network, also where a choice of many does not
        scratch.set_params(recipe=chosen_recipe(recipe or "default", epochs, settings))
    what = "the choice" if is_auto else "transfer"
    result = None
    if not is_done:
        console.print(f"Interrupted: {_kept(classifier)} kept, and not compared with one from scratch.")
    elif folds is None and test_set is None:
        console.print("How good it is on new series was not measured: --test or --folds would tell.")
    else:
        try:
            result = _judge(classifier, scratch, train_set, test_set, folds)
        except KeyboardInterrupt:
            is_done = False
            console.print("Interrupted: the model is kept, but how good it is was not measured to the end.")
    if result is not None:
        console.print(comparison_table(result, _start(classifier)))
        console.print("\nWhat this shows:")
        for line in conclusion(result, _start(classifier), what):
            console.print(f"- {line}")
    if picture is not None and result is not None and test_set is not None:
        from headstart.report.charts import save_chart
        from headstart.report.fit_chart import fit_chart

        fitted = {_start(classifier): (classifier, result.correct)}
        if scratch is not None and result.correct_from_scratch is not None:
            fitted[_start(scratch)] = (scratch, result.correct_from_scratch)
        losses = {name: [card.losses for card in _cards(one)] for name, (one, _) in fitted.items()}
        save_chart(
            fit_chart(
                test_set,
                result.predicted,
                losses={name: runs for name, runs in losses.items() if runs},
                accuracies={name: float(correct.mean()) for name, (_, correct) in fitted.items()},
                title=verdict(result, what),
            ),
            picture,
        )
        console.print(f"Drawn in {picture}.")
    console.print(f"Saved in {out}; `headstart predict {out} DATA` uses it.")
    if not is_done:
        raise typer.Exit(INTERRUPTED)


def predict(
    model: Annotated[Path, typer.Argument(help="Folder of a saved model.")],
    data: Annotated[str, typer.Argument(help="File of series, or name of a data set (then its test part).")],
    out: Annotated[Path | None, typer.Option(help="CSV to write; otherwise it goes to standard output.")] = None,
    labelled: Labelled = True,
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
    from headstart.files import expanded, write_text

    column = label_column(label, labelled)
    if out is not None:
        check_file(out)
        if out.suffix != ".csv":
            raise DataError(f"{out}: predictions are written as .csv; name such a file")
        if out.exists() and expanded(data).exists() and out.samefile(expanded(data)):
            raise DataError(f"{out}: holds the series to predict, which would be lost; choose another place")
    classifier = TransferClassifier.load(model)
    classifier.set_params(device="auto")  # where it was fitted there may have been another
    classes = classifier.classes_ if labelled else None
    if expanded(data).is_file():
        series = read(data, label=column, case=case, time=time, classes=classes)
    else:
        _, test_set = load(data, archive, label=label, case=case, time=time)
        if test_set is None:
            raise DataError(f"{data} has no test part; give a file of series")
        series = Dataset.from_arrays(
            test_set.name,
            test_set.X,
            test_set.labels if labelled else None,
            classes=classes,
            channel_names=test_set.channel_names,
            case_names=test_set.case_names,
            step_names=test_set.step_names,
        )
    if series.n_interpolated:
        warnings.warn(f"{series.n_interpolated} missing values inside series were interpolated", stacklevel=2)
    probabilities = classifier.predict_proba(series)
    predictions = classifier.classes_[probabilities.argmax(axis=1)]
    table = pd.DataFrame({"case": series.case_names or range(1, series.n_cases + 1)})
    if series.is_labelled:
        table["label"] = series.labels
    table["prediction"] = predictions
    for code, name in enumerate(classifier.classes_):
        table[f"probability of {name}"] = probabilities[:, code].round(6)
    text = table.to_csv(index=False, lineterminator="\n")
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())  # as a file has it, whatever a terminal can show
        return
    write_text(out, text)
    n_right = f", {(predictions == series.labels).mean():.3f} of them right" if series.is_labelled else ""
    console.print(f"{series.n_cases} series predicted{n_right}; written to {out}.")


def pretrain(
    data: Annotated[str, typer.Argument(help="File of labelled series, or name of a data set.")],
    out: Annotated[Path, typer.Option(help="File to save the source in, NAME.safetensors.")],
    recipe: RecipeName = "default",
    epochs: Epochs = None,
    settings: Settings = None,
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
    from headstart.zoo import pretrain as pretrain_source

    chosen = chosen_recipe(recipe, epochs, settings)
    if out.suffix != ".safetensors" or out.is_dir():
        raise ModelError(f"{out}: a source is one file whose name ends in .safetensors; name such a file")
    check_writable(out)
    train_set, _ = load_for_fit(data, None, archive, label, case, time, with_test=False)
    if normalise:
        require_variation(train_set)
    console.print(data_table({"train": train_set}))
    with epoch_bar("training from scratch", chosen.n_epochs(train_set.n_cases)) as on_epoch:
        source = pretrain_source(
            train_set, network, chosen, seed=seed, normalise=normalise, device=device, on_epoch=on_epoch
        )
    source.save(out)
    console.print(training_sentence(source.card))
    console.print(f"Saved in {out}; `headstart fit TRAIN --source {out} --out MODEL` starts from it.")
    if source.card.interrupted:
        raise typer.Exit(INTERRUPTED)


def recipes() -> None:
    """Show all recipes, and the fields that --set changes."""
    from headstart.report.console import recipes_table
    from headstart.training import RECIPES

    console.print(recipes_table(RECIPES))


def curves(
    models: Annotated[
        list[str], typer.Argument(help="Folders of saved models, and sources: names, files or hf:// addresses.")
    ],
    out: Annotated[Path, typer.Option(help="Picture: .png, .svg, .pdf or .html.")],
) -> None:
    """Draw the training losses of models and sources, with and without transfer, on a logarithmic axis.

    What was trained on the same series shares a panel.
    """
    from headstart.classifier import TransferClassifier
    from headstart.report.charts import save_chart
    from headstart.report.loss_chart import loss_chart
    from headstart.zoo import find

    check_picture(out)
    cards = []
    for model in models:
        cards += _cards(TransferClassifier.load(model)) if Path(model).is_dir() else [find(model).card]
    save_chart(loss_chart(cards), out)
    console.print(f"{len(cards)} training runs drawn in {out}.")


def _of_networks(context: typer.Context) -> list[str]:
    """Return the options given that say how networks are trained."""
    names = {"recipe": "recipe", "epochs": "epochs", "settings": "set", "members": "members", "network": "network"}
    return [option for name, option in names.items() if is_given(context, name)]


def _fit_to_the_end(classifier: Any, data: "Dataset") -> bool:
    """Fit, and return whether no Ctrl-C ended it; if one came before there was anything to keep, it goes on up."""
    try:
        classifier.fit(data)
    except KeyboardInterrupt:
        if not hasattr(classifier, "model_"):
            raise
        return False
    return True


def _judge(classifier: Any, scratch: Any, train: "Dataset", test: "Dataset | None", folds: int | None) -> "Comparison":
    """Compare a fitted classifier with its unfitted twin from scratch, if it has one."""
    from headstart.comparison import compare_by_folds, compare_on_test_set
    from headstart.report.console import training_sentence

    if folds is not None:
        return compare_by_folds(classifier, scratch, train, folds)
    assert test is not None
    if scratch is not None:
        scratch.fit(train)
        console.print(training_sentence(*_cards(scratch)))
    return compare_on_test_set(classifier, scratch, train, test)


def _kept(classifier: Any) -> str:
    """Say what an interrupt left."""
    if classifier.choice_ is not None:
        return "a choice among what was fitted by then is"
    if classifier.model_.card.interrupted:
        return "the best network so far is"
    n_kept = len(classifier.models_)
    return f"{n_kept} of {classifier.n_members} networks {'is' if n_kept == 1 else 'are'}"


def _cards(classifier: Any) -> "list[Card]":
    return [model.card for model in classifier.models_]


def _tell(classifier: Any) -> None:
    """Say how networks were trained, or what was chosen and why."""
    from headstart.choice import get_budget
    from headstart.report.console import choice_sentences, choice_table, training_sentence
    from headstart.training import RECIPES

    if classifier.choice_ is None:
        console.print(training_sentence(*_cards(classifier)))
        return
    console.print(choice_table(classifier.choice_))
    recipe = get_budget(classifier.budget).recipe if classifier.recipe is None else classifier.recipe.name
    if classifier.recipe is not None and classifier.recipe != RECIPES.get(recipe):
        recipe += ", changed"
    for line in choice_sentences(classifier.choice_, recipe):
        console.print(line)


def _cautions(classifier: Any, train: "Dataset", test: "Dataset | None") -> list[str]:
    """Say what the sources in use have seen of the data that they are to be judged on, and whether training has."""
    from headstart.choice.budget import sources_at_hand
    from headstart.zoo.overlap import caution, count_copies, overlaps

    if classifier.choice_ is None:
        source = classifier.source_
        used = {} if source is None else {source.card.dataset: source}
    else:
        with warnings.catch_warnings(action="ignore"):  # of damaged ones, said before
            known = sources_at_hand(classifier.sources)
        names = classifier.ranking_.query("chosen")["source"].dropna().unique()
        used = {name: known[name] for name in names if name in known}
    parts = [part for part in (train, test) if part is not None]
    cautions = (caution(part.name, overlaps(part, used)) for part in parts)
    words = [one for one in cautions if one][:1]
    if test is not None and (n := count_copies(test, train)):
        words.append(f"CAUTION: {n} of {test.n_cases} test series are among those of training, too.")
    return words


def _start(classifier: Any) -> str:
    if classifier.choice_ is not None:
        return "the choice"
    name = classifier.model_.card.started_from
    return "from scratch" if name is None else f"from {name}"
