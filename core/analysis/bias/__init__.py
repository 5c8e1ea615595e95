"""Bias metrics as SageMaker Clarify defines them, their intervals, differences between two models, and other thresholds.

``metric_registry`` lists the metrics, each written once in ``pretraining`` or ``posttraining`` as a function of counts
(``outcome_counts``). ``bias_metrics`` computes them on rows, ``bias_count_tables`` on many resamples at once.
"""

from core.analysis.bias import posttraining, pretraining  # importing them registers the metrics

__all__ = ["posttraining", "pretraining"]
