"""Training jobs."""

from __future__ import annotations

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.jobs.states import FINAL_STATUSES, TRAINING_JOB, add_secondary_status
from engine.operations import ANY_RESOURCE, named, operation
from engine.sagemaker import request_checks
from engine.sagemaker.job_operations.images import find_container, with_metric_definitions
from engine.sagemaker.listing import page_response, request_tags, resource_not_found_error
from engine.sagemaker.tracking import auto_lineage
from engine.store.records import Body, RecordExists, pick


def launch_training_job(context: Context, request: Request, *, tuning_arn: str | None = None) -> str:
    """Record a training job and hand it to the queue. Returns its ARN; raises ResourceInUse for a name that is taken."""
    name = request["TrainingJobName"]
    arn = context.arn(f"{TRAINING_JOB}/{name}")
    request_checks.check_training_job(context, request)
    find_container(TRAINING_JOB, request)
    if tuning_arn is None:
        context.jobs.require_capacity(TRAINING_JOB)
    now = context.now()
    body: Body = {
        **{key: value for key, value in request.items() if key not in {"Tags", "SessionChainingConfig"}},
        "AlgorithmSpecification": with_metric_definitions(request["AlgorithmSpecification"]),
        "OutputDataConfig": {"KmsKeyId": ""} | request["OutputDataConfig"],  # as SageMaker shows one without a key; the SDKs read it
        "TrainingJobArn": arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": now, "StatusMessage": "Preparing the instances for training"}],
        "CreationTime": now,
        "LastModifiedTime": now,
        "TuningJobArn": tuning_arn,
    }
    body.setdefault("EnableNetworkIsolation", False)
    body.setdefault("EnableInterContainerTrafficEncryption", False)
    body.setdefault("EnableManagedSpotTraining", False)
    if body.get("DebugRuleConfigurations"):
        body["DebugRuleEvaluationStatuses"] = [
            {
                "RuleConfigurationName": rule["RuleConfigurationName"],
                "RuleEvaluationJobArn": context.arn(f"processing-job/{name}-{rule['RuleConfigurationName']}"[:120].lower()),
                "RuleEvaluationStatus": "InProgress",
                "LastModifiedTime": now,
            }
            for rule in body["DebugRuleConfigurations"]
        ]
    try:
        with context.store.transaction():
            context.store.insert(TRAINING_JOB, name, body, arn=arn, now=now, parent=tuning_arn, status="InProgress")
            context.store.add_tags(arn, request_tags(request))
            auto_lineage.record_training_created(context, body)
    except RecordExists as error:
        raise AWSError(
            "ResourceInUse", "Training job names must be unique within an AWS account and region, and this one is taken."
        ) from error
    context.jobs.submit(TRAINING_JOB, name)
    return arn


@operation("sagemaker", "CreateTrainingJob", on=named("training-job", "TrainingJobName"))
def create_training_job(context: Context, request: Request) -> Response:
    return {"TrainingJobArn": launch_training_job(context, request)}


@operation("sagemaker", "DescribeTrainingJob", on=named("training-job", "TrainingJobName"))
def describe_training_job(context: Context, request: Request) -> Response:
    body = context.store.get(TRAINING_JOB, request["TrainingJobName"])
    if body is None:
        raise _job_not_found_error()
    return body


def _job_not_found_error() -> AWSError:
    """SageMaker's own answer, which is not the ResourceNotFound of its model (https://github.com/aws/aws-sdk/issues/165)."""
    return AWSError("ValidationException", "Requested resource not found.")


def summarize_training_job(body: Body) -> Body:
    return pick(
        body,
        "TrainingJobName",
        "TrainingJobArn",
        "CreationTime",
        "TrainingEndTime",
        "LastModifiedTime",
        "TrainingJobStatus",
        "SecondaryStatus",
    )


@operation("sagemaker", "ListTrainingJobs", on=ANY_RESOURCE)
def list_training_jobs(context: Context, request: Request) -> Response:
    if "WarmPoolStatusEquals" in request or "TrainingPlanArnEquals" in request:
        return {"TrainingJobSummaries": []}  # no job has a warm pool or a training plan here
    return page_response(context, TRAINING_JOB, request, result_member="TrainingJobSummaries", summarize=summarize_training_job)


@operation("sagemaker", "UpdateTrainingJob", on=named("training-job", "TrainingJobName"))
def update_training_job(context: Context, request: Request) -> Response:
    """The engine has no profiler, warm pool or remote debugger, so the only update that it accepts is to turn the profiler off."""
    profiler = request.get("ProfilerConfig", {})
    for asked, what in (
        (request.get("ResourceConfig"), "keeps no warm pool"),
        (request.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"), "has no remote debugger"),
        (request.get("ProfilerRuleConfigurations") or (profiler and not profiler.get("DisableProfiler")), "has no profiler"),
    ):
        if asked:
            raise AWSError("ValidationException", f"The training job can't be updated this way: this engine {what}.")
    now = context.now()

    def change(body: Body) -> None:
        if body["TrainingJobStatus"] != "InProgress":
            raise AWSError("ValidationException", f"A training job in status {body['TrainingJobStatus']} can't be updated.")
        if profiler:
            body |= {"ProfilerConfig": profiler, "ProfilingStatus": "Disabled", "LastModifiedTime": now}

    body = context.store.update(TRAINING_JOB, request["TrainingJobName"], change, now=now)
    if body is None:
        raise resource_not_found_error()
    return pick(body, "TrainingJobArn")


@operation("sagemaker", "StopTrainingJob", on=named("training-job", "TrainingJobName"))
def stop_training_job(context: Context, request: Request) -> Response:
    cancel_training_job(context, request["TrainingJobName"])
    return {}


def cancel_training_job(context: Context, name: str) -> None:
    """InProgress → Stopping → Stopped. Raises ValidationException for a job that doesn't exist or has ended."""
    now = context.now()

    def change(body: Body) -> None:
        if body["TrainingJobStatus"] in FINAL_STATUSES:
            raise AWSError(
                "ValidationException", f"The request was rejected because the training job is in status {body['TrainingJobStatus']}."
            )
        if body["TrainingJobStatus"] != "Stopping":
            body |= {"TrainingJobStatus": "Stopping", "LastModifiedTime": now}
            add_secondary_status(body, "Stopping", now, "Stopping the training job")

    if context.store.update(TRAINING_JOB, name, change, now=now, status="Stopping") is None:
        raise _job_not_found_error()
    context.jobs.cancel(TRAINING_JOB, name)
