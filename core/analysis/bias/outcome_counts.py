"""What a bias metric is computed from: how many rows of the facet and of the rest have which label and which prediction.

The same metric function serves one set of rows and thousands of resamples: each number below is an array, of shape () for one set of rows
(``metric_sample``) and of shape (tables,) for many (``bias_count_tables``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

BoolArray = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Undefined(ValueError):
    """A metric has no value on this data; the message says why."""


@dataclass(frozen=True)
class ConfusionCounts:
    """The confusion matrix of one side of the facet, "positive" being the favourable outcome: rows, or the sum of their weights."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    @cached_property
    def n(self) -> Floats:
        return self.tp + self.fp + self.fn + self.tn

    @cached_property
    def favourable_labels(self) -> Floats:
        """Rows whose label is favourable."""
        return self.tp + self.fn

    @cached_property
    def unfavourable_labels(self) -> Floats:
        return self.fp + self.tn

    @cached_property
    def favourable_predictions(self) -> Floats:
        """Rows whose prediction is favourable: the accepted."""
        return self.tp + self.fp

    @cached_property
    def unfavourable_predictions(self) -> Floats:
        """Rows whose prediction is unfavourable: the rejected."""
        return self.fn + self.tn


class OutcomeCounts(Protocol):
    """The counts that every metric takes. As in AWS's formulas, a is the rest and d is the facet (the group that may be disadvantaged)."""

    @property
    def a(self) -> ConfusionCounts: ...
    @property
    def d(self) -> ConfusionCounts: ...
    @property
    def has_groups(self) -> bool:
        """Whether a group variable was given, for the conditional metrics."""
        ...

    @property
    def labels_by_group(self) -> Floats:
        """Rows by group, label (unfavourable, favourable) and side (rest, facet), shape (..., groups, 2, 2). Rows without a group are left
        out."""
        ...

    @property
    def predictions_by_group(self) -> Floats:
        """The same by prediction in place of the label."""
        ...

    @property
    def net_flips(self) -> Floats:
        """Of the facet's rows that the flip test asked: those treated better than their neighbours in the rest, minus those treated worse.
        Raises Undefined where neither flips nor features are known."""
        ...

    @property
    def asked_rows(self) -> Floats:
        """How many rows of the facet the flip test asked. Raises Undefined as ``net_flips`` does."""
        ...


@dataclass(frozen=True)
class Requirement:
    """What counts must fulfil for a metric to be defined, and the reason given where they don't."""

    is_met: Callable[[OutcomeCounts], BoolArray | bool]
    reason: str


BOTH_SIDES = (
    Requirement(lambda counts: counts.a.n > 0, "Negated facet set is empty: every row has the facet's value"),
    Requirement(lambda counts: counts.d.n > 0, "Facet set is empty: no row has the facet's value"),
)
GROUPS_GIVEN = Requirement(lambda counts: counts.has_groups, "Group variable is empty or not provided")
COMPARES_NOTHING = "It compares nothing."
"""How the words end of a difference of two infinite ratios, which is 0 as in smclarify."""
GROUP_WITH_BOTH_OUTCOMES = "No group of the group variable has both outcomes: in each, one share is 0 / 0"
NO_FAVOURABLE_REASON = "No positive labels in set: no row has the favourable outcome"
NO_UNFAVOURABLE_REASON = "No negative labels in set: every row has the favourable outcome"


def both_sides_have(count: Callable[[ConfusionCounts], Floats], what: str) -> tuple[Requirement, ...]:
    """A rate needs rows on each side to be a rate of; without them it is 0 / 0. ``count``: those rows; ``what`` follows "Nobody"."""
    return (
        Requirement(lambda counts: (count(counts.a) > 0) | (count(counts.d) > 0), f"Nobody {what}: the rates of both sides are 0 / 0"),
        Requirement(lambda counts: count(counts.d) > 0, f"Nobody in the facet {what}: its rate is 0 / 0"),
        Requirement(lambda counts: count(counts.a) > 0, f"Nobody in the rest {what}: its rate is 0 / 0"),
    )


def has_group_with_both_outcomes(by_group: Floats) -> BoolArray:
    """Whether some group has rows of both outcomes; ``by_group`` has shape (..., groups, 2, 2), the result (...)."""
    return np.asarray((by_group.sum(axis=-1) > 0).all(axis=-1).any(axis=-1))


def mention_groups_with_one_outcome(by_group: Floats, words: str) -> str:
    """The words about a conditional metric of one set of rows, saying so where some groups have one outcome only."""
    by_outcome = by_group.sum(axis=-1)
    rows, single = by_outcome.sum(axis=-1), (by_outcome == 0).any(axis=-1)
    single = single & (rows > 0)
    if not single.any():
        return words
    which = f"{int(single.sum()):,} of {int((rows > 0).sum()):,} groups, with {rows[single].sum():,.0f} of {rows.sum():,.0f} rows,"
    return f"{words} {which} have one outcome only; the share of the other, 0 / 0, counts as 0, as in Clarify."


def divide(x: ArrayLike, y: ArrayLike) -> Floats:
    """x / y as smclarify has it: 0 / 0 is 0, and anything else over 0 is infinite. A metric whose own ratio may be 0 / 0 requires that it
    isn't: its value would claim equality where nothing was measured."""
    over, under = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where((over == 0) & (under == 0), 0.0, over / under)
    return ratio


def rate_difference(x: Floats, y: Floats) -> Floats:
    """x − y, where two infinite rates are equal, as in smclarify."""
    with np.errstate(invalid="ignore"):
        difference: Floats = np.where(x == y, 0.0, x - y)
    return difference


def conditional_disparity(by_group: Floats) -> Floats:
    """Demographic disparity within each group, weighted by the group's size: the share of the facet among the rows with the unfavourable
    outcome minus its share among those with the favourable one (a share of no rows is 0).

    ``by_group``: counts by group, outcome and side, shape (..., groups, 2, 2); the result has shape (...).
    """
    by_outcome = by_group.sum(axis=-1)
    facet_shares = divide(by_group[..., 1], by_outcome)
    sizes = by_outcome.sum(axis=-1)
    return divide((sizes * (facet_shares[..., 0] - facet_shares[..., 1])).sum(axis=-1), sizes.sum(axis=-1))
