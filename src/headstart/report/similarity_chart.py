"""The picture of a similarity matrix: a heat map in which similar data sets lie side by side, and a map in the plane.

The heat map's order is that of average-linkage clustering with the leaves turned so that neighbours are as close as
they can be (Bar-Joseph et al., "Fast optimal leaf ordering for hierarchical clustering", Bioinformatics 17, 2001). The
map is metric multidimensional scaling by SMACOF, started from classical scaling, so that it is the same every time.
Where two data sets cannot be compared, both take them to be a tenth further apart than the furthest that can be.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from headstart.errors import DataError, ShapeError
from headstart.report.charts import BLUE, CATEGORIES, DARK, LINE, MIDDLE, VERMILION, WIDTH, finished, import_altair

_LETTER = 0.52  # width of an average letter, in font sizes
_SMALLEST_CELL, _LARGEST_CELL, _LARGEST_FONT = 8, 28, 11  # pixels, of the heat map
_MAP_FONT = 9  # pixels
_MAP_HEIGHT, _MAP_MARGIN = 660, 70  # pixels; the margin leaves room for names


def similarity_chart(matrix: pd.DataFrame, families: Mapping[str, str] | None = None) -> Any:
    """Draw which data sets are alike.

    Parameters
    ----------
    matrix
        Symmetric: DTW distances of data sets as `similarity_matrix` gives them, names as index and columns; NaN where
        two cannot be compared.
    families
        What kind of data each is ("ECG", "spectrum"); colours the points of the map.

    Returns
    -------
    altair.VConcatChart
        For `save_chart`, or to be shown in a notebook. On a page, pointing at a data set finds it in both panels.

    Raises
    ------
    ShapeError
        If the index and the columns differ, or a name comes twice.
    DataError
        If there are fewer than two data sets, or distances are negative, infinite or not symmetric.

    Examples
    --------
    >>> names = ["ECG200", "ECG5000", "Coffee"]
    >>> matrix = pd.DataFrame([[0, 1, 9], [1, 0, 8], [9, 8, 0]], names, names)
    >>> similarity_chart(matrix).to_dict()["title"]["text"]
    ['How similar 3 data sets are']
    """
    alt = import_altair()
    distances = _checked(matrix)
    names = [str(name) for name in matrix.index]
    completed, n_incomparable = _completed(distances)
    width = _panel_width(names)
    hover = alt.selection_point(name="hovered", on="pointerover", clear="pointerout", fields=["name"])
    panels = (
        _heat_map(names, distances, _similar_first(completed), width, hover),
        _map(names, distances, completed, families, width, hover),
    )
    with warnings.catch_warnings():
        # That both panels hold the same selection is meant: pointing into one shows in the other.
        warnings.filterwarnings("ignore", "Automatically deduplicated selection parameter")
        chart = alt.vconcat(*panels, spacing=36).resolve_scale(color="independent")
    remark = "Distance: the smallest DTW distance between their classes' prototypes."
    if n_incomparable:
        remark += f" {n_incomparable} pairs cannot be compared: white cells; they are taken to be the furthest apart."
    return finished(chart, f"How similar {len(names)} data sets are", [remark])


def _checked(matrix: pd.DataFrame) -> np.ndarray:
    if matrix.shape[0] != matrix.shape[1] or list(matrix.index) != list(matrix.columns):
        raise ShapeError("a similarity matrix needs the same names, in the same order, as index and as columns")
    if not matrix.index.is_unique:
        raise ShapeError(f"{matrix.index[matrix.index.duplicated()][0]!r} is twice in the similarity matrix")
    if len(matrix) < 2:
        raise DataError(f"a picture of similarity needs two data sets or more, got {len(matrix)}")
    values = matrix.to_numpy(dtype=float)
    if np.isinf(values).any() or (values < 0).any():
        raise DataError("a similarity matrix holds distances, or NaN; this one has negative or infinite values")
    if not np.allclose(values, values.T, equal_nan=True):
        raise DataError("a similarity matrix is symmetric; this one is not")
    return values


def _completed(distances: np.ndarray) -> tuple[np.ndarray, int]:
    """Return distances between all pairs, also those that cannot be compared, and how many those are."""
    completed = distances.copy()
    np.fill_diagonal(completed, 0)
    missing = np.isnan(completed)
    furthest = np.max(completed, where=~missing, initial=0)
    completed[missing] = 1.1 * furthest or 1.0
    return (completed + completed.T) / 2, int(missing.sum()) // 2  # linkage wants exact symmetry


def _similar_first(distances: np.ndarray) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    return leaves_list(linkage(squareform(distances, checks=False), "average", optimal_ordering=True)).tolist()


def _positions(distances: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a point in the plane for each data set, (n, 2), the longer axis first, and how well they fit.

    The fit is Spearman's correlation of the distances with those in the plane.
    """
    from scipy.spatial.distance import pdist, squareform
    from scipy.stats import spearmanr
    from sklearn.manifold import smacof

    n = len(distances)
    if not distances.any():
        return np.zeros((n, 2)), 1.0
    centred = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-centred @ distances**2 @ centred / 2)
    start = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-12))
    points, _ = smacof(distances, n_components=2, init=start, n_init=1, max_iter=1000, eps=1e-9, random_state=0)
    points -= points.mean(axis=0)
    points = points @ np.linalg.svd(points, full_matrices=False)[2].T
    known = squareform(distances, checks=False)
    return points, float(spearmanr(known, pdist(points))[0]) if np.ptp(known) > 0 and n > 2 else 1.0


def _panel_width(names: list[str]) -> float:
    """Return what the names beside the heat map leave of the width, or more if its cells were too small to see."""
    names_width = _LETTER * max(map(len, names)) * (_SMALLEST_CELL if len(names) > 60 else _LARGEST_FONT)
    return max(WIDTH + 60 - names_width, _SMALLEST_CELL * len(names))


def _heat_map(names: list[str], distances: np.ndarray, order: list[int], width: float, hover: Any) -> Any:
    from scipy.stats import rankdata

    alt = import_altair()
    n = len(names)
    pairs = np.where(np.eye(n, dtype=bool), np.nan, distances)
    share = (rankdata(pairs, nan_policy="omit").reshape(n, n) - 1) / max(np.isfinite(pairs).sum() - 1, 1)
    neighbour = rankdata(pairs, axis=1, method="min", nan_policy="omit")  # 1: the nearest
    rows = []
    for i in order:
        others = [j for j in order if np.isfinite(pairs[i, j])]
        rows.append(
            {
                "name": names[i],
                "other": [names[j] for j in others],
                "distance": [float(f"{pairs[i, j]:.5g}") for j in others],
                "neighbour": [int(neighbour[i, j]) for j in others],
                "share": [round(float(share[i, j]), 4) for j in others],
            }
        )
    ordered = [names[i] for i in order]
    quartiles = np.nanquantile(pairs, [0, 0.25, 0.5, 0.75, 1]) if np.isfinite(pairs).any() else np.zeros(5)
    says = " : ".join(f"datum.value == {q / 4} ? '{value:.3g}'" for q, value in enumerate(quartiles)) + " : ''"
    cell = min(width // n, _LARGEST_CELL)  # whole pixels: no seams show
    font_size = min(cell - 0.5, _LARGEST_FONT)
    axis = {"labelFontSize": font_size, "labelLimit": 200, "labelPadding": 3, "ticks": False, "domain": False}
    hovered = alt.when(hover).then(alt.value(1)).otherwise(alt.value(0.35))
    return (
        alt.Chart(alt.InlineData(rows))
        .transform_flatten(["other", "distance", "neighbour", "share"])
        .mark_rect()
        .encode(
            x=alt.X("other:N", title=None, scale=alt.Scale(domain=ordered), axis=alt.Axis(labelAngle=-90, **axis)),
            y=alt.Y("name:N", title=None, scale=alt.Scale(domain=ordered), axis=alt.Axis(**axis)),
            color=alt.Color(
                "share:Q",
                scale=alt.Scale(scheme="yellowgreenblue", reverse=True, domain=[0, 1]),
                legend=alt.Legend(
                    title="distance; colours go by rank among all pairs, labels are the quartiles",
                    titleLimit=500,
                    orient="top",
                    values=[0, 0.25, 0.5, 0.75, 1],
                    labelExpr=says,
                    gradientLength=330,
                    gradientThickness=10,
                    offset=8,
                ),
            ),
            opacity=hovered,
            tooltip=[
                alt.Tooltip("name:N", title="data set"),
                alt.Tooltip("other:N", title="and"),
                alt.Tooltip("distance:Q", format=",.4~g"),
                alt.Tooltip("neighbour:Q", title="nearest, place"),
            ],
        )
        .properties(width=cell * n, height=cell * n)
        .add_params(hover)
    )


def _map(
    names: list[str],
    distances: np.ndarray,
    completed: np.ndarray,
    families: Mapping[str, str] | None,
    width: float,
    hover: Any,
) -> Any:
    alt = import_altair()
    points, fit = _positions(np.sqrt(completed))  # roots, or the few far ones would press the others into a knot
    spread = np.maximum(np.ptp(points, axis=0), 1e-9)
    scale = min(
        (width - 2 * _MAP_MARGIN) / spread[0], min(_MAP_HEIGHT, 60 * len(names)) / spread[1]
    )  # pixels a unit, the same on both axes
    height = float(max(scale * spread[1] + 40, 80))
    pixels = (points - points.min(axis=0) - spread / 2) * scale + [width / 2, height / 2]
    labels, aligned, leaders = _label_places(pixels, names, width)
    others = np.where(np.eye(len(names), dtype=bool) | np.isnan(distances), np.inf, distances)
    nearest = others.argmin(axis=1)
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        row = {
            "name": name,
            "x": round(float(pixels[i, 0]), 1),
            "y": round(float(pixels[i, 1]), 1),
            "label_x": round(float(labels[i, 0]), 1),
            "label_y": round(float(labels[i, 1]), 1),
            "align": aligned[i],
        }
        if np.isfinite(leaders[i, 0]):
            row |= {"lead_x": round(float(leaders[i, 0]), 1), "lead_y": round(float(leaders[i, 1]), 1)}
        j = nearest[i]
        row["nearest"] = "none that can be compared"
        if np.isfinite(others[i, j]):
            row["nearest"] = f"{names[j]}, distance {others[i, j]:.4g}"
            row |= {"to_x": round(float(pixels[j, 0]), 1), "to_y": round(float(pixels[j, 1]), 1)}
        if families is not None:
            row["family"] = families.get(name, "other")
        rows.append(row)
    base = alt.Chart(alt.InlineData(rows))
    place = {"scale": None, "axis": None}
    pointed = alt.when(hover, empty=False)
    links = base.transform_filter("isValid(datum.to_x)").mark_rule(color=LINE, strokeWidth=0.8)
    links = links.encode(x=alt.X("x:Q", **place), y=alt.Y("y:Q", **place), x2="to_x:Q", y2="to_y:Q")
    colour: Any = alt.value(BLUE)
    if families is not None:
        kinds = sorted({row["family"] for row in rows})
        colour = alt.Color(
            "family:N",
            scale=alt.Scale(domain=kinds, range=[CATEGORIES[i % len(CATEGORIES)] for i in range(len(kinds))]),
            legend=alt.Legend(title=None, orient="top", columns=8, symbolOpacity=1),
        )
    dots = (
        base.mark_circle(opacity=1)
        .encode(
            x=alt.X("x:Q", **place),
            y=alt.Y("y:Q", **place),
            color=colour,
            size=pointed.then(alt.value(120)).otherwise(alt.value(28)),
            tooltip=["name:N", "nearest:N"],
        )
        .add_params(hover)
    )
    leads = base.transform_filter("isValid(datum.lead_x)").mark_rule(color=MIDDLE, strokeWidth=0.6)
    leads = leads.encode(x=alt.X("x:Q", **place), y=alt.Y("y:Q", **place), x2="lead_x:Q", y2="lead_y:Q")
    align = alt.ExprRef("datum.align")
    words = base.encode(x=alt.X("label_x:Q", **place), y=alt.Y("label_y:Q", **place), text="name:N")
    halos = words.mark_text(
        fontSize=_MAP_FONT, stroke="white", strokeWidth=3, strokeJoin="round", opacity=0.8, align=align
    )
    words = words.mark_text(fontSize=_MAP_FONT, align=align).encode(
        color=pointed.then(alt.value(VERMILION)).otherwise(alt.value(DARK))
    )
    return alt.layer(links, halos, leads, dots, words).properties(
        width=width,
        height=height,
        title=alt.TitleParams(
            "Map: the nearer, the more alike",
            subtitle=[
                "grey lines: from each to its nearest; roots of the distances in the plane (metric MDS), "
                f"rank correlation {fit:.2f}"
            ],
            subtitleColor=MIDDLE,
        ),
    )


def _label_places(pixels: np.ndarray, names: list[str], width: float) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Find a place for each name where it hides the least of other names and points.

    Returns
    -------
    Where the names stand, (n, 2); which part of each is there: left, center or right; and, for those that had to move
    away, where the lines from their points end, (n, 2), NaN for the others.
    """
    half = np.array([[len(name) * _LETTER * _MAP_FONT / 2, _MAP_FONT / 2 + 1] for name in names])  # of the names' boxes
    sides = np.array([[1, 0], [-1, 0], [0, -1], [0, 1], [0.6, -1], [-0.6, -1], [0.6, 1], [-0.6, 1]])
    side, reach = (grid.ravel() for grid in np.meshgrid(np.arange(len(sides)), [5, 14, 26, 38, 50, 62, 74]))
    candidates = pixels[:, None] + sides[side] * (half[:, None] + reach[:, None])  # (n, 56, 2)
    preference = reach + side / 2  # near, and on the right; as much as hiding this many square pixels
    chosen = np.zeros(len(names), int)
    everyone = np.arange(len(names))
    for _ in range(6):  # each name in turn takes the best place that the others leave
        for i in everyone:
            boxes = candidates[everyone, chosen]
            names_hidden = _overlap(candidates[i], half[i], boxes, half)
            points_hidden = _overlap(candidates[i], half[i], pixels, np.full((1, 2), 3.0))
            names_hidden[:, i] = 0
            outside = np.abs(candidates[i, :, 0] - width / 2) + half[i, 0] > width / 2
            chosen[i] = int(
                (names_hidden.sum(axis=1) + points_hidden.sum(axis=1) + preference + 1e4 * outside).argmin()
            )
    places, beside = candidates[everyone, chosen], sides[side[chosen]]
    ends = places - beside * half
    ends[reach[chosen] <= reach.min()] = np.nan
    places[:, 0] -= np.where(
        beside[:, 1] == 0, beside[:, 0] * half[:, 0], 0
    )  # a name's width is a guess, its end is not
    aligned = ["center" if y else "left" if x > 0 else "right" for x, y in beside.tolist()]
    return places, aligned, ends


def _overlap(centres: np.ndarray, half: np.ndarray, others: np.ndarray, others_half: np.ndarray) -> np.ndarray:
    """Return the area that boxes share with other boxes, (boxes, other boxes)."""
    low = np.maximum((centres - half)[:, None], others - others_half)
    high = np.minimum((centres + half)[:, None], others + others_half)
    return np.prod(np.maximum(high - low, 0), axis=2)
