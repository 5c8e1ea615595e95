"""Partial dependence: the mean prediction if every row had the same value of one feature, at several values of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.explanations.shap_summary import mean_with_interval
from core.analysis.tables.histograms import bin_counts, bin_labels, choose_bins

Floats = NDArray[np.float64]
Predict = Callable[[pd.DataFrame], Floats]


@dataclass(frozen=True)
class DependencePoint:
    """``value``: what the feature is set to, None for missing; ``label``: the values that it stands for, in words. ``mean`` prediction with
    its 95 % interval over the rows, None with fewer than 5. ``rows``: how many have such a value themselves: where they are few, the model
    has hardly seen what is asked."""

    value: float | None
    label: str
    mean: float
    low: float | None
    high: float | None
    rows: int


@dataclass(frozen=True)
class PartialDependence:
    """``points`` in ascending order of their values, missing last. ``kind``: "values" (each value that occurs) or "bins" (the middle of
    each range). ``rows``: those predicted for."""

    feature: str
    kind: str
    points: tuple[DependencePoint, ...]
    rows: int

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


def compute_partial_dependence(predict: Predict, data: pd.DataFrame, feature: str, *, coded: bool = False) -> PartialDependence:
    """The mean prediction at each value of a feature (up to 16 of them, or coded), or at the middles of some 30 ranges.

    Parameters
    ----------
    predict : gives the probabilities (n,) of a table like ``data``
    data : (n, p) numbers; n rows are predicted for each point, so some thousand are enough
    feature : one of its columns; rows without a value are a point of their own
    coded : its numbers are codes, each of which is a point

    The outermost half percent of rows at either end count in the outermost range. Raises KeyError for an unknown feature, ValueError
    without rows.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"debt": [0, 0, 1, 2, 2, 2], "age": [30, 40, 50, 60, 70, 80]})
    >>> found = compute_partial_dependence(lambda rows: (rows["debt"] / 4 + rows["age"] / 200).to_numpy(), table, "debt")
    >>> [(point.value, round(point.mean, 3), point.rows) for point in found.points]
    [(0.0, 0.275, 2), (1.0, 0.525, 1), (2.0, 0.775, 3)]
    """
    if not len(data):
        raise ValueError("there are no rows to predict for")
    column = data[feature].astype(float)
    known = column.dropna()
    kind, edges = ("values", np.sort(known.unique()).tolist()) if coded else choose_bins(known)
    counts = bin_counts(known, kind, edges) if len(known) else []
    points = [
        _predict_point(predict, data, feature, value, label, int(rows))
        for value, label, rows in zip(_middles(kind, edges), bin_labels(kind, edges) if edges else [], counts, strict=True)
    ]
    if len(known) < len(column):
        points.append(_predict_point(predict, data, feature, None, "missing", len(column) - len(known)))
    return PartialDependence(feature, kind, tuple(points), len(data))


def _middles(kind: str, edges: list[float]) -> list[float]:
    """The value that stands for each bin: of whole numbers a whole one."""
    if kind == "values":
        return edges
    if all(edge.is_integer() for edge in edges):
        return [float((low + high - 1) // 2) for low, high in pairwise(edges)]
    return [(low + high) / 2 for low, high in pairwise(edges)]


def _predict_point(predict: Predict, data: pd.DataFrame, feature: str, value: float | None, label: str, rows: int) -> DependencePoint:
    mean = mean_with_interval(np.asarray(predict(data.assign(**{feature: np.nan if value is None else value})), dtype=float))
    low, high = (None if np.isnan(end) else end for end in (mean.low, mean.high))
    return DependencePoint(value, label, mean.value, low, high, rows)
