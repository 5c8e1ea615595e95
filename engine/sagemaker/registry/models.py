"""Models: CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, named, operation
from engine.sagemaker import request_checks, tags
from engine.sagemaker.listing import page_response
from engine.sagemaker.registry.model_packages import find_package, with_model_data_url
from engine.store.records import Body, RecordExists, pick

KIND = "model"


@operation("sagemaker", "CreateModel", on=named("model", "ModelName"))
def create_model(context: Context, request: Request) -> Response:
    name = request["ModelName"]
    if not name:
        raise AWSError("ValidationException", "ModelName must not be empty.")
    if bool(request.get("PrimaryContainer")) == bool(request.get("Containers")):
        raise AWSError("ValidationException", "Give either PrimaryContainer or Containers, and not both.")
    if "ExecutionRoleArn" in request:
        request_checks.check_role(context, request["ExecutionRoleArn"])
    for container in request.get("Containers") or [request["PrimaryContainer"]]:
        _check_container(context, container)
    arn = context.arn(f"{KIND}/{name}")
    now = context.now()
    body: Body = {key: value for key, value in request.items() if key != "Tags"}
    if request.get("PrimaryContainer"):
        body["PrimaryContainer"] = _describe_container(request["PrimaryContainer"])
    else:
        body["Containers"] = [_describe_container(container) for container in request["Containers"]]
    body |= {"ModelArn": arn, "CreationTime": now, "EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation", False))}
    with context.store.transaction():
        try:
            context.store.insert(KIND, name, body, arn=arn, now=now)
        except RecordExists:
            raise AWSError("ValidationException", f'Cannot create already existing model "{arn}".') from None
        tags.tag_resource(context, arn, request.get("Tags", []))
    return {"ModelArn": arn}


def _describe_container(container: Body) -> Body:
    """A container as SageMaker describes it: the archive of its model by its URL, and as a data source."""
    found = {"Mode": "SingleModel", "Environment": {}} | with_model_data_url(container)
    if "ModelDataUrl" in found:
        source = {"S3Uri": found["ModelDataUrl"], "S3DataType": "S3Object", "CompressionType": "Gzip"}
        found = {"ModelDataSource": {"S3DataSource": source}} | found
    return found


def _check_container(context: Context, container: dict[str, Any]) -> None:
    package = container.get("ModelPackageName")
    if package:
        body = find_package(context, package)
        if body.get("ModelPackageVersion") and body.get("ModelApprovalStatus") != "Approved":
            raise AWSError(
                "ValidationException", f"Cannot create a model from {body['ModelPackageArn']}: the model package is not Approved."
            )
    elif not container.get("Image"):
        raise AWSError("ValidationException", "A container needs an Image or a ModelPackageName.")
    if container.get("ModelDataUrl") and container.get("ModelDataSource"):
        raise AWSError("ValidationException", "Give either ModelDataUrl or ModelDataSource, and not both.")


@operation("sagemaker", "DescribeModel", on=named("model", "ModelName"))
def describe_model(context: Context, request: Request) -> Response:
    body = context.store.get(KIND, request["ModelName"])
    if body is None:
        raise _model_missing_error(context, request["ModelName"])
    return body


@operation("sagemaker", "ListModels", on=ANY_RESOURCE)
def list_models(context: Context, request: Request) -> Response:
    return page_response(
        context, KIND, request, result_member="Models", summarize=lambda body: pick(body, "ModelName", "ModelArn", "CreationTime")
    )


@operation("sagemaker", "DeleteModel", on=named("model", "ModelName"))
def delete_model(context: Context, request: Request) -> Response:
    if not context.store.delete(KIND, request["ModelName"]):
        raise _model_missing_error(context, request["ModelName"])
    return {}


def _model_missing_error(context: Context, name: str) -> AWSError:
    return AWSError("ValidationException", f'Could not find model "{context.arn(f"{KIND}/{name}")}".')
