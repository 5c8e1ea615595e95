"""Model package groups: CreateModelPackageGroup, Describe, List, Delete."""

from __future__ import annotations

from engine.context import AWSError, Context, Request, Response, operation
from engine.sagemaker import tags
from engine.sagemaker.identity import user_context
from engine.sagemaker.listing import listed, pick
from engine.store import Body, Exists

KIND = "model-package-group"
PACKAGE = "model-package"
LAST_VERSION = "_LastVersion"
"""The newest version number given out; it only grows, so that a deleted version's number never comes back. Not sent to clients."""


@operation("sagemaker", "CreateModelPackageGroup")
def create_model_package_group(context: Context, request: Request) -> Response:
    name, now = request["ModelPackageGroupName"], context.now()
    arn = context.arn(f"{KIND}/{name}")
    body: Body = {
        **pick(request, "ModelPackageGroupName", "ModelPackageGroupDescription", "ManagedConfiguration"),
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": now,
        "CreatedBy": user_context(),
        LAST_VERSION: 0,
    }
    with context.store.transaction():
        try:
            context.store.insert(KIND, name, body, arn=arn, now=now, status="Completed")
        except Exists:
            raise AWSError("ValidationException", f"Model Package Group already exists: {arn}") from None
        tags.tag(context, arn, request.get("Tags", []))
    return {"ModelPackageGroupArn": arn}


def find_group(context: Context, name_or_arn: str) -> Body:
    """The group of that name or ARN. Raises ValidationException when there is none, as SageMaker does."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"{KIND}/{name_or_arn}")
    found = context.store.find(arn)
    if found is None or found[0] != KIND:
        raise AWSError("ValidationException", f"ModelPackageGroup {arn} does not exist.")
    return found[2]


@operation("sagemaker", "DescribeModelPackageGroup")
def describe_model_package_group(context: Context, request: Request) -> Response:
    return find_group(context, request["ModelPackageGroupName"])


@operation("sagemaker", "ListModelPackageGroups")
def list_model_package_groups(context: Context, request: Request) -> Response:
    if request.get("CrossAccountFilterOption") == "CrossAccount":
        return {"ModelPackageGroupSummaryList": []}
    members = [f"ModelPackageGroup{member}" for member in ("Name", "Arn", "Description", "Status")]
    return listed(
        context,
        KIND,
        request,
        result="ModelPackageGroupSummaryList",
        summary=lambda body: pick(body, *members, "CreationTime", "ManagedConfiguration"),
        order="Ascending",
    )


@operation("sagemaker", "DeleteModelPackageGroup")
def delete_model_package_group(context: Context, request: Request) -> Response:
    with context.store.transaction():
        body = find_group(context, request["ModelPackageGroupName"])
        if context.store.count(PACKAGE, parent=body["ModelPackageGroupName"]):
            raise AWSError(
                "ConflictException", f"Model Package Group {body['ModelPackageGroupArn']} still has model packages: delete them first."
            )
        context.store.delete(KIND, body["ModelPackageGroupName"])
    return {}
