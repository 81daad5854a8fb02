"""Data sets: what they are, how they are read, where they are found, what is done to them first."""
