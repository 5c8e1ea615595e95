"""Writes what SageMaker doesn't record of the lineage by itself: files, reports, decisions, and the edges between them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from core.aws import idempotency, request_defaults
from core.aws.aws_names import slug
from core.aws.target import Target
from core.errors import Conflict, translate_aws_errors
from core.jobs.rebalancing_jobs import RebalancedData
from core.lineage.lineage_graph import find_artifact_arn, job_component_name

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import AssociationEdgeTypeType


def ensure_artifact(target: Target, uri: str, kind: str, name: str, properties: dict[str, str] | None = None) -> str:
    """The ARN of a URI's artifact, which is created if there is none."""
    found = find_artifact_arn(target, uri)
    if found:
        return found
    request = {
        "ArtifactName": slug(name, 120),
        "Source": {"SourceUri": uri},
        "ArtifactType": kind,
        "Properties": properties or {},
        "Tags": request_defaults.tags(target.settings),
    }
    return idempotency.create_once(target, "Artifact", request)


def record_action(target: Target, name: str, uri: str, kind: str, description: str, properties: dict[str, str]) -> str:
    """Record an action unless one has this name already; returns its ARN. ``uri``: what the action came from."""
    request = {
        "ActionName": name,
        "Source": {"SourceUri": uri, "SourceType": "governance-event"},
        "ActionType": kind,
        "Description": description[:3072],
        "Status": "Completed",
        "Properties": properties,
        "Tags": request_defaults.tags(target.settings),
    }
    return idempotency.create_once(target, "Action", request, shared=True)


def ensure_association(target: Target, source: str, destination: str, association: AssociationEdgeTypeType) -> None:
    """Add an edge if it doesn't exist."""
    with translate_aws_errors(source):
        found = target.sagemaker.list_associations(SourceArn=source, DestinationArn=destination)["AssociationSummaries"]
    if not found:
        add_association(target, source, destination, association)


def add_association(target: Target, source: str, destination: str, association: AssociationEdgeTypeType) -> None:
    """Add an edge; one that exists already stays as it is."""
    with suppress(Conflict), translate_aws_errors(source):  # it exists already, and the list lags
        target.sagemaker.add_association(SourceArn=source, DestinationArn=destination, AssociationType=association)


def find_component_arn(target: Target, kind: Literal["training", "processing"], job: str) -> str:
    """The ARN of a job's trial component, which SageMaker creates a little after the job. Raises NotFound."""

    def read() -> str:
        with translate_aws_errors(job):
            return target.sagemaker.describe_trial_component(TrialComponentName=job_component_name(kind, job))["TrialComponentArn"]

    return idempotency.retry_until_found(read)


def record_data_files(target: Target, data: RebalancedData) -> None:
    """Record each file of a rebalancing job: SageMaker itself records only their folder."""
    component = find_component_arn(target, "processing", data.job)
    for name, written in data.manifest["files"].items():
        properties = {"sha256": written["sha256"], "rebalancing-job": data.job}
        file = ensure_artifact(target, data.uri(name), "DataSet", f"{data.job}-{name}", properties)
        ensure_association(target, component, file, "Produced")


def record_reports(target: Target, package: str, model: str, reports: dict[str, str]) -> None:
    """Record the reports of a version. ``package``: its ARN; ``model``: URI of its artifact; ``reports``: processing job -> URI of its
    results. SageMaker records neither which model they measure, nor that they belong to the version."""
    artifact, registered = ensure_artifact(target, model, "Model", model), ensure_artifact(target, package, "ModelPackage", package)
    for job, uri in reports.items():
        component = find_component_arn(target, "processing", job)
        report = ensure_artifact(target, uri, "DataSet", job)
        ensure_association(target, artifact, component, "ContributedTo")
        ensure_association(target, component, report, "Produced")
        ensure_association(target, report, registered, "ContributedTo")
