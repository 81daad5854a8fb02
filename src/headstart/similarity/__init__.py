"""How alike series, classes and data sets are, by dynamic time warping."""
