"""The lineage that SageMaker makes by itself: trial components, data, images, models, packages, approvals.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking-auto-creation.html
"""

from __future__ import annotations

import contextlib
from typing import Any

from engine.context import AWSError, Context
from engine.sagemaker import lineage, trial_components
from engine.store import Body, Exists

NOBODY: dict[str, Any] = {}
"""CreatedBy of what SageMaker itself makes."""


def artifact(context: Context, uri: str, kind: str, name: str | None = None) -> str:
    """The artifact of a URI, made at the first call."""
    request: Body = {"Source": {"SourceUri": uri, "SourceTypes": []}, "ArtifactType": kind, "Properties": {}}
    if name:
        request["ArtifactName"] = name
    return lineage.create(context, "artifact", request, by=NOBODY)


def associate(context: Context, source: str, destination: str, kind: str) -> None:
    with contextlib.suppress(Exists):
        context.store.associate(source, destination, kind, now=context.now())


def training_job_created(context: Context, body: Body) -> None:
    """The trial component of a training job, and what it takes in."""
    name = f"{body['TrainingJobName']}-aws-training-job"
    image = body["AlgorithmSpecification"].get("TrainingImage", "")
    channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in body.get("InputDataConfig", [])}
    inputs = {f"SageMaker.InputDataSource.{k}": {"MediaType": "text/csv", "Value": uri} for k, uri in channels.items()}
    inputs["SageMaker.ImageUri"] = {"Value": image}
    request = {
        "DisplayName": name,
        "Source": {"SourceArn": body["TrainingJobArn"], "SourceType": "SageMakerTrainingJob"},
        "Status": {"PrimaryStatus": "InProgress", "Message": "Status: InProgress"},
        "StartTime": body["CreationTime"],
        "Parameters": {key: {"StringValue": value} for key, value in body.get("HyperParameters", {}).items()},
        "InputArtifacts": inputs,
    }
    component = trial_components.create(context, name, request, by=NOBODY)
    for uri in channels.values():
        associate(context, artifact(context, uri, "DataSet"), component, "ContributedTo")
    associate(context, artifact(context, image, "Image"), component, "ContributedTo")


def training_job_finished(context: Context, body: Body) -> None:
    """The component's final state and metrics, and the model that it produced."""
    name = f"{body['TrainingJobName']}-aws-training-job"
    status = body["TrainingJobStatus"]
    final = {item["MetricName"]: item for item in body.get("FinalMetricDataList", [])}
    metrics = [
        {
            "MetricName": metric,
            "SourceArn": body["TrainingJobArn"],
            "TimeStamp": item["Timestamp"],
            **dict.fromkeys(("Max", "Min", "Last", "Avg"), item["Value"]),
            "Count": 1,
            "StdDev": 0.0,
        }
        for metric, item in final.items()
    ]
    model = body.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    request: Body = {
        "Status": {"PrimaryStatus": status, "Message": body.get("FailureReason", f"Status: {status}")[:1024]},
        "EndTime": body["TrainingEndTime"],
        "Metrics": metrics,
    }
    if model:
        request["OutputArtifacts"] = {"SageMaker.ModelArtifact": {"Value": model}}
    try:
        component = trial_components.change(context, name, request, by=NOBODY)["TrialComponentArn"]
    except AWSError as error:
        if error.code != "ResourceNotFound":
            raise
        return
    if model:
        associate(context, component, artifact(context, model, "Model"), "Produced")


def processing_job_finished(context: Context, body: Body) -> None:
    """The trial component of a processing job, with its inputs and outputs."""
    name = f"{body['ProcessingJobName']}-aws-processing-job"
    inputs = {i["InputName"]: i["S3Input"]["S3Uri"] for i in body.get("ProcessingInputs", []) if "S3Input" in i}
    listed = body.get("ProcessingOutputConfig", {}).get("Outputs", [])
    outputs = {o["OutputName"]: o["S3Output"]["S3Uri"] for o in listed if "S3Output" in o}
    status = body["ProcessingJobStatus"]
    request = {
        "DisplayName": name,
        "Source": {"SourceArn": body["ProcessingJobArn"], "SourceType": "SageMakerProcessingJob"},
        "Status": {"PrimaryStatus": status, "Message": body.get("FailureReason", f"Status: {status}")[:1024]},
        "StartTime": body.get("ProcessingStartTime", body["CreationTime"]),
        "EndTime": body["ProcessingEndTime"],
        "InputArtifacts": {key: {"Value": uri} for key, uri in inputs.items()},
        "OutputArtifacts": {key: {"Value": uri} for key, uri in outputs.items()},
    }
    component = trial_components.create(context, name, request, by=NOBODY)
    image = body["AppSpecification"]["ImageUri"]
    associate(context, artifact(context, image, "Image"), component, "ContributedTo")
    for uri in inputs.values():
        associate(context, artifact(context, uri, "DataSet"), component, "ContributedTo")
    if status == "Completed":
        for uri in outputs.values():
            associate(context, component, artifact(context, uri, "DataSet"), "Produced")


def model_package_created(context: Context, body: Body) -> None:
    """The package as an artifact in its group's context, made from its model data."""
    arn = body["ModelPackageArn"]
    package = artifact(context, arn, "ModelPackage")
    for container in body.get("InferenceSpecification", {}).get("Containers", []):
        if container.get("ModelDataUrl"):
            associate(context, artifact(context, container["ModelDataUrl"], "Model"), package, "ContributedTo")
    group = body.get("ModelPackageGroupName")
    if group:
        name = f"{group}-aws-model-group"
        request = {"ContextName": name, "ContextType": "ModelGroup", "Source": {"SourceUri": context.arn(f"model-package-group/{group}")}}
        with contextlib.suppress(AWSError):
            lineage.create(context, "context", {**request, "Properties": {}}, by=NOBODY)
        associate(context, package, context.arn(f"context/{name}"), "AssociatedWith")


def approval_changed(context: Context, body: Body) -> None:
    """A decision as an action on the package."""
    arn = body["ModelPackageArn"]
    stamp = int(context.now() * 1000)
    name = f"{body.get('ModelPackageGroupName', 'package')}-{body.get('ModelPackageVersion', 0)}-{stamp}-aws-model-package"
    request = {
        "ActionName": name,
        "ActionType": "ModelApproval",
        "Source": {"SourceUri": arn},
        "Status": "Completed",
        "Properties": {"ModelApprovalStatus": body.get("ModelApprovalStatus", "")},
        "Description": body.get("ApprovalDescription", ""),
    }
    action = lineage.create(context, "action", request, by=NOBODY)
    associate(context, artifact(context, arn, "ModelPackage"), action, "ContributedTo")
