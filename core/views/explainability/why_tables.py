"""Reasons, proxies and weak spots of a model as sentences, tables and charts."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from core.analysis.proxies.reasons_json import DroppingJson, FlowJson, PointJson, ProxiesJson, ReasonsJson, WeakSpotsJson
from core.analysis.tables.value_names import ValueNames
from core.views.shared.figure_style import BASELINE_COLOUR, GREY, new_figure
from core.views.shared.number_text import format_number, format_percent


def reasons_sentence(found: ReasonsJson) -> str:
    """How many declined rows have reasons that hold, and how many a person has to look at."""
    if not found["declined"] or found["same"] is None:
        return f"None of {found['rows']:,} rows is declined, so there are no reasons."
    same = f"{format_percent(found['same'], 0)} of {found['declined']:,} declined rows have the same reasons by both methods"
    if found["hold"] is None:
        return f"{same}."
    return f"{same}, and the reasons of {format_percent(found['hold'], 0)} hold in models trained again too. The others are for a person."


def reasons_note(found: ReasonsJson) -> str:
    """What was compared, and by which rules."""
    rules = found["rules"]
    alone = (
        ""
        if found["same_alone"] is None
        else f" With single features as reasons, four to a row, {format_percent(found['same_alone'], 0)} would be the same."
    )
    never = f" Never a reason: {', '.join(found['prohibited'])}." if found["prohibited"] else ""
    share = format_percent(float(str(rules["share"])), 0)
    return (
        f"The two methods of 12 CFR 1002, comment 9(b)(2)-5: points below the mean of all {found['all_rows']:,} applicants, and of the "
        f"{found['passing_rows']:,} who only just pass. Named are the fewest reasons that make up {share} of the points towards the "
        f"decline, and those about as strong, at most {rules['limit']}.{alone}{never} In {found['flagged']:,} declined rows such a column "
        "counted as much as a reason."
    )


def reasons_table(found: ReasonsJson) -> pd.DataFrame:
    """How often each reason is named, and is the first."""
    rows = [(one["words"], one["named"], one["first"], ", ".join(one["features"])) for one in found["reasons"]]
    return pd.DataFrame(rows, columns=["reason", "named", "first", "features"])


def reasons_bars(found: ReasonsJson, top: int = 12) -> go.Figure:
    """In how many declined rows each reason is named."""
    shown = [one for one in found["reasons"] if one["named"]][:top][::-1]
    fig = new_figure(x="declined rows", height=110 + 30 * max(len(shown), 2), legend=True)
    first = [one["first"] for one in shown]
    later = [one["named"] - one["first"] for one in shown]
    for name, values, colour in (("first reason", first, BASELINE_COLOUR), ("a further one", later, GREY)):
        fig.add_trace(go.Bar(x=values, y=[one["words"] for one in shown], orientation="h", name=name, marker_color=colour))
    fig.update_layout(barmode="stack", bargap=0.25)
    fig.update_yaxes(dtick=1, type="category")
    return fig


def proxies_sentence(found: ProxiesJson) -> str:
    """Which feature gives a protected group away most."""
    proxies = [one for one in found["features"] if one["is_found"]]
    if not found["tests"]:
        why = "; ".join(dict.fromkeys(f"{one['name']}: {one['why']}" for one in found["not_measured"]))
        return f"Whether features give protected groups away couldn't be tested. {why}".rstrip(". ") + "."
    if not proxies:
        return f"No feature gives a protected group away beyond chance ({found['tests']:,} tests, 5 % false discoveries)."
    first = proxies[0]
    features = len({name for one in proxies for name in one["features"]})
    return (
        f"{first['features'][0]} gives {first['name']} away most: a guess from it is right in {format_percent(first['auc'], 0)} of pairs "
        f"(95 % interval {format_percent(first['low'], 0)} to {format_percent(first['high'], 0)}; 50 % is chance). "
        f"{features} features tell of a protected group beyond chance."
    )


def proxies_note(found: ProxiesJson) -> str:
    """What wasn't tested, and why; empty if everything was."""
    parts = [f"{one['name']}: {one['why']}" for one in found["not_measured"]]
    parts += [f"{feature} is {attribute} itself" for feature, attribute in found["skipped"] if feature != attribute]
    if found["unpaired"]:
        parts.append(
            f"pairs with {', '.join(found['unpaired'][:5])}{' and others' if len(found['unpaired']) > 5 else ''} weren't looked at"
        )
    return f"Not tested: {'; '.join(dict.fromkeys(parts))}." if parts else ""


def proxies_table(found: ProxiesJson) -> pd.DataFrame:
    """Each feature, and each pair that was found, with the group that it gives away."""
    rows = [
        (
            " + ".join(one["features"]),
            one["name"],
            one["auc"],
            one["low"],
            one["high"],
            one["gain"],
            one["rows"],
            "yes" if one["is_found"] else "no",
        )
        for one in (*found["features"], *found["pairs"])
    ]
    return pd.DataFrame(rows, columns=["feature", "group", "AUC", "from", "to", "gain of the pair", "rows", "beyond chance"])


def proxies_chart(found: ProxiesJson, top: int = 12) -> go.Figure:
    """The strongest proxies with their intervals."""
    shown = [one for one in found["features"] if one["is_found"]][:top][::-1]
    fig = new_figure(x="AUC of a guess (0.5 is chance)", height=110 + 28 * max(len(shown), 3), legend=False)
    fig.add_trace(
        go.Scatter(
            x=[one["auc"] for one in shown],
            y=[f"{' + '.join(one['features'])} → {one['name']}" for one in shown],
            mode="markers",
            marker={"size": 9, "color": BASELINE_COLOUR},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [one["high"] - one["auc"] for one in shown],
                "arrayminus": [one["auc"] - one["low"] for one in shown],
            },
        )
    )
    fig.add_vline(x=0.5, line_width=1, line_color=GREY)
    return fig


def flow_table(flow: FlowJson) -> pd.DataFrame:
    """Each feature's part of the difference in mean log-odds between a group and the others."""
    rows = [
        (
            " + ".join(one["features"]),
            one["gap"]["value"],
            one["gap"]["low"],
            one["gap"]["high"],
            one["share"],
            one["group_size"]["value"],
            one["others_size"]["value"],
        )
        for one in flow["flow"]["flows"]
    ]
    sizes = ["mean |SHAP| in the group", "mean |SHAP| of the others"]
    return pd.DataFrame(rows, columns=["feature", "log-odds, group minus others", "from", "to", "share of the difference", *sizes])


def flow_sentence(flow: FlowJson, positive: str) -> str:
    """Through which feature most of a group's difference flows. ``positive``: what label 1 is called."""
    total, why = flow["flow"]["total"]["value"], flow["flow"]["why"]
    side = "lower" if total is not None and total < 0 else "higher"
    start = f"The mean log-odds of {positive} are {format_number(abs(total or 0.0), 3)} {side} for {flow['group']} than for the others"
    shares = [(one["share"], one) for one in flow["flow"]["flows"] if one["share"] is not None]
    if why or not shares:
        return f"{start}. {why[:1].upper()}{why[1:].rstrip('.')}".rstrip(". ") + "."
    share, strongest = max(shares, key=lambda pair: pair[0])
    return f"{start}. The largest part of this, {format_percent(share, 0)}, comes through {' + '.join(strongest['features'])}."


def dropping_table(found: DroppingJson, names: ValueNames) -> pd.DataFrame:
    """What leaving features out does to the AUC, and to each facet's disparity, with intervals of the differences."""
    rows = []
    for one in found["models"]:
        line: list[str | float | None] = [" + ".join(one["dropped"]), one["auc"]["value"], one["auc"]["low"], one["auc"]["high"]]
        for disparities in one["disparities"]:
            change = disparities.get("DPPL")
            line += [change["value"], change["low"], change["high"]] if change else [None, None, None]
        rows.append(line)
    facets = [names.describe(facet["name"], facet["value"]) for facet in found["reference"]["facets"]]
    columns = ["without", "AUC changes by", "from", "to"]
    for name in facets:
        columns += [f"{name}: distance of DPPL from 0 changes by", f"{name}: from", f"{name}: to"]
    return pd.DataFrame(rows, columns=columns)


def dependence_chart(points: Sequence[PointJson], feature: str) -> go.Figure:
    """The mean prediction at each value of a feature; the size of a point says how many rows have it."""
    fig = new_figure(x=feature, y="mean prediction", legend=False)
    most = max((point["rows"] for point in points), default=1) or 1
    fig.add_trace(
        go.Scatter(
            x=[point["label"] for point in points],
            y=[point["mean"] for point in points],
            mode="lines+markers",
            marker={"size": [5 + 14 * (point["rows"] / most) ** 0.5 for point in points], "color": BASELINE_COLOUR},
            customdata=[point["rows"] for point in points],
            hovertemplate="%{x}: %{y:.4f}, %{customdata} rows<extra></extra>",
        )
    )
    fig.update_xaxes(type="category")
    return fig


def dependence_table(points: Sequence[PointJson]) -> pd.DataFrame:
    """The points of ``dependence_chart``."""
    return pd.DataFrame(
        [(one["label"], one["mean"], one["low"], one["high"], one["rows"]) for one in points],
        columns=["value", "mean", "from", "to", "rows"],
    )


def weak_spots_table(found: WeakSpotsJson) -> pd.DataFrame:
    """Where the model is wrong most often, worst first in each list."""
    rows = [
        (part["measure"], part["name"] or "everyone", one["filter"], one["rate"], one["low"], one["high"], one["rows"])
        for part in found["lists"]
        for one in part["worst"]
    ]
    return pd.DataFrame(rows, columns=["measure", "of", "rows where", "rate", "from", "to", "n"])


def weak_spots_sentence(found: WeakSpotsJson) -> str:
    """The worst slice of all rows."""
    errors = next((part for part in found["lists"] if part["measure"] == "error rate" and part["worst"]), None)
    if errors is None or errors["overall"] is None:
        return "Too few rows to say where the model is worst."
    worst, overall = errors["worst"][0], errors["overall"]
    if not errors["surely_worse"]:
        rate = format_percent(overall["rate"], 1)
        return f"No slice of {found['comparisons']:,} looked at is worse than all rows beyond noise (error rate {rate})."
    return (
        f"Wrong most often where {worst['filter']}: {format_percent(worst['rate'], 0)} of {worst['rows']:,} rows "
        f"({format_percent(worst['low'], 0)} to {format_percent(worst['high'], 0)}, an interval for all {found['comparisons']:,} rates "
        f"looked at), where all rows have {format_percent(overall['rate'], 0)}."
    )
