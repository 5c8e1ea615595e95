"""Two models' bias side by side: paired differences; and one model's, group by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.bias.decline_rates import DeclineRates
from core.analysis.bias.metric_registry import compares_groups
from core.views.shared.difference_points import add_difference_points
from core.views.shared.figure_style import BASELINE_COLOUR, GREY, MITIGATED_COLOUR, new_figure
from core.views.shared.metric_like import MetricsByModel
from core.views.shared.number_text import format_number, format_percent, interval_text


def differences_table(differences: Mapping[str, BiasDifference], names: Sequence[str], *, only_beyond: bool = False) -> pd.DataFrame:
    """Each metric of both, their paired difference with its interval, and what that says."""
    shown = [d for d in differences.values() if d.beyond_noise or not only_beyond]
    rows = [
        {
            "metric": d.name,
            names[0]: _value_text(d.a),
            names[1]: _value_text(d.b),
            "difference": _value_text(d.value)
            if d.low is None
            else f"{_value_text(d.value)} [{format_number(d.low, 4)}, {format_number(d.high, 4)}]",
            "verdict": difference_verdict(d, names),
        }
        for d in shown
    ]
    return pd.DataFrame(rows, columns=["metric", names[0], names[1], "difference", "verdict"])


def _value_text(value: float | None) -> str:
    return "undefined" if value is None else format_number(value, 4)


def difference_verdict(difference: BiasDifference, names: Sequence[str]) -> str:
    """What a difference says, in words."""
    if difference.value is None:
        return f"{'undefined' if None in (difference.a, difference.b) else 'infinite'} for one of the two"
    if difference.p_value is None:
        return difference.why or "too few rows for an interval"
    if not difference.beyond_noise:
        return "within the noise: these rows can't tell"
    if difference.fairer is None:
        return "beyond the noise, but these rows can't tell which is nearer to equal"
    nearer = "is nearer to equal" if compares_groups(difference.name) else "has less unequal errors"
    return f"beyond the noise: {names['ab'.index(difference.fairer)]} {nearer}"


def differences_figure(differences: Mapping[str, BiasDifference]) -> go.Figure:
    """Paired differences with intervals; those beyond the noise are filled."""
    shown = [d for d in differences.values() if d.value is not None and d.low is not None and d.high is not None][::-1]
    finite = [d for d in shown if abs(d.low or 0) + abs(d.high or 0) != float("inf")]
    fig = new_figure(x="difference with 95 % interval (0: none)", height=100 + 30 * max(len(finite), 3), legend=False)
    beyond = [d.beyond_noise for d in finite]
    texts = [f"{format_number(d.value, 4)} [{format_number(d.low, 4)}, {format_number(d.high, 4)}]" for d in finite]
    colours = [MITIGATED_COLOUR if b else GREY for b in beyond]
    add_difference_points(fig, finite, [d.name for d in finite], beyond, texts, colours=colours)
    fig.update_yaxes(dtick=1)
    return fig


def groups_figure(rates_by_group: Sequence[tuple[str, DeclineRates]], people: tuple[str, str]) -> go.Figure:
    """The declined share in each group, facet and rest, with intervals."""
    fig = new_figure(x="group", y="declined share", height=340)
    kinds = (("facet", people[0], MITIGATED_COLOUR, "circle", -0.08), ("rest", people[1], BASELINE_COLOUR, "diamond-open", 0.08))
    for side, name, colour, symbol, offset in kinds:
        sides = [(place, getattr(one, side)) for place, (_, one) in enumerate(rates_by_group) if getattr(one, side).share is not None]
        fig.add_trace(
            go.Scatter(
                x=[place + offset for place, _ in sides],
                y=[one.share for _, one in sides],
                mode="markers",
                name=name,
                marker={"size": 11, "color": colour, "symbol": symbol, "line": {"width": 2}},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [one.high - one.share if one.high is not None else None for _, one in sides],
                    "arrayminus": [one.share - one.low if one.low is not None else None for _, one in sides],
                    "color": colour,
                },
                customdata=[[f"{one.declined:,} of {one.rows:,}", rates_by_group[place][0]] for place, one in sides],
                hovertemplate="%{customdata[1]}: %{y:.1%}, %{customdata[0]}<extra>" + name + "</extra>",
            )
        )
    fig.update_yaxes(tickformat=".0%", rangemode="tozero")
    fig.update_xaxes(tickvals=list(range(len(rates_by_group))), ticktext=[group for group, _ in rates_by_group], showgrid=False)
    return fig


def groups_table(rates_by_group: Sequence[tuple[str, DeclineRates]], people: tuple[str, str]) -> pd.DataFrame:
    """``groups_figure`` in numbers, with the difference and its interval."""
    return pd.DataFrame(
        [
            {
                "group": group,
                f"{people[0]}: rows": one.facet.rows,
                f"{people[0]}: declined": format_percent(one.facet.share),
                f"{people[1]}: rows": one.rest.rows,
                f"{people[1]}: declined": format_percent(one.rest.share),
                "difference (points)": "–"
                if one.difference is None
                else format_number(100 * one.difference, 1)
                + (
                    ""
                    if one.low is None or one.high is None
                    else f" [{format_number(100 * one.low, 1)}, {format_number(100 * one.high, 1)}]"
                ),
            }
            for group, one in rates_by_group
        ]
    )


def groups_sentence(rates_by_group: Sequence[tuple[str, DeclineRates]], people: tuple[str, str]) -> str:
    """In which group the gap is widest, and in how many groups it is beyond the noise."""
    known = [(group, one) for group, one in rates_by_group if one.difference is not None]
    if not known:
        return "No group has rows of both sides."
    beyond = [g for g, one in known if one.low is not None and one.high is not None and not one.low <= 0 <= one.high]
    group, most = max(known, key=lambda item: abs(item[1].difference or 0))
    side = "more" if (most.difference or 0) > 0 else "fewer"
    spread = interval_text(None if most.low is None else 100 * most.low, None if most.high is None else 100 * most.high, 1)
    return (
        f"The gap is widest at **{group}**: {format_number(100 * abs(most.difference or 0), 1)} {side} of 100 {people[0]} than of "
        f"100 {people[1]} "
        f"are declined ({spread}, n = {most.n:,}). "
        f"Beyond the noise in {len(beyond)} of {len(known)} groups" + (f": {', '.join(beyond)}." if beyond else ".")
    )


def csv_rows(stages: Mapping[str, MetricsByModel]) -> Iterable[tuple[str | float | None, ...]]:
    """Every metric of every model as a row of a CSV: stage, metric, model, value, interval, n, range, words, why undefined."""
    for stage, models in stages.items():
        for model, metrics in models.items():
            for name, m in metrics.items():
                ends = m.interval
                spread = (None, None, None) if ends is None else (ends.low, ends.high, ends.n)
                yield (stage, name, model, m.value, *spread, m.low, m.high, m.in_words, m.error)


CSV_HEADINGS = (
    "stage",
    "metric",
    "report",
    "value",
    "interval low",
    "interval high",
    "n",
    "range low",
    "range high",
    "in words",
    "undefined",
)
