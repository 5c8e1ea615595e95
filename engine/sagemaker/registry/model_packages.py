"""Model packages: versions of a group, or single packages by name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.context import Context, Request, Response
from engine.errors import AWSError
from engine.operations import ANY_RESOURCE, Resource, given, named, operation
from engine.sagemaker import tags
from engine.sagemaker.listing import page_response
from engine.sagemaker.registry.model_package_groups import KIND as GROUP
from engine.sagemaker.registry.model_package_groups import LAST_VERSION_MEMBER, PACKAGE_KIND, find_group
from engine.sagemaker.tracking import auto_lineage
from engine.sagemaker.user_context import user_context
from engine.store.records import Body, RecordExists, pick

CLIENT_TOKEN_KIND = "client-token"  # noqa: S105 - a kind of record
PROPERTIES_LIMIT = 50
DESCRIBED_MEMBERS = (
    "ModelPackageDescription",
    "InferenceSpecification",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
    "CertifyForMarketplace",
    "ModelMetrics",
    "MetadataProperties",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
    "ManagedStorageType",
)
"""Members of CreateModelPackage that DescribeModelPackage returns unchanged."""
BATCH_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
)
"""The members of a package that BatchDescribeModelPackage shows."""


def find_package(context: Context, name_or_arn: str) -> Body:
    """The package of that ARN, name, or ``group/version``. Raises ValidationException when it doesn't exist."""
    arn = name_or_arn if name_or_arn.startswith("arn:") else context.arn(f"{PACKAGE_KIND}/{name_or_arn}")
    found = context.store.find_by_arn(arn)
    if found is None or found[0] != PACKAGE_KIND:
        raise AWSError("ValidationException", f"ModelPackage {arn} does not exist.")
    return found[2]


def _record_name(body: Body) -> str:
    version = body.get("ModelPackageVersion")
    return f"{body['ModelPackageName']}/{version}" if version else str(body["ModelPackageName"])


def _package_resource(context: Context, request: Request) -> list[str]:
    """A version is created, and versions are listed, as ``model-package/<group>/*``: the number isn't known yet, or is any."""
    if "ModelPackageGroupName" in request:
        return [context.arn(f"{PACKAGE_KIND}/{request['ModelPackageGroupName'].rpartition('/')[2]}/*")]
    return [context.arn(f"{PACKAGE_KIND}/{request['ModelPackageName']}") if "ModelPackageName" in request else "*"]


@operation("sagemaker", "CreateModelPackage", on=Resource(("ModelPackageGroupName", "ModelPackageName"), _package_resource))
def create_model_package(context: Context, request: Request) -> Response:
    group, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
    if bool(group) == bool(name):
        raise AWSError("ValidationException", "Give either ModelPackageGroupName or ModelPackageName, and not both.")
    if not any(request.get(m) for m in ("InferenceSpecification", "SourceAlgorithmSpecification", "SourceUri")):
        raise AWSError(
            "ValidationException", "A model package needs an InferenceSpecification, a SourceAlgorithmSpecification or a SourceUri."
        )
    with context.store.transaction():
        earlier = _find_by_client_token(context, request)
        if earlier is not None:
            return {"ModelPackageArn": earlier}
        body = _new_version(context, request) if group else _new_unversioned(context, request)
        now, arn = body["CreationTime"], body["ModelPackageArn"]
        try:
            context.store.insert(
                PACKAGE_KIND,
                _record_name(body),
                body,
                arn=arn,
                now=now,
                parent=body.get("ModelPackageGroupName", ""),
                status=body.get("ModelApprovalStatus"),
            )
        except RecordExists:
            raise AWSError("ValidationException", f"ModelPackage already exists: {arn}") from None
        tags.tag_resource(context, arn, request.get("Tags", []))
        if request.get("ClientToken"):
            token = {"Digest": _digest(request), "ModelPackageArn": arn}
            context.store.delete(CLIENT_TOKEN_KIND, request["ClientToken"])
            context.store.insert(CLIENT_TOKEN_KIND, request["ClientToken"], token, arn=None, now=now)
        auto_lineage.record_package_created(context, body)
    return {"ModelPackageArn": arn}


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def _find_by_client_token(context: Context, request: Request) -> str | None:
    """The package that the same request, by its ClientToken, has already created."""
    token = context.store.get(CLIENT_TOKEN_KIND, request["ClientToken"]) if request.get("ClientToken") else None
    if token is None or context.store.find_by_arn(token["ModelPackageArn"]) is None:
        return None
    if token["Digest"] != _digest(request):
        raise AWSError("ConflictException", f"ClientToken {request['ClientToken']} was used before with other parameters.")
    return str(token["ModelPackageArn"])


def _new_version(context: Context, request: Request) -> Body:
    if request.get("Tags"):
        raise AWSError("ValidationException", "A model package version uses the tags of its ModelPackageGroup and takes none of its own.")
    group = find_group(context, request["ModelPackageGroupName"])["ModelPackageGroupName"]

    def next_version(body: Body) -> None:
        body[LAST_VERSION_MEMBER] = int(body.get(LAST_VERSION_MEMBER, 0)) + 1

    changed = context.store.update(GROUP, group, next_version, now=context.now())
    version = changed[LAST_VERSION_MEMBER] if changed else 1
    return _new_package(context, request, f"{group}/{version}") | {
        "ModelPackageName": group,
        "ModelPackageGroupName": group,
        "ModelPackageVersion": version,
        "ModelApprovalStatus": request.get("ModelApprovalStatus") or "PendingManualApproval",
        "ModelPackageRegistrationType": request.get("ModelPackageRegistrationType") or "Registered",
    }


def _new_unversioned(context: Context, request: Request) -> Body:
    if request.get("ModelApprovalStatus"):
        raise AWSError("ValidationException", "ModelApprovalStatus applies to versioned model packages only.")
    return _new_package(context, request, request["ModelPackageName"]) | {"ModelPackageName": request["ModelPackageName"]}


def _new_package(context: Context, request: Request, resource: str) -> Body:
    kept = pick(request, *DESCRIBED_MEMBERS)
    if kept.get("InferenceSpecification"):
        containers = [with_model_data_url(container) for container in kept["InferenceSpecification"]["Containers"]]
        kept["InferenceSpecification"] = kept["InferenceSpecification"] | {"Containers": containers}
    return {
        **kept,
        "ModelPackageArn": context.arn(f"{PACKAGE_KIND}/{resource}"),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "CertifyForMarketplace": bool(request.get("CertifyForMarketplace", False)),
        "CreationTime": context.now(),
        "CreatedBy": user_context(),
    }


def with_model_data_url(container: Body) -> Body:
    """The container with the URL of its model's archive, also if that was given as a data source."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return ({"ModelDataUrl": source["S3Uri"]} if source.get("CompressionType") == "Gzip" else {}) | container


@operation("sagemaker", "DescribeModelPackage", on=named("model-package", "ModelPackageName"))
def describe_model_package(context: Context, request: Request) -> Response:
    body = find_package(context, request["ModelPackageName"])
    if request.get("IncludedData") == "MetadataOnly" and "ModelCard" in body:
        body["ModelCard"] = {key: value for key, value in body["ModelCard"].items() if key != "ModelCardContent"}
    return body


@operation("sagemaker", "BatchDescribeModelPackage", on=ANY_RESOURCE)
def batch_describe_model_package(context: Context, request: Request) -> Response:
    found: dict[str, Body] = {}
    errors: dict[str, dict[str, str]] = {}
    for arn in request["ModelPackageArnList"]:
        try:
            found[arn] = pick(find_package(context, arn), *BATCH_MEMBERS)
        except AWSError as error:
            errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
    return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}


@operation("sagemaker", "ListModelPackages", on=Resource(("ModelPackageGroupName",), _package_resource))
def list_model_packages(context: Context, request: Request) -> Response:
    where: list[tuple[str, str, Any]] = []
    if request.get("ModelPackageGroupName"):
        where.append(("parent", "=", find_group(context, request["ModelPackageGroupName"])["ModelPackageGroupName"]))
    versions = request.get("ModelPackageType") or ("Both" if where else "Unversioned")
    if versions != "Both":
        where.append(("parent", "=" if versions == "Unversioned" else "!=", ""))
    if request.get("ModelApprovalStatus"):
        where.append(("status", "=", request["ModelApprovalStatus"]))
    return page_response(
        context, PACKAGE_KIND, request, result_member="ModelPackageSummaryList", summarize=_summary, where=where, default_order="Ascending"
    )


def _summary(body: Body) -> Body:
    members = ("GroupName", "Version", "Arn", "Description", "Status", "RegistrationType")
    summary = pick(body, *(f"ModelPackage{m}" for m in members), "CreationTime", "ModelApprovalStatus", "ModelLifeCycle")
    return summary if body.get("ModelPackageVersion") else summary | {"ModelPackageName": body["ModelPackageName"]}


def _current_properties(context: Context, request: Request) -> dict[str, object]:
    """The condition keys of the properties that the package has before the update."""
    stored = context.store.find_by_arn(str(request["ModelPackageArn"]))
    properties = (stored[2].get("CustomerMetadataProperties") or {}) if stored else {}
    return {f"sagemaker:currentcustomermetadataproperties/{key.lower()}": value for key, value in properties.items()}


@operation("sagemaker", "UpdateModelPackage", on=given("ModelPackageArn"), conditions=_current_properties)
def update_model_package(context: Context, request: Request) -> Response:
    with context.store.transaction():
        before = find_package(context, request["ModelPackageArn"])
        if request.get("ModelApprovalStatus") and not before.get("ModelPackageVersion"):
            raise AWSError("ValidationException", "ModelApprovalStatus applies to versioned model packages only.")
        now = context.now()
        after = _apply_update(before, request) | {"LastModifiedTime": now, "LastModifiedBy": user_context()}
        context.store.update(PACKAGE_KIND, _record_name(before), lambda _: after, now=now, status=after.get("ModelApprovalStatus"))
        if after.get("ModelApprovalStatus") != before.get("ModelApprovalStatus"):
            auto_lineage.record_approval_change(context, after)
    return {"ModelPackageArn": after["ModelPackageArn"]}


def _apply_update(before: Body, request: Request) -> Body:
    members = (
        "ModelApprovalStatus",
        "ApprovalDescription",
        "InferenceSpecification",
        "SourceUri",
        "ModelCard",
        "ModelLifeCycle",
        "ModelPackageRegistrationType",
    )
    after = before | {m: request[m] for m in members if request.get(m) is not None}
    removed = set(request.get("CustomerMetadataPropertiesToRemove") or ())
    properties = {k: v for k, v in before.get("CustomerMetadataProperties", {}).items() if k not in removed}
    properties |= request.get("CustomerMetadataProperties") or {}
    if len(properties) > PROPERTIES_LIMIT:
        raise AWSError("ValidationException", f"A model package may have at most {PROPERTIES_LIMIT} CustomerMetadataProperties.")
    after["CustomerMetadataProperties"] = properties
    if not properties:
        del after["CustomerMetadataProperties"]
    added = request.get("AdditionalInferenceSpecificationsToAdd") or []
    if added:
        known = before.get("AdditionalInferenceSpecifications", [])
        names = [entry["Name"] for entry in [*known, *added]]
        if len(set(names)) < len(names):
            raise AWSError("ValidationException", "AdditionalInferenceSpecifications must have unique names.")
        after["AdditionalInferenceSpecifications"] = [*known, *added]
    return after


@operation("sagemaker", "DeleteModelPackage", on=named("model-package", "ModelPackageName"))
def delete_model_package(context: Context, request: Request) -> Response:
    context.store.delete(PACKAGE_KIND, _record_name(find_package(context, request["ModelPackageName"])))
    return {}
