"""The outcome of a gate, as it is shown and as the log records it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.ledger.event_body import RecordedGate

AGREEMENT_GATE, FACETS_GATE, THRESHOLD_GATE = "agreement", "facets", "threshold"
"""The gate that every version is judged by, whatever the policy says; and those that a policy sets for a group of models."""
UNWAIVABLE_GATES = frozenset({AGREEMENT_GATE, FACETS_GATE, THRESHOLD_GATE})
Status = Literal["pass", "fail", "not computable", "waived"]


@dataclass(frozen=True)
class GateResult:
    """One gate's outcome. ``found``: what was measured, ``wanted``: what the policy requires, both in words; ``reason``: why it failed or
    can't be computed; ``waivable``: whether the policy lets two people ignore it."""

    gate: str
    title: str
    status: Status
    found: str
    wanted: str
    reason: str = ""
    required: bool = True
    waivable: bool = True

    @property
    def is_blocking(self) -> bool:
        """Whether it prevents an approval."""
        return self.required and self.status in {"fail", "not computable"}

    @property
    def is_waivable(self) -> bool:
        """Whether two people may agree to ignore it."""
        return self.is_blocking and self.waivable and self.gate not in UNWAIVABLE_GATES


def to_record(result: GateResult) -> RecordedGate:
    """The outcome as an event of the log records it."""
    return {
        "gate": result.gate,
        "title": result.title,
        "status": result.status,
        "found": result.found,
        "wanted": result.wanted,
        "reason": result.reason,
        "required": result.required,
        "blocks": result.is_blocking,
    }


def from_record(recorded: RecordedGate) -> GateResult:
    """The outcome that an event of the log records."""
    return GateResult(
        recorded["gate"],
        recorded["title"],
        recorded["status"],
        recorded["found"],
        recorded["wanted"],
        recorded["reason"],
        recorded.get("required", True),
    )


def not_computable(gate: str, title: str, wanted: str, reason: str) -> GateResult:
    """The outcome of a gate for which something is missing."""
    return GateResult(gate, title, "not computable", "—", wanted, reason)
