"""Pretrained sources: a network's weights with the card that says where they come from."""

from headstart.zoo.build import Progress, build_zoo
from headstart.zoo.card import Card
from headstart.zoo.folder import Sources, copy_into, load_folder, sources_at, verify
from headstart.zoo.hub import pull, push
from headstart.zoo.names import find, known_sources, own_folder, sources_in
from headstart.zoo.onnx import export_onnx
from headstart.zoo.pretraining import pretrain
from headstart.zoo.source import Source

__all__ = [
    "Card",
    "Progress",
    "Source",
    "Sources",
    "build_zoo",
    "copy_into",
    "export_onnx",
    "find",
    "known_sources",
    "load_folder",
    "own_folder",
    "pretrain",
    "pull",
    "push",
    "sources_at",
    "sources_in",
    "verify",
]
