"""The picture of one source: the prototypes of its classes, and how its training went."""

import math
from typing import Any

from headstart.errors import HeadstartError
from headstart.report.charts import BLUE, CATEGORIES, WIDTH, finished, import_altair
from headstart.report.loss_chart import few_ticks, loss_panel, thinned
from headstart.zoo import Source

_MAX_PANELS = 12
_MAX_COLUMNS = 4
_NAME_WIDTH, _GAP = 20, 20  # pixels: right of the loss curve, which needs no name; and between panels


def source_chart(source: Source) -> Any:
    """Draw a source's prototypes, a panel a class, and below them its training loss.

    Parameters
    ----------
    source
        One with prototypes or losses; of more than twelve classes the first twelve are drawn.

    Returns
    -------
    altair.VConcatChart
        For `save_chart`, or to be shown in a notebook.

    Raises
    ------
    HeadstartError
        If it has neither prototypes nor losses.

    Examples
    --------
    >>> from headstart import Recipe, load, pretrain
    >>> source = pretrain(load("ItalyPowerDemand")[0], recipe=Recipe(name="short", epochs=2))
    >>> source_chart(source).to_dict()["title"]["text"]
    ['ItalyPowerDemand: a source of 2 classes']
    """
    card = source.card
    panels = [_prototype_panels(source)] if source.prototypes is not None else []
    if card.losses:
        panels.append(
            loss_panel(
                {"": [card.losses]},
                {"": BLUE},
                width=WIDTH - _NAME_WIDTH,
                name_width=_NAME_WIDTH,
                height=180,
                title=import_altair().TitleParams("Training loss", subtitle="thick: running median", subtitlePadding=2),
                axes=("epoch", "cross-entropy") if card.members is None else ("round", "loss (1: guessing)"),
            )
        )
    if not panels:
        raise HeadstartError(
            f"{card.dataset}: the source has neither prototypes nor losses, so there is nothing to draw"
        )
    kind = "a trunk without classes" if source.is_trunk else f"a source of {len(card.classes)} classes"
    facts = [f"{card.network}, recipe {card.recipe['name']}", f"{card.n_cases} training series"]
    if card.domain is not None:
        facts.insert(0, card.domain)
    if card.test_accuracy is not None:
        facts.append(f"accuracy {card.test_accuracy:.3f} on its own test series")
    chart = import_altair().vconcat(*panels, spacing=28).resolve_scale(color="independent")
    return finished(chart, f"{card.dataset}: {kind}", ["; ".join(facts) + "."])


def _prototype_panels(source: Source) -> Any:
    alt = import_altair()
    prototypes, classes = source.prototypes, source.card.classes
    assert prototypes is not None
    codes = sorted(set(prototypes.codes.tolist()))
    shown = codes[:_MAX_PANELS]
    names = {code: f"class {classes[code]}" if code < len(classes) else f"class {code + 1}" for code in shown}
    lines = []
    for i, (series, code) in enumerate(zip(prototypes.series, prototypes.codes.tolist(), strict=True)):
        for channel, values in enumerate(series):
            if code in names:
                steps, kept = thinned(values)
                lines.append(
                    {
                        "panel": names[code],
                        "line": f"{i} {channel}",
                        "channel": f"channel {channel + 1}",
                        "step": (steps + 1).tolist(),
                        "value": [float(f"{value:.4g}") for value in kept],
                    }
                )
    n_rows = math.ceil(len(shown) / _MAX_COLUMNS)
    n_columns = math.ceil(len(shown) / n_rows)
    n_channels = prototypes.n_channels
    channels = [f"channel {i + 1}" for i in range(n_channels)]
    heading = "Prototypes of the classes" + (f", the first {len(shown)} of {len(codes)}" if shown != codes else "")
    return (
        alt.Chart(alt.InlineData(lines))
        .transform_flatten(["step", "value"])
        .mark_line(strokeWidth=1.2, strokeJoin="round")
        .encode(
            x=alt.X("step:Q", title="time step", scale=alt.Scale(nice=False, zero=False), axis=few_ticks()),
            y=alt.Y("value:Q", title="value", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)),
            color=alt.Color(
                "channel:N",
                scale=alt.Scale(domain=channels, range=CATEGORIES),
                legend=alt.Legend(title=None, orient="top") if n_channels > 1 else None,
            ),
            detail="line:N",
        )
        .properties(width=(WIDTH - _GAP * (n_columns - 1)) // n_columns, height=110 if n_rows > 1 else 150)
        .facet(
            alt.Facet("panel:N", sort=list(names.values()), header=alt.Header(labelPadding=4)),
            columns=n_columns,
            spacing=_GAP,
            title=alt.TitleParams(heading, subtitle="DTW barycenters of the training series, as the network sees them"),
        )
    )
