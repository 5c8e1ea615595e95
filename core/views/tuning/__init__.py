"""Tuning jobs: trials, their ranges and curves, XGBoost's own report, and performance against disparity."""
