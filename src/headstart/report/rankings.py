"""Tables of rankings, and of how well rankers choose, for the console."""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from rich.table import Table


def ranking_table(ranking: pd.DataFrame, target: str, by: Sequence[str]) -> Table:
    """Show a ranking that `rank_sources` made by the rankers `by`."""
    table = Table(title=f"Sources for {target}, ranked by {by[0]}", title_justify="left", show_edge=False)
    table.add_column("source", no_wrap=True)
    prefixes = {name: f"{name}_" if i else "" for i, name in enumerate(by)}
    for name in by:
        table.add_column("rank", justify="right")
        table.add_column(name, justify="right")
    for heading in ("series", "channels", "classes"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for source, row in ranking.to_dict("index").items():
        notes = [f"trained on {row['dataset']}"] if row["dataset"] != source else []
        notes += [str(row["overlap"])] if row["overlap"].is_found else []
        scores = [(row[f"{prefix}rank"], row[f"{prefix}score"]) for prefix in prefixes.values()]
        table.add_row(
            str(source),
            *(text for rank, score in scores for text in (_rank(rank), _number(score, ".4g"))),
            *(str(row[key]) for key in ("n_cases", "n_channels", "n_classes")),
            "; ".join(notes),
        )
    return table


def regret_table(summary: pd.DataFrame, title: str) -> Table:
    """Show what `summarise` found: accuracies in percent, and below each mean its 95% interval."""
    table = Table(title=f"{title}; accuracies in percent", title_justify="left", show_edge=False)
    with_unseen, with_seconds = (summary[name].notna().any() for name in ("regret_unseen", "seconds"))
    headings = ["", "n", "accuracy", "regret", *(["unseen regret"] if with_unseen else [])]
    headings += ["over any source", "win tie lose", "over scratch", "win tie lose", "correlation"]
    for heading in headings + (["seconds"] if with_seconds else []):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=heading != "win tie lose")
    for ranker, row in summary.to_dict("index").items():
        cells = [str(ranker), str(row["n_targets"]), f"{100 * row['accuracy']:.2f}", _mean(row, "regret", ".2f", 100)]
        cells += [_mean(row, "regret_unseen", ".2f", 100)] if with_unseen else []
        for name, suffix in (("gain", ""), ("gain_over_scratch", "_over_scratch")):
            cells += [_mean(row, name, "+.2f", 100), " ".join(f"{row[n + suffix]}" for n in ("wins", "ties", "losses"))]
        cells += [_mean(row, "correlation", "+.2f")]
        cells += [_number(row["seconds"], ".2g")] if with_seconds else []
        table.add_row(*cells)
    return table


def _rank(rank: Any) -> str:
    return "-" if pd.isna(rank) else str(rank)


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _mean(row: dict[Hashable, Any], name: str, form: str, factor: float = 1) -> str:
    mean, low, high = (_number(factor * row[f"{name}{end}"], form) for end in ("", "_low", "_high"))
    return mean if low == high else f"{mean}\n{low}, {high}"
