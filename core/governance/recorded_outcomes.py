"""Whether the gates that an approval records as passed pass by the evidence: who holds the signing key can record any outcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.governance import gates
from core.governance.gates import GateInputs
from core.governance.policy import (
    BiasGate,
    CalibrationGate,
    GateProfile,
    IdFeaturesGate,
    LabelLeaksGate,
    LabelSharesGate,
    Policy,
    QualityGate,
    TwinsGate,
)
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger.audit_log import Event
from core.registry.registry_types import Package

REPEATABLE = (QualityGate, CalibrationGate, BiasGate, LabelSharesGate, LabelLeaksGate, IdFeaturesGate, TwinsGate)
"""Gates that the pinned reports and the manifest decide; others depend on the day, on other versions, or on the lineage."""


def find_false_outcomes(
    history: Sequence[Event], profile: str, policies: Mapping[str, Policy], package: Package, data: RebalancedData | None
) -> Iterator[tuple[int, str]]:
    """(number, problem) of each approval since the last submission whose recorded outcomes leave out, or call passed, a gate that fails by
    the version's evidence. ``history``: the version's decisions; ``profile``: the one of the submission; ``policies``: by SHA-256."""
    inputs = GateInputs(package, None, "", "", data, (), ())
    last = max((event.number for event in history if event.kind == "submit"), default=0)
    for event in history:
        rules = policies.get(event.body.get("policy", ""))
        if event.kind != "approve" or event.number < last or rules is None or profile not in rules.profiles:
            continue
        recorded = {outcome["gate"]: outcome["status"] for outcome in event.body["gates"]}
        for result in gates.evaluate_profile(_repeatable(rules.profiles[profile]), inputs):
            said = recorded.get(result.gate, "missing")
            if result.required and result.status == "fail" and said in {"pass", "missing"}:
                what = "leaves out the gate" if said == "missing" else "says passed of the gate"
                yield event.number, f"Event {event.number} {what} {result.gate}, which fails by the evidence: {result.reason}"


def _repeatable(profile: GateProfile) -> GateProfile:
    kept = tuple(gate for gate in profile.gates if isinstance(gate, REPEATABLE) and gate.kind != "baseline")
    return profile.model_copy(update={"gates": kept})
