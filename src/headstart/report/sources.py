"""Tables of sources for the console."""

from collections.abc import Mapping

from rich.table import Table

from headstart.zoo import Card, Source


def sources_table(cards: Mapping[str, Card]) -> Table:
    """Show sources by name, a row each; the length of a series of several channels is given with their number."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))  # names are long, and a line has 80 letters
    table.add_column("source", no_wrap=True)
    table.add_column("domain", no_wrap=True)
    for heading in ("series", "length", "classes", "accuracy"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("network")
    for name, card in cards.items():
        table.add_row(
            name,
            card.domain or "-",
            str(card.n_cases),
            f"{card.n_channels} × {_lengths(card)}" if card.n_channels > 1 else _lengths(card),  # noqa: RUF001
            str(len(card.classes)) if card.classes else "-",
            _accuracy(card),
            card.network,
        )
    return table


def source_table(name: str, source: Source) -> Table:
    """Show all that a source says of itself."""
    card = source.card
    table = Table(title=name, title_justify="left", show_edge=False, show_header=False)
    table.add_column("")
    table.add_column("", overflow="fold")
    passes = "epochs" if card.members is None else "rounds"
    rows = {
        "trained on": card.dataset if card.members is None else f"{card.dataset}: {', '.join(card.members)}",
        "started from": card.started_from or "scratch",
        "domain": card.domain or "not known",
        "data from": card.origin or "not known",
        "licence of the data": card.licence or "not known",
        "series": f"{card.n_cases} of {_lengths(card)} time steps, {card.n_channels} channel"
        + ("s" if card.n_channels > 1 else ""),
        "classes": ", ".join(map(str, card.classes)) or "none: it is fine-tuned, and cannot predict",
        "z-normalised": "yes" if card.normalise else "no",
        "network": card.network,
        "recipe": ", ".join(f"{field} {value}" for field, value in card.recipe.items()),
        "seed": str(card.seed),
        "training": f"{len(card.losses)} {passes}, the best was {card.best_epoch}; {card.train_seconds:.1f} s on "
        f"{card.device} in {card.precision}" + ("; interrupted" if card.interrupted else ""),
        "accuracy": _accuracy_in_words(card),
        "prototypes": "none" if source.prototypes is None else str(len(source.prototypes.codes)),
        "signatures": "none" if source.signatures is None else f"of {len(source.signatures)} series",
        "made with": ", ".join(f"{library} {version}" for library, version in card.versions.items()),
        "fingerprints seen": ", ".join(fingerprint[:16] for fingerprint in card.seen),
    }
    for label, text in rows.items():
        table.add_row(label, text)
    return table


def _accuracy_in_words(card: Card) -> str:
    if card.test_accuracy is None:
        return "not measured"
    before = card.test_accuracy_in_float32
    rounding = "" if before is None else f", {before:.3f} before the weights were rounded to half precision"
    return f"{card.test_accuracy:.3f} on the data set's own test part{rounding}"


def _lengths(card: Card) -> str:
    return str(card.max_length) if card.min_length == card.max_length else f"{card.min_length} to {card.max_length}"


def _accuracy(card: Card) -> str:
    return "-" if card.test_accuracy is None else f"{card.test_accuracy:.3f}"
