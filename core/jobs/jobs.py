"""Reads jobs of every kind: describe, list, wait, logs, inputs and outputs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from core.aws import idempotency, retries
from core.aws.target import Target
from core.errors import Conflict, JobFailed, NotFound, Refused, translate_aws_errors
from core.jobs.job_response import JobResponse

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import GetLogEventsRequestTypeDef
    from mypy_boto3_sagemaker.type_defs import (
        DescribeHyperParameterTuningJobResponseTypeDef,
        DescribeProcessingJobResponseTypeDef,
        DescribeTrainingJobResponseTypeDef,
        HyperParameterTuningJobSummaryTypeDef,
        ProcessingJobSummaryTypeDef,
        TrainingJobSummaryTypeDef,
    )

JobKind = Literal["training", "processing", "tuning"]
FINAL_STATUSES = frozenset({"Completed", "Failed", "Stopped"})
AWS_JOB_TYPES: dict[JobKind, str] = {"training": "TrainingJob", "processing": "ProcessingJob", "tuning": "HyperParameterTuningJob"}
COMMON_LIST_LENGTH = 50
"""How many jobs a list has where nobody asks for another number."""
MAX_SECONDS = 3600
"""SageMaker stops a job after this time, which limits its cost."""
LOG_GROUPS = {"training": "/aws/sagemaker/TrainingJobs", "processing": "/aws/sagemaker/ProcessingJobs"}


@dataclass(frozen=True)
class Job:
    """A job. ``ended``: None while it runs; ``reason``: why it failed, or what it left out; ``raw``: AWS's response, which a list gives
    in part and ``describe_job`` in full. Times are UTC."""

    name: str
    kind: JobKind
    status: str
    created: datetime
    ended: datetime | None
    reason: str | None
    raw: JobResponse


def describe_job(target: Target, kind: JobKind, name: str) -> Job:
    """The job, read in full, also if it was just created; a snapshot of the target asks once for one that has ended. Raises NotFound."""
    key = f"{kind} job {name}"
    if isinstance(known := target.recall(key), Job):
        return known
    found = idempotency.read_after_create(target, AWS_JOB_TYPES[kind], name, lambda: _call_describe(target, kind, name))
    if found.status in FINAL_STATUSES:
        target.keep(key, found)
    return found


def _call_describe(target: Target, kind: JobKind, name: str) -> Job:
    api = target.sagemaker
    with translate_aws_errors(name):
        if kind == "training":
            return _training_job(api.describe_training_job(TrainingJobName=name))
        if kind == "processing":
            return _processing_job(api.describe_processing_job(ProcessingJobName=name))
        return _tuning_job(api.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))


def _training_job(raw: DescribeTrainingJobResponseTypeDef | TrainingJobSummaryTypeDef) -> Job:
    name, status = raw["TrainingJobName"], raw["TrainingJobStatus"]
    ended, reason = raw.get("TrainingEndTime"), raw.get("FailureReason")
    return Job(name, "training", status, raw["CreationTime"], ended, _text(reason), cast(JobResponse, raw))


def _processing_job(raw: DescribeProcessingJobResponseTypeDef | ProcessingJobSummaryTypeDef) -> Job:
    """Its reason is the container's own message if it left one, since SageMaker's only names the log."""
    reason = raw.get("ExitMessage") or raw.get("FailureReason")
    ended = raw.get("ProcessingEndTime")
    return Job(
        raw["ProcessingJobName"], "processing", raw["ProcessingJobStatus"], raw["CreationTime"], ended, reason, cast(JobResponse, raw)
    )


def _tuning_job(raw: DescribeHyperParameterTuningJobResponseTypeDef | HyperParameterTuningJobSummaryTypeDef) -> Job:
    name, status = raw["HyperParameterTuningJobName"], raw["HyperParameterTuningJobStatus"]
    ended, reason = raw.get("HyperParameterTuningEndTime"), raw.get("FailureReason")
    return Job(name, "tuning", status, raw["CreationTime"], ended, _text(reason), cast(JobResponse, raw))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def require_completed(job: Job, name: str = "") -> None:
    """Raises Conflict unless the job has completed. ``name``: of the job to name in the error, if it isn't this one."""
    if job.status != "Completed":
        reason = f": {job.reason}" if job.reason else ""
        raise Conflict(
            f"The job {name or job.name} is {job.status}{reason}.", resource=name or job.name, hint="Wait for it, or start another."
        )


def wait_for_jobs(
    target: Target,
    jobs: Sequence[tuple[JobKind, str]],
    *,
    on_progress: Callable[[list[Job]], None] | None = None,
    poll_seconds: float | None = None,
) -> list[Job]:
    """Wait until all jobs have completed. Raises JobFailed, with the reason, as soon as one has failed or was stopped."""
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
        pause = min(max((time.monotonic() - began) * retries.POLL_SHARE, retries.MIN_POLL_SECONDS), retries.MAX_POLL_SECONDS)
        time.sleep(pause if poll_seconds is None else poll_seconds)


def list_jobs(
    target: Target, kind: JobKind, *, name_contains: str = "", max_results: int = COMMON_LIST_LENGTH, including: str | None = None
) -> list[Job]:
    """The newest jobs whose name contains ``name_contains``, newest first; before them the job named ``including``, if it is older."""
    newest = list(_find_newest(target, kind, name_contains, max_results))
    for late in idempotency.created_but_unlisted(target, AWS_JOB_TYPES[kind], {job.name for job in newest}, name_contains):
        with suppress(NotFound):
            newest.insert(0, describe_job(target, kind, late))
    other = kind == "processing" and name_contains not in (including or "")  # the name tells what sort of processing job it is
    if not including or other or including in {job.name for job in newest}:
        return newest
    try:
        return [describe_job(target, kind, including), *newest]
    except (NotFound, Refused):
        return newest


def _find_newest(target: Target, kind: JobKind, name_contains: str, max_results: int) -> list[Job]:
    """The newest jobs by name, from a list of all jobs where a snapshot has read one, or else from AWS."""
    key = f"the newest {kind} jobs"
    if name_contains or max_results != COMMON_LIST_LENGTH:
        whole = target.recall(key)
        if isinstance(whole, list) and len(whole) < COMMON_LIST_LENGTH:  # these are all that exist
            return [job for job in whole if name_contains in job.name][:max_results]
        return _list_newest(target, kind, name_contains, max_results)
    return target.read_once(key, lambda: _list_newest(target, kind, "", max_results))


class _ListRequest(TypedDict):
    SortBy: Literal["CreationTime"]
    SortOrder: Literal["Descending"]
    MaxResults: int
    NameContains: NotRequired[str]


def _list_newest(target: Target, kind: JobKind, name_contains: str, max_results: int) -> list[Job]:
    request: _ListRequest = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": min(max_results, 100)}
    if name_contains:
        request["NameContains"] = name_contains
    api = target.sagemaker
    with translate_aws_errors(f"{kind} jobs"):
        if kind == "training":
            return [_training_job(row) for row in api.list_training_jobs(**request)["TrainingJobSummaries"]]
        if kind == "processing":
            return [_processing_job(row) for row in api.list_processing_jobs(**request)["ProcessingJobSummaries"]]
        return [_tuning_job(row) for row in api.list_hyper_parameter_tuning_jobs(**request)["HyperParameterTuningJobSummaries"]]


def read_logs(target: Target, kind: Literal["training", "processing"], name: str, *, max_lines: int = 5000) -> list[str]:
    """The lines that a job has printed so far; empty if it hasn't started."""
    group = LOG_GROUPS[kind]
    lines: list[str] = []
    with translate_aws_errors(name):
        try:
            streams = target.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/").get("logStreams", [])
        except target.logs.exceptions.ResourceNotFoundException:  # the account's first job of this kind creates the group
            return []
        request: GetLogEventsRequestTypeDef = {
            "logGroupName": group,
            "logStreamName": streams[-1]["logStreamName"] if streams else "",
            "startFromHead": True,
        }
        while streams and len(lines) < max_lines:
            request["limit"] = min(max_lines - len(lines), 10_000)  # the API's own limit
            found = target.logs.get_log_events(**request)
            lines += [event["message"] for event in found.get("events", [])]
            after = found.get("nextForwardToken")
            if after is None or after == request.get("nextToken"):  # the end: CloudWatch returns the token of the request
                break
            request["nextToken"] = after
    return lines


def output_uri(job: Job) -> str:
    """The S3 folder of a processing job's results. Raises NotFound if it writes none."""
    outputs = job.raw["ProcessingOutputConfig"].get("Outputs", []) if "ProcessingOutputConfig" in job.raw else []
    found = next((str(o["S3Output"]["S3Uri"]) for o in outputs if "S3Output" in o), None)
    if found is None:
        raise NotFound(f"The job {job.name} writes nothing to S3.", resource=job.name, hint="Choose another one from the list.")
    return found.rstrip("/")


def is_product_job(job: Job) -> bool:
    """Whether this product launched the job (read in full): its results go to the product's folder. The name alone doesn't tell."""
    raw = job.raw.get("TrainingJobDefinition", job.raw)
    processing, training = job.raw.get("ProcessingOutputConfig"), raw.get("OutputDataConfig")
    uris = [one["S3Output"].get("S3Uri", "") for one in (processing["Outputs"] if processing else []) if "S3Output" in one]
    if training and "S3OutputPath" in training:
        uris.append(training["S3OutputPath"])
    return any(re.match(r"s3://[^/]+/governance/", uri) for uri in uris)


def input_uri(job: Job, name: str) -> str:
    """The S3 URI of a processing job's input; "" if it has no input of this name in S3."""
    return next((str(i["S3Input"]["S3Uri"]) for i in job.raw.get("ProcessingInputs", []) if i["InputName"] == name and "S3Input" in i), "")


def channel_uris(job: Job) -> dict[str, str]:
    """Channel -> S3 URI, of a training job or of a tuning job's trials. Channels that read a file system are left out."""
    found = job.raw.get("TrainingJobDefinition", job.raw).get("InputDataConfig", [])
    sources = {c["ChannelName"]: c["DataSource"].get("S3DataSource") for c in found}
    return {name: source["S3Uri"] for name, source in sources.items() if source}
