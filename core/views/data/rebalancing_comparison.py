"""Several rebalancings side by side: rows, synthetic share, bias before and after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from core.views.rebalancing import made as made_by
from core.views.style import BASELINE, MITIGATED, figure, number, percent

Manifests = Mapping[str, Mapping[str, Any]]
"""Name of the rebalancing → its manifest."""


def value(manifest: Mapping[str, Any], metric: str, when: str) -> float | None:
    """A pre-training metric; None where it is undefined."""
    found = manifest["pre_training_bias"][when].get(metric, {}).get("value")
    return None if found is None else float(found)


def table(manifests: Manifests, methods: Mapping[str, str], metrics: Sequence[str]) -> pd.DataFrame:
    """A row for each rebalancing; a metric whose sign flips against the rows before has ⇄."""
    rows = []
    for name, manifest in manifests.items():
        config = manifest["config"]
        row: dict[str, Any] = {
            "rebalancing": name,
            "method": methods.get(config["method"], config["method"]),
            "balanced": config["target"] if config["method"] not in {"none", "reweighing"} else "–",
            "order": "split first" if config["order"] == "split_first" else "⚠ leaks",
            "training rows": int(manifest["split"]["train_rows"]),
            "synthetic": percent(float(manifest["synthetic"]["share"])),
            "leaked rows": int(manifest["leaked_rows"]),
        }
        for metric in metrics:
            old, new = value(manifest, metric, "before"), value(manifest, metric, "after")
            flipped = old is not None and new is not None and old * new < 0
            row[f"{metric} before"], row[f"{metric} after"] = number(old), number(new) + (" ⇄" if flipped else "")
        rows.append(row)
    return pd.DataFrame(rows)


def dots(manifests: Manifests, metric: str) -> go.Figure:
    """One metric: a line from before to after for each rebalancing; zero is no difference between the groups."""
    names = list(manifests)[::-1]
    fig = figure(x=f"{metric} (0: no difference)", height=90 + 42 * max(len(names), 2))
    for name in names:
        old, new = (value(manifests[name], metric, when) for when in ("before", "after"))
        if old is not None and new is not None:
            fig.add_annotation(
                x=new, y=name, ax=old, ay=name, xref="x", yref="y", axref="x", ayref="y", arrowhead=2, arrowwidth=2, arrowcolor="#8A93A0"
            )
    for when, colour, symbol, size in (("before", BASELINE, "circle-open", 17), ("after", MITIGATED, "circle", 11)):
        fig.add_trace(
            go.Scatter(
                x=[value(manifests[name], metric, when) for name in names],
                y=names,
                mode="markers",
                name=when,
                marker={"color": colour, "size": size, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate="%{y} " + when + ": %{x:.4f}<extra></extra>",
            )
        )
    fig.add_vline(x=0, line_width=1, line_color="#8A93A0")
    return fig


def dots_table(manifests: Manifests, metric: str) -> pd.DataFrame:
    """The same as rows, with the reason where a value is undefined."""
    rows = []
    for name, manifest in manifests.items():
        both = {when: value(manifest, metric, when) for when in ("before", "after")}
        why = next((e for when in both if (e := manifest["pre_training_bias"][when].get(metric, {}).get("error"))), "")
        rows.append({"rebalancing": name, **both, "why undefined": why})
    return pd.DataFrame(rows)


def sentence(manifests: Manifests, metric: str = "DPL") -> str:
    """Which rebalancing leaves the groups' labels nearest to each other, which turn the difference round, which leak; in how many rows."""
    known = {name: new for name, m in manifests.items() if (new := value(m, metric, "after")) is not None}
    if len(known) < 2:
        return f"{metric} is defined for {len(known)} of {len(manifests)} rebalancings: there is nothing to compare."
    best = min(known, key=lambda name: abs(known[name]))
    rows, made = int(manifests[best]["split"]["train_rows"]), int(manifests[best]["synthetic"]["count"])
    kind = made_by(manifests[best]["config"]["method"])
    text = f"{metric} is nearest to 0 with **{best}** ({number(known[best])}; {rows:,} rows, {made:,} of them {kind})."
    flips = [name for name, new in known.items() if (old := value(manifests[name], metric, "before")) is not None and old * new < 0]
    if flips:
        text += f" It changes its sign with {', '.join(flips)}: there the other group is ahead afterwards."
    leaks = [name for name, m in manifests.items() if m["leaked_rows"]]
    if leaks:
        text += f" {', '.join(leaks)} leak{'s' if len(leaks) == 1 else ''} held-out rows into training."
    if value(manifests[best], "CI", "after") not in (None, 0.0) and any(
        abs(value(m, "CI", "after") or 0) < 0.005 for m in manifests.values()
    ):
        text += " An equal count of rows (CI = 0) is not what brings the labels together."
    return text
