"""Data sets: what they are, how they are read, where they are found, what is done to them first."""

from headstart.data.archives import SHIPPED, archive_names, download_archive, downloadable_names, find
from headstart.data.dataset import UNLABELLED, Dataset
from headstart.data.loading import load, read
from headstart.data.preprocessing import z_normalise
from headstart.data.readers import READERS
from headstart.data.summary import Summary, describe

__all__ = [
    "READERS",
    "SHIPPED",
    "UNLABELLED",
    "Dataset",
    "Summary",
    "archive_names",
    "describe",
    "download_archive",
    "downloadable_names",
    "find",
    "load",
    "read",
    "z_normalise",
]
