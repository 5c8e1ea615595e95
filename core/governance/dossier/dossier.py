"""The dossier of a decision: everything that the evidence pack, its page and its PDF are made from."""

from __future__ import annotations

from dataclasses import dataclass

from core.analysis.performance.performance_difference import PerformanceDifference
from core.aws.target import Target
from core.governance import gates, policy
from core.governance.evidence import Evidence
from core.governance.findings import examiner_findings
from core.governance.findings.examiner_findings import ExaminerFindings
from core.governance.gate_results import GateResult, from_record
from core.governance.model_cards import model_card
from core.governance.model_cards.model_card import Card
from core.governance.validity import apply_waivers
from core.governance.version_state import State
from core.governance.version_under_review import read_version
from core.jobs.rebalancing_jobs import RebalancedData
from core.ledger import signing
from core.registry import model_packages, version_comparison
from core.registry.registry_types import Package

DISCLAIMER = "Evidence for a decision by people; not a statement that any law or standard is met."


@dataclass(frozen=True)
class Dossier:
    """Everything that pack, HTML and PDF are made from. ``gate_results``: the gates as recorded with the last decision;
    ``compared_version``: the version that they were compared with, None if it wasn't tested on the same rows; ``not_compared``: why not;
    ``findings``: what an examiner looks for beyond the reports."""

    package: Package
    state: State
    evidence: Evidence
    rules: policy.Policy
    gate_results: tuple[GateResult, ...]
    compared_version: Package | None
    differences: dict[str, PerformanceDifference]
    data: RebalancedData | None
    card: dict[str, object]
    requirements: str
    findings: ExaminerFindings
    not_compared: str = ""


def load_dossier(target: Target, arn: str) -> Dossier:
    """Gather the dossier of a version. Raises NotFound for one that was never submitted, and Forged if its evidence isn't as signed."""
    version = read_version(target, arn)
    target, package, state = version.target, version.package, version.state
    evidence = version.evidence
    rules = policy.parse_toml(target.files.read(policy.policy_uri(target, state.policy or "")), "the policy of the decision")
    recorded = next((e.body for e in reversed(state.history) if e.body.get("gates") is not None), None)
    if recorded is not None:
        results = tuple(map(from_record, recorded["gates"]))
        compared_with = recorded["compared_with"]
    else:
        judgement = gates.judge_version(version, rules.profiles[state.profile])
        results, compared_with = tuple(apply_waivers(judgement.results, state)), judgement.compared_with
    other, differences, not_compared = None, {}, ""
    if compared_with:
        baseline = model_packages.read_package(target, compared_with, with_training=False)
        comparison = version_comparison.compare_with(target, baseline, package)
        other, differences = (baseline, comparison.differences) if comparison.differences is not None else (None, {})
        not_compared = f"{baseline.label} is left out, because it isn't comparable: {comparison.unpaired_reason}" if other is None else ""
    contents = {name: target.files.read(evidence.files[name]["uri"]) for name in ("model-card", "package-lock") if name in evidence.files}
    card = signing.parse_signed_json(contents.get("model-card", b"{}"), "The model card isn't a JSON object.", dict)
    lock = contents.get("package-lock", b"").decode()
    findings = examiner_findings.collect_findings(version, Card(model_card.card_name(package), 0, "", None, card))
    return Dossier(package, state, evidence, rules, results, other, differences, version.data, card, lock, findings, not_compared)
