"""Tuning jobs: which training jobs they launch, and when they end."""
