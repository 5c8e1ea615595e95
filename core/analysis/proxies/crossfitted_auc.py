"""How well cells of rows tell rows of a group from the others: the AUC of the group's share in each cell, learnt on other rows.

Rows are in folds; each row is scored by the group's share among the rows of the other folds in its cell. Only rows of one fold are
compared, so that what the folds differ in by chance doesn't count. The variance is DeLong's (Biometrics 1988), within folds, as LeDell,
Petersen and van der Laan have it for cross-validated AUCs (Electronic Journal of Statistics 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from core.analysis.intervals.confidence import normal_quantile
from core.analysis.proxies.feature_cells import Codes, FeatureCells

Floats = NDArray[np.float64]
FOLDS = 5
TINY = 1e-9
"""So near to 0 and 1 an AUC is taken for them where an end of its interval is looked for."""


@dataclass(frozen=True)
class CrossfittedAuc:
    """``value``, in [0, 1], about 0.5 where cells tell nothing; ``in_sample``: the AUC where rows are scored by their own cell's share.

    If the shares were known, the AUC would be between the two, but for chance: shares learnt on few rows score others worse than they
    could, and their own rows better. ``influence``: what each row adds to the error of ``value``, (n,): the variance is the sum of
    squares, and that of a difference of two AUCs the sum of squares of the differences."""

    value: float
    in_sample: float
    influence: Floats

    @property
    def error(self) -> float:
        """The standard error."""
        return float(np.sqrt(np.einsum("i,i", self.influence, self.influence)))  # a product of matrices would start threads


def assign_folds(groups: Codes, seed: int) -> Codes:
    """The fold of each row, (n,) from 0 to 4, by chance, as many rows of each group in each fold as can be."""
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    order = shuffled[np.argsort(groups[shuffled], kind="stable")]
    folds = np.empty(len(groups), dtype=np.int64)
    folds[order] = np.arange(len(groups)) % FOLDS
    return folds


def crossfitted_auc(cells: FeatureCells, group: NDArray[np.bool_], folds: Codes) -> CrossfittedAuc:
    """The AUC with which the cells tell the rows of ``group``, bool (n,), from the others. Each fold needs two rows of either.

    >>> import numpy as np
    >>> rows = np.arange(200)
    >>> found = crossfitted_auc(FeatureCells(rows % 4, 4), rows % 4 > 1, assign_folds(rows % 4, 0))
    >>> found.value, found.error
    (1.0, 0.0)
    """
    place = (folds * 2 + group) * cells.count + cells.codes
    tables = np.bincount(place, minlength=FOLDS * 2 * cells.count).reshape(FOLDS, 2, cells.count).astype(float)
    others = tables.sum(axis=0) - tables
    share = others[:, 1].sum(axis=1, keepdims=True) / others.sum(axis=(1, 2))[:, None]
    scores = (others[:, 1] + share) / (others.sum(axis=1) + 1)
    sides = tables.sum(axis=2)
    weights = sides[:, 0] * sides[:, 1] / (sides[:, 0] * sides[:, 1]).sum()
    influence = np.empty_like(tables)
    value = 0.0
    for fold, (table, score) in enumerate(zip(tables, scores, strict=True)):
        wins, auc = _rank_cells(table, score)
        value += float(weights[fold]) * auc
        for side, n in enumerate(sides[fold]):
            influence[fold, side] = weights[fold] * (wins[side] - auc) / np.sqrt(n * (n - 1))
    whole = tables.sum(axis=0)
    return CrossfittedAuc(value, _rank_cells(whole, whole[1] / np.maximum(whole.sum(axis=0), 1))[1], influence.ravel()[place])


def _rank_cells(table: Floats, scores: Floats) -> tuple[tuple[Floats, Floats], float]:
    """``table``: rows of either side by cell, (2, cells). For a row of either side in each cell: the share of the other side's rows from
    which ``scores`` (cells,) tells it (a tie is half); and the AUC."""
    order = np.unique(scores, return_inverse=True)[1]
    zeros, ones = (np.bincount(order, weights=side) for side in table)
    below, above = np.cumsum(zeros) - zeros / 2, ones.sum() - np.cumsum(ones) + ones / 2
    wins = above[order] / ones.sum(), below[order] / zeros.sum()
    return wins, float(table[1] @ wins[1] / ones.sum())


def mean_auc(parts: list[CrossfittedAuc], groups: list[NDArray[np.bool_]]) -> CrossfittedAuc:
    """The mean of the AUCs of several groups, each bool (n,), by their shares of the rows."""
    shares = np.array([group.mean() for group in groups])
    value, in_sample = (float(np.average([getattr(part, what) for part in parts], weights=shares)) for what in ("value", "in_sample"))
    influence = [
        share * part.influence + (group - share) * (part.value - value) / len(group)
        for share, part, group in zip(shares, parts, groups, strict=True)
    ]
    return CrossfittedAuc(value, in_sample, np.sum(influence, axis=0) / shares.sum())


def auc_ends(found: CrossfittedAuc, rows: int, others: int) -> tuple[float, float]:
    """The ends of the 95 % interval of the AUC that known shares would have, with so many ``rows`` of the group and ``others``: from the
    cross-fitted AUC downwards and from that in the sample upwards, each by the standard error, or by Newcombe's score interval for AUCs
    (Statistics in Medicine 2006, method 5) where that reaches further: rows that are told apart without a fault have no standard error.

    >>> [round(end, 3) for end in auc_ends(CrossfittedAuc(1.0, 1.0, np.zeros(60)), 30, 30)]
    [0.933, 1.0]
    """
    z, half = normal_quantile(), (rows + others) / 2 - 1

    def score_end(value: float, towards: float) -> float:
        def beyond(truth: float) -> float:
            spread = 1 + half * ((1 - truth) / (2 - truth) + truth / (1 + truth))
            return (value - truth) ** 2 - z * z * truth * (1 - truth) * spread / (rows * others)

        return towards if value == towards else float(brentq(beyond, min(max(value, TINY), 1 - TINY), towards))

    highest = max(found.value, found.in_sample)
    low, high = found.value - z * found.error, highest + z * found.error
    return max(0.0, min(low, score_end(found.value, 0.0))), min(1.0, max(high, score_end(highest, 1.0)))
