"""Bias metrics as SageMaker Clarify defines them, their intervals, and differences between two models."""

from core.analysis.bias import posttraining, pretraining  # importing them registers the metrics

__all__ = ["posttraining", "pretraining"]
