"""How many people of each group a model declines, at one threshold and over all of them, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.analysis.bias.bias_json import FacetCounts
from core.analysis.bias.decline_rates import DeclineRates
from core.analysis.bias.threshold_sweep import ThresholdSweep, all_metrics
from core.analysis.performance.performance_metrics import ratio_or_nan
from core.views.shared.difference_sentences import WITHIN_NOISE
from core.views.shared.number_text import format_number, format_percent, per_hundred_text, signed_number


def decline_rates_sentence(rates: DeclineRates, people: tuple[str, str], model: str = "the model") -> str:
    """How many of 100 people of each group the model declines: "Of 100 men the model declines 21, of 100 women 17 …"."""
    d, a = rates.facet, rates.rest
    if d.share is None or a.share is None or rates.difference is None:
        return f"There are no rows of {people[0] if d.rows == 0 else people[1]}: nothing can be compared."
    gap = abs(100 * rates.difference)
    more = "more" if rates.difference > 0 else "fewer"
    least, most = 100 * (rates.low or 0), 100 * (rates.high or 0)
    low, high = sorted((abs(least), abs(most)))
    if rates.low is None or rates.high is None:
        ends = "no interval: too few rows"
    elif rates.low <= 0 <= rates.high:
        ends = f"95 % interval {signed_number(least, _decimals(least))} to {signed_number(most, _decimals(most))}: {WITHIN_NOISE}"
    else:
        ends = f"95 % interval {format_number(low, _decimals(low))} to {format_number(high, _decimals(high))}, beyond the noise"
    return (
        f"Of 100 {people[0]} {model} declines **{per_hundred_text(d.share)}**, of 100 {people[1]} **{per_hundred_text(a.share)}**: "
        f"{format_number(gap, 1)} {more} ({ends}), n = {rates.n:,} ({d.rows:,} and {a.rows:,})."
    )


def _decimals(points: float) -> int:
    """How many decimals to show: two where one would round a small figure to 0."""
    return 1 if abs(points) >= 0.05 or points == 0 else 2


def wrongly_declined_sentence(rates: DeclineRates, people: tuple[str, str]) -> str:
    """Of the people with the favourable label, how many are declined in each group."""
    parts = [
        f"{side.wrongly_declined:,} of {side.favourable_rows:,} {name} ({format_percent(side.wrongly_declined / side.favourable_rows)})"
        for side, name in ((rates.facet, people[0]), (rates.rest, people[1]))
        if side.favourable_rows
    ]
    return f"Declined although their label is favourable: {' and '.join(parts)}." if parts else ""


def threshold_change_sentence(
    now: DeclineRates, before: DeclineRates, people: tuple[str, str], threshold: float, old_threshold: float
) -> str:
    """How many more or fewer people of each group another threshold declines."""

    def change(new: int, old: int, name: str) -> str:
        return f"{abs(new - old):,} {'more' if new > old else 'fewer'} {name}" if new != old else f"as many {name}"

    if abs(threshold - old_threshold) < 1e-9:
        return f"This is the report's own threshold, {old_threshold:g}."
    parts = [change(now.facet.declined, before.facet.declined, people[0]), change(now.rest.declined, before.rest.declined, people[1])]
    return f"At {threshold:g} instead of {old_threshold:g}, {' and '.join(parts)} are declined."


def label_rates_sentence(counts: FacetCounts, people: tuple[str, str]) -> str:
    """How many of 100 rows of each group have the favourable label."""
    if not counts or not counts["rows"] or not counts["rest"]:
        return ""
    d, a = counts["favourable_rows"] / counts["rows"], counts["favourable_rest"] / counts["rest"]
    return (
        f"Of 100 {people[0]} **{per_hundred_text(d)}** have the favourable label, of 100 {people[1]} **{per_hundred_text(a)}**, "
        f"n = {counts['rows'] + counts['rest']:,} ({counts['rows']:,} and {counts['rest']:,})."
    )


def widest_gap_sentence(sweeps: Mapping[str, ThresholdSweep], people: tuple[str, str]) -> str:
    """At which threshold the two groups' declined shares differ most."""
    parts = []
    for model, sweep in sweeps.items():
        cells = sweep.count_tables().sum(axis=(1, -1))
        away = ratio_or_nan(cells[:, :, :, 0].sum(axis=-1), cells.sum(axis=(-1, -2)))
        gap = away[:, 1] - away[:, 0]
        if np.isnan(gap).any():  # at every threshold or at none: the rows of a side don't depend on it
            parts.append(f"**{model}** has no rows of one of the two")
            continue
        place = int(np.abs(gap).argmax())
        more = people[0] if gap[place] > 0 else people[1]
        parts.append(f"**{model}** {format_number(100 * abs(float(gap[place])), 1)} points at {sweep.thresholds[place]:g}, more {more}")
    return f"The two groups are furthest apart: {'; '.join(parts)} declined. These points have no interval: choose a threshold to see one."


def metric_range_sentence(sweeps: Mapping[str, ThresholdSweep], name: str) -> str:
    """The lowest and the highest value of a metric over all thresholds."""
    parts = []
    for model, sweep in sweeps.items():
        values = all_metrics(sweep.count_tables(), sweep.favourable)[name]
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            low, high = known[values[known].argmin()], known[values[known].argmax()]
            parts.append(
                f"**{model}** from {format_number(float(values[low]))} (at {sweep.thresholds[low]:g}) "
                f"to {format_number(float(values[high]))} (at {sweep.thresholds[high]:g})"
            )
    return f"{name} ranges {'; '.join(parts)}." if parts else f"{name} is undefined at every threshold."
