"""Deep transfer learning for time series classification.

The public names are imported on first use, so that ``import headstart`` costs nothing.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "Dataset": "headstart.data",
    "load": "headstart.data",
    "barycenter": "headstart.similarity",
    "dtw": "headstart.similarity",
    "pairwise_dtw": "headstart.similarity",
    "prototypes": "headstart.similarity",
    "similarity_matrix": "headstart.similarity",
    "Recipe": "headstart.training",
    "Source": "headstart.zoo",
    "pretrain": "headstart.zoo",
    "rank_sources": "headstart.selection",
    "fine_tune": "headstart.transfer",
    "TransferClassifier": "headstart.classifier",
    "run_grid": "headstart.grid",
}
__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'headstart' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
