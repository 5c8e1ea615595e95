"""Figures with their 95 % intervals: DeLong's of AUCs, and percentiles of bootstrap draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.intervals.bootstrap_draws import percentile_ends
from core.analysis.intervals.confidence import normal_quantile
from core.analysis.performance.performance_metrics import Floats


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, from ``n`` rows. None where it is undefined (no row of one label, say); ``why`` says why."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


def check_labels_and_scores(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Labels and scores as floats. Raises ValueError unless they are 0/1 and [0, 1], of equal length and not empty."""
    y, s = np.asarray(labels, dtype=float), np.asarray(scores, dtype=float)
    if y.ndim != 1 or y.shape != s.shape or len(y) == 0:
        raise ValueError(f"labels and scores must be two non-empty lists of equal length, not of shape {y.shape} and {s.shape}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    if not ((s >= 0) & (s <= 1)).all():
        raise ValueError("scores must be probabilities, from 0 to 1")
    return y, s


def delong(y: Floats, scores: list[Floats]) -> tuple[Floats, Floats]:
    """AUCs of several scores of the same rows, and their covariance matrix (DeLong et al. 1988, by midranks).

    With a single row of a label, its variance is unknown: the covariance is NaN.
    """
    from scipy import stats

    positive = y == 1
    m, k = int(positive.sum()), int((~positive).sum())
    of_positive, of_negative, aucs = [], [], []
    for s in scores:
        ranks = stats.rankdata(s)
        v10 = (ranks[positive] - stats.rankdata(s[positive])) / k
        of_positive.append(v10)
        of_negative.append(1 - (ranks[~positive] - stats.rankdata(s[~positive])) / m)
        aucs.append(v10.mean())
    if m < 2 or k < 2:
        return np.array(aucs), np.full((len(scores), len(scores)), np.nan)
    covariance = np.atleast_2d(np.cov(np.array(of_positive))) / m + np.atleast_2d(np.cov(np.array(of_negative))) / k
    return np.array(aucs), covariance


def auc_estimate(auc: float, variance: float, n: int) -> Estimate:
    """An AUC with DeLong's interval, within 0 to 1; without one where the variance is unknown (NaN)."""
    if np.isnan(variance):
        return Estimate(auc, None, None, n)
    half = normal_quantile() * float(np.sqrt(variance))
    return Estimate(auc, max(0.0, auc - half), min(1.0, auc + half), n)


def bootstrap_estimate(value: float, draws: Floats, n: int, undefined: str = "") -> Estimate:
    """A figure with the percentile interval of its bootstrap draws; NaN is undefined, for the reason ``undefined``."""
    return Estimate(None, None, None, n, undefined) if np.isnan(value) else Estimate(float(value), *percentile_ends(draws), n)
