"""Figures with their 95 % intervals, what labels and scores must be, and DeLong's variance of AUCs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from core.analysis.performance.performance_metrics import Floats


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, from ``n`` rows. None where it is undefined (no row of one label, say); ``why`` says why the
    figure or its interval is missing."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


def make_estimate(value: float, ends: tuple[float, float] | None, n: int, too_few: str, undefined: str) -> Estimate:
    """A figure with its interval, which contains it; without one where ``too_few`` says why. The value may be ``undefined`` (NaN)."""
    if np.isnan(value):
        return Estimate(None, None, None, n, undefined)
    return (
        Estimate(value, None, None, n, too_few) if too_few or ends is None else Estimate(value, min(ends[0], value), max(ends[1], value), n)
    )


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
