"""Shapley values by their definition: the worth of every coalition of features. Few features and baseline rows only: 2^features calls."""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MAX_ROWS_IN_MEMORY = 500_000
ROWS_PER_CALL = 50_000
"""So many predictions are asked for at a time where there are as many: a call costs as much as some thousand rows."""


def count_evaluations(features: int, background_rows: int) -> int:
    """How many predictions the exact values of one row take."""
    return background_rows << features


def enumerate_shapley_values(predict: Callable[[Floats], Floats], rows: Floats, background: Floats) -> Floats:
    """Exact values, (rows, features), of what ``predict`` gives for a table's rows.

    A coalition's features have the row's values, the others those of a baseline row; its worth is the mean over ``background``.
    """
    n, width = rows.shape
    size = max(1, MAX_ROWS_IN_MEMORY // len(background))
    if n > size:
        return np.concatenate([enumerate_shapley_values(predict, rows[at : at + size], background) for at in range(0, n, size)])
    masks = np.arange(1 << width)
    member = (masks[:, None] >> np.arange(width)) & 1 == 1
    at_once = max(1, ROWS_PER_CALL // (n * len(background)))
    worth = np.concatenate(
        [
            predict(np.where(some[:, None, None], rows[:, None], background).reshape(-1, width)).reshape(len(some), n, -1).mean(axis=2)
            for some in (member[start : start + at_once] for start in range(0, len(member), at_once))
        ]
    )
    weight = np.array([1 / (width * comb(width - 1, others)) for others in range(width)])
    values = np.empty((n, width))
    for feature in range(width):
        without = masks[~member[:, feature]]
        steps = worth[without | (1 << feature)] - worth[without]
        values[:, feature] = weight[member[without].sum(axis=1)] @ steps
    return values
