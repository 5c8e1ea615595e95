"""One training job with the built-in XGBoost algorithm, and its report."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from typing import Any

import pandas as pd

from core.aws import aws_names, container_images, idempotency, request_defaults
from core.aws.target import Target
from core.errors import DataError, Refused, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs
from core.jobs.jobs import Job

JOB_NAME_PREFIX = "governance-train"
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
        "AlgorithmSpecification": {"TrainingImage": container_images.xgboost_image(target), "TrainingInputMode": "File"},
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
        idempotency.create_once(target, "TrainingJob", request)  # Debugger is closed to new accounts: ``launch_job`` makes the report
    return name


def job_tags(target: Target, identity: Identity, rebalanced: str) -> list[Any]:
    found = aws_names.launched_by_tags(identity) | ({"governance:rebalanced": rebalanced} if rebalanced else {})
    return request_defaults.tags(target.settings, found)


def _debugger_request(target: Target, output: str) -> dict[str, Any]:
    """Debugger's XGBoost report; nothing in a region without Debugger, where ``launch_job`` makes one."""
    with suppress(DataError):
        image = container_images.built_in_image(target, "debugger")
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
