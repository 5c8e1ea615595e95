"""What an event of the audit log records beyond who, when and about what; each kind of event has some of the parts."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

EVENT_FORMAT = 3
"""The format of the events that are written now.
1, without a number: events up to version 0.1.0 and some later ones; the policy of that time was whatever file the environment named.
2: the policy in force is the one that the log says was adopted.
3: a validation that says that the evidence was reproduced names the result that shows it; a rationale has words; who built a version
doesn't call a condition met."""


class RecordedGate(TypedDict):
    """The outcome of a gate as it was when the event was written. ``blocks``: whether it prevented an approval."""

    gate: str
    title: str
    status: Literal["pass", "fail", "not computable", "waived"]
    found: str
    wanted: str
    reason: str
    required: NotRequired[bool]
    blocks: bool


class RecordedCondition(TypedDict):
    """A condition of an approval; ``due``: the last day, ISO date."""

    text: str
    owner: str
    due: str


class RecordedReproduction(TypedDict):
    """The result of a job that made the version again: its file, with SHA-256 and the id of its version in S3."""

    job: str
    uri: str
    sha256: str
    version: str | None


class EventBody(TypedDict, total=False):
    """``format``: which rules the event follows, see ``EVENT_FORMAT``. ``properties``: of a registration; ``registration``: the id of its
    signed announcement. ``reason``, ``code``: of every decision, why. Of a submission: ``tier``, ``tier_rationale``, ``profile``,
    ``approvals_needed``. ``evidence``, ``policy``: the SHA-256 of what was decided on. ``gates``, ``compared_with``: the outcomes, and the
    ARN of the other version. ``reproduction``: of a validation, what shows that the evidence was reproduced. Of an approval:
    ``conditions``, ``expires`` (ISO date). ``gate``: of a waiver, which also ``expires``. ``condition``: the number of the one that was
    met. Keys are signed: they stay as they are."""

    format: int
    properties: dict[str, str]
    registration: str
    reason: str
    code: str
    tier: Literal["low", "medium", "high"]
    tier_rationale: str
    profile: str
    approvals_needed: int
    evidence: str | None
    policy: str
    gates: list[RecordedGate]
    compared_with: str | None
    conditions: list[RecordedCondition]
    expires: str
    reproduction: RecordedReproduction
    gate: str
    condition: int
