"""Pretrained sources: a network's weights with the card that says where they come from."""

from headstart.zoo.build import Progress, build_zoo
from headstart.zoo.card import Card
from headstart.zoo.folder import load_folder
from headstart.zoo.pretraining import pretrain
from headstart.zoo.source import Source

__all__ = ["Card", "Progress", "Source", "build_zoo", "load_folder", "pretrain"]
