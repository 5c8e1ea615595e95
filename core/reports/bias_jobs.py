"""Bias jobs: launch them on a model, read their reports, and find what a report was measured on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from core.aws.target import Target
from core.data.column_roles import chosen_facets
from core.errors import DataError, NotFound, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.references import JOB_NAME_PREFIXES
from core.reports import clarify_jobs
from core.reports.bias_report import BiasReport, FacetReport, Measure, parse_report, parse_report_file
from core.reports.clarify_jobs import ROW_FILES

__all__ = [
    "JOB_NAME_PREFIX",
    "ROW_FILES",
    "BiasReport",
    "FacetReport",
    "Measure",
    "ReportOrigin",
    "facet_group_names",
    "find_origin",
    "launch_job",
    "list_jobs",
    "parse_report",
    "read_job_report",
    "read_report_at",
]
JOB_NAME_PREFIX = JOB_NAME_PREFIXES["bias report"]
GROUP_BINS = 5
"""The number of bins of a numeric group, unless a job is asked for another: the only one with which a version can be registered."""


def facet_group_names(data: RebalancedData) -> dict[str, list[str]]:
    """``facet=value`` -> [name of the facet's people, name of the rest], for the report's ``names``; of every facet, the main one first."""
    found: dict[str, list[str]] = {}
    names, further = data.value_names, data.manifest.get("further_facets", [])
    counted = [(data.roles.facet, data.roles.facet_value, data.manifest["counts"])]
    counted += [(one["facet"], one["facet_value"], one["counts"]) for one in further]
    for facet, facet_value, counts in counted:
        others = {c["facet"] for c in counts["before"]} - {facet_value}
        rest = names.describe_group(facet, others.pop()) if len(others) == 1 else "all others"
        found[f"{facet}={facet_value}"] = [names.describe_group(facet, facet_value), rest]
    return found


def launch_job(
    target: Target,
    identity: Identity,
    model: str,
    data: RebalancedData,
    *,
    rows: str = "test",
    threshold: float = 0.5,
    group_bins: int | None = GROUP_BINS,
    name: str | None = None,
) -> str:
    """Start a bias job of a model; returns its name. ``rows``: test, validation, or train (which the report states); ``group_bins``: number
    of bins of a numeric group, None for single values. Raises DataError."""
    require_permission(identity, "launch", resource=model)
    if rows not in ROW_FILES:
        raise DataError(f"{rows} is not a set of rows.", resource="rows", hint=f"Choose one of {', '.join(ROW_FILES)}.")
    _require_favourable_rows(data)
    name = name or f"{JOB_NAME_PREFIX}-{'' if rows == 'test' else f'{rows}-'}{secrets.token_hex(5)}"
    roles = data.roles
    config = clarify_jobs.build_shared_config(data, rows, model, f"Bias of {model} on the {rows} rows")
    config["label_values_or_threshold"] = [roles.favourable]
    facets = chosen_facets(roles)
    config["facet"] = [{"name_or_index": column, "value_or_threshold": [value]} for column, value in facets]
    config["probability_threshold"] = threshold
    config["governance"] = {
        **config.get("governance", {}),
        "categorical": list(dict.fromkeys(column for column, _ in facets)),
        "measured_on": rows,
        "names": facet_group_names(data),
    }
    if roles.group:
        config["group_variable"] = roles.group
        if group_bins:
            config["governance"]["group_bins"] = group_bins
    config["methods"] |= {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}}
    return clarify_jobs.submit_job(target, identity, name, data, rows, config, {"governance:model": model})


def _require_favourable_rows(data: RebalancedData) -> None:
    """Raises DataError, naming the labels there are, if no row has the favourable one: the job would find nothing to measure."""
    roles, names = data.roles, data.value_names
    labels = sorted({cell["label"] for cell in data.manifest["counts"]["before"]})
    if roles.favourable not in labels:
        raise DataError(
            f"No row has the favourable outcome {names.describe(roles.label, roles.favourable)}; the label's values are "
            f"{', '.join(names.value(roles.label, label) for label in labels)}.",
            resource=roles.label,
            hint="Save the data set again with one of these as the favourable value.",
        )


def read_job_report(target: Target, name: str) -> BiasReport:
    """The report of a completed bias job. Raises Conflict if it, or its companion job, hasn't completed."""
    job = jobs.describe_job(target, "processing", name)
    beside = clarify_jobs.with_companion(target, job)
    if beside and job.status == "Completed" and beside.status not in jobs.FINAL_STATUSES:
        job = beside
    jobs.require_completed(job, name)
    return read_report_at(target, jobs.output_uri(job), name)


def read_report_at(target: Target, folder: str, name: str = "") -> BiasReport:
    """The report in a folder of S3, or at a URI that ends in .json; a report of AWS's container with its companion's measurements."""
    uri = folder if folder.endswith(".json") else f"{folder}/analysis.json"
    report = parse_report_file(target.files.read(uri), uri, folder, name)
    raw = clarify_jobs.merged_with_companion(target, folder, report.raw)
    if raw is report.raw:
        return report
    return replace(parse_report(raw, folder, name), companion_uri=clarify_jobs.companion_output(folder))


def list_jobs(target: Target, including: str | None = None) -> list[Job]:
    """The newest bias jobs, newest first; before them the job named ``including``, if it is older."""
    return jobs.list_jobs(target, "processing", name_contains=JOB_NAME_PREFIX, including=including)


@dataclass(frozen=True)
class ReportOrigin:
    """What a bias job measured; None for what isn't known."""

    model: str | None
    training_job: str | None
    rebalancing_job: str | None


def find_origin(target: Target, name: str) -> ReportOrigin:
    """The model, training job and rebalancing job behind a bias job, from their tags. Raises NotFound."""
    with translate_aws_errors(name):
        arn = target.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobArn"]
        tags = {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    model, training = tags.get("governance:model"), None
    if model:
        try:
            with translate_aws_errors(model):
                of_model = target.sagemaker.describe_model(ModelName=model)["ModelArn"]
                found = {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=of_model)["Tags"]}
            training = found.get("governance:training-job")
        except NotFound:
            model = None
    return ReportOrigin(model, training, tags.get("governance:rebalanced"))
