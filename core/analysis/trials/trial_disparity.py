"""Disparities of many models on the same rows, each with a bootstrap interval that draws the same rows for all.

Every metric but the flip test is a function of how many rows are of each facet, label, group and prediction, so a resample is a table of
counts, and the metrics are those of ``core.analysis.bias`` on weighted cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.metric_registry import POST_TRAINING, BoolArray, Sample, Undefined
from core.analysis.performance.bootstrap import MAX_WEIGHTS_IN_MEMORY, Floats

DISPARITY_METRICS = tuple(sorted(POST_TRAINING.keys() - {"FT"}))
"""The metrics measured of each trial: all but the flip test, which looks for neighbours of every row."""


@dataclass(frozen=True)
class CellIndex:
    """The rows by (facet, label, group): ``of_row`` is each row's cell, the other arrays describe the cells."""

    of_row: NDArray[np.int64]
    facet: BoolArray
    label: BoolArray
    group: NDArray[Any] | None

    @classmethod
    def from_rows(cls, facet: BoolArray, label: BoolArray, group: pd.Series[Any] | None) -> CellIndex:
        """``facet`` and ``label`` (favourable) are bool (n,), ``group`` categories or None."""
        table = pd.DataFrame({"facet": facet, "label": label, "group": 0 if group is None else pd.factorize(group)[0]})
        found, first = np.unique(table.to_numpy(dtype=np.int64) @ np.array([1, 2, 4]), return_index=True)
        rows = table.iloc[first]
        of_row = np.searchsorted(found, table.to_numpy(dtype=np.int64) @ np.array([1, 2, 4]))
        kept = None if group is None else rows["group"].to_numpy()
        return cls(of_row, rows["facet"].to_numpy(dtype=bool), rows["label"].to_numpy(dtype=bool), kept)

    def weighted_sample(self, accepted: Floats, rejected: Floats) -> Sample:
        """What the bias metrics take, from the rows accepted and rejected in each cell; empty cells are left out."""
        weight = np.concatenate([accepted, rejected])
        there = weight > 0
        size = len(self.facet)
        return Sample(
            np.tile(self.facet, 2)[there],
            np.tile(self.label, 2)[there],
            (np.arange(2 * size) < size)[there],
            None if self.group is None else np.tile(self.group, 2)[there],
            None,
            weight[there],
        )


@dataclass(frozen=True)
class ResampledMetric:
    """A metric of one model: on the rows themselves, and on each resample (NaN where undefined). ``error`` says why it has no value."""

    value: float
    draws: Floats
    error: str | None


def measure_disparities(cells: CellIndex, accepted: Sequence[BoolArray], *, seed: int, resamples: int) -> list[dict[str, ResampledMetric]]:
    """Every metric of each model, by name; ``accepted`` holds each model's favourable predictions, bool (n,)."""
    counts, totals = _resample_counts(cells, accepted, seed, resamples)
    result = []
    for of_model in counts:
        drawn = np.empty((len(DISPARITY_METRICS), resamples + 1))
        errors: dict[str, str] = {}
        for number in range(resamples + 1):
            sample = cells.weighted_sample(of_model[number], totals[number] - of_model[number])
            for place, name in enumerate(DISPARITY_METRICS):
                try:
                    drawn[place, number] = POST_TRAINING[name].function(sample)
                except Undefined as reason:
                    drawn[place, number] = np.nan
                    if number == 0:
                        errors[name] = str(reason)
        result.append(
            {
                name: ResampledMetric(float(drawn[place, 0]), drawn[place, 1:], errors.get(name))
                for place, name in enumerate(DISPARITY_METRICS)
            }
        )
    return result


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
    """How far a metric is from parity, 0 or more: its magnitude, and for a ratio (DI) what its smaller rate lacks to the larger."""
    values: Floats = np.asarray(value, dtype=float)
    if POST_TRAINING[name].neutral == 0:
        size: Floats = np.abs(values)
        return size
    with np.errstate(divide="ignore"):
        smaller: Floats = np.minimum(values, np.divide(1, values))
    lacking: Floats = 1 - smaller
    return lacking
