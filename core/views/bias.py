"""Bias metrics as a table in words and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pandas as pd
import plotly.graph_objects as go

from core.views.style import BASELINE, GREY, MITIGATED, dress, figure, number

EQUAL_AT_ONE = ("DI",)
"""Ratios: 1, not 0, is no difference between the groups."""


class Measured(Protocol):
    """A bias metric as ``core.analysis.bias`` gives it."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def error(self) -> str | None: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def in_words(self) -> str: ...


def range_text(low: float, high: float) -> str:
    """``[−1, 1]``, and ``(−∞, ∞)`` where there's no bound."""

    def bound(value: float) -> str:
        return number(value, 0) if value == int(value) else number(value, 3)

    left = "(−∞" if low == float("-inf") else f"[{bound(low)}"
    right = "∞)" if high == float("inf") else f"{bound(high)}]"
    return f"{left}, {right}"


def table(models: Mapping[str, Mapping[str, Measured]]) -> pd.DataFrame:
    """One row for each metric: what it measures, its range, each model's value; what the last model's value says, or why it has none."""
    last = list(models.values())[-1]
    rows = []
    for name, metric in last.items():
        values = {model: metrics.get(name) for model, metrics in models.items()}
        rows.append(
            {
                "metric": name,
                "measures": metric.description.removesuffix(f"({name})").strip(),
                "range": range_text(metric.low, metric.high),
                **{
                    model: number(one.value, 4) if one is not None and one.value is not None else "undefined"
                    for model, one in values.items()
                },
                "in words": metric.in_words if metric.value is not None else f"Undefined: {metric.error}",
            }
        )
    return pd.DataFrame(rows)


def reading(models: Mapping[str, Mapping[str, Measured]]) -> pd.DataFrame:
    """``table`` for a narrow page, indexed by metric: the values, and one cell of Markdown with name, range and words."""
    whole = table(models).set_index("metric")
    text = [f"**{row['measures']}**, {row['range']}. {row['in words']}" for _, row in whole.iterrows()]
    return whole[list(models)].assign(reading=text)


def same(models: Mapping[str, Mapping[str, Measured]]) -> bool:
    """Whether all models have the same values, as they do where only the rows are measured."""
    first, *rest = models.values()
    return all({n: m.value for n, m in first.items()} == {n: m.value for n, m in other.items()} for other in rest)


def dots(models: Mapping[str, Mapping[str, Measured]]) -> go.Figure:
    """A row for each metric, a dot for each model; the line is where both groups fare alike (0; for ratios, 1, shown as value − 1)."""
    names = list(dict.fromkeys(name for metrics in models.values() for name in metrics))
    rows = [name for name in names if any(_finite(metrics.get(name)) for metrics in models.values())][::-1]
    fig = figure(x="0: no difference between the groups", height=110 + 30 * max(len(rows), 3))
    labels = {name: f"{name} − 1" if name in EQUAL_AT_ONE else name for name in rows}
    for index, (model, metrics) in enumerate(models.items()):
        found = [name for name in rows if _finite(metrics.get(name))]
        values = [float(metrics[name].value or 0.0) - (1.0 if name in EQUAL_AT_ONE else 0.0) for name in found]
        fig.add_trace(
            go.Scatter(
                x=values,
                y=[labels[name] for name in found],
                mode="markers",
                name=model,
                marker={
                    "size": 11,
                    "color": (BASELINE, MITIGATED)[index % 2],
                    "symbol": ("circle-open", "circle")[index % 2],
                    "line": {"width": 2},
                },
                customdata=[[metrics[name].description, number(metrics[name].value, 4)] for name in found],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<extra>" + model + "</extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color=GREY)
    fig.update_yaxes(categoryorder="array", categoryarray=[labels[name] for name in rows], dtick=1)
    dress(fig, height=110 + 30 * max(len(rows), 3))
    return fig


def _shown(metric: Measured | None) -> str:
    return "undefined" if metric is None or metric.value is None else number(metric.value, 4)


def _finite(metric: Measured | None) -> bool:
    return metric is not None and metric.value is not None and abs(metric.value) != float("inf")
