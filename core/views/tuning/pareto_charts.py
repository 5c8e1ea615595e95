"""The trials of a tuning job by performance and disparity: which are on the Pareto front, and which perform as well with less disparity.

All take what the measuring job wrote (``core.reports.trial_bias_jobs.read``) or ``trials_table`` made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, cast

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.analysis.bias.direction import difference_sign
from core.analysis.bias.metric_registry import POST_TRAINING
from core.analysis.performance.performance_metrics import PERFORMANCE_METRICS, is_lower_better
from core.analysis.tables.value_names import ValueNames
from core.analysis.trials.pareto_front import is_on_front
from core.analysis.trials.trials_json import TrialsReport
from core.views.shared.figure_style import ACCENT_COLOUR, BASELINE_COLOUR, GREY, new_figure
from core.views.shared.number_text import format_number, format_percent, signed_number

PERFORMANCE_LABELS = {name: metric.label for name, metric in PERFORMANCE_METRICS.items()}
OBJECTIVE_METRICS = {"f1": "macro_f1", "logloss": "log_loss", "error": "accuracy", "aucpr": "average_precision"}
PERCENTAGE_METRICS = {name for name, metric in PERFORMANCE_METRICS.items() if metric.is_share} | {
    name for name, metric in POST_TRAINING.items() if metric.is_share_difference
}
"""The metrics that are shares of 1, so that their differences are percentage points."""
SHARE_WORDS = ((1 / 4, "a quarter of"), (1 / 3, "a third of"), (1 / 2, "half"), (2 / 3, "two thirds of"), (3 / 4, "three quarters of"))


def performance_for_objective(metric: str) -> str:
    """The performance metric that a tuning objective such as ``validation:auc`` stands for."""
    name = metric.partition(":")[2]
    return OBJECTIVE_METRICS.get(name, name if name in PERFORMANCE_LABELS else "auc")


class TrialRow(TypedDict):
    """A row of ``trials_table``; NaN where a figure is undefined."""

    number: int
    name: str
    reference: bool
    performance: float
    performance_low: float
    performance_high: float
    disparity: float
    disparity_low: float
    disparity_high: float
    error: str
    distance: float
    distance_low: float
    distance_high: float
    gained: float
    gained_low: float
    gained_high: float
    gained_beyond_noise: bool
    closer: float
    closer_low: float
    closer_high: float
    closer_beyond_noise: bool
    turned_away: float
    turned_away_rest: float
    one_sided: bool
    front: bool


def list_trial_rows(trials: pd.DataFrame) -> list[TrialRow]:
    """The rows of ``trials_table``, or of some of its trials."""
    return cast(list[TrialRow], trials.to_dict("records"))


def trials_table(
    report: TrialsReport, *, performance: str, measure: str, facet: int = 0, numbers: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """A row for each trial: its performance, disparity and distance from parity with intervals, and its differences to the reference.

    ``gained`` is the difference in performance (below 0: worse, whatever the metric's direction), ``closer`` the one in distance (below 0:
    nearer to parity). ``one_sided`` trials decide the same for everybody, so their parity means nothing; they are never on
    the front.
    """
    direction = metric_direction(performance)
    rows = []
    for place, trial in enumerate(report["trials"], start=1):
        found, difference = trial["performance"][performance], trial["differences"][performance]
        facets = trial["facets"][facet]
        disparity, sides = facets["measures"][measure], facets["counts"]
        accepted = [sides[side]["accepted"] for side in ("facet", "rest")]
        people = [sides[side]["rows"] for side in ("facet", "rest")]
        rows.append(
            {
                "number": numbers.get(trial["name"], place) if numbers else place,
                "name": trial["name"],
                "reference": trial["name"] == report["reference"],
                **_interval_columns("performance", found),
                **_interval_columns("disparity", disparity),
                "error": disparity["error"] or "",
                **_interval_columns("distance", disparity["distance"]),
                **_interval_columns("gained", difference, direction),
                "gained_beyond_noise": bool(difference["beyond_noise"]),
                **_interval_columns("closer", disparity["closer"]),
                "closer_beyond_noise": bool(disparity["closer"]["beyond_noise"]),
                "turned_away": 1 - accepted[0] / people[0] if people[0] else np.nan,
                "turned_away_rest": 1 - accepted[1] / people[1] if people[1] else np.nan,
                "one_sided": sum(accepted) in (0, sum(people)),
            }
        )
    result = pd.DataFrame(rows)
    result["front"] = is_on_front(direction * result["performance"], result["distance"].where(~result["one_sided"]))
    return result


def _interval_columns(name: str, found: Mapping[str, Any], sign: int = 1) -> dict[str, float]:
    value, low, high = (np.nan if found[key] is None else float(found[key]) for key in ("value", "low", "high"))
    if sign < 0:
        value, low, high = -value, -high, -low
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def metric_direction(performance: str) -> int:
    """1 where higher is better, -1 where lower is."""
    return -1 if is_lower_better(performance) else 1


def fairer_alternatives(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials on the front that are nearer to parity than the reference, the best performing first."""
    if not trials["reference"].any():
        return trials.iloc[:0]
    found = trials[trials["front"] & ~trials["reference"] & (trials["closer"] < 0)]
    return found.sort_values("gained", ascending=False, kind="stable")


def pareto_figure(trials: pd.DataFrame, *, performance: str, measure: str) -> go.Figure:
    """Performance against the distance from parity; the front as a line, the best trial as a star; intervals of both."""
    fig = new_figure(x=f"{measure}: distance from parity", y=PERFORMANCE_LABELS[performance], height=430)
    line = trials[trials["front"]].sort_values("distance")
    fig.add_trace(
        go.Scatter(
            x=line["distance"],
            y=line["performance"],
            mode="lines",
            line={"color": ACCENT_COLOUR, "width": 2, "shape": "hv"},
            name="Pareto front",
            hoverinfo="skip",
        )
    )
    kinds = (
        ("trial", ~trials["front"] & ~trials["reference"] & ~trials["one_sided"], GREY, "circle-open", 9),
        ("same decision for all", trials["one_sided"] & ~trials["reference"], GREY, "x-thin", 9),
        ("on the front", trials["front"] & ~trials["reference"], ACCENT_COLOUR, "diamond", 12),
        ("best trial", trials["reference"], BASELINE_COLOUR, "star", 17),
    )
    for name, which, colour, symbol, size in kinds:
        rows = trials[which]
        if rows.empty:
            continue
        bars = {} if name in {"trial", "same decision for all"} else _error_bars(rows, colour)
        fig.add_trace(
            go.Scatter(
                x=rows["distance"],
                y=rows["performance"],
                mode="markers+text" if bars and len(rows) <= 8 else "markers",
                text=rows["number"].astype(str),
                textposition="top right",
                name=name,
                marker={"size": size, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
                customdata=np.stack([rows["name"], [hover_text(row, performance, measure) for row in list_trial_rows(rows)]], axis=1),
                hovertemplate="%{customdata[1]}<extra></extra>",
                **bars,
            )
        )
    return fig


def _error_bars(rows: pd.DataFrame, colour: str) -> dict[str, Any]:
    def bar(name: str) -> dict[str, Any]:
        above, below = rows[f"{name}_high"] - rows[name], rows[name] - rows[f"{name}_low"]
        shown = {"type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": colour}
        return {**shown, "array": above.clip(lower=0), "arrayminus": below.clip(lower=0)}

    return {"error_x": bar("distance"), "error_y": bar("performance")}


def hover_text(row: TrialRow, performance: str, measure: str) -> str:
    """The text of a trial's tooltip."""
    return (
        f"trial {row['number']}<br>{PERFORMANCE_LABELS[performance]} {_value_with_interval(row, 'performance')}<br>{measure} "
        f"{_value_with_interval(row, 'disparity')}" + ("<br>the same decision for everybody" if row["one_sided"] else "")
    )


def _value_with_interval(row: Mapping[str, Any], name: str, digits: int = 4) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    text = format_number(row[name], digits)
    return text if low != low or high != high else f"{text} [{format_number(low, digits)}, {format_number(high, digits)}]"


def pareto_table(trials: pd.DataFrame, *, performance: str, measure: str) -> pd.DataFrame:
    """``pareto_figure`` as a table."""
    rows = list_trial_rows(trials)
    return pd.DataFrame(
        {
            "trial": trials["number"],
            PERFORMANCE_LABELS[performance]: [_value_with_interval(row, "performance") for row in rows],
            measure: [_value_with_interval(row, "disparity") if not row["error"] else f"undefined: {row['error']}" for row in rows],
            "distance from parity": [_value_with_interval(row, "distance") for row in rows],
            "performance against the best": [_value_with_interval(row, "gained") for row in rows],
            "distance against the best": [_value_with_interval(row, "closer") for row in rows],
            "beyond noise": [_noise_text(row) for row in rows],
            "place": [
                "best trial" if r["reference"] else "same decision for all" if r["one_sided"] else "on the front" if r["front"] else "–"
                for r in rows
            ],
            "training job": trials["name"],
        }
    )


def _noise_text(row: TrialRow) -> str:
    found = [word for word, beyond in (("performance", row["gained_beyond_noise"]), ("disparity", row["closer_beyond_noise"])) if beyond]
    return "–" if row["reference"] else " and ".join(found) or "neither"


@dataclass(frozen=True)
class ComparedGroups:
    """The ``facet`` in words, and the number of rows of the facet and of the rest."""

    facet: str
    facet_rows: int
    rest_rows: int


def compared_groups(report: TrialsReport, names: ValueNames, facet: int = 0) -> ComparedGroups:
    """The groups that the report compares."""
    first = report["trials"][0]["facets"][facet]
    return ComparedGroups(
        names.describe_group(first["name"], first["value"]), first["counts"]["facet"]["rows"], first["counts"]["rest"]["rows"]
    )


def best_trial_sentence(trials: pd.DataFrame, groups: ComparedGroups, *, performance: str, measure: str) -> str:
    """How well the best trial performs, and how many of each group it declines."""
    found = trials[trials["reference"]]
    if found.empty:
        return "The filter leaves the best trial out."
    row = list_trial_rows(found)[0]
    text = f"The best, **trial {row['number']}**: {PERFORMANCE_LABELS[performance]} {_value_with_interval(row, 'performance', 3)}, "
    text += f"{measure} undefined ({row['error']})" if row["error"] else f"{measure} {_value_with_interval(row, 'disparity', 3)}"
    return (
        f"{text}. Of 100 {groups.facet} it declines {100 * row['turned_away']:.0f}, of 100 others "
        f"{100 * row['turned_away_rest']:.0f} (n = {groups.facet_rows:,} and {groups.rest_rows:,})."
    )


def alternative_sentence(row: TrialRow, best: TrialRow, groups: ComparedGroups, *, performance: str, measure: str) -> str:
    """What choosing this trial instead of the best costs in performance, and gains in parity."""
    gained = -row["gained"] if is_lower_better(performance) else row["gained"]
    edges = [row["gained_low"], row["gained_high"]]
    if is_lower_better(performance):
        edges = [-edges[1], -edges[0]]
    noise = "beyond noise" if row["gained_beyond_noise"] else "within noise"
    name = PERFORMANCE_LABELS[performance]
    if gained == 0:
        cost = f"the same {name}"
    elif not difference_sign(gained):
        cost = f"about the same {name} {_interval_text(edges, performance)}, {noise}"
    else:
        way = "higher" if gained > 0 else "lower"
        cost = f"{name} {_magnitude_text(gained, performance)} {way} {_interval_text(edges, performance)}, {noise}"
    nearer = "beyond noise" if row["closer_beyond_noise"] else "within noise"
    return (
        f"**Trial {row['number']}**: {cost}; **{remaining_disparity_text(row['distance'], best['distance'])} disparity**: {measure} "
        f"{format_number(row['disparity'])} instead of {format_number(best['disparity'])}, nearer to parity by "
        f"{_magnitude_text(row['closer'], measure)} "
        f"{_interval_text([-row['closer_high'], -row['closer_low']], measure)}, {nearer}. Of 100 {groups.facet} it declines "
        f"{100 * row['turned_away']:.0f} instead of {100 * best['turned_away']:.0f}, of 100 others {100 * row['turned_away_rest']:.0f} "
        f"instead of {100 * best['turned_away_rest']:.0f}."
    )


def remaining_disparity_text(distance: float, best: float) -> str:
    """``half the``, ``a third of the``, ``41 % of the``: how much of the best trial's disparity is left."""
    share = distance / best if best else 1.0
    if share < 0.05:
        return "almost no"
    near = [words for at, words in SHARE_WORDS if abs(share - at) <= 0.03]
    return f"{near[0]} the" if near else f"{format_percent(share, 0)} of the"


def _magnitude_text(value: float, name: str) -> str:
    size = abs(value)
    if name not in PERCENTAGE_METRICS:
        return format_number(size)
    return f"{format_number(100 * size, 1 if size >= 0.0005 else 2)} points"


def _interval_text(edges: list[float], name: str) -> str:
    scale, digits = (100, 1) if name in PERCENTAGE_METRICS else (1, 3)
    if any(edge != edge for edge in edges):
        return "(no interval)"
    return "[" + ", ".join(signed_number(scale * edge, digits) for edge in edges) + "]"
