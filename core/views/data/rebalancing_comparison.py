"""Several rebalancings side by side: rows, synthetic share, bias before and after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias.metric_registry import changes_sign
from core.analysis.resampling.rebalancing_manifest import RebalancingManifest
from core.views.data.rebalancing_sentences import added_rows_kind
from core.views.shared.figure_style import BASELINE_COLOUR, MITIGATED_COLOUR, new_figure
from core.views.shared.number_text import format_number, format_percent

Manifests = Mapping[str, RebalancingManifest]
"""Name of the rebalancing → its manifest."""


def metric_value(manifest: RebalancingManifest, metric: str, stage: str) -> float | None:
    """A pre-training metric; None where it is undefined."""
    found = manifest["pre_training_bias"][stage].get(metric, {}).get("value")
    return None if found is None else float(found)


def rebalancings_table(manifests: Manifests, methods: Mapping[str, str], metrics: Sequence[str]) -> pd.DataFrame:
    """A row for each rebalancing; a metric whose sign flips against the rows before has ⇄."""
    rows = []
    for name, manifest in manifests.items():
        config = manifest["config"]
        row: dict[str, str | int] = {
            "rebalancing": name,
            "method": methods.get(config["method"], config["method"]),
            "balanced": config["target"] if config["method"] not in {"none", "reweighing"} else "–",
            "order": "split first" if config["order"] == "split_first" else "⚠ leaks",
            "training rows": int(manifest["split"]["train_rows"]),
            "synthetic": format_percent(float(manifest["synthetic"]["share"])),
            "leaked rows": int(manifest["leaked_rows"]),
        }
        for metric in metrics:
            old, new = metric_value(manifest, metric, "before"), metric_value(manifest, metric, "after")
            flipped = old is not None and new is not None and old * new < 0
            row[f"{metric} before"], row[f"{metric} after"] = format_number(old), format_number(new) + (" ⇄" if flipped else "")
        rows.append(row)
    return pd.DataFrame(rows)


def change_figure(manifests: Manifests, metric: str) -> go.Figure:
    """One metric: a line from before to after for each rebalancing; zero is no difference between the groups."""
    names = list(manifests)[::-1]
    fig = new_figure(x=f"{metric} (0: no difference)", height=90 + 42 * max(len(names), 2))
    for name in names:
        old, new = (metric_value(manifests[name], metric, when) for when in ("before", "after"))
        if old is not None and new is not None:
            fig.add_annotation(
                x=new, y=name, ax=old, ay=name, xref="x", yref="y", axref="x", ayref="y", arrowhead=2, arrowwidth=2, arrowcolor="#8A93A0"
            )
    for when, colour, symbol, size in (("before", BASELINE_COLOUR, "circle-open", 17), ("after", MITIGATED_COLOUR, "circle", 11)):
        fig.add_trace(
            go.Scatter(
                x=[metric_value(manifests[name], metric, when) for name in names],
                y=names,
                mode="markers",
                name=when,
                marker={"color": colour, "size": size, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate="%{y} " + when + ": %{x:.4f}<extra></extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color="#8A93A0")
    return fig


def change_table(manifests: Manifests, metric: str) -> pd.DataFrame:
    """``change_figure`` as a table, with the reason where a value is undefined."""
    rows = []
    for name, manifest in manifests.items():
        both = {when: metric_value(manifest, metric, when) for when in ("before", "after")}
        why = next((e for when in both if (e := manifest["pre_training_bias"][when].get(metric, {}).get("error"))), "")
        rows.append({"rebalancing": name, **both, "why undefined": why})
    return pd.DataFrame(rows)


def best_rebalancing_sentence(manifests: Manifests, metric: str = "DPL") -> str:
    """Which rebalancing brings the groups' labels nearest to each other, which flip the difference, and which leak how many rows."""
    known = {name: new for name, m in manifests.items() if (new := metric_value(m, metric, "after")) is not None}
    if len(known) < 2:
        return f"{metric} is defined for {len(known)} of {len(manifests)} rebalancings: there is nothing to compare."
    best = min(known, key=lambda name: abs(known[name]))
    rows, made = int(manifests[best]["split"]["train_rows"]), int(manifests[best]["synthetic"]["count"])
    kind = added_rows_kind(manifests[best]["config"]["method"])
    text = f"{metric} is nearest to 0 with **{best}** ({format_number(known[best])}; {rows:,} rows, {made:,} of them {kind})."
    flips = [
        name
        for name, new in known.items()
        if (old := metric_value(manifests[name], metric, "before")) is not None and changes_sign(metric, old, new)
    ]
    if flips:
        text += f" It changes its sign with {', '.join(flips)}: there the other group is ahead afterwards."
    leaks = [name for name, m in manifests.items() if m["leaked_rows"]]
    if leaks:
        text += f" {', '.join(leaks)} leak{'s' if len(leaks) == 1 else ''} held-out rows into training."
    if metric_value(manifests[best], "CI", "after") not in (None, 0.0) and any(
        abs(metric_value(m, "CI", "after") or 0) < 0.005 for m in manifests.values()
    ):
        text += " An equal count of rows (CI = 0) is not what brings the labels together."
    return text
