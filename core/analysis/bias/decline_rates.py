"""Whom a model declines: how many people of the facet and of the rest, and how the two shares differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.analysis.bias.bias_count_tables import resample_table
from core.analysis.bias.bias_intervals import RESAMPLES, SEED, percentile_interval
from core.analysis.bias.outcome_counts import Floats
from core.analysis.performance.performance_metrics import ratio_or_nan


@dataclass(frozen=True)
class SideDeclines:
    """How many people of one side the model declines: of ``rows`` people, ``declined``; of ``favourable_rows`` people with the favourable
    label, ``wrongly_declined``. ``share``: declined / rows, with its 95 % interval; None without rows."""

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


def decline_rates(counts: Floats, *, seed: int = SEED, resamples: int = RESAMPLES) -> DeclineRates:
    """Whom the model declines, from one count table of shape (groups + 1, 2, 2, 2, 3), with intervals.

    >>> women, paid, scores = [True, True, False, False], [True, False, True, False], [0.2, 0.7, 0.1, 0.4]
    >>> sweep = sweep_thresholds(women, paid, scores, None, favourable=0)
    >>> rates = decline_rates(sweep.count_tables()[sweep.nearest_index(0.5)])
    >>> rates.facet.declined, rates.rest.declined, rates.difference
    (1, 0, 0.5)
    """
    drawn = resample_table(counts, seed, resamples) if counts.sum() else np.zeros((0, *counts.shape))
    sides, shares, draws = [], [], []
    for side in (1, 0):
        cells = counts.sum(axis=(0, -1))[side]
        rows, away = int(cells.sum()), int(cells[:, 0].sum())
        part = drawn.sum(axis=(1, -1))[:, side]
        draw = ratio_or_nan(part[:, :, 0].sum(axis=-1), part.sum(axis=(-1, -2)))
        ends = percentile_interval(draw, rows)
        share = away / rows if rows else None
        sides.append(SideDeclines(rows, away, int(cells[1, 0]), int(cells[1].sum()), share, ends.low, ends.high))
        shares.append(share)
        draws.append(draw)
    ends = percentile_interval(draws[0] - draws[1], int(counts.sum()))
    value = None if shares[0] is None or shares[1] is None else shares[0] - shares[1]
    return DeclineRates(sides[0], sides[1], value, ends.low, ends.high)


def tables_by_group(table: Floats, groups: tuple[str, ...]) -> list[tuple[str, Floats]]:
    """The counts of each group by itself, in the shape of a table; groups without rows are left out."""
    found = []
    for place, name in enumerate(groups):
        alone = np.zeros((2, *table.shape[1:]))
        alone[0] = table[place]
        if alone.sum():
            found.append((name, alone))
    return found
