"""Pretrained sources: a network's weights with the card that says where they come from."""

from headstart.zoo.folder import load_folder
from headstart.zoo.pretraining import pretrain
from headstart.zoo.source import Card, Source

__all__ = ["Card", "Source", "load_folder", "pretrain"]
