"""Deletes the records of jobs that have ended; their outputs and lineage stay."""

from __future__ import annotations

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.jobs.states import FINAL_STATUSES, STATUS_FIELD
from engine.operations import named, operation
from engine.sagemaker.listing import resource_not_found_error


def _delete(context: Context, kind: str, name: str) -> Response:
    """Raises ResourceNotFound, or ResourceInUse for a job that has not ended."""
    with context.store.transaction():
        body = context.store.get(kind, name)
        if body is None:
            raise resource_not_found_error()
        if body[STATUS_FIELD[kind]] not in FINAL_STATUSES:
            raise AWSError("ResourceInUse", f"The job {name} is {body[STATUS_FIELD[kind]]}: only a job that has ended can be deleted.")
        context.store.delete(kind, name)
    return {}


@operation("sagemaker", "DeleteTrainingJob", on=named("training-job", "TrainingJobName"))
def delete_training_job(context: Context, request: Request) -> Response:
    return _delete(context, "training-job", request["TrainingJobName"])


@operation("sagemaker", "DeleteProcessingJob", on=named("processing-job", "ProcessingJobName"))
def delete_processing_job(context: Context, request: Request) -> Response:
    return _delete(context, "processing-job", request["ProcessingJobName"])


@operation("sagemaker", "DeleteHyperParameterTuningJob", on=named("hyper-parameter-tuning-job", "HyperParameterTuningJobName"))
def delete_tuning_job(context: Context, request: Request) -> Response:
    return _delete(context, "hyper-parameter-tuning-job", request["HyperParameterTuningJobName"])
