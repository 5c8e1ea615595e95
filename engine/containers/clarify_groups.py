"""All groups of a Clarify job in one table: every value of every facet and of the group variable, and their intersections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.bias.group_table import GroupColumn, GroupTable, measure_groups
from core.analysis.bias.outcome_counts import BoolArray
from core.analysis.tables.value_names import ValueNames
from engine.containers import clarify_rows
from engine.containers.clarify_config import AnalysisConfig
from engine.containers.clarify_data import Dataset
from engine.containers.clarify_rows import RowSelection

MAX_GROUP_VALUES = 100
"""A group variable with more values that isn't binned is no facet: its groups would be single people."""


def measure_group_table(
    dataset: Dataset, config: AnalysisConfig, group: pd.Series[Any] | None, label: RowSelection, accepted: RowSelection | None
) -> GroupTable:
    """The table of the rows that have a label and, where predictions are asked for, a prediction. Every facet has all its values in it."""
    kept = label.known if accepted is None else label.known & accepted.known
    columns = [column for name in dict.fromkeys(dataset.facets) for column in _facet_columns(dataset, config, name, kept)]
    if group is not None and dataset.group not in dataset.facets and group.nunique() <= MAX_GROUP_VALUES:
        columns.append(column_of_values(group[kept], config.value_names, config.derived))
    return measure_groups(columns, label.mask[kept], None if accepted is None else accepted.mask[kept])


def _facet_columns(dataset: Dataset, config: AnalysisConfig, name: str, kept: BoolArray) -> list[GroupColumn]:
    """The groups of a facet: its values, or both sides of each of its thresholds where it is continuous."""
    asked = [facet.values for column, facet in zip(dataset.facets, config.facets, strict=True) if column == name]
    thresholds = clarify_rows.find_thresholds(dataset.frame[name], asked, categorical=name in dataset.categorical)
    if not thresholds:
        return [column_of_values(clarify_rows.whole_numbers_as_integers(dataset.frame[name])[kept], config.value_names, config.derived)]
    found = []
    for sides in thresholds:
        codes = np.where(sides.known, sides.mask.astype(np.int64), -1)[kept]
        limit = sides.value_or_threshold[1:].partition(",")[0].removesuffix(".0")
        found.append(GroupColumn(name, codes, (f"≤ {limit}", sides.value_or_threshold), (f"{name} ≤ {limit}", f"{name} > {limit}")))
    return found


def column_of_values(series: pd.Series[Any], names: ValueNames, derived: Mapping[str, str]) -> GroupColumn:
    """Every value of a column, or every category of a grouped one, as a group. ``names``: what codes stand for; ``derived``: facet by a
    threshold -> the column that it is made of."""
    name = str(series.name)
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes, values = series.cat.codes.to_numpy(), tuple(map(str, series.cat.categories))
    else:
        found, uniques = pd.factorize(series, sort=True)
        codes, values = found, tuple(map(str, uniques))
    named = isinstance(series.dtype, pd.CategoricalDtype) and names.is_coded(name)  # its categories are values already
    words = tuple(names.describe_value(name, value) if named else names.describe(name, value) for value in values)
    return GroupColumn(name, codes.astype(np.int64), values, words, derived.get(name, ""))
