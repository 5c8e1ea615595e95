"""What a rebalancing did: counts of label × facet, bias before and after, and a sentence that says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.views.style import BASELINE, FAINT, MITIGATED, dress, figure, number, percent

Counts = Iterable[Mapping[str, Any]]
"""Rows ``{"label", "facet", "count"}``, with ``"weight"`` (sum of the rows' weights) where rows are weighted."""
Values = Mapping[str, Mapping[str, Any]]
"""``{metric: {"value": float | None, "error": str | None}}``."""


def _wide(rows: Counts) -> pd.DataFrame:
    cells = [(str(row["label"]), str(row["facet"]), float(row.get("weight", row["count"]))) for row in rows]
    frame = pd.DataFrame(cells, columns=["label", "facet", "count"])
    return frame.pivot_table(index="label", columns="facet", values="count", aggfunc="sum", fill_value=0)


def counts_table(before: Counts, after: Counts) -> pd.DataFrame:
    """Rows of the training part by label and facet, before and after, with the difference."""
    old, new = _wide(before).stack(), _wide(after).stack()
    table = pd.DataFrame({"before": old, "after": new}).fillna(0).round().astype(int)
    table["change"] = table["after"] - table["before"]
    return table.reset_index()


def counts_figure(before: Counts, after: Counts, *, label: str, facet: str) -> go.Figure:
    """Two heat maps, before and after, on one colour scale."""
    old, new = _wide(before), _wide(after)
    top = max(int(old.to_numpy().max(initial=0)), int(new.to_numpy().max(initial=0)), 1)
    fig = make_subplots(rows=1, cols=2, subplot_titles=("Before", "After"), shared_yaxes=True, horizontal_spacing=0.06)
    for place, wide in ((1, old), (2, new)):
        fig.add_trace(
            go.Heatmap(
                z=wide.to_numpy(),
                x=[f"{facet} = {value}" for value in wide.columns],
                y=[f"{label} = {value}" for value in wide.index],
                text=[[f"{round(cell):,}" for cell in row] for row in wide.to_numpy()],
                texttemplate="%{text}",
                textfont={"size": 14},
                coloraxis="coloraxis",
                xgap=3,
                ygap=3,
                hovertemplate="%{y}, %{x}: %{text} rows<extra></extra>",
            ),
            row=1,
            col=place,
        )
    fig.update_coloraxes(cmin=0, cmax=top, showscale=False)
    dress(fig, height=352, legend=False, top=36)
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    return fig


def bias_table(before: Values, after: Values, described: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Pre-training metrics before and after; ``sign`` says where a metric turned round."""
    rows = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name, {}), after.get(name, {})
        a, b = _value(old), _value(new)
        flipped = a is not None and b is not None and a * b < 0
        rows.append(
            {
                "metric": name,
                "description": (described or {}).get(name, ""),
                "before": a,
                "after": b,
                "change": None if a is None or b is None else b - a,
                "sign": "flipped" if flipped else "kept" if a is not None and b is not None else "–",
                "why undefined": old.get("error") or new.get("error") or "",
            }
        )
    return pd.DataFrame(rows)


def bias_figure(table: pd.DataFrame) -> go.Figure:
    """A line from before to after for each metric of ``bias_table``; zero is no difference between the groups."""
    known = table.dropna(subset=["before", "after"]).iloc[::-1]
    names = [f"{row.metric} ⇄" if row.sign == "flipped" else row.metric for row in known.itertuples()]
    fig = figure(x="value (0: no difference)", height=80 + 34 * max(len(known), 3))
    for name, row in zip(names, known.itertuples(), strict=True):
        fig.add_trace(
            go.Scatter(
                x=[row.before, row.after],
                y=[name, name],
                mode="lines",
                line={"color": FAINT, "width": 5},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    for column, colour, symbol in (("before", BASELINE, "circle-open"), ("after", MITIGATED, "circle")):
        fig.add_trace(
            go.Scatter(
                x=known[column],
                y=names,
                mode="markers",
                name=column,
                marker={"color": colour, "size": 12, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate="%{y} " + column + ": %{x:.4f}<extra></extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color="#8A93A0")
    return fig


def sentence(manifest: Mapping[str, Any], favourable: str) -> str:
    """What the rebalancing did to the two groups, computed from its manifest."""
    config, counts = manifest["config"], manifest["counts"]
    rates_before, rates_after = _rates(counts["before"], favourable), _rates(counts["after"], favourable)
    made, share = int(manifest["synthetic"]["count"]), float(manifest["synthetic"]["share"])
    parts = []
    for facet, rate in rates_before.items():
        now = rates_after.get(facet)
        if now is not None:
            moved = f"from {percent(rate)} to {percent(now)}" if abs(now - rate) >= 0.0005 else f"unchanged at {percent(rate)}"
            parts.append(f"for {config['facet']} = {facet} {moved}")
    text = f"{made:,} synthetic rows ({percent(share)} of the training rows). The share of favourable outcomes: {'; '.join(parts)}."
    bias = manifest["pre_training_bias"]
    imbalance = (_value(bias["before"].get("CI", {})), _value(bias["after"].get("CI", {})))
    if None not in imbalance:
        text += f" Class imbalance goes from {number(imbalance[0])} to {number(imbalance[1])}"
    old, new = _value(bias["before"].get("DPL", {})), _value(bias["after"].get("DPL", {}))
    if old is not None and new is not None:
        text += f", the difference in favourable labels (DPL) from {number(old)} to {number(new)}"
        if old * new < 0:
            text += ": its sign flips, so the group that was behind is now ahead in the data, and a balanced count is no fixed bias"
        elif abs(new) > abs(old) + 0.0005:
            text += ": the groups' outcomes are further apart than before"
        elif abs(new) < abs(old) - 0.0005:
            text += ": the groups' outcomes are closer than before"
    return text + "."


def _rates(rows: Counts, favourable: str) -> dict[str, float]:
    wide = _wide(rows)
    totals = wide.sum(axis=0)
    good = wide.loc[favourable] if favourable in wide.index else totals * 0
    return {str(facet): float(good[facet] / totals[facet]) for facet in wide.columns if totals[facet]}


def _value(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("value")
    return None if value is None else float(value)
