"""Processing jobs: Clarify, rebalancing."""

from __future__ import annotations

from engine.context import AWSError, Context, Request, Response, operation
from engine.jobs.queue import FINAL
from engine.sagemaker import requirements
from engine.sagemaker.images import container
from engine.sagemaker.listing import listed, pick, tags_of
from engine.store import Body, Exists

KIND = "processing-job"


@operation("sagemaker", "CreateProcessingJob")
def create_processing_job(context: Context, request: Request) -> Response:
    name = request["ProcessingJobName"]
    arn = context.arn(f"processing-job/{name}")
    container(KIND, request)
    requirements.processing(context, request)
    context.jobs.admit(KIND)
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
            context.store.insert(KIND, name, body, arn=arn, now=now, status="InProgress")
            context.store.tag(arn, tags_of(request))
    except Exists as error:
        raise AWSError(
            "ResourceInUse", "Processing job names must be unique within an AWS account and region, and this one is taken."
        ) from error
    context.jobs.submit(KIND, name)
    return {"ProcessingJobArn": arn}


@operation("sagemaker", "DescribeProcessingJob")
def describe_processing_job(context: Context, request: Request) -> Response:
    body = context.store.get(KIND, request["ProcessingJobName"])
    if body is None:
        raise _missing(request["ProcessingJobName"])
    return body


def _missing(name: str) -> AWSError:
    """The ValidationException that the SDKs' waiters count on."""
    return AWSError("ValidationException", f"Could not find requested job with name: {name}")


def summary(body: Body) -> Body:
    names = ("ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingEndTime", "LastModifiedTime", "ProcessingJobStatus")
    return pick(body, *names, "FailureReason", "ExitMessage")


@operation("sagemaker", "ListProcessingJobs")
def list_processing_jobs(context: Context, request: Request) -> Response:
    return listed(context, KIND, request, result="ProcessingJobSummaries", summary=summary)


@operation("sagemaker", "StopProcessingJob")
def stop_processing_job(context: Context, request: Request) -> Response:
    now = context.now()
    name = request["ProcessingJobName"]

    def change(body: Body) -> None:
        status = body["ProcessingJobStatus"]
        if status in FINAL:
            raise AWSError("ValidationException", f"The request was rejected because the processing job is in status {status}.")
        body |= {"ProcessingJobStatus": "Stopping", "LastModifiedTime": now}

    if context.store.update(KIND, name, change, now=now, status="Stopping") is None:
        raise _missing(name)
    context.jobs.cancel(KIND, name)
    return {}
