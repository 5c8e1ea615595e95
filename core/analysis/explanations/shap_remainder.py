"""From Shapley values of the log-odds to those of the probability.

For a sum of trees Shapley values are exact in log-odds. Carried over to the probability by a common factor per row (as shap's
``model_output="probability"`` does) they still add up, but they are not the Shapley values of the probability: on the credit-default
data they are off by a tenth of the mean value. So the remainder is estimated on random walks: from a baseline row to the row, one
feature at a time in random order, each order also backwards. Along a walk the remainder sums to zero, so additivity stays exact, and since
log-odds and probability move together it varies little.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from core.analysis.explanations.margin_shap import probability_slope
from core.analysis.explanations.walk_margins import Margin

Floats = NDArray[np.float64]

MAX_NUMBERS_IN_MEMORY = 8_000_000
"""How many numbers of walks are in memory at a time."""


def estimate_remainder(margin: Margin, rows: Floats, background: Floats, walks: int, seed: int) -> tuple[Floats, Floats]:
    """What is to be added to the carried-over values, (rows, features), and its standard error.

    ``margin`` gives the log-odds of a table's rows. ``walks`` is rounded up to an even number; at least four give an error.
    """
    n, width = rows.shape
    total, squares = np.zeros((n, width)), np.zeros((n, width))
    pairs = (walks + 1) // 2
    size = max(1, MAX_NUMBERS_IN_MEMORY // ((width + 1) * width))
    for start in range(0, n, size):
        part = slice(start, start + size)
        random = np.random.default_rng([seed, start])
        count = len(rows[part])
        orders, chosen = np.empty((pairs, count, width), dtype=np.int16), np.empty((pairs, count), dtype=np.int64)
        for pair in range(pairs):
            orders[pair] = np.argsort(random.random((count, width)), axis=1)
            chosen[pair] = random.integers(0, len(background), count)
        places = np.empty_like(orders)
        np.put_along_axis(places, orders, np.arange(width, dtype=np.int16), axis=2)
        for order, (forth, back) in zip(orders, margin.along_walks(rows[part], background, chosen, places), strict=True):
            both = (_walk_contributions(forth, order) + _walk_contributions(back, order[:, ::-1])) / 2
            total[part] += both
            squares[part] += both**2
    mean = total / pairs
    if pairs < 2:
        return mean, np.full_like(mean, np.nan)
    variance = np.maximum(squares / pairs - mean**2, 0) * pairs / (pairs - 1)
    return mean, np.sqrt(variance / pairs)


def _walk_contributions(margins: NDArray[np.floating[Any]], order: NDArray[np.int16]) -> Floats:
    """The step of each feature in probability, minus its step in log-odds times the walk's overall slope. ``margins``: (n, features + 1),
    along the walk."""
    z = margins.astype(float)
    slope = probability_slope(z[:, -1], z[:, 0])
    steps = np.diff(expit(z), axis=1) - slope[:, None] * np.diff(z, axis=1)
    by_feature = np.empty(order.shape)
    np.put_along_axis(by_feature, order, steps, axis=1)
    return by_feature
