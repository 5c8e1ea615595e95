"""Intervals and p-values of figures that have no formula for one: by draws of what the shares of all rows may be, given those counted.

Each draw is Bayes' answer to "what shares may the population have?": a Dirichlet distribution around the counts, to which every kind of row
adds a small part of a row. So a kind that the sample happens not to contain stays possible, which resampling the rows would rule out: it
makes intervals of 10 rows as wide as they must be (docs/intervals.md shows how often they contain the true value).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.analysis.intervals.confidence import CONFIDENCE
from core.analysis.intervals.proportions import combine_difference

Floats = NDArray[np.float64]
DRAWS = 1000
SEED = 0


def draw_shares(counts: Floats, prior: float, random: np.random.Generator, draws: int) -> Floats:
    """Shares of the kinds of rows in the population, shape (draws, *counts.shape); each draw adds up to 1.

    ``counts``: how many rows there are of each kind. ``prior``: the part of a row that is added to each kind.
    """
    gammas: Floats = random.standard_gamma(counts + prior, size=(draws, *counts.shape))
    shares: Floats = gammas / gammas.sum(axis=tuple(range(1, gammas.ndim)), keepdims=True)
    return shares


def interval_ends(draws: Floats, value: float) -> tuple[float, float]:
    """The ends of the 95 % interval of ``draws``, shape (draws,); NaN is left out, and ``value``, the estimate, is always inside.

    Of 1,000 draws they are the 25th from either end. A truth that is as likely to lie at any place among the draws lies beyond them in 5 %
    of cases, however few draws there are; and their interval contains 0 where ``two_sided_p_value`` isn't below 5 %.

    >>> interval_ends(np.arange(1000.0), 500)
    (24.0, 975.0)
    """
    known = np.sort(draws[~np.isnan(draws)])
    if len(known) == 0:
        return value, value
    place = max(1, int((1 - CONFIDENCE) / 2 * (len(known) + 1)))
    return min(float(known[place - 1]), value), max(float(known[-place]), value)


def two_sided_p_value(draws: Floats, differing_rows: int) -> float:
    """The p-value of "no difference" between two models on the same rows.

    ``draws``: (draws,) of their difference. ``differing_rows``: on how many rows the models differ. If neither model were better, each of
    these rows could as well have come out the other way round, so that no p-value is below 2 / 2 ** rows.
    """
    known = draws[~np.isnan(draws)]
    by_draws = 2 * (1 + min((known <= 0).sum(), (known >= 0).sum())) / (1 + len(known))
    return float(min(1.0, max(by_draws, least_p_value(differing_rows))))


def least_p_value(differing_rows: int) -> float:
    """The smallest two-sided p-value that a comparison on so many differing rows can give.

    >>> least_p_value(1), least_p_value(6)
    (1.0, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - min(differing_rows, 1000)))


def widen_difference(
    drawn: tuple[float, float, float], a: tuple[float, float | None, float | None], b: tuple[float, float | None, float | None]
) -> tuple[float, float, float]:
    """(low, high, p-value) of b − a, at least as wide as Newcombe's of two figures without a row in common. ``drawn``: the same by draws;
    ``a``, ``b``: (value, low, high) of either; without ends of one, nothing is widened. Where 0 is inside then, p isn't below 5 %.

    >>> [round(x, 2) for x in widen_difference((0.1, 0.3, 0.01), (0.5, 0.3, 0.6), (0.7, 0.5, 0.8))]
    [-0.02, 0.42, 0.05]
    """
    (low, high, p), (first, first_low, first_high), (second, second_low, second_high) = drawn, a, b
    if first_low is not None and first_high is not None and second_low is not None and second_high is not None:
        _, below, above = combine_difference((second, second_low, second_high), (first, first_low, first_high))
        low, high = min(low, below), max(high, above)
    return low, high, max(p, 1 - CONFIDENCE) if low <= 0 <= high else p


def include_zero(low: float, high: float, p_value: float) -> tuple[float, float]:
    """The interval of a difference, reaching to 0 where the p-value can't rule it out: the two never contradict each other."""
    return (low, high) if p_value < 1 - CONFIDENCE else (min(low, 0.0), max(high, 0.0))
