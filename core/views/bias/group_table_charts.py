"""The table of all groups as a table and as a picture: each group against all others, with intervals that are right together."""

from __future__ import annotations

from math import isfinite

import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias.group_sentences import DISPARITY_TITLES, figure_text, is_beyond_noise
from core.analysis.bias.group_table import GroupOutcome, GroupTable
from core.views.shared.difference_points import add_difference_points
from core.views.shared.figure_style import BASELINE_COLOUR, GREY, MITIGATED_COLOUR, new_figure, shorten_middle

MAX_DRAWN = 40
"""Groups in the picture: those that differ most; the table has all."""


def group_frame(table: GroupTable) -> pd.DataFrame:
    """One row for each group: rows, shares and disparities with their intervals, and why it has none."""
    metrics = [name for name in DISPARITY_TITLES if any(name in group.disparities for group in table.groups)]
    return pd.DataFrame(
        [
            {
                "group": group.name,
                "rows": group.rows,
                "all others": group.rest,
                "favourable label": figure_text(group.label_share, percent=True),
                "selection rate": figure_text(group.selection_rate, percent=True),
                **{name: figure_text(group.disparities.get(name)) for name in metrics},
                "note": _note(group),
            }
            for group in table.groups
        ],
        columns=["group", "rows", "all others", "favourable label", "selection rate", *metrics, "note"],
    )


def _note(group: GroupOutcome) -> str:
    """Why figures are missing, each reason once."""
    reasons: dict[str, list[str]] = {}
    for name, figure in group.disparities.items():
        if figure.value is None:
            reasons.setdefault(figure.why, []).append(name)
    return group.why or "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())


def drawn_metric(table: GroupTable) -> str:
    """The metric of the picture: of the predictions, or of the labels where there are none."""
    return "DPPL" if any("DPPL" in group.disparities for group in table.groups) else "DPL"


def groups_figure(table: GroupTable) -> go.Figure:
    """Each group's difference from all others with its interval; the groups that differ by more than noise are filled."""
    metric = drawn_metric(table)
    drawn = _drawn_groups(table)[::-1]
    figures = [group.disparities[metric] for group in drawn]
    fig = new_figure(x=f"{metric}, {DISPARITY_TITLES[metric]} (0: none)", height=110 + 24 * max(len(drawn), 3), legend=False)
    beyond = [is_beyond_noise(metric, figure) for figure in figures]
    colours = [GREY if not b else BASELINE_COLOUR if (f.value or 0) > 0 else MITIGATED_COLOUR for b, f in zip(beyond, figures, strict=True)]
    texts = [f"{group.name}: {figure_text(group.disparities[metric])}, {group.rows:,} rows" for group in drawn]
    add_difference_points(fig, figures, range(len(drawn)), beyond, texts, colours=colours, hover="%{customdata}", size=9)
    fig.update_yaxes(tickvals=list(range(len(drawn))), ticktext=[shorten_middle(group.name, 40) for group in drawn])
    return fig


def groups_alt_text(table: GroupTable) -> str:
    """What the picture shows, in a sentence."""
    metric, drawn = drawn_metric(table), _drawn_groups(table)
    beyond = sum(is_beyond_noise(metric, group.disparities[metric]) for group in drawn)
    which = f"the {MAX_DRAWN} groups that differ most" if len(drawn) == MAX_DRAWN else f"{len(drawn)} groups"
    return f"{metric} of {which}, each against all others, with simultaneous intervals; {beyond} of {len(drawn)} differ by more than noise"


def _drawn_groups(table: GroupTable) -> list[GroupOutcome]:
    """The measured groups; of many those that differ most, in the table's order."""
    metric = drawn_metric(table)
    known = [g for g in table.groups if metric in g.disparities and _is_drawable(g, metric)]
    chosen = sorted(known, key=lambda group: -abs(group.disparities[metric].value or 0))[:MAX_DRAWN]
    names = {id(group) for group in chosen}
    return [group for group in known if id(group) in names]


def _is_drawable(group: GroupOutcome, metric: str) -> bool:
    figure = group.disparities[metric]
    return all(end is not None and isfinite(end) for end in (figure.value, figure.low, figure.high))
