"""What the record proposes for fields of the model card that people fill in: facts, for them to check, change and save."""

from __future__ import annotations

from core.governance.model_cards.model_card_content import CUSTOM_DETAILS
from core.governance.version_state import State
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry.registry_types import DEFAULT_THRESHOLD_RATIONALE, THRESHOLD_RATIONALE_PROPERTY, Package, describe_labels


def propose_answers(package: Package, data: RebalancedData | None, state: State, previous: str | None) -> dict[str, str]:
    """Path of a field -> a proposed answer, of what is known. ``previous``: the label of the version that is approved now, which this one
    would replace."""
    found = {}
    if data is not None:
        used = len(package.shap) or len(data.dataset.columns) - 1
        predicted = describe_labels([package])[1]
        found["model_overview.model_description"] = (
            f"Predicts {predicted} from {used} columns of the data set {data.dataset.name} ({data.dataset.rows:,} rows), by boosted trees."
        )
    why = package.properties.get(THRESHOLD_RATIONALE_PROPERTY, "")
    if package.threshold is not None and why and why != DEFAULT_THRESHOLD_RATIONALE:
        found[CUSTOM_DETAILS + "threshold_rationale"] = f"{package.threshold:g}: {why}"
    if package.bias is not None and package.shap:
        measured = list(dict.fromkeys(facet.facet for facet in package.bias.facets))
        inputs = [name for name in measured if name in package.shap]
        others = [name for name in measured if name not in package.shap]
        said = [f"Inputs: {', '.join(inputs)}."] if inputs else []
        said += [f"Measured, and no inputs: {', '.join(others)}."] if others else []
        found[CUSTOM_DETAILS + "sensitive_inputs"] = " ".join(said)
    submission = next((event for event in reversed(state.history) if event.kind == "submit"), None)
    if submission is not None:
        found["intended_uses.explanations_for_risk_rating"] = submission.body.get("tier_rationale", "")
    if previous:
        found[CUSTOM_DETAILS + "rollback_version"] = previous
    return {path: text for path, text in found.items() if text}
