"""Disparities of many models on the same rows, each with a bootstrap interval that draws the same rows for all.

Every metric but the flip test is a function of how many rows are of each facet, label, group and prediction, so a resample is a table of
counts, and the metrics are those of ``core.analysis.bias`` on count tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.bias_count_tables import CELL_SHAPE, CountTables, group_codes
from core.analysis.bias.metric_registry import POST_TRAINING, counted_metrics
from core.analysis.bias.outcome_counts import BoolArray, Floats
from core.analysis.performance.bootstrap import MAX_WEIGHTS_IN_MEMORY

DISPARITY_METRICS = tuple(counted_metrics())
"""The metrics measured of each trial: all but the flip test, which looks for neighbours of every row."""


@dataclass(frozen=True)
class CellIndex:
    """The rows by (facet, label, group): ``of_row`` is each row's cell; the other arrays describe the cells, by the numbers that count
    tables give them. ``groups``: how many groups there are, 0 without a group variable."""

    of_row: NDArray[np.int64]
    facet: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    groups: int

    @classmethod
    def from_rows(cls, facet: BoolArray, label: BoolArray, group: pd.Series | None) -> CellIndex:
        """``facet`` and ``label`` (favourable) are bool (n,), ``group`` categories or None; rows without a group are in none."""
        codes, groups = group_codes(group, len(facet))
        cells, of_row = np.unique(facet + 2 * label + 4 * codes, return_inverse=True)
        return cls(of_row, cells % 2, cells // 2 % 2, cells // 4, groups)

    def to_count_tables(self, accepted: Floats, totals: Floats) -> CountTables:
        """The rows accepted in each cell, of all its rows, as tables; both arguments have shape (tables, cells)."""
        tables = np.zeros((len(totals), self.groups + 1, *CELL_SHAPE))
        tables[:, self.group, self.facet, self.label, 1, 1] = accepted
        tables[:, self.group, self.facet, self.label, 0, 1] = totals - accepted
        return CountTables(tables)


@dataclass(frozen=True)
class ResampledMetric:
    """A metric of one model: on the rows themselves, and on each resample (NaN where undefined). ``error`` says why it has no value, and
    ``in_words`` what its value means, "" without one."""

    value: float
    draws: Floats
    error: str | None
    in_words: str


def measure_disparities(cells: CellIndex, accepted: Sequence[BoolArray], *, seed: int, resamples: int) -> list[dict[str, ResampledMetric]]:
    """Every metric of each model, by name; ``accepted`` holds each model's favourable predictions, bool (n,)."""
    counts, totals = _resample_counts(cells, accepted, seed, resamples)
    result = []
    for of_model in counts:
        tables = cells.to_count_tables(of_model, totals)
        values = {name: POST_TRAINING[name].compute(tables) for name in DISPARITY_METRICS}
        data = CountTables(tables.tables[0])
        result.append({name: _with_meaning(name, data, float(value[0]), value[1:]) for name, value in values.items()})
    return result


def _with_meaning(name: str, data: CountTables, value: float, draws: Floats) -> ResampledMetric:
    definition = POST_TRAINING[name]
    reason = definition.undefined_reason(data)
    return ResampledMetric(value, draws, reason, definition.describe(data, value) if reason is None else "")


def _resample_counts(cells: CellIndex, accepted: Sequence[BoolArray], seed: int, resamples: int) -> tuple[Floats, Floats]:
    """Rows accepted, (models, resamples + 1, cells), and all rows, (resamples + 1, cells); the first "resample" is the data itself."""
    n, size = len(cells.of_row), len(cells.facet)
    indicators = np.eye(size)[cells.of_row]
    found = np.zeros((len(accepted), resamples + 1, size))
    totals = np.zeros((resamples + 1, size))
    random = np.random.default_rng(seed)
    start, step = 0, max(1, MAX_WEIGHTS_IN_MEMORY // n)
    while start < resamples + 1:
        count = min(step, resamples + 1 - start)
        rows = random.integers(0, n, (count, n))
        if start == 0:
            rows[0] = np.arange(n)
        rows += np.arange(count)[:, None] * n
        weights = np.bincount(rows.ravel(), minlength=count * n).reshape(count, n).astype(float)
        totals[start : start + count] = weights @ indicators
        for place, yes in enumerate(accepted):
            found[place, start : start + count] = weights @ (indicators * yes[:, None])
        start += count
    return found, totals


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
