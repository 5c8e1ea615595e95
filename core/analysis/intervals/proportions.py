"""Shares of rows, with intervals at 95 %: Wilson's for one share, Newcombe's for the difference of two (Newcombe 1998, method 10)."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from core.analysis.intervals.confidence import normal_quantile


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n`` rows, with the interval."""

    hits: float
    n: float
    value: float
    low: float
    high: float


def share_with_interval(hits: float, n: float) -> Share | None:
    """The share of ``hits`` in ``n`` rows with Wilson's interval; None without rows.

    >>> share = share_with_interval(8, 10)
    >>> share.value, round(share.low, 3), round(share.high, 3)
    (0.8, 0.49, 0.943)
    """
    if n <= 0:
        return None
    z = normal_quantile()
    p = hits / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Share(hits, n, p, max(0.0, middle - half), min(1.0, middle + half))


def share_difference(one: Share, other: Share) -> tuple[float, float, float]:
    """(value, low, high) of ``one`` minus ``other``, with Newcombe's interval; the two sets have no row in common.

    >>> women, men = share_with_interval(60, 100), share_with_interval(150, 200)
    >>> [round(end, 3) for end in share_difference(women, men)]
    [-0.15, -0.262, -0.039]
    """
    value = one.value - other.value
    low = value - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = value + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return value, low, high
