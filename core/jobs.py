"""What all jobs share: waiting, logs, names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from core import creating
from core.clients import Clients
from core.errors import JobFailed, NotFound, Refused, translated
from core.identity import Identity

Kind = Literal["training", "processing", "tuning"]
FINAL = frozenset({"Completed", "Failed", "Stopped"})
KINDS: dict[Kind, str] = {"training": "TrainingJob", "processing": "ProcessingJob", "tuning": "HyperParameterTuningJob"}
LOG_GROUPS = {"training": "/aws/sagemaker/TrainingJobs", "processing": "/aws/sagemaker/ProcessingJobs"}


@dataclass(frozen=True)
class Job:
    """A job as lists show it. ``created`` and ``ended`` are datetimes (UTC), ``ended`` None while it runs."""

    name: str
    kind: Kind
    status: str
    created: Any
    ended: Any
    reason: str | None
    raw: dict[str, Any]


def describe(clients: Clients, kind: Kind, name: str) -> Job:
    """Raises NotFound."""
    return creating.settled(clients, KINDS[kind], name, lambda: _described(clients, kind, name))


def _described(clients: Clients, kind: Kind, name: str) -> Job:
    api = clients.sagemaker
    with translated(name):
        if kind == "training":
            raw: Any = api.describe_training_job(TrainingJobName=name)
            return Job(name, kind, raw["TrainingJobStatus"], raw["CreationTime"], raw.get("TrainingEndTime"), raw.get("FailureReason"), raw)
        if kind == "processing":
            raw = api.describe_processing_job(ProcessingJobName=name)
            return Job(
                name, kind, raw["ProcessingJobStatus"], raw["CreationTime"], raw.get("ProcessingEndTime"), raw.get("FailureReason"), raw
            )
        raw = api.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        ended = raw.get("HyperParameterTuningEndTime")
        return Job(name, kind, raw["HyperParameterTuningJobStatus"], raw["CreationTime"], ended, raw.get("FailureReason"), raw)


def wait(
    clients: Clients, jobs: Sequence[tuple[Kind, str]], *, on_progress: Callable[[list[Job]], None] | None = None, poll: float | None = None
) -> list[Job]:
    """Wait until all have ended. Raises JobFailed for the first that has not Completed, with its reason."""
    pause = poll if poll is not None else (0.25 if clients.settings.target == "local" else 10.0)
    while True:
        found = [describe(clients, kind, name) for kind, name in jobs]
        if on_progress:
            on_progress(found)
        for job in found:
            if job.status in {"Failed", "Stopped"}:
                raise JobFailed(
                    f"The job {job.name} ended {job.status}: {job.reason or 'no reason was given'}",
                    subject=job.name,
                    remedy="Read its log.",
                )
        if all(job.status == "Completed" for job in found):
            return found
        time.sleep(pause)


def listed(clients: Clients, kind: Kind, *, contains: str = "", most: int = 50, named: str | None = None) -> list[Job]:
    """The newest jobs whose name holds ``contains``; before them the one that is ``named``, where it is older."""
    newest = _newest(clients, kind, contains, most)
    for late in creating.unlisted(clients, KINDS[kind], {job.name for job in newest}, contains):
        with suppress(NotFound):
            newest.insert(0, describe(clients, kind, late))
    other = kind == "processing" and contains not in (named or "")  # sorts of processing job are told by their names
    if not named or other or named in {job.name for job in newest}:
        return newest
    try:
        return [describe(clients, kind, named), *newest]
    except (NotFound, Refused):
        return newest


def _newest(clients: Clients, kind: Kind, contains: str, most: int) -> list[Job]:
    arguments: Any = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": min(most, 100)}
    if contains:
        arguments["NameContains"] = contains
    api = clients.sagemaker
    with translated(f"{kind} jobs"):
        if kind == "training":
            rows: Any = api.list_training_jobs(**arguments)["TrainingJobSummaries"]
            return [
                Job(r["TrainingJobName"], kind, r["TrainingJobStatus"], r["CreationTime"], r.get("TrainingEndTime"), None, r) for r in rows
            ]
        if kind == "processing":
            rows = api.list_processing_jobs(**arguments)["ProcessingJobSummaries"]
            return [
                Job(
                    r["ProcessingJobName"],
                    kind,
                    r["ProcessingJobStatus"],
                    r["CreationTime"],
                    r.get("ProcessingEndTime"),
                    r.get("FailureReason"),
                    r,
                )
                for r in rows
            ]
        rows = api.list_hyper_parameter_tuning_jobs(**arguments)["HyperParameterTuningJobSummaries"]
        return [
            Job(
                r["HyperParameterTuningJobName"],
                kind,
                r["HyperParameterTuningJobStatus"],
                r["CreationTime"],
                r.get("HyperParameterTuningEndTime"),
                None,
                r,
            )
            for r in rows
        ]


def logs(clients: Clients, kind: Literal["training", "processing"], name: str, *, most: int = 5000) -> list[str]:
    """The lines that a job has printed so far; none when it hasn't started."""
    group = LOG_GROUPS[kind]
    lines: list[str] = []
    with translated(name):
        streams = clients.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        for stream in streams[-1:]:
            found = clients.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True, limit=most)
            lines += [event["message"] for event in found["events"]]
    return lines


def launched_by(identity: Identity) -> dict[str, str]:
    """The tags that say who started a job: an id that stays, and a name to show. AWS takes few characters in a tag."""
    return {"governance:launched-by": identity.tag, "governance:launched-by-name": tag_text(identity.name)}


def tag_text(text: str) -> str:
    """``text`` without what AWS refuses in a tag or a package's property."""
    return " ".join(re.sub(r"[^\w .:/=+\-@]", " ", text).split())[:256]


def slug(text: str, most: int = 40) -> str:
    """``text`` as part of an AWS name: letters, digits and hyphens."""
    return re.sub(r"-+", "-", re.sub(r"[^0-9a-zA-Z]+", "-", text)).strip("-")[:most].strip("-") or "job"


def analysis_image(clients: Clients) -> str:
    """The product's own image, with the entry points ``clarify``, ``rebalance``, ``trials`` and ``xgboost-report``."""
    return clients.settings.analysis_image or f"{clients.account}.dkr.ecr.{clients.region}.amazonaws.com/governance-analysis:latest"


def xgboost_image(clients: Clients) -> str:
    """The built-in XGBoost image of the region."""
    from sagemaker.core import image_uris

    return str(image_uris.retrieve("xgboost", clients.region, version=clients.settings.xgboost_version))


def processing_request(
    clients: Clients, name: str, entry: str, inputs: dict[str, tuple[str, str]], output: str, tags: dict[str, str]
) -> dict[str, Any]:
    """A CreateProcessingJob request on the product's image. ``inputs``: name -> (S3 URI, local path)."""
    return {
        "ProcessingJobName": name,
        "RoleArn": clients.role,
        "AppSpecification": {"ImageUri": analysis_image(clients), "ContainerEntrypoint": [entry]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": clients.settings.instance_type, "VolumeSizeInGB": 20}
        },
        "ProcessingInputs": [
            {
                "InputName": label,
                "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }
            for label, (uri, path) in inputs.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "result",
                    "S3Output": {"S3Uri": output, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                }
            ]
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def output_of(job: Job) -> str:
    """The S3 prefix of a processing job's results."""
    return str(job.raw["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]).rstrip("/")


def input_of(job: Job, name: str) -> str:
    """The S3 URI of a processing job's input."""
    return next((str(i["S3Input"]["S3Uri"]) for i in job.raw.get("ProcessingInputs", []) if i["InputName"] == name), "")
