"""What all jobs share: waiting, logs, names."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from core.aws import idempotency, request_defaults, sagemaker_images
from core.aws.target import Target
from core.errors import DataError, JobFailed, NotFound, Refused, translate_aws_errors
from core.identity import Identity

JobKind = Literal["training", "processing", "tuning"]
FINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})
AWS_JOB_TYPES: dict[JobKind, str] = {"training": "TrainingJob", "processing": "ProcessingJob", "tuning": "HyperParameterTuningJob"}
MAX_SECONDS = 3600
"""A job that takes longer is ended: what bounds its cost."""
LOG_GROUPS = {"training": "/aws/sagemaker/TrainingJobs", "processing": "/aws/sagemaker/ProcessingJobs"}


@dataclass(frozen=True)
class Job:
    """A job as lists show it. ``created`` and ``ended`` are datetimes (UTC), ``ended`` None while it runs."""

    name: str
    kind: JobKind
    status: str
    created: Any
    ended: Any
    reason: str | None
    raw: dict[str, Any]


def describe_job(target: Target, kind: JobKind, name: str) -> Job:
    """Raises NotFound."""
    return idempotency.read_after_create(target, AWS_JOB_TYPES[kind], name, lambda: _call_describe(target, kind, name))


def _call_describe(target: Target, kind: JobKind, name: str) -> Job:
    api = target.sagemaker
    with translate_aws_errors(name):
        if kind == "training":
            raw: Any = api.describe_training_job(TrainingJobName=name)
            return Job(name, kind, raw["TrainingJobStatus"], raw["CreationTime"], raw.get("TrainingEndTime"), raw.get("FailureReason"), raw)
        if kind == "processing":
            raw = api.describe_processing_job(ProcessingJobName=name)
            return Job(name, kind, raw["ProcessingJobStatus"], raw["CreationTime"], raw.get("ProcessingEndTime"), _failure_reason(raw), raw)
        raw = api.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        ended = raw.get("HyperParameterTuningEndTime")
        return Job(name, kind, raw["HyperParameterTuningJobStatus"], raw["CreationTime"], ended, raw.get("FailureReason"), raw)


def _failure_reason(raw: dict[str, Any]) -> str | None:
    """Why a processing job failed: in the container's own words where it left any, as SageMaker itself only names the log."""
    return raw.get("ExitMessage") or raw.get("FailureReason")


def wait_for_jobs(
    target: Target,
    jobs: Sequence[tuple[JobKind, str]],
    *,
    on_progress: Callable[[list[Job]], None] | None = None,
    poll_seconds: float | None = None,
) -> list[Job]:
    """Wait until all have ended. Raises JobFailed for the first that has not Completed, with its reason."""
    began = time.monotonic()
    while True:
        found = [describe_job(target, kind, name) for kind, name in jobs]
        if on_progress:
            on_progress(found)
        for job in found:
            if job.status in {"Failed", "Stopped"}:
                raise JobFailed(
                    f"The job {job.name} ended {job.status}: {job.reason or 'no reason was given'}",
                    resource=job.name,
                    hint="Read its log.",
                )
        if all(job.status == "Completed" for job in found):
            return found
        time.sleep(poll_seconds if poll_seconds is not None else min(max((time.monotonic() - began) / 20, 0.1), 10))


def list_jobs(target: Target, kind: JobKind, *, name_contains: str = "", max_results: int = 50, including: str | None = None) -> list[Job]:
    """The newest jobs whose name holds ``name_contains``; before them the one that is ``including``, where it is older."""
    newest = _list_newest(target, kind, name_contains, max_results)
    for late in idempotency.created_but_unlisted(target, AWS_JOB_TYPES[kind], {job.name for job in newest}, name_contains):
        with suppress(NotFound):
            newest.insert(0, describe_job(target, kind, late))
    other = kind == "processing" and name_contains not in (including or "")  # sorts of processing job are told by their names
    if not including or other or including in {job.name for job in newest}:
        return newest
    try:
        return [describe_job(target, kind, including), *newest]
    except (NotFound, Refused):
        return newest


def _list_newest(target: Target, kind: JobKind, name_contains: str, max_results: int) -> list[Job]:
    arguments: Any = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": min(max_results, 100)}
    if name_contains:
        arguments["NameContains"] = name_contains
    api = target.sagemaker
    with translate_aws_errors(f"{kind} jobs"):
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
                    _failure_reason(dict(r)),
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


def read_logs(target: Target, kind: Literal["training", "processing"], name: str, *, max_lines: int = 5000) -> list[str]:
    """The lines that a job has printed so far; none when it hasn't started."""
    group = LOG_GROUPS[kind]
    lines: list[str] = []
    with translate_aws_errors(name):
        try:
            streams = target.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/").get("logStreams", [])
        except target.logs.exceptions.ResourceNotFoundException:  # the account's first job of this kind makes the group
            return []
        token: dict[str, Any] = {}
        while streams and len(lines) < max_lines:
            most_now = min(max_lines - len(lines), 10_000)  # the API's own limit
            found = target.logs.get_log_events(
                logGroupName=group, logStreamName=streams[-1]["logStreamName"], startFromHead=True, limit=most_now, **token
            )
            lines += [event["message"] for event in found.get("events", [])]
            after = {"nextToken": found["nextForwardToken"]} if "nextForwardToken" in found else token
            if after == token:  # the end: CloudWatch gives back the token that it was asked with
                break
            token = after
    return lines


def launched_by_tags(identity: Identity) -> dict[str, str]:
    """The tags that say who started a job: an id that stays, and a name to show. AWS takes few characters in a tag."""
    return {"governance:launched-by": identity.tag, "governance:launched-by-name": clean_tag_value(identity.name)}


def clean_tag_value(text: str) -> str:
    """``text`` without what AWS refuses in a tag or a package's property."""
    return " ".join(re.sub(r"[^\w .:/=+\-@]", " ", text).split())[:256]


def slug(text: str, max_length: int = 40) -> str:
    """``text`` as part of an AWS name: letters, digits and hyphens."""
    return re.sub(r"-+", "-", re.sub(r"[^0-9a-zA-Z]+", "-", text)).strip("-")[:max_length].strip("-") or "job"


def analysis_image(target: Target) -> str:
    """The product's own image, with the entry points ``clarify``, ``rebalance``, ``trials`` and ``xgboost-report``."""
    registry = f"{target.account}.dkr.ecr.{target.region}.{target.dns_suffix}"
    return target.settings.analysis_image or f"{registry}/governance-analysis:latest"


def xgboost_image(target: Target) -> str:
    """The built-in XGBoost image of the region."""
    return built_in_image(target, "xgboost", target.settings.xgboost_version)


def built_in_image(target: Target, name: str, version: str | None = None) -> str:
    """One of SageMaker's own images: each region has its own account. Raises DataError where there is none."""
    try:
        return sagemaker_images.find_uri(name, target.region, version)
    except ValueError as error:  # of a region or a version that the SDK doesn't know
        raise DataError(
            f"SageMaker's {name} image: {str(error).partition(' You may need')[0]}",
            resource=target.region,
            hint="Set GOVERNANCE_REGION (or the version) to one that has it, or install a newer sagemaker package.",
        ) from error


def build_processing_request(
    target: Target,
    name: str,
    entry_point: str | None,
    inputs: dict[str, tuple[str, str]],
    output: str,
    tags: dict[str, str],
    *,
    image: str | None = None,
    output_name: str = "result",
    max_hours: int = 1,
) -> dict[str, Any]:
    """A CreateProcessingJob request on the product's image, or on another, which then has its own entry point and the network.

    ``inputs``: name -> (S3 URI, local path).
    """
    settings = target.settings
    return {
        "ProcessingJobName": name,
        "RoleArn": target.role,
        "AppSpecification": {
            "ImageUri": image or analysis_image(target),
            **({"ContainerEntrypoint": [entry_point]} if entry_point else {}),
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": request_defaults.processing_instance_type(settings),
                "VolumeSizeInGB": 20,
                **request_defaults.volume_encryption(settings),
            }
        },
        **request_defaults.network_config(settings, isolated=image is None),
        "ProcessingInputs": [
            {
                "InputName": label,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": path,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                    "S3CompressionType": "None",
                },
            }
            for label, (uri, path) in inputs.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": output_name,
                    "S3Output": {"S3Uri": output, "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                }
            ],
            **request_defaults.output_encryption(settings),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": max_hours * MAX_SECONDS},
        "Tags": request_defaults.tags(settings, tags),
    }


def output_uri(job: Job) -> str:
    """The S3 prefix of a processing job's results. Raises NotFound for a job that has none."""
    outputs = job.raw.get("ProcessingOutputConfig", {}).get("Outputs", [])
    found = next((str(o["S3Output"]["S3Uri"]) for o in outputs if "S3Output" in o), None)
    if found is None:
        raise NotFound(f"The job {job.name} writes nothing to S3.", resource=job.name, hint="Choose another one from the list.")
    return found.rstrip("/")


def is_product_job(job: Job) -> bool:
    """Whether a job, described in full, is this product's, and not only called like one: its results go to the product's folder."""
    raw = job.raw.get("TrainingJobDefinition", job.raw)
    outputs = (raw.get("ProcessingOutputConfig") or {}).get("Outputs", [])
    places = [raw.get("OutputDataConfig") or {}, *(one.get("S3Output") or {} for one in outputs)]
    return any(re.match(r"s3://[^/]+/governance/", str(place.get("S3OutputPath") or place.get("S3Uri"))) for place in places)


def input_uri(job: Job, name: str) -> str:
    """The S3 URI of a processing job's input; "" where it has none of this name in S3."""
    return next((str(i["S3Input"]["S3Uri"]) for i in job.raw.get("ProcessingInputs", []) if i["InputName"] == name and "S3Input" in i), "")


def channel_uris(job: Job) -> dict[str, str]:
    """The S3 URIs of a training job's channels, or of a tuning job's trials, by name. Channels of file systems are left out."""
    found = job.raw.get("TrainingJobDefinition", job.raw).get("InputDataConfig", [])
    sources = {c["ChannelName"]: c["DataSource"].get("S3DataSource") for c in found}
    return {name: str(source["S3Uri"]) for name, source in sources.items() if source}
