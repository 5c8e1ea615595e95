"""Whether two models differ by more than noise, on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.intervals.confidence import CONFIDENCE
from core.analysis.intervals.posterior_draws import include_zero, interval_ends, least_p_value, two_sided_p_value
from core.analysis.intervals.proportions import combine_difference, paired_share_difference
from core.analysis.performance.calibration_error import calibration_errors_correlation, true_calibration_error
from core.analysis.performance.confusion_intervals import paired_confusion_draws, why_too_few
from core.analysis.performance.performance import confusion_counts, score_reasons
from core.analysis.performance.performance_estimates import check_labels_and_scores
from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS, Floats, confusion_metrics, is_lower_better
from core.analysis.performance.score_draws import RESAMPLES, MetricValues, draw_score_metrics, score_metrics

CONFUSION_METHOD = "paired Dirichlet draws"
SCORE_METHOD = "paired Bayesian bootstrap"


@dataclass(frozen=True)
class PerformanceDifference:
    """b − a of one metric on the same rows, with its 95 % interval and two-sided p-value. None where undefined.

    ``method`` is "McNemar" (p-value exact, interval Tango's), "paired Dirichlet draws" or "paired Bayesian bootstrap". ``why``: why there
    is no interval.
    """

    a: float | None
    b: float | None
    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    method: str
    higher_is_better: bool = True
    why: str = ""

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
    resamples: int = RESAMPLES,
) -> dict[str, PerformanceDifference]:
    """Paired differences b − a by metric, for two models scored on the same rows.

    Accuracy by McNemar's exact test and Tango's interval, the rest by draws of both models together (docs/intervals.md). Arguments as for
    ``evaluate_performance``; ``threshold_b``: of the second model, by default the first's. Raises ValueError for unusable input.

    >>> import numpy as np
    >>> rows = np.arange(200)
    >>> labels = rows % 2
    >>> difference = compare_performance(labels, (rows % 5) / 5, labels * 0.5 + (rows % 5) / 10)["auc"]
    >>> round(difference.a, 2), round(difference.b, 2), difference.better
    (0.5, 1.0, 'b')
    """
    y, a = check_labels_and_scores(labels, scores_a)
    _, b = check_labels_and_scores(labels, scores_b)
    thresholds = threshold, threshold if threshold_b is None else threshold_b
    return paired_differences(y, (a, b), thresholds, draw_score_metrics(y, [a, b], seed, resamples), seed=seed)


def paired_differences(
    y: Floats, scores: tuple[Floats, Floats], thresholds: tuple[float, float], draws: Sequence[MetricValues], *, seed: int
) -> dict[str, PerformanceDifference]:
    """The differences, second minus first of ``scores``, by metric. ``draws``: both models' score metrics (``draw_score_metrics``)."""
    a, b = scores
    predicted = [(s > threshold).astype(float) for s, threshold in zip(scores, thresholds, strict=True)]
    confusions = [confusion_counts(y, s, threshold) for s, threshold in zip(scores, thresholds, strict=True)]
    points = [
        {name: float(value) for name, value in confusion_metrics(*confusion.ravel()).items()} | score_metrics(y, s)
        for confusion, s in zip(confusions, scores, strict=True)
    ]
    drawn = [
        confusion_draws | score_draws
        for confusion_draws, score_draws in zip(
            paired_confusion_draws(y, predicted, seed=seed, draws=len(draws[0]["auc"])), draws, strict=True
        )
    ]
    few_a, few_b = (why_too_few(confusion) for confusion in confusions)
    few = {name: few_a[name] or few_b[name] for name in few_a}
    reasons = few | score_reasons(y)
    for name in ("log_loss", "brier", "ece"):  # with a handful of rows of a label, which of two models does worse on it is anybody's guess
        reasons[name] = reasons["auc"]
    result = {}
    for name in PERFORMANCE_METRICS:
        differs = predicted[0] != predicted[1] if name in few else a != b
        differing = int((differs & (y == 1)).sum() if name == "recall" else differs.sum())
        method = CONFUSION_METHOD if name in few else SCORE_METHOD
        first, second, better = points[0][name], points[1][name], not is_lower_better(name)
        if name == "accuracy":
            result[name] = _compare_accuracy(y, predicted, reasons[name])
        elif name == "ece" and not reasons[name]:
            p = two_sided_p_value(drawn[1][name] - drawn[0][name], differing)
            result[name] = _compare_calibration(y, scores, (first, second), p)
        else:
            result[name] = paired_difference(first, second, drawn[1][name] - drawn[0][name], differing, method, better, reasons[name])
    return result


def _compare_accuracy(y: Floats, predicted: Sequence[Floats], why: str) -> PerformanceDifference:
    from scipy import stats

    right_a, right_b = (values == y for values in predicted)
    gained, lost = int((right_b & ~right_a).sum()), int((right_a & ~right_b).sum())
    value, low, high = paired_share_difference(gained, lost, len(y))
    a, b = float(right_a.mean()), float(right_b.mean())
    if why:
        return PerformanceDifference(a, b, value, None, None, None, "McNemar", why=why)
    p = max(least_p_value(gained + lost), float(stats.binomtest(gained, gained + lost).pvalue)) if gained + lost else 1.0
    return PerformanceDifference(a, b, value, *include_zero(low, high, p), p, "McNemar")


def _compare_calibration(y: Floats, scores: tuple[Floats, Floats], errors: tuple[float, float], p: float) -> PerformanceDifference:
    """By the intervals of both errors, as Newcombe combines those of two shares, around the errors without what noise adds to them: draws
    would repeat it. Noise that moves both errors apart widens the interval; that it may move them together doesn't narrow it."""
    one, other = (true_calibration_error(y, s) for s in scores)
    _, low, high = combine_difference(other, one, min(0.0, calibration_errors_correlation(y, *scores)))
    value = errors[1] - errors[0]
    low, high = min(low, value), max(high, value)
    p = max(p, 1 - CONFIDENCE) if low <= 0 <= high else p
    return PerformanceDifference(*errors, value, *include_zero(low, high, p), p, "Newcombe, of both intervals", False)


def paired_difference(
    a: float, b: float, draws: Floats, differing_rows: int, method: str, higher_is_better: bool, why: str = ""
) -> PerformanceDifference:
    """b − a with the interval and two-sided p-value of its ``draws``, shape (draws,). NaN is undefined. ``differing_rows``: on how many
    rows the two models differ; ``why``: why there is no interval, if there is none."""
    value = b - a if np.isfinite(a) and np.isfinite(b) else None
    first, second = (None if np.isnan(x) else x for x in (a, b))
    if value is None or why:
        return PerformanceDifference(first, second, value, None, None, None, method, higher_is_better, why)
    p = two_sided_p_value(draws, differing_rows)
    return PerformanceDifference(first, second, value, *include_zero(*interval_ends(draws, value), p), p, method, higher_is_better)
