"""Training: what to do (`Recipe`), the one loop that does it (`train`), and what a trained network then says."""

from headstart.training.batches import class_probabilities, features
from headstart.training.loop import History, train
from headstart.training.recipe import RECIPES, Recipe

__all__ = ["RECIPES", "History", "Recipe", "class_probabilities", "features", "train"]
