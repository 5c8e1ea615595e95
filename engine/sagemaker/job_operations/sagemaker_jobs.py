"""SageMaker's side of its jobs, as the queue asks for it: containers, models, lineage, the training jobs of a tuning job."""

from __future__ import annotations

from engine.context import Context, Request
from engine.errors import AWSError
from engine.jobs.states import TRAINING_JOB
from engine.sagemaker.job_operations import clarify_model, images, training_jobs
from engine.sagemaker.tracking import auto_lineage
from engine.store.records import Body


class SageMakerJobs:
    """The ``JobService`` of the engine."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def find_container(self, kind: str, body: Body) -> str:
        """The module of ``engine.containers`` that runs a job. Raises ValidationException for an image that the engine doesn't have."""
        return images.find_container(kind, body)

    def find_model_url(self, container: str, body: Body) -> str | None:
        """The S3 URI of the model that AWS's Clarify container needs; the product's own image gets its model as an input."""
        return clarify_model.find_model_url(self.context, body) if container == "aws_clarify" else None

    def record_lineage(self, kind: str, body: Body) -> None:
        """Record the lineage of a job that has ended."""
        record = auto_lineage.record_training_finished if kind == TRAINING_JOB else auto_lineage.record_processing_finished
        record(self.context, body)

    def launch_training_job(self, request: Request, *, tuning_arn: str) -> None:
        """Create and submit a training job of a tuning job."""
        training_jobs.launch_training_job(self.context, request, tuning_arn=tuning_arn)

    def stop_training_job(self, name: str) -> None:
        """Stop a training job; one that has just ended, or is being stopped, is left as it is."""
        job = self.context.store.get(TRAINING_JOB, name)
        if job is not None and job["TrainingJobStatus"] == "InProgress":
            try:
                training_jobs.cancel_training_job(self.context, name)
            except AWSError as error:
                if error.code != "ValidationException":  # it ended between the two calls
                    raise
