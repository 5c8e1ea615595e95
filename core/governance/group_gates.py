"""The gates that a policy sets for a group of models, whatever the profile: which facets are measured, and where the threshold may lie."""

from __future__ import annotations

from core.governance.gate_results import FACETS_GATE, THRESHOLD_GATE, GateResult
from core.governance.policy import GroupRules
from core.registry.registry_types import THRESHOLD_RATIONALE_PROPERTY, Package


def judge_group_rules(rules: GroupRules, package: Package) -> list[GateResult]:
    """The outcomes of a group's rules on a version; none for what the policy doesn't say."""
    judge = {FACETS_GATE: _judge_facets, THRESHOLD_GATE: _judge_threshold}
    return [judge[gate](rules, package) for gate in rules.gates]


def _judge_facets(rules: GroupRules, package: Package) -> GateResult:
    required, title, wanted = rules.facets, "Protected facets measured", ", ".join(rules.facets)
    measured = [facet.key for facet in package.bias.facets] if package.bias else []
    lacking = [one for one in required if not any(key == one or key.partition("=")[0] == one for key in measured)]
    said = ", ".join(measured) or "none"
    if lacking:
        reason = f"Bias wasn't measured for {', '.join(lacking)}: add the facet to the data set, and measure again."
        return GateResult(FACETS_GATE, title, "fail", said, wanted, reason)
    return GateResult(FACETS_GATE, title, "pass", said, wanted)


def _judge_threshold(rules: GroupRules, package: Package) -> GateResult:
    title, bounds = "Threshold within the policy's bounds", rules.threshold
    wanted, value = f"{bounds.min:g} to {bounds.max:g}", package.threshold
    why = package.properties.get(THRESHOLD_RATIONALE_PROPERTY, "")
    if value is None or not bounds.min <= value <= bounds.max:
        said = "unknown" if value is None else f"{value:g}"
        remedy = "Choose a threshold within the bounds, measure with it, and register again."
        return GateResult(THRESHOLD_GATE, title, "fail", said, wanted, remedy)
    return GateResult(THRESHOLD_GATE, title, "pass", f"{value:g}, {why}" if why else f"{value:g}", wanted)
