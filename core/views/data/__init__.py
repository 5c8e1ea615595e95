"""Rebalanced training data: counts and bias before and after, several rebalancings compared, and synthetic rows beside real ones."""
