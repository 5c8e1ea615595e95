"""What rebalancing changed in training rows: counts, shares of favourable labels, and bias by a facet, before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.bias_metrics import pre_training_bias
from core.analysis.resampling.label_shares import measure_label_shares
from core.analysis.resampling.rebalancing_manifest import CellCount, GroupLabelShareEntry, MetricEntry
from core.analysis.tables.column_kinds import bin_group
from core.analysis.tables.value_names import ValueNames

MAX_GROUPS = 15
Weights = NDArray[np.float64] | None


@dataclass(frozen=True)
class FacetRoles:
    """The columns by which change is measured: label and favourable value, facet and its value, and the group variable, if there is one."""

    label: str
    favourable: int
    facet: str
    facet_value: int
    group: str | None
    names: ValueNames


class BeforeAndAfter(TypedDict, total=False):
    """Of the rows that have a value of the facet; ``without_facet``: how many have none, left out where all have one."""

    label_shares: list[GroupLabelShareEntry]
    counts: dict[str, list[CellCount]]
    pre_training_bias: dict[str, dict[str, MetricEntry]]
    without_facet: dict[str, int]


def compare_before_and_after(
    train: pd.DataFrame, after: pd.DataFrame, weights: Weights, asked: NDArray[np.float64], roles: FacetRoles
) -> BeforeAndAfter:
    """Compare training rows, shape (n, columns), with what rebalancing made of them, shape (m, columns). ``weights``: (m,), one for each
    row after, or None; ``asked``: (n,), how many rows the target asks for in place of each (``resampling.asked_counts``)."""
    known, known_after = (frame[roles.facet].notna().to_numpy() for frame in (train, after))
    before, now = train[known], after[known_after]
    weights = None if weights is None else weights[known_after]
    pooled = before[roles.facet].nunique() > MAX_GROUPS
    old, new = (_groups(frame, roles, pooled=pooled) for frame in (before, now))
    found: BeforeAndAfter = {
        "label_shares": [group.to_json() for group in measure_label_shares(old, new, asked[known], weights)],
        "counts": {"before": _count_cells(before, roles, None), "after": _count_cells(now, roles, weights)},
        "pre_training_bias": {"before": _metric_values(before, roles, None), "after": _metric_values(now, roles, weights)},
    }
    return found if known.all() else {**found, "without_facet": {"before": int((~known).sum()), "after": int((~known_after).sum())}}


def _groups(frame: pd.DataFrame, roles: FacetRoles, *, pooled: bool) -> tuple[pd.Series, NDArray[np.bool_]]:
    """(the facet's value, or "others" than the named one if ``pooled``; whether the label is favourable) of each row."""
    groups = frame[roles.facet].map(_json_number)
    if pooled:
        groups = groups.where(groups == roles.facet_value, "others")
    return groups, (frame[roles.label] == roles.favourable).to_numpy()


def _count_cells(frame: pd.DataFrame, roles: FacetRoles, weights: Weights) -> list[CellCount]:
    table = frame[[roles.label, roles.facet]].assign(weight=1.0 if weights is None else weights)
    cells = table.groupby([roles.label, roles.facet])["weight"].agg(["size", "sum"]).reset_index()
    return [
        {"label": int(row.iloc[0]), "facet": _json_number(row.iloc[1]), "count": int(row.iloc[2]), "weight": float(row.iloc[3])}
        for _, row in cells.iterrows()
    ]


def _metric_values(frame: pd.DataFrame, roles: FacetRoles, weights: Weights) -> dict[str, MetricEntry]:
    group = frame[roles.group] if roles.group else None
    if group is not None and group.nunique() > MAX_GROUPS and not roles.names.is_coded(str(roles.group)):  # codes aren't a scale
        group = bin_group(group, 5)
    facet = (frame[roles.facet] == roles.facet_value).to_numpy(dtype=bool)
    favourable = (frame[roles.label] == roles.favourable).to_numpy(dtype=bool)
    metrics = pre_training_bias(facet, favourable, None if group is None else group.to_numpy(), weight=weights)
    return {
        name: {"value": metric.value if metric.value is None or np.isfinite(metric.value) else str(metric.value), "error": metric.error}
        for name, metric in metrics.items()
    }


def _json_number(value: float) -> int | float:
    """A number for JSON: whole numbers without a fraction."""
    return int(value) if float(value).is_integer() else float(value)
