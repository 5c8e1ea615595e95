"""Features that give the label away: how well each one alone tells rows with label 1 from rows with label 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.analysis.leaks.coded_columns import CodedColumn

LEAK_AUC = 0.95
"""A feature whose AUC alone is at least so high is a finding."""
COPY_AUC = 0.9
"""The same of a feature with two values: hardly any honest one comes near."""
CHANCE = 0.01
"""How often a table of features that say nothing may have a finding."""
MIN_ROWS_PER_VALUE = 20
"""So many rows of the rarer label for each value, and the rates of the same rows are used; with fewer, rates of other rows."""
MAX_SINGLE_SHARE = 0.32
"""With more rows whose value no other row has, no feature can reach ``LEAK_AUC`` value by value."""
SAME_AUC = 0.01
"""That a feature is empty says as much as its values do, if its AUC is at most so far below theirs."""
MAX_RANGES = 50
FOLDS = 5

Counts = NDArray[Any]
Rows = NDArray[np.int64]
LeakKind = Literal["one to one", "threshold", "function", "near copy", "empty cells", "strong"]


@dataclass(frozen=True)
class LabelLeak:
    """A feature that gives the label away. ``auc``: of the feature alone, in [0.5, 1]; ``agreeing_rows``: rows whose label the feature
    alone tells, of ``rows``.

    ``kind``: ``one to one`` (two values, one for each label); ``threshold`` (``label_above`` above ``above``, the other label up to it);
    ``function`` (each value has one label only); ``near copy`` (two values that nearly are the label); ``empty cells`` (whether a cell is
    empty tells the label); ``strong`` otherwise. ``labels``: of a feature with two values, (value, the label it stands for), None if empty.
    """

    feature: str
    kind: LeakKind
    auc: float
    agreeing_rows: int
    rows: int
    above: float | None = None
    label_above: int | None = None
    labels: tuple[tuple[str | None, int], ...] = ()

    @property
    def share(self) -> float:
        """Agreeing rows of all, in [0, 1]."""
        return self.agreeing_rows / self.rows


@dataclass(frozen=True)
class _Separation:
    """How well one way to use a feature tells the labels apart. ``cut``: of rows in the order of their values, the last group below it;
    ``is_rising``: label 1 is above the cut."""

    auc: float
    agreeing: int
    way: Literal["order", "value", "range", "empty"]
    cut: int = 0
    is_rising: bool = True


def find_label_leaks(features: Sequence[CodedColumn], label: NDArray[np.bool_], digests: NDArray[np.uint64]) -> list[LabelLeak]:
    """The features that give the label away, the highest AUC first.

    label: whether each row has label 1, shape (n,); digests: of each whole row, shape (n,), so that no row is judged by its own twin.
    A feature is judged as it stands (numbers: in their order, and by ranges; anything: value by value; missing is a value) and by
    whether it is empty. Few rows: the AUC must also be beyond what ``CHANCE`` allows for so many features. [] with one label only.

    >>> import numpy as np, pandas as pd
    >>> from core.analysis.leaks.coded_columns import code_column
    >>> debt = pd.Series(range(60), name="debt")
    >>> (leak,) = find_label_leaks([code_column(debt)], (debt > 39).to_numpy(), np.arange(60, dtype=np.uint64))
    >>> leak.kind, leak.auc, leak.above
    ('threshold', 1.0, 39)
    """
    rows, positives = len(label), int(label.sum())
    if not features or positives in {0, rows}:
        return []
    by_chance = 0.5 - ndtri(CHANCE / 2 / len(features)) * np.sqrt((rows + 1) / (12 * positives * (rows - positives)))
    folds = (digests % np.uint64(FOLDS)).astype(np.int64)
    ones = label.astype(float)
    found = [leak for column in features if (leak := _judge_feature(column, ones, folds, by_chance))]
    return sorted(found, key=lambda leak: (-leak.auc, leak.feature))


def _judge_feature(column: CodedColumn, label: Counts, folds: Rows, by_chance: float) -> LabelLeak | None:
    positives = np.bincount(column.codes, weights=label, minlength=len(column.counts))
    negatives = column.counts - positives
    values = int((column.counts > 0).sum())
    if values < 2:
        return None
    ways = _separations(column, negatives, positives, label, folds)
    highest = max(one.auc for one in ways)
    best = next(one for one in ways if one.auc >= highest - (SAME_AUC if one.way == "empty" else 1e-9))
    is_pure = not np.minimum(negatives, positives).any()
    kind: LeakKind = "strong"
    if values == 2:
        kind = "one to one" if is_pure else "near copy"
    elif best.way == "empty":
        kind = "empty cells"
    elif is_pure and best.way == "value":
        kind = "function"
    elif best.way == "order" and best.agreeing == len(label):
        kind = "threshold"
    if best.auc < (LEAK_AUC if kind == "strong" else COPY_AUC) or best.auc <= by_chance:
        return None
    above, label_above = (column.values[best.cut].item(), int(best.is_rising)) if kind == "threshold" else (None, None)
    labels = _usual_labels(column, negatives, positives) if values == 2 else ()
    return LabelLeak(column.name, kind, best.auc, best.agreeing, len(label), above, label_above, labels)


def _separations(column: CodedColumn, negatives: Counts, positives: Counts, label: Counts, folds: Rows) -> list[_Separation]:
    """Every way to use the feature. Ways that come earlier are preferred among equally good ones, since they say more."""
    values, rarer = int((column.counts > 0).sum()), int(min(positives.sum(), negatives.sum()))
    found = []
    if column.is_numeric:
        found.append(_by_order(negatives[:-1], positives[:-1], negatives[-1], positives[-1]))
    if column.missing and values > 2:
        filled, filled_ones = negatives[:-1].sum(), positives[:-1].sum()
        found.insert(0, _by_rate(np.array([filled, negatives[-1]]), np.array([filled_ones, positives[-1]]), "empty"))
    if values <= 2 or MIN_ROWS_PER_VALUE * values <= rarer:
        return [*found, _by_rate(negatives, positives, "value")]
    if column.counts[column.counts == 1].sum() <= MAX_SINGLE_SHARE * len(label):
        found.append(_by_rate_of_other_rows(column, label, folds))
    ranges = min(MAX_RANGES, rarer // MIN_ROWS_PER_VALUE)
    if column.is_numeric and ranges > 2:
        middle = np.cumsum(column.counts) - column.counts / 2
        group = np.append((middle[:-1] * ranges / len(label)).astype(np.intp), ranges)
        found.append(_by_rate(np.bincount(group, weights=negatives), np.bincount(group, weights=positives), "range"))
    return found or [_Separation(0.5, 0, "value")]


def _by_order(negatives: Counts, positives: Counts, missing_negatives: float, missing_positives: float) -> _Separation:
    """Values in ascending order, missing ones at the end where they fit better."""
    found = []
    for at in (0, len(negatives)) if missing_negatives + missing_positives else (0,):
        side = [negatives, positives]
        if missing_negatives + missing_positives:
            side = [np.insert(one, at, more) for one, more in zip(side, (missing_negatives, missing_positives), strict=True)]
        auc = _auc(*side)
        below, ones = np.cumsum(side[0]), np.cumsum(side[1])
        rising = below + ones[-1] - ones  # rows told right by each cut, if label 1 is above it
        told = rising if auc >= 0.5 else below[-1] + ones[-1] - rising
        cut = int(np.argmax(told))
        place = cut - 1 if at == 0 and len(side[0]) > len(negatives) else cut
        found.append(_Separation(max(auc, 1 - auc), int(told[cut]), "order", min(max(place, 0), len(negatives) - 1), auc >= 0.5))
    return max(found, key=lambda one: one.auc)


def _by_rate(negatives: Counts, positives: Counts, way: Literal["value", "range", "empty"]) -> _Separation:
    """Groups of rows in the order of their own rates of label 1."""
    order = np.argsort(positives / np.maximum(negatives + positives, 1), kind="stable")
    return _Separation(_auc(negatives[order], positives[order]), int(np.maximum(negatives, positives).sum()), way)


def _by_rate_of_other_rows(column: CodedColumn, label: Counts, folds: Rows) -> _Separation:
    """Each row by the rate of label 1 among the rows of other folds with its value; the rate of all where there are none."""
    cell = column.codes * np.int64(FOLDS) + folds
    size = len(column.counts) * FOLDS
    rows, ones = (np.bincount(cell, weights=weights, minlength=size).reshape(-1, FOLDS) for weights in (None, label))
    others, ones_elsewhere = (table.sum(axis=1, keepdims=True) - table for table in (rows, ones))
    prior = label.mean()
    rates = (ones_elsewhere + prior) / (others + 1)
    scores, groups = np.unique(rates, return_inverse=True)
    groups = groups.reshape(rates.shape)
    here = (rows - ones, ones)
    negatives, positives = (np.bincount(groups.ravel(), weights=side.ravel().astype(float), minlength=len(scores)) for side in here)
    agreeing = int(positives[scores > 0.5].sum() + negatives[scores <= 0.5].sum())
    return _Separation(_auc(negatives, positives), agreeing, "value")


def _auc(negatives: Counts, positives: Counts) -> float:
    """The AUC of groups of rows in ascending order of their score: ties within a group count half."""
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + negatives / 2)).sum() / (negatives.sum() * positives.sum()))


def _usual_labels(column: CodedColumn, negatives: Counts, positives: Counts) -> tuple[tuple[str | None, int], ...]:
    """Of each of two values, the label that it stands for: 1 for the one with the higher rate."""
    names = [*map(str, column.values.tolist()), None]
    present = np.flatnonzero(column.counts)
    rates = positives[present] / column.counts[present]
    return tuple((names[i], int(rate == rates.max())) for i, rate in zip(present, rates, strict=True))
