"""What validators did and found: what they wrote, and the result of making the version again where one is named."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import GovernanceError
from core.governance import reproducing
from core.governance.version_under_review import VersionUnderReview
from core.ledger.audit_log import Event
from core.ledger.event_body import RecordedReproduction


@dataclass(frozen=True)
class ValidationFinding:
    """A validation. ``day``: ISO date; ``code`` and ``reason``: what the validator wrote; ``reproduction``: the result that the validation
    names, and ``found`` what it says of each part, in sentences; both empty where the evidence was reviewed, and nothing made again."""

    validator: str
    role: str
    day: str
    code: str
    reason: str
    reproduction: RecordedReproduction | None
    found: tuple[str, ...]


def list_validations(version: VersionUnderReview) -> tuple[ValidationFinding, ...]:
    """Every validation of a version, oldest first."""
    return tuple(_describe(version, event) for event in version.state.history if event.kind == "validate")


def _describe(version: VersionUnderReview, event: Event) -> ValidationFinding:
    body, recorded = event.body, event.body.get("reproduction")
    found = _read_result(version, recorded, body.get("evidence") or "") if recorded else ()
    return ValidationFinding(event.actor["name"], event.actor["role"], event.time[:10], body["code"], body["reason"], recorded, found)


def _read_result(version: VersionUnderReview, recorded: RecordedReproduction, digest: str) -> tuple[str, ...]:
    try:
        result = reproducing.read_recorded(version.target, version.package, version.data, recorded["job"], digest)
    except GovernanceError as error:
        return (f"The result can't be read: {error.message}",)
    changed = ("The result isn't the one that the validation names: it has changed since.",) if result.sha256 != recorded["sha256"] else ()
    return (*changed, *result.problems, *result.findings)
