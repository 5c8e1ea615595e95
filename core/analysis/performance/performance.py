"""How well a binary classifier's scores fit the labels, each figure with its uncertainty."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.intervals.confidence import MIN_ROWS, too_few_rows
from core.analysis.intervals.posterior_draws import interval_ends
from core.analysis.performance.calibration_error import CALIBRATION_BINS, calibration_bins, calibration_error_ends
from core.analysis.performance.confusion_intervals import confusion_estimates
from core.analysis.performance.performance_estimates import Estimate, check_labels_and_scores, make_estimate
from core.analysis.performance.performance_json import PerformanceJson
from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS, Floats, undefined_reason
from core.analysis.performance.score_draws import (
    LOW_DRAWS,
    RESAMPLES,
    SCORE_METRICS,
    MetricValues,
    draw_score_metrics,
    score_metrics,
)

MAX_CURVE_POINTS = 200


@dataclass(frozen=True)
class CalibrationBin:
    """Rows with scores in [low, high): how many, their mean score, and how often their label is 1."""

    low: float
    high: float
    n: int
    mean_score: float
    observed: float


@dataclass(frozen=True)
class Confusion:
    """Counts of rows, "positive" being label 1."""

    tn: int
    fp: int
    fn: int
    tp: int


@dataclass(frozen=True)
class Performance:
    """What ``evaluate_performance`` returns. ``roc`` is a list of (false positive rate, true positive rate, score), ``pr`` one of (recall,
    precision, score)."""

    auc: Estimate
    average_precision: Estimate
    accuracy: Estimate
    balanced_accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    macro_f1: Estimate
    log_loss: Estimate
    brier: Estimate
    ece: Estimate
    confusion: Confusion
    calibration: tuple[CalibrationBin, ...]
    roc: tuple[tuple[float, float, float], ...]
    pr: tuple[tuple[float, float, float], ...]
    threshold: float
    prevalence: float
    n: int

    def estimates(self) -> dict[str, Estimate]:
        """The figures that have an interval, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Estimate)}

    def to_json(self) -> PerformanceJson:
        """As plain JSON values."""
        return cast(PerformanceJson, asdict(self))


def evaluate_performance(
    labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, seed: int = 0, resamples: int = RESAMPLES
) -> Performance:
    """Every performance metric with its 95 % interval.

    Parameters
    ----------
    labels : (n,) 0 or 1
    scores : (n,) in [0, 1], the predicted probability of label 1
    threshold : rows with a score above it are predicted 1

    ``f1`` is of label 1 and ``macro_f1`` the mean of both labels'. ``ece`` is the expected calibration error over ten equally wide bins.
    docs/intervals.md says how each interval is made; ``resamples``: how many draws make those that no formula gives. Raises ValueError for
    empty or unusable input.

    >>> performance = evaluate_performance([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> performance.auc.value, performance.accuracy.value, performance.confusion
    (0.75, 0.5, Confusion(tn=1, fp=1, fn=1, tp=1))
    """
    y, s = check_labels_and_scores(labels, scores)
    figures = performance_estimates(y, s, threshold, draw_score_metrics(y, [s], seed, resamples)[0])
    confusion = confusion_counts(y, s, threshold)
    (tn, fp), (fn, tp) = confusion.astype(int).tolist()
    return Performance(
        **figures,
        confusion=Confusion(tn, fp, fn, tp),
        calibration=_calibration(y, s),
        roc=_roc(y, s),
        pr=_pr(y, s),
        threshold=threshold,
        prevalence=float(y.mean()),
        n=len(y),
    )


def performance_estimates(y: Floats, s: Floats, threshold: float, draws: MetricValues) -> dict[str, Estimate]:
    """Every metric with its interval, by name. ``draws``: those of the score metrics (``draw_score_metrics``)."""
    n = len(y)
    points, reasons = score_metrics(y, s), score_reasons(y)
    found = confusion_estimates(confusion_counts(y, s, threshold))
    for name in SCORE_METRICS:
        low, high = calibration_error_ends(y, s) if name == "ece" else interval_ends(draws[name], points[name])
        if name in LOW_DRAWS:
            low = interval_ends(draws[LOW_DRAWS[name]], points[name])[0]
        found[name] = make_estimate(points[name], (low, high), n, reasons[name], undefined_reason(name))
    return {name: found[name] for name in PERFORMANCE_METRICS}


def score_reasons(y: Floats) -> dict[str, str]:
    """By metric of the scores, why so few rows give it no interval; "" where there are enough."""
    ones, zeros = float(y.sum()), float(len(y) - y.sum())
    few_ones, few_zeros = (too_few_rows(rows, f"label {label}") if rows < MIN_ROWS else "" for label, rows in ((1, ones), (0, zeros)))
    few = too_few_rows(len(y)) if len(y) < MIN_ROWS else ""
    return {"auc": few_ones or few_zeros, "average_precision": few_ones, "log_loss": few, "brier": few, "ece": few}


def confusion_counts(y: Floats, s: Floats, threshold: float) -> Floats:
    """(2, 2) rows by label and prediction; a score above ``threshold`` predicts 1."""
    counts: Floats = np.bincount((2 * y + (s > threshold)).astype(np.int64), minlength=4).astype(float).reshape(2, 2)
    return counts


def _calibration(y: Floats, s: Floats) -> tuple[CalibrationBin, ...]:
    bins = calibration_bins(s)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    rows = [(b, bins == b) for b in np.unique(bins)]
    return tuple(
        CalibrationBin(float(edges[b]), float(edges[b + 1]), int(at.sum()), float(s[at].mean()), float(y[at].mean())) for b, at in rows
    )


def _thin_points(points: Floats) -> tuple[tuple[float, float, float], ...]:
    """At most 200 of the points, the first and the last among them, evenly along the curve."""
    if len(points) > MAX_CURVE_POINTS:
        points = points[np.unique(np.linspace(0, len(points) - 1, MAX_CURVE_POINTS).round().astype(int))]
    return tuple((float(x), float(y), float(t)) for x, y, t in points)


def _curve_steps(y: Floats, s: Floats) -> tuple[Floats, Floats, Floats]:
    """(score, true positives, false positives) at each different score, from the highest on."""
    order = np.argsort(-s, kind="stable")
    ends = np.flatnonzero(np.r_[s[order][1:] != s[order][:-1], True])
    tp = np.cumsum(y[order])[ends]
    return s[order][ends], tp, ends + 1 - tp


def _roc(y: Floats, s: Floats) -> tuple[tuple[float, float, float], ...]:
    if y.min() == y.max():
        return ()
    score, tp, fp = _curve_steps(y, s)
    points = np.column_stack([np.r_[0, fp / fp[-1]], np.r_[0, tp / tp[-1]], np.r_[1.0, score]])
    return _thin_points(points)


def _pr(y: Floats, s: Floats) -> tuple[tuple[float, float, float], ...]:
    if y.max() == 0:
        return ()
    score, tp, fp = _curve_steps(y, s)
    last = int(np.argmax(tp == tp[-1])) + 1
    return _thin_points(np.column_stack([np.r_[0, tp / tp[-1]], np.r_[1, tp / (tp + fp)], np.r_[1.0, score]])[: last + 1])
