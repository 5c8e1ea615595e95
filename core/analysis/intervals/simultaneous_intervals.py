"""Intervals of many comparisons at once: all of them together contain their true values in 95 % of cases (Bonferroni).

Each end is that of Clopper and Pearson (Biometrika 1934), never too narrow, however far out Bonferroni asks for it and however rare
the outcome is; Wilson's would be. Two shares of sets without a common row are combined by Newcombe's rule to a difference (Statistics in
Medicine 1998, method 10) and by Donner and Zou's to a ratio (Statistical Methods in Medical Research 2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.analysis.intervals.confidence import CONFIDENCE

Floats = NDArray[np.float64]
Ends = tuple[Floats, Floats]
METHOD = "Bonferroni; ends by Clopper and Pearson, combined by Newcombe (differences) and by Donner and Zou (ratios)"


def confidence_of_each(comparisons: int) -> float:
    """The confidence of each of ``comparisons`` intervals (1 or more) with which all contain their true values in 95 % of cases.

    >>> round(confidence_of_each(10), 4)
    0.995
    """
    return 1 - (1 - CONFIDENCE) / max(1, comparisons)


def share_ends(hits: Floats, n: Floats, confidence: float) -> Ends:
    """(low, high) of the shares ``hits`` / ``n``, each from 0 to 1; NaN where n is 0. ``hits`` and ``n`` have one shape.

    >>> import numpy as np
    >>> low, high = share_ends(np.array([8.0]), np.array([10.0]), 0.95)
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.444, 0.975)
    """
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    missed = n - hits
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1), missed + 1, tail), 0.0)
    high = np.where(missed > 0, betaincinv(hits + 1, np.maximum(missed, 1), 1 - tail), 1.0)
    return np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan)


def difference_ends(one: Floats, one_ends: Ends, other: Floats, other_ends: Ends) -> Ends:
    """(low, high) of ``one`` − ``other``, two independent shares with their ends; NaN where either has none."""
    value = one - other
    low = value - np.hypot(one - one_ends[0], other_ends[1] - other)
    high = value + np.hypot(one_ends[1] - one, other - other_ends[0])
    return low, high


def ratio_ends(one: Floats, one_ends: Ends, other: Floats, other_ends: Ends) -> Ends:
    """(low, high) of ``one`` / ``other``, two independent shares with their ends; the high end is infinite where ``other`` may be 0; both
    are NaN where either share has no ends."""
    product = one * other
    with np.errstate(divide="ignore", invalid="ignore"):
        below, above = one_ends[0] * (2 * one - one_ends[0]), other_ends[1] * (2 * other - other_ends[1])
        low = below / (product + np.sqrt(np.maximum(product**2 - below * above, 0)))
        below, above = one_ends[1] * (2 * one - one_ends[1]), other_ends[0] * (2 * other - other_ends[0])
        high = np.where(above > 0, (product + np.sqrt(np.maximum(product**2 - below * above, 0))) / above, np.inf)
    low = np.where(one_ends[0] <= 0, 0.0, low)
    unknown = np.isnan(one) | np.isnan(other)
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
