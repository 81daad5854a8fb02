"""What is known of the data sets of the UCR archive: their domains, and where they come from.

The table ``domains.csv`` holds the 85 data sets of the release of 2015, with the types and sizes that the release of
2018 gives them (Dau et al., "The UCR time series archive", IEEE/CAA J. Automatica Sinica 6(6), 2019).
"""

import csv
from functools import cache
from importlib import resources

from headstart.data.archives import same_name
from headstart.data.dataset import Dataset

ORIGIN = "UCR time series archive, release of 2018 (Dau et al., IEEE/CAA J. Automatica Sinica 6(6), 2019)"
LICENCE = "none stated; the archive asks to be cited"


def domain_of(train: Dataset) -> str | None:
    """Return the domain of a training set of the archive; None for any other.

    Names such as Car or Wine are common, so the size must be the archive's, too.

    Examples
    --------
    >>> from headstart.data import load
    >>> train, test = load("ItalyPowerDemand")
    >>> domain_of(train), domain_of(test)
    ('Sensor', None)
    """
    size = (train.n_cases, int(train.lengths.max()), train.n_classes)
    for row in _table():
        if same_name(row["name"], train.name) and size == tuple(
            int(row[key]) for key in ("n_train", "length", "n_classes")
        ):
            return row["domain"]
    return None


@cache
def _table() -> list[dict[str, str]]:
    with resources.files("headstart.zoo").joinpath("domains.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
