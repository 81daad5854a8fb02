"""Deep transfer learning for time series classification."""
