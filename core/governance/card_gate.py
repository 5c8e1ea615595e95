"""The gate about the model card: which of its fields people must have filled in."""

from __future__ import annotations

from collections.abc import Mapping

from core.governance.gate_results import GateResult
from core.governance.model_cards.model_card_content import FIELDS, filled_fields
from core.governance.policy import CardGate


def judge_card(gate: CardGate, content: Mapping[str, object]) -> GateResult:
    """The outcome of the gate. ``content``: of the model card that counts."""
    filled = filled_fields(content)
    required = [field for field in FIELDS if field.name in gate.fields]
    missing = [field.title for field in required if field not in filled]
    at_least = f"at least {gate.min_filled} of {len(FIELDS)} fields" if gate.min_filled else ""
    wanted = "; ".join(filter(None, (at_least, ", ".join(field.title for field in required))))
    found = f"{len(filled)} of {len(FIELDS)} fields filled"
    problems = [f"Not filled in: {', '.join(missing)}."] if missing else []
    if len(filled) < gate.min_filled:
        problems.append(f"{gate.min_filled - len(filled)} more must be filled in.")
    if problems:
        remedy = "Fill in the card; a version that was submitted already is withdrawn, and submitted again with the new card."
        return GateResult(gate.name, "Model card filled in", "fail", found, wanted, " ".join((*problems, remedy)))
    return GateResult(gate.name, "Model card filled in", "pass", found, wanted)
