"""The data sets of ``families.csv`` in five groups, each to be left out of a trunk that is judged on it.

A trunk that was trained on many data sets has seen most targets or their relatives. So for an honest figure there is a
trunk for each group that has seen none of it. Related data sets, of the same subjects, recordings or sensors, are
always in one group (``docs/relatives.md``).
"""

from functools import cache

from headstart.data.archives import same_name
from headstart.zoo.overlap import families

N_GROUPS = 5


@cache
def groups() -> dict[int, list[str]]:
    """Return the names of the data sets of each group, counted from 1.

    Families go to the group that has the fewest data sets so far, large families first, alphabetically among equals.
    The groups follow from the table alone, not from the data sets that are at hand.

    Examples
    --------
    >>> [len(names) for names in groups().values()]
    [18, 18, 18, 18, 18]
    >>> group_of("FordA") == group_of("FordB")
    True
    """
    members: dict[str, list[str]] = {}
    for row in families():
        members.setdefault(row["family"], []).append(row["dataset"])
    result: dict[int, list[str]] = {number: [] for number in range(1, N_GROUPS + 1)}
    for family in sorted(members, key=lambda family: (-len(members[family]), family.lower())):
        smallest = min(result, key=lambda number: len(result[number]))
        result[smallest] += members[family]
    return {number: sorted(names, key=str.lower) for number, names in result.items()}


def group_of(dataset_name: str) -> int | None:
    """Return the group of a data set by an old or new name; None for one that the table does not know."""
    for number, names in groups().items():
        if any(same_name(name, dataset_name) for name in names):
            return number
    return None
