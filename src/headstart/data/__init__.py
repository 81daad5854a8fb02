"""Data sets: what they are, how they are read, where they are found, what is done to them first."""

from headstart.data.archives import SHIPPED, archive_names, find
from headstart.data.dataset import UNLABELLED, Dataset
from headstart.data.loading import load, read
from headstart.data.preprocessing import z_normalise
from headstart.data.readers import READERS

__all__ = ["READERS", "SHIPPED", "UNLABELLED", "Dataset", "archive_names", "find", "load", "read", "z_normalise"]
