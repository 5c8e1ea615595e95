"""Which features counted most against the rows that a model declines, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_REASONS = 4
"""So many reasons of a row are counted."""


@dataclass(frozen=True)
class ReasonCount:
    """A feature, the number of rows in which it counted ``first``, and of those in which it is ``named`` among the first four."""

    feature: str
    first: int
    named: int


def count_decline_reasons(
    values: NDArray[np.float64], features: Sequence[str], *, increasing: bool, limit: int = MAX_REASONS
) -> list[ReasonCount]:
    """How often each feature is among what moved declined rows' predictions most towards the decline, the most frequent first.

    ``values``: the SHAP values of the declined rows, rows × features; ``increasing``: whether a higher prediction is the worse one. A row's
    reasons are those of ``top_contributions``: only features that moved it in that direction count.

    >>> values = np.array([[0.3, -0.1, 0.2], [0.1, 0.4, -0.2]])
    >>> [(one.feature, one.first, one.named) for one in count_decline_reasons(values, ["debt", "age", "income"], increasing=True)]
    [('debt', 1, 2), ('age', 1, 1), ('income', 0, 1)]
    """
    order = sorted(range(len(features)), key=lambda place: features[place], reverse=True)  # ties fall as in top_contributions
    moved = (1.0 if increasing else -1.0) * np.asarray(values, dtype=float)[:, order]
    first, named = np.zeros(len(order), dtype=int), np.zeros(len(order), dtype=int)
    if len(moved) and order:
        strongest = np.argsort(-moved, axis=1, kind="stable")[:, :limit]
        counts = np.take_along_axis(moved, strongest, axis=1) > 0
        named = np.bincount(strongest[counts], minlength=len(order))
        first = np.bincount(strongest[counts[:, 0], 0], minlength=len(order))
    found = [ReasonCount(features[place], int(first[at]), int(named[at])) for at, place in enumerate(order) if named[at]]
    return sorted(found, key=lambda one: (-one.named, -one.first, one.feature))
