"""Registers a version with its reports, and finds out whether what was registered has changed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from core.analysis.performance.performance_json import PerformanceJson, estimates_in
from core.aws import aws_names, idempotency, request_defaults
from core.aws.file_snapshot import take_snapshot
from core.aws.target import Target
from core.errors import Conflict, DataError, NotFound, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs, training_jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger import signing
from core.ledger.pinned_files import PinnedFile, find_changed_files, pin_files
from core.lineage import lineage_record
from core.provenance import evidence_agreement, job_files
from core.provenance.job_records import Claim
from core.registry import announcements
from core.registry.registry_types import (
    DATASET_PROPERTY,
    DEFAULT_THRESHOLD,
    DEFAULT_THRESHOLD_RATIONALE,
    GROUP_DESCRIPTION,
    SCORES_DIGEST_PROPERTY,
    TEST_ROWS_PROPERTY,
    THRESHOLD_PROPERTY,
    THRESHOLD_RATIONALE_PROPERTY,
    Package,
    describe_version,
    group_name_of,
)
from core.reports import bias_jobs, shap_jobs
from core.reports.imported_reports import report_uris
from core.settings import GROUP_PATTERN, Settings

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import MetricsSourceTypeDef

REPORTS = ("quality", "bias", "explainability")
"""The reports that this product registers."""


def propose_group(settings: Settings, dataset: str) -> str:
    """The model package group for the versions of a data set: the setting's if it is set, or else the data set's name as AWS allows it.

    >>> propose_group(Settings(), "Loans 2024 (final)")
    'Loans-2024-final'
    """
    return settings.group if settings.has_own_group else group_name_of(dataset) or settings.group


def check_group_name(group: str) -> str:
    """The name, if it can be one of a model package group. Raises DataError."""
    if not re.fullmatch(GROUP_PATTERN, group):
        raise DataError(
            f"{group!r} can't be the name of a model package group.",
            resource=group,
            hint="Use 1 to 63 letters, digits and hyphens; begin with a letter or digit, and end with one.",
        )
    return group


def ensure_group(target: Target, group: str) -> None:
    """Create the model package group unless it exists."""
    with translate_aws_errors(group):
        groups = target.sagemaker.list_model_package_groups(NameContains=group, MaxResults=100)["ModelPackageGroupSummaryList"]
    if not any(item["ModelPackageGroupName"] == group for item in groups):
        request = {
            "ModelPackageGroupName": group,
            "ModelPackageGroupDescription": GROUP_DESCRIPTION,
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
    threshold: float = DEFAULT_THRESHOLD,
    threshold_rationale: str = DEFAULT_THRESHOLD_RATIONALE,
) -> str:
    """Register a training job's model with its quality, bias and explainability reports, their hashes pinned; returns the ARN. An earlier
    try by the same person that was cut off before the log had it is taken up.
    Raises DataError if the explanation is missing or wrong, with the reason, and for a group name that AWS doesn't allow; Conflict if the
    evidence doesn't agree with the records of its jobs, naming what, and for a file that was written after its job had ended.

    ``group``: the model package group, by default ``propose_group``'s.
    ``token``: two registrations with the same one make one version (1 to 36 letters, digits and hyphens).
    ``threshold``: the score in [0, 1] above which the model predicts label 1, at which the bias job must have measured;
    ``threshold_rationale``: why this one."""
    require_permission(identity, "register", resource=training_job, target_kind=target.settings.target)
    signing.check_signing_key(target)  # before anything is created: the registration is logged, and has to be signed
    group = check_group_name(group) if group else propose_group(target.settings, data.dataset.name)
    _check_threshold(threshold, threshold_rationale)
    ensure_group(target, group)
    job = training_jobs.describe_job(target, training_job)
    bias_folder = jobs.output_uri(jobs.describe_job(target, "processing", bias_job))
    shap_folder = shap_jobs.read_job_result(target, shap_job).folder  # a version can't claim an explanation that is missing or wrong
    report = bias_jobs.read_job_report(target, bias_job)
    performance = report.governance.get("performance")
    if performance is None:
        remedy = "Start the bias job with a model. On AWS's Clarify its companion job measures them, and must have completed."
        raise NotFound(f"The report of {bias_job} has no quality figures.", resource=bias_job, hint=remedy)
    quality = _quality_statistics(performance)
    quality_uri = target.files.write_unless_same(f"{bias_folder}/statistics.json", json.dumps(quality).encode(), "application/json")
    artifact = job.raw["ModelArtifacts"]["S3ModelArtifacts"]
    evidence = {
        "quality": quality_uri,
        "bias": f"{bias_folder}/analysis.json",
        "explainability": f"{shap_folder}/analysis.json",
        "model": artifact,
        "manifest": data.uri("manifest.json"),
        "scores": report.scores_uri,
        **({"measured": f"{report.companion_uri}/analysis.json"} if report.companion_uri else {}),
    }
    reports = {name: evidence[name] for name in REPORTS}
    claim = Claim(training_job, artifact, data, bias_job, shap_job, reports, threshold)
    snapshot = take_snapshot(target)
    evidence_agreement.require_agreement(snapshot, claim, f"{training_job} can't be registered")
    pinned = pin_files(snapshot, evidence)

    def source(name: str) -> MetricsSourceTypeDef:
        return {"ContentType": "application/json", "S3Uri": evidence[name], "ContentDigest": f"sha256:{pinned[name].sha256}"}

    registrant = (identity.tag, aws_names.clean_tag_value(identity.name))
    trainer, trainer_name = training_jobs.read_launcher(target, job.raw["TrainingJobArn"]) or registrant
    properties = {
        "governance:role": role,
        "governance:training-job": training_job,
        "governance:rebalanced": data.job,
        DATASET_PROPERTY: aws_names.clean_tag_value(data.dataset.name),
        "governance:bias-job": bias_job,
        "governance:shap-job": shap_job,
        "governance:trained-by": trainer,
        "governance:trained-by-name": trainer_name,
        "governance:registered-by": identity.tag,
        "governance:registered-by-name": aws_names.clean_tag_value(identity.name),
        TEST_ROWS_PROPERTY: data.manifest["files"]["test_res.csv"]["sha256"],
        THRESHOLD_PROPERTY: repr(float(threshold)),
        THRESHOLD_RATIONALE_PROPERTY: aws_names.clean_tag_value(threshold_rationale),
        **{f"governance:sha256-{name}": found.sha256 for name, found in pinned.items()},
        **{f"governance:version-{name}": found.state.version for name, found in pinned.items() if found.state.version},
    }
    made = evidence | {f"data/{name}": data.uri(name) for name in data.manifest["files"]} | {"scores": report.scores_uri}
    made |= {f"explanation/{name}": f"{shap_folder}/explanations_shap/{name}" for name in ("out.csv", "baseline.csv")}
    late = job_files.find_late_files(snapshot, properties, {name: PinnedFile(uri, None) for name, uri in made.items()})
    if late:
        what = "; ".join(map(str, late))
        raise Conflict(
            f"{training_job} can't be registered: files aren't those that its jobs made: {what}.",
            resource=training_job,
            hint=job_files.LATE_FILE_HINT,
        )
    request = {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": describe_version(role, training_job, properties[DATASET_PROPERTY]),
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
    package = announcements.take_up_earlier(target, identity, request)
    if package is None:
        announced = announcements.announce(target, identity, request)
        package = idempotency.create_once(target, "ModelPackage", request | ({"ClientToken": token} if token else {}))
        announcements.log_registration(target, announced, package)
    lineage_record.record_data_files(target, data)
    lineage_record.record_reports(target, package, artifact, {bias_job: bias_folder, shap_job: shap_folder})
    return package


def _check_threshold(threshold: float, rationale: str) -> None:
    """Raises DataError for a threshold that isn't a score, or that nobody gives a reason for."""
    if not 0 <= threshold <= 1:
        raise DataError(f"The threshold {threshold:g} isn't a score from 0 to 1.", resource="threshold", hint="Choose one within.")
    if not rationale.strip():
        raise DataError("The threshold has no reason.", resource="threshold", hint="Say why it is this one.")


def _quality_statistics(performance: PerformanceJson) -> dict[str, object]:
    """The figures in the shape of SageMaker's model-quality reports."""
    estimates = {
        name: {"value": value["value"], "low": value["low"], "high": value["high"], "n": value["n"]}
        for name, value in estimates_in(performance).items()
    }
    return {"binary_classification_metrics": {**estimates, "confusion_matrix": performance.get("confusion")}, "version": 0.0}


def registered_files(package: Package, data: RebalancedData | None) -> dict[str, PinnedFile]:
    """The files whose hashes and versions were registered with a version: its reports, its model, and the manifest of its data."""
    reports = report_uris(package.raw)
    uris = {name: reports.get(name) for name in REPORTS}
    uris |= {"model": package.model_uri or None, "manifest": data.uri("manifest.json") if data else None}
    if SCORES_DIGEST_PROPERTY in package.properties:  # earlier releases didn't pin them at registration
        uris["scores"] = package.scores_uri
    properties = package.properties
    return {
        name: PinnedFile(uri, properties.get(f"governance:sha256-{name}"), properties.get(f"governance:version-{name}"))
        for name, uri in uris.items()
    }


def list_broken_evidence(target: Target, package: Package) -> list[str]:
    """Which of a version's reports are missing, or differ from what was registered."""
    reports = {name: file for name, file in registered_files(package, None).items() if name in REPORTS}
    return [change.name for change in find_changed_files(target, reports)]
