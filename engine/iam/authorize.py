"""Which permissions a request takes, as IAM has them, and whether its caller has them.

Sources: the Service Authorization Reference's pages on SageMaker, S3, STS, IAM and CloudWatch Logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.context import Context, Request
from engine.errors import AWSError
from engine.iam.access_decisions import decide_access, has_full_access
from engine.iam.policies import ConditionValues
from engine.principal import ACCOUNT, CALLER


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with what a policy's conditions may look at."""

    action: str
    resource: str
    values: ConditionValues


UNRESTRICTED_OPERATIONS = {("sts", "GetCallerIdentity")}
"""What anyone may do."""
RESOURCE_LIMITED_LISTS = {"ListModelCardVersions", "ListTrainingJobsForHyperParameterTuningJob", "ListTags"}
"""The lists that a policy can limit to a resource."""
RESOURCE_PARAMETERS = {
    "ModelPackageArn": "model-package",
    "ModelPackageName": "model-package",
    "ModelPackageGroupName": "model-package-group",
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job",
    "ModelName": "model",
    "ModelCardName": "model-card",
    "ModelCardExportJobArn": "model-card",
    "ActionName": "action",
    "ContextName": "context",
    "ArtifactArn": "artifact",
    "TrialComponentName": "experiment-trial-component",
    "TrialName": "experiment-trial",
    "ExperimentName": "experiment",
    "LineageGroupName": "lineage-group",
    "SourceArn": "",
    "ResourceArn": "",
}
"""The parameter that names what a SageMaker operation is about → the kind of its ARN."""


def check_operation(context: Context, service: str, name: str, request: Request) -> None:
    """Raises AccessDenied(Exception) where the caller's policies don't allow an operation with this request."""
    if (service, name) in UNRESTRICTED_OPERATIONS or has_full_access(context, CALLER.get()):
        return
    for permission in _required_permissions(context, service, name, request):
        require_permission(
            context,
            permission,
            "AccessDenied" if service in {"iam", "sts"} else "AccessDeniedException",
            403 if service in {"iam", "sts"} else 400,
        )


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


def _required_permissions(context: Context, service: str, name: str, request: Request) -> Iterator[Permission]:
    if service == "sagemaker-metrics":
        component = request.get("TrialComponentName", "*")
        yield Permission("sagemaker:BatchPutMetrics", context.arn(f"experiment-trial-component/{component}"), {})
        return
    if service in {"iam", "sts"}:
        named = request.get("RoleArn") or request.get("PolicySourceArn")
        kind = "user" if "UserName" in request else "role"
        who = request.get("UserName") or request.get("RoleName") or "*"
        yield Permission(f"{service}:{name}", named or f"arn:aws:iam::{ACCOUNT}:{kind}/{who}", {})
        return
    if service == "logs":
        group, stream = request.get("logGroupName", "*"), request.get("logStreamName", "*")
        at = f"arn:aws:logs:{context.region}:{ACCOUNT}:log-group:{group}"
        yield Permission(f"logs:{name}", f"{at}:log-stream:{stream}" if "logStreamName" in request else f"{at}:*", {})
        return
    if service == "ecr":
        yield Permission(f"ecr:{name}", f"arn:aws:ecr:{context.region}:{ACCOUNT}:repository/{request['repositoryName']}", {})
        return
    if service == "service-quotas":
        yield Permission(f"servicequotas:{name}", "*", {})
        return
    values = _condition_values(context, name, request)
    for resource in _resource_arns(context, name, request):
        yield Permission(f"sagemaker:{name}", resource, values)
        if request.get("Tags") and name != "AddTags":
            yield Permission("sagemaker:AddTags", resource, values)
    if name == "CreateModelCardExportJob":  # the caller writes the file
        path = str(request["OutputConfig"]["S3OutputPath"]).partition("://")[2].rstrip("/")
        yield Permission("s3:PutObject", f"arn:aws:s3:::{path}/{request['ModelCardExportJobName']}", {})
    for role in _passed_roles(request):
        yield Permission("iam:PassRole", role, {"iam:passedtoservice": ["sagemaker.amazonaws.com"]})


def _resource_arns(context: Context, name: str, request: Request) -> list[str]:
    """The ARNs that an operation touches; ``*`` for those that IAM limits to none."""
    if name == "AddAssociation":
        return [str(request["SourceArn"]), str(request["DestinationArn"])]
    if name in {"CreateModelPackage", "ListModelPackages"} and "ModelPackageGroupName" in request:
        return [context.arn(f"model-package/{request['ModelPackageGroupName'].rpartition('/')[2]}/*")]
    if name == "CreateArtifact":
        return [context.arn("artifact/*")]
    if name.startswith(("List", "Search", "QueryLineage", "BatchDescribe")) and name not in RESOURCE_LIMITED_LISTS:
        return ["*"]
    for parameter, kind in RESOURCE_PARAMETERS.items():
        if parameter in request:
            value = str(request[parameter])
            return [value if value.startswith("arn:") else context.arn(f"{kind}/{value}")]
    return ["*"]


def _condition_values(context: Context, name: str, request: Request) -> dict[str, list[str]]:
    """The condition keys of SageMaker that a request sets."""
    cycle = request.get("ModelLifeCycle") or {}
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
    resources = request.get("ResourceConfig") or (request.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    found: dict[str, Any] = {
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
    }
    if name == "UpdateModelPackage":
        stored = context.store.find_by_arn(str(request["ModelPackageArn"]))
        now = (stored[2].get("CustomerMetadataProperties") or {}) if stored else {}
        found |= {f"sagemaker:currentcustomermetadataproperties/{key.lower()}": value for key, value in now.items()}
    values = {key: [str(value)] for key, value in found.items() if value is not None}
    return values | ({"aws:tagkeys": list(tags)} if tags else {})


def _passed_roles(request: Request) -> list[str]:
    """The roles that a request hands to SageMaker."""
    definitions = [request.get("TrainingJobDefinition") or {}, *(request.get("TrainingJobDefinitions") or [])]
    found = [request.get("RoleArn"), request.get("ExecutionRoleArn"), *(d.get("RoleArn") for d in definitions)]
    return sorted({role for role in found if role})
