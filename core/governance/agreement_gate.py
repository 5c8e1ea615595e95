"""The gate that no policy leaves out and nobody can waive: a version's evidence agrees with the records of its jobs and its files."""

from __future__ import annotations

from core.aws.target import Target
from core.governance.gate_results import AGREEMENT_GATE, GateResult, not_computable
from core.jobs.rebalancing_jobs import RebalancedData
from core.provenance import evidence_agreement
from core.provenance.evidence_agreement import TITLE, Agreement
from core.provenance.job_records import Claim
from core.registry.registry_types import Package
from core.registry.version_registration import REPORTS
from core.reports.imported_reports import report_uris

WANTED = "one data set, its split, one model, and every figure as the rows give it"
MAX_SHOWN = 5


def check_version_agreement(target: Target, package: Package, data: RebalancedData | None) -> Agreement:
    """Check a version's evidence. ``data``: what it was trained and tested on. Raises Forbidden and TargetUnavailable."""
    claim = read_claim(package, data)
    return evidence_agreement.check_agreement(target, claim) if isinstance(claim, Claim) else Agreement((claim,), (), "")


def read_claim(package: Package, data: RebalancedData | None) -> Claim | str:
    """What a version says its evidence is; or in a sentence what it doesn't name."""
    names = {part: package.properties.get(f"governance:{part}-job", "") for part in ("training", "bias", "shap")}
    lacking = [f"no {part} job" for part, name in names.items() if not name] + ([] if data else ["no rebalancing job"])
    if package.threshold is None:
        lacking.append("no threshold: an earlier release registered it, so register it again")
    if lacking or data is None or package.threshold is None:
        return f"The version names {', '.join(lacking)}."
    reports = {part: uri for part, uri in report_uris(package.raw).items() if part in REPORTS}
    return Claim(names["training"], package.model_uri, data, names["bias"], names["shap"], reports, package.threshold)


def judge_agreement(found: Agreement) -> GateResult:
    """The outcome as a gate."""
    if found.problems:
        reason = " ".join(found.problems[:MAX_SHOWN])
        count = "1 disagreement" if len(found.problems) == 1 else f"{len(found.problems):,} disagreements"
        return GateResult(AGREEMENT_GATE, TITLE, "fail", count, WANTED, reason)
    if found.unknown:
        return not_computable(AGREEMENT_GATE, TITLE, WANTED, " ".join(found.unknown))
    return GateResult(AGREEMENT_GATE, TITLE, "pass", found.checked, WANTED)
