"""The evidence of a decision: a signed in-toto Statement that names every file with its hash, stored under its own hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict, cast

from core.analysis.performance.performance_json import EstimateJson, estimates_in
from core.aws.file_snapshot import TargetSnapshot, take_snapshot
from core.aws.target import Target
from core.data import datasets
from core.errors import INCONCLUSIVE_ERRORS, Conflict, GovernanceError, NotFound
from core.governance import package_lock
from core.governance.model_cards.model_card import Card
from core.governance.policy import Policy, policy_uri
from core.jobs import jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger.pinned_files import PinnedFile, find_changed_files, pin_files
from core.ledger.signing import (
    Forged,
    in_toto_statement,
    load_verification_keys,
    open_envelope,
    parse_signed_json,
    sha256,
    sign_envelope,
)
from core.provenance import job_files
from core.registry import model_packages, registry_types
from core.registry.registry_types import Package
from core.registry.version_registration import REPORTS
from core.reports.imported_reports import report_uris

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

PREDICATE_TYPE = "urn:governance-dashboard:evidence:1"
FOLDER, FILES_FOLDER = "governance/evidence", "governance/files"
WRITTEN_FIELDS = ("InferenceSpecification", "ModelMetrics", "ModelPackageDescription", "ModelCard", "Domain", "Task", "SamplePayloadUrl")
"""The parts of a package, beside its properties, that evidence pins as they were when the version was submitted."""
ADDED_FIELDS = ("AdditionalInferenceSpecifications", "SourceUri", "SourceAlgorithmSpecification", "DriftCheckBaselines")
"""Parts that this product never writes: whoever adds one adds a model, a container or a baseline that nobody measured."""


class PinnedRecord(TypedDict):
    """A file as the evidence names it. ``bytes``: its size; ``version``: the id of its version in S3, None if the bucket kept none.
    Evidence of earlier releases lacks it."""

    uri: str
    sha256: str
    bytes: int
    version: NotRequired[str | None]


class PolicyRecord(TypedDict):
    """The policy that the evidence was judged by."""

    version: str
    sha256: str


class TrainingRecord(TypedDict):
    """The training job of the model; None if it isn't known."""

    job: str | None
    hyperparameters: dict[str, str]


class FacetRecord(TypedDict):
    """The bias metrics of one facet: None where undefined, text where infinite."""

    facet: str
    value: str
    metrics: dict[str, float | str | None]


class EvidencePredicate(TypedDict):
    """Everything that a decision rests on, as it is signed. ``package``: what ``immutable_package_fields`` gives; ``container``: the image;
    ``files``, ``metrics`` and ``shap``: by name."""

    version: int
    package: dict[str, object]
    files: dict[str, PinnedRecord]
    container: str
    policy: PolicyRecord
    training: TrainingRecord
    metrics: dict[str, EstimateJson]
    bias: list[FacetRecord]
    shap: dict[str, float]


class _Statement(TypedDict):
    predicate: EvidencePredicate


@dataclass(frozen=True)
class Evidence:
    """``digest``: SHA-256 of the statement's bytes; ``files``: name -> {uri, sha256, bytes}; ``predicate``: everything that is
    recorded."""

    digest: str
    predicate: EvidencePredicate
    statement: bytes

    @property
    def files(self) -> dict[str, PinnedRecord]:
        return self.predicate["files"]

    @property
    def pinned_files(self) -> dict[str, PinnedFile]:
        """The URI, the hash and the version of each file, by its name."""
        return {name: PinnedFile(file["uri"], file["sha256"], file.get("version")) for name, file in self.files.items()}

    @property
    def object_key(self) -> str:
        return f"{FOLDER}/{self.digest}.json"


def collect_evidence(target: Target, package: Package, rules: Policy, data: RebalancedData | None, card: Card) -> Evidence:
    """Record and hash everything that a decision on the package rests on. ``data``: what the model was trained and tested on; ``card``: its
    model card. Raises NotFound for a file that the package names and that doesn't exist, and Conflict for one that was written after its
    job had ended."""
    target = take_snapshot(target)
    files = _pin_files(target, package, _evidence_uris(target, package, rules, data, card))
    report = package.bias
    predicate: EvidencePredicate = {
        "version": 1,
        "package": immutable_package_fields(package.raw),
        "files": files,
        "container": registry_types.container_image(package.raw),
        "policy": {"version": rules.version, "sha256": rules.sha256},
        "training": {"job": package.training_job, "hyperparameters": package.hyperparameters},
        "metrics": {
            name: {"value": value["value"], "low": value["low"], "high": value["high"], "n": value["n"]}
            for name, value in estimates_in(package.performance).items()
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
    """Write the signed statement if it wasn't written before; returns its URI."""
    uri = target.uri(evidence.object_key)
    target.files.write_conditionally(uri, sign_envelope(target, evidence.statement), "application/json")
    return uri


def read_evidence(target: Target, digest: str) -> Evidence:
    """The evidence that a decision names. Raises Forged, and NotFound."""
    content = open_envelope(target.files.read(target.uri(FOLDER, f"{digest}.json")), load_verification_keys(target))
    if sha256(content) != digest:
        raise Forged("The evidence is not the one that was decided on.", resource=digest, hint="Compare with a copy kept elsewhere.")
    return Evidence(digest, parse_signed_json(content, "This file is not evidence.", _Statement)["predicate"], content)


def read_pinned(target: Target, evidence: Evidence, name: str) -> bytes:
    """The content of a file that the evidence names. Raises NotFound, and Conflict if it isn't the one that was recorded."""
    pinned = evidence.files[name]
    content = target.files.read(pinned["uri"])
    if sha256(content) != pinned["sha256"]:
        raise Conflict(f"{name} has changed since the version was submitted.", resource=pinned["uri"], hint=f"Compare {pinned['uri']}.")
    return content


def find_changes(target: Target, digest: str, package: Package | None = None) -> list[str]:
    """What has changed or is missing since the evidence was recorded, in words; empty while it is valid. ``package``: the version, if the
    caller has just read it. Raises Forbidden and TargetUnavailable: a file that can't be read now may be unchanged."""
    target = take_snapshot(target)
    try:
        evidence = read_evidence(target, digest)
    except (Forged, NotFound) as error:
        return [f"The signed evidence: {error.message}"]
    changes = [str(change) for change in find_changed_files(target, evidence.pinned_files)]
    recorded = evidence.predicate["package"]
    with_version = {name: file for name, file in evidence.pinned_files.items() if "version" in evidence.files[name]}
    changes += [str(late) for late in job_files.find_late_files(target, cast(dict[str, str], recorded["properties"]), with_version)]
    try:
        raw = package.raw if package else model_packages.describe_package(target, str(recorded["arn"]))
    except INCONCLUSIVE_ERRORS:
        raise
    except GovernanceError as error:
        return [*changes, f"The registered version: {error.message}"]
    current = immutable_package_fields(raw)
    return changes + [
        f"the version's {part} has changed" for part in current if current[part] != recorded.get(part) and _is_pinned(part, recorded)
    ]


def _is_pinned(part: str, recorded: Mapping[str, object]) -> bool:
    """Whether the evidence says something of this part of a package. Earlier evidence recorded fewer: of those, the parts that this product
    never writes must be empty."""
    return part in recorded or part in ADDED_FIELDS


def immutable_package_fields(raw: DescribeModelPackageOutputTypeDef) -> dict[str, object]:
    """The parts of a registered version that never change: all but its approval and the properties that a decision writes. ``raw``: the
    version as DescribeModelPackage returns it."""
    fixed = json.loads(json.dumps({k: raw.get(k) for k in (*WRITTEN_FIELDS, *ADDED_FIELDS)}, default=str, sort_keys=True))
    properties = {k: v for k, v in raw.get("CustomerMetadataProperties", {}).items() if k not in registry_types.DECISION_PROPERTIES}
    return {"arn": raw["ModelPackageArn"], "created": raw["CreationTime"].timestamp(), "properties": properties, **fixed}


def _evidence_uris(target: TargetSnapshot, package: Package, rules: Policy, data: RebalancedData | None, card: Card) -> dict[str, str]:
    uris = {name: uri for name, uri in report_uris(package.raw).items() if name in REPORTS}
    if package.model_uri:
        uris["model"] = package.model_uri
    if package.scores_uri:
        uris["scores"] = package.scores_uri
    if package.bias and package.bias.companion_uri:
        uris["measured"] = f"{package.bias.companion_uri}/analysis.json"
    for name, job in (("bias-config", "governance:bias-job"), ("explainability-config", "governance:shap-job")):
        if package.properties.get(job):
            uris[name] = jobs.input_uri(jobs.describe_job(target, "processing", package.properties[job]), "analysis_config")
    if (folder := uris.get("explainability", "").removesuffix("/analysis.json")) and package.threshold is not None:
        uris |= {f"explanation/{name}": f"{folder}/explanations_shap/{name}" for name in ("out.csv", "baseline.csv")}
    if data is not None:
        uris |= {f"data/{name}": data.uri(name) for name in data.manifest["files"]}
        uris |= {"data/manifest.json": data.uri("manifest.json"), "data/source": data.dataset.uri}
        uris["data/description"] = datasets.description_uri(data.dataset.uri)
    uris["policy"] = policy_uri(target, rules.sha256)
    lock = package_lock.read_package_lock()
    uris["package-lock"] = _stored_uri(target, lock, "requirements.txt")
    target.files.read_or_write(uris["package-lock"], lock, "text/plain")
    uris["model-card"] = _stored_uri(target, card.json_bytes, "model-card.json")
    target.files.write_conditionally(uris["model-card"], card.json_bytes, "text/plain")  # mostly new; one that exists is read and hashed
    return {name: uri for name, uri in uris.items() if uri}


def _stored_uri(target: Target, content: bytes, name: str) -> str:
    """Where one of the product's own files is stored, under its hash."""
    return target.uri(FILES_FOLDER, sha256(content), name)


def _pin_files(target: TargetSnapshot, package: Package, uris: dict[str, str]) -> dict[str, PinnedRecord]:
    digests = pin_files(target, dict(sorted(uris.items())))
    late = job_files.find_late_files(target, package.properties, {name: PinnedFile(uri, None) for name, uri in uris.items()})
    if late:
        what = "; ".join(map(str, late))
        raise Conflict(f"{package.label} has files that its jobs didn't make: {what}.", resource=package.arn, hint=job_files.LATE_FILE_HINT)
    return {
        name: {"uri": uris[name], "sha256": found.sha256, "bytes": found.size, "version": found.state.version}
        for name, found in digests.items()
    }


def _json_number(value: float | None) -> float | str | None:
    """JSON has no infinities."""
    return value if value is None or abs(value) != float("inf") else str(value)
