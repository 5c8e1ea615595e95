"""On which rows bias reports and explanations were measured: what decides whether two of them may be compared."""

from __future__ import annotations

from dataclasses import replace

from core.aws.target import Target
from core.data.comparability import JudgedRows
from core.errors import NotFound, Refused
from core.jobs import jobs, judged_rows
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.reports.bias_report import BiasReport


def rows_in_report(report: BiasReport, data: RebalancedData | None = None, part: str = "") -> JudgedRows:
    """The rows that a bias report says it measured. ``data``: what they come from, if it is known; ``part``: which part of it, for a report
    that doesn't say."""
    label, favourable = report.label
    part = report.measured_on or part
    known = judged_rows.rows_of_rebalancing(data, part) if data is not None else JudgedRows(part=part)
    performance = report.governance.get("performance")
    same_label = known.label in {"", label} and known.favourable in {"", favourable}
    return replace(
        known,
        count=(performance["n"] if performance else None) or known.count or _counted_rows(report),
        label=label or known.label,
        favourable=favourable or known.favourable,
        favourable_name=known.favourable_name if same_label else "",
        facets=tuple(facet.key for facet in report.facets),
        facet_names=tuple(report.group_names(facet.key)[0] for facet in report.facets),
        measured=str(report.governance.get("rows_sha256") or ""),
    )


def _counted_rows(report: BiasReport) -> int | None:
    """The number of rows of the report's facet and of the rest; None if it has no counts."""
    for facet in report.facets:
        counts = report.counts(facet.key)
        if {"rows", "rest"} <= counts.keys():
            return int(counts["rows"]) + int(counts["rest"])
    return None


def rows_of_report(target: Target, report: BiasReport) -> JudgedRows:
    """The rows behind a bias report, wherever it lies: those that its job read, if this product's job wrote it."""
    job = _find_job(target, report.folder)
    found = judged_rows.find_data_of_file(target, jobs.input_uri(job, "dataset")) if job else None
    return rows_in_report(report, *found) if found else rows_in_report(report)


def rows_of_explanation(target: Target, folder: str) -> JudgedRows:
    """The rows that the SHAP job with this output folder explained."""
    job = _find_job(target, folder)
    return judged_rows.rows_of_processing(target, job) if job else JudgedRows()


def _find_job(target: Target, folder: str) -> Job | None:
    """This product's bias or SHAP job with this output folder."""
    if not folder or not folder.startswith(target.uri("governance/clarify/")):
        return None
    try:
        return jobs.describe_job(target, "processing", folder.removesuffix("/output").rpartition("/")[2])
    except (NotFound, Refused):
        return None
