"""Tables as the documents show them."""

from collections.abc import Iterable, Sequence


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table; all columns but the first are aligned to the right."""
    print(f"\n| {' | '.join(headings)} |")
    print("|---|" + "--:|" * (len(headings) - 1))
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
