"""One training job with the built-in XGBoost algorithm, and its report."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from contextlib import suppress
from typing import Any

import pandas as pd

from core import creating, jobs, placement
from core.clients import Clients
from core.errors import DataError, Refused, translated
from core.identity import Identity, require
from core.jobs import Job

PREFIX = "governance-train"
REPORTS = "governance-report"
BASELINE: dict[str, str] = {
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
LINE = re.compile(r"^\[(\d+)\]\t(.*)$")


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def source(channel: dict[str, Any]) -> str:
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


def launch(
    clients: Clients,
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
    require(identity, "launch", subject=name or PREFIX)
    name = name or f"{PREFIX}-{secrets.token_hex(4)}"
    output, settings = clients.uri("governance/models"), clients.settings
    request = {
        "TrainingJobName": name,
        "HyperParameters": {**BASELINE, **(hyperparameters or {}), **({"csv_weights": "1"} if weights else {})},
        "AlgorithmSpecification": {"TrainingImage": jobs.xgboost_image(clients), "TrainingInputMode": "File"},
        "RoleArn": clients.role,
        "InputDataConfig": [channel("train", train_uri), channel("validation", validation_uri)],
        "OutputDataConfig": {"S3OutputPath": output, **placement.results(settings)},
        "ResourceConfig": {"InstanceType": settings.instance_type, "InstanceCount": 1, "VolumeSizeInGB": 10, **placement.disk(settings)},
        **placement.vpc(settings),
        "StoppingCondition": {"MaxRuntimeInSeconds": jobs.MAX_SECONDS},
        "Tags": tags(clients, identity, rebalanced),
    }
    try:
        creating.once(clients, "TrainingJob", {**request, **_debugger(clients, output)})
    except Refused as error:
        if "debug" not in error.what.lower():
            raise
        creating.once(clients, "TrainingJob", request)  # Debugger is closed to new accounts: ``launch_report`` makes the report
    return name


def tags(clients: Clients, identity: Identity, rebalanced: str) -> list[Any]:
    found = jobs.launched_by(identity) | ({"governance:rebalanced": rebalanced} if rebalanced else {})
    return placement.tags(clients.settings, found)


def _debugger(clients: Clients, output: str) -> dict[str, Any]:
    """Debugger's XGBoost report; nothing in a region without Debugger, where ``launch_report`` makes one."""
    with suppress(DataError):
        image = jobs.built_in_image(clients, "debugger")
        rule = {"RuleConfigurationName": REPORT_RULE, "RuleEvaluatorImage": image, "RuleParameters": {"rule_to_invoke": REPORT_RULE}}
        return {"DebugHookConfig": {"S3OutputPath": output}, "DebugRuleConfigurations": [rule]}
    return {}


def describe(clients: Clients, name: str) -> Job:
    return jobs.describe(clients, "training", name)


def launched_by(clients: Clients, arn: str) -> tuple[str, str] | None:
    """Who started the job, by its tags: an id, and a name to show."""
    with translated(arn):
        found = {tag["Key"]: tag["Value"] for tag in clients.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    who = found.get("governance:launched-by")
    return (who, found.get("governance:launched-by-name", who)) if who else None


def curves(clients: Clients, name: str) -> pd.DataFrame:
    """The metrics of each round, read off the log: columns round, data, metric, value."""
    rows = []
    for line in jobs.logs(clients, "training", name):
        found = LINE.match(line.replace("#011", "\t"))
        if found:
            for part in found[2].split("\t"):
                key, _, value = part.rpartition(":")
                data, _, metric = key.partition("-")
                rows.append((int(found[1]), data, metric, float(value)))
    return pd.DataFrame(rows, columns=["round", "data", "metric", "value"])


def metrics(job: Job) -> dict[str, float]:
    """The final metrics, by name."""
    return {
        item["MetricName"]: float(item["Value"])
        for item in job.raw.get("FinalMetricDataList", [])
        if {"MetricName", "Value"} <= item.keys()
    }


def launch_report(clients: Clients, identity: Identity, job: Job) -> str:
    """Start the XGBoost report of a training job that has none (a tuning job's trials can't have rules); returns the job's name, the
    running or completed one's where there is one."""
    require(identity, "launch", subject=job.name)
    sources = {str(c["ChannelName"]): source(c) for c in job.raw.get("InputDataConfig", [])}
    if not is_xgboost(job) or not all(uri.startswith("s3://") for uri in sources.values()):
        raise Refused(
            f"{job.name} is no job of the built-in XGBoost algorithm with its data in S3: there is no XGBoost report of it.",
            subject=job.name,
            remedy="Train with the built-in algorithm, on data in S3.",
        )
    earlier = _reports(clients, job)
    if earlier and earlier[0].status not in {"Failed", "Stopped"}:
        return earlier[0].name
    name = f"{_report_prefix(job)}-{len(earlier) + 1}"
    folder = clients.uri("governance/reports", job.name)
    parameters = job.raw.get("HyperParameters", {})
    configs = {"hyperparameters": parameters, "inputdataconfig": {c: {"ContentType": "text/csv"} for c in sources}}
    for file, content in configs.items():
        clients.write(f"{folder}/config/{file}.json", json.dumps(content).encode(), "application/json")
    local = "/opt/ml/processing/input"
    inputs = {
        "config": (f"{folder}/config/", f"{local}/config"),
        "model": (job.raw["ModelArtifacts"]["S3ModelArtifacts"], f"{local}/model"),
        **{c: (uri, f"{local}/data/{c}") for c, uri in sources.items()},
    }
    tags = {**jobs.launched_by(identity), "governance:training-job": job.name}
    request = jobs.processing_request(clients, name, "xgboost-report", inputs, f"{folder}/output", tags)
    creating.once(clients, "ProcessingJob", request, shared=True)
    return name


def _report_prefix(job: Job) -> str:
    return f"{REPORTS}-{hashlib.sha256(job.name.encode()).hexdigest()[:10]}"


def report_job(clients: Clients, job: Job) -> Job | None:
    """The newest job that makes or made a training job's XGBoost report, in whatever state; None where none was started."""
    return next(iter(_reports(clients, job)), None)


def _reports(clients: Clients, job: Job) -> list[Job]:
    return jobs.listed(clients, "processing", contains=_report_prefix(job))


def report_state(clients: Clients, job: Job) -> tuple[str | None, Job | None]:
    """The report, or where there is none the job that makes it: looked up together, so that the one fits the other."""
    page = report_uri(clients, job)
    return page, None if page else report_job(clients, job)


def report(clients: Clients, job: Job) -> dict[str, Any] | None:
    """What the XGBoost report of a training job says, or None where none was made."""
    page = report_uri(clients, job)
    found: dict[str, Any] | None = clients.read_json(page.removesuffix(".html") + ".json") if page else None
    return found


def report_uri(clients: Clients, job: Job) -> str | None:
    """The XGBoost report (HTML) of a training job, or None where none was made."""
    output = str((job.raw.get("OutputDataConfig") or {}).get("S3OutputPath", "")).rstrip("/")
    rules = [f"{output}/{job.name}/rule-output/{r['RuleConfigurationName']}" for r in job.raw.get("DebugRuleConfigurations", [])]
    for folder in (*rules, clients.uri("governance/reports", job.name, "output")):
        if clients.exists(f"{folder}/xgboost_report.html"):
            return f"{folder}/xgboost_report.html"
    return None
