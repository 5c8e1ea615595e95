"""The registry: model packages with their evidence, and two of them compared."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, is_dataclass
from itertools import islice
from typing import Any

import pandas as pd

from core.analysis.performance.performance_difference import PerformanceDifference, compare_performance
from core.aws import aws_names, idempotency, request_defaults
from core.aws.target import Target
from core.errors import NotFound, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs, training_jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.rebalancing_jobs import read_result as rebalanced_result
from core.ledger import audit_log, signing
from core.ledger.pinned_files import PinnedFile, find_changed_files
from core.lineage import lineage_record
from core.reports import bias_jobs, package_reports

PENDING_STATUS = "PendingManualApproval"
DECISION_PROPERTY, EVIDENCE_PROPERTY, DECIDED_BY_PROPERTY = "governance:decision", "governance:evidence", "governance:decided-by"
REGISTER_EVENT = "register"
"""The event of the log that says what was registered, by whom, and who trained it."""
DECISION_PROPERTIES = frozenset({DECISION_PROPERTY, EVIDENCE_PROPERTY, DECIDED_BY_PROPERTY})
"""Properties that a decision writes; all others are there from the registration on."""
NO_GROUP = "-"
"""Stands for the packages that belong to no group; no group can be called so."""


@dataclass(frozen=True)
class Version:
    """A model package as lists show it."""

    arn: str
    group: str
    version: int
    status: str
    created: Any
    description: str

    @property
    def label(self) -> str:
        """``credit-default v3``; of a package without a group its name."""
        return version_label(self.arn, self.group, self.version)

    @property
    def role(self) -> str:
        """baseline or mitigated, as this product describes it; "" in versions of others."""
        return self._parsed_description[0]

    @property
    def training_job(self) -> str:
        """The training job that this product's description names; "" in versions of others."""
        return self._parsed_description[1]

    @property
    def _parsed_description(self) -> tuple[str, str]:
        found = re.fullmatch(r"([a-z][a-z -]{0,39}): ([A-Za-z0-9-]{1,63})", self.description)
        return (found[1], found[2]) if found else ("", "")


@dataclass(frozen=True)
class Package:
    """One model package with what it rests on. Parts that it doesn't have are None or empty; ``missing`` says why, by part."""

    arn: str
    group: str
    version: int
    status: str
    created: Any
    modified: Any
    comment: str
    properties: dict[str, str]
    training_job: str | None
    hyperparameters: dict[str, str]
    performance: dict[str, Any] | None
    bias: bias_jobs.BiasReport | None
    shap: dict[str, float]
    scores_uri: str | None
    raw: dict[str, Any]
    missing: dict[str, str] = field(default_factory=dict)
    training: jobs.Job | None = None

    @property
    def label(self) -> str:
        role = self.properties.get("governance:role", "")
        return version_label(self.arn, self.group, self.version) + (f" · {role}" if role else "")

    @property
    def model_uri(self) -> str:
        """The model's archive; "" where the version names none in S3."""
        return model_uri(self.raw)


@dataclass(frozen=True)
class Comparison:
    """Two packages. ``paired_differences``: b − a by metric, paired; None where the test rows are not the same (``unpaired_reason`` says
    so)."""

    a: Package
    b: Package
    differences: dict[str, PerformanceDifference] | None
    unpaired_reason: str


def ensure_group(target: Target, group: str) -> None:
    with translate_aws_errors(group):
        found = target.sagemaker.list_model_package_groups(NameContains=group, MaxResults=100)["ModelPackageGroupSummaryList"]
    if not any(item["ModelPackageGroupName"] == group for item in found):
        request = {
            "ModelPackageGroupName": group,
            "ModelPackageGroupDescription": "Models of the governance dashboard",
            "Tags": request_defaults.tags(target.settings),
        }
        idempotency.create_once(target, "ModelPackageGroup", request, shared=True)


def register_version(
    target: Target,
    identity: Identity,
    *,
    training_job: str,
    data: RebalancedData,
    bias_job: str,
    shap_job: str,
    role: str,
    group: str | None = None,
    token: str | None = None,
) -> str:
    """Register a training job's model with its quality, bias and explainability reports, their hashes pinned; returns the ARN.

    ``token``: two registrations with the same one make one version (1 to 36 letters, digits and hyphens)."""
    require_permission(identity, "register", resource=training_job, target_kind=target.settings.target)
    signing.check_signing_key(target)  # before anything is made: registering is an event, and has to be signed
    group = group or target.settings.group
    ensure_group(target, group)
    job = training_jobs.describe_job(target, training_job)
    bias_folder = jobs.output_uri(jobs.describe_job(target, "processing", bias_job))
    shap_folder = jobs.output_uri(jobs.describe_job(target, "processing", shap_job))
    report = bias_jobs.read_job_report(target, bias_job)
    performance = report.governance.get("performance")
    if performance is None:
        remedy = "Start the bias job with a model; on AWS's Clarify the job beside it measures them, and must have completed."
        raise NotFound(f"The report of {bias_job} has no quality figures.", resource=bias_job, hint=remedy)
    quality = _quality_statistics(performance)
    quality_uri = target.files.write(f"{bias_folder}/statistics.json", json.dumps(quality).encode(), "application/json")
    artifact = job.raw["ModelArtifacts"]["S3ModelArtifacts"]
    evidence = {
        "quality": quality_uri,
        "bias": f"{bias_folder}/analysis.json",
        "explainability": f"{shap_folder}/analysis.json",
        "model": artifact,
        "manifest": data.uri("manifest.json"),
        **({"measured": f"{report.companion_uri}/analysis.json"} if report.companion_uri else {}),
    }
    digests = {name: hashlib.sha256(target.files.read(uri)).hexdigest() for name, uri in evidence.items()}

    def source(name: str) -> Any:
        return {"ContentType": "application/json", "S3Uri": evidence[name], "ContentDigest": f"sha256:{digests[name]}"}

    here = (identity.tag, aws_names.clean_tag_value(identity.name))
    trainer, trainer_name = training_jobs.read_launcher(target, job.raw["TrainingJobArn"]) or here
    properties = {
        "governance:role": role,
        "governance:training-job": training_job,
        "governance:rebalanced": data.job,
        "governance:bias-job": bias_job,
        "governance:shap-job": shap_job,
        "governance:trained-by": trainer,
        "governance:trained-by-name": trainer_name,
        "governance:registered-by": identity.tag,
        "governance:registered-by-name": aws_names.clean_tag_value(identity.name),
        "governance:test-sha256": data.manifest["files"]["test_res.csv"]["sha256"],
        **{f"governance:sha256-{name}": digest for name, digest in digests.items()},
    }
    request = {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": f"{role}: {training_job}"[:1024],
        "InferenceSpecification": {
            "Containers": [{"Image": job.raw["AlgorithmSpecification"]["TrainingImage"], "ModelDataUrl": artifact}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "ModelMetrics": {
            "ModelQuality": {"Statistics": source("quality")},
            "Bias": {"Report": source("bias")},
            "Explainability": {"Report": source("explainability")},
        },
        "CustomerMetadataProperties": properties,
    }
    package = idempotency.create_once(target, "ModelPackage", request | ({"ClientToken": token} if token else {}))
    audit_log.append_event(target, identity, REGISTER_EVENT, package, {"properties": properties})
    lineage_record.record_data_files(target, data)
    lineage_record.record_reports(target, package, artifact, {bias_job: bias_folder, shap_job: shap_folder})
    return package


def _quality_statistics(performance: dict[str, Any]) -> dict[str, Any]:
    """The figures in the shape of SageMaker's model-quality reports."""
    found = {
        name: {"value": value["value"], "low": value["low"], "high": value["high"], "n": value["n"]}
        for name, value in performance.items()
        if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys()
    }
    return {"binary_classification_metrics": {**found, "confusion_matrix": performance.get("confusion")}, "version": 0.0}


def list_versions(target: Target, group: str | None = None, *, max_results: int = 100) -> list[Version]:
    """The newest versions of a group (or of the workspace's own), or with NO_GROUP the packages without one. None when the group isn't
    there yet."""
    group = group or target.settings.group
    if group != NO_GROUP and group not in list_groups(target):
        return []
    return _list_group(target, group, max_results)


def _list_group(target: Target, group: str, max_results: int) -> list[Version]:
    found = list(islice(iterate_versions(target, group), max_results))
    if group == NO_GROUP:
        return found
    late = idempotency.created_but_unlisted(target, "ModelPackage", {each.arn for each in found}, f":model-package/{group}/")
    return [each for arn in late if (each := find_version(target, arn)) is not None] + found


def list_siblings(target: Target, package: Package) -> list[Version]:
    """The other versions of a package's group, newest first; of a package without a group, the others without one."""
    group = package.group or NO_GROUP
    return [each for each in _list_group(target, group, 100) if each.arn != package.arn]


def iterate_versions(target: Target, group: str) -> Iterator[Version]:
    """Every version of a group, newest first; with NO_GROUP every package without one."""
    which: Any = {"ModelPackageType": "Unversioned"} if group == NO_GROUP else {"ModelPackageGroupName": group}
    with translate_aws_errors(group):
        pages = target.sagemaker.get_paginator("list_model_packages").paginate(
            SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": 100}, **which
        )
        for page in pages:
            yield from map(_parse_version, page["ModelPackageSummaryList"])


def _parse_version(raw: Any) -> Version:
    return Version(
        raw["ModelPackageArn"],
        raw.get("ModelPackageGroupName", ""),
        raw.get("ModelPackageVersion", 0),
        raw.get("ModelApprovalStatus", ""),
        raw["CreationTime"],
        raw.get("ModelPackageDescription", ""),
    )


def version_label(arn: str, group: str, version: int) -> str:
    """What a version is called: ``credit-default v3``, or the name of a package without a group."""
    return f"{group} v{version}" if group else arn.rpartition("model-package/")[2] or arn


def model_uri(raw: dict[str, Any]) -> str:
    """The archive of a package's (first) model: in S3 as one file, or a folder; "" where it has none, as one of an algorithm's."""
    specified = raw.get("InferenceSpecification") or raw.get("SourceAlgorithmSpecification") or {}
    for container in specified.get("Containers") or specified.get("SourceAlgorithms") or []:
        source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
        if uri := container.get("ModelDataUrl") or source.get("S3Uri"):
            return str(uri)
    return ""


def read_properties(target: Target, arn: str) -> dict[str, str]:
    """What the product has written on a version."""
    return dict(describe_package(target, arn).get("CustomerMetadataProperties", {}))


def describe_package(target: Target, arn: str) -> dict[str, Any]:
    """A version as DescribeModelPackage returns it. Raises NotFound."""

    def read() -> Any:
        with translate_aws_errors(arn):
            return target.sagemaker.describe_model_package(ModelPackageName=arn)

    return idempotency.read_after_create(target, "ModelPackage", arn, read)


def list_groups(target: Target) -> list[str]:
    """The names of the model package groups."""
    with translate_aws_errors("model package groups"):
        pages = target.sagemaker.get_paginator("list_model_package_groups").paginate()
        found = [item["ModelPackageGroupName"] for page in pages for item in page["ModelPackageGroupSummaryList"]]
    return idempotency.created_but_unlisted(target, "ModelPackageGroup", found) + found


def read_package(target: Target, arn: str, *, with_training: bool = True) -> Package:
    """A package with its reports and its training job. A report that it doesn't have, or that can't be read, is named in ``missing``.
    ``with_training``: False leaves the training job out, and the hyperparameters with it. Raises NotFound."""
    raw = describe_package(target, arn)
    properties = raw.get("CustomerMetadataProperties", {})
    found = package_reports.read_reports(target, raw)
    report, missing = found.bias, dict(found.missing)
    described = _find_training_job(target, properties, model_uri(raw)) if with_training else None
    if described is None and with_training:
        missing["training job"] = "No training job here is known to have made this model."
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
        found.shap,
        report.scores_uri if report and report.governance else None,
        raw,
        missing,
        described,
    )


def _find_training_job(target: Target, properties: dict[str, str], model: str) -> jobs.Job | None:
    """The training job that a version names, or else the one whose artifact its model is: SageMaker puts it under the job's name."""
    named = properties.get("governance:training-job")
    name = named or model.removesuffix("/output/model.tar.gz").rpartition("/")[2]
    found: jobs.Job | None = (
        _read_or_none(lambda: training_jobs.describe_job(target, name)) if re.fullmatch(r"[A-Za-z0-9-]{1,63}", name) else None
    )
    if found is None or (not named and (found.raw.get("ModelArtifacts") or {}).get("S3ModelArtifacts") != model):
        return None
    return found


def _read_or_none(read: Any) -> Any:
    try:
        return read()
    except (KeyError, TypeError, ValueError, NotFound):  # not there, or not what it should be
        return None


def read_scores(target: Target, package: Package) -> pd.DataFrame:
    """The test rows' labels and scores: columns row, label, score."""
    if package.scores_uri is None:
        raise NotFound(f"{package.label} has no scores.", resource=package.arn, hint="Register it with a bias report.")
    return pd.read_csv(io.BytesIO(target.files.read(package.scores_uri)))


def compare_packages(target: Target, arn_a: str, arn_b: str) -> Comparison:
    """Two packages side by side; paired differences where both were judged on the same test rows."""
    return compare_with(target, read_package(target, arn_a), read_package(target, arn_b))


def compare_with(target: Target, other: Package, package: Package) -> Comparison:
    """Two packages that were read already: the differences are the package's minus the other's."""
    return Comparison(other, package, *paired_differences(target, other, package))


def paired_differences(target: Target, a: Package, b: Package) -> tuple[dict[str, PerformanceDifference] | None, str]:
    """b − a by metric, paired; or None, and why."""
    key = "governance:test-sha256"
    if a.properties.get(key) is None or a.properties.get(key) != b.properties.get(key):
        return None, "The two were not judged on the same test rows, so their differences can't be paired."
    try:
        left, right = read_scores(target, a), read_scores(target, b)
    except NotFound as error:
        return None, str(error)
    threshold = float((a.performance or {}).get("threshold", 0.5))
    return dict(compare_performance(left["label"], left["score"], right["score"], threshold=threshold)), ""


def group_from_arn(arn: str) -> str | None:
    """The group that a version's ARN names, NO_GROUP for a package without one; None where it is no package."""
    found = re.fullmatch(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:model-package/([^/]+)(/\d+)?", arn)
    return None if found is None else found.group(1) if found.group(2) else NO_GROUP


def find_version(target: Target, arn: str) -> Version | None:
    """A version by its ARN, where it is there."""

    def read() -> Version:
        return _parse_version(describe_package(target, arn))

    found: Version | None = _read_or_none(read)
    return found


REPORTS = {"quality": ("ModelQuality", "Statistics"), "bias": ("Bias", "Report"), "explainability": ("Explainability", "Report")}
"""The reports that this product registers, and where ModelMetrics names them."""


def registered_files(package: Package, data: RebalancedData | None) -> dict[str, PinnedFile]:
    """The files whose hashes were registered with a version: its reports, its model, and the manifest of its data."""
    metrics = package.raw.get("ModelMetrics", {})
    uris = {name: metrics.get(group, {}).get(part, {}).get("S3Uri") for name, (group, part) in REPORTS.items()}
    uris |= {"model": package.model_uri or None, "manifest": data.uri("manifest.json") if data else None}
    return {name: PinnedFile(uri, package.properties.get(f"governance:sha256-{name}")) for name, uri in uris.items()}


def list_broken_evidence(target: Target, package: Package) -> list[str]:
    """Which of a version's reports are missing, or differ from what was registered."""
    reports = {name: file for name, file in registered_files(package, None).items() if name in REPORTS}
    return [change.name for change in find_changed_files(target, reports)]


def find_rebalancing(target: Target, package: Package) -> RebalancedData | None:
    """The rebalancing job behind a package, where it names one."""
    return read_rebalancing(target, package.properties.get("governance:rebalanced"))


def read_rebalancing(target: Target, job: str | None) -> RebalancedData | None:
    """What a rebalancing job made, where there is such a job."""
    found: RebalancedData | None = _read_or_none(lambda: rebalanced_result(target, job)) if job else None
    return found


def to_plain_data(value: Any) -> Any:
    """Dataclasses as dicts, for JSON."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
