"""Which rows a facet and the favourable outcome are: boolean masks, and which rows have no value and are left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.bias_metrics import BoolArray
from core.analysis.tables.column_values import cast_to_column
from engine.containers import ContainerError
from engine.containers.clarify_config import AnalysisConfig
from engine.containers.clarify_data import Dataset

MIN_CONTINUOUS_SHARE = 0.05
"""Clarify takes a column of integers for continuous when at least this share of its values are different."""
MAX_LISTED_VALUES = 20


@dataclass(frozen=True)
class RowSelection:
    """A sensitive facet, or the favourable outcome: which rows, ``value_or_threshold`` as Clarify prints it, and which rows have a value at
    all. Both arrays are bool (n,)."""

    mask: BoolArray
    value_or_threshold: str
    known: BoolArray


@dataclass(frozen=True)
class MeasuredRows:
    """The rows on which one value of a facet is measured: those that have a label and a value of the facet.

    ``kept``: which rows of the dataset they are, bool (n,). Of them alone: which are of the facet, which have the favourable label, and the
    group of each. ``without_label`` and ``without_facet``: how many rows are left out for lack of a label, and of those with a label for
    lack of a value of the facet.
    """

    facet: str
    value_or_threshold: str
    kept: BoolArray
    of_facet: BoolArray
    favourable: BoolArray
    group: pd.Series[Any] | None
    without_label: int
    without_facet: int

    @cached_property
    def group_codes(self) -> NDArray[np.float64] | None:
        """Each row's group as a number, NaN where it has none: metrics take numbers many times as fast as names."""
        if self.group is None:
            return None
        codes = pd.factorize(self.group)[0]
        return np.where(codes < 0, np.nan, codes)

    @property
    def key(self) -> str:
        return f"{self.facet}={self.value_or_threshold}"

    def spread(self, values: Any) -> pd.Series[Any]:
        """Whole numbers of the kept rows as a column of all rows; missing for those that were left out."""
        column = pd.Series(pd.NA, index=range(len(self.kept)), dtype="Int64")
        column[self.kept] = pd.array(values, dtype="Int64")
        return column

    def without_prediction(self, known: BoolArray) -> MeasuredRows:
        """Those of the rows whose prediction is known; ``known`` is bool (n,) of the dataset."""
        at = known[self.kept]
        if at.all():
            return self
        group = None if self.group is None else self.group[at]
        return replace(self, kept=self.kept & known, of_facet=self.of_facet[at], favourable=self.favourable[at], group=group)


def select_favourable_label(dataset: Dataset, config: AnalysisConfig) -> RowSelection:
    """The rows with the favourable label. Raises ContainerError, naming the labels there are, for a favourable value that no row has: all
    metrics would be computed of nothing."""
    assert dataset.label is not None
    series = whole_numbers_as_integers(dataset.frame[dataset.label])
    if not series.notna().any():
        raise ContainerError(f"label {dataset.label} is empty in every row: choose another column")
    label = select_favourable_rows(series, config.label_values)
    if _is_continuous(series, config.label_values):
        if not label.mask.any():
            raise ContainerError(
                f"label {dataset.label}: no row is above label_values_or_threshold {config.label_values[0]}; its values reach from "
                f"{series.min()} to {series.max()}. Give a threshold between them"
            )
        return label
    absent = [value for value in config.label_values if not _select_values(series, [value]).mask.any()]
    if absent:
        names = config.value_names
        shown = ", ".join(_quoted(names.value(dataset.label, value) if names.is_coded(dataset.label) else value) for value in absent)
        raise ContainerError(
            f"label {dataset.label}: no row has the value {shown} of label_values_or_threshold; its values are "
            f"{_listed_values(names.decode(series.to_frame())[dataset.label])}. Give the favourable ones among them"
        )
    return label


def select_accepted_rows(dataset: Dataset, config: AnalysisConfig, predicted: pd.Series[Any]) -> RowSelection:
    """The rows with the favourable prediction. Predictions are read as the label is: by its threshold, or by its values. Raises
    ContainerError for predictions that aren't labels, such as probabilities, 0 and 1 where the label is yes and no, or Yes for yes."""
    assert dataset.label is not None
    label, found = whole_numbers_as_integers(dataset.frame[dataset.label]), whole_numbers_as_integers(predicted)
    name = f"predicted_label {dataset.predicted_label}" if dataset.predicted_label is not None else f"model {config.model}"
    if not found.notna().any():
        raise ContainerError(f"{name} is empty in every row: choose another column")
    if _is_continuous(label, config.label_values):
        if dataset.predicted_label is None or found.dtype.kind not in "iuf":
            raise ContainerError(
                f"{name} predicts {_listed_values(found)}, and label {dataset.label} is continuous, with the threshold "
                f"{config.label_values[0]}: give predictions of the same quantity, or a label of the predicted values"
            )
        return _select_above(found, config.label_values[0])
    labels = [cast_to_column(found, value) for value in label.dropna().unique()]
    strange = found[found.notna() & ~found.isin(labels)]
    every = {*labels, *strange.unique()}
    if not strange.empty and (len(every) > 2 or (len(strange) == found.count() and every != {0, 1})):
        raise ContainerError(
            f"{name} has values that label {dataset.label} doesn't have: {_listed_values(strange)}; the label's values are "
            f"{_listed_values(label)}. Write both with the same values"
        )
    return _select_values(found, config.label_values)


def _listed_values(series: pd.Series[Any]) -> str:
    """The column's values, the most frequent first, each with the number of its rows."""
    counts = series.value_counts()
    shown = ", ".join(
        f"{_quoted(value)} ({count:,} {'row' if count == 1 else 'rows'})" for value, count in counts.head(MAX_LISTED_VALUES).items()
    )
    return shown + (f" and {len(counts) - MAX_LISTED_VALUES:,} more" if len(counts) > MAX_LISTED_VALUES else "")


def _quoted(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def select_measured_rows(dataset: Dataset, config: AnalysisConfig, group: pd.Series[Any] | None) -> list[MeasuredRows]:
    """The rows of every facet value that is asked for, each value once. Raises ContainerError before anything is computed."""
    label = select_favourable_label(dataset, config)
    found: dict[str, MeasuredRows] = {}
    for name, facet in zip(dataset.facets, config.facets, strict=True):
        for rows in select_facet_rows(dataset.frame[name], facet.values, categorical=name in dataset.categorical):
            kept = label.known & rows.known
            one = MeasuredRows(
                name,
                rows.value_or_threshold,
                kept,
                rows.mask[kept],
                label.mask[kept],
                None if group is None else group[kept],
                int((~label.known).sum()),
                int((label.known & ~rows.known).sum()),
            )
            found.setdefault(one.key, one)
    return list(found.values())


def select_facet_rows(series: pd.Series[Any], values: list[Any] | None, *, categorical: bool = False) -> list[RowSelection]:
    """The rows of a facet. Without values, each value of a categorical column is a facet of its own. Raises ContainerError."""
    series = whole_numbers_as_integers(series)
    if not series.notna().any():
        raise ContainerError(f"facet {series.name} is empty in every row: choose another column")
    if not categorical and _is_continuous(series, values):
        if not values:
            raise ContainerError(f"facet {series.name} is continuous: give a threshold as its value_or_threshold")
        return [_select_above(series, values[0])]
    if not values:
        return [_select_values(series, [value]) for value in sorted(series.dropna().unique().tolist())]
    return [_select_values(series, values)]


def find_thresholds(series: pd.Series[Any], asked: Iterable[list[Any] | None], *, categorical: bool = False) -> list[RowSelection]:
    """The rows above each threshold of a continuous facet, ``asked`` for as one value each; none for a facet whose values are groups."""
    series, limits = whole_numbers_as_integers(series), [values[0] for values in asked if values and len(values) == 1]
    if categorical or not limits or not _is_continuous(series, limits[:1]):
        return []
    found = [_select_above(series, limit) for limit in dict.fromkeys(limits)]
    return list({one.value_or_threshold: one for one in found}.values())


def select_favourable_rows(series: pd.Series[Any], values: list[Any]) -> RowSelection:
    """The rows with the favourable outcome: one of the values, or above the threshold of a continuous label."""
    series = whole_numbers_as_integers(series)
    return _select_above(series, values[0]) if _is_continuous(series, values) else _select_values(series, values)


def whole_numbers_as_integers(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column of whole numbers with empty cells as integers with missing values: pandas reads it as fractions, as if it were a scale."""
    known = series.dropna()
    if series.dtype.kind != "f" or len(known) == len(series) or not np.isfinite(known).all() or not (known == known.round()).all():
        return series
    return series.astype("Int64")


def _is_continuous(series: pd.Series[Any], values: list[Any] | None) -> bool:
    """As smclarify decides it, except for columns of at most two values, which are categorical in small tables too."""
    if series.dtype.kind not in "iuf" or (values is not None and len(values) > 1) or series.nunique() <= 2:
        return False
    return series.dtype.kind == "f" or series.nunique() / max(series.count(), 1) >= MIN_CONTINUOUS_SHARE


def _select_values(series: pd.Series[Any], values: Iterable[Any]) -> RowSelection:
    asked = [cast_to_column(series, value) for value in values]
    return RowSelection(series.isin(asked).to_numpy(dtype=bool), ",".join(map(str, asked)), series.notna().to_numpy(dtype=bool))


def _select_above(series: pd.Series[Any], threshold: Any) -> RowSelection:
    """The rows in (threshold, maximum]."""
    try:
        limit = float(threshold)
    except (TypeError, ValueError) as error:
        raise ContainerError(f"{series.name} is continuous, so that its threshold must be a number, not {threshold!r}") from error
    shown = int(limit) if limit.is_integer() and series.dtype.kind in "iu" else limit
    above = (series > limit).fillna(False).to_numpy(dtype=bool)
    return RowSelection(above, f"({shown}, {series.max()}]", series.notna().to_numpy(dtype=bool))
