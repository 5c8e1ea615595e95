"""The evidence of a decision, pinned: an in-toto Statement that names every file with its hash, signed, and kept under its own hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from core.aws.target import Target
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError, NotFound
from core.governance import model_card, package_lock
from core.governance.policy import Policy, policy_uri
from core.jobs import jobs
from core.ledger.signing import Forged, in_toto_statement, load_verification_keys, open_envelope, sha256, sign_envelope
from core.registry import model_packages
from core.registry.model_packages import Package

PREDICATE_TYPE = "urn:governance-dashboard:evidence:1"
FOLDER, FILES_FOLDER = "governance/evidence", "governance/files"


@dataclass(frozen=True)
class Evidence:
    """``digest``: SHA-256 of the statement's bytes; ``files``: name -> {uri, sha256, bytes}; ``predicate``: all that is pinned."""

    digest: str
    predicate: dict[str, Any]
    statement: bytes

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.predicate["files"]
        return found

    @property
    def object_key(self) -> str:
        return f"{FOLDER}/{self.digest}.json"


def collect_for_package(target: Target, package: Package, policy: Policy) -> Evidence:
    """All that a decision on the package rests on, hashed now. Raises NotFound for a file that the package names and that isn't there."""
    files = {name: _pin_file(target, uri) for name, uri in sorted(_evidence_uris(target, package, policy).items())}
    report = package.bias
    predicate = {
        "version": 1,
        "package": immutable_package_fields(package),
        "files": files,
        "container": (package.raw.get("InferenceSpecification", {}).get("Containers") or [{}])[0].get("Image", ""),
        "policy": {"version": policy.version, "sha256": policy.sha256},
        "training": {"job": package.training_job, "hyperparameters": package.hyperparameters},
        "metrics": {
            name: {part: value[part] for part in ("value", "low", "high", "n")}
            for name, value in (package.performance or {}).items()
            if isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys()
        },
        "bias": [
            {
                "facet": facet.facet,
                "value": facet.value,
                "metrics": {n: _json_number(m.value) for n, m in sorted({**facet.pre_training, **facet.post_training}.items())},
            }
            for facet in (report.facets if report else ())
        ],
        "shap": dict(sorted(package.shap.items())),
    }
    content = in_toto_statement({"model.tar.gz": files["model"]["sha256"]}, PREDICATE_TYPE, predicate)
    return Evidence(sha256(content), json.loads(content)["predicate"], content)


def store_signed(target: Target, evidence: Evidence) -> str:
    """Write the signed statement, unless it is there; returns its URI."""
    uri = target.uri(evidence.object_key)
    if not target.files.exists(uri):
        target.files.write_conditionally(uri, sign_envelope(target, evidence.statement), "application/json")
    return uri


def read_evidence(target: Target, digest: str) -> Evidence:
    """The evidence that a decision names. Raises Forged, and NotFound."""
    content = open_envelope(target.files.read(target.uri(FOLDER, f"{digest}.json")), load_verification_keys(target))
    if sha256(content) != digest:
        raise Forged("The evidence is not the one that was decided on.", resource=digest, hint="Compare with a copy kept elsewhere.")
    return Evidence(digest, json.loads(content)["predicate"], content)


def find_changes(target: Target, digest: str, known_hashes: dict[str, str | None] | None = None) -> list[str]:
    """What of the evidence has changed or is gone since it was pinned; nothing when it holds. ``known_hashes``: of files already read,
    by URI.
    Raises Forbidden and TargetUnavailable: what couldn't be read now hasn't changed."""
    known_hashes = {} if known_hashes is None else known_hashes
    try:
        evidence = read_evidence(target, digest)
    except (Forged, NotFound) as error:
        return [f"The signed evidence: {error.message}"]
    found = []
    for name, pinned in evidence.files.items():
        uri = pinned["uri"]
        if uri not in known_hashes:
            known_hashes[uri] = _sha256_or_none(target, uri)
        if known_hashes[uri] is None:
            found.append(f"{name} is gone ({uri})")
        elif known_hashes[uri] != pinned["sha256"]:
            found.append(f"{name} has changed ({uri})")
    try:
        now = immutable_package_fields(model_packages.read_package(target, evidence.predicate["package"]["arn"]))
    except INCONCLUSIVE_ERRORS:
        raise
    except GovernanceError as error:
        return [*found, f"The registered version: {error.message}"]
    return found + [f"the version's {part} has changed" for part in now if now[part] != evidence.predicate["package"][part]]


def immutable_package_fields(package: Package) -> dict[str, Any]:
    """What of a registered version never changes: all but its approval and what the product itself writes there."""
    raw = json.loads(json.dumps({k: package.raw.get(k) for k in ("InferenceSpecification", "ModelMetrics")}, default=str, sort_keys=True))
    kept = {k: v for k, v in package.properties.items() if k not in model_packages.DECISION_PROPERTIES}
    return {"arn": package.arn, "created": package.created.timestamp(), "properties": kept, **raw}


def _evidence_uris(target: Target, package: Package, policy: Policy) -> dict[str, str]:
    metrics = package.raw.get("ModelMetrics", {})
    reported = {
        "quality": metrics.get("ModelQuality", {}).get("Statistics"),
        "bias": metrics.get("Bias", {}).get("Report"),
        "explainability": metrics.get("Explainability", {}).get("Report"),
    }
    uris = {name: part["S3Uri"] for name, part in reported.items() if part}
    if package.model_uri:
        uris["model"] = package.model_uri
    if package.scores_uri:
        uris["scores"] = package.scores_uri
    if package.bias and package.bias.companion_uri:
        uris["measured"] = f"{package.bias.companion_uri}/analysis.json"
    for name, job in (("bias-config", "governance:bias-job"), ("explainability-config", "governance:shap-job")):
        if package.properties.get(job):
            uris[name] = jobs.input_uri(jobs.describe_job(target, "processing", package.properties[job]), "analysis_config")
    data = model_packages.find_rebalancing(target, package)
    if data is not None:
        uris |= {f"data/{name}": data.uri(name) for name in data.manifest["files"]}
        uris |= {"data/manifest.json": data.uri("manifest.json"), "data/source": data.dataset.uri}
    uris["policy"] = policy_uri(target, policy.sha256)
    uris["package-lock"] = _store_file(target, package_lock.read_package_lock(), "requirements.txt")
    uris["model-card"] = _store_file(target, model_card.read_card(target, package).json_bytes, "model-card.json")
    return {name: uri for name, uri in uris.items() if uri}


def _store_file(target: Target, content: bytes, name: str) -> str:
    """A file of the product's own, in the target under its hash."""
    uri = target.uri(FILES_FOLDER, sha256(content), name)
    if not target.files.exists(uri):
        target.files.write_conditionally(uri, content, "text/plain")
    return uri


def _pin_file(target: Target, uri: str) -> dict[str, Any]:
    content = target.files.read(uri)
    return {"uri": uri, "sha256": sha256(content), "bytes": len(content)}


def _sha256_or_none(target: Target, uri: str) -> str | None:
    try:
        return sha256(target.files.read(uri))
    except NotFound:
        return None


def _json_number(value: float | None) -> float | str | None:
    """JSON has no infinities."""
    return value if value is None or abs(value) != float("inf") else str(value)
