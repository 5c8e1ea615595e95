"""The evidence of a decision, pinned: an in-toto Statement that names every file with its hash, signed, and kept under its own hash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import jobs, registry
from core.clients import Clients
from core.errors import UNSEEN, GovernanceError, NotFound
from core.governance import model_card
from core.governance.policy import Policy, uri_of
from core.governance.signing import Forged, keys, opened, sha256, sign, statement
from core.registry import Package

KIND = "urn:governance-dashboard:evidence:1"
FOLDER, FILES = "governance/evidence", "governance/files"
LOCK = Path(__file__).resolve().parents[2] / "requirements.txt"


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
    def uri_part(self) -> str:
        return f"{FOLDER}/{self.digest}.json"


def collect(clients: Clients, package: Package, policy: Policy) -> Evidence:
    """All that a decision on the package rests on, hashed now. Raises NotFound for a file that the package names and that isn't there."""
    files = {name: _pinned(clients, uri) for name, uri in sorted(_uris(clients, package, policy).items())}
    report = package.bias
    predicate = {
        "version": 1,
        "package": pinned_package(package),
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
                "metrics": {n: _number(m.value) for n, m in sorted({**facet.pre_training, **facet.post_training}.items())},
            }
            for facet in (report.facets if report else ())
        ],
        "shap": dict(sorted(package.shap.items())),
    }
    content = statement({"model.tar.gz": files["model"]["sha256"]}, KIND, predicate)
    return Evidence(sha256(content), json.loads(content)["predicate"], content)


def keep(clients: Clients, evidence: Evidence) -> str:
    """Write the signed statement, unless it is there; returns its URI."""
    uri = clients.uri(evidence.uri_part)
    if not clients.exists(uri):
        clients.create(uri, sign(clients, evidence.statement), "application/json")
    return uri


def read(clients: Clients, digest: str) -> Evidence:
    """The evidence that a decision names. Raises Forged, and NotFound."""
    content = opened(clients.read(clients.uri(FOLDER, f"{digest}.json")), keys(clients))
    if sha256(content) != digest:
        raise Forged("The evidence is not the one that was decided on.", subject=digest, remedy="Compare with a copy kept elsewhere.")
    return Evidence(digest, json.loads(content)["predicate"], content)


def problems(clients: Clients, digest: str, hashes: dict[str, str | None] | None = None) -> list[str]:
    """What of the evidence has changed or is gone since it was pinned; nothing when it holds. ``hashes``: of files already read, by URI.
    Raises Forbidden and TargetUnavailable: what couldn't be read now hasn't changed."""
    hashes = {} if hashes is None else hashes
    try:
        evidence = read(clients, digest)
    except (Forged, NotFound) as error:
        return [f"The signed evidence: {error.what}"]
    found = []
    for name, pinned in evidence.files.items():
        uri = pinned["uri"]
        if uri not in hashes:
            hashes[uri] = _hash(clients, uri)
        if hashes[uri] is None:
            found.append(f"{name} is gone ({uri})")
        elif hashes[uri] != pinned["sha256"]:
            found.append(f"{name} has changed ({uri})")
    try:
        now = pinned_package(registry.get(clients, evidence.predicate["package"]["arn"]))
    except UNSEEN:
        raise
    except GovernanceError as error:
        return [*found, f"The registered version: {error.what}"]
    return found + [f"the version's {part} has changed" for part in now if now[part] != evidence.predicate["package"][part]]


def pinned_package(package: Package) -> dict[str, Any]:
    """What of a registered version never changes: all but its approval and what the product itself writes there."""
    raw = json.loads(json.dumps({k: package.raw.get(k) for k in ("InferenceSpecification", "ModelMetrics")}, default=str, sort_keys=True))
    kept = {k: v for k, v in package.properties.items() if k not in registry.DECIDED}
    return {"arn": package.arn, "created": package.created.timestamp(), "properties": kept, **raw}


def _uris(clients: Clients, package: Package, policy: Policy) -> dict[str, str]:
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
    if package.bias and package.bias.beside:
        uris["measured"] = f"{package.bias.beside}/analysis.json"
    for name, job in (("bias-config", "governance:bias-job"), ("explainability-config", "governance:shap-job")):
        if package.properties.get(job):
            uris[name] = jobs.input_of(jobs.describe(clients, "processing", package.properties[job]), "analysis_config")
    data = registry.data_of(clients, package)
    if data is not None:
        uris |= {f"data/{name}": data.uri(name) for name in data.manifest["files"]}
        uris |= {"data/manifest.json": data.uri("manifest.json"), "data/source": data.dataset.uri}
    uris["policy"] = uri_of(clients, policy.sha256)
    uris["package-lock"] = _kept(clients, LOCK.read_bytes(), "requirements.txt")
    uris["model-card"] = _kept(clients, model_card.current(clients, package).bytes, "model-card.json")
    return {name: uri for name, uri in uris.items() if uri}


def _kept(clients: Clients, content: bytes, name: str) -> str:
    """A file of the product's own, in the target under its hash."""
    uri = clients.uri(FILES, sha256(content), name)
    if not clients.exists(uri):
        clients.create(uri, content, "text/plain")
    return uri


def _pinned(clients: Clients, uri: str) -> dict[str, Any]:
    content = clients.read(uri)
    return {"uri": uri, "sha256": sha256(content), "bytes": len(content)}


def _hash(clients: Clients, uri: str) -> str | None:
    try:
        return sha256(clients.read(uri))
    except NotFound:
        return None


def _number(value: float | None) -> float | str | None:
    """JSON has no infinities."""
    return value if value is None or abs(value) != float("inf") else str(value)
