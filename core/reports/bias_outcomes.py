"""What bias reports say beyond their metrics: whom a threshold turns away, and how two models differ on the same rows."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import pandas as pd

from core.analysis import bias_difference, thresholds
from core.analysis.bias_difference import BiasDifference
from core.analysis.bias_intervals import Interval
from core.analysis.thresholds import TurnedAway
from core.bias import BiasReport
from core.clients import Clients


def rows(clients: Clients, report: BiasReport) -> pd.DataFrame:
    """Each judged row's label, score, group, and whether it is of a facet (a column ``facet=value`` for each)."""
    return pd.read_csv(io.BytesIO(clients.read(report.scores_uri)))


def paired(clients: Clients, a: BiasReport, b: BiasReport) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """Paired differences b − a of the post-training metrics, by facet; and why there are none, where they can't be paired."""
    digest = a.governance.get("rows_sha256")
    if not digest or digest != b.governance.get("rows_sha256"):
        return {}, "The two reports do not judge the same rows, or are too old to say, so that their differences can't be paired."
    left, right = rows(clients, a), rows(clients, b)
    found = {}
    for facet in a.facets:
        sweep = a.sweep(facet.key)
        if sweep is None or facet.key not in left or facet.key not in right:
            continue
        favourable = sweep.favourable
        accepted = [(table["score"] > report.threshold).astype(int) == favourable for table, report in ((left, a), (right, b))]
        flips = [table.get(f"flip {facet.key}") for table in (left, right)]
        group = left["group"].to_numpy(dtype=object) if "group" in left else None
        found[facet.key] = bias_difference.compare(
            left[facet.key], left["label"] == favourable, accepted[0], accepted[1], group, flips[0], flips[1]
        )
    return found, "" if found else "The reports have no facet in common whose rows are known."


@dataclass(frozen=True)
class Outcome:
    """What a model does to the people of a facet at one threshold: whom it turns away, in all and by group; every figure with its
    interval."""

    threshold: float
    turned: TurnedAway
    groups: tuple[tuple[str, TurnedAway], ...]
    figures: dict[str, tuple[float | None, Interval]]


def outcome(report: BiasReport, key: str, threshold: float | None = None) -> Outcome | None:
    """The outcome for the facet ``key``, at the report's own threshold unless another is given; None in reports without counts."""
    sweep = report.sweep(key)
    if sweep is None:
        return None
    own = threshold is None or abs(threshold - report.threshold) < 1e-9
    place = sweep.nearest(report.threshold if threshold is None else threshold)
    table = sweep.tables()[place]
    groups = tuple((name, thresholds.turned_away(alone)) for name, alone in thresholds.by_group(table, sweep.groups))
    turned, found = thresholds.turned_away(table), thresholds.at(table, sweep.favourable)
    if own:
        found |= _reported(report, key)
        known = found.get("DPPL", (None, None))[1]
        turned = turned if known is None else replace(turned, low=known.low, high=known.high)
    return Outcome(sweep.thresholds[place], turned, groups, found)


def _reported(report: BiasReport, key: str) -> dict[str, tuple[float | None, Interval]]:
    """What the report itself says at its threshold: its resamples are others, and one figure must not have two intervals."""
    performance = report.governance.get("performance", {})
    said: dict[str, tuple[float | None, Interval]] = {}
    for name in thresholds.PERFORMANCE:
        one = performance.get(name.replace(" ", "_"))
        if one is not None:
            said[name] = (one["value"], Interval(one["low"], one["high"], one["n"]))
    facet = next(facet for facet in report.facets if facet.key == key)
    return said | {name: (m.value, m.interval) for name, m in facet.post_training.items() if m.interval is not None and name != "FT"}
