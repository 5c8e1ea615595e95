"""What bias reports say beyond their metrics: whom a threshold turns away, and how two models differ on the same rows."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import pandas as pd

from core.analysis.bias import bias_difference, decline_rates, threshold_sweep
from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.bias.bias_intervals import Interval
from core.analysis.bias.decline_rates import DeclineRates
from core.analysis.bias.flip_test import FLIP_TEST
from core.aws.target import Target
from core.reports.bias_jobs import BiasReport


def read_scored_rows(target: Target, report: BiasReport) -> pd.DataFrame:
    """Each judged row's label, score, group, and whether it is of a facet (a column ``facet=value`` for each)."""
    return pd.read_csv(io.BytesIO(target.files.read(report.scores_uri)))


def paired_differences(target: Target, a: BiasReport, b: BiasReport) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """Paired differences b − a of the post-training metrics, by facet; and why there are none, where they can't be paired."""
    digest = a.governance.get("rows_sha256")
    if not digest or digest != b.governance.get("rows_sha256"):
        return {}, "The two reports do not judge the same rows, or are too old to say, so that their differences can't be paired."
    left, right = read_scored_rows(target, a), read_scored_rows(target, b)
    found = {}
    for facet in a.facets:
        sweep = a.sweep(facet.key)
        if sweep is None or facet.key not in left or facet.key not in right:
            continue
        favourable = sweep.favourable
        accepted = [(table["score"] > report.threshold).astype(int) == favourable for table, report in ((left, a), (right, b))]
        flips = [table.get(f"flip {facet.key}") for table in (left, right)]
        group = left["group"].to_numpy(dtype=object) if "group" in left else None
        found[facet.key] = bias_difference.compare_bias(
            left[facet.key], left["label"] == favourable, accepted[0], accepted[1], group, flips[0], flips[1]
        )
    return found, "" if found else "The reports have no facet in common whose rows are known."


@dataclass(frozen=True)
class ThresholdOutcome:
    """What a model does to the people of a facet at one threshold: whom it turns away, in all and by group; every figure with its
    interval."""

    threshold: float
    declined: DeclineRates
    declined_by_group: tuple[tuple[str, DeclineRates], ...]
    metrics: dict[str, tuple[float | None, Interval]]


def outcome_at_threshold(report: BiasReport, facet_key: str, threshold: float | None = None) -> ThresholdOutcome | None:
    """The outcome for the facet ``facet_key``, at the report's own threshold unless another is given; None in reports without counts."""
    sweep = report.sweep(facet_key)
    if sweep is None:
        return None
    own = threshold is None or abs(threshold - report.threshold) < 1e-9
    place = sweep.nearest_index(report.threshold if threshold is None else threshold)
    table = sweep.count_tables()[place]
    groups = tuple((name, decline_rates.decline_rates(alone)) for name, alone in decline_rates.tables_by_group(table, sweep.groups))
    turned, found = decline_rates.decline_rates(table), threshold_sweep.metrics_with_intervals(table, sweep.favourable)
    if own:
        found |= _reported_metrics(report, facet_key)
        known = found.get("DPPL", (None, None))[1]
        turned = turned if known is None else replace(turned, low=known.low, high=known.high)
    return ThresholdOutcome(sweep.thresholds[place], turned, groups, found)


def _reported_metrics(report: BiasReport, facet_key: str) -> dict[str, tuple[float | None, Interval]]:
    """What the report itself says at its threshold: its resamples are others, and one figure must not have two intervals."""
    performance = report.governance.get("performance", {})
    said: dict[str, tuple[float | None, Interval]] = {}
    for name in threshold_sweep.SWEPT_PERFORMANCE:
        one = performance.get(name.replace(" ", "_"))
        if one is not None:
            said[name] = (one["value"], Interval(one["low"], one["high"], one["n"]))
    facet = next(facet for facet in report.facets if facet.key == facet_key)
    return said | {name: (m.value, m.interval) for name, m in facet.post_training.items() if m.interval is not None and name != FLIP_TEST}
