"""Intervals at 95 %: DeLong's covariance of AUCs, percentiles of bootstrap draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.performance.bootstrap import Floats

CONFIDENCE = 0.95


def normal_quantile() -> float:
    """How many standard errors the interval reaches to either side."""
    from scipy import stats

    return float(stats.norm.ppf((1 + CONFIDENCE) / 2))


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


def bootstrap_interval(draws: Floats) -> tuple[float | None, float | None]:
    """The 95 % interval of bootstrap draws, leaving out those where the figure was undefined."""
    known = draws[~np.isnan(draws)]
    if len(known) == 0:
        return None, None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
