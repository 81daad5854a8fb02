"""What all charts share: colours, fonts, titles, and how one becomes a file.

A chart is one Vega-Lite description, built with altair: an interactive page, or a picture that vl-convert draws
without a browser. Both belong to the extra ``headstart[charts]`` and are imported only when a chart is made.
"""

import json
import textwrap
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from headstart.errors import HeadstartError
from headstart.files import write_bytes, write_text

WIDTH = 815
"""Pixels that the panels of one row share; axes and margins bring it to about 900, the width of a README."""

# Okabe and Ito's colours ("Color Universal Design", 2008) can be told apart by people with any colour vision.
BLUE = "#0072B2"
VERMILION = "#D55E00"
DARK = "#333333"
MIDDLE = "#6B6B6B"
SLATE = "#4A6A8A"
PALE = "#B4BCC6"
FAINT = "#EDEFF2"
LINE = "#C8CDD3"

CATEGORIES = [BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", VERMILION, "#8C6D31", MIDDLE]

THEME: dict[str, Any] = {
    "background": "white",
    "font": "Helvetica, Arial, Liberation Sans, sans-serif",
    "padding": 14,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "color": DARK,
        "fontSize": 13,
        "subtitleColor": MIDDLE,
        "subtitleFontSize": 12,
    },
    "axis": {
        "labelColor": MIDDLE,
        "labelFontSize": 11,
        "titleColor": MIDDLE,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "domainColor": LINE,
        "tickColor": LINE,
        "tickSize": 4,
        "gridColor": FAINT,
    },
    "header": {"labelColor": DARK, "labelFontSize": 12, "labelAnchor": "start", "title": None},
    "legend": {"labelColor": MIDDLE, "labelFontSize": 11, "titleColor": MIDDLE, "titleFontWeight": "normal"},
    "text": {"color": DARK, "fontSize": 11},
}
"""Vega-Lite configuration of every chart."""

_KINDS = {".png": "png", ".svg": "svg", ".pdf": "pdf", ".html": "html"}


def import_altair() -> Any:
    """Return altair, once it is certain that charts can be both made and saved."""
    try:
        import altair
        import vl_convert  # noqa: F401
    except ImportError:
        raise HeadstartError("charts need altair and vl-convert: pip install 'headstart[charts]'") from None
    return altair


def finished(chart: Any, title: str, subtitle: list[str]) -> Any:
    """Give a chart, put together from all its panels, its title and the theme."""
    lines = [line for text in subtitle for line in textwrap.wrap(text, 140)]
    heading = {
        "text": textwrap.wrap(title, 95),
        "subtitle": lines,
        "fontSize": 18,
        "subtitlePadding": 5,
        "offset": 14,
        "frame": "bounds",
    }
    return chart.properties(title=heading).configure(**THEME)


def check_chart_path(path: str | Path) -> None:
    """Refuse a file name that says no known kind: asked before long work, not after it.

    Raises
    ------
    HeadstartError
        If it does not end in one of the known suffixes, or altair and vl-convert are not installed.
    """
    if Path(path).suffix.lower() not in _KINDS:
        raise HeadstartError(f"cannot draw to {path}: let the name end in {', '.join(_KINDS)}")
    import_altair()


class _WithoutTags(json.JSONEncoder):
    """JSON that can stand in a script of a page: a label "</script>" does not end it."""

    def encode(self, o: Any) -> str:
        return super().encode(o).replace("<", "\\u003c")


def save_chart(chart: Any, path: str | Path) -> None:
    """Write a chart to a file; an older one is replaced in a single step.

    Parameters
    ----------
    chart
        An altair chart.
    path
        The suffix says the kind: ``.png`` (two pixels for each of the chart's), ``.svg``, ``.pdf``, or ``.html``, an
        interactive page that holds everything it needs, and opens offline.

    Raises
    ------
    HeadstartError
        If the suffix is none of these, or the file cannot be written.

    Examples
    --------
    >>> import altair as alt
    >>> save_chart(alt.Chart(alt.InlineData([{"x": 1}])).mark_point().encode(x="x:Q"), "chart.gif")
    Traceback (most recent call last):
    headstart.errors.HeadstartError: cannot draw to chart.gif: let the name end in .png, .svg, .pdf, .html
    """
    check_chart_path(path)
    kind = _KINDS[Path(path).suffix.lower()]
    if kind == "html":
        # inline: the page loads nothing from elsewhere
        write_text(path, chart.to_html(inline=True, json_kwds={"cls": _WithoutTags}))
    elif kind == "svg":
        text = StringIO()
        chart.save(text, format=kind)
        write_text(path, text.getvalue())
    else:
        binary = BytesIO()
        chart.save(binary, format=kind, scale_factor=2 if kind == "png" else 1)
        write_bytes(path, binary.getvalue())
