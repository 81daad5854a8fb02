"""Training losses over the epochs, on a logarithmic axis: from scratch, and from a source.

Ismail Fawaz et al. (IEEE Big Data 2018) draw these curves with and without transfer. They draw the losses of the test
series beside them; here there are none, because a training never sees a test series.
"""

import itertools
from typing import Any

import numpy as np

from headstart.errors import HeadstartError
from headstart.report.charts import CATEGORIES, MIDDLE, WIDTH, finished, import_altair
from headstart.zoo import Card

MAX_POINTS = 240
"""Of a line; more than a panel has pixels cannot be seen."""

_LETTER = 6.5  # pixels that a letter of a curve's name takes
_STRETCHES = 40  # of a curve, each as wide as the window of its running median
_SCRATCH = "from scratch"


def loss_chart(cards: list[Card]) -> Any:
    """Draw the training losses that cards keep, a panel for each data set that was trained on.

    Networks that were trained alike but with other seeds, as the members of an ensemble are, share a colour.

    Parameters
    ----------
    cards
        Of sources and of the networks of fitted classifiers.

    Returns
    -------
    altair.VConcatChart
        For `save_chart`, or to be shown in a notebook.

    Raises
    ------
    HeadstartError
        If there is no card, or one keeps no losses, or there are more kinds of curves than colours.

    Examples
    --------
    >>> from headstart import Recipe, fine_tune, load, pretrain
    >>> short = Recipe(name="short", epochs=2)
    >>> source = pretrain(load("ItalyPowerDemand")[0], recipe=short)
    >>> train, _ = load("GunPoint")
    >>> networks = [fine_tune(source, train, short), pretrain(train, recipe=short)]
    >>> loss_chart([network.card for network in networks]).to_dict()["title"]["text"]
    ['Training loss on GunPoint, with and without transfer']
    """
    if not cards:
        raise HeadstartError("there is no network whose losses could be drawn; name models that have one")
    for card in cards:
        if not card.losses:
            raise HeadstartError(f"the card of {card.dataset} keeps no losses, so there is no curve to draw")
    on_data: dict[str, list[Card]] = {}
    for card in cards:
        on_data.setdefault(card.fingerprint, []).append(card)
    panels: list[dict[str, list[list[float]]]] = []
    for alike in on_data.values():
        panels.append({})
        for name, card in zip(_names(alike), alike, strict=True):
            panels[-1].setdefault(name, []).append(card.losses)
    colours = _colours([name for panel in panels for name in panel])
    name_width = min(20 + round(_LETTER * max(map(len, colours))), WIDTH // 2)
    charts = [
        loss_panel(
            panel,
            colours,
            width=WIDTH - name_width,
            name_width=name_width,
            height=320 if len(panels) == 1 else 200,
            title=alike[0].dataset if len(panels) > 1 else "",
        )
        for panel, alike in zip(panels, on_data.values(), strict=True)
    ]
    title = "Training loss" + (f" on {cards[0].dataset}" if len(panels) == 1 else "")
    if {_SCRATCH} < {_start(card) for card in cards}:
        title += ", with and without transfer"
    remarks = [
        "Thin: each network; thick: running median of all that were trained alike. The training loss says how soon a "
        "network knows its own series, not how well it does on others."
    ]
    return finished(import_altair().vconcat(*charts, spacing=24), title, remarks)


def loss_panel(
    losses: dict[str, list[list[float]]],
    colours: dict[str, str],
    *,
    width: int,
    name_width: int,
    height: int,
    title: Any,
    axes: tuple[str, str] = ("epoch", "cross-entropy"),
) -> Any:
    """Draw one or more curves under each name, `width` pixels wide, and right of them the names."""
    alt = import_altair()
    # A logarithm has no place for zero or less.
    positive = {
        name: [np.where(np.isfinite(run) & (np.asarray(run) > 0), run, np.nan) for run in runs]
        for name, runs in losses.items()
    }
    longest = max(len(run) for runs in positive.values() for run in runs)
    thin, thick, ends = [], [], {}
    for name, runs in positive.items():
        for i, run in enumerate(runs):
            drawn = np.flatnonzero(~np.isnan(run))
            if len(drawn):
                kept = drawn[thinned(run[drawn])[0]]
                thin.append({"name": name, "network": i + 1, "epoch": (kept + 1).tolist(), "loss": run[kept].tolist()})
        epochs, medians = _running_median(runs)
        if len(epochs):
            thick.append({"name": name, "epoch": epochs.tolist(), "median": medians.tolist()})
            ends[name] = float(medians[-1])
    every = [loss for row in thin for loss in row["loss"]] or [1.0]
    domain = [min(every) / 1.1, max(every) * 1.1]
    heights = _apart([_height(loss, domain, height) for loss in ends.values()], height)
    labels = [{"name": name, "epoch": longest, "y": y} for name, y in zip(ends, heights, strict=True)]

    colour = alt.Color("name:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    x_scale = alt.Scale(domain=[1, max(longest, 2)], range=[0, width], nice=False)
    x = alt.X("epoch:Q", title=axes[0], scale=x_scale, axis=few_ticks())
    y_scale = alt.Scale(type="log", domain=domain, nice=False)
    y = alt.Y("loss:Q", title=axes[1], scale=y_scale, axis=alt.Axis(tickCount=4, format="~g"))
    raw = (
        alt.Chart(alt.InlineData(thin))
        .transform_flatten(["epoch", "loss"])
        .mark_line(strokeWidth=0.8, opacity=0.35)
        .encode(
            x=x,
            y=y,
            color=colour,
            detail="network:N",
            tooltip=["name:N", "network:Q", "epoch:Q", alt.Tooltip("loss:Q", format=".3g")],
        )
    )
    median = (
        alt.Chart(alt.InlineData(thick))
        .transform_flatten(["epoch", "median"])
        .mark_line(strokeWidth=2, point=longest < 2)
        .encode(x=x, y=alt.Y("median:Q", scale=y_scale), color=colour)
    )
    texts = (
        alt.Chart(alt.InlineData(labels))
        .mark_text(align="left", dx=7, fontWeight="bold", limit=name_width - 10)
        .encode(x="epoch:Q", y=alt.Y("y:Q", scale=None), text="name:N", color=colour)
    )
    return alt.layer(raw, median, texts).properties(width=width + name_width, height=height, title=title)


def few_ticks() -> Any:
    """Return an axis of whole numbers without a grid."""
    return import_altair().Axis(tickCount=4, tickMinStep=1, grid=False)


def thinned(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and values of a series, of a long one the lowest and highest of each stretch, so that peaks stay."""
    if len(x) <= MAX_POINTS:
        return np.arange(len(x)), x
    edges = np.linspace(0, len(x), MAX_POINTS // 2 + 1).astype(int)
    steps = {0, len(x) - 1}
    for start, end in itertools.pairwise(edges):
        steps |= {start + int(np.argmin(x[start:end])), start + int(np.argmax(x[start:end]))}
    kept = np.array(sorted(steps))
    return kept, x[kept]


def _running_median(runs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return epochs (counted from 1), and the median loss of all runs around each; NaN is no loss."""
    longest = max(map(len, runs))
    together = np.full((len(runs), longest), np.nan)
    for i, run in enumerate(runs):
        together[i, : len(run)] = run
    half = longest // _STRETCHES // 2
    epochs, medians = [], []
    for i in np.unique(np.linspace(0, longest - 1, MAX_POINTS).astype(int)).tolist():
        around = together[:, max(0, i - half) : i + half + 1]
        if not np.isnan(around).all():
            epochs.append(i + 1)
            medians.append(np.nanmedian(around))
    return np.array(epochs), np.array(medians)


def _start(card: Card) -> str:
    return _SCRATCH if card.started_from is None else f"from {card.started_from}"


def _names(cards: list[Card]) -> list[str]:
    """Name alike what was trained alike: by its start, and by network, recipe and settings where they differ."""
    settings = [card.recipe | {"normalise": card.normalise} for card in cards]
    names = []
    for card, mine in zip(cards, settings, strict=True):
        parts = [_start(card)]
        if any(other.network != card.network for other in cards):
            parts.append(card.network)
        namesakes = [others for others in settings if others["name"] == mine["name"]]
        if len(namesakes) < len(cards):
            parts.append(mine["name"])
        for field, value in mine.items():
            if any(others.get(field, value) != value for others in namesakes):
                parts.append(f"{field} {value}")
        names.append(", ".join(parts))
    return names


def _colours(names: list[str]) -> dict[str, str]:
    """Give what started from scratch grey, all else a colour of its own."""
    different = list(dict.fromkeys(names))
    if len(different) > len(CATEGORIES):
        raise HeadstartError(
            f"{len(different)} kinds of curves are more than the {len(CATEGORIES)} colours that can be told apart; "
            "draw fewer at once"
        )
    hues = [colour for colour in CATEGORIES if colour != MIDDLE]
    return {name: MIDDLE if name == _SCRATCH else hues.pop(0) if hues else MIDDLE for name in different}


def _height(loss: float, domain: list[float], height: int) -> float:
    """Return where a loss lies on the logarithmic axis, in pixels from its top."""
    low, high = np.log(domain)
    return height * float((high - np.log(loss)) / (high - low))


def _apart(positions: list[float], height: int, distance: float = 15) -> list[float]:
    """Move labels apart that would lie on each other, keeping their order and staying above the axis."""
    moved = list(positions)
    order = np.argsort(positions, kind="stable")
    for upper, lower in itertools.pairwise(order):
        moved[lower] = max(moved[lower], moved[upper] + distance)
    limit = float(height)
    for i in order[::-1]:
        moved[i] = min(moved[i], limit)
        limit = moved[i] - distance
    return moved
