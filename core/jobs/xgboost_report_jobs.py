"""The XGBoost report of a training job: Debugger's, or the one that a processing job of this product makes."""

from __future__ import annotations

import json

from core.analysis.performance.xgboost_report_json import XgboostReport
from core.aws import aws_names, idempotency
from core.aws.target import Target
from core.errors import Refused
from core.identity import Identity, require_permission
from core.jobs import jobs, processing_requests
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.training_jobs import channel_source, is_xgboost

JOB_NAME_PREFIX = "governance-report"


def launch_job(target: Target, identity: Identity, job: Job, data: RebalancedData | None = None) -> str:
    """Start a job that makes the XGBoost report of a training job without one, such as a tuning job's trial; returns the job's name. If one
    runs or has completed, returns its name. ``data``: the rows that it trained on, for the names of labels and features. Raises Refused for
    a training job that isn't XGBoost's or has data outside S3."""
    require_permission(identity, "launch", resource=job.name)
    sources = {str(c["ChannelName"]): channel_source(c) for c in job.raw.get("InputDataConfig", [])}
    if not is_xgboost(job) or not all(uri.startswith("s3://") for uri in sources.values()):
        raise Refused(
            f"{job.name} can't have an XGBoost report: it doesn't run the built-in XGBoost algorithm on data in S3.",
            resource=job.name,
            hint="Train with the built-in algorithm, on data in S3.",
        )
    earlier = _list_report_jobs(target, job)
    if earlier and earlier[0].status not in {"Failed", "Stopped"}:
        return earlier[0].name
    name = f"{_name_prefix(job)}-{len(earlier) + 1}"
    folder = target.uri("governance/reports", job.name)
    parameters = job.raw.get("HyperParameters", {})
    configs: dict[str, object] = {"hyperparameters": parameters, "inputdataconfig": {c: {"ContentType": "text/csv"} for c in sources}}
    if data:
        configs["report"] = {"labels": data.label_names, "features": data.manifest.get("features", [])}
    for file, content in configs.items():
        target.files.write(f"{folder}/config/{file}.json", json.dumps(content).encode(), "application/json")
    local = "/opt/ml/processing/input"
    inputs = {
        "config": (f"{folder}/config/", f"{local}/config"),
        "model": (job.raw["ModelArtifacts"]["S3ModelArtifacts"], f"{local}/model"),
        **{c: (uri, f"{local}/data/{c}") for c, uri in sources.items()},
    }
    tags = {**aws_names.launched_by_tags(identity), "governance:training-job": job.name}
    request = processing_requests.build_processing_request(target, name, "xgboost-report", inputs, f"{folder}/output", tags)
    idempotency.create_once(target, "ProcessingJob", request, shared=True)
    return name


def _name_prefix(job: Job) -> str:
    return f"{JOB_NAME_PREFIX}-{aws_names.short_hash(job.name)}"


def find_newest_job(target: Target, job: Job) -> Job | None:
    """The newest job that makes or made a training job's XGBoost report, in any state; None if none was started."""
    return next(iter(_list_report_jobs(target, job)), None)


def _list_report_jobs(target: Target, job: Job) -> list[Job]:
    return jobs.list_jobs(target, "processing", name_contains=_name_prefix(job))


def find_report_or_job(target: Target, job: Job) -> tuple[str | None, Job | None]:
    """(URI of the report, None), or without a report (None, the job that makes it), so that the two agree."""
    page = find_report_uri(target, job)
    return page, None if page else find_newest_job(target, job)


def read_report(target: Target, job: Job) -> XgboostReport | None:
    """The content of a training job's XGBoost report; None if it has none."""
    page = find_report_uri(target, job)
    return read_report_at(target, page) if page else None


def read_report_at(target: Target, page: str) -> XgboostReport:
    """The content of the report whose HTML page is at ``page``."""
    return target.files.read_json(page.removesuffix(".html") + ".json", XgboostReport)


def find_report_uri(target: Target, job: Job) -> str | None:
    """The URI of a training job's XGBoost report (HTML); None if it has none."""
    output = job.raw.get("OutputDataConfig", {}).get("S3OutputPath", "").rstrip("/")
    rules = [f"{output}/{job.name}/rule-output/{r['RuleConfigurationName']}" for r in job.raw.get("DebugRuleConfigurations", [])]
    for folder in (*rules, target.uri("governance/reports", job.name, "output")):
        if target.files.exists(f"{folder}/xgboost_report.html"):
            return f"{folder}/xgboost_report.html"
    return None
