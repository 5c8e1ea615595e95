"""Shares of rows with intervals at 95 %, and what is made of two of them: difference, ratio, paired difference.

One share: Wilson's, its ends near 0 and 1 as Brown, Cai and DasGupta modify them (Statistical Science 2001, section 4.1.1). The difference
of two: Newcombe's (Statistics in Medicine 1998, method 10). The ratio: Donner and Zou's (2012), by the same idea. A paired difference:
Tango's score interval (Statistics in Medicine 1998).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

from core.analysis.intervals.confidence import normal_quantile

POISSON_ENDS = (0.05129329438755058, 0.3553615106986621)
"""Means of which 1 (2) or more events are seen in 5 % of cases: −ln 0.95, and the root of e^−x (1 + x) = 0.95."""


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n`` rows, with the interval."""

    hits: float
    n: float
    value: float
    low: float
    high: float


def share_with_interval(hits: float, n: float) -> Share | None:
    """The share of ``hits`` in ``n`` rows with its interval; None without rows.

    With 1 or 2 rows of a kind Wilson's interval ends too near to the estimate: it would miss a share of 0.01 in 14 of 100 samples of 15.

    >>> share = share_with_interval(7, 10)
    >>> share.value, round(share.low, 3), round(share.high, 3)
    (0.7, 0.397, 0.892)
    """
    if n <= 0:
        return None
    z = normal_quantile()
    p = hits / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = middle - half if hits > 0 else 0.0
    high = middle + half if hits < n else 1.0
    if 1 <= hits <= len(POISSON_ENDS):
        low = min(low, POISSON_ENDS[int(hits) - 1] / n)
    if 1 <= n - hits <= len(POISSON_ENDS):
        high = max(high, 1 - POISSON_ENDS[int(n - hits) - 1] / n)
    return Share(hits, n, p, max(0.0, min(low, p)), min(1.0, max(high, p)))


def share_difference(one: Share, other: Share) -> tuple[float, float, float]:
    """(value, low, high) of ``one`` minus ``other``, with Newcombe's interval; the two sets have no row in common.

    >>> women, men = share_with_interval(60, 100), share_with_interval(150, 200)
    >>> [round(end, 3) for end in share_difference(women, men)]
    [-0.15, -0.262, -0.039]
    """
    return combine_difference((one.value, one.low, one.high), (other.value, other.low, other.high))


def combine_difference(
    one: tuple[float, float, float], other: tuple[float, float, float], correlation: float = 0.0
) -> tuple[float, float, float]:
    """(value, low, high) of the difference of two figures, each (value, low, high): Newcombe's idea, for any two figures.
    ``correlation`` of their noise, -1 to 1: 0 where no row decides both."""

    def distance(of_one: float, of_other: float) -> float:
        return sqrt(max(0.0, of_one**2 + of_other**2 - 2 * correlation * of_one * of_other))

    value = one[0] - other[0]
    low = value - distance(one[0] - one[1], other[2] - other[0])
    return value, low, value + distance(one[2] - one[0], other[0] - other[1])


def share_ratio(one: Share, other: Share) -> tuple[float, float, float]:
    """(value, low, high) of ``one`` divided by ``other``; the two sets have no row in common, and one of them has a hit. The value is
    infinite without hits of ``other``, and the upper end where its share may be 0.

    The ends are the ratios r at which the interval of ``one`` − r · ``other`` begins or ends at 0.

    >>> women, men = share_with_interval(60, 100), share_with_interval(150, 200)
    >>> [round(end, 3) for end in share_ratio(women, men)]
    [0.8, 0.661, 0.946]
    """
    value = one.value / other.value if other.value else inf
    low, high = (_ratio_end(one.value, other.value, *ends) for ends in ((one.low, other.high), (one.high, other.low)))
    return value, min(low[0], value), max(high[1], value)


def _ratio_end(p: float, q: float, p_end: float, q_end: float) -> tuple[float, float]:
    """Both roots r, the smaller first, of (p − r q)² = (p − p_end)² + r² (q − q_end)²; infinite where q_end is 0."""
    a, b, c = q_end * (2 * q - q_end), p * q, p_end * (2 * p - p_end)
    root = sqrt(max(0.0, b * b - a * c))
    if b + root == 0:
        return (0.0, inf)
    small = c / (b + root)
    return small, (b + root) / a if a > 0 else inf


def paired_share_difference(gained: int, lost: int, n: int) -> tuple[float, float, float]:
    """(value, low, high) of (gained − lost) / n with Tango's score interval.

    Of ``n`` rows asked twice, ``gained`` have the outcome the second time only and ``lost`` the first time only; n >= 1.

    >>> [round(end, 4) for end in paired_share_difference(12, 2, 50)]
    [0.2, 0.0611, 0.3447]
    """
    value, z = (gained - lost) / n, normal_quantile()

    def score(difference: float) -> float:
        """How many standard errors the estimate lies above ``difference``."""
        b = -gained - lost + (2 * n - gained + lost) * difference
        c = -lost * difference * (1 - difference)
        share_lost = (sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        variance = n * (2 * share_lost + difference * (1 - difference))
        above = gained - lost - n * difference
        return above / sqrt(variance) if variance > 1e-12 else inf * above if above else 0.0

    return value, _root(score, z, -1.0, value), _root(score, -z, value, 1.0)


def _root(score: Callable[[float], float], target: float, low: float, high: float) -> float:
    """Where the falling function ``score`` passes ``target``, between ``low`` and ``high``; the nearer end where it doesn't."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if score(middle) > target else (low, middle)
    return (low + high) / 2
