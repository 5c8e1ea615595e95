"""Performance figures as they are stored in JSON: what ``Performance.to_json`` gives, and reports and versions contain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict, TypeGuard


class EstimateJson(TypedDict):
    """A figure with its 95 % interval, from ``n`` rows; None where undefined, and ``why``. Older files have no ``why``."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: NotRequired[str]


class ConfusionJson(TypedDict):
    """Counts of rows, "positive" being label 1."""

    tn: int
    fp: int
    fn: int
    tp: int


class CalibrationBinJson(TypedDict):
    """Rows with scores in [low, high): how many, their mean score, and how often their label is 1."""

    low: float
    high: float
    n: int
    mean_score: float
    observed: float


class PerformanceJson(TypedDict):
    """A model's performance on ``n`` rows. ``roc``: points (false positive rate, true positive rate, score); ``pr``: points (recall,
    precision, score); both in JSON as lists."""

    auc: EstimateJson
    average_precision: EstimateJson
    accuracy: EstimateJson
    balanced_accuracy: EstimateJson
    precision: EstimateJson
    recall: EstimateJson
    f1: EstimateJson
    macro_f1: EstimateJson
    log_loss: EstimateJson
    brier: EstimateJson
    ece: EstimateJson
    confusion: ConfusionJson
    calibration: Sequence[CalibrationBinJson]
    roc: Sequence[tuple[float, float, float]]
    pr: Sequence[tuple[float, float, float]]
    threshold: float
    prevalence: float
    n: int


def estimates_in(performance: PerformanceJson | None) -> dict[str, EstimateJson]:
    """The figures that have an interval, by name, as in ``{"auc": {"value": 0.77, "low": 0.75, "high": 0.79, "n": 6000}}``; {} for None."""
    return {name: figure for name, figure in (performance or {}).items() if _is_estimate(figure)}


def _is_estimate(figure: object) -> TypeGuard[EstimateJson]:
    return isinstance(figure, dict) and {"value", "low", "high", "n"} <= figure.keys()
