"""The rows that a bias metric is computed on, counted when a metric asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.flip_test import asked_rows, flip_outcomes
from core.analysis.bias.outcome_counts import BoolArray, ConfusionCounts, Floats


@dataclass(frozen=True)
class MetricSample:
    """One set of rows; arrays of shape (n,). It is an ``OutcomeCounts`` whose numbers have shape ().

    ``facet`` is True for rows of the facet (d) and False for the rest (a); ``label`` and ``prediction`` are True where favourable.
    ``flips``: what ``flip_test.flip_outcomes`` found, if it has run already. ``weight``: how much each row counts; 1 each when None.
    """

    facet: BoolArray
    label: BoolArray
    prediction: BoolArray | None = None
    group: NDArray[np.generic] | None = None
    features: pd.DataFrame | None = None
    weight: Floats | None = None
    flips: Floats | None = None

    @cached_property
    def a(self) -> ConfusionCounts:
        return self._count_cells(~self.facet)

    @cached_property
    def d(self) -> ConfusionCounts:
        return self._count_cells(self.facet)

    @property
    def has_groups(self) -> bool:
        return self.group is not None and len(self.group) > 0

    @cached_property
    def labels_by_group(self) -> Floats:
        return self._count_by_group(self.label)

    @cached_property
    def predictions_by_group(self) -> Floats:
        return self._count_by_group(self._predicted)

    @property
    def net_flips(self) -> Floats:
        return np.asarray(np.nansum(self._flip_outcomes))

    @property
    def asked_rows(self) -> Floats:
        return np.asarray(asked_rows(self.facet, self._flip_outcomes).sum(), dtype=float)

    @cached_property
    def _flip_outcomes(self) -> Floats:
        return flip_outcomes(self.facet, self._predicted, self.features) if self.flips is None else self.flips

    @property
    def _predicted(self) -> BoolArray:
        return self.label if self.prediction is None else self.prediction

    @cached_property
    def _group_codes(self) -> tuple[NDArray[np.int64], int]:
        codes, names = pd.factorize(self.group) if self.group is not None else (np.full(len(self.facet), -1), np.empty(0))
        return codes, len(names)

    def _count_cells(self, rows: BoolArray) -> ConfusionCounts:
        if self.weight is not None:
            cell = 2 * self.label[rows] + self._predicted[rows]
            tn, fp, fn, tp = np.bincount(cell, weights=self.weight[rows], minlength=4).astype(float)
        else:  # counting True is several times as fast as a bincount
            labelled, predicted = rows & self.label, rows & self._predicted
            counted = (np.count_nonzero(part) for part in (rows, labelled, predicted, labelled & predicted))
            n, favourable, accepted, both = (np.float64(count) for count in counted)
            tn, fp, fn, tp = n - favourable - accepted + both, accepted - both, favourable - both, both
        return ConfusionCounts(tp=np.asarray(tp), fp=np.asarray(fp), fn=np.asarray(fn), tn=np.asarray(tn))

    def _count_by_group(self, favourable: BoolArray) -> Floats:
        codes, groups = self._group_codes
        cell, weight = codes * 4 + favourable * np.int8(2) + self.facet, self.weight
        if (codes < 0).any():
            known = codes >= 0
            cell, weight = cell[known], None if weight is None else weight[known]
        return np.bincount(cell, weights=weight, minlength=4 * groups).reshape(-1, 2, 2).astype(float)
