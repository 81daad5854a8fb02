"""The picture of a grid: what each source does to each target, and whether the similar ones do it better.

The first panel is the paper's "variation matrix" (Ismail Fawaz et al., IEEE Big Data 2018, section V-A): the change of
the accuracy in percent of that from scratch, a row a source, a column a target. Here both are sorted by their means,
so that a source that helps everybody would be a blue row at the top. The second sets the change against the rank of the
source among all by similarity, over all targets; the paper draws it for single targets.
"""

import math
from typing import Any

import numpy as np
import pandas as pd

from headstart.errors import DataError
from headstart.grid.transfers import similarity_ranks
from headstart.report.charts import BLUE, DARK, FAINT, MIDDLE, VERMILION, WIDTH, finished, import_altair

_LETTER = 0.52  # width of an average letter, in font sizes
_SMALLEST_CELL, _LARGEST_CELL, _LARGEST_FONT = 8, 32, 11  # pixels, of the heat map
_NUMBERED_CELL = 24  # pixels, from which a mean has room to be written
_CROSS = "\N{MULTIPLICATION SIGN}"
_MEAN, _GAP = "mean", " "  # one more row and column, and an empty one before it
_CURVE_HEIGHT = 230  # pixels
_MAX_TICKS = 30  # ranks that are all named; of more, round ones
_TIE = 1e-9  # percent; means of the same accuracies differ in their last bits


def grid_chart(pairs: pd.DataFrame, distances: pd.DataFrame | None = None) -> Any:
    """Draw what transfer did to every pair of data sets.

    Parameters
    ----------
    pairs
        As `headstart.grid.transfers.transfers` returns them. Relatives are marked, and count for nothing.
    distances
        Of data sets, as `similarity_matrix` returns them; None leaves the panel of similarity out.

    Returns
    -------
    altair.VConcatChart
        For `save_chart`, or to be shown in a notebook. On a page, pointing at a cell says the accuracies.

    Raises
    ------
    DataError
        If all pairs are relatives, or no distance is known.

    Examples
    --------
    >>> pairs = pd.DataFrame({"source": ["Beef", "Car"], "target": "Coffee", "seed": 0, "accuracy": [1.0, 0.5]})
    >>> chart = grid_chart(pairs.assign(scratch_accuracy=0.75, related=False))
    >>> chart.to_dict()["title"]["text"]
    ['Transfer against training from scratch: 50% of 2 pairs gain accuracy, 50% lose']
    """
    alt = import_altair()
    counted = pairs[~pairs["related"]]
    if counted.empty:
        raise DataError("all sources are relatives of their targets; there is nothing to draw")
    change = 100 * (counted["accuracy"] - counted["scratch_accuracy"])
    means = _means(pairs)
    panels = [_heat_map(means)]
    if distances is not None:
        ranked = pairs.assign(rank=similarity_ranks(pairs, distances)).dropna(subset="rank")
        if ranked.empty:
            raise DataError("the distances name none of the pairs; give those of the same data sets")
        panels.append(_rank_panel(ranked))
    chart = alt.vconcat(*panels, spacing=30).resolve_scale(color="independent")
    by_pair = change.groupby([counted["source"], counted["target"]]).mean()
    gain, lose = (by_pair > _TIE).mean(), (by_pair < -_TIE).mean()
    title = f"Transfer against training from scratch: {gain:.0%} of {len(by_pair)} pairs gain accuracy, {lose:.0%} lose"
    return finished(chart, title, [_remark(pairs)])


def _remark(pairs: pd.DataFrame) -> str:
    """Say what the numbers are means of, and how much chance is in them."""
    n_seeds = pairs.groupby(["source", "target"])["seed"].nunique()
    low, high = n_seeds.min(), n_seeds.max()
    remark = "One run a pair." if high == 1 else f"Means of {high} seeds."
    if low < high:
        remark = f"Means of {low} to {high} seeds."
    scratch = pairs.drop_duplicates(["target", "seed"])
    n_free = len(scratch) - scratch["target"].nunique()
    if n_free > 0:
        relative = scratch["scratch_accuracy"] / scratch.groupby("target")["scratch_accuracy"].transform("mean") - 1
        spread = math.sqrt(float((relative**2).sum()) / n_free)
        remark += f" By chance alone, training from scratch varies by {spread:.1%} (standard deviation over seeds)."
    if pairs["related"].any():
        remark += f" {_CROSS}: the source is a relative of the target, shares series or subjects, and is not counted."
    return remark


def _means(pairs: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, and say the change in percent of the accuracy from scratch."""
    pairs = pairs.assign(change=_percent(pairs))
    table = pairs.groupby(["source", "target"], as_index=False).agg(
        accuracy=("accuracy", "mean"),
        scratch_accuracy=("scratch_accuracy", "mean"),
        lowest=("change", "min"),
        highest=("change", "max"),
        related=("related", "any"),
        n_seeds=("seed", "nunique"),
    )
    return table.assign(change=_percent(table))


def _percent(table: pd.DataFrame) -> pd.Series:
    """Return the change of the accuracy in percent of that from scratch; NaN where that is 0."""
    return 100 * (table["accuracy"] / table["scratch_accuracy"].where(table["scratch_accuracy"] > 0) - 1)


def _heat_map(means: pd.DataFrame) -> Any:
    alt = import_altair()
    counted = means[~means["related"]]
    of_source, of_target = (counted.groupby(name)["change"].mean() for name in ("source", "target"))
    sources = _sorted(of_source, means["source"])
    targets = _sorted(of_target, means["target"])
    margins = pd.concat(
        [
            of_source.rename_axis("source").reset_index().assign(target=_MEAN),
            of_target.rename_axis("target").reset_index().assign(source=_MEAN),
        ]
    )
    largest = _round_up(float(counted["change"].fillna(0).abs().quantile(0.95)))
    cell = _cell_size(sources, targets)
    font_size = min(cell - 0.5, _LARGEST_FONT)
    axis = {"labelFontSize": font_size, "labelLimit": 220, "labelPadding": 3, "ticks": False, "domain": False}
    x = alt.X(
        "target:N",
        title="target, by the mean change that sources bring",
        scale=alt.Scale(domain=[*targets, _GAP, _MEAN]),
        axis=alt.Axis(labelAngle=-90, **axis),
    )
    y = alt.Y(
        "source:N",
        title="source, the best on average first",
        scale=alt.Scale(domain=[*sources, _GAP, _MEAN]),
        axis=alt.Axis(titlePadding=10, **axis),
    )
    colour = alt.Color(
        "change:Q",
        scale=alt.Scale(domain=[-largest, 0, largest], range=[VERMILION, FAINT, BLUE], interpolate="rgb", clamp=True),
        legend=alt.Legend(
            title=f"change of the accuracy, in percent of that from scratch (more than ±{largest:g}% as {largest:g}%)",
            titleLimit=600,
            orient="top",
            gradientLength=330,
            gradientThickness=10,
            offset=8,
        ),
    )
    tooltip = [
        alt.Tooltip("source:N"),
        alt.Tooltip("target:N"),
        alt.Tooltip("change:Q", title="change, %", format="+.1f"),
        alt.Tooltip("lowest:Q", title="lowest of a seed, %", format="+.1f"),
        alt.Tooltip("highest:Q", title="highest of a seed, %", format="+.1f"),
        alt.Tooltip("accuracy:Q", format=".3f"),
        alt.Tooltip("scratch_accuracy:Q", title="from scratch", format=".3f"),
    ]
    layers = [
        alt.Chart(_data(counted)).mark_rect().encode(x=x, y=y, color=colour, tooltip=tooltip),
        alt.Chart(_data(margins)).mark_rect().encode(x=x, y=y, color=colour, tooltip=[tooltip[2]]),
    ]
    if cell >= _NUMBERED_CELL:
        numbers = alt.Chart(_data(margins)).mark_text(fontSize=9, color=DARK)
        layers.append(numbers.encode(x=x, y=y, text=alt.Text("change:Q", format="+.1f")))
    if means["related"].any():
        crosses = alt.Chart(_data(means[means["related"]]))
        layers.append(
            crosses.mark_text(text=_CROSS, fontSize=font_size, color=MIDDLE).encode(x=x, y=y, tooltip=tooltip[:2])
        )
    return alt.layer(*layers).properties(width=cell * (len(targets) + 2), height=cell * (len(sources) + 2))


def _sorted(means: pd.Series, names: pd.Series) -> list[str]:
    """Return all names by falling mean; at the end those that have none, whose every pair is one of relatives."""
    by_mean = means.sort_values(ascending=False, kind="stable").index.tolist()
    return by_mean + sorted(set(names) - set(by_mean))


def _cell_size(sources: list[str], targets: list[str]) -> int:
    """Return the pixels of a cell: as large as the names leave room for, and whole, so that no seams show."""
    n = max(len(sources), len(targets)) + 2
    names_width = _LETTER * max(map(len, sources)) * (_SMALLEST_CELL if n > 60 else _LARGEST_FONT)
    return int(min(max((WIDTH + 40 - names_width) / (len(targets) + 2), _SMALLEST_CELL), _LARGEST_CELL))


def _round_up(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, the next above."""
    power = 10.0 ** math.floor(math.log10(max(value, 0.1)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.999)


def _rank_panel(pairs: pd.DataFrame) -> Any:
    """Draw the change of the accuracy against the rank of the source by similarity, over all targets."""
    alt = import_altair()
    pairs = pairs.assign(change=100 * (pairs["accuracy"] - pairs["scratch_accuracy"]))
    by_target = pairs.groupby(["target", "rank"], as_index=False).agg(change=("change", "mean"))  # over seeds
    grouped = by_target.groupby("rank")["change"]
    curve = pd.DataFrame(
        {
            "mean": grouped.mean(),
            "low": grouped.quantile(0.25),
            "high": grouped.quantile(0.75),
            "n_targets": grouped.size(),
        }
    ).reset_index()
    random = float(by_target.groupby("target")["change"].mean().mean())
    x = alt.X(
        "rank:Q",
        title="rank of the source by similarity: 1 is the nearest",
        scale=alt.Scale(nice=False),
        axis=alt.Axis(format="d", **({"values": curve["rank"].tolist()} if len(curve) <= _MAX_TICKS else {})),
    )
    y_title = "change of the accuracy, percentage points"
    base = alt.Chart(_data(curve))
    band = base.mark_area(color=BLUE, opacity=0.15).encode(x=x, y=alt.Y("low:Q", title=y_title), y2="high:Q")
    line = base.mark_line(color=BLUE, strokeWidth=2, point=alt.OverlayMarkDef(size=26, color=BLUE)).encode(
        x=x,
        y=alt.Y("mean:Q", title=y_title),
        tooltip=[
            alt.Tooltip("rank:Q"),
            alt.Tooltip("mean:Q", title="mean change, points", format="+.2f"),
            alt.Tooltip("n_targets:Q", title="targets"),
        ],
    )
    levels = alt.Chart(_data(pd.DataFrame({"level": [0.0, random], "dash": [[1, 0], [5, 4]]})))
    rules = levels.mark_rule(color=DARK).encode(y="level:Q", strokeDash=alt.StrokeDash("dash:N", scale=None))
    return alt.layer(band, rules, line).properties(
        width=WIDTH - 10,
        height=_CURVE_HEIGHT,
        title=alt.TitleParams(
            "Is the more similar source the better one?",
            subtitle=[
                f"Blue: means over {by_target['target'].nunique()} targets, and where the middle half of them lies. "
                "Black: from scratch; dashed: a random source.",
                f"Rank correlation of similarity and accuracy, mean over targets: {_correlation(by_target):+.2f}.",
            ],
            subtitleColor=MIDDLE,
        ),
    )


def _correlation(by_target: pd.DataFrame) -> float:
    """Return the mean over targets of Spearman's correlation; targets that every source serves alike have none."""
    ranks = by_target.assign(change=by_target["change"].round(9))
    ranks = ranks.groupby("target")[["rank", "change"]].rank().assign(target=ranks["target"])
    correlations = [
        -float(np.corrcoef(group["rank"], group["change"])[0, 1])
        for _, group in ranks.groupby("target")
        if np.ptp(group["change"]) > 0
    ]
    return float(np.mean(correlations)) if correlations else math.nan


def _data(table: pd.DataFrame) -> Any:
    """Return a table for altair, with no more digits than can be seen, and null for NaN, which JSON does not have."""
    alt = import_altair()
    table = table.round(4).astype(object)
    return alt.InlineData(table.where(table.notna(), None).to_dict("records"))
