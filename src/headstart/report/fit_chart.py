"""The picture of one fitted classifier: the series it got right and wrong, its training, its mistakes, its accuracy."""

from typing import Any

import numpy as np

from headstart.data import Dataset
from headstart.errors import DataError, ShapeError
from headstart.report.charts import BLUE, DARK, LINE, MIDDLE, PALE, SLATE, VERMILION, WIDTH, finished, import_altair
from headstart.report.loss_chart import MAX_POINTS, few_ticks, loss_panel, thinned

_MAX_PANELS = 6
_MAX_RIGHT, _MAX_WRONG = 25, 15  # lines a panel; more hide each other
_MAX_COUNTED = 15  # classes of a confusion matrix whose cells have room for a number
_CURVE_WIDTH, _NAME_WIDTH, _GAP = 340, 160, 10  # pixels: loss curves and bars; right of them their names; then a gap
_MAX_NAMED, _NAME_LIMIT = 25, 80  # classes that a confusion matrix names, and the pixels that a name may take
_AXIS_TITLE = 15  # pixels of an axis title and its padding


def fit_chart(
    test: Dataset, predicted: np.ndarray, losses: dict[str, list[list[float]]], accuracies: dict[str, float], title: str
) -> Any:
    """Draw how a classifier does on series that it was not trained on.

    Above, the series of each class (of the six with the most mistakes where there are more), the wrongly classified
    ones in colour; below, the training losses, the accuracies and the confusion matrix.

    Parameters
    ----------
    test
        Labelled series.
    predicted
        (n_cases,): the label that the classifier gave to each.
    losses
        The training losses of each network, epoch by epoch, by what the lines are to be called ("from GunPoint", "from
        scratch"); there may be none.
    accuracies
        By the same names, and any others to compare with; the first is that of the classifier that made `predicted`.
    title
        What was found, in a sentence.

    Returns
    -------
    altair.VConcatChart
        For `save_chart`, or to be shown in a notebook.

    Raises
    ------
    DataError
        If a series has no label, or one was predicted that is not among the classes.
    ShapeError
        If there is not one prediction for each series.

    Examples
    --------
    >>> from headstart.data import load
    >>> _, test = load("GunPoint")
    >>> chart = fit_chart(test, test.labels, {"from scratch": [[0.7, 0.2]]}, {"from scratch": 1.0}, "All are right")
    >>> chart.to_dict()["title"]["subtitle"]
    ['GunPoint: 150 of 150 test series are right.']
    """
    alt = import_altair()
    codes = _codes_of(test, predicted)
    n_right = int((codes == test.y).sum())
    colours = {name: BLUE if i == 0 else MIDDLE for i, name in enumerate(accuracies)}
    panels = [_curves(losses, colours)] if losses else []
    left = alt.vconcat(*panels, _accuracy_panel(accuracies, colours, test.n_cases), spacing=22)
    bottom = alt.hconcat(left, _confusion_panel(test, codes), spacing=_GAP)
    chart = alt.vconcat(_series_panels(test, codes), bottom.resolve_scale(color="independent"), spacing=28)
    chart = chart.resolve_scale(color="independent", opacity="independent")
    return finished(chart, title, [f"{test.name}: {n_right} of {test.n_cases} test series are right."])


def _codes_of(test: Dataset, predicted: np.ndarray) -> np.ndarray:
    """Turn predicted labels into indices of the classes."""
    predicted = np.asarray(predicted)
    if predicted.shape != (test.n_cases,):
        raise ShapeError(
            f"{test.name}: {test.n_cases} series need {test.n_cases} predictions, got the shape {predicted.shape}"
        )
    if not test.is_labelled:
        raise DataError(f"{test.name}: a chart of right and wrong needs the label of every series")
    code_of = {label: code for code, label in enumerate(test.classes.tolist())}
    for i, label in enumerate(predicted.tolist()):
        if label not in code_of:
            raise DataError(f"{test.name}: case {i + 1} was given the label {label!r}, which is not among the classes")
    return np.array([code_of[label] for label in predicted.tolist()])


def _series_panels(test: Dataset, codes: np.ndarray) -> Any:
    alt = import_altair()
    wrong = codes != test.y
    n_wrong = np.bincount(test.y[wrong], minlength=test.n_classes)
    n_cases = np.bincount(test.y, minlength=test.n_classes)
    present = np.flatnonzero(n_cases)
    shown = np.sort(present[np.argsort(-n_wrong[present], kind="stable")][:_MAX_PANELS])
    names = [label if isinstance(label, str) else f"class {label}" for label in test.classes.tolist()]
    panel_of = {c: f"{names[c]}: {n_cases[c] - n_wrong[c]} of {n_cases[c]} right" for c in shown}
    generator = np.random.default_rng(0)
    lines = []
    for c in shown:
        for outcome, limit in (("right", _MAX_RIGHT), ("wrong", _MAX_WRONG)):  # the last are drawn on top
            cases = np.flatnonzero((test.y == c) & (wrong == (outcome == "wrong")))
            for i in np.sort(generator.permutation(cases)[:limit]).tolist():
                steps, values = thinned(test.series(i)[0])
                lines.append(
                    {
                        "panel": panel_of[c],
                        "case": i + 1,
                        "outcome": outcome,
                        "class": str(test.classes[c]),
                        "predicted": str(test.classes[codes[i]]),
                        "step": (steps + 1).tolist(),
                        "value": [float(f"{value:.4g}") for value in values],
                    }
                )
    n_columns = len(shown) if len(shown) < _MAX_PANELS else 3
    heading = "Test series" + (f", channel 1 of {test.n_channels}" if test.n_channels > 1 else "")
    if len(shown) < len(present):
        heading += f", {len(shown)} of {len(present)} classes"
        if n_wrong.any():
            is_full = (n_wrong[shown] > 0).all()
            heading += ", those with the most mistakes" if is_full else ", among them all that have mistakes"
    remark = "orange: wrongly classified"
    if (n_wrong[shown] > _MAX_WRONG).any() or ((n_cases - n_wrong)[shown] > _MAX_RIGHT).any():
        remark += f"; drawn are at most {_MAX_RIGHT} right and {_MAX_WRONG} wrong ones of a class, taken at random"
    longest = max(line["step"][-1] for line in lines)
    return (
        alt.Chart(alt.InlineData(lines))
        .transform_flatten(["step", "value"])
        .mark_line(strokeWidth=1 if longest <= 2 * MAX_POINTS else 0.6, strokeJoin="round")
        .encode(
            x=alt.X("step:Q", title="time step", scale=alt.Scale(domain=[1, longest], nice=False), axis=few_ticks()),
            y=alt.Y("value:Q", title="value", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4)),
            color=alt.Color("outcome:N", scale=_outcome_scale(PALE), legend=None),
            opacity=alt.Opacity("outcome:N", scale=alt.Scale(range=[0.7, 0.85]), legend=None),
            detail="case:N",
            tooltip=["case:Q", "class:N", "predicted:N"],
        )
        .properties(width=(WIDTH - 20 * (n_columns - 1)) // n_columns, height=150 if n_columns > 2 else 170)
        .facet(
            alt.Facet("panel:N", sort=list(panel_of.values()), header=alt.Header(labelPadding=4)),
            columns=n_columns,
            spacing=20,
            title=alt.TitleParams(heading, subtitle=remark, offset=12),
        )
    )


def _outcome_scale(right: str) -> Any:
    return import_altair().Scale(domain=["right", "wrong"], range=[right, VERMILION])


def _curves(losses: dict[str, list[list[float]]], colours: dict[str, str]) -> Any:
    title = import_altair().TitleParams("Training loss", subtitle="thick: running median", subtitlePadding=2)
    return loss_panel(losses, colours, width=_CURVE_WIDTH, name_width=_NAME_WIDTH, height=150, title=title)


def _accuracy_panel(accuracies: dict[str, float], colours: dict[str, str], n_cases: int) -> Any:
    alt = import_altair()
    rows = [
        {"name": name, "accuracy": accuracy, "label": f"{accuracy:.3f}  {name}", "colour": colours[name]}
        for name, accuracy in accuracies.items()
    ]
    base = alt.Chart(alt.InlineData(rows)).encode(
        y=alt.Y("name:N", sort=None, axis=None),
        x=alt.X(
            "accuracy:Q",
            title=None,
            scale=alt.Scale(domain=[0, 1], range=[0, _CURVE_WIDTH], nice=False),
            axis=alt.Axis(tickCount=5, format=".1f"),
        ),
        tooltip=["name:N", alt.Tooltip("accuracy:Q", format=".4f")],
    )
    bars = base.mark_bar(height=12).encode(color=alt.Color("colour:N", scale=None))
    names = base.mark_text(align="left", dx=6, limit=_NAME_WIDTH - 10).encode(text="label:N")
    return (bars + names).properties(
        width=_CURVE_WIDTH + _NAME_WIDTH,
        height=alt.Step(22),
        title=f"Accuracy on the {n_cases} test series",
    )


def _confusion_panel(test: Dataset, codes: np.ndarray) -> Any:
    alt = import_altair()
    counts = np.zeros((test.n_classes, test.n_classes), int)
    np.add.at(counts, (test.y, codes), 1)
    names = [str(label) for label in test.classes]
    cells = [
        {
            "true": names[i],
            "predicted": names[j],
            "series": int(counts[i, j]),
            "share": float(counts[i, j] / counts[i].sum()),
            "outcome": "right" if i == j else "wrong",
        }
        for i, j in np.argwhere(counts)
    ]
    named = test.n_classes <= _MAX_NAMED
    extent = min(_NAME_LIMIT, 8 * max(map(len, names))) if named else 4  # pixels that the names beside the matrix take
    size = WIDTH - _CURVE_WIDTH - _NAME_WIDTH - _GAP - extent - _AXIS_TITLE
    which = "" if named else f" (of {test.n_classes}, in order)"
    labels = {"labels": named, "labelLimit": _NAME_LIMIT, "ticks": False, "domain": False}
    base = alt.Chart(alt.InlineData(cells)).encode(
        x=alt.X(
            "predicted:N",
            title="predicted class" + which,
            scale=alt.Scale(domain=names),
            axis=alt.Axis(labelAngle=0 if max(map(len, names)) <= 3 else -45, **labels),
        ),
        y=alt.Y(
            "true:N",
            title="true class" + which,
            scale=alt.Scale(domain=names),
            axis=alt.Axis(minExtent=extent, maxExtent=extent, **labels),
        ),
        tooltip=["true:N", "predicted:N", "series:Q", alt.Tooltip("share:Q", format=".0%", title="share of the class")],
    )
    panel = base.mark_rect().encode(
        color=alt.Color("outcome:N", scale=_outcome_scale(SLATE), legend=None),
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.12, 0.9]), legend=None),
    )
    if test.n_classes <= _MAX_COUNTED:
        white = alt.condition("datum.share > 0.6", alt.value("white"), alt.value(DARK))
        panel = panel + base.mark_text(fontSize=12 if test.n_classes <= 8 else 9).encode(text="series:Q", color=white)
    return panel.properties(
        width=size,
        height=size,
        view=alt.ViewConfig(stroke=LINE),
        title=alt.TitleParams("Confusions", subtitle="colour: share of the true class's series", subtitlePadding=2),
    )
