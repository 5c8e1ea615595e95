"""What a bias metric is given, and how one is registered."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


class Undefined(ValueError):
    """A metric has no value on this data; the message says why."""


@dataclass(frozen=True)
class ConfusionCounts:
    """The confusion matrix of one side of the facet, "positive" being the favourable outcome: rows, or their weights."""

    tp: float
    fp: float
    fn: float
    tn: float

    @property
    def n(self) -> float:
        return self.tp + self.fp + self.fn + self.tn

    @property
    def favourable_labels(self) -> float:
        """Rows whose label is favourable."""
        return self.tp + self.fn

    @property
    def favourable_predictions(self) -> float:
        """Rows whose prediction is favourable."""
        return self.tp + self.fp


@dataclass(frozen=True)
class Sample:
    """The rows that a metric is computed on; arrays of the same length.

    ``facet`` is True for group d (the facet's value), False for group a (the rest). ``flips``: what ``bias_flip.flips`` found, where it
    was asked before.
    """

    facet: BoolArray
    label: BoolArray
    prediction: BoolArray | None = None
    group: NDArray[Any] | None = None
    features: pd.DataFrame | None = None
    weight: NDArray[np.float64] | None = None
    flips: NDArray[np.float64] | None = None

    @cached_property
    def a(self) -> ConfusionCounts:
        return self._count_cells(~self.facet)

    @cached_property
    def d(self) -> ConfusionCounts:
        return self._count_cells(self.facet)

    def both_sides(self) -> tuple[ConfusionCounts, ConfusionCounts]:
        """Cells of a and d. Raises Undefined when either side is empty."""
        if self.a.n == 0:
            raise Undefined("Negated facet set is empty: every row has the facet's value")
        if self.d.n == 0:
            raise Undefined("Facet set is empty: no row has the facet's value")
        return self.a, self.d

    def _count_cells(self, rows: BoolArray) -> ConfusionCounts:
        prediction = self.label if self.prediction is None else self.prediction
        if self.weight is not None:
            tn, fp, fn, tp = np.bincount(2 * self.label[rows] + prediction[rows], weights=self.weight[rows], minlength=4).tolist()
            return ConfusionCounts(tp=tp, fp=fp, fn=fn, tn=tn)
        labelled, predicted = rows & self.label, rows & prediction
        n, some, others, tp = (int(np.count_nonzero(one)) for one in (rows, labelled, predicted, labelled & predicted))
        return ConfusionCounts(tp=tp, fp=others - tp, fn=some - tp, tn=n - some - others + tp)


@dataclass(frozen=True)
class MetricDefinition:
    """A registered metric: its function, its range, and the sentence for each direction."""

    name: str
    description: str
    function: Callable[[Sample], float]
    low: float
    high: float
    neutral: float
    above: str
    below: str
    equal: str

    def in_words(self, value: float) -> str:
        """The direction of a value; ``{x}`` of a sentence is its magnitude, ``{p}`` the same in percent."""
        if abs(value - self.neutral) <= 5e-7:
            return self.equal
        size = abs(value - self.neutral) if self.neutral == 0 else value
        text = self.above if value > self.neutral else self.below
        x = "infinitely" if np.isinf(size) else f"{size:.3g}"
        p = "infinitely many" if np.isinf(size) else f"{100 * size:.3g}"
        return text.format(x=x, p=p)


PRE_TRAINING: dict[str, MetricDefinition] = {}
POST_TRAINING: dict[str, MetricDefinition] = {}

MetricDecorator = Callable[[Callable[[Sample], float]], Callable[[Sample], float]]


def register_metric(
    registry: dict[str, MetricDefinition], *, low: float, high: float, above: str, below: str = "", equal: str, neutral: float = 0.0
) -> MetricDecorator:
    """Register the decorated function under its own name; its docstring's first line is the description."""

    def register(function: Callable[[Sample], float]) -> Callable[[Sample], float]:
        description = (inspect.getdoc(function) or "").split("\n")[0]
        registry[function.__name__] = MetricDefinition(function.__name__, description, function, low, high, neutral, above, below, equal)
        return function

    return register


def divide(a: float, b: float) -> float:
    """a / b as smclarify has it: 0 / 0 is 0, anything else over 0 is infinite."""
    if b == 0:
        return 0.0 if a == 0 else float(np.copysign(np.inf, a))
    return a / b


def rate_difference(x: float, y: float) -> float:
    """x − y, where two infinite rates are equal."""
    return 0.0 if x == y else x - y


def conditional_disparity(
    facet: BoolArray, favourable: BoolArray, group: NDArray[Any] | None, weight: NDArray[np.float64] | None = None
) -> float:
    """Demographic disparity within each group, weighted by the group's size. ``weight``: of each row, 1 when None.

    The share of the facet among the rejected minus its share among the accepted; a share of nobody is 0.
    """
    if group is None or len(group) == 0:
        raise Undefined("Group variable is empty or not provided")
    if not favourable.any():
        raise Undefined("No positive labels in set: no row has the favourable outcome")
    if favourable.all():
        raise Undefined("No negative labels in set: every row has the favourable outcome")
    codes, groups = pd.factorize(group)
    cell = codes * 4 + favourable * np.int8(2) + facet
    if (codes < 0).any():
        known = codes >= 0
        cell, weight = cell[known], None if weight is None else weight[known]
    counts = np.bincount(cell, weights=weight, minlength=4 * len(groups)).reshape(-1, 2, 2)
    totals = counts.sum(axis=2)
    shares = np.divide(counts[:, :, 1], totals, out=np.zeros(totals.shape), where=totals > 0)
    sizes = totals.sum(axis=1)
    return divide(float((sizes * (shares[:, 0] - shares[:, 1])).sum()), float(sizes.sum()))
