"""Processing jobs: Clarify, rebalancing."""

from __future__ import annotations

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.jobs.states import FINAL_STATUSES, PROCESSING_JOB
from engine.operations import ANY_RESOURCE, named, operation
from engine.sagemaker import request_checks
from engine.sagemaker.job_operations.images import find_container
from engine.sagemaker.listing import page_response, request_tags
from engine.store.records import Body, RecordExists, pick


@operation("sagemaker", "CreateProcessingJob", on=named("processing-job", "ProcessingJobName"))
def create_processing_job(context: Context, request: Request) -> Response:
    name = request["ProcessingJobName"]
    arn = context.arn(f"{PROCESSING_JOB}/{name}")
    find_container(PROCESSING_JOB, request)
    request_checks.check_processing_job(context, request)
    context.jobs.require_capacity(PROCESSING_JOB)
    now = context.now()
    body: Body = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    try:
        with context.store.transaction():
            context.store.insert(PROCESSING_JOB, name, body, arn=arn, now=now, status="InProgress")
            context.store.add_tags(arn, request_tags(request))
    except RecordExists as error:
        raise AWSError(
            "ResourceInUse", "Processing job names must be unique within an AWS account and region, and this one is taken."
        ) from error
    context.jobs.submit(PROCESSING_JOB, name)
    return {"ProcessingJobArn": arn}


@operation("sagemaker", "DescribeProcessingJob", on=named("processing-job", "ProcessingJobName"))
def describe_processing_job(context: Context, request: Request) -> Response:
    body = context.store.get(PROCESSING_JOB, request["ProcessingJobName"])
    if body is None:
        raise _job_not_found_error(request["ProcessingJobName"])
    return body


def _job_not_found_error(name: str) -> AWSError:
    """The ValidationException that the SDKs' waiters expect."""
    return AWSError("ValidationException", f"Could not find requested job with name: {name}")


def summarize_processing_job(body: Body) -> Body:
    names = ("ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingEndTime", "LastModifiedTime", "ProcessingJobStatus")
    return pick(body, *names, "FailureReason", "ExitMessage")


@operation("sagemaker", "ListProcessingJobs", on=ANY_RESOURCE)
def list_processing_jobs(context: Context, request: Request) -> Response:
    return page_response(context, PROCESSING_JOB, request, result_member="ProcessingJobSummaries", summarize=summarize_processing_job)


@operation("sagemaker", "StopProcessingJob", on=named("processing-job", "ProcessingJobName"))
def stop_processing_job(context: Context, request: Request) -> Response:
    now = context.now()
    name = request["ProcessingJobName"]

    def change(body: Body) -> None:
        status = body["ProcessingJobStatus"]
        if status in FINAL_STATUSES:
            raise AWSError("ValidationException", f"The request was rejected because the processing job is in status {status}.")
        body |= {"ProcessingJobStatus": "Stopping", "LastModifiedTime": now}

    if context.store.update(PROCESSING_JOB, name, change, now=now, status="Stopping") is None:
        raise _job_not_found_error(name)
    context.jobs.cancel(PROCESSING_JOB, name)
    return {}
