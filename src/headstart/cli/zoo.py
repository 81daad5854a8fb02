"""Commands about pretrained sources: zoo build."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli.options import INTERRUPTED, Archive, Device, Network, RecipeName, Seed, console

if TYPE_CHECKING:
    from headstart.zoo import Card, Progress

zoo_app = typer.Typer(help="Make, list, check and share pretrained sources.", no_args_is_help=True)


@zoo_app.command("build")
def build(
    out: Annotated[Path, typer.Option(help="Folder of the zoo, made if it is missing.")],
    archive: Archive = None,
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this data set; repeat for more.")] = None,
    recipe: RecipeName = "default",
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
            recipe=recipe,
            seed=seed,
            workers=workers,
            device=device,
            on_settled=_print_settled,
        )
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on.")
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"{end.n_jobs - len(end.failures)} sources in {out}, {len(end.failures)} failed.")
    if end.failures:
        raise typer.Exit(1)


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
