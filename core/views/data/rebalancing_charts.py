"""What a rebalancing did: counts of label × facet, bias before and after, and a sentence that says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.analysis.bias import PRE_TRAINING
from core.analysis.proportions import Share, difference, share
from core.views.style import BASELINE, FAINT, MITIGATED, dress, figure, number, percent

Counts = Iterable[Mapping[str, Any]]
"""Rows ``{"label", "facet", "count"}``, with ``"weight"`` (sum of the rows' weights) where rows are weighted."""
Values = Mapping[str, Mapping[str, Any]]
"""``{metric: {"value": float | None, "error": str | None}}``."""
Names = Mapping[str, Mapping[int, str]]
"""What codes mean, by column: ``{"SEX": {1: "men"}}``."""


def named(column: str, value: Any, names: Names) -> str:
    """A code in words: ``men`` where that is known, ``SEX = 1`` otherwise."""
    known = names.get(column, {})
    return next((text for code, text in known.items() if str(code) == str(value)), f"{column} = {value}")


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


def counts_figure(before: Counts, after: Counts, *, label: str, facet: str, names: Names | None = None) -> go.Figure:
    """Two heat maps, before and after, on one colour scale."""
    old, new = _wide(before), _wide(after)
    top = max(int(old.to_numpy().max(initial=0)), int(new.to_numpy().max(initial=0)), 1)
    fig = make_subplots(rows=1, cols=2, subplot_titles=("Before", "After"), shared_yaxes=True, horizontal_spacing=0.06)
    for place, wide in ((1, old), (2, new)):
        fig.add_trace(
            go.Heatmap(
                z=wide.to_numpy(),
                x=[named(facet, value, names or {}) for value in wide.columns],
                y=[named(label, value, names or {}) for value in wide.index],
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
                "in words, after": in_words(name, b),
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
    for column, colour, symbol, size in (("before", BASELINE, "circle-open", 17), ("after", MITIGATED, "circle", 11)):
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


def in_words(metric: str, value: float | None) -> str:
    """What a pre-training metric's value says; nothing where it is undefined."""
    return PRE_TRAINING[metric].in_words(value) if value is not None and metric in PRE_TRAINING else ""


def counts_sentence(before: Counts, after: Counts, *, label: str, facet: str, names: Names | None = None) -> str:
    """The cell of label × facet that changed the most, and the total."""
    table = counts_table(before, after)
    total = f"{table['before'].sum():,} rows before, {table['after'].sum():,} after"
    if not table["change"].any():
        return f"{total}: no cell has changed."
    row = table.to_dict("records")[int(table["change"].abs().to_numpy().argmax())]
    cell = f"{named(facet, row['facet'], names or {})}, {named(label, row['label'], names or {})}"
    return f"{total}. Most changed: {cell}, from {row['before']:,} to {row['after']:,}."


def people(manifest: Mapping[str, Any], names: Names | None = None) -> str:
    """What this does to men and women, or whatever the facet's groups are: their favourable outcomes before, with interval and n, and
    after. The rows after are made, not drawn, so they have no interval."""
    config, names = manifest["config"], names or {}
    groups = _groups(manifest, names)
    favourable = str(config.get("favourable", 0))
    found = [[_share(manifest["counts"][when], values, favourable) for _, values in groups] for when in ("before", "after")]
    (old, old_rest), (new, new_rest) = found
    if old is None or old_rest is None or new is None or new_rest is None:
        return ""
    (who, _), (rest, _) = groups
    outcome = named(str(config["label"]), config.get("favourable", 0), names)
    mine, theirs = _moved(old, new, f" the favourable outcome ({outcome})"), _moved(old_rest, new_rest, " it")
    gap, low, high = difference(old, old_rest)
    ends = sorted((abs(low), abs(high))) if low * high > 0 else [low, high]
    within = "" if low * high > 0 else ", so within the noise"
    interval = f"95 % interval {number(100 * ends[0], 1)} to {number(100 * ends[1], 1)}{within}"
    now = _gap(new.value - new_rest.value)
    return f"Of 100 {who}, {mine}; of 100 {rest}, {theirs}. Before, {who} were {_gap(gap)} {rest} ({interval}); after, {now} them."


def _moved(old: Share, new: Share, what: str) -> str:
    now = "as many" if abs(old.value - new.value) < 0.0005 else f"{100 * new.value:.1f}"
    interval = f"95 % interval {100 * old.low:.1f} to {100 * old.high:.1f}, n = {round(old.n):,}"
    return f"{100 * old.value:.1f} have{what} before ({interval}) and {now} after"


def _gap(value: float) -> str:
    if abs(value) < 0.0005:
        return "level with"
    return f"{abs(100 * value):.1f} points {'ahead of' if value > 0 else 'behind'}"


def _groups(manifest: Mapping[str, Any], names: Names) -> list[tuple[str, set[str]]]:
    """(who, values) of the facet's group and of all others."""
    config = manifest["config"]
    facet = str(config["facet"])
    values = sorted({str(row["facet"]) for row in manifest["counts"]["before"]})
    mine = str(config.get("facet_value", values[0]))
    others = [value for value in values if value != mine]
    rest = _who(facet, others[0], names) if len(others) == 1 else "others"
    return [(_who(facet, mine, names), {mine}), (rest, set(others))]


def _who(facet: str, value: str, names: Names) -> str:
    text = named(facet, value, names)
    return f"rows with {text}" if "=" in text else text


def _share(rows: Counts, values: set[str], favourable: str) -> Share | None:
    mine = [(str(row["label"]), float(row.get("weight", row["count"]))) for row in rows if str(row["facet"]) in values]
    return share(sum(weight for label, weight in mine if label == favourable), sum(weight for _, weight in mine))


def made(method: str) -> str:
    """What the rows that a method adds are: copied, or synthetic."""
    return "copied" if method == "random-over" else "synthetic"


def sentence(manifest: Mapping[str, Any], favourable: str) -> str:
    """What the rebalancing did to the two groups, computed from its manifest."""
    config, counts = manifest["config"], manifest["counts"]
    rates_before, rates_after = _rates(counts["before"], favourable), _rates(counts["after"], favourable)
    count, share, split = int(manifest["synthetic"]["count"]), float(manifest["synthetic"]["share"]), manifest["split"]
    gone = int(split["original_train_rows"]) - (int(split["train_rows"]) - count)
    parts = []
    for facet, rate in rates_before.items():
        now = rates_after.get(facet)
        if now is not None:
            moved = f"from {percent(rate)} to {percent(now)}" if abs(now - rate) >= 0.0005 else f"unchanged at {percent(rate)}"
            parts.append(f"for {config['facet']} = {facet} {moved}")
    text = f"{count:,} {made(config['method'])} rows ({percent(share)} of the training rows). "
    if gone and config["order"] == "split_first":
        text += f"{gone:,} real rows are taken out. "
    text += f"The share of favourable outcomes: {'; '.join(parts)}."
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
