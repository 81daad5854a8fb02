"""Commands about pretrained sources: zoo list, show, build, verify, add, push, pull, export."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.options import (
    INTERRUPTED,
    Archive,
    Device,
    Network,
    RecipeName,
    Seed,
    Settings,
    check_file,
    check_picture,
    chosen_recipe,
    console,
    whole_sources,
)
from headstart.cli.overlap import overlap
from headstart.cli.universal import universal

if TYPE_CHECKING:
    from headstart.zoo import Card, Progress, Sources

zoo_app = typer.Typer(help="Make, list, check and share pretrained sources.", no_args_is_help=True)
zoo_app.command("overlap")(overlap)
zoo_app.command("universal")(universal)

Name = Annotated[str, typer.Argument(help="Name of a source, its file, or hf://OWNER/REPOSITORY/NAME.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace other sources of these names in your own zoo.")]


@zoo_app.command("list")
def list_sources(
    folder: Annotated[Path | None, typer.Argument(help="Folder of sources; none: all that are found by name.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only of this domain: Image, Sensor, ECG, …")] = None,
    min_length: Annotated[
        int | None, typer.Option(min=1, help="Only of series of at least so many time steps.")
    ] = None,
    max_length: Annotated[int | None, typer.Option(min=1, help="Only of series of at most so many time steps.")] = None,
    classes: Annotated[int | None, typer.Option(min=0, help="Only with so many classes.")] = None,
    channels: Annotated[int | None, typer.Option(min=1, help="Only of series of so many channels.")] = None,
) -> None:
    """List sources, with their accuracies on their own test series where they were measured."""
    from headstart.report.sources import sources_table

    sources = whole_sources(folder)
    cards = {
        name: card
        for name, card in ((name, source.card) for name, source in sources.items())
        if (domain is None or (card.domain or "").lower() == domain.lower())
        and (min_length is None or card.min_length >= min_length)
        and (max_length is None or card.max_length <= max_length)
        and classes in (None, len(card.classes))
        and channels in (None, card.n_channels)
    }
    console.print(sources_table(cards))
    console.print(f"{len(cards)} of {len(sources)} sources.")


@zoo_app.command("show")
def show(
    name: Name,
    picture: Annotated[Path | None, typer.Option(help="Draw prototypes and loss: .png, .svg, .pdf or .html.")] = None,
) -> None:
    """Say what a source was trained on, how, and how well."""
    from headstart.report.sources import source_table
    from headstart.zoo import find

    if picture is not None:
        check_picture(picture)
    source = find(name)
    console.print(source_table(name, source))
    if picture is not None:
        from headstart.report.charts import save_chart
        from headstart.report.source_chart import source_chart

        save_chart(source_chart(source), picture)
        console.print(f"Drawn in {picture}.")


@zoo_app.command("build")
def build(
    out: Annotated[Path, typer.Option(help="Folder of the zoo, made if it is missing.")],
    archive: Archive = None,
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this data set; repeat for more.")] = None,
    recipe: RecipeName = "default",
    settings: Settings = None,
    network: Network = "fcn",
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(min=0, help="Sources at a time; 0: one, in this process.")] = 1,
    device: Device = "auto",
) -> None:
    """Train a source on the training part of each data set of an archive, the cheap ones first.

    It may be stopped or killed at any moment; the same command goes on. Sources that are there already, made from the
    same data with the same recipe, network and seed, are kept.
    """
    from headstart.zoo import build_zoo

    try:
        end = build_zoo(
            archive,
            out,
            names,
            network=network,
            recipe=chosen_recipe(recipe, None, settings),
            seed=seed,
            workers=workers,
            device=device,
            on_settled=_print_settled,
        )
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on.")
        raise typer.Exit(INTERRUPTED) from None
    failed = f"{len(end.failures)} failed" + (f": {', '.join(end.failures)}" if end.failures else "")
    console.print(f"{end.n_jobs - len(end.failures)} sources in {out}, {failed}.")
    if end.failures:
        raise typer.Exit(1)


@zoo_app.command("verify")
def verify_sources(
    path: Annotated[
        Path | None, typer.Argument(help="Folder of sources, or one file; none: all that are found by name.")
    ] = None,
) -> None:
    """Read sources whole and say which are damaged, altered, or of another version."""
    from headstart.zoo import sources_at, verify
    from headstart.zoo.names import known_folders

    folders = known_folders() if path is None else [path]
    n_sources = n_damaged = 0
    for folder in folders:
        sources = sources_at(folder)
        problems = verify(sources)
        for problem in problems.values():
            console.print(problem, soft_wrap=True)
        n_sources, n_damaged = n_sources + len(sources), n_damaged + len(problems)
    console.print(f"{n_sources - n_damaged} of {n_sources} sources are whole.")
    if n_damaged:
        raise typer.Exit(1)


@zoo_app.command("add")
def add(
    path: Annotated[Path, typer.Argument(help="Folder of sources, or one file.")],
    replace: Replace = False,
) -> None:
    """Copy sources into your own zoo, where they are found by name, once it is certain that all are whole."""
    from headstart.zoo import sources_at

    sources = sources_at(path)
    _add(sources, replace=replace)


@zoo_app.command("push")
def push_sources(
    repository: Annotated[str, typer.Argument(help="OWNER/REPOSITORY on the Hugging Face Hub; made if missing.")],
    path: Annotated[Path | None, typer.Argument(help="Folder of sources, or one file; none: your own zoo.")] = None,
) -> None:
    """Upload sources to a repository of the Hugging Face Hub."""
    from headstart.zoo import own_folder, push, sources_at

    sources = sources_at(own_folder() if path is None else path)
    console.print(f"{len(sources)} sources uploaded to {push(repository, sources)}.")


@zoo_app.command("pull")
def pull_sources(
    repository: Annotated[str, typer.Argument(help="OWNER/REPOSITORY on the Hugging Face Hub.")],
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this source; repeat for more.")] = None,
    replace: Replace = False,
) -> None:
    """Download sources of a repository of the Hugging Face Hub into your own zoo, where they are found by name."""
    from headstart.zoo import pull

    _add(pull(repository, names), replace=replace)


@zoo_app.command("export")
def export(
    name: Name,
    onnx: Annotated[Path, typer.Option(help="ONNX file to write.")],
) -> None:
    """Write a source's network as an ONNX file, which takes series as they are and gives probabilities."""
    from headstart.zoo import export_onnx, find

    check_file(onnx)
    source = find(name)
    export_onnx(source, onnx)
    console.print(
        f"{source.card.dataset} written to {onnx}: series float32 (batch, {source.card.n_channels}, time) in, "
        f"probabilities of {len(source.card.classes)} classes out; compared with torch."
    )


def _add(sources: "Sources", *, replace: bool) -> None:
    """Copy sources into the user's zoo, and say which of the shipped ones they hide."""
    from headstart.zoo import copy_into, own_folder
    from headstart.zoo.folder import paths_in
    from headstart.zoo.names import SHIPPED

    copy_into(own_folder(), sources, replace=replace)
    console.print(f"{len(sources)} sources added to {own_folder()}: {', '.join(sources)}.")
    if hidden := sorted(sources.keys() & paths_in(SHIPPED).keys()):
        console.print(f"They are used in place of the shipped ones of the same name: {', '.join(hidden)}.")


def _print_settled(name: str, card: "Card | None", progress: "Progress") -> None:
    from headstart.progress import time_text

    if name in progress.failures:
        outcome = progress.failures[name]
    elif card is None:
        outcome = "is there already"
    else:
        accuracy = "" if card.test_accuracy is None else f", accuracy {card.test_accuracy:.3f}"
        outcome = f"{time_text(card.train_seconds)}{accuracy}"
    left = "" if progress.seconds_left is None else f", left: {time_text(progress.seconds_left)}"
    console.print(f"{progress.n_settled} of {progress.n_jobs}{left} - {name}: {outcome}", soft_wrap=True)
