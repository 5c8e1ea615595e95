"""Bias metrics with the names, signs and values of SageMaker Clarify (smclarify 0.5).

One thing differs: where a metric's own ratio is 0 / 0, smclarify gives 0, which reads as "equal"; here it is undefined, and says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.analysis.bias.bias_intervals import Interval, metric_intervals
from core.analysis.bias.flip_test import FLIP_TEST, MAX_ASKED_ROWS, asked_rows, flip_outcomes
from core.analysis.bias.metric_registry import POST_TRAINING, PRE_TRAINING, MetricDefinition
from core.analysis.bias.metric_sample import MetricSample
from core.analysis.bias.outcome_counts import COMPARES_NOTHING, BoolArray, Undefined
from core.analysis.tables.column_kinds import bin_group

__all__ = [
    "POST_TRAINING",
    "PRE_TRAINING",
    "BoolArray",
    "Interval",
    "Metric",
    "bin_group",
    "flip_outcomes",
    "metric_intervals",
    "post_training_bias",
    "pre_training_bias",
    "with_intervals",
]


@dataclass(frozen=True)
class Metric:
    """A bias metric on one facet. ``value`` is None where it is undefined, and ``error`` says why; it may be infinite."""

    name: str
    description: str
    value: float | None
    error: str | None
    low: float
    high: float
    in_words: str
    interval: Interval | None = None


def pre_training_bias(
    facet: ArrayLike,
    favourable_label: ArrayLike,
    group: ArrayLike | None,
    *,
    metrics: Iterable[str] | None = None,
    weight: ArrayLike | None = None,
) -> dict[str, Metric]:
    """Bias in the labels, by metric name in alphabetical order.

    Parameters
    ----------
    facet : bool (n,), True for rows with the facet's value (the group that may be disadvantaged)
    favourable_label : bool (n,), True where the label is the favourable one
    group : (n,) categories for CDDL, or None; bin a variable with many values first (``bin_group``)
    metrics : names to compute; all when None. Raises KeyError for a name that isn't one.
    weight : float (n,) >= 0, how much each row counts, as after reweighing; 1 each when None

    >>> women, paid = [True, True, False, False, False], [True, False, True, True, False]
    >>> metric = pre_training_bias(women, paid, None)["DPL"]
    >>> round(metric.value, 3), metric.in_words
    (0.167, 'The facet has the favourable label less often than the rest, by 16.7 percentage points.')
    """
    sample = _make_sample(facet, favourable_label, None, group, None, None if weight is None else np.asarray(weight, dtype=float))
    return _compute_metrics(PRE_TRAINING, sample, metrics)


def post_training_bias(
    facet: ArrayLike,
    favourable_label: ArrayLike,
    favourable_prediction: ArrayLike,
    group: ArrayLike | None,
    features: pd.DataFrame | None,
    *,
    metrics: Iterable[str] | None = None,
    flips: NDArray[np.float64] | None = None,
) -> dict[str, Metric]:
    """Bias in a model's predictions, by metric name in alphabetical order.

    Parameters as for ``pre_training_bias``; ``favourable_prediction`` is bool (n,), and ``features`` holds the columns by which
    the flip test finds like rows: all but label and facet, numeric. ``flips``: the flip test's outcome (n,), where it was made before.

    >>> women, paid = [True, True, False, False, False], [True, False, True, True, False]
    >>> accepted = [True, False, True, True, False]
    >>> metrics = post_training_bias(women, paid, accepted, None, None, metrics=["DPPL", "DI"])
    >>> round(metrics["DPPL"].value, 3), round(metrics["DI"].value, 3)
    (0.167, 0.75)
    """
    sample = replace(_make_sample(facet, favourable_label, favourable_prediction, group, features), flips=flips)
    found = _compute_metrics(POST_TRAINING, sample, metrics)
    if FLIP_TEST in found and found[FLIP_TEST].value is not None:
        found[FLIP_TEST] = _mention_asked_rows(found[FLIP_TEST], sample.facet, flips)
    return found


def _mention_asked_rows(flip_test: Metric, facet: BoolArray, flips: NDArray[np.float64] | None) -> Metric:
    """The flip test, saying so where it asked a sample of the facet only."""
    all_rows = int(facet.sum())
    rows = min(all_rows, MAX_ASKED_ROWS) if flips is None else int(asked_rows(facet, flips).sum())
    if rows == all_rows:
        return flip_test
    said = f"{flip_test.in_words} It was asked of {rows:,} of the facet's {all_rows:,} rows, drawn at random."
    return replace(flip_test, in_words=said)


def with_intervals(metrics: dict[str, Metric], intervals_by_name: dict[str, Interval]) -> dict[str, Metric]:
    """The metrics with their intervals; one that is undefined on the data has none.

    >>> import numpy as np
    >>> rows = np.arange(600)
    >>> women, paid = rows % 3 == 0, rows % 4 > 0
    >>> metric = with_intervals(pre_training_bias(women, paid, None), metric_intervals("pre", women, paid, None, None))["CI"]
    >>> round(metric.value, 2), round(metric.interval.low, 2), round(metric.interval.high, 2)
    (0.33, 0.26, 0.41)
    """
    return {name: replace(one, interval=_interval_of(one, intervals_by_name.get(name))) for name, one in metrics.items()}


def _interval_of(metric: Metric, interval: Interval | None) -> Interval | None:
    if metric.value is None or interval is None:
        return None
    if metric.in_words.endswith(COMPARES_NOTHING):  # 0 in every resample, which would look as sure as can be
        return Interval(None, None, interval.n, "both ratios are infinite")
    return interval


def _make_sample(
    facet: ArrayLike,
    label: ArrayLike,
    prediction: ArrayLike | None,
    group: ArrayLike | None,
    features: pd.DataFrame | None,
    weight: NDArray[np.float64] | None = None,
) -> MetricSample:
    sample = MetricSample(
        np.asarray(facet, dtype=bool),
        np.asarray(label, dtype=bool),
        None if prediction is None else np.asarray(prediction, dtype=bool),
        None if group is None else np.asarray(group),
        features,
        weight,
    )
    lengths = {len(part) for part in (sample.facet, sample.label, sample.prediction, sample.group, features, weight) if part is not None}
    if len(lengths) > 1:
        raise ValueError(
            f"facet, labels, predictions, group, features and weights must have as many rows as each other, not {sorted(lengths)}"
        )
    return sample


def _compute_metrics(definitions: dict[str, MetricDefinition], sample: MetricSample, names: Iterable[str] | None) -> dict[str, Metric]:
    return {name: _compute_metric(definitions[name], sample) for name in sorted(definitions if names is None else names)}


def _compute_metric(definition: MetricDefinition, sample: MetricSample) -> Metric:
    reason = definition.undefined_reason(sample)
    if reason is None:
        try:
            value = float(definition.function(sample))
            words = definition.describe(sample, value)
            return Metric(definition.name, definition.description, value, None, definition.low, definition.high, words)
        except Undefined as error:  # the flip test, where the features don't serve
            reason = str(error)
    return Metric(definition.name, definition.description, None, reason, definition.low, definition.high, f"Can't be computed. {reason}.")
