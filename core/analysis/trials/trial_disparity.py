"""Disparities of the trials of a tuning job on the same rows, each with its interval and its difference to one trial's, paired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.analysis.bias import bias_count_tables
from core.analysis.bias.bias_count_tables import CountTables, Integers
from core.analysis.bias.bias_difference import count_differing, draw_paired_metrics, single_intervals
from core.analysis.bias.bias_intervals import Interval, table_intervals
from core.analysis.bias.metric_registry import POST_TRAINING, counted_metrics
from core.analysis.bias.metric_shares import why_too_few
from core.analysis.bias.outcome_counts import BoolArray, Floats
from core.analysis.intervals.confidence import CONFIDENCE
from core.analysis.performance.performance_difference import CONFUSION_METHOD, PerformanceDifference, paired_difference
from core.analysis.performance.performance_estimates import Estimate

DISPARITY_METRICS = tuple(counted_metrics())
"""The metrics measured of each trial: all but the flip test, which looks for neighbours of every row."""


@dataclass(frozen=True)
class Disparity:
    """A bias metric with its interval; None where undefined, ``error`` says why. ``distance`` is how far it is from parity (0 or more),
    ``closer`` the distance's difference to the reference's: below 0 where this trial is nearer to parity."""

    value: float | None
    low: float | None
    high: float | None
    error: str | None
    in_words: str
    distance: Estimate
    closer: PerformanceDifference


@dataclass(frozen=True)
class _Rows:
    """The rows that all trials are measured on; bool (n,), True where favourable. ``codes``: each row's group as a number."""

    facet: BoolArray
    label: BoolArray
    codes: Integers
    groups: int

    def count(self, accepted: BoolArray) -> Floats:
        cells = bias_count_tables.cell_numbers(self.facet, self.label, accepted, self.codes)
        return bias_count_tables.count_table(cells, self.groups)


def measure_disparities(
    facet: BoolArray,
    label: BoolArray,
    group: pd.Series | None,
    accepted: Sequence[BoolArray],
    reference: int,
    *,
    seed: int,
    draws: int,
) -> list[dict[str, Disparity]]:
    """Every metric of each trial, by name.

    ``facet`` and ``label`` (favourable) are bool (n,), ``group`` categories or None; rows without a group are in none. ``accepted``:
    each trial's favourable predictions, bool (n,); ``reference``: which of them the others are compared with.
    """
    codes, groups = bias_count_tables.group_codes(group, len(facet))
    rows = _Rows(facet, label, codes, groups)
    tables = [rows.count(of_trial) for of_trial in accepted]
    intervals = [table_intervals("post", table, seed=seed, resamples=draws) for table in tables]
    trials = [_Trial(*parts) for parts in zip(accepted, map(CountTables, tables), intervals, strict=True)]
    return [_measure_trial(rows, trial, trials[reference], seed, draws) for trial in trials]


@dataclass(frozen=True)
class _Trial:
    accepted: BoolArray
    counts: CountTables
    intervals: dict[str, Interval]


def _measure_trial(rows: _Rows, trial: _Trial, reference: _Trial, seed: int, draws: int) -> dict[str, Disparity]:
    accepted, counts, other, other_counts = trial.accepted, trial.counts, reference.accepted, reference.counts
    drawn = draw_paired_metrics(rows.facet, rows.label, (other, accepted), rows.codes, rows.groups, seed=seed, draws=draws)
    result = {}
    for name in DISPARITY_METRICS:
        definition, interval = POST_TRAINING[name], trial.intervals[name]
        value, before = float(definition.compute(counts)), float(definition.compute(other_counts))
        few = why_too_few(name, counts, paired=True) or why_too_few(name, other_counts, paired=True)
        differing = count_differing(name, rows.label, accepted, other)
        intervals = reference.intervals[name], interval
        rare = bool(single_intervals(name, (counts, other_counts)))
        closer = compare_distances(name, (before, value), (drawn[0][name], drawn[1][name]), intervals, rare, differing, few)
        far = float(distance_from_parity(name, value))
        distance = Estimate(None if np.isnan(far) else far, *distance_ends(name, interval), len(rows.facet), interval.why)
        error = definition.undefined_reason(counts) if np.isnan(value) else None
        words = f"Can't be computed. {error}." if error else definition.describe(counts, value)
        result[name] = Disparity(None if error else value, interval.low, interval.high, error, words, distance, closer)
    return result


def compare_distances(
    name: str,
    values: tuple[float, float],
    draws: tuple[Floats, Floats],
    intervals: tuple[Interval, Interval],
    rare: bool,
    differing: int,
    why: str,
) -> PerformanceDifference:
    """How much nearer to parity the second of two models is than the first. ``values`` of the metric, ``draws`` of it, (draws,), and its
    ``intervals``; ``rare``: whether draws are too narrow for the metric itself (``single_intervals``); ``differing``: on how many rows the
    models differ; ``why``: why there is no interval, "" where there is one.

    Noise only adds to the distance of a model that is at parity, and draws would repeat it: on the side where the true distance of one that
    may be is smaller, and where ``rare`` on both, the interval reaches to all that both distances' intervals allow."""
    before, after = (float(distance_from_parity(name, value)) for value in values)
    with np.errstate(invalid="ignore"):
        moved = distance_from_parity(name, draws[1]) - distance_from_parity(name, draws[0])
    found = paired_difference(before, after, moved, differing, CONFUSION_METHOD, False, why)
    (first_low, first_high), (second_low, second_high) = (distance_ends(name, interval) for interval in intervals)
    low, high, p = found.low, found.high, found.p_value
    if low is None or high is None or p is None:
        return found
    if first_low is None or first_high is None or second_low is None or second_high is None:
        return found
    if rare or second_low == 0:
        low = min(low, second_low - first_high)
    if rare or first_low == 0:
        high = max(high, second_high - first_low)
    return replace(found, low=low, high=high, p_value=max(p, 1 - CONFIDENCE) if low <= 0 <= high else p)


def distance_ends(name: str, interval: Interval) -> tuple[float | None, float | None]:
    """The ends of the distance from parity of a metric with this interval; 0 where the interval contains parity."""
    if interval.low is None or interval.high is None:
        return None, None
    ends = [float(distance_from_parity(name, end)) for end in (interval.low, interval.high)]
    return 0.0 if interval.low <= POST_TRAINING[name].neutral <= interval.high else min(ends), max(ends)


def distance_from_parity(name: str, value: Floats | float) -> Floats:
    """How far a metric is from parity, 0 or more: its magnitude, and for a ratio (DI) 1 minus the smaller rate divided by the larger.

    >>> round(float(distance_from_parity("DI", 0.8)), 2), round(float(distance_from_parity("DI", 1.25)), 2)
    (0.2, 0.2)
    """
    values: Floats = np.asarray(value, dtype=float)
    if not POST_TRAINING[name].is_ratio:
        size: Floats = np.abs(values)
        return size
    with np.errstate(divide="ignore"):
        smaller: Floats = np.minimum(values, np.divide(1, values))
    lacking: Floats = 1 - smaller
    return lacking
