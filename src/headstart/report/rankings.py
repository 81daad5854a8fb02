"""Tables of rankings, and of how well rankers choose, for the console."""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from rich.table import Table


def ranking_table(ranking: pd.DataFrame, target: str, by: Sequence[str]) -> Table:
    """Show a ranking that `rank_sources` made by the rankers `by`; if there are several, without what sources are."""
    table = Table(title=f"Sources for {target}, ranked by {by[0]}", title_justify="left", show_edge=False)
    table.add_column("source", no_wrap=True)
    prefixes = {name: f"{name}_" if i else "" for i, name in enumerate(by)}
    for name in by:
        table.add_column("rank", justify="right", no_wrap=True)
        table.add_column(name, justify="right", no_wrap=True)
    described = {"n_cases": "series", "n_channels": "channels", "n_classes": "classes"} if len(by) == 1 else {}
    for heading in described.values():
        table.add_column(heading, justify="right")
    table.add_column("")
    for source, row in ranking.to_dict("index").items():
        notes = [f"trained on {row['dataset']}"] if row["dataset"] != source else []
        notes += [str(row["overlap"])] if row["overlap"].is_found else []
        scores = [(row[f"{prefix}rank"], row[f"{prefix}score"]) for prefix in prefixes.values()]
        table.add_row(
            str(source),
            *(text for rank, score in scores for text in (_rank(rank), _number(score, ".4g"))),
            *(str(row[key] or "-") for key in described),  # a trunk has no classes
            "; ".join(notes),
        )
    return table


def regret_tables(summary: pd.DataFrame, title: str) -> tuple[Table, Table]:
    """Show what `summarise` found, in percent: how well rankers choose, and what it earns; with 95% intervals."""
    columns = {"regret": "regret", "regret_unseen": "unseen regret", "correlation": "correlation"}
    columns = {name: heading for name, heading in columns.items() if summary[name].notna().any()}
    choice = _table(f"{title}: how well rankers choose", ["accuracy", *columns.values(), "seconds"])
    gain = _table(
        f"{title}: what it earns; wins / ties / losses", ["over any source", "w / t / l", "over scratch", "w / t / l"]
    )
    n_targets = summary["n_targets"].max()
    for ranker, row in summary.to_dict("index").items():
        name = f"{ranker}" if row["n_targets"] == n_targets else f"{ranker}\n{row['n_targets']} targets"
        means = (_mean(row, column, "+.2f" if column == "correlation" else ".2%") for column in columns)
        choice.add_row(name, f"{100 * row['accuracy']:.2f}", *means, _number(row["seconds"], ".2g"))
        gain.add_row(
            name,
            _mean(row, "gain", "+.2%"),
            " / ".join(str(row[count]) for count in ("wins", "ties", "losses")),
            _mean(row, "gain_over_scratch", "+.2%"),
            " / ".join(str(row[f"{count}_over_scratch"]) for count in ("wins", "ties", "losses")),
        )
    return choice, gain


def _table(title: str, headings: list[str]) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _rank(rank: Any) -> str:
    return "-" if pd.isna(rank) else str(rank)


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form).rstrip("%")


def _mean(row: dict[Hashable, Any], name: str, form: str) -> str:
    mean, low, high = (_number(row[f"{name}{end}"], form) for end in ("", "_low", "_high"))
    return mean if low == high else f"{mean}\n{low}, {high}"
