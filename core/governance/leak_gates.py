"""Evaluates the gates about leaks: features that give the label away, ids among the features, test rows that stand in training too."""

from __future__ import annotations

from core.analysis.leaks.label_leaks import LabelLeak
from core.analysis.leaks.leak_findings import LeakFindings
from core.governance.gate_results import GateResult, not_computable
from core.governance.policy import IdFeaturesGate, LabelLeaksGate, LeakGate, TwinsGate
from core.jobs.rebalancing_jobs import RebalancedData
from core.views.data import leak_sentences
from core.views.shared.number_text import format_number, format_percent


def judge_leaks(gate: LeakGate, data: RebalancedData | None) -> GateResult:
    """The outcome of one of the gates about leaks, by what the rebalancing job found."""
    title = {
        "label_leaks": "No feature gives the label away",
        "id_features": "No ids among the features",
        "twins": "Test rows not in training",
    }
    requirement = _requirement_text(gate)
    if data is None:
        return not_computable(gate.name, title[gate.kind], requirement, "The version names no rebalancing job.")
    leaks = leak_sentences.manifest_leaks(data.manifest)
    if leaks is None:
        reason = "The rebalancing job is of an earlier version, which didn't look for leaks: run it again."
        return not_computable(gate.name, title[gate.kind], requirement, reason)
    finding, reason = _judge(gate, leaks)
    return GateResult(gate.name, title[gate.kind], "fail" if reason else "pass", finding, requirement, reason)


def _requirement_text(gate: LeakGate) -> str:
    if isinstance(gate, TwinsGate):
        return f"at most {format_percent(gate.max)} of the test rows stand in training too, beyond those expected"
    but = f", but {', '.join(gate.allowed)}" if gate.allowed else ""
    if isinstance(gate, IdFeaturesGate):
        return f"no feature looks like an id{but}"
    return f"no feature{but} has an AUC above {gate.max:g} alone"


def _judge(gate: LeakGate, leaks: LeakFindings) -> tuple[str, str]:
    """What was found, and why that fails, or ""."""
    if isinstance(gate, LabelLeaksGate):
        beyond = [leak for leak in leaks.label if leak.auc > gate.max and leak.feature not in gate.allowed]
        remedy = "Leave out what is known only after the outcome, or allow it in the policy."
        return "; ".join(map(_leak_text, beyond)) or "none", remedy if beyond else ""
    if isinstance(gate, IdFeaturesGate):
        ids = [column for column in leaks.ids if column.feature not in gate.allowed]
        finding = "; ".join(f"{column.feature}: {column.distinct:,} values in {column.rows:,} rows" for column in ids)
        return finding or "none", "A model learns single rows from an id by heart: leave it out." if ids else ""
    twins = leaks.twins_in_training["test"]
    finding = f"{twins.rows:,} of {twins.of:,} test rows ({format_percent(twins.share)}), {twins.expected:,.0f} of them expected"
    if twins.repeats > 1:
        finding += f"; every row of the table stands in it {twins.repeats} times"
    is_beyond = twins.unexpected_share > gate.max
    return finding, "The model was tested on rows that it was trained on: keep each row once." if is_beyond else ""


def _leak_text(leak: LabelLeak) -> str:
    return f"{leak.feature}: AUC {format_number(leak.auc)}, right in {leak.agreeing_rows:,} of {leak.rows:,} rows"
