"""Whether two models differ by more than noise, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.performance import bootstrap as bootstrap
from core.analysis.performance.bootstrap import METRICS, Floats
from core.analysis.performance.performance_intervals import CONFIDENCE, bootstrap_interval, check_labels_and_scores, delong, normal_quantile

LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece"})


@dataclass(frozen=True)
class PerformanceDifference:
    """b − a of one metric on the same rows, with its 95 % interval and two-sided p-value. None where undefined.

    ``method`` is "DeLong", "McNemar" (p-value exact, interval Wald's for paired proportions) or "paired bootstrap".
    """

    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    method: str
    higher_is_better: bool = True

    @property
    def beyond_noise(self) -> bool:
        """Whether chance alone would make such a difference in fewer than 5 % of cases."""
        return self.p_value is not None and self.p_value < 1 - CONFIDENCE

    @property
    def better(self) -> str | None:
        """ "a" or "b" where the difference is beyond noise, else None."""
        if not self.beyond_noise or not self.value:
            return None
        return "b" if (self.value > 0) == self.higher_is_better else "a"


def compare_performance(
    labels: ArrayLike,
    scores_a: ArrayLike,
    scores_b: ArrayLike,
    *,
    threshold: float = 0.5,
    seed: int = 0,
    resamples: int = bootstrap.RESAMPLES,
) -> dict[str, PerformanceDifference]:
    """Paired differences b − a by metric, for two models scored on the same rows.

    AUC by DeLong's test for correlated curves, accuracy by McNemar's exact test, the rest by a bootstrap that draws the same
    rows for both. Arguments as for ``evaluate``. Raises ValueError for unusable input.
    """
    y, a = check_labels_and_scores(labels, scores_a)
    _, b = check_labels_and_scores(labels, scores_b)
    result = {"auc": _compare_auc(y, a, b)}
    (draws_a, draws_b), (point_a, point_b) = bootstrap.draw_resamples(y, [a, b], threshold, seed, resamples)
    for name in METRICS:
        if name == "accuracy":
            result[name] = _compare_accuracy(y, a, b, threshold)
        else:
            result[name] = _paired_difference(point_a[name], point_b[name], draws_b[name] - draws_a[name], name not in LOWER_IS_BETTER)
    return result


def _compare_auc(y: Floats, a: Floats, b: Floats) -> PerformanceDifference:
    from scipy import stats

    if y.min() == y.max():
        return PerformanceDifference(None, None, None, None, None, None, "DeLong")
    (auc_a, auc_b), covariance = delong(y, [a, b])
    value = float(auc_b - auc_a)
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if np.isnan(variance):
        return PerformanceDifference(float(auc_a), float(auc_b), value, None, None, None, "DeLong")
    deviation = np.sqrt(max(variance, 0.0))
    half = normal_quantile() * float(deviation)
    p = float(2 * stats.norm.sf(abs(value) / deviation)) if deviation > 1e-12 else float(abs(value) <= 1e-12)
    return PerformanceDifference(float(auc_a), float(auc_b), value, value - half, value + half, p, "DeLong")


def _compare_accuracy(y: Floats, a: Floats, b: Floats, threshold: float) -> PerformanceDifference:
    from scipy import stats

    right_a, right_b = (((s > threshold) == (y == 1)) for s in (a, b))
    gained, lost, n = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum()), len(y)
    value = (gained - lost) / n
    half = normal_quantile() * np.sqrt(gained + lost - (gained - lost) ** 2 / n) / n
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return PerformanceDifference(float(right_a.mean()), float(right_b.mean()), value, value - half, value + half, p, "McNemar")


def _paired_difference(a: float, b: float, draws: Floats, higher_is_better: bool) -> PerformanceDifference:
    method = "paired bootstrap"
    if np.isnan(a) or np.isnan(b):
        return PerformanceDifference(
            None if np.isnan(a) else a, None if np.isnan(b) else b, None, None, None, None, method, higher_is_better
        )
    known = draws[~np.isnan(draws)]
    low, high = bootstrap_interval(draws)
    if len(known) == 0:
        return PerformanceDifference(a, b, b - a, None, None, None, method, higher_is_better)
    p = min(1.0, 2 * (1 + min((known <= 0).sum(), (known >= 0).sum())) / (1 + len(known)))
    return PerformanceDifference(a, b, b - a, low, high, float(p), method, higher_is_better)
