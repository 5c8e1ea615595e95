"""Splitting a table into training, validation and test rows, and rebalancing the training rows by label, facet or both."""
