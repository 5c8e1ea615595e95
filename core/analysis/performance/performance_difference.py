"""Whether two models differ by more than noise, on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.intervals.bootstrap_draws import percentile_ends, two_sided_p_value
from core.analysis.intervals.confidence import CONFIDENCE, normal_quantile
from core.analysis.performance import bootstrap
from core.analysis.performance.bootstrap import METRICS
from core.analysis.performance.performance_estimates import check_labels_and_scores, delong
from core.analysis.performance.performance_metrics import Floats, is_lower_better


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
    threshold_b: float | None = None,
    seed: int = 0,
    resamples: int = bootstrap.RESAMPLES,
) -> dict[str, PerformanceDifference]:
    """Paired differences b − a by metric, for two models scored on the same rows.

    AUC by DeLong's test for correlated curves, accuracy by McNemar's exact test, the rest by a bootstrap that draws the same
    rows for both. Arguments as for ``evaluate_performance``; ``threshold_b``: of the second model, by default the first's. Raises
    ValueError for unusable input.

    >>> import numpy as np
    >>> rows = np.arange(200)
    >>> labels = rows % 2
    >>> difference = compare_performance(labels, (rows % 5) / 5, labels * 0.5 + (rows % 5) / 10)["auc"]
    >>> round(difference.a, 2), round(difference.b, 2), difference.better
    (0.5, 1.0, 'b')
    """
    y, a = check_labels_and_scores(labels, scores_a)
    _, b = check_labels_and_scores(labels, scores_b)
    thresholds = (threshold, threshold if threshold_b is None else threshold_b)
    result = {"auc": _compare_auc(y, a, b)}
    (draws_a, draws_b), (point_a, point_b) = bootstrap.draw_resamples(y, [a, b], thresholds, seed, resamples)
    for name in METRICS:
        if name == "accuracy":
            result[name] = _compare_accuracy(y, a, b, thresholds)
        else:
            result[name] = paired_difference(point_a[name], point_b[name], draws_b[name] - draws_a[name], not is_lower_better(name))
    return result


def _compare_auc(y: Floats, a: Floats, b: Floats) -> PerformanceDifference:
    if y.min() == y.max():
        return PerformanceDifference(None, None, None, None, None, None, "DeLong")
    (auc_a, auc_b), covariance = delong(y, [a, b])
    return auc_difference(float(auc_a), float(auc_b), float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))


def _compare_accuracy(y: Floats, a: Floats, b: Floats, thresholds: tuple[float, float]) -> PerformanceDifference:
    from scipy import stats

    right_a, right_b = (((s > threshold) == (y == 1)) for s, threshold in zip((a, b), thresholds, strict=True))
    gained, lost, n = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum()), len(y)
    value = (gained - lost) / n
    half = normal_quantile() * np.sqrt(gained + lost - (gained - lost) ** 2 / n) / n
    p = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return PerformanceDifference(float(right_a.mean()), float(right_b.mean()), value, value - half, value + half, p, "McNemar")


def auc_difference(a: float, b: float, variance: float) -> PerformanceDifference:
    """b − a of two AUCs, from the variance of their difference (DeLong); without interval and p-value where that is unknown (NaN)."""
    from scipy import stats

    value = b - a
    if np.isnan(variance):
        return PerformanceDifference(a, b, value, None, None, None, "DeLong")
    deviation = float(np.sqrt(max(variance, 0.0)))
    half = normal_quantile() * deviation
    p = float(2 * stats.norm.sf(abs(value) / deviation)) if deviation > 1e-12 else float(abs(value) <= 1e-12)
    return PerformanceDifference(a, b, value, value - half, value + half, p, "DeLong")


def paired_difference(a: float, b: float, draws: Floats, higher_is_better: bool) -> PerformanceDifference:
    """b − a with the interval and two-sided p-value of its bootstrap ``draws``, shape (resamples,). NaN is undefined."""
    method = "paired bootstrap"
    value = b - a if np.isfinite(a) and np.isfinite(b) else None
    first, second = (None if np.isnan(x) else x for x in (a, b))
    if value is None or np.isnan(draws).all():
        return PerformanceDifference(first, second, value, None, None, None, method, higher_is_better)
    return PerformanceDifference(first, second, value, *percentile_ends(draws), two_sided_p_value(draws), method, higher_is_better)
