"""The picture of what the guarded choice is worth: gains and losses against a network from scratch.

    python benchmarks/choice_chart.py --picture docs/images/choice.png

draws, from the rows that `benchmarks/choice.py` made, how far each method is above or below a network from scratch, a
dot a data set (the mean over the draws that all methods have), for each number of cases a class, and for all; with the
mean over data sets and its 95% interval. Only data sets on which nothing was tuned are shown.
"""

import argparse
from pathlib import Path
from typing import Any

import archive_lists
import numpy as np
import pandas as pd
from scipy import stats

from headstart.report.charts import BLUE, DARK, LINE, MIDDLE, WIDTH, finished, import_altair, save_chart

NAMES = {
    "choice default": "headstart",
    "choice fast": "headstart, fast",
    "MultiROCKET-Hydra": "MultiROCKET-Hydra",
    "QUANT": "QUANT",
    "MiniROCKET": "MiniROCKET",
    "1NN-DTW": "1NN-DTW",
}
TITLES = {1: "1 case a class", 2: "2 cases a class", 5: "5 cases a class", 10: "10 cases a class", 0: "all cases"}
_ROW, _NAMES, _GAP = 40, 125, 14  # pixels
_SIGNED = "datum.value ? format(datum.value, '+d') : '0'"


def gains(rows: pd.DataFrame, cases_per_class: int) -> pd.DataFrame:
    """Return points of accuracy above scratch: a row a data set, a column a method."""
    some = rows[(rows["cases_per_class"] == cases_per_class) & rows["dataset"].isin(archive_lists.REPORTED)]
    wide = some.pivot_table("accuracy", ["dataset", "draw", "seed"], "method")[["scratch", *NAMES]].dropna()
    by_set = wide.groupby("dataset").mean()
    return 100 * by_set[list(NAMES)].sub(by_set["scratch"], axis=0).rename(columns=NAMES)


def panel(gain: pd.DataFrame, title: str, width: float, *, with_names: bool) -> Any:
    alt = import_altair()
    y = alt.Y(
        "method:N",
        sort=list(gain),
        scale=alt.Scale(domain=list(gain), paddingInner=0.3, paddingOuter=0.15),
        axis=alt.Axis(title=None, labels=with_names, ticks=False, domain=False, labelFontSize=12, labelColor=DARK),
    )
    x = alt.X(
        "gain:Q",
        title=None,
        scale=alt.Scale(type="symlog", constant=3, domain=[-45, 45]),
        axis=alt.Axis(values=[-40, -10, 0, 10, 40], tickCount=5, labelExpr=_SIGNED, labelOverlap=False),
    )
    dots = gain.round(2).reset_index().melt("dataset", var_name="method", value_name="gain")
    dots["jitter"] = np.random.default_rng(0).uniform(-1, 1, len(dots)).round(2)
    points = (
        alt.Chart(alt.InlineData(dots.to_dict("records")))
        .mark_circle(size=22, opacity=0.4, clip=True)
        .encode(
            x=x,
            y=y,
            yOffset=alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-1, 1])),
            color=alt.when("indexof(datum.method, 'headstart') == 0")
            .then(alt.value(BLUE))
            .otherwise(alt.value(MIDDLE)),
            tooltip=["dataset:N", "method:N", "gain:Q"],
        )
    )
    half = stats.t.ppf(0.975, len(gain) - 1) * gain.sem()
    summary = pd.DataFrame({"gain": gain.mean(), "low": gain.mean() - half, "high": gain.mean() + half}).round(2)
    means = alt.Chart(alt.InlineData(summary.rename_axis("method").reset_index().to_dict("records")))
    intervals = means.mark_rule(strokeWidth=2.5, color=DARK).encode(x=alt.X("low:Q", title=None), x2="high:Q", y=y)
    centres = means.mark_tick(thickness=3, size=18, color=DARK, opacity=1).encode(x=x, y=y, tooltip=["gain:Q"])
    zero = alt.Chart(alt.InlineData([{"zero": 0}])).mark_rule(color=LINE, strokeWidth=1.5).encode(x="zero:Q")
    return alt.layer(zero, points, intervals, centres).properties(title=title, width=width, height=_ROW * len(NAMES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/choice.csv"))
    parser.add_argument("--picture", type=Path, required=True, help=".html, .png, .svg or .pdf")
    options = parser.parse_args()
    rows = pd.read_csv(options.results)
    of_all = [gains(rows, cases_per_class) for cases_per_class in TITLES]
    width = (WIDTH - _NAMES - _GAP * (len(TITLES) - 1)) / len(TITLES)
    panels = [
        panel(gain, title, width, with_names=gain is of_all[0])
        for gain, title in zip(of_all, TITLES.values(), strict=True)
    ]
    *first, last = (f"{gain['headstart'].mean():.1f}" for gain in of_all)
    title = f"On average headstart is {', '.join(first)} and {last} points above scratch"
    counts = [len(gain) for gain in of_all]
    n_sets = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])
    remark = (
        f"Points of accuracy above or below a network from scratch, on {n_sets} data sets on which nothing was tuned "
        "(dots); means with 95% intervals."
    )
    alt = import_altair()
    save_chart(finished(alt.hconcat(*panels, spacing=_GAP), title, [remark]), options.picture)


if __name__ == "__main__":
    main()
