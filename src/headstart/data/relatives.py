"""Which data sets share series: near copies across all parts of all data sets of an archive.

Signatures are compared, not values, forwards and with time reversed. One search over the signatures of all data sets
finds the few pairs of parts that share anything; these are then gone through series by series.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from headstart.data.dataset import Dataset
from headstart.data.signatures import EXACT, Units, nearest_copies, series_signatures, units

PARTS = ["train_train", "train_test", "test_train", "test_test"]
"""Columns of counts: which part of the first data set, and which of the second."""


def shared_series(parts: Iterable[tuple[str, str, Dataset]]) -> pd.DataFrame:
    """Find the series that occur in more than one part of one or several data sets.

    Parameters
    ----------
    parts
        Name of the data set, name of the part (``train``, ``test``), and the series; each is read once and let go.

    Returns
    -------
    DataFrame
        A row for each series and each other part that holds a copy of it: `dataset`, `part`, `case` (counted from 1),
        `other`, `other_part`, `other_case` (the nearest copy), their `distance` in standard deviations, and whether
        the copy runs `backwards`. Copies within one part are not looked for.

    Examples
    --------
    >>> from headstart.data import load
    >>> train, test = load("ItalyPowerDemand")
    >>> mixed = test.subset([7, 8, 9])
    >>> found = shared_series([("Italy", "train", train), ("Italy", "test", test), ("Mixed", "train", mixed)])
    >>> found[["other", "other_part", "other_case", "case"]].values.tolist()[:3]
    [['Mixed', 'train', 1, 8], ['Mixed', 'train', 2, 9], ['Mixed', 'train', 3, 10]]
    """
    names: list[tuple[str, str]] = []
    forwards: list[np.ndarray] = []
    backwards: list[np.ndarray] = []
    for name, part, data in parts:
        names.append((name, part))
        forwards.append(series_signatures(data))
        backwards.append(series_signatures(data, backwards=True))
    tables = [
        _copies(backwards[i], forwards[i], forwards[j]).assign(
            dataset=names[i][0], part=names[i][1], other=names[j][0], other_part=names[j][1]
        )
        for i, j in _related(forwards, backwards)
    ]
    columns = ["dataset", "part", "case", "other", "other_part", "other_case", "distance", "backwards"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def count_shared(shared: pd.DataFrame) -> pd.DataFrame:
    """Count the series that pairs of data sets share.

    Parameters
    ----------
    shared
        What `shared_series` returns.

    Returns
    -------
    DataFrame
        A row for each pair of data sets, `dataset` and `other`, by name, or for one with itself: the series of the
        first one's training part that have a copy in the training (`train_train`) and test part (`train_test`) of the
        second, and the same of its test part (`test_train`, `test_test`); how many of all these are no exact copies
        (`n_near`: they differ by more than rounding at the third decimal), and how many run backwards (`n_backwards`).
    """
    # Each pair once; within a data set, the training series that are in the test part.
    first = (shared["dataset"] < shared["other"]) | (
        (shared["dataset"] == shared["other"]) & (shared["part"] == "train")
    )
    parts = shared["part"] + "_" + shared["other_part"]
    counted = {name: parts == name for name in PARTS}
    counted |= {"n_near": shared["distance"] > EXACT, "n_backwards": shared["backwards"]}
    return shared.assign(**counted)[first].groupby(["dataset", "other"])[list(counted)].sum().reset_index()


def _copies(backwards: np.ndarray, forwards: np.ndarray, others: np.ndarray) -> pd.DataFrame:
    """Find the series of one part in another."""
    nearest, distance = nearest_copies(forwards, others)
    nearest_back, distance_back = nearest_copies(backwards, others)
    is_back = distance_back < distance
    table = pd.DataFrame(
        {
            "case": np.arange(1, len(forwards) + 1),
            "other_case": np.where(is_back, nearest_back, nearest) + 1,
            "distance": np.minimum(distance, distance_back).round(6),
            "backwards": is_back,
        }
    )
    return table[np.isfinite(table["distance"])]


def _related(forwards: list[np.ndarray], backwards: list[np.ndarray]) -> list[tuple[int, int]]:
    """Return the ordered pairs of parts, by number, that share a series."""
    pairs: set[tuple[int, int]] = set()
    stored = _units_of_parts(forwards)
    for queries in (stored, _units_of_parts(backwards)):
        for query in queries:
            for other in stored:
                if query.is_comparable(other):
                    pairs |= _parts_near(query, other, len(forwards))
    return sorted({pair for i, j in pairs if i != j for pair in ((i, j), (j, i))})


def _units_of_parts(signatures: list[np.ndarray]) -> list[Units]:
    """Put the units of all parts together; `cases` says here which part each belongs to."""
    groups: dict[tuple[int, bool], list[Units]] = {}
    for part, of_part in enumerate(signatures):
        for unit in units(of_part):
            kind = unit.rows.shape[1], unit.is_whole
            groups.setdefault(kind, []).append(unit._replace(cases=np.full(len(unit.cases), part)))
    return [
        Units(np.concatenate([u.cases for u in group]), np.concatenate([u.rows for u in group]), is_whole)
        for (_, is_whole), group in groups.items()
    ]


def _parts_near(query: Units, other: Units, n_parts: int) -> set[tuple[int, int]]:
    """Return the pairs of parts that have units near each other."""
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    def distinct(units: Units) -> tuple[np.ndarray, csr_array]:
        """Return the different rows, and which parts have them: a file of equal series must not make n² pairs."""
        rows, which = np.unique(units.rows, axis=0, return_inverse=True)
        ones = np.ones(len(units.cases), np.int64)
        return rows, csr_array((ones, (which.ravel(), units.cases)), shape=(len(rows), n_parts))

    query_rows, query_parts = distinct(query)
    other_rows, other_parts = distinct(other)
    near = cKDTree(query_rows).sparse_distance_matrix(cKDTree(other_rows), query.radius, output_type="ndarray")
    is_near = csr_array(
        (np.ones(len(near), np.int64), (near["i"], near["j"])), shape=(len(query_rows), len(other_rows))
    )
    i, j = (query_parts.T @ is_near @ other_parts).nonzero()
    return set(zip(i.tolist(), j.tolist(), strict=True))
