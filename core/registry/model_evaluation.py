"""From a training job to a registered version: its model, its bias and SHAP jobs, its package.

No state is stored: the jobs are found again by their names, which contain a hash of the training job's name.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from core.aws import aws_names
from core.aws.idempotency import NameTaken
from core.aws.target import Target
from core.errors import Conflict
from core.identity import Identity, require_permission
from core.jobs import jobs, models
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger import audit_log
from core.registry import announcements, model_packages, version_registration
from core.registry.registry_types import DEFAULT_THRESHOLD, DEFAULT_THRESHOLD_RATIONALE
from core.reports import bias_jobs, clarify_jobs, shap_jobs


@dataclass(frozen=True)
class Evaluation:
    """How far a training job is on its way into the registry. Jobs are None before they're started, ``package_arn`` until it is
    registered."""

    training_job: str
    bias_job: Job | None
    shap_job: Job | None
    package_arn: str | None

    @property
    def is_ready(self) -> bool:
        """Both reports exist."""
        return all(job is not None and job.status == "Completed" for job in (self.bias_job, self.shap_job))

    @property
    def failed_job(self) -> Job | None:
        """The job that ended without a report, if one did."""
        return next((job for job in (self.bias_job, self.shap_job) if job is not None and job.status in {"Failed", "Stopped"}), None)

    @property
    def is_running(self) -> bool:
        return self.bias_job is not None and self.shap_job is not None and not self.is_ready and self.failed_job is None


def read_evaluation(target: Target, training_job: str) -> Evaluation:
    """How far a training job is on its way into the registry."""
    newest = {
        prefix: next(iter(_attempts(target, prefix, training_job)), None)
        for prefix in (bias_jobs.JOB_NAME_PREFIX, shap_jobs.JOB_NAME_PREFIX)
    }
    package = next((v.arn for v in model_packages.list_own_versions(target) if v.training_job == training_job), None)
    return Evaluation(
        training_job, clarify_jobs.with_companion(target, newest[bias_jobs.JOB_NAME_PREFIX]), newest[shap_jobs.JOB_NAME_PREFIX], package
    )


def start_jobs(
    target: Target, identity: Identity, training_job: str, data: RebalancedData, *, threshold: float = DEFAULT_THRESHOLD
) -> Evaluation:
    """Start the bias and SHAP jobs on the held-out test rows, unless they run or have completed with this ``threshold``, the score above
    which label 1 is predicted."""
    require_permission(identity, "launch", resource=training_job)
    earlier = {prefix: _attempts(target, prefix, training_job) for prefix in (bias_jobs.JOB_NAME_PREFIX, shap_jobs.JOB_NAME_PREFIX)}
    model = models.ensure_model(target, identity, training_job)
    for prefix, launch in ((bias_jobs.JOB_NAME_PREFIX, bias_jobs.launch_job), (shap_jobs.JOB_NAME_PREFIX, shap_jobs.launch_job)):
        newest = next(iter(earlier[prefix]), None)
        if newest is None or newest.status in {"Failed", "Stopped"} or clarify_jobs.read_threshold(target, newest.name) != threshold:
            name = f"{prefix}-{aws_names.short_hash(training_job)}-{len(earlier[prefix]) + 1}"
            with suppress(NameTaken):  # of two people who start it at once, or with a list that lags, only one starts a job
                launch(target, identity, model, data, threshold=threshold, name=name)
    return read_evaluation(target, training_job)


def _attempts(target: Target, prefix: str, training_job: str) -> list[Job]:
    """The jobs of one sort that were started for a training job, the newest first."""
    return jobs.list_jobs(target, "processing", name_contains=f"{prefix}-{aws_names.short_hash(training_job)}")


def register_evaluated_model(
    target: Target,
    identity: Identity,
    training_job: str,
    data: RebalancedData,
    role: str,
    group: str | None = None,
    *,
    threshold_rationale: str = DEFAULT_THRESHOLD_RATIONALE,
) -> str:
    """Register the version with its reports, at the threshold with which they were measured, by default in the data set's own group;
    returns the ARN, the same at every call; measured again, such as at another threshold, or in another group, it is another version.
    ``threshold_rationale``: why that threshold. Raises Conflict if a report is missing."""
    require_permission(identity, "register", resource=training_job)
    evaluation = read_evaluation(target, training_job)
    if evaluation.package_arn and announcements.is_registered(audit_log.read_events(target), evaluation.package_arn):
        package = model_packages.read_package(target, evaluation.package_arn, with_training=False)
        measured = evaluation.bias_job is None or package.properties.get("governance:bias-job") == evaluation.bias_job.name
        if measured and group in {None, package.group}:
            return evaluation.package_arn
    if not evaluation.is_ready or evaluation.bias_job is None or evaluation.shap_job is None:
        raise Conflict(
            f"The reports of {training_job} don't exist yet.", resource=training_job, hint="Wait until both jobs have completed."
        )
    return version_registration.register_version(
        target,
        identity,
        training_job=training_job,
        data=data,
        bias_job=evaluation.bias_job.name,
        shap_job=evaluation.shap_job.name,
        role=role,
        group=group,
        threshold=clarify_jobs.read_threshold(target, evaluation.bias_job.name),
        threshold_rationale=threshold_rationale,
        token=hashlib.sha256(
            " ".join((training_job, evaluation.bias_job.name, evaluation.shap_job.name, group or "")).encode()
        ).hexdigest()[:36],
    )
