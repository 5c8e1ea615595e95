"""The metrics of the built-in XGBoost algorithm, release 3.0-5: which are XGBoost's own, which the container computes itself, and how.

The container's metrics of classes compare what XGBoost hands them with 0. Up to release 1.7 that was the log-odds; the releases 3 use
XGBoost's ``custom_metric``, which gets the prediction: for ``binary:logistic`` a probability, always above 0. So there they count every
row as label 1 and are the same for every model; only with ``binary:logitraw`` they do what their names say. None of the container's own
metrics takes the rows' weights into account.
Source: https://github.com/aws/sagemaker-xgboost-container, branch release-3.0.5: metrics/custom_metrics.py, algorithm_mode/train_utils.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn import metrics

from engine.containers import ContainerError

Floats = NDArray[np.floating[Any]]
Metric = Callable[[Floats, Floats], float]
"""(labels, predictions) → value."""


def _of_classes(score: Callable[..., float], **arguments: Any) -> Metric:
    return lambda labels, predicted: float(score(labels, (predicted > 0).astype(int), **arguments))


CONTAINER_METRICS: dict[str, Metric] = {
    "accuracy": _of_classes(metrics.accuracy_score),
    "balanced_accuracy": _of_classes(metrics.balanced_accuracy_score),
    "f1": _of_classes(metrics.f1_score, average="macro", zero_division=0),
    "f1_binary": _of_classes(metrics.f1_score, average="binary", zero_division=0),
    "f1_macro": _of_classes(metrics.f1_score, average="macro", zero_division=0),
    "precision": _of_classes(metrics.precision_score, zero_division=0),
    "precision_macro": _of_classes(metrics.precision_score, average="macro", zero_division=0),
    "precision_micro": _of_classes(metrics.precision_score, average="micro", zero_division=0),
    "recall": _of_classes(metrics.recall_score, zero_division=0),
    "recall_macro": _of_classes(metrics.recall_score, average="macro", zero_division=0),
    "recall_micro": _of_classes(metrics.recall_score, average="micro", zero_division=0),
    "mae": metrics.mean_absolute_error,
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
}
NATIVE_METRICS = {"auc", "aucpr", "error", "logloss", "mape", "mphe", "rmsle"}
"""XGBoost's own, of those for binary objectives and regression; ``error@t`` is the error at the threshold t."""
MAXIMIZED = {"auc", "aucpr", "r2", *(name for name in CONTAINER_METRICS if name not in {"mae", "mse", "rmse"})}


@dataclass(frozen=True)
class RequestedMetrics:
    """native: computed by XGBoost; of_container: by ``evaluate_container_metrics``; watched: the one that early stopping watches, the
    objective of the tuning job or else the last metric that was asked for, None where none was (then nothing stops early)."""

    native: list[str]
    of_container: list[str]
    watched: str | None


def requested_metrics(hyperparameters: dict[str, Any]) -> RequestedMetrics:
    """The metrics that ``eval_metric`` and a tuning job ask for. Raises ContainerError for one that doesn't exist."""
    asked = [name.strip(" []'\"") for name in str(hyperparameters.get("eval_metric", "")).split(",")]
    objective = str(hyperparameters.get("_tuning_objective_metric", "")).partition(":")[2]
    names = list(dict.fromkeys(name for name in (*asked, objective) if name))
    for name in names:
        if not (name in CONTAINER_METRICS or name in NATIVE_METRICS or _is_error_at_threshold(name)):
            known = ", ".join(sorted(NATIVE_METRICS | CONTAINER_METRICS.keys()))
            raise ContainerError(f"eval_metric {name!r} is not one of {known}, error@t")
    training = str(hyperparameters.get("objective", "binary:"))
    if "auc" in asked and not training.startswith("binary:"):
        raise ContainerError(f"eval_metric 'auc' is for objectives of classes (binary:…), not for {training}")
    own = [name for name in names if name in CONTAINER_METRICS]
    return RequestedMetrics([name for name in names if name not in own], own, names[-1] if names else None)


def _is_error_at_threshold(name: str) -> bool:
    metric, _, threshold = name.partition("@")
    try:
        return metric == "error" and float(threshold) == float(threshold)
    except ValueError:
        return False


def evaluate_container_metrics(names: list[str]) -> Callable[[Floats, xgboost.DMatrix], list[tuple[str, float]]]:
    """A custom metric for ``xgboost.train`` that returns these metrics."""

    def evaluate(predicted: Floats, data: xgboost.DMatrix) -> list[tuple[str, float]]:
        return [(name, float(CONTAINER_METRICS[name](data.get_label(), predicted))) for name in names]

    return evaluate
