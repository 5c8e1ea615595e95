"""Which threshold to choose, from the counts at each: the one at which errors cost least, or that declines a given share of people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.analysis.bias.outcome_counts import Floats
from core.analysis.bias.threshold_sweep import ThresholdSweep


@dataclass(frozen=True)
class ThresholdChoice:
    """``threshold``: the score above which label 1 is predicted; ``rationale``: why this one, with the numbers that it rests on."""

    threshold: float
    rationale: str


def choose_by_cost(sweep: ThresholdSweep, *, wrongly_declined: float, wrongly_accepted: float) -> ThresholdChoice:
    """The threshold at which errors cost least in all; of several, the one nearest to 0.5.

    ``wrongly_declined``: what it costs to decline a person with the favourable label; ``wrongly_accepted``: to accept one with the
    other label. Both at least 0, in one unit. Raises ValueError.

    >>> from core.analysis.bias.threshold_sweep import sweep_thresholds
    >>> sweep = sweep_thresholds([True, False] * 2, [True, True, False, False], [0.2, 0.4, 0.6, 0.8], None, favourable=0)
    >>> choose_by_cost(sweep, wrongly_declined=1, wrongly_accepted=5).threshold
    0.5
    """
    if wrongly_declined < 0 or wrongly_accepted < 0 or wrongly_declined + wrongly_accepted == 0:
        raise ValueError("costs must be at least 0, and one of them above 0")
    declined, accepted = _rows_by_label(sweep)
    costs = wrongly_declined * declined[:, 1] + wrongly_accepted * accepted[:, 0]
    place = _nearest_to_half(sweep, np.flatnonzero(costs == costs.min()))
    errors = f"{declined[place, 1]:,.0f} wrongly declined at {wrongly_declined:g} each"
    others = f"{accepted[place, 0]:,.0f} wrongly accepted at {wrongly_accepted:g}"
    return ThresholdChoice(sweep.thresholds[place], f"errors cost least: {errors}, {others}")


def choose_by_rate(sweep: ThresholdSweep, *, declined_share: float) -> ThresholdChoice:
    """The threshold at which the share of people declined, in [0, 1], is nearest to ``declined_share``. Raises ValueError.

    >>> from core.analysis.bias.threshold_sweep import sweep_thresholds
    >>> sweep = sweep_thresholds([True, False] * 2, [True, True, False, False], [0.2, 0.4, 0.6, 0.8], None, favourable=0)
    >>> choose_by_rate(sweep, declined_share=0.25).rationale
    'declines 25.0 % of 4 people, for a target of 25.0 %'
    """
    if not 0 <= declined_share <= 1:
        raise ValueError("the share to decline must be from 0 to 1")
    declined, accepted = _rows_by_label(sweep)
    people = float((declined + accepted)[0].sum())
    shares = declined.sum(axis=1) / people
    gaps = np.abs(shares - declined_share)
    place = _nearest_to_half(sweep, np.flatnonzero(gaps == gaps.min()))
    said = f"declines {100 * shares[place]:.1f} % of {people:,.0f} people, for a target of {100 * declined_share:.1f} %"
    return ThresholdChoice(sweep.thresholds[place], said)


def _rows_by_label(sweep: ThresholdSweep) -> tuple[Floats, Floats]:
    """(declined, accepted) rows at each threshold, each (thresholds, 2) by label: unfavourable, favourable."""
    totals = np.array(sweep.totals, dtype=float).sum(axis=(0, 1))
    accepted = np.array(sweep.accepted, dtype=float).sum(axis=(1, 2))
    return totals - accepted, accepted


def _nearest_to_half(sweep: ThresholdSweep, places: np.ndarray) -> int:
    return int(places[np.abs(np.array(sweep.thresholds)[places] - 0.5).argmin()])
