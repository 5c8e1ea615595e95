"""Whether the caller of an operation has the permissions that it needs.

Sources: the Service Authorization Reference's pages on SageMaker, S3, STS, IAM and CloudWatch Logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.context import Context, Request
from engine.errors import AWSError
from engine.iam.access_decisions import decide_access, has_full_access
from engine.operations import Operation, Permission
from engine.principal import CALLER


def check_operation(context: Context, operation: Operation, request: Request) -> None:
    """Raises AccessDenied(Exception) when the caller's policies don't allow an operation with this request."""
    if operation.resource is None or has_full_access(context, CALLER.get()):
        return
    code, status = ("AccessDenied", 403) if operation.service in {"iam", "sts"} else ("AccessDeniedException", 400)
    for permission in required_permissions(context, operation, request):
        require_permission(context, permission, code, status)


def require_permission(context: Context, permission: Permission, code: str, status: int) -> None:
    caller = CALLER.get()
    tags = {f"aws:principaltag/{key.lower()}": [value] for key, value in caller.tags}
    about = {**permission.values, **tags, "aws:principalarn": [caller.arn], "aws:securetransport": ["false"]}
    decision = decide_access(context, caller, permission.action, permission.resource, about)
    if decision == "allowed":
        return
    why = (
        "with an explicit deny in an identity-based policy"
        if decision == "explicitDeny"
        else f"because no identity-based policy allows the {permission.action} action"
    )
    on = f"User: {caller.arn} is not authorized to perform: {permission.action} on resource: {permission.resource} {why}"
    raise AWSError(code, on, status)


def required_permissions(context: Context, operation: Operation, request: Request) -> Iterator[Permission]:
    """The permissions that an operation needs with this request: its own first, then those of what it does on the way."""
    resources = operation.resource.arns(context, request) if operation.resource is not None else []
    of_sagemaker = operation.service == "sagemaker"
    values = _condition_values(request, operation.conditions(context, request)) if of_sagemaker else {}
    for resource in resources:
        yield Permission(operation.action, resource, values)
        if of_sagemaker and request.get("Tags") and operation.name != "AddTags":
            yield Permission("sagemaker:AddTags", resource, values)
    yield from operation.also(context, request)
    for role in _passed_roles(request) if of_sagemaker else ():
        yield Permission("iam:PassRole", role, {"iam:passedtoservice": ["sagemaker.amazonaws.com"]})


def _condition_values(request: Request, others: Mapping[str, object]) -> dict[str, list[str]]:
    """The condition keys of SageMaker that a request sets, and ``others``; a key without a value is left out."""
    cycle = request.get("ModelLifeCycle") or {}
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    resources = request.get("ResourceConfig") or (request.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    found: dict[str, object] = {
        "sagemaker:modelapprovalstatus": request.get("ModelApprovalStatus"),
        "sagemaker:modellifecycle:stage": cycle.get("Stage"),
        "sagemaker:modellifecycle:stagestatus": cycle.get("StageStatus"),
        "sagemaker:instancetypes": resources.get("InstanceType"),
        "sagemaker:volumekmskey": resources.get("VolumeKmsKeyId"),
        **{f"aws:requesttag/{key.lower()}": value for key, value in tags.items()},
        **{
            f"sagemaker:customermetadataproperties/{key.lower()}": value
            for key, value in (request.get("CustomerMetadataProperties") or {}).items()
        },
        **others,
    }
    values = {key: [str(value)] for key, value in found.items() if value is not None}
    return values | ({"aws:tagkeys": list(tags)} if tags else {})


def _passed_roles(request: Request) -> list[str]:
    """The roles that a request hands to SageMaker."""
    definitions = [request.get("TrainingJobDefinition") or {}, *(request.get("TrainingJobDefinitions") or [])]
    found = [request.get("RoleArn"), request.get("ExecutionRoleArn"), *(d.get("RoleArn") for d in definitions)]
    return sorted({role for role in found if role})
