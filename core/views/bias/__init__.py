"""Bias reports: metrics, comparisons of two models, and whom a model declines at each threshold, as figures, tables and sentences."""
