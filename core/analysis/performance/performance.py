"""How well a binary classifier's scores fit the labels, each figure with its uncertainty."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.performance import bootstrap
from core.analysis.performance.bootstrap import METRICS
from core.analysis.performance.performance_estimates import Estimate, auc_estimate, bootstrap_estimate, check_labels_and_scores, delong
from core.analysis.performance.performance_json import PerformanceJson
from core.analysis.performance.performance_metrics import Floats, undefined_reason

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
    labels: ArrayLike, scores: ArrayLike, *, threshold: float = 0.5, seed: int = 0, resamples: int = bootstrap.RESAMPLES
) -> Performance:
    """Every performance metric with its 95 % interval.

    Parameters
    ----------
    labels : (n,) 0 or 1
    scores : (n,) in [0, 1], the predicted probability of label 1
    threshold : rows with a score above it are predicted 1

    The interval of ``auc`` is DeLong's (Biometrics 1988), the others are percentile bootstrap intervals over rows. ``f1`` is of
    label 1 and ``macro_f1`` the mean of both labels'. ``ece`` is the expected calibration error over ten equally wide bins; resampling
    adds to it, so its interval is biased upwards. Raises ValueError for empty or unusable input.

    >>> performance = evaluate_performance([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])
    >>> performance.auc.value, performance.accuracy.value, performance.confusion
    (0.75, 0.5, Confusion(tn=1, fp=1, fn=1, tp=1))
    """
    y, s = check_labels_and_scores(labels, scores)
    n = len(y)
    draws, point = bootstrap.draw_resamples(y, [s], threshold, seed, resamples)
    figures: dict[str, Estimate] = {"auc": _auc(y, s)}
    for name in METRICS:
        figures[name] = bootstrap_estimate(point[0][name], draws[0][name], n, undefined_reason(name))
    tn, fp, fn, tp = bootstrap.confusion_indicators(y, s, threshold).sum(axis=0).astype(int).tolist()
    return Performance(
        **figures,
        confusion=Confusion(tn, fp, fn, tp),
        calibration=_calibration(y, s),
        roc=_roc(y, s),
        pr=_pr(y, s),
        threshold=threshold,
        prevalence=float(y.mean()),
        n=n,
    )


def _auc(y: Floats, s: Floats) -> Estimate:
    if y.min() == y.max():
        return Estimate(None, None, None, len(y), undefined_reason("auc"))
    aucs, covariance = delong(y, [s])
    return auc_estimate(float(aucs[0]), float(covariance[0, 0]), len(y))


def _calibration(y: Floats, s: Floats) -> tuple[CalibrationBin, ...]:
    bins = bootstrap.calibration_bins(s)
    edges = np.linspace(0, 1, bootstrap.CALIBRATION_BINS + 1)
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
    ends = bootstrap.tie_ends(s[order])
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
