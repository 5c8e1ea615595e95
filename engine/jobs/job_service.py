"""What the queue asks of the service whose jobs it runs (``engine.sagemaker.job_operations.sagemaker_jobs`` answers)."""

from __future__ import annotations

from typing import Protocol

from engine.context import Request
from engine.store.records import Body


class JobService(Protocol):
    """Everything that is SageMaker's about a job, so that the queue depends on no operation of it."""

    def find_container(self, kind: str, body: Body) -> str:
        """The module of ``engine.containers`` that runs a job."""

    def find_model_url(self, container: str, body: Body) -> str | None:
        """The S3 URI of the model that a processing job needs and doesn't have among its inputs."""

    def record_lineage(self, kind: str, body: Body) -> None:
        """Record the lineage of a job that has ended."""

    def launch_training_job(self, request: Request, *, tuning_arn: str) -> None:
        """Create and submit a training job of a tuning job."""

    def stop_training_job(self, name: str) -> None:
        """Stop a training job; one that has just ended, or is being stopped, is left as it is."""
