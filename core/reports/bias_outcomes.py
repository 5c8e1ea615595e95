"""What bias reports show beyond their metrics: whom a model declines at a threshold, and how two models differ on the same rows."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import pandas as pd

from core.analysis.bias import bias_difference, decline_rates, threshold_sweep
from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.bias.bias_intervals import Interval
from core.analysis.bias.decline_rates import DeclineRates
from core.analysis.bias.flip_test import FLIP_TEST
from core.analysis.performance.performance_json import estimates_in
from core.aws.target import Target
from core.data import comparability
from core.reports import report_rows
from core.reports.bias_jobs import BiasReport


def read_scored_rows(target: Target, report: BiasReport) -> pd.DataFrame:
    """A table of the rows that were measured: label, score, group, and for each facet a column
    ``facet=value``: whether the row belongs to it."""
    return pd.read_csv(io.BytesIO(target.files.read(report.scores_uri)))


def explain_unlike_reports(
    target: Target, a: BiasReport, b: BiasReport, names: tuple[str, str] = ("Report 1", "Report 2")
) -> tuple[str, ...]:
    """Every reason why two reports can't be compared, with their ``names``; () if both measured the same rows, label and facet."""
    said = comparability.explain_incomparable(names, report_rows.rows_in_report(a), report_rows.rows_in_report(b), by_facet=True)
    if not said:
        return ()
    rows = (report_rows.rows_of_report(target, one) for one in (a, b))
    return comparability.explain_incomparable(names, *rows, by_facet=True)


def paired_differences(
    target: Target, a: BiasReport, b: BiasReport, names: tuple[str, str] = ("Report 1", "Report 2")
) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """(facet -> metric -> paired difference b − a of post-training metrics, ""), or ({}, every reason why they can't be paired)."""
    if unlike := explain_unlike_reports(target, a, b, names):
        return {}, _cannot_be_paired(*unlike)
    left, right = read_scored_rows(target, a), read_scored_rows(target, b)
    if "label" not in left or "label" not in right:
        return {}, "The rows that were scored have no labels, so the differences can't be paired."
    if mismatch := comparability.explain_label_mismatch(names, left["label"], right["label"]):
        return {}, _cannot_be_paired(mismatch)
    found = {}
    for facet in a.facets:
        sweep = a.sweep(facet.key)
        if sweep is None or facet.key not in left or facet.key not in right:
            continue
        if not left[facet.key].equals(right[facet.key]):
            return {}, _cannot_be_paired(f"{names[0]} and {names[1]} have other people in {a.describe_facet(facet.key)}.")
        known = left[facet.key].notna() & left["label"].notna()  # the rest counts in neither report
        one, two = left[known], right[known]
        favourable = sweep.favourable
        accepted = [(table["score"] > report.threshold).astype(int) == favourable for table, report in ((one, a), (two, b))]
        flips = [table.get(f"flip {facet.key}") for table in (one, two)]
        group = one["group"].to_numpy(dtype=object) if "group" in one else None
        found[facet.key] = bias_difference.compare_bias(
            one[facet.key], one["label"] == favourable, accepted[0], accepted[1], group, flips[0], flips[1]
        )
    return found, "" if found else "No facet is known row by row in both reports: their differences can't be paired."


def _cannot_be_paired(*reasons: str) -> str:
    return f"{' '.join(reasons)} Their differences can't be paired."


@dataclass(frozen=True)
class ThresholdOutcome:
    """What a model decides for a facet's people and the rest at one threshold: the shares that it declines, in all and by group, and the
    metrics, each (value, interval)."""

    threshold: float
    declined: DeclineRates
    declined_by_group: tuple[tuple[str, DeclineRates], ...]
    metrics: dict[str, tuple[float | None, Interval]]


def outcome_at_threshold(report: BiasReport, facet_key: str, threshold: float | None = None) -> ThresholdOutcome | None:
    """The outcome for the facet ``facet_key`` at a threshold, by default the report's own; None if the report has no counts."""
    sweep = report.sweep(facet_key)
    if sweep is None:
        return None
    own = threshold is None or abs(threshold - report.threshold) < 1e-9
    place = sweep.nearest_index(report.threshold if threshold is None else threshold)
    table = sweep.count_tables()[place]
    groups = tuple((name, decline_rates.decline_rates(alone)) for name, alone in decline_rates.tables_by_group(table, sweep.groups))
    declined, found = decline_rates.decline_rates(table), threshold_sweep.metrics_with_intervals(table, sweep.favourable)
    if own:
        found |= _reported_metrics(report, facet_key)
        known = found.get("DPPL", (None, None))[1]
        declined = declined if known is None else replace(declined, low=known.low, high=known.high)
    return ThresholdOutcome(sweep.thresholds[place], declined, groups, found)


def _reported_metrics(report: BiasReport, facet_key: str) -> dict[str, tuple[float | None, Interval]]:
    """Metric -> (value, interval) as the report has them at its own threshold. They replace those from the counts: other resamples would
    give the same figure a second interval."""
    performance = estimates_in(report.governance.get("performance"))
    said: dict[str, tuple[float | None, Interval]] = {}
    for name in threshold_sweep.SWEPT_PERFORMANCE:
        one = performance.get(name.replace(" ", "_"))
        if one is not None:
            said[name] = (one["value"], Interval(one["low"], one["high"], one["n"]))
    facet = next(facet for facet in report.facets if facet.key == facet_key)
    return said | {name: (m.value, m.interval) for name, m in facet.post_training.items() if m.interval is not None and name != FLIP_TEST}
