"""How a column's values are spread: histograms of several sets of rows over the same bins, and how far two of them overlap."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

MAX_DISTINCT_VALUES, BIN_COUNT = 16, 30
TAIL_SHARE = 0.005
"""Rows beyond this share at either end are counted in the outermost bin, so that one large amount doesn't flatten the picture."""


class Histogram(TypedDict):
    """One set of rows: how many (or the sum of their weights) in each bin, their mean (None without rows), and how many in all. Rows
    without a value count only as ``missing``, a key that is absent if every row has one."""

    counts: list[float]
    mean: float | None
    rows: int
    missing: NotRequired[int]


class FeatureHistograms(TypedDict):
    """A column's histograms over the same bins. ``kind`` and ``edges`` are of ``choose_bins``, ``labels`` has one for each bin; ``groups``:
    group ("" is everyone) -> ``before``, ``after`` or ``synthetic`` -> its histogram."""

    feature: str
    kind: str
    edges: list[float]
    labels: list[str]
    groups: dict[str, dict[str, Histogram]]


def choose_bins(values: pd.Series) -> tuple[str, list[float]]:
    """``("values", [each value])`` for a column of few different numbers, ``("bins", edges)`` for others."""
    known = values.dropna()
    distinct = np.sort(known.unique()).astype(float)
    if len(distinct) <= MAX_DISTINCT_VALUES:
        return "values", distinct.tolist()
    low, high = (float(x) for x in np.quantile(known.to_numpy(dtype=float), [TAIL_SHARE, 1 - TAIL_SHARE]))
    if low == high:
        low, high = float(distinct[0]), float(distinct[-1])
    if (distinct % 1 == 0).all():
        step = max(1.0, np.ceil((high - low + 1) / BIN_COUNT))
        return "bins", np.arange(low, high + step + 1, step).tolist()
    return "bins", np.linspace(low, high, BIN_COUNT + 1).tolist()


def bin_counts(values: ArrayLike, kind: str, edges: Sequence[float], weights: NDArray[np.float64] | None = None) -> list[float]:
    """Rows (or their weights) in each bin, shape (len(edges),) for values, and one less for bins; values
    outside all bins count in the outermost."""
    places, bins = _bin_places(np.asarray(values, dtype=float), kind, edges)
    counts = np.bincount(places, weights=weights, minlength=bins)
    return [round(float(c), 6) for c in counts]


def _bin_places(numbers: NDArray[np.float64], kind: str, edges: Sequence[float]) -> tuple[NDArray[np.intp], int]:
    """The bin of each number, and how many bins there are."""
    if kind == "values":
        return np.clip(np.searchsorted(np.asarray(edges), numbers), 0, len(edges) - 1), len(edges)
    bins = len(edges) - 1
    return np.clip(np.searchsorted(np.asarray(edges), numbers, side="right") - 1, 0, bins - 1), bins


def bin_labels(kind: str, edges: Sequence[float]) -> list[str]:
    """A label for each bin."""
    if kind == "values":
        return [f"{edge:g}" for edge in edges]
    whole = all(float(edge).is_integer() for edge in edges)
    if whole and edges[1] - edges[0] == 1:
        return [f"{edge:,.0f}" for edge in edges[:-1]]
    texts = [f"{edge:,.0f}" if whole else f"{edge:.4g}" for edge in edges]
    return [f"{low} to {high}" for low, high in itertools.pairwise(texts)]


def histogram_overlap(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The share that two histograms have in common: 1 minus their total variation distance; None where one has no rows.

    >>> histogram_overlap([10, 10], [15, 5])
    0.75
    """
    a, b = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if a.sum() <= 0 or b.sum() <= 0:
        return None
    return float(np.minimum(a / a.sum(), b / b.sum()).sum())


def mean_or_none(values: ArrayLike, weights: NDArray[np.float64] | None = None) -> float | None:
    """The (weighted) mean of the values; None without rows."""
    numbers = np.asarray(values, dtype=float)
    return float(np.average(numbers, weights=weights)) if len(numbers) else None


def compare_distributions(
    before: pd.DataFrame,
    after: pd.DataFrame,
    synthetic: NDArray[np.bool_],
    *,
    facet: str,
    weights: NDArray[np.float64] | None = None,
    max_facets: int = 8,
) -> list[FeatureHistograms]:
    """Each column's histograms: of the rows ``before``, of all rows ``after`` (weighted, if there are weights) and of the synthetic ones
    among them; of everyone (``""``) and of each value of the facet (the ``max_facets`` most frequent).

    >>> import numpy as np
    >>> import pandas as pd
    >>> before = pd.DataFrame({"sex": [1, 1, 2], "age": [30, 41, 52]})
    >>> after = pd.DataFrame({"sex": [1, 1, 2, 2], "age": [30, 41, 52, 50]})
    >>> age = compare_distributions(before, after, np.array([False, False, False, True]), facet="sex")[1]
    >>> age["groups"]["2"]["after"]["mean"], age["groups"]["2"]["synthetic"]["rows"]
    (51.0, 1)
    """
    groups = ["", *(_plain_number(value) for value in before[facet].value_counts().index[:max_facets])]
    masks = {str(group): [_group_mask(frame, facet, group) for frame in (before, after)] for group in groups}
    found: list[FeatureHistograms] = []
    for name in before.columns:
        kind, edges = choose_bins(before[name])
        old, new = (_BinnedColumn(frame[name].to_numpy(dtype=float), kind, edges) for frame in (before, after))
        sides: dict[str, dict[str, Histogram]] = {
            group: {"before": old.count(rows), "after": new.count(made, weights), "synthetic": new.count(made & synthetic)}
            for group, (rows, made) in masks.items()
        }
        found.append({"feature": str(name), "kind": kind, "edges": edges, "labels": bin_labels(kind, edges), "groups": sides})
    return found


class _BinnedColumn:
    """A column, each row of which is in one of the bins."""

    def __init__(self, values: NDArray[np.float64], kind: str, edges: Sequence[float]) -> None:
        self.values, self.known = values, ~np.isnan(values)
        self.places, self.bins = _bin_places(values, kind, edges)

    def count(self, rows: NDArray[np.bool_], weights: NDArray[np.float64] | None = None) -> Histogram:
        """The histogram of the rows chosen by a mask."""
        at = rows & self.known
        weight = None if weights is None else weights[at]
        counts = np.bincount(self.places[at], weights=weight, minlength=self.bins)
        found: Histogram = {
            "counts": [round(float(c), 6) for c in counts],
            "mean": mean_or_none(self.values[at], weight),
            "rows": int(at.sum()),
        }
        if found["rows"] < rows.sum():
            found["missing"] = int(rows.sum()) - found["rows"]
        return found


def _group_mask(frame: pd.DataFrame, facet: str, group: object) -> NDArray[np.bool_]:
    return np.ones(len(frame), bool) if group == "" else (frame[facet] == group).to_numpy(dtype=bool)


def _plain_number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)
