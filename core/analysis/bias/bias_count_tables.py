"""Bias metrics of many samples at once: all that they need of the rows is how many there are of each kind.

A table counts the rows of a sample by group, facet, favourable label, favourable prediction and flip: shape (..., groups + 1, 2, 2, 2, 3).
Its last group contains the rows without one, which the conditional metrics leave out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.analysis.bias.metric_registry import POST_TRAINING, PRE_TRAINING, MetricDefinition
from core.analysis.bias.outcome_counts import ConfusionCounts, Floats

Integers = NDArray[np.int64]
CELL_SHAPE = (2, 2, 2, 3)
"""Facet, favourable label, favourable prediction, flip (-1, 0, 1)."""


@dataclass(frozen=True)
class CountTables:
    """Count tables of shape (..., groups + 1, 2, 2, 2, 3). They are ``OutcomeCounts`` whose numbers have shape (...)."""

    tables: Floats

    @cached_property
    def a(self) -> ConfusionCounts:
        return self._confusion(0)

    @cached_property
    def d(self) -> ConfusionCounts:
        return self._confusion(1)

    @property
    def has_groups(self) -> bool:
        return bool(self.tables.shape[-5] > 1)

    @cached_property
    def labels_by_group(self) -> Floats:
        counts: Floats = self.tables[..., :-1, :, :, :, :].sum(axis=(-1, -2)).swapaxes(-1, -2)
        return counts

    @cached_property
    def predictions_by_group(self) -> Floats:
        counts: Floats = self.tables[..., :-1, :, :, :, :].sum(axis=(-1, -3)).swapaxes(-1, -2)
        return counts

    @cached_property
    def net_flips(self) -> Floats:
        flips = self.tables[..., 1, :, :, :].sum(axis=(-4, -3, -2))
        net: Floats = flips[..., 2] - flips[..., 0]
        return net

    @property
    def asked_rows(self) -> Floats:
        """All of the facet's rows: where the flip test asked fewer, its callers count those alone."""
        return self.d.n

    @cached_property
    def _by_side(self) -> Floats:
        """Rows by facet, label and prediction, shape (..., 2, 2, 2)."""
        cells: Floats = self.tables.sum(axis=(-5, -1))
        return cells

    def _confusion(self, side: int) -> ConfusionCounts:
        part = self._by_side[..., side, :, :]
        return ConfusionCounts(tp=part[..., 1, 1], fp=part[..., 0, 1], fn=part[..., 1, 0], tn=part[..., 0, 0])


def group_codes(group: ArrayLike | None, n: int) -> tuple[Integers, int]:
    """Each row's group as a number, and how many groups there are; rows without a group have the number after the last."""
    if group is None:
        return np.zeros(n, dtype=np.int64), 0
    codes, names = pd.factorize(np.asarray(group))
    return np.where(codes < 0, len(names), codes).astype(np.int64), len(names)


def cell_numbers(facet: ArrayLike, label: ArrayLike, prediction: ArrayLike, codes: Integers, flips: ArrayLike | None = None) -> Integers:
    """The number of each row's cell in a table."""
    flip = np.zeros(len(codes), dtype=np.int64) if flips is None else np.nan_to_num(np.asarray(flips, dtype=float)).astype(np.int64)
    parts = [np.asarray(part, dtype=np.int64) for part in (facet, label, prediction)]
    numbers: Integers = (((codes * 2 + parts[0]) * 2 + parts[1]) * 2 + parts[2]) * 3 + flip + 1
    return numbers


def cell_count(groups: int) -> int:
    """How many cells a table has."""
    return (groups + 1) * int(np.prod(CELL_SHAPE))


def count_table(cells: Integers, groups: int) -> Floats:
    """The table of one sample."""
    return np.bincount(cells, minlength=cell_count(groups)).astype(float).reshape(groups + 1, *CELL_SHAPE)


def post_training_metrics(tables: Floats) -> dict[str, Floats]:
    """The post-training metrics of each table, by name in alphabetical order; NaN where undefined."""
    return _compute_all(POST_TRAINING, tables)


def pre_training_metrics(tables: Floats) -> dict[str, Floats]:
    """The pre-training metrics of each table, by name in alphabetical order; NaN where undefined."""
    return _compute_all(PRE_TRAINING, tables)


def _compute_all(definitions: Mapping[str, MetricDefinition], tables: Floats) -> dict[str, Floats]:
    counts = CountTables(tables)
    return {name: definitions[name].compute(counts) for name in sorted(definitions)}
