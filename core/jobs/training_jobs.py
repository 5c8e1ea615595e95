"""Training jobs with SageMaker's built-in XGBoost algorithm: launch, metrics, curves."""

from __future__ import annotations

import json
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import pandas as pd

from core.aws import aws_names, container_images, idempotency, request_defaults
from core.aws.target import Target
from core.errors import DataError, Refused, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs
from core.jobs.jobs import Job

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ChannelOutputTypeDef, ChannelTypeDef, S3DataSourceTypeDef, TagTypeDef

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
MAX_VARIABLE = 512
"""Characters that SageMaker takes as the value of an environment variable."""
LOG_LINE = re.compile(r"^\[(\d+)\]\t(.*)$")


def build_channel(name: str, uri: str) -> ChannelTypeDef:
    """A training job's input channel that reads CSV from S3."""
    source: S3DataSourceTypeDef = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def channel_source(channel: ChannelOutputTypeDef) -> str:
    """The source of a channel's data: an S3 URI, a file system with its directory, or a data set's ARN; "" if unknown."""
    found = channel.get("DataSource")
    if found and "S3DataSource" in found:
        return found["S3DataSource"].get("S3Uri", "")
    if found and "FileSystemDataSource" in found:
        system = found["FileSystemDataSource"]
        return f"{system.get('FileSystemId', 'file system')}:{system.get('DirectoryPath', '/')}"
    return found["DatasetSource"].get("DatasetArn", "") if found and "DatasetSource" in found else ""


def is_xgboost(job: Job) -> bool:
    """Whether the job runs the built-in XGBoost algorithm, whose models and logs the product can read."""
    algorithm = job.raw.get("AlgorithmSpecification")
    image = algorithm.get("TrainingImage", "") if algorithm else ""
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
    labels: tuple[str, str] | None = None,
) -> str:
    """Start a training job with Debugger's XGBoost report if the region has it; returns the job's name. ``weights``: whether the second
    column is a weight, in both files; ``rebalanced``: the rebalancing job that made the rows; ``labels``: what 0 and 1 are called."""
    require_permission(identity, "launch", resource=name or JOB_NAME_PREFIX)
    name = name or f"{JOB_NAME_PREFIX}-{secrets.token_hex(4)}"
    output, settings = target.uri("governance/models"), target.settings
    request: dict[str, object] = {
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
        idempotency.create_once(target, "TrainingJob", {**request, **_debugger_request(target, output, labels)})
    except Refused as error:
        if "debug" not in error.message.lower():
            raise
        idempotency.create_once(target, "TrainingJob", request)  # Debugger is closed to new accounts: xgboost_report_jobs makes it
    return name


def job_tags(target: Target, identity: Identity, rebalanced: str) -> list[TagTypeDef]:
    """The tags of a training or tuning job: those of the settings, who launched it, and the rebalancing job of its rows."""
    found = aws_names.launched_by_tags(identity) | ({"governance:rebalanced": rebalanced} if rebalanced else {})
    return request_defaults.tags(target.settings, found)


def _debugger_request(target: Target, output: str, labels: tuple[str, str] | None) -> dict[str, object]:
    """The part of the request that orders Debugger's XGBoost report; {} in a region without Debugger. ``labels``: what the report calls
    them, if its container can (AWS's can't)."""
    named = json.dumps(labels, ensure_ascii=False)
    with suppress(DataError):
        image = container_images.built_in_image(target, "debugger")
        rule = {"RuleConfigurationName": REPORT_RULE, "RuleEvaluatorImage": image, "RuleParameters": {"rule_to_invoke": REPORT_RULE}}
        environment = {"Environment": {"REPORT_LABELS": named}} if labels and len(named) <= MAX_VARIABLE else {}
        return {"DebugHookConfig": {"S3OutputPath": output}, "DebugRuleConfigurations": [rule], **environment}
    return {}


def describe_job(target: Target, name: str) -> Job:
    """The training job, read in full. Raises NotFound."""
    return jobs.describe_job(target, "training", name)


def read_launcher(target: Target, arn: str) -> tuple[str, str] | None:
    """(id, name to show) of the person who launched the job, from its tags; None if the tags don't tell."""
    with translate_aws_errors(arn):
        found = {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    who = found.get("governance:launched-by")
    return (who, found.get("governance:launched-by-name", who)) if who else None


def read_curves(target: Target, name: str) -> pd.DataFrame:
    """The metrics of each round, read from the job's log: a table of round, data, metric, value."""
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
    """Name -> value of the job's final metrics."""
    return {
        item["MetricName"]: float(item["Value"])
        for item in job.raw.get("FinalMetricDataList", [])
        if {"MetricName", "Value"} <= item.keys()
    }
