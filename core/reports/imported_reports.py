"""Reports that this product didn't make: opened in S3, or kept in the workspace under their hash, with who kept them and when."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NotRequired, TypedDict

from core.aws.target import Target
from core.errors import DataError, Forbidden, NotFound, Refused, translate_aws_errors
from core.identity import Identity, require_permission
from core.jobs import jobs
from core.reports import analysis_json, bias_report, shap_jobs

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import BiasTypeDef, DescribeModelPackageOutputTypeDef, ModelMetricsTypeDef

FOLDER = "governance/imported"
MAX_LISTED = 100
"""The most kept reports that are listed."""


@dataclass(frozen=True)
class ImportedReport:
    """A report that was kept in the workspace. ``source``: the file's name, or the URI that it was copied from; ``kept_by``: the person's
    name; ``kept_at``: ISO 8601, UTC; ``has_bias`` and ``has_shap``: its contents."""

    uri: str
    sha256: str
    size_bytes: int
    source: str
    kept_by: str
    kept_at: str
    has_bias: bool
    has_shap: bool


# What about.json beside a kept report says of it.
class _ImportRecord(TypedDict):
    sha256: str
    bytes: int
    source: str
    by: str
    by_id: str
    when: str
    bias: NotRequired[bool]
    shap: NotRequired[bool]


@dataclass(frozen=True)
class OpenedReport:
    """A report that was opened. ``import_record``: None if it isn't kept in the workspace, so that it may change."""

    uri: str
    content: bytes
    raw: Mapping[str, object]
    import_record: ImportedReport | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def keep_report(target: Target, identity: Identity, content: bytes, source: str) -> str:
    """Keep a report in the workspace; returns its URI. The same bytes have the same URI and remain the first person's. Raises DataError
    if the content isn't a report."""
    require_permission(identity, "upload", resource=source, target_kind=target.settings.target)
    holds = _report_contents(analysis_json.load(content, source), source)
    digest = hashlib.sha256(content).hexdigest()
    folder = target.uri(FOLDER, digest)
    about = {
        "sha256": digest,
        "bytes": len(content),
        "source": source,
        "by": identity.name,
        "by_id": identity.id,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        **holds,
    }
    target.files.write_conditionally(f"{folder}/analysis.json", content, "application/json")
    target.files.write_conditionally(f"{folder}/about.json", json.dumps(about, indent=1).encode(), "application/json")
    return f"{folder}/analysis.json"


def _report_contents(raw: Mapping[str, object], source: str) -> dict[str, bool]:
    """Whether a report has bias metrics and global SHAP values. Raises DataError if it has neither, or can't be read."""
    bias = bool(bias_report.parse_report(raw, source).facets)
    if bias and not raw.get("explanations"):
        return {"bias": True, "shap": False}
    try:
        shap_jobs.summarize_report(raw, source)
    except DataError:
        if not bias:
            raise
        return {"bias": True, "shap": False}
    return {"bias": bias, "shap": True}


def resolve_uri(target: Target, text: str) -> str:
    """The URI of the analysis.json that ``text`` names: a URI, a folder, or a processing job. Raises DataError, and NotFound."""
    wanted = text.strip()
    if wanted.startswith("s3://"):
        bucket, _, key = wanted.removeprefix("s3://").partition("/")
        if not bucket or any(ord(c) < 32 for c in wanted):
            raise DataError(f"{wanted} doesn't name a bucket.", resource=wanted, hint="Write s3://bucket/folder/analysis.json.")
        return wanted if key.endswith(".json") or _exists(target, wanted) else _analysis_json_in(wanted)
    if not re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", wanted):
        raise DataError(
            f"{wanted or 'An empty text'} is not an S3 location.",
            resource=wanted,
            hint="Write s3://bucket/folder/analysis.json, or the name of a Clarify processing job.",
        )
    job = jobs.describe_job(target, "processing", wanted)
    if job.status != "Completed":
        raise NotFound(f"The job {wanted} is {job.status}, and has no report.", resource=wanted, hint="Wait for it, or name another.")
    outputs = job.raw.get("ProcessingOutputConfig", {}).get("Outputs", [])
    folders = [one["S3Output"]["S3Uri"].rstrip("/") for one in outputs if one.get("S3Output", {}).get("S3Uri")]
    found = next((uri for uri in (f"{folder}/analysis.json" for folder in folders) if target.files.exists(uri)), None)
    if found is None:
        raise NotFound(f"The job {wanted} has written no analysis.json.", resource=wanted, hint="Name a Clarify processing job.")
    return found


def _exists(target: Target, uri: str) -> bool:
    try:
        return not uri.endswith("/") and target.files.exists(uri)
    except Forbidden:  # without s3:ListBucket a file that doesn't exist looks forbidden too: it is taken for a folder
        return False
    except Refused:  # the bucket is in another region, or can't have this name: opening the report in it raises this again
        return False


def _analysis_json_in(uri: str) -> str:
    return f"{uri.rstrip('/')}/analysis.json"


def open_report(target: Target, uri: str) -> OpenedReport:
    """The report at a URI. Raises NotFound, Forbidden; DataError if the file isn't a report, or is too large for one."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    place = _analysis_json_in(uri) if not key or key.endswith("/") else uri
    key = place.removeprefix("s3://").partition("/")[2]
    if not uri.startswith("s3://") or not bucket:
        raise DataError(f"{uri} is not an S3 location.", resource=uri, hint="Write s3://bucket/folder/analysis.json.")
    try:
        with translate_aws_errors(place):
            found = target.s3.get_object(Bucket=bucket, Key=key)
            content = found["Body"].read(analysis_json.MAX_REPORT_BYTES + 1)
    except NotFound as error:
        remedy = "Check the bucket and the folder, and whether the job that writes it has completed."
        raise NotFound(f"{place} doesn't exist.", resource=place, hint=remedy) from error
    except Refused as error:
        raise DataError(f"{place} is not an S3 location.", resource=place, hint="Write s3://bucket/folder/analysis.json.") from error
    return OpenedReport(place, content, analysis_json.load(content, place), describe_import(target, place))


def describe_import(target: Target, uri: str) -> ImportedReport | None:
    """The record of the kept report at a URI; None if it isn't kept in the workspace."""
    if not uri.startswith(target.uri(FOLDER, "")) or not target.files.exists(known := f"{uri.rpartition('/')[0]}/about.json"):
        return None
    raw = target.files.read_json(known, _ImportRecord)
    return ImportedReport(
        uri, raw["sha256"], raw["bytes"], raw["source"], raw["by"], raw["when"], raw.get("bias", False), raw.get("shap", False)
    )


def list_reports(target: Target) -> list[ImportedReport]:
    """The kept reports, the newest first."""
    uris = [uri for uri in target.files.list_uris(target.uri(FOLDER, "")) if uri.endswith("/analysis.json")]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda uri: describe_import(target, uri), uris)
    return sorted((one for one in found if one is not None), key=lambda one: one.kept_at, reverse=True)[:MAX_LISTED]


def is_report_of_version(target: Target, uri: str, arn: str) -> bool:
    """Whether the report at ``uri`` is one of the version's reports. Raises NotFound."""
    with translate_aws_errors(arn):
        described = target.sagemaker.describe_model_package(ModelPackageName=arn)
    return uri in report_uris(described).values()


def report_uris(raw: DescribeModelPackageOutputTypeDef) -> dict[str, str]:
    """Part -> URI of the reports in a package's ModelMetrics. ``raw``: the response of DescribeModelPackage."""
    metrics: ModelMetricsTypeDef = raw.get("ModelMetrics") or {}
    bias: BiasTypeDef = metrics.get("Bias") or {}
    sources = {
        "quality": (metrics.get("ModelQuality") or {}).get("Statistics"),
        "bias": bias.get("Report"),
        "bias before training": bias.get("PreTrainingReport"),
        "bias after training": bias.get("PostTrainingReport"),
        "explainability": (metrics.get("Explainability") or {}).get("Report"),
        "data quality": (metrics.get("ModelDataQuality") or {}).get("Statistics"),
    }
    return {part: source["S3Uri"] for part, source in sources.items() if source and source.get("S3Uri")}
