"""The command zoo universal."""

from pathlib import Path
from typing import Annotated

import typer

from headstart.cli.options import INTERRUPTED, Archive, Device, Network, Seed, check_file, console


def universal(
    out: Annotated[Path | None, typer.Option(help="The source's file, NAME.safetensors.")] = None,
    archive: Archive = None,
    names: Annotated[list[str] | None, typer.Option("--name", help="Only this data set; repeat for more.")] = None,
    without: Annotated[int | None, typer.Option(min=1, help="Number of a group to leave out; see --groups.")] = None,
    network: Network = "dilated",
    method: Annotated[str, typer.Option(help="episodes or heads.")] = "episodes",
    updates: Annotated[int, typer.Option(min=1, help="Steps, each on a batch of one data set.")] = 8000,
    seed: Seed = 0,
    device: Device = "auto",
    show_groups: Annotated[
        bool, typer.Option("--groups", help="Print the groups of related data sets, and train nothing.")
    ] = False,
) -> None:
    """Train one trunk on the training parts of all data sets of an archive, to start from whatever the target is.

    It may be stopped or killed at any moment; the same command goes on, and loses a minute at most.
    """
    from headstart.errors import HeadstartError
    from headstart.progress import progress_bar, time_text
    from headstart.zoo.universal import build_universal, groups

    if show_groups:
        for number, members in groups().items():
            console.print(f"{number}: {', '.join(members)}")
        return
    if out is None:
        raise HeadstartError("--out is missing; name the file to write, such as --out universal.safetensors")
    check_file(out)
    was_there = out.exists()
    try:
        with progress_bar("training", updates, "steps") as update:
            source = build_universal(
                archive,
                out,
                names,
                without=without,
                network=network,
                method=method,
                n_updates=updates,
                seed=seed,
                device=device,
                on_update=lambda done, loss: update(done, f"loss {loss:.3f}"),
            )
    except KeyboardInterrupt:
        console.print("Interrupted; the same command goes on.")
        raise typer.Exit(INTERRUPTED) from None
    card = source.card
    if was_there:  # made of other data or in another way it would have been refused
        console.print(f"{out} is there already, made of the same data in the same way; nothing was trained.")
    loss = f", loss {card.losses[-1]:.3f} of guessing's 1" if card.losses else ""
    console.print(
        f"{card.dataset}: {card.network} trained on {len(card.members or [])} data sets, {card.n_cases} series, in "
        f"{time_text(card.train_seconds)}{loss}; in {out}."
    )
