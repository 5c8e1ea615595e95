"""Figures and tables from view models: no AWS, no state."""
