"""Makes a version again from its data set, and reads what came of it: a validator's own evidence that the evidence is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.aws.target import Target
from core.errors import Conflict
from core.governance import agreement_gate, evidence, version_state
from core.identity import Identity, require_permission
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger.event_body import RecordedReproduction
from core.provenance import reproduction
from core.provenance.job_records import Claim
from core.provenance.reproduction import Reproduction
from core.registry import model_packages
from core.registry.registry_types import Package

if TYPE_CHECKING:
    from core.governance.version_under_review import VersionUnderReview

HINT = "Start a reproduction, and wait for its result; or validate the version as reviewed."


def start_reproduction(target: Target, identity: Identity, arn: str) -> str:
    """Start the job that makes a version again; returns its name. If one runs, its name. Raises Conflict for a version that doesn't name
    its jobs."""
    require_permission(identity, "reproduce", resource=arn, target_kind=target.settings.target)
    package = model_packages.read_package(target, arn, with_training=False)
    claim = _require_claim(package, model_packages.find_rebalancing(target, package))
    return reproduction.launch_job(target, identity, claim, arn)


def find_reproduction(target: Target, package: Package, data: RebalancedData | None, digest: str | None) -> Reproduction | None:
    """The result of the newest job that made a version again and completed; None if there is none. ``digest``: SHA-256 of the evidence that
    it must have compared with; None for a version without any, whose files are taken as they are now."""
    claim = agreement_gate.read_claim(package, data)
    completed = [job for job in reproduction.list_jobs(target, package.arn) if job.status == "Completed"]
    if not completed or not isinstance(claim, Claim):
        return None
    return reproduction.read_reproduction(target, claim, completed[0].name, _pinned(target, digest))


def read_result(target: Target, arn: str, name: str) -> Reproduction:
    """The result of a completed job that made the version again. Raises NotFound."""
    package = model_packages.read_package(target, arn, with_training=False)
    data = model_packages.find_rebalancing(target, package)
    return read_recorded(target, package, data, name, version_state.read_state(target, arn).evidence)


def read_recorded(target: Target, package: Package, data: RebalancedData | None, name: str, digest: str | None) -> Reproduction:
    """The result of the job of this name. ``digest``: SHA-256 of the evidence that it must have compared with; None as for
    ``find_reproduction``. Raises NotFound."""
    return reproduction.read_reproduction(target, _require_claim(package, data), name, _pinned(target, digest))


def require_reproduced(version: VersionUnderReview) -> RecordedReproduction:
    """What a validation records of the newest result. Raises Conflict if there is none, or if it doesn't show that the evidence is true."""
    found, label = version.reproduction, version.package.label
    if found is None:
        raise Conflict(f"Nobody has made {label} again.", resource=version.package.arn, hint=HINT)
    if not found.is_reproduced:
        why = " ".join((*found.problems, *found.differing))
        raise Conflict(
            f"{label} wasn't reproduced by {found.job}. {why}", resource=version.package.arn, hint="Reject or withdraw the version."
        )
    return {"job": found.job, "uri": found.uri, "sha256": found.sha256, "version": found.version}


def _require_claim(package: Package, data: RebalancedData | None) -> Claim:
    claim = agreement_gate.read_claim(package, data)
    if not isinstance(claim, Claim):
        raise Conflict(f"{package.label} can't be made again. {claim}", resource=package.arn, hint="Register it again.")
    return claim


def _pinned(target: Target, digest: str | None) -> Mapping[str, str] | None:
    """Name of a file -> SHA-256, of the evidence; None without any."""
    return {name: file["sha256"] for name, file in evidence.read_evidence(target, digest).files.items()} if digest else None
