"""Folders of saved sources."""

from pathlib import Path

from headstart.errors import ModelError
from headstart.zoo.source import Source


def load_folder(folder: str | Path) -> dict[str, Source]:
    """Read every source file of a folder, by file name without the suffix.

    Raises
    ------
    ModelError
        If there is no such folder, or no source in it, or one of them cannot be read.
    """
    folder = Path(folder)
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ModelError(
            f"{folder}: has no sources (*.safetensors); make one with `headstart pretrain DATA --out FILE`"
        )
    return {path.stem: Source.load(path) for path in paths}
