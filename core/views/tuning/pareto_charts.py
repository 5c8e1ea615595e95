"""The trials of a tuning job by performance and disparity: which are on the Pareto front, and which would do as well at less disparity.

All take what the measuring job wrote (``core.trial_bias.read``) or ``table`` made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.views.style import ACCENT, BASELINE, GREY, figure, number, percent

PERFORMANCE = {
    "auc": "AUC",
    "average_precision": "average precision",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece"})
OF_OBJECTIVE = {"f1": "macro_f1", "logloss": "log_loss", "error": "accuracy", "aucpr": "average_precision"}
IN_POINTS = frozenset(PERFORMANCE) - {"log_loss", "brier"} | {"AD", "CDDPL", "DAR", "DPPL", "DRR", "RD", "SD"}
"""What is a share of 1, and its differences are percentage points."""
SHARES = ((1 / 4, "a quarter of"), (1 / 3, "a third of"), (1 / 2, "half"), (2 / 3, "two thirds of"), (3 / 4, "three quarters of"))


def of_objective(metric: str) -> str:
    """The performance metric that a tuning objective such as ``validation:auc`` stands for."""
    name = metric.partition(":")[2]
    return OF_OBJECTIVE.get(name, name if name in PERFORMANCE else "auc")


def table(
    report: Mapping[str, Any], *, performance: str, measure: str, facet: int = 0, numbers: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """A row for each trial: its performance, disparity and distance from parity with intervals, and its differences to the reference.

    ``gained`` is the difference in performance (below 0: worse, whatever the metric's direction), ``closer`` the one in distance (below 0:
    nearer to parity). ``one_sided`` trials decide the same for everybody, so their parity means nothing; they are never on the ``front``.
    """
    direction = sign(performance)
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
                **_interval("performance", found),
                **_interval("disparity", disparity),
                "error": disparity["error"] or "",
                **_interval("distance", disparity["distance"]),
                **_interval("gained", difference, direction),
                "gained_beyond_noise": bool(difference["beyond_noise"]),
                **_interval("closer", disparity["closer"]),
                "closer_beyond_noise": bool(disparity["closer"]["beyond_noise"]),
                "turned_away": 1 - accepted[0] / people[0] if people[0] else np.nan,
                "turned_away_rest": 1 - accepted[1] / people[1] if people[1] else np.nan,
                "one_sided": sum(accepted) in (0, sum(people)),
            }
        )
    result = pd.DataFrame(rows)
    result["front"] = front(direction * result["performance"], result["distance"].where(~result["one_sided"]))
    return result


def _interval(name: str, found: Mapping[str, Any], sign: int = 1) -> dict[str, float]:
    value, low, high = (np.nan if found[key] is None else float(found[key]) for key in ("value", "low", "high"))
    if sign < 0:
        value, low, high = -value, -high, -low
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def sign(performance: str) -> int:
    """1 where higher is better, -1 where lower is."""
    return -1 if performance in LOWER_IS_BETTER else 1


def front(performance: pd.Series[float], distance: pd.Series[float]) -> pd.Series[bool]:
    """Which are on the Pareto front: no other does at least as well on both and better on one. NaN is never on it."""
    on = pd.Series(False, index=performance.index)
    known = pd.DataFrame({"p": performance, "d": distance}).dropna().sort_values(["p", "d"], ascending=[False, True])
    nearest = np.inf
    for _, rows in known.groupby("p", sort=False):
        if rows["d"].iloc[0] < nearest:
            nearest = rows["d"].iloc[0]
            on.loc[rows.index[rows["d"] == nearest]] = True
    return on


def alternatives(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials on the front that are nearer to parity than the reference, the best performing first."""
    if not trials["reference"].any():
        return trials.iloc[:0]
    found = trials[trials["front"] & ~trials["reference"] & (trials["closer"] < 0)]
    return found.sort_values("gained", ascending=False, kind="stable")


def scatter(trials: pd.DataFrame, *, performance: str, measure: str) -> go.Figure:
    """Performance against the distance from parity; the front as a line, the best trial as a star; intervals of both."""
    fig = figure(x=f"{measure}: distance from parity", y=PERFORMANCE[performance], height=430)
    line = trials[trials["front"]].sort_values("distance")
    fig.add_trace(
        go.Scatter(
            x=line["distance"],
            y=line["performance"],
            mode="lines",
            line={"color": ACCENT, "width": 2, "shape": "hv"},
            name="Pareto front",
            hoverinfo="skip",
        )
    )
    kinds = (
        ("trial", ~trials["front"] & ~trials["reference"] & ~trials["one_sided"], GREY, "circle-open", 9),
        ("same decision for all", trials["one_sided"] & ~trials["reference"], GREY, "x-thin", 9),
        ("on the front", trials["front"] & ~trials["reference"], ACCENT, "diamond", 12),
        ("best trial", trials["reference"], BASELINE, "star", 17),
    )
    for name, which, colour, symbol, size in kinds:
        rows = trials[which]
        if rows.empty:
            continue
        bars = {} if name in {"trial", "same decision for all"} else _bars(rows, colour)
        fig.add_trace(
            go.Scatter(
                x=rows["distance"],
                y=rows["performance"],
                mode="markers+text" if bars and len(rows) <= 8 else "markers",
                text=rows["number"].astype(str),
                textposition="top right",
                name=name,
                marker={"size": size, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
                customdata=np.stack([rows["name"], [hover(row, performance, measure) for row in rows.to_dict("records")]], axis=1),
                hovertemplate="%{customdata[1]}<extra></extra>",
                **bars,
            )
        )
    return fig


def _bars(rows: pd.DataFrame, colour: str) -> dict[str, Any]:
    def bar(name: str) -> dict[str, Any]:
        above, below = rows[f"{name}_high"] - rows[name], rows[name] - rows[f"{name}_low"]
        shown = {"type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": colour}
        return {**shown, "array": above.clip(lower=0), "arrayminus": below.clip(lower=0)}

    return {"error_x": bar("distance"), "error_y": bar("performance")}


def hover(row: Mapping[Any, Any], performance: str, measure: str) -> str:
    """What is said of a trial where it is pointed at."""
    return (
        f"trial {row['number']}<br>{PERFORMANCE[performance]} {_bracket(row, 'performance')}<br>{measure} {_bracket(row, 'disparity')}"
        + ("<br>the same decision for everybody" if row["one_sided"] else "")
    )


def _bracket(row: Mapping[Any, Any], name: str, digits: int = 4) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    text = number(row[name], digits)
    return text if low != low or high != high else f"{text} [{number(low, digits)}, {number(high, digits)}]"


def twin(trials: pd.DataFrame, *, performance: str, measure: str) -> pd.DataFrame:
    """The figures of the scatter as a table for people."""
    rows = trials.to_dict("records")
    return pd.DataFrame(
        {
            "trial": trials["number"],
            PERFORMANCE[performance]: [_bracket(row, "performance") for row in rows],
            measure: [_bracket(row, "disparity") if not row["error"] else f"undefined: {row['error']}" for row in rows],
            "distance from parity": [_bracket(row, "distance") for row in rows],
            "performance against the best": [_bracket(row, "gained") for row in rows],
            "distance against the best": [_bracket(row, "closer") for row in rows],
            "beyond noise": [_noise(row) for row in rows],
            "place": [
                "best trial" if r["reference"] else "same decision for all" if r["one_sided"] else "on the front" if r["front"] else "–"
                for r in rows
            ],
            "training job": trials["name"],
        }
    )


def _noise(row: Mapping[Any, Any]) -> str:
    found = [word for word, key in (("performance", "gained_beyond_noise"), ("disparity", "closer_beyond_noise")) if row[key]]
    return "–" if row["reference"] else " and ".join(found) or "neither"


@dataclass(frozen=True)
class People:
    """How the rows are told apart, in words, and how many rows there are of the ``facet`` and of the rest."""

    facet: str
    facet_rows: int
    rest_rows: int


def people(report: Mapping[str, Any], facet: int = 0) -> People:
    """Who is compared with whom."""
    first = report["trials"][0]["facets"][facet]
    return People(f"{first['name']} = {first['value']}", first["counts"]["facet"]["rows"], first["counts"]["rest"]["rows"])


def best_in_words(trials: pd.DataFrame, who: People, *, performance: str, measure: str) -> str:
    """What the best trial does, and to whom."""
    found = trials[trials["reference"]]
    if found.empty:
        return "The filter leaves the best trial out."
    row = found.to_dict("records")[0]
    text = f"The best, **trial {row['number']}**: {PERFORMANCE[performance]} {_bracket(row, 'performance', 3)}, "
    text += f"{measure} undefined ({row['error']})" if row["error"] else f"{measure} {_bracket(row, 'disparity', 3)}"
    return (
        f"{text}. Of 100 people with {who.facet} it turns away {100 * row['turned_away']:.0f}, of 100 others "
        f"{100 * row['turned_away_rest']:.0f} (n = {who.facet_rows:,} and {who.rest_rows:,})."
    )


def in_words(row: Mapping[Any, Any], best: Mapping[Any, Any], who: People, *, performance: str, measure: str) -> str:
    """What choosing this trial instead of the best costs, and what it brings."""
    gained = row["gained"] if performance not in LOWER_IS_BETTER else -row["gained"]
    edges = [row["gained_low"], row["gained_high"]]
    if performance in LOWER_IS_BETTER:
        edges = [-edges[1], -edges[0]]
    noise = "beyond noise" if row["gained_beyond_noise"] else "within noise"
    name = PERFORMANCE[performance]
    if gained == 0:
        cost = f"the same {name}"
    else:
        cost = f"{name} {_size(gained, performance)} {'higher' if gained > 0 else 'lower'} {_edges(edges, performance)}, {noise}"
    nearer = "beyond noise" if row["closer_beyond_noise"] else "within noise"
    return (
        f"**Trial {row['number']}**: {cost}; **{share_of(row['distance'], best['distance'])} disparity**: {measure} "
        f"{number(row['disparity'])} instead of {number(best['disparity'])}, nearer to parity by {_size(row['closer'], measure)} "
        f"{_edges([-row['closer_high'], -row['closer_low']], measure)}, {nearer}. Of 100 people with {who.facet} it turns away "
        f"{100 * row['turned_away']:.0f} instead of {100 * best['turned_away']:.0f}, of 100 others {100 * row['turned_away_rest']:.0f} "
        f"instead of {100 * best['turned_away_rest']:.0f}."
    )


def share_of(distance: float, best: float) -> str:
    """``half the``, ``a third of the``, ``41 % of the``: how much of the best trial's disparity is left."""
    share = distance / best if best else 1.0
    if share < 0.05:
        return "almost no"
    near = [words for at, words in SHARES if abs(share - at) <= 0.03]
    return f"{near[0]} the" if near else f"{percent(share, 0)} of the"


def _size(value: float, name: str) -> str:
    size = abs(value)
    if name not in IN_POINTS:
        return number(size)
    return f"{number(100 * size, 1 if size >= 0.0005 else 2)} points"


def _edges(edges: list[float], name: str) -> str:
    scale, digits = (100, 1) if name in IN_POINTS else (1, 3)
    if any(edge != edge for edge in edges):
        return "(no interval)"
    return "[" + ", ".join(("+" if edge > 0 else "") + number(scale * edge, digits) for edge in edges) + "]"
