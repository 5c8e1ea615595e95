"""One training job with the built-in XGBoost algorithm, and its report."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from contextlib import suppress
from typing import Any

import pandas as pd

from core.aws import idempotency, request_defaults
from core.aws.target import Target
from core.errors import DataError, Refused, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs
from core.jobs.jobs import Job

JOB_NAME_PREFIX = "governance-train"
REPORT_JOB_PREFIX = "governance-report"
BASELINE_HYPERPARAMETERS: dict[str, str] = {
    "objective": "binary:logistic",
    "max_depth": "5",
    "eta": "0.2",
    "gamma": "4",
    "min_child_weight": "6",
    "subsample": "0.7",
    "num_round": "50",
    "eval_metric": "auc,logloss",
    "seed": "42",
}
"""The workshop's first model."""
REPORT_RULE = "CreateXgboostReport"
LOG_LINE = re.compile(r"^\[(\d+)\]\t(.*)$")


def build_channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def channel_source(channel: dict[str, Any]) -> str:
    """Where a channel's data lie, of whosever job: an S3 URI, a file system with its directory, or a data set's name; "" where unknown."""
    found = channel.get("DataSource") or {}
    if "S3DataSource" in found:
        return str(found["S3DataSource"].get("S3Uri", ""))
    if "FileSystemDataSource" in found:
        system = found["FileSystemDataSource"]
        return f"{system.get('FileSystemId', 'file system')}:{system.get('DirectoryPath', '/')}"
    return str((found.get("DatasetSource") or {}).get("DatasetArn", ""))


def is_xgboost(job: Job) -> bool:
    """Whether the built-in XGBoost algorithm trained it, so that its model and log are read here."""
    algorithm = job.raw.get("AlgorithmSpecification") or {}
    image = str(algorithm.get("TrainingImage") or "")
    return re.split("[:@]", image.rpartition("/")[2])[0] in {"sagemaker-xgboost", "xgboost"}


def launch_job(
    target: Target,
    identity: Identity,
    train_uri: str,
    validation_uri: str,
    hyperparameters: dict[str, str] | None = None,
    *,
    weights: bool = False,
    name: str | None = None,
    rebalanced: str = "",
) -> str:
    """Start a training job, the XGBoost report attached; returns its name. ``rebalanced``: the job that made the data."""
    require_permission(identity, "launch", resource=name or JOB_NAME_PREFIX)
    name = name or f"{JOB_NAME_PREFIX}-{secrets.token_hex(4)}"
    output, settings = target.uri("governance/models"), target.settings
    request = {
        "TrainingJobName": name,
        "HyperParameters": {**BASELINE_HYPERPARAMETERS, **(hyperparameters or {}), **({"csv_weights": "1"} if weights else {})},
        "AlgorithmSpecification": {"TrainingImage": jobs.xgboost_image(target), "TrainingInputMode": "File"},
        "RoleArn": target.role,
        "InputDataConfig": [build_channel("train", train_uri), build_channel("validation", validation_uri)],
        "OutputDataConfig": {"S3OutputPath": output, **request_defaults.output_encryption(settings)},
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
            **request_defaults.volume_encryption(settings),
        },
        **request_defaults.vpc_config(settings),
        "StoppingCondition": {"MaxRuntimeInSeconds": jobs.MAX_SECONDS},
        "Tags": job_tags(target, identity, rebalanced),
    }
    try:
        idempotency.create_once(target, "TrainingJob", {**request, **_debugger_request(target, output)})
    except Refused as error:
        if "debug" not in error.message.lower():
            raise
        idempotency.create_once(target, "TrainingJob", request)  # Debugger is closed to new accounts: ``launch_report`` makes the report
    return name


def job_tags(target: Target, identity: Identity, rebalanced: str) -> list[Any]:
    found = jobs.launched_by_tags(identity) | ({"governance:rebalanced": rebalanced} if rebalanced else {})
    return request_defaults.tags(target.settings, found)


def _debugger_request(target: Target, output: str) -> dict[str, Any]:
    """Debugger's XGBoost report; nothing in a region without Debugger, where ``launch_report`` makes one."""
    with suppress(DataError):
        image = jobs.built_in_image(target, "debugger")
        rule = {"RuleConfigurationName": REPORT_RULE, "RuleEvaluatorImage": image, "RuleParameters": {"rule_to_invoke": REPORT_RULE}}
        return {"DebugHookConfig": {"S3OutputPath": output}, "DebugRuleConfigurations": [rule]}
    return {}


def describe_job(target: Target, name: str) -> Job:
    return jobs.describe_job(target, "training", name)


def read_launcher(target: Target, arn: str) -> tuple[str, str] | None:
    """Who started the job, by its tags: an id, and a name to show."""
    with translate_aws_errors(arn):
        found = {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    who = found.get("governance:launched-by")
    return (who, found.get("governance:launched-by-name", who)) if who else None


def read_curves(target: Target, name: str) -> pd.DataFrame:
    """The metrics of each round, read off the log: columns round, data, metric, value."""
    rows = []
    for line in jobs.read_logs(target, "training", name):
        found = LOG_LINE.match(line.replace("#011", "\t"))
        if found:
            for part in found[2].split("\t"):
                key, _, value = part.rpartition(":")
                data, _, metric = key.partition("-")
                rows.append((int(found[1]), data, metric, float(value)))
    return pd.DataFrame(rows, columns=["round", "data", "metric", "value"])


def final_metrics(job: Job) -> dict[str, float]:
    """The final metrics, by name."""
    return {
        item["MetricName"]: float(item["Value"])
        for item in job.raw.get("FinalMetricDataList", [])
        if {"MetricName", "Value"} <= item.keys()
    }


def launch_report(target: Target, identity: Identity, job: Job) -> str:
    """Start the XGBoost report of a training job that has none (a tuning job's trials can't have rules); returns the job's name, the
    running or completed one's where there is one."""
    require_permission(identity, "launch", resource=job.name)
    sources = {str(c["ChannelName"]): channel_source(c) for c in job.raw.get("InputDataConfig", [])}
    if not is_xgboost(job) or not all(uri.startswith("s3://") for uri in sources.values()):
        raise Refused(
            f"{job.name} is no job of the built-in XGBoost algorithm with its data in S3: there is no XGBoost report of it.",
            resource=job.name,
            hint="Train with the built-in algorithm, on data in S3.",
        )
    earlier = _list_report_jobs(target, job)
    if earlier and earlier[0].status not in {"Failed", "Stopped"}:
        return earlier[0].name
    name = f"{_report_prefix(job)}-{len(earlier) + 1}"
    folder = target.uri("governance/reports", job.name)
    parameters = job.raw.get("HyperParameters", {})
    configs = {"hyperparameters": parameters, "inputdataconfig": {c: {"ContentType": "text/csv"} for c in sources}}
    for file, content in configs.items():
        target.write(f"{folder}/config/{file}.json", json.dumps(content).encode(), "application/json")
    local = "/opt/ml/processing/input"
    inputs = {
        "config": (f"{folder}/config/", f"{local}/config"),
        "model": (job.raw["ModelArtifacts"]["S3ModelArtifacts"], f"{local}/model"),
        **{c: (uri, f"{local}/data/{c}") for c, uri in sources.items()},
    }
    tags = {**jobs.launched_by_tags(identity), "governance:training-job": job.name}
    request = jobs.build_processing_request(target, name, "xgboost-report", inputs, f"{folder}/output", tags)
    idempotency.create_once(target, "ProcessingJob", request, shared=True)
    return name


def _report_prefix(job: Job) -> str:
    return f"{REPORT_JOB_PREFIX}-{hashlib.sha256(job.name.encode()).hexdigest()[:10]}"


def find_report_job(target: Target, job: Job) -> Job | None:
    """The newest job that makes or made a training job's XGBoost report, in whatever state; None where none was started."""
    return next(iter(_list_report_jobs(target, job)), None)


def _list_report_jobs(target: Target, job: Job) -> list[Job]:
    return jobs.list_jobs(target, "processing", name_contains=_report_prefix(job))


def find_report_or_job(target: Target, job: Job) -> tuple[str | None, Job | None]:
    """The report, or where there is none the job that makes it: looked up together, so that the one fits the other."""
    page = find_report_uri(target, job)
    return page, None if page else find_report_job(target, job)


def read_xgboost_report(target: Target, job: Job) -> dict[str, Any] | None:
    """What the XGBoost report of a training job says, or None where none was made."""
    page = find_report_uri(target, job)
    found: dict[str, Any] | None = target.read_json(page.removesuffix(".html") + ".json") if page else None
    return found


def find_report_uri(target: Target, job: Job) -> str | None:
    """The XGBoost report (HTML) of a training job, or None where none was made."""
    output = str((job.raw.get("OutputDataConfig") or {}).get("S3OutputPath", "")).rstrip("/")
    rules = [f"{output}/{job.name}/rule-output/{r['RuleConfigurationName']}" for r in job.raw.get("DebugRuleConfigurations", [])]
    for folder in (*rules, target.uri("governance/reports", job.name, "output")):
        if target.exists(f"{folder}/xgboost_report.html"):
            return f"{folder}/xgboost_report.html"
    return None
