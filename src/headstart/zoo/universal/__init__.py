"""Universal sources: one trunk trained on many data sets at once, to start from whatever the target is."""

from headstart.zoo.universal.groups import N_GROUPS, group_of, groups
from headstart.zoo.universal.pretraining import DEFAULT_UPDATES, METHODS, build_universal, train_universal

__all__ = ["DEFAULT_UPDATES", "METHODS", "N_GROUPS", "build_universal", "group_of", "groups", "train_universal"]
