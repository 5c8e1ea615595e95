"""Bias metrics as a table in words and as a picture."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias.metric_registry import neutral_value
from core.views.shared.figure_style import BASELINE_COLOUR, GREY, MITIGATED_COLOUR, new_figure
from core.views.shared.metric_like import MetricLike, MetricsByModel
from core.views.shared.number_text import format_number


def value_text(metric: MetricLike | None, digits: int = 4) -> str:
    """``0.0312 [0.0101, 0.0522]``; ``undefined`` where there's no value."""
    if metric is None or metric.value is None:
        return "undefined"
    ends = metric.interval
    if ends is None or ends.low is None:
        return format_number(metric.value, digits)
    return f"{format_number(metric.value, digits)} [{format_number(ends.low, digits)}, {format_number(ends.high, digits)}]"


def certainty_text(metric: MetricLike) -> str:
    """Whether the metric's interval excludes "no difference"; "" where it has no interval. Of a distance, which can't
    fall below 0, only n."""
    ends, neutral = metric.interval, neutral_value(metric.name)
    if metric.value is None or ends is None:
        return ""
    if ends.low is None or ends.high is None:
        return f"No interval: {ends.why}." if ends.why else ""
    if metric.low >= neutral:
        return f"n = {ends.n:,}."
    if ends.low <= neutral <= ends.high:
        return f"**Within the noise**: the interval contains {neutral:g}, so these rows can't tell, n = {ends.n:,}."
    return f"Beyond the noise, n = {ends.n:,}."


def range_text(low: float, high: float) -> str:
    """``[−1, 1]``, and ``(−∞, ∞)`` where it is unbounded."""

    def bound(value: float) -> str:
        return format_number(value, 0) if value == int(value) else format_number(value, 3)

    left = "(−∞" if low == float("-inf") else f"[{bound(low)}"
    right = "∞)" if high == float("inf") else f"{bound(high)}]"
    return f"{left}, {right}"


def metrics_table(models: MetricsByModel) -> pd.DataFrame:
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
                **{model: value_text(one) for model, one in values.items()},
                "in words": metric.in_words if metric.value is not None else f"Undefined: {metric.error}",
                "certainty": certainty_text(metric),
            }
        )
    return pd.DataFrame(rows)


def compact_table(models: MetricsByModel) -> pd.DataFrame:
    """``metrics_table`` for a narrow page, indexed by metric: the values, and one cell of Markdown with name, range and words."""
    whole = metrics_table(models).set_index("metric")
    text = [f"**{row['measures']}**, {row['range']}. {row['in words']} {row['certainty']}".strip() for _, row in whole.iterrows()]
    return whole[list(models)].assign(reading=text)


def has_same_values(models: MetricsByModel) -> bool:
    """Whether all models have the same values, as they do where only the rows are measured."""
    first, *rest = models.values()
    return all({n: m.value for n, m in first.items()} == {n: m.value for n, m in other.items()} for other in rest)


def metrics_figure(models: MetricsByModel) -> go.Figure:
    """A row for each metric, a dot for each model; the line is where both groups are treated alike (0; for ratios, 1,
    shown as value − 1)."""
    names = list(dict.fromkeys(name for metrics in models.values() for name in metrics))
    rows = [name for name in names if any(_is_finite(metrics.get(name)) for metrics in models.values())][::-1]
    known = any(metric.interval is not None for metrics in models.values() for metric in metrics.values())
    fig = new_figure(x=f"value{', 95 % interval' if known else ''} (0: no difference)", height=110 + 34 * max(len(rows), 3))
    labels = {name: f"{name} − {neutral_value(name):g}" if neutral_value(name) else name for name in rows}
    for index, (model, metrics) in enumerate(models.items()):
        found = [name for name in rows if _is_finite(metrics.get(name))]
        values = [float(metrics[name].value or 0.0) - neutral_value(name) for name in found]
        fig.add_trace(
            go.Scatter(
                x=values,
                y=[rows.index(name) + (0.16 if index == 0 else -0.16) * (len(models) > 1) for name in found],
                mode="markers",
                name=model,
                marker={
                    "size": 11,
                    "color": (BASELINE_COLOUR, MITIGATED_COLOUR)[index % 2],
                    "symbol": ("circle-open", "circle")[index % 2],
                    "line": {"width": 2},
                },
                error_x=_error_bars([metrics[name] for name in found]) if known else None,
                customdata=[[metrics[name].description, value_text(metrics[name])] for name in found],
                hovertemplate="%{customdata[0]}: %{customdata[1]}<extra>" + model + "</extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color=GREY)
    fig.update_yaxes(tickvals=list(range(len(rows))), ticktext=[labels[name] for name in rows], range=[-0.7, len(rows) - 0.3])
    fig.update_yaxes(zeroline=False)
    return fig


def _error_bars(metrics: list[MetricLike]) -> dict[str, object]:
    """The intervals as error bars; none where an end is infinite or unknown."""
    up, down = [], []
    for metric in metrics:
        ends, value = metric.interval, metric.value or 0.0
        known = ends is not None and ends.low is not None and ends.high is not None and abs(ends.low) + abs(ends.high) != float("inf")
        up.append(ends.high - value if known and ends is not None and ends.high is not None else None)
        down.append(value - ends.low if known and ends is not None and ends.low is not None else None)
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.5, "width": 3}


def _is_finite(metric: MetricLike | None) -> bool:
    return metric is not None and metric.value is not None and abs(metric.value) != float("inf")
