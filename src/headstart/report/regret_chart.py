"""The picture of how well rankers choose sources: what each choice costs against the best one, target by target."""

from typing import Any

import numpy as np
import pandas as pd

from headstart.report.charts import BLUE, DARK, LINE, MIDDLE, WIDTH, finished, import_altair
from headstart.selection.evaluation import ANY_SOURCE, SCRATCH, summarise

_STEP = 44  # pixels a ranker
_NAMES, _CORRELATIONS, _GAP = 115, 210, 30  # pixels: names on the left, panel on the right, space between the panels


def regret_chart(outcomes: pd.DataFrame) -> Any:
    """Draw how well rankers choose.

    On the left the regret of each choice, a dot a target; on the right the rank correlation of scores and accuracies;
    both with the mean over targets and its 95% interval. Rankers are in colour, and the two baselines grey.

    Parameters
    ----------
    outcomes
        What `headstart.selection.evaluation.evaluate` returns.

    Returns
    -------
    altair.HConcatChart
        For `save_chart`, or to be shown in a notebook. On a page, pointing at a dot names the target.

    Examples
    --------
    >>> from headstart.selection.evaluation import evaluate
    >>> pairs = pd.DataFrame({"source": ["a", "b"] * 2, "target": ["t", "t", "u", "u"], "seed": 0})
    >>> pairs = pairs.assign(accuracy=[0.9, 0.7, 0.6, 0.7], scratch_accuracy=0.6, coin=[1.0, 2.0] * 2)
    >>> regret_chart(evaluate(pairs, ["coin"])).to_dict()["title"]["text"]
    ['Chosen by coin, a source is 10.0 points of accuracy below the best; any source, 7.5']
    """
    alt = import_altair()
    summary = summarise(outcomes)
    best = next(name for name in summary.index if name not in (SCRATCH, ANY_SOURCE))
    regret = (100 * outcomes["regret"]).groupby([outcomes["ranker"], outcomes["target"]]).first()
    judged = regret[best].index  # it need not have judged the sources of every target
    title = (
        f"Chosen by {best}, a source is {regret[best].mean():.1f} points of accuracy below the best; "
        f"any source, {regret[ANY_SOURCE][judged].mean():.1f}"
    )
    remark = (
        f"{outcomes['target'].nunique()} targets, a dot each; means with 95% intervals over targets. The best source "
        "is picked on the test series: partly luck."
    )
    for name, n in summary["n_targets"].items():
        if n < summary["n_targets"].max():
            remark += f" {name} can judge the sources of {n} only."
    panels = (
        _panel(outcomes, summary, "regret", "below the best source, points of accuracy", with_names=True),
        _panel(outcomes, summary, "correlation", "rank correlation with accuracy", with_names=False),
    )
    return finished(alt.hconcat(*panels, spacing=_GAP), title, [remark])


def _panel(outcomes: pd.DataFrame, summary: pd.DataFrame, name: str, title: str, *, with_names: bool) -> Any:
    """Draw one column of the outcomes, a row a ranker, in the order of the summary."""
    alt = import_altair()
    factor = 100 if name == "regret" else 1
    jitter = np.random.default_rng(0).uniform(-1, 1, len(outcomes))
    dots = outcomes.assign(value=(factor * outcomes[name]).round(3), jitter=jitter.round(2)).dropna(subset="value")
    means = (factor * summary[[name, f"{name}_low", f"{name}_high"]]).round(3).set_axis(["mean", "low", "high"], axis=1)
    order = summary.index.tolist()
    y = alt.Y(
        "ranker:N",
        sort=order,
        scale=alt.Scale(domain=order, paddingInner=0.3, paddingOuter=0.15),
        axis=alt.Axis(
            title=None, labels=with_names, ticks=False, domain=False, labelFontSize=12, labelColor=DARK, labelPadding=8
        ),
    )
    x = alt.X("value:Q", title=title, scale=alt.Scale(), axis=alt.Axis(tickMinStep=0.5, labelFlush=True))
    if name == "regret":  # most are of a few points, some of dozens; scratch may even be better than every source
        x.scale = alt.Scale(type="symlog", constant=3)
        x.axis = alt.Axis(values=[-20, -10, -5, -2, 0, 1, 2, 5, 10, 20, 50])
    is_baseline = alt.FieldOneOfPredicate(field="ranker", oneOf=[SCRATCH, ANY_SOURCE])
    colour = alt.when(is_baseline).then(alt.value(MIDDLE)).otherwise(alt.value(BLUE))
    points = (
        alt.Chart(alt.InlineData(dots[["ranker", "target", "value", "jitter"]].to_dict("records")))
        .mark_circle(size=26, opacity=0.4)
        .encode(
            x=x,
            y=y,
            yOffset=alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-1, 1])),
            color=colour,
            tooltip=["target:N", alt.Tooltip("value:Q", title=name), "ranker:N"],
        )
    )
    of_means = alt.Chart(alt.InlineData(means.dropna().reset_index().to_dict("records")))
    tooltip = ["ranker:N", "mean:Q", "low:Q", "high:Q"]
    intervals = of_means.mark_rule(strokeWidth=2.5, color=DARK).encode(x="low:Q", x2="high:Q", y=y, tooltip=tooltip)
    centres = of_means.mark_tick(thickness=3, size=20, color=DARK, opacity=1).encode(x="mean:Q", y=y, tooltip=tooltip)
    zero = alt.Chart(alt.InlineData([{"zero": 0}])).mark_rule(color=LINE).encode(x="zero:Q")
    width = WIDTH - _NAMES - _CORRELATIONS - _GAP if with_names else _CORRELATIONS
    return alt.layer(zero, points, intervals, centres).properties(width=width, height=_STEP * len(order))
