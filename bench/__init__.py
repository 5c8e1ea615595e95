"""Figures beside their peers, measured in the same run."""
