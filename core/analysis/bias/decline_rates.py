"""Whom a model declines: how many people of the facet and of the rest, and how the two shares differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.analysis.bias.outcome_counts import Floats
from core.analysis.intervals.confidence import MIN_ROWS
from core.analysis.intervals.proportions import share_difference, share_with_interval


@dataclass(frozen=True)
class SideDeclines:
    """How many people of one side the model declines: of ``rows`` people, ``declined``; of ``favourable_rows`` people with the favourable
    label, ``wrongly_declined``. ``share``: declined / rows, with its 95 % interval; None without
    rows, and no interval with too few of them."""

    rows: int
    declined: int
    wrongly_declined: int
    favourable_rows: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DeclineRates:
    """Whom a model declines: the facet, the rest, and the facet's share less the rest's, with its 95 % interval."""

    facet: SideDeclines
    rest: SideDeclines
    difference: float | None
    low: float | None
    high: float | None

    @property
    def n(self) -> int:
        return self.facet.rows + self.rest.rows


def decline_rates(counts: Floats) -> DeclineRates:
    """Whom the model declines, from one count table of shape (groups + 1, 2, 2, 2, 3), with Wilson's and Newcombe's intervals.

    >>> women, paid, scores = [True, True, False, False], [True, False, True, False], [0.2, 0.7, 0.1, 0.4]
    >>> sweep = sweep_thresholds(women, paid, scores, None, favourable=0)
    >>> rates = decline_rates(sweep.count_tables()[sweep.nearest_index(0.5)])
    >>> rates.facet.declined, rates.rest.declined, rates.difference
    (1, 0, 0.5)
    """
    sides, shares = [], []
    for side in (1, 0):
        cells = counts.sum(axis=(0, -1))[side]
        rows, away = int(cells.sum()), int(cells[:, 0].sum())
        share = share_with_interval(away, rows)
        ends = (share.low, share.high) if share is not None and rows >= MIN_ROWS else (None, None)
        sides.append(SideDeclines(rows, away, int(cells[1, 0]), int(cells[1].sum()), None if share is None else share.value, *ends))
        shares.append(share)
    facet, rest = shares
    if facet is None or rest is None:
        return DeclineRates(sides[0], sides[1], None, None, None)
    value, low, high = share_difference(facet, rest)
    enough = min(facet.n, rest.n) >= MIN_ROWS
    return DeclineRates(sides[0], sides[1], value, low if enough else None, high if enough else None)


def tables_by_group(table: Floats, groups: tuple[str, ...]) -> list[tuple[str, Floats]]:
    """The counts of each group by itself, in the shape of a table; groups without rows are left out."""
    found = []
    for place, name in enumerate(groups):
        alone = np.zeros((2, *table.shape[1:]))
        alone[0] = table[place]
        if alone.sum():
            found.append((name, alone))
    return found
