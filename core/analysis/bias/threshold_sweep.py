"""What other thresholds of the score would do: bias and performance metrics at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from core.analysis.bias import bias_count_tables
from core.analysis.bias.bias_intervals import RESAMPLES, Interval, table_intervals
from core.analysis.bias.bias_json import CellRows, ThresholdSweepJson
from core.analysis.bias.flip_test import FLIP_TEST
from core.analysis.bias.outcome_counts import Floats
from core.analysis.intervals.posterior_draws import SEED
from core.analysis.performance.confusion_intervals import confusion_estimates
from core.analysis.performance.performance_metrics import confusion_metrics

DEFAULT_THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 100))
SWEPT_PERFORMANCE = ("accuracy", "balanced accuracy", "precision", "recall", "f1")
"""The performance metrics that are computed at each threshold, as pages name them."""


@dataclass(frozen=True)
class ThresholdSweep:
    """Counts of the rows at each threshold: all that a page needs of the scores, however many rows the data have.

    ``totals``: rows by group (the last entry: rows without one), facet (rest, facet) and label (unfavourable, favourable).
    ``accepted``: at each threshold, those of them that get the favourable prediction. ``favourable``: the label (0 or 1) that is.
    A row is predicted 1 where its score is above the threshold.
    """

    thresholds: tuple[float, ...]
    groups: tuple[str, ...]
    totals: CellRows
    accepted: Sequence[CellRows]
    favourable: int

    def count_tables(self) -> Floats:
        """Count tables as in ``bias_count_tables``, one for each threshold."""
        accepted, totals = np.array(self.accepted, dtype=float), np.array(self.totals, dtype=float)
        shaped = np.zeros((len(self.thresholds), len(self.groups) + 1, *bias_count_tables.CELL_SHAPE))
        shaped[..., 1, 1] = accepted
        shaped[..., 0, 1] = totals - accepted
        return shaped

    def nearest_index(self, threshold: float) -> int:
        """The index of the nearest threshold."""
        return int(np.abs(np.array(self.thresholds) - threshold).argmin())

    def to_json(self) -> ThresholdSweepJson:
        return {
            "thresholds": self.thresholds,
            "groups": self.groups,
            "totals": self.totals,
            "accepted": self.accepted,
            "favourable": self.favourable,
        }

    @classmethod
    def from_json(cls, raw: ThresholdSweepJson) -> ThresholdSweep:
        return cls(tuple(raw["thresholds"]), tuple(raw["groups"]), tuple(raw["totals"]), tuple(raw["accepted"]), int(raw["favourable"]))


def sweep_thresholds(
    facet: ArrayLike,
    favourable_label: ArrayLike,
    scores: ArrayLike,
    group: ArrayLike | None,
    *,
    favourable: int,
    thresholds: tuple[float, ...] = DEFAULT_THRESHOLDS,
    names: tuple[str, ...] = (),
) -> ThresholdSweep:
    """Count the rows at each threshold.

    Parameters
    ----------
    facet, favourable_label : bool (n,)
    scores : (n,) the probability of label 1
    group : (n,) categories, or None; ``names`` gives their order

    >>> women, paid, scores = [True, True, False, False], [True, False, True, False], [0.2, 0.7, 0.1, 0.4]
    >>> sweep = sweep_thresholds(women, paid, scores, None, favourable=0, thresholds=(0.3, 0.5))
    >>> [int(table[..., 1, :].sum()) for table in sweep.count_tables()]
    [2, 3]
    """
    d, y, s = np.asarray(facet, dtype=np.int64), np.asarray(favourable_label, dtype=np.int64), np.asarray(scores, dtype=float)
    codes = np.zeros(len(d), dtype=np.int64)
    if group is not None:
        found = pd.Index(list(names), dtype=object).get_indexer(pd.Index(np.asarray(group, dtype=object))).astype(np.int64)
        codes = np.where(found < 0, len(names), found)
    shape = (len(names) + 1, 2, 2)
    cell = (codes * 2 + d) * 2 + y
    grid = np.array(thresholds)
    accepted = np.zeros((len(grid), int(np.prod(shape))), dtype=int)
    for kind in np.unique(cell):
        ordered = np.sort(s[cell == kind])
        at_most = np.searchsorted(ordered, grid, side="right")
        accepted[:, kind] = at_most if favourable == 0 else len(ordered) - at_most
    totals = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    return ThresholdSweep(tuple(thresholds), names, tuple(totals.tolist()), tuple(accepted.reshape(-1, *shape).tolist()), favourable)


def performance_metrics(counts: Floats, favourable: int) -> dict[str, Floats]:
    """How well label 1 is found, in each table; NaN where undefined. Names are those of ``SWEPT_PERFORMANCE``."""
    cells = _confusion(counts, favourable)
    values = confusion_metrics(cells[..., 0, 0], cells[..., 0, 1], cells[..., 1, 0], cells[..., 1, 1])
    return {name: values[name.replace(" ", "_")] for name in SWEPT_PERFORMANCE}


def bias_metrics(counts: Floats) -> dict[str, Floats]:
    """The post-training metrics that counts decide: all but the flip test, which looks for like rows."""
    return {name: values for name, values in bias_count_tables.post_training_metrics(counts).items() if name != FLIP_TEST}


def all_metrics(counts: Floats, favourable: int) -> dict[str, Floats]:
    """Performance and bias of each table, by name; NaN where undefined."""
    return performance_metrics(counts, favourable) | bias_metrics(counts)


def metrics_with_intervals(
    counts: Floats, favourable: int, *, seed: int = SEED, resamples: int = RESAMPLES
) -> dict[str, tuple[float | None, Interval]]:
    """Every figure of one table with its 95 % interval, by name; None where it is undefined: the interval's ``why`` then says why.

    >>> import numpy as np
    >>> rows = np.arange(600)
    >>> women, paid, scores = rows % 3 == 0, rows % 4 > 0, (rows % 10) / 10
    >>> sweep = sweep_thresholds(women, paid, scores, None, favourable=0)
    >>> value, interval = metrics_with_intervals(sweep.count_tables()[sweep.nearest_index(0.5)], favourable=0)["accuracy"]
    >>> round(value, 2), round(interval.low, 2), round(interval.high, 2)
    (0.55, 0.51, 0.59)
    """
    confusion = _confusion(counts, favourable)
    estimates = confusion_estimates(confusion)
    found: dict[str, tuple[float | None, Interval]] = {}
    for name in SWEPT_PERFORMANCE:
        one = estimates[name.replace(" ", "_")]
        found[name] = one.value, Interval(one.low, one.high, one.n, one.why)
    values, spread = bias_metrics(counts), table_intervals("post", counts, seed=seed, resamples=resamples)
    return found | {name: (None if np.isnan(value) else float(value), spread[name]) for name, value in values.items()}


def _confusion(counts: Floats, favourable: int) -> Floats:
    """Rows by label and prediction, (..., 2, 2), each 0 or 1, of count tables."""
    cells: Floats = counts.sum(axis=(-5, -4, -1))  # (..., favourable label, favourable prediction)
    return cells if favourable == 1 else cells[..., ::-1, ::-1]
