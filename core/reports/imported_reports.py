"""Reports that this product did not make: opened where they lie in S3, or kept in the workspace under their hash, with who and when."""

from __future__ import annotations

import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core import analysis_json, bias_report, explainability, jobs
from core.clients import Clients
from core.errors import DataError, GovernanceError, NotFound, Refused, translated
from core.identity import Identity, require

FOLDER = "governance/imported"
LISTED = 100
"""Kept reports that are listed at a time, the newest first."""


@dataclass(frozen=True)
class Imported:
    """A kept report. ``source``: the file's name, or the URI that it was copied from; ``bias`` and ``shap``: what it holds; ``when``: ISO
    8601, UTC."""

    uri: str
    sha256: str
    bytes: int
    source: str
    by: str
    when: str
    bias: bool
    shap: bool


@dataclass(frozen=True)
class Opened:
    """A report that was opened. ``kept``: None for one that lies outside of the workspace and may change there."""

    uri: str
    content: bytes
    raw: dict[str, Any]
    kept: Imported | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def keep(clients: Clients, identity: Identity, content: bytes, source: str) -> str:
    """Keep a report in the workspace; returns its URI, the same for the same bytes: who brought them first stays. Raises DataError for
    what is no report."""
    require(identity, "upload", subject=source, target=clients.settings.target)
    holds = _holds(analysis_json.load(content, source), source)
    digest = hashlib.sha256(content).hexdigest()
    folder = clients.uri(FOLDER, digest)
    about = {
        "sha256": digest,
        "bytes": len(content),
        "source": source,
        "by": identity.name,
        "by_id": identity.id,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        **holds,
    }
    clients.create(f"{folder}/analysis.json", content, "application/json")
    clients.create(f"{folder}/about.json", json.dumps(about, indent=1).encode(), "application/json")
    return f"{folder}/analysis.json"


def _holds(raw: dict[str, Any], source: str) -> dict[str, bool]:
    """Whether it has bias metrics and global SHAP values. Raises DataError where it has neither, or one of them can't be read."""
    bias = bool(bias_report.parse(raw, source).facets)
    if bias and not raw.get("explanations"):
        return {"bias": True, "shap": False}
    try:
        explainability.summary(raw, source)
    except DataError:
        if not bias:
            raise
        return {"bias": True, "shap": False}
    return {"bias": bias, "shap": True}


def located(clients: Clients, text: str) -> str:
    """The URI of the analysis.json that ``text`` names: a URI, a folder, or a processing job. Raises DataError, and NotFound."""
    wanted = text.strip()
    if wanted.startswith("s3://"):
        bucket, _, key = wanted.removeprefix("s3://").partition("/")
        if not bucket or any(ord(c) < 32 for c in wanted):
            raise DataError(f"{wanted} names no bucket.", subject=wanted, remedy="Write s3://bucket/folder/analysis.json.")
        return wanted if key.endswith(".json") or _there(clients, wanted) else _in_folder(wanted)
    if not re.fullmatch("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", wanted):
        raise DataError(
            f"{wanted or 'Nothing'} is no place in S3.",
            subject=wanted,
            remedy="Write s3://bucket/folder/analysis.json, or the name of a Clarify processing job.",
        )
    job = jobs.describe(clients, "processing", wanted)
    if job.status != "Completed":
        raise NotFound(f"The job {wanted} is {job.status}: it has no report.", subject=wanted, remedy="Wait for it, or name another.")
    outputs = (job.raw.get("ProcessingOutputConfig") or {}).get("Outputs", [])
    folders = [str(one["S3Output"]["S3Uri"]).rstrip("/") for one in outputs if "S3Output" in one]
    found = next((uri for uri in (f"{folder}/analysis.json" for folder in folders) if clients.exists(uri)), None)
    if found is None:
        raise NotFound(f"The job {wanted} has left no analysis.json.", subject=wanted, remedy="Name a Clarify processing job.")
    return found


def _there(clients: Clients, uri: str) -> bool:
    try:
        return not uri.endswith("/") and clients.exists(uri)
    except GovernanceError:  # it will be said when the report is opened
        return False


def _in_folder(uri: str) -> str:
    return f"{uri.rstrip('/')}/analysis.json"


def opened(clients: Clients, uri: str) -> Opened:
    """The report at a URI. Raises NotFound, Forbidden, and DataError for what is no report or too large to be one."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    place = _in_folder(uri) if not key or key.endswith("/") else uri
    key = place.removeprefix("s3://").partition("/")[2]
    if not uri.startswith("s3://") or not bucket:
        raise DataError(f"{uri} is no place in S3.", subject=uri, remedy="Write s3://bucket/folder/analysis.json.")
    try:
        with translated(place):
            found = clients.s3.get_object(Bucket=bucket, Key=key)
            content = found["Body"].read(analysis_json.LARGEST + 1)
    except NotFound as error:
        remedy = "Check bucket and folder, and that the job which writes it has completed."
        raise NotFound(f"There is no {place}.", subject=place, remedy=remedy) from error
    except Refused as error:
        raise DataError(f"{place} is no place in S3.", subject=place, remedy="Write s3://bucket/folder/analysis.json.") from error
    return Opened(place, content, analysis_json.load(content, place), about(clients, place))


def about(clients: Clients, uri: str) -> Imported | None:
    """Who kept the report at a URI, and when; None for one that isn't kept in the workspace."""
    if not uri.startswith(clients.uri(FOLDER, "")) or not clients.exists(known := f"{uri.rpartition('/')[0]}/about.json"):
        return None
    raw = clients.read_json(known)
    return Imported(uri, raw["sha256"], raw["bytes"], raw["source"], raw["by"], raw["when"], raw.get("bias", False), raw.get("shap", False))


def listed(clients: Clients) -> list[Imported]:
    """The kept reports, the newest first."""
    uris = [uri for uri in clients.keys(clients.uri(FOLDER, "")) if uri.endswith("/analysis.json")]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda uri: about(clients, uri), uris)
    return sorted((one for one in found if one is not None), key=lambda one: one.when, reverse=True)[:LISTED]


def holders(clients: Clients, uri: str, arn: str) -> bool:
    """Whether the version ``arn`` names this very report as one of its own."""
    with translated(arn):
        raw: Any = clients.sagemaker.describe_model_package(ModelPackageName=arn)
    return uri in reported(raw).values()


def reported(raw: dict[str, Any]) -> dict[str, str]:
    """The reports that a package names in its ModelMetrics: part -> URI."""
    metrics = raw.get("ModelMetrics") or {}
    parts = {
        "quality": ("ModelQuality", "Statistics"),
        "bias": ("Bias", "Report"),
        "bias before training": ("Bias", "PreTrainingReport"),
        "bias after training": ("Bias", "PostTrainingReport"),
        "explainability": ("Explainability", "Report"),
        "data quality": ("ModelDataQuality", "Statistics"),
    }
    found = {part: ((metrics.get(group) or {}).get(name) or {}).get("S3Uri") for part, (group, name) in parts.items()}
    return {part: uri for part, uri in found.items() if uri}
