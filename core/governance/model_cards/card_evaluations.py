"""What a version's reports measured, as a model card's evaluations have it (AWS's schema)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from core.analysis.bias.group_table import GroupTable
from core.analysis.performance.performance_json import EstimateJson, PerformanceJson, estimates_in
from core.aws.target import Target
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry.registry_types import THRESHOLD_RATIONALE_PROPERTY, Package, describe_labels, version_value_names
from core.reports.bias_report import Measure

MAX_GROUPS = 50
"""Groups in a card; the bias report has all."""


def build_evaluations(target: Target, package: Package, data: RebalancedData | None) -> list[dict[str, object]]:
    """The evaluations of a version: its quality with the confusion matrix, its bias with intervals, every group, its explanation."""
    evaluations = []
    performance = estimates_in(package.performance)
    if performance:
        n = next(iter(performance.values()))["n"]
        groups: list[dict[str, object]] = [
            {"name": "Quality", "metric_data": [_metric_entry(k, v["value"], _interval_note(v)) for k, v in performance.items()]}
        ]
        if package.performance:
            groups.append({"name": "Decisions at the threshold", "metric_data": [_confusion_entry(package, package.performance)]})
        evaluations.append(_evaluation("Quality", f"{n:,} held-out test rows; 95 % intervals.", groups, [package.scores_uri]))
    facets = package.bias.facets if package.bias else ()
    if facets:
        names = version_value_names(package, data)
        groups = [
            {
                "name": names.describe(facet.facet, facet.value)[:63],
                "metric_data": [
                    _metric_entry(name, m.value, _measure_note(m)) for name, m in {**facet.pre_training, **facet.post_training}.items()
                ],
            }
            for facet in facets
        ]
        if package.bias and package.bias.group_table:
            groups.append(_all_groups(package.bias.group_table))
        job = package.properties.get("governance:bias-job")
        where = {"test": "On the held-out test rows.", "": "The report doesn't say on which rows."}
        measured_on = package.bias.measured_on if package.bias else ""
        rows_text = where.get(measured_on, f"On the {measured_on} rows.")
        evaluations.append(_evaluation("Bias", rows_text, groups, [], _processing_job_arn(target, job)))
    if package.shap:
        top = sorted(package.shap.items(), key=lambda item: -item[1])[:20]
        chart = {
            "name": "mean |SHAP|",
            "type": "bar_chart",
            "value": [float(v) for _, v in top],
            "x_axis_name": [str(k)[:63] for k, _ in top],
        }
        job = package.properties.get("governance:shap-job")
        evaluations.append(
            _evaluation("Explainability", "", [{"name": "SHAP", "metric_data": [chart]}], [], _processing_job_arn(target, job))
        )
    return evaluations


def _evaluation(
    name: str, text: str, groups: Sequence[Mapping[str, object]], datasets: list[str | None], arn: str = ""
) -> dict[str, object]:
    evaluation = {"name": name, "evaluation_observation": text, "metric_groups": groups, "evaluation_job_arn": arn, "datasets": datasets}
    return {k: v for k, v in evaluation.items() if v and v != [None]}


def _processing_job_arn(target: Target, job: str | None) -> str:
    arn = f"arn:{target.partition}:sagemaker:{target.region}:{target.account}:processing-job/{job}" if job else ""
    return arn if len(arn) <= 256 else ""


def _metric_entry(name: str, value: float | None, notes: str | None) -> dict[str, object]:
    if value is None or not math.isfinite(value):
        entry: dict[str, object] = {"name": name[:255], "type": "string", "value": "not defined" if value is None else str(value)}
    else:
        entry = {"name": name[:255], "type": "number", "value": float(value)}
    return entry | ({"notes": notes[:1024]} if notes else {})


def _interval_note(value: EstimateJson) -> str:
    low, high = value["low"], value["high"]
    return "" if low is None or high is None else f"95 % interval {low:z.4f} to {high:z.4f}, n = {value['n']:,}"


def _measure_note(measure: Measure) -> str:
    """What a bias metric says, or why it has no value; its interval and the number of rows."""
    said, interval = measure.error or measure.in_words, measure.interval
    if interval is None:
        return said
    known = interval.low is not None and interval.high is not None
    ends = f"95 % interval {interval.low:z.4f} to {interval.high:z.4f}" if known else f"no interval: {interval.why}"
    return f"{said} {ends}, n = {interval.n:,}.".strip()


def _confusion_entry(package: Package, performance: PerformanceJson) -> dict[str, object]:
    """The confusion matrix: actual labels as rows, predicted ones as columns."""
    labels, counts = describe_labels([package]), performance["confusion"]
    why = package.properties.get(THRESHOLD_RATIONALE_PROPERTY, "")
    return {
        "name": f"confusion matrix at the threshold {performance['threshold']:g}",
        "type": "matrix",
        "value": [[counts["tn"], counts["fp"]], [counts["fn"], counts["tp"]]],
        "x_axis_name": [f"predicted {label}"[:63] for label in labels],
        "y_axis_name": [f"actual {label}"[:63] for label in labels],
        **({"notes": f"Why this threshold: {why}"[:1024]} if why else {}),
    }


def _all_groups(table: GroupTable) -> dict[str, object]:
    """The selection rate of every group and intersection, or why it wasn't measured; of very many the first."""
    entries = []
    for group in table.groups[:MAX_GROUPS]:
        rate = group.selection_rate or group.label_share
        what = "selection rate" if group.selection_rate else "favourable label"
        note = f"{group.rows:,} of {group.rows + group.rest:,} rows. {group.why}".strip()
        note += "" if rate is None or rate.low is None or rate.high is None else f" Interval {rate.low:z.4f} to {rate.high:z.4f}."
        entries.append(_metric_entry(f"{what}: {group.name}", rate.value if rate else None, note))
    return {"name": "All groups and intersections", "metric_data": entries}
