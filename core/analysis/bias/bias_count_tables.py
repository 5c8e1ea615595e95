"""Bias metrics of many samples at once: all that they need of the rows is how many there are of each kind.

A table counts the rows of a sample by group, facet, favourable label, favourable prediction and flip: shape (..., groups + 1, 2, 2, 2, 3).
Its last group holds the rows without one, which the conditional metrics leave out. The definitions are those of
``bias_pretraining`` and ``bias_posttraining``, for arrays of tables: NaN where a metric is undefined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
CELL_SHAPE = (2, 2, 2, 3)
"""Facet, favourable label, favourable prediction, flip (-1, 0, 1)."""


@dataclass(frozen=True)
class ConfusionArrays:
    """The confusion matrix of one side of the facet, in each table."""

    tp: Floats
    fp: Floats
    fn: Floats
    tn: Floats

    @property
    def n(self) -> Floats:
        return self.tp + self.fp + self.fn + self.tn

    @property
    def favourable_labels(self) -> Floats:
        return self.tp + self.fn

    @property
    def favourable_predictions(self) -> Floats:
        return self.tp + self.fp


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
    found: Integers = (((codes * 2 + parts[0]) * 2 + parts[1]) * 2 + parts[2]) * 3 + flip + 1
    return found


def cell_count(groups: int) -> int:
    """How many cells a table has."""
    return (groups + 1) * int(np.prod(CELL_SHAPE))


def count_table(cells: Integers, groups: int) -> Floats:
    """The table of one sample."""
    return np.bincount(cells, minlength=cell_count(groups)).astype(float).reshape(groups + 1, *CELL_SHAPE)


def post_training_metrics(tables: Floats) -> dict[str, Floats]:
    """The thirteen post-training metrics of each table, by name."""
    a, d = _confusion_by_side(tables)
    both = np.where((a.n > 0) & (d.n > 0), 0.0, np.nan)
    by_group = tables.sum(axis=(-1, -3)).swapaxes(-1, -2)  # (..., groups + 1, prediction, facet)
    return {
        "AD": both + divide(a.tp + a.tn, a.n) - divide(d.tp + d.tn, d.n),
        "CDDPL": _conditional_disparity(by_group),
        "DAR": both + _rate_difference(divide(a.tp, a.favourable_predictions), divide(d.tp, d.favourable_predictions)),
        "DCA": both
        + _rate_difference(divide(a.favourable_labels, a.favourable_predictions), divide(d.favourable_labels, d.favourable_predictions)),
        "DCR": both
        + _rate_difference(
            divide(d.n - d.favourable_labels, d.n - d.favourable_predictions),
            divide(a.n - a.favourable_labels, a.n - a.favourable_predictions),
        ),
        "DI": both + divide(divide(d.favourable_predictions, d.n), divide(a.favourable_predictions, a.n)),
        "DPPL": both + divide(a.favourable_predictions, a.n) - divide(d.favourable_predictions, d.n),
        "DRR": both + _rate_difference(divide(d.tn, d.n - d.favourable_predictions), divide(a.tn, a.n - a.favourable_predictions)),
        "FT": both + _flip_test(tables, d.n),
        "GE": _generalized_entropy(a, d),
        "RD": both + divide(a.tp, a.favourable_labels) - divide(d.tp, d.favourable_labels),
        "SD": both + divide(d.tn, d.n - d.favourable_labels) - divide(a.tn, a.n - a.favourable_labels),
        "TE": both + _rate_difference(divide(d.fn, d.fp), divide(a.fn, a.fp)),
    }


def pre_training_metrics(tables: Floats) -> dict[str, Floats]:
    """The eight pre-training metrics of each table, by name."""
    a, d = _confusion_by_side(tables)
    both = np.where((a.n > 0) & (d.n > 0), 0.0, np.nan)
    by_group = tables.sum(axis=(-1, -2)).swapaxes(-1, -2)  # (..., groups + 1, label, facet)
    shares = [np.stack([divide(s.n - s.favourable_labels, s.n), divide(s.favourable_labels, s.n)], axis=-1) for s in (a, d)]
    common = (shares[0] > 0) & (shares[1] > 0)
    p, q = (np.where(common, share, 0.5) for share in shares)
    some = np.where(common.any(axis=-1), 0.0, np.nan)
    gap, mean = np.abs(p - q), (p + q) / 2

    def total(terms: Floats) -> Floats:
        summed: Floats = some + np.where(common, terms, 0.0).sum(axis=-1)
        return summed

    return {
        "CDDL": _conditional_disparity(by_group),
        "CI": both + divide(a.n - d.n, a.n + d.n),
        "DPL": both + divide(a.favourable_labels, a.n) - divide(d.favourable_labels, d.n),
        "JS": total(p * np.log(p / mean) + q * np.log(q / mean)) / 2,
        "KL": total(p * np.log(p / q)),
        "KS": some + np.where(common, gap, 0.0).max(axis=-1),
        "LP": np.sqrt(total(gap**2)),
        "TVD": total(gap) / 2,
    }


def divide(x: ArrayLike, y: ArrayLike) -> Floats:
    """x / y as smclarify has it: 0 / 0 is 0, anything else over 0 is infinite."""
    over, under = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where((over == 0) & (under == 0), 0.0, np.asarray(over / under))
    return ratio


def _rate_difference(x: Floats, y: Floats) -> Floats:
    """x − y, where two infinite rates are equal."""
    with np.errstate(invalid="ignore"):
        return np.where(x == y, 0.0, x - y)


def _confusion_by_side(tables: Floats) -> tuple[ConfusionArrays, ConfusionArrays]:
    """Rest and facet, in each table."""
    cells = tables.sum(axis=(-5, -1))  # (..., facet, label, prediction)

    def side(of: int) -> ConfusionArrays:
        part = cells[..., of, :, :]
        return ConfusionArrays(part[..., 1, 1], part[..., 0, 1], part[..., 1, 0], part[..., 0, 0])

    return side(0), side(1)


def _conditional_disparity(counts: Floats) -> Floats:
    """Demographic disparity within each group, weighted by the group's size; counts (..., groups + 1, outcome, facet)."""
    outcomes = counts.sum(axis=(-3, -1))
    known = counts[..., :-1, :, :]
    totals = known.sum(axis=-1)
    shares = divide(known[..., 1], totals)
    sizes = totals.sum(axis=-1)
    value = divide((sizes * (shares[..., 0] - shares[..., 1])).sum(axis=-1), sizes.sum(axis=-1))
    return np.where((outcomes > 0).all(axis=-1) & (known.shape[-3] > 0), value, np.nan)


def _flip_test(tables: Floats, of_facet: Floats) -> Floats:
    flips = tables[..., 1, :, :, :].sum(axis=(-4, -3, -2))
    return divide(flips[..., 2] - flips[..., 0], of_facet)


def _generalized_entropy(a: ConfusionArrays, d: ConfusionArrays) -> Floats:
    right, gained, n = a.tp + a.tn + d.tp + d.tn, a.fp + d.fp, a.n + d.n
    mean = divide(right + 2 * gained, n)
    value = divide(divide(right + 4 * gained, mean**2) - n, 2 * n)
    return np.where(mean > 0, value, np.nan)


def resample_tables(cells: list[Integers], groups: int, seed: int, resamples: int) -> list[Floats]:
    """Tables of bootstrap resamples, for each of the models whose cells are given: all see the same rows drawn."""
    random = np.random.default_rng(seed)
    kinds_found, counts = np.unique(np.stack(cells), axis=1, return_counts=True)
    n = int(counts.sum())
    draws = random.multinomial(n, counts / n, size=resamples).astype(float)
    result = []
    for place in kinds_found:
        onto = np.zeros((len(place), cell_count(groups)))
        onto[np.arange(len(place)), place] = 1
        result.append((draws @ onto).reshape(resamples, groups + 1, *CELL_SHAPE))
    return result


def defined_share(draws: NDArray[Any]) -> float:
    """The share of the draws in which a metric is defined."""
    return float((~np.isnan(draws)).mean()) if len(draws) else 0.0
