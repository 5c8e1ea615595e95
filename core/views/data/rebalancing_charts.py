"""What a rebalancing did: counts of label × facet, bias before and after, and a sentence that says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.analysis.bias.bias_metrics import PRE_TRAINING
from core.analysis.intervals.proportions import Share, share_difference, share_with_interval
from core.views.shared.figure_style import (
    BASELINE_COLOUR,
    FAINT_COLOUR,
    MITIGATED_COLOUR,
    apply_layout,
    format_number,
    format_percent,
    new_figure,
)

Counts = Iterable[Mapping[str, Any]]
"""Rows ``{"label", "facet", "count"}``, with ``"weight"`` (sum of the rows' weights) where rows are weighted."""
MetricValues = Mapping[str, Mapping[str, Any]]
"""``{metric: {"value": float | None, "error": str | None}}``."""
CodeNames = Mapping[str, Mapping[int, str]]
"""What codes mean, by column: ``{"SEX": {1: "men"}}``."""


def value_in_words(column: str, value: Any, names: CodeNames) -> str:
    """A code in words: ``men`` where that is known, ``SEX = 1`` otherwise."""
    known = names.get(column, {})
    return next((text for code, text in known.items() if str(code) == str(value)), f"{column} = {value}")


def _pivot_counts(rows: Counts) -> pd.DataFrame:
    cells = [(str(row["label"]), str(row["facet"]), float(row.get("weight", row["count"]))) for row in rows]
    frame = pd.DataFrame(cells, columns=["label", "facet", "count"])
    return frame.pivot_table(index="label", columns="facet", values="count", aggfunc="sum", fill_value=0)


def counts_table(before: Counts, after: Counts) -> pd.DataFrame:
    """Rows of the training part by label and facet, before and after, with the difference."""
    old, new = _pivot_counts(before).stack(), _pivot_counts(after).stack()
    table = pd.DataFrame({"before": old, "after": new}).fillna(0).round().astype(int)
    table["change"] = table["after"] - table["before"]
    return table.reset_index()


def counts_figure(before: Counts, after: Counts, *, label: str, facet: str, names: CodeNames | None = None) -> go.Figure:
    """Two heat maps, before and after, on one colour scale."""
    old, new = _pivot_counts(before), _pivot_counts(after)
    top = max(int(old.to_numpy().max(initial=0)), int(new.to_numpy().max(initial=0)), 1)
    fig = make_subplots(rows=1, cols=2, subplot_titles=("Before", "After"), shared_yaxes=True, horizontal_spacing=0.06)
    for place, wide in ((1, old), (2, new)):
        fig.add_trace(
            go.Heatmap(
                z=wide.to_numpy(),
                x=[value_in_words(facet, value, names or {}) for value in wide.columns],
                y=[value_in_words(label, value, names or {}) for value in wide.index],
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
    apply_layout(fig, height=352, legend=False, top=36)
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    return fig


def bias_table(before: MetricValues, after: MetricValues, described: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Pre-training metrics before and after; ``sign`` says where a metric turned round."""
    rows = []
    for name in sorted(set(before) | set(after)):
        old, new = before.get(name, {}), after.get(name, {})
        a, b = _metric_value(old), _metric_value(new)
        flipped = a is not None and b is not None and a * b < 0
        rows.append(
            {
                "metric": name,
                "description": (described or {}).get(name, ""),
                "before": a,
                "after": b,
                "change": None if a is None or b is None else b - a,
                "sign": "flipped" if flipped else "kept" if a is not None and b is not None else "–",
                "in words, after": metric_in_words(name, b),
                "why undefined": old.get("error") or new.get("error") or "",
            }
        )
    return pd.DataFrame(rows)


def bias_figure(table: pd.DataFrame) -> go.Figure:
    """A line from before to after for each metric of ``bias_table``; zero is no difference between the groups."""
    known = table.dropna(subset=["before", "after"]).iloc[::-1]
    names = [f"{row.metric} ⇄" if row.sign == "flipped" else row.metric for row in known.itertuples()]
    fig = new_figure(x="value (0: no difference)", height=80 + 34 * max(len(known), 3))
    for name, row in zip(names, known.itertuples(), strict=True):
        fig.add_trace(
            go.Scatter(
                x=[row.before, row.after],
                y=[name, name],
                mode="lines",
                line={"color": FAINT_COLOUR, "width": 5},
                showlegend=False,
                hoverinfo="skip",
            )
        )
    for column, colour, symbol, size in (("before", BASELINE_COLOUR, "circle-open", 17), ("after", MITIGATED_COLOUR, "circle", 11)):
        fig.add_trace(
            go.Scatter(
                x=known[column],
                y=names,
                mode="markers",
                name=column,
                marker={"color": colour, "size": size, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate="%{y} " + column + ": %{x:.4f}<extra></extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color="#8A93A0")
    return fig


def metric_in_words(metric: str, value: float | None) -> str:
    """What a pre-training metric's value says; nothing where it is undefined."""
    return PRE_TRAINING[metric].in_words(value) if value is not None and metric in PRE_TRAINING else ""


def counts_sentence(before: Counts, after: Counts, *, label: str, facet: str, names: CodeNames | None = None) -> str:
    """The cell of label × facet that changed the most, and the total."""
    table = counts_table(before, after)
    total = f"{table['before'].sum():,} rows before, {table['after'].sum():,} after"
    if not table["change"].any():
        return f"{total}: no cell has changed."
    row = table.to_dict("records")[int(table["change"].abs().to_numpy().argmax())]
    cell = f"{value_in_words(facet, row['facet'], names or {})}, {value_in_words(label, row['label'], names or {})}"
    return f"{total}. Most changed: {cell}, from {row['before']:,} to {row['after']:,}."


def group_outcomes_sentence(manifest: Mapping[str, Any], names: CodeNames | None = None) -> str:
    """What this does to men and women, or whatever the facet's groups are: their favourable outcomes before, with interval and n, and
    after. The rows after are made, not drawn, so they have no interval."""
    config, names = manifest["config"], names or {}
    groups = _facet_groups(manifest, names)
    favourable = str(config.get("favourable", 0))
    found = [[_favourable_share(manifest["counts"][when], values, favourable) for _, values in groups] for when in ("before", "after")]
    (old, old_rest), (new, new_rest) = found
    if old is None or old_rest is None or new is None or new_rest is None:
        return ""
    (who, _), (rest, _) = groups
    outcome = value_in_words(str(config["label"]), config.get("favourable", 0), names)
    mine, theirs = _change_text(old, new, f" the favourable outcome ({outcome})"), _change_text(old_rest, new_rest, " it")
    gap, low, high = share_difference(old, old_rest)
    ends = sorted((abs(low), abs(high))) if low * high > 0 else [low, high]
    within = "" if low * high > 0 else ", so within the noise"
    interval = f"95 % interval {format_number(100 * ends[0], 1)} to {format_number(100 * ends[1], 1)}{within}"
    now = _gap_text(new.value - new_rest.value)
    return f"Of 100 {who}, {mine}; of 100 {rest}, {theirs}. Before, {who} were {_gap_text(gap)} {rest} ({interval}); after, {now} them."


def _change_text(old: Share, new: Share, what: str) -> str:
    now = "as many" if abs(old.value - new.value) < 0.0005 else f"{100 * new.value:.1f}"
    interval = f"95 % interval {100 * old.low:.1f} to {100 * old.high:.1f}, n = {round(old.n):,}"
    return f"{100 * old.value:.1f} have{what} before ({interval}) and {now} after"


def _gap_text(value: float) -> str:
    if abs(value) < 0.0005:
        return "level with"
    return f"{abs(100 * value):.1f} points {'ahead of' if value > 0 else 'behind'}"


def _facet_groups(manifest: Mapping[str, Any], names: CodeNames) -> list[tuple[str, set[str]]]:
    """(who, values) of the facet's group and of all others."""
    config = manifest["config"]
    facet = str(config["facet"])
    values = sorted({str(row["facet"]) for row in manifest["counts"]["before"]})
    mine = str(config.get("facet_value", values[0]))
    others = [value for value in values if value != mine]
    rest = _group_text(facet, others[0], names) if len(others) == 1 else "others"
    return [(_group_text(facet, mine, names), {mine}), (rest, set(others))]


def _group_text(facet: str, value: str, names: CodeNames) -> str:
    text = value_in_words(facet, value, names)
    return f"rows with {text}" if "=" in text else text


def _favourable_share(rows: Counts, values: set[str], favourable: str) -> Share | None:
    mine = [(str(row["label"]), float(row.get("weight", row["count"]))) for row in rows if str(row["facet"]) in values]
    return share_with_interval(sum(weight for label, weight in mine if label == favourable), sum(weight for _, weight in mine))


def added_rows_kind(method: str) -> str:
    """What the rows that a method adds are: copied, or synthetic."""
    return "copied" if method == "random-over" else "synthetic"


def rebalancing_sentence(manifest: Mapping[str, Any], favourable: str) -> str:
    """What the rebalancing did to the two groups, computed from its manifest."""
    config, counts = manifest["config"], manifest["counts"]
    rates_before, rates_after = _favourable_rates(counts["before"], favourable), _favourable_rates(counts["after"], favourable)
    count, share, split = int(manifest["synthetic"]["count"]), float(manifest["synthetic"]["share"]), manifest["split"]
    gone = int(split["original_train_rows"]) - (int(split["train_rows"]) - count)
    parts = []
    for facet, rate in rates_before.items():
        now = rates_after.get(facet)
        if now is not None:
            moved = (
                f"from {format_percent(rate)} to {format_percent(now)}"
                if abs(now - rate) >= 0.0005
                else f"unchanged at {format_percent(rate)}"
            )
            parts.append(f"for {config['facet']} = {facet} {moved}")
    text = f"{count:,} {added_rows_kind(config['method'])} rows ({format_percent(share)} of the training rows). "
    if gone and config["order"] == "split_first":
        text += f"{gone:,} real rows are taken out. "
    text += f"The share of favourable outcomes: {'; '.join(parts)}."
    bias = manifest["pre_training_bias"]
    imbalance = (_metric_value(bias["before"].get("CI", {})), _metric_value(bias["after"].get("CI", {})))
    if None not in imbalance:
        text += f" Class imbalance goes from {format_number(imbalance[0])} to {format_number(imbalance[1])}"
    old, new = _metric_value(bias["before"].get("DPL", {})), _metric_value(bias["after"].get("DPL", {}))
    if old is not None and new is not None:
        text += f", the difference in favourable labels (DPL) from {format_number(old)} to {format_number(new)}"
        if old * new < 0:
            text += ": its sign flips, so the group that was behind is now ahead in the data, and a balanced count is no fixed bias"
        elif abs(new) > abs(old) + 0.0005:
            text += ": the groups' outcomes are further apart than before"
        elif abs(new) < abs(old) - 0.0005:
            text += ": the groups' outcomes are closer than before"
    return text + "."


def _favourable_rates(rows: Counts, favourable: str) -> dict[str, float]:
    wide = _pivot_counts(rows)
    totals = wide.sum(axis=0)
    good = wide.loc[favourable] if favourable in wide.index else totals * 0
    return {str(facet): float(good[facet] / totals[facet]) for facet in wide.columns if totals[facet]}


def _metric_value(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("value")
    return None if value is None else float(value)
