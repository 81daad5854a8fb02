"""How alike series, classes and data sets are, by dynamic time warping."""

from headstart.similarity.barycenter import barycenter, medoid
from headstart.similarity.datasets import Prototypes, dataset_distance, nearest, prototypes, similarity_matrix
from headstart.similarity.dtw import dtw, dtw_path, pairwise_dtw

__all__ = [
    "Prototypes",
    "barycenter",
    "dataset_distance",
    "dtw",
    "dtw_path",
    "medoid",
    "nearest",
    "pairwise_dtw",
    "prototypes",
    "similarity_matrix",
]
