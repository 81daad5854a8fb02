"""Tables and sentences for the console."""

from collections.abc import Iterable
from dataclasses import fields

import numpy as np
from rich.table import Table

from headstart.choice import Choice
from headstart.comparison import Comparison
from headstart.data import Dataset, Summary, describe
from headstart.training import RECIPES, Recipe
from headstart.zoo.card import Card

_MAX_CLASSES = 12
"""Classes that a table names one by one."""


def data_table(parts: dict[str, Dataset]) -> Table:
    """Say what was read: a column for each part (train, test), a row for each property."""
    summaries = {part: describe(data) for part, data in parts.items()}
    table = Table(title=next(iter(parts.values())).name, title_justify="left", show_edge=False)
    table.add_column("")
    for part in parts:
        table.add_column(part, justify="right")

    def add(label: str, cells: Iterable[object]) -> None:
        table.add_row(label, *map(str, cells))

    add("series", (s.n_cases for s in summaries.values()))
    add("channels", (s.n_channels for s in summaries.values()))
    add("time steps", (_lengths(s) for s in summaries.values()))
    add("missing values, interpolated", (s.n_interpolated for s in summaries.values()))
    classes = next(iter(summaries.values())).class_counts
    if len(classes) > _MAX_CLASSES:
        add("classes", (len(s.class_counts) for s in summaries.values()))
        add("series a class", (_range(s.class_counts.values()) for s in summaries.values()))
    else:
        for name in classes:
            add(f"class {name}", (s.class_counts.get(name, 0) for s in summaries.values()))
    unlabelled = [s.n_unlabelled for s in summaries.values()]
    if any(unlabelled):
        add("without a label", unlabelled)
    return table


def training_sentence(*cards: Card) -> str:
    """Say how a network was trained, or several alike."""
    card = cards[0]
    which = card.network if len(cards) == 1 else f"{len(cards)} {card.network} networks"
    start = "trained from scratch" if card.started_from is None else f"fine-tuned from {card.started_from}"
    epochs = f"{len(card.losses)} epochs" + (" each" if len(cards) > 1 else "")
    epochs += " until it was interrupted" if card.interrupted else ""
    seconds = sum(card.train_seconds for card in cards)
    return f"{card.dataset}: {which} {start}, recipe {_recipe_text(card)}, {epochs}, {seconds:.1f} s."


def _recipe_text(card: Card) -> str:
    """Name the recipe, and the fields in which it is not what this name stands for; epochs are said anyway."""
    name = card.recipe["name"]
    usual = RECIPES[name].to_dict() if name in RECIPES else card.recipe
    changed = [field for field, value in card.recipe.items() if value != usual[field] and field != "epochs"]
    changes = " and ".join(f"{field} {_field_text(card.recipe[field])}" for field in changed)
    return f"{name} with {changes}" if changes else name


def recipes_table(recipes: dict[str, Recipe]) -> Table:
    """Show every field of recipes, a column for each."""
    table = Table(title="Recipes", title_justify="left", show_edge=False)
    table.add_column("field")
    for name in recipes:
        table.add_column(name, justify="right")
    for field in fields(Recipe):
        if field.name != "name":
            table.add_row(field.name, *(_field_text(getattr(recipe, field.name)) for recipe in recipes.values()))
    return table


def _field_text(value: object) -> str:
    """Write a value as --set takes it."""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def choice_table(choice: Choice) -> Table:
    """Show what each candidate reached out of fold, and how much it counts."""
    n = choice.report["n_held_out"]
    title = f"Candidates, on {n} training series that each was not fitted to" if n else "Candidates"
    table = Table(title=title, title_justify="left", show_edge=False)
    table.add_column("")
    for column in ("accuracy", "log loss"):
        table.add_column(column, justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    for name, row in choice.ranking.iterrows():
        figures = ["" if np.isnan(row[column]) else f"{row[column]:.3f}" for column in ("accuracy", "log_loss")]
        table.add_row(str(name), *figures, f"{row['share']:.0%}" if row["chosen"] else "", row["why"])
    return table


def choice_sentences(choice: Choice, recipe: str) -> list[str]:
    """Say what is used and why, and what scratch would have given by the recipe of this name."""
    report = choice.report
    lines = [f"Used: {report['verdict']}."]
    if report["choice"] is not None:
        what = f"{report['n_held_out']} series" + (", all classes counted alike" if report["balanced"] else "")
        reached = f"Out of fold it is right on {report['choice']['accuracy']:.1%} of {what}"
        if report["scratch"] is not None:
            reached += f", the network from scratch (recipe {recipe}) on {report['scratch']['accuracy']:.1%}"
        lines.append(f"{reached}. The candidates were judged by the same series, so this is somewhat flattering.")
    if choice.networks:
        card = choice.networks[0].card
        lines.append(f"Networks were trained by the recipe {_recipe_text(card)}, {len(card.losses)} epochs.")
    return lines


def comparison_table(comparison: Comparison, start: str) -> Table:
    """Show accuracies beside those from scratch; `start` says where the classifier started: "from Wine"."""
    table = Table(title=f"Right among {comparison.held_out}", title_justify="left", show_edge=False)
    table.add_column("")
    table.add_column("right", justify="right")
    table.add_column("accuracy", justify="right")

    def add(name: str, accuracy: float) -> None:
        table.add_row(name, f"{round(accuracy * len(comparison.correct))}", f"{accuracy:.3f}")

    add(start, comparison.correct.mean())
    if comparison.correct_from_scratch is not None:
        add("from scratch", comparison.correct_from_scratch.mean())
    add("the most frequent class", comparison.majority_share)
    return table


def verdict(comparison: Comparison, what: str = "transfer") -> str:
    """Say whether transfer, or `what` else there was, paid, and whether that could be chance."""
    if comparison.correct_from_scratch is None:
        return "There was no source, so there is no transfer to judge; --source names one."
    gained = int((comparison.correct & ~comparison.correct_from_scratch).sum())
    lost = int((~comparison.correct & comparison.correct_from_scratch).sum())
    counts = f"{gained} series are right only with {what}, {lost} only from scratch"
    if gained == lost:
        return f"{counts}: {what} made no difference here."
    word = "helps" if gained > lost else "hurts"
    if comparison.p_value < 0.05:
        return f"{counts}: here {what} {word}, by more than chance (exact McNemar test, p = {comparison.p_value:.2g})."
    return f"{counts}: {what} {word} no more than chance can (exact McNemar test, p = {comparison.p_value:.2g})."


def conclusion(comparison: Comparison, start: str, what: str = "transfer") -> list[str]:
    """Say in three lines what a comparison shows, and how far it can be trusted.

    `start` and `what` are as in `comparison_table` and `verdict`.
    """
    right = f"right on {comparison.correct.sum()} of {comparison.held_out}"
    if comparison.correct_from_scratch is None:
        first = f"From scratch: {right}; guessing the most frequent class: on {comparison.majority_share:.0%}."
    else:
        n_right_from_scratch = comparison.correct_from_scratch.sum()
        same = ("recipe and " if what == "transfer" else "") + ("seed" if comparison.n_members == 1 else "seeds")
        first = f"{start[0].upper()}{start[1:]}: {right}; from scratch, same {same}: on {n_right_from_scratch}."
    is_one = comparison.n_members == 1 or what != "transfer"  # a choice has members of several kinds
    which = "seed" if is_one else f"ensemble of {comparison.n_members}"
    return [
        first,
        verdict(comparison, what),
        f"This is one {which} and one choice of held-out series; repeat it with other seeds.",
    ]


def _lengths(summary: Summary) -> str:
    return _range((summary.shortest, summary.longest))


def _range(values: Iterable[int]) -> str:
    values = list(values)
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"
