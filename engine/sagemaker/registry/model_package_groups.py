"""Model package groups and their resource policies. A policy is kept but has no effect: it is about other accounts, and there are none."""

from __future__ import annotations

import json

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, named, operation
from engine.sagemaker import tags
from engine.sagemaker.listing import page_response
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists, pick

KIND = "model-package-group"
PACKAGE_KIND = "model-package"
POLICY_MEMBER = "_ResourcePolicy"
LAST_VERSION_MEMBER = "_LastVersion"
"""The newest version number given out; it only grows, so that a deleted version's number is never used again. Not sent to clients."""


@operation("sagemaker", "CreateModelPackageGroup", on=named("model-package-group", "ModelPackageGroupName"))
def create_model_package_group(context: Context, request: Request) -> Response:
    name, now = request["ModelPackageGroupName"], context.now()
    arn = context.arn(f"{KIND}/{name}")
    body: Body = {
        **pick(request, "ModelPackageGroupName", "ModelPackageGroupDescription", "ManagedConfiguration"),
        "ModelPackageGroupArn": arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": now,
        "CreatedBy": user_context(),
        LAST_VERSION_MEMBER: 0,
    }
    with context.store.transaction():
        try:
            context.store.insert(KIND, name, body, arn=arn, now=now, status="Completed")
        except RecordExists:
            raise AWSError("ValidationException", f"Model Package Group already exists: {arn}") from None
        tags.tag_resource(context, arn, request.get("Tags", []))
    return {"ModelPackageGroupArn": arn}


def find_group(context: Context, name_or_arn: str) -> Body:
    """The group of that name or ARN. Raises ValidationException when it doesn't exist, as SageMaker does."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"{KIND}/{name_or_arn}")
    found = context.store.find_by_arn(arn)
    if found is None or found[0] != KIND:
        raise AWSError("ValidationException", f"ModelPackageGroup {arn} does not exist.")
    return found[2]


@operation("sagemaker", "DescribeModelPackageGroup", on=named("model-package-group", "ModelPackageGroupName"))
def describe_model_package_group(context: Context, request: Request) -> Response:
    return find_group(context, request["ModelPackageGroupName"])


@operation("sagemaker", "ListModelPackageGroups", on=ANY_RESOURCE)
def list_model_package_groups(context: Context, request: Request) -> Response:
    if request.get("CrossAccountFilterOption") == "CrossAccount":
        return {"ModelPackageGroupSummaryList": []}
    members = [f"ModelPackageGroup{member}" for member in ("Name", "Arn", "Description", "Status")]
    return page_response(
        context,
        KIND,
        request,
        result_member="ModelPackageGroupSummaryList",
        summarize=lambda body: pick(body, *members, "CreationTime", "ManagedConfiguration"),
        default_order="Ascending",
    )


@operation("sagemaker", "DeleteModelPackageGroup", on=named("model-package-group", "ModelPackageGroupName"))
def delete_model_package_group(context: Context, request: Request) -> Response:
    with context.store.transaction():
        body = find_group(context, request["ModelPackageGroupName"])
        if context.store.count_records(PACKAGE_KIND, parent=body["ModelPackageGroupName"]):
            raise AWSError(
                "ConflictException", f"Model Package Group {body['ModelPackageGroupArn']} still has model packages: delete them first."
            )
        context.store.delete(KIND, body["ModelPackageGroupName"])
    return {}


# policies ------------------------------------------------------------------------------------------


@operation("sagemaker", "PutModelPackageGroupPolicy", on=named("model-package-group", "ModelPackageGroupName"))
def put_model_package_group_policy(context: Context, request: Request) -> Response:
    try:
        policy = json.loads(request["ResourcePolicy"])
    except (ValueError, RecursionError):
        policy = None
    if not isinstance(policy, dict) or not isinstance(policy.get("Statement"), list | dict):
        raise AWSError("ValidationException", "The ResourcePolicy is not a policy document: a JSON object with a Statement.")
    group = _require_group(context, request)
    context.store.update(
        KIND, group["ModelPackageGroupName"], lambda body: body | {POLICY_MEMBER: request["ResourcePolicy"]}, now=context.now()
    )
    return pick(group, "ModelPackageGroupArn")


@operation("sagemaker", "GetModelPackageGroupPolicy", on=named("model-package-group", "ModelPackageGroupName"))
def get_model_package_group_policy(context: Context, request: Request) -> Response:
    return {"ResourcePolicy": _require_group(context, request, with_policy=True)[POLICY_MEMBER]}


@operation("sagemaker", "DeleteModelPackageGroupPolicy", on=named("model-package-group", "ModelPackageGroupName"))
def delete_model_package_group_policy(context: Context, request: Request) -> Response:
    name = _require_group(context, request, with_policy=True)["ModelPackageGroupName"]
    context.store.update(KIND, name, lambda body: {k: v for k, v in body.items() if k != POLICY_MEMBER}, now=context.now())
    return {}


def _require_group(context: Context, request: Request, *, with_policy: bool = False) -> Body:
    """The group that a policy operation names; ``with_policy``: one that has a policy. Raises ValidationException."""
    name = request["ModelPackageGroupName"]
    body = context.store.get(KIND, name)
    if body is None:
        raise AWSError("ValidationException", f"Cannot find Model Package Group: {context.arn(f'{KIND}/{name}')}")
    if with_policy and POLICY_MEMBER not in body:
        raise AWSError("ValidationException", f"Cannot find resource policy for: {body['ModelPackageGroupArn']}")
    return body
