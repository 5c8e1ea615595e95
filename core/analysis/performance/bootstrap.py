"""Performance metrics of all bootstrap resamples at once.

A resample is a row of weights: how often each row of the data was drawn. Everything but the average precision is a function of
weighted sums, so a chunk of resamples is one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS, Floats, confusion_metrics, ratio_or_nan

MetricValues = dict[str, Floats]

RESAMPLES = 1000
CALIBRATION_BINS = 10
METRICS = tuple(name for name in PERFORMANCE_METRICS if name != "auc")
"""The metrics that are bootstrapped: all but AUC, whose interval is DeLong's."""
MAX_WEIGHTS_IN_MEMORY = 4_000_000
"""How many weights are in memory at a time."""


def draw_resamples(
    y: Floats, scores: list[Floats], threshold: float | Sequence[float], seed: int, resamples: int
) -> tuple[list[MetricValues], list[dict[str, float]]]:
    """For each of ``scores``, every metric on every resample, and on the data itself. NaN where undefined.

    All scores see the same resamples, so that their differences are paired. ``threshold``: of all scores, or one for each of them.
    """
    n = len(y)
    tables = [_ScoreSums(y, s, float(t)) for s, t in zip(scores, np.broadcast_to(threshold, len(scores)), strict=True)]
    random = np.random.default_rng(seed)
    size = max(1, MAX_WEIGHTS_IN_MEMORY // n)
    parts: list[list[MetricValues]] = [[] for _ in scores]
    for start in range(0, resamples, size):
        count = min(size, resamples - start)
        rows = random.integers(0, n, (count, n)) + np.arange(count)[:, None] * n
        weights = np.bincount(rows.ravel(), minlength=count * n).reshape(count, n).astype(float)
        for part, table in zip(parts, tables, strict=True):
            part.append(table.compute_metrics(weights))
    draws = [{name: np.concatenate([figures[name] for figures in part]) if part else np.empty(0) for name in METRICS} for part in parts]
    point = [{name: float(value[0]) for name, value in table.compute_metrics(np.ones((1, n))).items()} for table in tables]
    return draws, point


def confusion_indicators(y: Floats, s: Floats, threshold: float) -> Floats:
    """(n, 4) indicators of true negative, false positive, false negative, true positive."""
    indicators: Floats = np.eye(4)[(2 * y + (s > threshold)).astype(int)]
    return indicators


def calibration_bins(s: Floats) -> NDArray[np.int64]:
    """The number of the equally wide bin that each score falls in; a score of 1 falls in the last."""
    return np.minimum((s * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def tie_ends(descending: Floats) -> NDArray[np.int64]:
    """Index of the last row of each run of equal scores."""
    return np.flatnonzero(np.r_[descending[1:] != descending[:-1], True])


class _ScoreSums:
    """What is summed for one set of scores."""

    def __init__(self, y: Floats, s: Floats, threshold: float) -> None:
        clipped = np.clip(s, np.finfo(float).eps, 1 - np.finfo(float).eps)
        log_loss = -(y * np.log(clipped) + (1 - y) * np.log1p(-clipped))
        gaps = np.eye(CALIBRATION_BINS)[calibration_bins(s)] * (y - s)[:, None]
        self.columns = np.column_stack([confusion_indicators(y, s, threshold), log_loss, (s - y) ** 2, gaps])
        self.order = np.argsort(-s, kind="stable")
        self.ends = tie_ends(s[self.order])
        self.positive = y[self.order]

    def compute_metrics(self, weights: Floats) -> MetricValues:
        n = weights.shape[1]
        sums = weights @ self.columns
        tn, fp, fn, tp = sums[:, :4].T
        return {
            "average_precision": self._average_precision(weights),
            **confusion_metrics(tn, fp, fn, tp),
            "log_loss": sums[:, 4] / n,
            "brier": sums[:, 5] / n,
            "ece": np.abs(sums[:, 6:]).sum(axis=1) / n,
        }

    def _average_precision(self, weights: Floats) -> Floats:
        """The sum of precision × gain in recall over the different scores, from the highest on."""
        ordered = weights[:, self.order]
        accepted = np.cumsum(ordered, axis=1)[:, self.ends]
        ordered *= self.positive
        found = np.cumsum(ordered, axis=1)[:, self.ends]
        precision = np.divide(found, accepted, out=np.zeros_like(found), where=accepted > 0)
        gains = np.diff(found, axis=1, prepend=0)
        return ratio_or_nan((precision * gains).sum(axis=1), found[:, -1])
