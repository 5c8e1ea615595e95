"""Reads the registry: groups, their versions, and model packages with their reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from core.aws import idempotency
from core.aws.target import Target
from core.errors import DataError, NotFound, translate_aws_errors
from core.jobs import jobs, training_jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.rebalancing_jobs import read_result as rebalanced_result
from core.registry.registry_types import GROUP_DESCRIPTION, NO_GROUP, Package, Version, model_uri
from core.reports import package_reports

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import (
        DescribeModelPackageOutputTypeDef,
        ListModelPackagesInputPaginateTypeDef,
        ModelPackageSummaryTypeDef,
    )

T = TypeVar("T")


def list_versions(target: Target, group: str | None = None, *, max_results: int = 100) -> list[Version]:
    """The newest versions of a group, by default of the workspace's own; with NO_GROUP the packages without one. Empty if the group doesn't
    exist yet."""
    group = group or target.settings.group
    if group != NO_GROUP and group not in list_groups(target):
        return []
    return _list_group(target, group, max_results)


def _list_group(target: Target, group: str, max_results: int) -> list[Version]:
    listed = list(islice(iterate_versions(target, group), max_results))
    if group == NO_GROUP:
        return listed
    unlisted = idempotency.created_but_unlisted(target, "ModelPackage", {version.arn for version in listed}, f":model-package/{group}/")
    return [version for arn in unlisted if (version := find_version(target, arn)) is not None] + listed


def list_own_groups(target: Target) -> list[str]:
    """The groups in which this product registers versions: the setting's if it is set, or else the default one and those of data sets."""
    if target.settings.has_own_group:
        return [target.settings.group]
    with translate_aws_errors("model package groups"):
        pages = target.sagemaker.get_paginator("list_model_package_groups").paginate(PaginationConfig={"PageSize": 100})
        summaries = [item for page in pages for item in page["ModelPackageGroupSummaryList"]]
    listed = {item["ModelPackageGroupName"] for item in summaries}
    ours = [item["ModelPackageGroupName"] for item in summaries if item.get("ModelPackageGroupDescription") == GROUP_DESCRIPTION]
    named = [target.settings.group] if target.settings.group in listed else []
    return list(dict.fromkeys([*idempotency.created_but_unlisted(target, "ModelPackageGroup", listed), *named, *ours]))


def list_own_versions(target: Target, *, max_results: int = 100) -> list[Version]:
    """The newest versions of all groups in which this product registers, newest first."""
    versions: list[Version] = []
    for group in list_own_groups(target):
        with suppress(NotFound):  # removed since it was listed; or the setting's, which the first registration makes
            versions += _list_group(target, group, max_results)
    return sorted(versions, key=lambda version: version.created, reverse=True)[:max_results]


def list_siblings(target: Target, package: Package) -> list[Version]:
    """The other versions of a package's group, newest first; of a package without a group, the others without one."""
    group = package.group or NO_GROUP
    return [version for version in _list_group(target, group, 100) if version.arn != package.arn]


def iterate_versions(target: Target, group: str) -> Iterator[Version]:
    """Every version of a group, newest first; with NO_GROUP every package without one."""
    request: ListModelPackagesInputPaginateTypeDef = {
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "PaginationConfig": {"PageSize": 100},
    }
    if group == NO_GROUP:
        request["ModelPackageType"] = "Unversioned"
    else:
        request["ModelPackageGroupName"] = group
    with translate_aws_errors(group):
        for page in target.sagemaker.get_paginator("list_model_packages").paginate(**request):
            yield from map(_parse_version, page["ModelPackageSummaryList"])


def _parse_version(raw: ModelPackageSummaryTypeDef | DescribeModelPackageOutputTypeDef) -> Version:
    return Version(
        raw["ModelPackageArn"],
        raw.get("ModelPackageGroupName", ""),
        raw.get("ModelPackageVersion", 0),
        raw.get("ModelApprovalStatus", ""),
        raw["CreationTime"],
        raw.get("ModelPackageDescription", ""),
    )


def read_properties(target: Target, arn: str) -> dict[str, str]:
    """The properties that this product has written on a version."""
    return dict(describe_package(target, arn).get("CustomerMetadataProperties", {}))


def find_version_arn(target: Target, text: str) -> str:
    """The ARN of a version that a person names: GROUP/NUMBER, or the ARN itself. Raises DataError for other texts."""
    if text.startswith("arn:"):
        return text
    if not re.fullmatch(r"[A-Za-z0-9-]{1,63}(/[0-9]{1,9})?", text):
        raise DataError(f"{text} isn't a version.", resource=text, hint="Write GROUP/NUMBER, for instance credit-default/3, or its ARN.")
    return f"arn:{target.partition}:sagemaker:{target.region}:{target.account}:model-package/{text}"


def describe_package(target: Target, arn: str) -> DescribeModelPackageOutputTypeDef:
    """A version as DescribeModelPackage returns it. Raises NotFound."""

    def read() -> DescribeModelPackageOutputTypeDef:
        with translate_aws_errors(arn):
            return target.sagemaker.describe_model_package(ModelPackageName=arn)

    return idempotency.read_after_create(target, "ModelPackage", arn, read)


def list_groups(target: Target) -> list[str]:
    """The names of the model package groups."""
    with translate_aws_errors("model package groups"):
        pages = target.sagemaker.get_paginator("list_model_package_groups").paginate(PaginationConfig={"PageSize": 100})
        names = [item["ModelPackageGroupName"] for page in pages for item in page["ModelPackageGroupSummaryList"]]
    return idempotency.created_but_unlisted(target, "ModelPackageGroup", names) + names


def read_package(target: Target, arn: str, *, with_training: bool = True) -> Package:
    """A package with its reports and its training job. A report that it doesn't have, or that can't be read, is named in
    ``Package.missing``. ``with_training``: False leaves the training job out, and the hyperparameters with it. Raises NotFound."""
    return package_from_response(target, describe_package(target, arn), with_training=with_training)


def package_from_response(
    target: Target, raw: DescribeModelPackageOutputTypeDef, *, with_training: bool = True, with_explanation: bool = True
) -> Package:
    """The package that DescribeModelPackage returned as ``raw``, with its reports; see ``read_package``. ``with_explanation``: False leaves
    the SHAP values out."""
    properties = raw.get("CustomerMetadataProperties", {})
    reports = package_reports.read_reports(target, raw, with_explanation=with_explanation)
    report, missing = reports.bias, dict(reports.missing)
    described = _find_training_job(target, properties, model_uri(raw)) if with_training else None
    if described is None and with_training:
        missing["training job"] = "No known training job has made this model."
    if not model_uri(raw):
        missing["model"] = "The version names no model archive in S3."
    performance = report.governance.get("performance") if report else None
    if performance is None:
        missing.setdefault("quality", "Its figures are not in this product's form, with intervals and the test rows.")
    return Package(
        raw["ModelPackageArn"],
        raw.get("ModelPackageGroupName", ""),
        raw.get("ModelPackageVersion", 0),
        raw.get("ModelApprovalStatus", ""),
        raw["CreationTime"],
        raw.get("LastModifiedTime"),
        raw.get("ApprovalDescription", ""),
        properties,
        described.name if described else properties.get("governance:training-job"),
        dict(described.raw.get("HyperParameters") or {}) if described else {},
        performance,
        report,
        reports.shap,
        report.scores_uri if report and report.governance else None,
        raw,
        missing,
        described,
    )


def _find_training_job(target: Target, properties: dict[str, str], model: str) -> jobs.Job | None:
    """The training job that a version names, or else the one whose artifact its model is: SageMaker puts it under the job's name."""
    named = properties.get("governance:training-job")
    name = named or model.removesuffix("/output/model.tar.gz").rpartition("/")[2]
    job = _read_or_none(lambda: training_jobs.describe_job(target, name)) if re.fullmatch(r"[A-Za-z0-9-]{1,63}", name) else None
    if job is None or (not named and job.raw.get("ModelArtifacts", {}).get("S3ModelArtifacts") != model):
        return None
    return job


def _read_or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (KeyError, TypeError, ValueError, DataError, NotFound):  # doesn't exist, or has another form
        return None


def find_version(target: Target, arn: str) -> Version | None:
    """A version by its ARN; None if it doesn't exist."""

    def read() -> Version:
        return _parse_version(describe_package(target, arn))

    return _read_or_none(read)


def find_rebalancing(target: Target, package: Package) -> RebalancedData | None:
    """What the rebalancing job behind a package made; None if the package names none."""
    return read_rebalancing(target, package.properties.get("governance:rebalanced"))


def read_rebalancing(target: Target, job: str | None) -> RebalancedData | None:
    """What a rebalancing job made; None if it doesn't exist."""
    return _read_or_none(lambda: rebalanced_result(target, job)) if job else None
