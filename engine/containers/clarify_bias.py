"""The bias part of a Clarify job: every metric asked for, for every facet, on the rows that have a label and a value of the facet."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.bias_metrics import Metric, flip_outcomes, metric_intervals, post_training_bias, pre_training_bias, with_intervals
from core.analysis.bias.flip_test import FLIP_TEST, NearestRows, find_nearest_rows
from core.analysis.bias.outcome_counts import BoolArray, Undefined
from core.analysis.bias.threshold_sweep import DEFAULT_THRESHOLDS, sweep_thresholds
from engine.containers import ContainerError, clarify_groups, clarify_rows
from engine.containers.clarify_config import AnalysisConfig
from engine.containers.clarify_data import Dataset
from engine.containers.clarify_report import ClarifyReport
from engine.containers.clarify_rows import MeasuredRows, RowSelection

MAX_DETAILED_FACETS = 50
"""Facet values that are kept row by row, in scores.csv, and measured at other thresholds."""
MANY_VALUES = 8
"""With as many values of a facet the neighbours of all rows are found at once."""
Scores = NDArray[np.float64]


def measure_bias(
    report: ClarifyReport,
    dataset: Dataset,
    config: AnalysisConfig,
    facets: list[MeasuredRows],
    group: pd.Series[Any] | None,
    scores: Scores | None,
    by_row: pd.DataFrame,
    *,
    extras: bool,
) -> None:
    """Every metric asked for, for every facet, with its interval. ``by_row`` gets each row's facet and flip, unless it is empty. Raises
    ContainerError where there are no predictions to judge."""
    accepted: RowSelection | None = None
    if facets:
        label = clarify_rows.select_favourable_label(dataset, config)
        report.favourable = label.value_or_threshold
        if config.post_training is not None:
            accepted = clarify_rows.select_accepted_rows(dataset, config, _predicted_labels(dataset, config, scores))
        if extras:
            report.group_table = clarify_groups.measure_group_table(dataset, config, group, label, accepted)
    nearest = _SharedNeighbours(facets)
    for place, rows in enumerate(facets):
        if place == MAX_DETAILED_FACETS:  # a column of each more would make scores.csv and analysis.json too large to open
            print(f"Row by row and at other thresholds, the first {place} of {len(facets):,} facet values are kept", flush=True)
            by_row = pd.DataFrame()
        if not rows.of_facet.any():
            print(f"No row has {config.value_names.describe(rows.facet, rows.value_or_threshold)}", flush=True)
        if not by_row.empty:
            of_facet = rows.of_facet.astype(int)
            by_row[rows.key] = of_facet if rows.kept.all() else rows.spread(of_facet)
        if config.pre_training is not None:
            found = pre_training_bias(rows.of_facet, rows.favourable, rows.group_codes, metrics=config.pre_training)
            spread = metric_intervals("pre", rows.of_facet, rows.favourable, None, rows.group_codes) if extras else {}
            report.add_metrics("pre_training_bias_metrics", rows, with_intervals(found, spread))
        unpredicted = 0
        if config.post_training is not None:
            assert accepted is not None
            judged = rows.without_prediction(accepted.known)
            unpredicted = int(rows.kept.sum() - judged.kept.sum())
            metrics = _measure_post_training(
                dataset, config.post_training, judged, accepted.mask[judged.kept], nearest, by_row, extras=extras
            )
            report.add_metrics("post_training_bias_metrics", rows, metrics)
        report.add_counts(
            rows,
            dataset.group,
            without_prediction=unpredicted,
            binned=rows.group is not None and isinstance(rows.group.dtype, pd.CategoricalDtype),
        )
        if scores is not None and report.performance is not None and place < MAX_DETAILED_FACETS:
            _add_sweep(report, config, rows, scores[rows.kept])
    for line in report.left_out_lines():
        print(line, flush=True)


def _predicted_labels(dataset: Dataset, config: AnalysisConfig, scores: Scores | None) -> pd.Series[Any]:
    if dataset.predicted_label is not None:
        return dataset.frame[dataset.predicted_label]
    if scores is not None:
        return pd.Series((scores > config.threshold).astype(int), name="predicted label")
    raise ContainerError("methods.post_training_bias needs predictions: give predictor.model_name, or predicted_label")


def _measure_post_training(
    dataset: Dataset,
    metrics: list[str],
    rows: MeasuredRows,
    accepted: BoolArray,
    nearest: _SharedNeighbours,
    by_row: pd.DataFrame,
    *,
    extras: bool,
) -> dict[str, Metric]:
    """``accepted``: which of the rows have the favourable prediction."""
    features = dataset.features[rows.kept].drop(columns=rows.facet, errors="ignore")
    flipped = _find_flips(rows.of_facet, accepted, features, nearest.find(rows, features)) if FLIP_TEST in metrics else None
    if flipped is not None and not by_row.empty:
        by_row[f"flip {rows.key}"] = rows.spread(pd.Series(flipped).astype("Int64"))  # empty where the flip test didn't search
    found = post_training_bias(rows.of_facet, rows.favourable, accepted, rows.group_codes, features, metrics=metrics, flips=flipped)
    spread = metric_intervals("post", rows.of_facet, rows.favourable, accepted, rows.group_codes, flipped) if extras else {}
    return with_intervals(found, spread)


class _SharedNeighbours:
    """The nearest rows of each row, for the values of one facet at a time: found when a facet with many values first asks for them."""

    def __init__(self, facets: list[MeasuredRows]) -> None:
        self.values = Counter(rows.facet for rows in facets)
        self.found: dict[str, NearestRows | None] = {}

    def find(self, rows: MeasuredRows, features: pd.DataFrame) -> NearestRows | None:
        """None for a facet of few values: each then looks for its own."""
        if self.values[rows.facet] < MANY_VALUES:
            return None
        if rows.facet not in self.found:
            self.found = {rows.facet: find_nearest_rows(features)}
        return self.found[rows.facet]


def _find_flips(
    of_facet: BoolArray, accepted: BoolArray, features: pd.DataFrame, nearest: NearestRows | None
) -> NDArray[np.float64] | None:
    """The flip test row by row; None where it can't be computed; the metric then says why."""
    if of_facet.all() or not of_facet.any():
        return None
    try:
        return flip_outcomes(of_facet, accepted, features, nearest=nearest)
    except Undefined:
        return None


def _add_sweep(report: ClarifyReport, config: AnalysisConfig, rows: MeasuredRows, scores: Scores) -> None:
    """Add what other thresholds would do. Groups are counted apart only where they are binned: others may be as many as the rows."""
    good = clarify_rows.select_favourable_rows(pd.Series([0, 1], name="label"), config.label_values).mask
    if good.sum() != 1 or len(scores) == 0:
        return
    thresholds = tuple(sorted({*DEFAULT_THRESHOLDS, config.threshold}))
    group = rows.group if rows.group is not None and isinstance(rows.group.dtype, pd.CategoricalDtype) else None
    names = tuple(map(str, group.cat.categories)) if group is not None else ()
    by = group.astype(str).where(group.notna(), None).tolist() if group is not None else None
    found = sweep_thresholds(rows.of_facet, rows.favourable, scores, by, favourable=int(good[1]), thresholds=thresholds, names=names)
    report.sweeps.append({"facet": rows.facet, "value_or_threshold": rows.value_or_threshold, **found.to_json()})
