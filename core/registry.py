"""The registry: model packages with their evidence, and two of them compared."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, is_dataclass
from itertools import islice
from typing import Any

import pandas as pd

from core import bias, creating, jobs, lineage, training
from core.analysis.performance import compare as paired
from core.analysis.performance_difference import Difference
from core.clients import Clients
from core.errors import NotFound, translated
from core.governance import log, signing
from core.identity import Identity, require
from core.rebalancing import Rebalanced
from core.rebalancing import result as rebalanced_result

PENDING = "PendingManualApproval"
DECISION, EVIDENCE, DECIDED_BY = "governance:decision", "governance:evidence", "governance:decided-by"
REGISTERED = "register"
"""The event of the log that says what was registered, by whom, and who trained it."""
DECIDED = frozenset({DECISION, EVIDENCE, DECIDED_BY})
"""Properties that a decision writes; all others are there from the registration on."""


@dataclass(frozen=True)
class Version:
    """A model package as lists show it."""

    arn: str
    group: str
    version: int
    status: str
    created: Any
    description: str


@dataclass(frozen=True)
class Package:
    """One model package with what it rests on. Parts that it doesn't have are None or empty."""

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
    bias: bias.BiasReport | None
    shap: dict[str, float]
    scores_uri: str | None
    raw: dict[str, Any]

    @property
    def label(self) -> str:
        role = self.properties.get("governance:role", "")
        return f"{self.group} v{self.version}" + (f" · {role}" if role else "")


@dataclass(frozen=True)
class Comparison:
    """Two packages. ``differences``: b − a by metric, paired; None where the test rows are not the same (``why`` says so)."""

    a: Package
    b: Package
    differences: dict[str, Difference] | None
    why: str


def ensure_group(clients: Clients, group: str) -> None:
    with translated(group):
        found = clients.sagemaker.list_model_package_groups(NameContains=group, MaxResults=100)["ModelPackageGroupSummaryList"]
    if not any(item["ModelPackageGroupName"] == group for item in found):
        request = {"ModelPackageGroupName": group, "ModelPackageGroupDescription": "Models of the governance dashboard"}
        creating.once(clients, "ModelPackageGroup", request, shared=True)


def register(
    clients: Clients,
    identity: Identity,
    *,
    training_job: str,
    data: Rebalanced,
    bias_job: str,
    shap_job: str,
    role: str,
    group: str | None = None,
    token: str | None = None,
) -> str:
    """Register a training job's model with its quality, bias and explainability reports, their hashes pinned; returns the ARN.

    ``token``: two registrations with the same one make one version (1 to 36 letters, digits and hyphens)."""
    require(identity, "register", subject=training_job, target=clients.settings.target)
    signing.keys(clients)  # before anything is made: registering is an event, and has to be signed
    group = group or clients.settings.group
    ensure_group(clients, group)
    job = training.describe(clients, training_job)
    bias_folder = jobs.output_of(jobs.describe(clients, "processing", bias_job))
    shap_folder = jobs.output_of(jobs.describe(clients, "processing", shap_job))
    report = bias.report(clients, bias_job)
    performance = report.governance.get("performance")
    if performance is None:
        raise NotFound(f"The report of {bias_job} has no quality figures.", subject=bias_job, remedy="Start the bias job with a model.")
    quality = _statistics(performance)
    quality_uri = clients.write(f"{bias_folder}/statistics.json", json.dumps(quality).encode(), "application/json")
    artifact = job.raw["ModelArtifacts"]["S3ModelArtifacts"]
    evidence = {
        "quality": quality_uri,
        "bias": f"{bias_folder}/analysis.json",
        "explainability": f"{shap_folder}/analysis.json",
        "model": artifact,
        "manifest": data.uri("manifest.json"),
    }
    digests = {name: hashlib.sha256(clients.read(uri)).hexdigest() for name, uri in evidence.items()}

    def source(name: str) -> Any:
        return {"ContentType": "application/json", "S3Uri": evidence[name], "ContentDigest": f"sha256:{digests[name]}"}

    here = (identity.tag, jobs.tag_text(identity.name))
    trainer, trainer_name = training.launched_by(clients, job.raw["TrainingJobArn"]) or here
    properties = {
        "governance:role": role,
        "governance:training-job": training_job,
        "governance:rebalanced": data.job,
        "governance:bias-job": bias_job,
        "governance:shap-job": shap_job,
        "governance:trained-by": trainer,
        "governance:trained-by-name": trainer_name,
        "governance:registered-by": identity.tag,
        "governance:registered-by-name": jobs.tag_text(identity.name),
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
    package = creating.once(clients, "ModelPackage", request | ({"ClientToken": token} if token else {}))
    log.append(clients, identity, REGISTERED, package, {"properties": properties})
    lineage.record_data(clients, data)
    lineage.record_reports(clients, package, artifact, {bias_job: bias_folder, shap_job: shap_folder})
    return package


def _statistics(performance: dict[str, Any]) -> dict[str, Any]:
    """The figures in the shape of SageMaker's model-quality reports."""
    found = {
        name: {"value": value["value"], "low": value["low"], "high": value["high"], "n": value["n"]}
        for name, value in performance.items()
        if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys()
    }
    return {"binary_classification_metrics": {**found, "confusion_matrix": performance.get("confusion")}, "version": 0.0}


def versions(clients: Clients, group: str | None = None, *, most: int = 100) -> list[Version]:
    """The newest versions of a group (or of the workspace's own). None when the group isn't there yet."""
    group = group or clients.settings.group
    if group not in groups(clients):
        return []
    found = list(islice(all_versions(clients, group), most))
    late = creating.unlisted(clients, "ModelPackage", {each.arn for each in found}, f":model-package/{group}/")
    return [each for arn in late if (each := version(clients, arn)) is not None] + found


def all_versions(clients: Clients, group: str) -> Iterator[Version]:
    """Every version of a group, newest first."""
    with translated(group):
        pages = clients.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": 100}
        )
        for page in pages:
            for r in page["ModelPackageSummaryList"]:
                yield Version(
                    r["ModelPackageArn"],
                    r["ModelPackageGroupName"],
                    r["ModelPackageVersion"],
                    r["ModelApprovalStatus"],
                    r["CreationTime"],
                    r.get("ModelPackageDescription", ""),
                )


def properties(clients: Clients, arn: str) -> dict[str, str]:
    """What the product has written on a version."""
    return dict(_described(clients, arn).get("CustomerMetadataProperties", {}))


def _described(clients: Clients, arn: str) -> Any:
    def read() -> Any:
        with translated(arn):
            return clients.sagemaker.describe_model_package(ModelPackageName=arn)

    return creating.settled(clients, "ModelPackage", arn, read)


def groups(clients: Clients) -> list[str]:
    """The names of the model package groups."""
    with translated("model package groups"):
        pages = clients.sagemaker.get_paginator("list_model_package_groups").paginate()
        found = [item["ModelPackageGroupName"] for page in pages for item in page["ModelPackageGroupSummaryList"]]
    return creating.unlisted(clients, "ModelPackageGroup", found) + found


def get(clients: Clients, arn: str) -> Package:
    """A package with its reports. A report that it doesn't have, or that can't be read, is missing in the result. Raises NotFound."""
    raw = _described(clients, arn)
    properties = raw.get("CustomerMetadataProperties", {})
    metrics = raw.get("ModelMetrics", {})
    report = _optional(lambda: _bias_at(clients, metrics["Bias"]["Report"]["S3Uri"]))
    shap = _optional(lambda: clients.read_json(metrics["Explainability"]["Report"]["S3Uri"]))
    explained: Any = next(iter((shap or {}).get("explanations", {}).get("kernel_shap", {}).values()), {})
    job = properties.get("governance:training-job")
    described = _optional(lambda: training.describe(clients, job)) if job else None
    return Package(
        raw["ModelPackageArn"],
        raw.get("ModelPackageGroupName", ""),
        raw.get("ModelPackageVersion", 0),
        raw.get("ModelApprovalStatus", ""),
        raw["CreationTime"],
        raw.get("LastModifiedTime"),
        raw.get("ApprovalDescription", ""),
        properties,
        job,
        dict(described.raw["HyperParameters"]) if described else {},
        report.governance.get("performance") if report else None,
        report,
        dict(explained.get("global_shap_values", {})),
        f"{report.folder}/scores.csv" if report else None,
        raw,
    )


def _bias_at(clients: Clients, uri: str) -> bias.BiasReport:
    return bias.read(clients, uri.rpartition("/")[0])


def _optional(read: Any) -> Any:
    try:
        return read()
    except (KeyError, TypeError, ValueError, NotFound):  # not there, or not what it should be
        return None


def scores(clients: Clients, package: Package) -> pd.DataFrame:
    """The test rows' labels and scores: columns row, label, score."""
    if package.scores_uri is None:
        raise NotFound(f"{package.label} has no scores.", subject=package.arn, remedy="Register it with a bias report.")
    return pd.read_csv(io.BytesIO(clients.read(package.scores_uri)))


def compare(clients: Clients, arn_a: str, arn_b: str) -> Comparison:
    """Two packages side by side; paired differences where both were judged on the same test rows."""
    a, b = get(clients, arn_a), get(clients, arn_b)
    return Comparison(a, b, *differences(clients, a, b))


def differences(clients: Clients, a: Package, b: Package) -> tuple[dict[str, Difference] | None, str]:
    """b − a by metric, paired; or None, and why."""
    key = "governance:test-sha256"
    if a.properties.get(key) is None or a.properties.get(key) != b.properties.get(key):
        return None, "The two were not judged on the same test rows, so their differences can't be paired."
    try:
        left, right = scores(clients, a), scores(clients, b)
    except NotFound as error:
        return None, str(error)
    threshold = float((a.performance or {}).get("threshold", 0.5))
    return dict(paired(left["label"], left["score"], right["score"], threshold=threshold)), ""


def group_of(arn: str) -> str | None:
    """The group that a version's ARN names; None where it isn't one."""
    found = re.fullmatch(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:model-package/([^/]+)/\d+", arn)
    return found.group(1) if found else None


def version(clients: Clients, arn: str) -> Version | None:
    """A version by its ARN, where it is there."""

    def read() -> Version:
        r = _described(clients, arn)
        return Version(
            r["ModelPackageArn"],
            r["ModelPackageGroupName"],
            r["ModelPackageVersion"],
            r["ModelApprovalStatus"],
            r["CreationTime"],
            r.get("ModelPackageDescription", ""),
        )

    found: Version | None = _optional(read)
    return found


def missing_evidence(clients: Clients, package: Package) -> list[str]:
    """The parts of the evidence whose pinned hash is not that of the file any more, or that are gone."""
    uris = {
        "quality": package.raw.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri"),
        "bias": package.raw.get("ModelMetrics", {}).get("Bias", {}).get("Report", {}).get("S3Uri"),
        "explainability": package.raw.get("ModelMetrics", {}).get("Explainability", {}).get("Report", {}).get("S3Uri"),
    }
    bad = []
    for name, uri in uris.items():
        pinned = package.properties.get(f"governance:sha256-{name}")
        content = _optional(lambda uri=uri: clients.read(uri)) if uri else None
        if pinned is None or content is None or hashlib.sha256(content).hexdigest() != pinned:
            bad.append(name)
    return bad


def data_of(clients: Clients, package: Package) -> Rebalanced | None:
    """The rebalancing job behind a package, where it names one."""
    return data_named(clients, package.properties.get("governance:rebalanced"))


def data_named(clients: Clients, job: str | None) -> Rebalanced | None:
    """What a rebalancing job made, where there is such a job."""
    found: Rebalanced | None = _optional(lambda: rebalanced_result(clients, job)) if job else None
    return found


def plain(value: Any) -> Any:
    """Dataclasses as dicts, for JSON."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
