"""Evaluates the gates of a policy on a version: each passes, fails, or can't be computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from core.analysis.bias.outcome_counts import COMPARES_NOTHING
from core.analysis.performance.performance_difference import PerformanceDifference
from core.analysis.performance.performance_json import estimates_in
from core.analysis.performance.performance_metrics import name_labels
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError
from core.governance import agreement_gate, first_version, group_gates, version_state
from core.governance.card_gate import judge_card
from core.governance.gate_results import GateResult, not_computable
from core.governance.leak_gates import judge_leaks
from core.governance.policy import (
    BiasGate,
    CalibrationGate,
    CardGate,
    FreshnessGate,
    Gate,
    GateProfile,
    IdFeaturesGate,
    LabelLeaksGate,
    LabelSharesGate,
    QualityGate,
    TwinsGate,
    _BoundedGate,
)
from core.governance.version_under_review import VersionUnderReview
from core.jobs.rebalancing_jobs import RebalancedData, label_shares_by_facet
from core.lineage import lineage_graph
from core.provenance.reproduction import Reproduction
from core.registry import baselines, version_comparison, version_registration
from core.registry.baselines import Baseline
from core.registry.registry_types import Package, describe_labels, version_value_names
from core.views.shared.number_text import format_percent, signed_number


@dataclass(frozen=True)
class GateInputs:
    """What the gates are evaluated on. ``differences``: this version minus the one it is compared with, which was tested on the same rows;
    None if there is no such version; ``no_difference_reason``: why not; ``compared_with``: the other version's label; ``is_first``: whether
    nothing comes before it; ``reproduction``: the newest result of making it again, ``card``: the content of the model card that counts,
    both read only where a gate asks for them."""

    package: Package
    differences: dict[str, PerformanceDifference] | None
    no_difference_reason: str
    compared_with: str
    data: RebalancedData | None
    changed_evidence: tuple[str, ...]
    lineage_gaps: tuple[str, ...]
    is_first: bool = False
    reproduction: Reproduction | None = None
    card: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """The outcome of every gate, and the ARN of the version that this one was compared with."""

    results: tuple[GateResult, ...]
    compared_with: str | None


def judge_version(version: VersionUnderReview, profile: GateProfile | None) -> Judgement:
    """Whether a version's evidence agrees with the records of its jobs, what the policy sets for its group, and a profile's gates, if there
    is one. Evidence that can't be used makes a gate fail instead of raising an error. Raises Forbidden and TargetUnavailable: evidence that
    can't be read now says nothing about the version."""
    baseline: Baseline | None = None
    try:
        always = [agreement_gate.judge_agreement(version.agreement)]
        always += group_gates.judge_group_rules(version.rules.rules_for(version.package.group), version.package)
        baseline = baselines.find_baseline(version.target, version.package, version.data, version_state.approved_versions(version.events))
        if profile is None:
            return Judgement(tuple(always), baseline.arn)
        inputs = gather_inputs(version, baseline)
        if any(gate.kind == "reproduced" for gate in profile.gates):
            inputs = replace(inputs, reproduction=version.reproduction)
        if any(gate.kind == "card" for gate in profile.gates):
            inputs = replace(inputs, card=version.card_content)
    except INCONCLUSIVE_ERRORS:
        raise
    except GovernanceError as error:
        unusable = GateResult("complete", "Evidence complete", "fail", "unreadable", "readable evidence", error.message)
        return Judgement((unusable,), baseline.arn if baseline else None)
    return Judgement((*always, *evaluate_profile(profile, inputs)), baseline.arn)


def gather_inputs(version: VersionUnderReview, baseline: Baseline) -> GateInputs:
    """What the gates are evaluated on. ``baseline``: the version to compare with, or why there is none."""
    differences, why, label = None, baseline.missing_reason, ""
    predecessor = first_version.find_predecessor(version.events, version.package.arn) if baseline.is_alone else None
    if baseline.package is not None:
        comparison = version_comparison.compare_with(version.target, baseline.package, version.package)
        differences, why, label = comparison.differences, comparison.unpaired_reason, comparison.a.label
    return GateInputs(
        version.package,
        differences,
        why,
        label,
        version.data,
        tuple(version_registration.list_broken_evidence(version.target, version.package)),
        tuple(find_lineage_gaps(version)),
        baseline.is_alone and predecessor is None,
    )


def find_lineage_gaps(version: VersionUnderReview) -> list[str]:
    """What is missing from a version's lineage; empty if it leads back through every job to the data set."""
    target, package, data = version.target, version.package, version.data
    if version.artifact is None:
        return ["the version itself"]
    if data is None:
        return ["the rebalancing job"]
    ancestors = version.ancestors
    files = {"the model artifact": package.model_uri, "the data set": data.dataset.uri}
    jobs = {
        "the training job": lineage_graph.job_component_name("training", str(package.training_job)),
        "the rebalancing job": lineage_graph.job_component_name("processing", data.job),
        "the bias job": lineage_graph.job_component_name("processing", str(package.properties.get("governance:bias-job"))),
        "the SHAP job": lineage_graph.job_component_name("processing", str(package.properties.get("governance:shap-job"))),
    }
    names = lineage_graph.component_names(ancestors)
    gaps = [what for what, uri in files.items() if uri and not ancestors & lineage_graph.list_artifact_arns(target, uri)]
    return gaps + [what for what, name in jobs.items() if name not in names]


def evaluate_profile(profile: GateProfile, inputs: GateInputs, *, now: datetime | None = None) -> list[GateResult]:
    """Every gate's outcome, in the policy's order; a bias gate has one outcome for each facet."""
    now = now or datetime.now(UTC)
    return [
        replace(result, required=gate.required, waivable=gate.waivable)
        for gate in profile.gates
        for result in _evaluate_gate(gate, inputs, now)
    ]


def _evaluate_gate(gate: Gate, inputs: GateInputs, now: datetime) -> list[GateResult]:
    if isinstance(gate, QualityGate) and gate.kind == "baseline":
        return [_baseline(gate, inputs)]
    if isinstance(gate, QualityGate | CalibrationGate):
        return [_quality(gate, inputs)]
    if isinstance(gate, BiasGate):
        return _bias(gate, inputs)
    if isinstance(gate, LabelSharesGate):
        return [_label_shares(gate, inputs)]
    if isinstance(gate, LabelLeaksGate | IdFeaturesGate | TwinsGate):
        return [judge_leaks(gate, inputs.data)]
    if isinstance(gate, CardGate):
        return [judge_card(gate, inputs.card)]
    if isinstance(gate, FreshnessGate):
        return [_fresh(gate, inputs, now)]
    return [{"complete": _complete, "disjoint": _disjoint, "lineage": _lineage, "reproduced": _reproduced}[gate.kind](inputs)]


def _quality(gate: QualityGate | CalibrationGate, inputs: GateInputs) -> GateResult:
    title = f"Calibration: {gate.metric}" if gate.kind == "calibration" else f"Quality: {gate.metric}"
    figure = estimates_in(inputs.package.performance).get(gate.metric)
    if figure is None:
        return not_computable(gate.name, title, _requirement_text(gate), "The version has no figure for this metric.")
    if (measured := figure[gate.bound]) is None:
        problem = "The metric is undefined" if figure["value"] is None else "The metric has no interval"
        why = name_labels(figure.get("why", ""), _label_names(inputs))
        return not_computable(gate.name, title, _requirement_text(gate), f"{problem}{': ' if why else ''}{why}.")
    figure_text = f"{figure['value']:z.4g}{_interval_text(figure['low'], figure['high'], 'z.4g')}, n = {figure['n']:,}"
    return _compare_with_limits(gate, gate.name, title, measured, figure_text, gate.bound)


def _label_names(inputs: GateInputs) -> tuple[str, str]:
    """What labels 0 and 1 are called: by the data set, or else by the bias report."""
    return inputs.data.label_names if inputs.data else describe_labels([inputs.package])


def _baseline(gate: QualityGate, inputs: GateInputs) -> GateResult:
    title = f"Compared with {inputs.compared_with or 'the baseline'}: {gate.metric}"
    difference = (inputs.differences or {}).get(gate.metric)
    if inputs.is_first and gate.first_version == "pass":
        nothing = "first version: nothing to compare with, since none of its group or data was approved or is a baseline"
        return GateResult(gate.name, title, "pass", nothing, _requirement_text(gate))
    if difference is None:
        return not_computable(
            gate.name, title, _requirement_text(gate), inputs.no_difference_reason or "The version has no figure for this metric."
        )
    value = getattr(difference, gate.bound)
    if value is None:
        why = name_labels(difference.why, _label_names(inputs))
        problem = f"has no interval: {why}" if why else "is undefined on these rows"
        return not_computable(gate.name, title, _requirement_text(gate), f"The difference {problem}.")
    difference_text = f"{difference.value:+z.4f}{_interval_text(difference.low, difference.high, '+z.4f')}, {difference.method}"
    return _compare_with_limits(gate, gate.name, title, value, difference_text, gate.bound)


def _bias(gate: BiasGate, inputs: GateInputs) -> list[GateResult]:
    report, names = inputs.package.bias, version_value_names(inputs.package, inputs.data)
    asked = "".join(gate.facet.split())  # sex=0, sex = f, or sex for every value of it
    facets = [
        f
        for f in (report.facets if report else ())
        if asked in {"".join(text.split()) for text in ("", f.facet, f"{f.facet}={f.value}", f"{f.facet}={names.value(f.facet, f.value)}")}
    ]
    if not facets:
        lacking = f"no facet {gate.facet}" if gate.facet else "no bias report"
        return [not_computable(gate.name, f"Bias: {gate.metric}", _requirement_text(gate), f"The version has {lacking}.")]
    results = []
    for facet in facets:
        name, title = (
            f"bias {gate.metric} {facet.facet}={facet.value}",
            f"Bias: {gate.metric} for {names.describe(facet.facet, facet.value)}",
        )
        measure = {**facet.pre_training, **facet.post_training}.get(gate.metric)
        if measure is None or measure.value is None:
            reason = (measure.error if measure else None) or "The bias report doesn't have this metric."
            results.append(not_computable(name, title, _requirement_text(gate), reason))
        elif measure.in_words.endswith(COMPARES_NOTHING):
            results.append(not_computable(name, title, _requirement_text(gate), measure.in_words))
        else:
            results.append(_compare_with_limits(gate, name, title, measure.value, f"{measure.value:+z.4f}", "value"))
    return results


def _interval_text(low: float | None, high: float | None, form: str) -> str:
    return "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"


def _compare_with_limits(gate: _BoundedGate, name: str, title: str, value: float, measured_text: str, bound: str) -> GateResult:
    short = gate.min is not None and not value >= gate.min
    beyond = gate.max is not None and not value <= gate.max
    if not (short or beyond):
        return GateResult(name, title, "pass", measured_text, _requirement_text(gate))
    compared = "The value" if bound == "value" else f"The interval's {bound} end"
    return GateResult(
        name,
        title,
        "fail",
        measured_text,
        _requirement_text(gate),
        f"{compared}, {value:z.4g}, is {'below' if short else 'above'} the limit.",
    )


def _requirement_text(gate: _BoundedGate) -> str:
    what = {"low": "low end of the interval ", "high": "high end of the interval "}.get(getattr(gate, "bound", ""), "")
    if gate.min is None:
        return f"{what}at most {gate.max:g}"
    return f"{what}at least {gate.min:g}" if gate.max is None else f"{what}{gate.min:g} to {gate.max:g}"


def _complete(inputs: GateInputs) -> GateResult:
    parts = ("quality", "bias", "explainability")
    requirement = "quality, bias and explainability reports, unchanged since registration"
    if inputs.changed_evidence:
        return GateResult(
            "complete",
            "Evidence complete",
            "fail",
            f"{3 - len(inputs.changed_evidence)} of {len(parts)} reports",
            requirement,
            f"Missing or changed: {', '.join(inputs.changed_evidence)}.",
        )
    return GateResult("complete", "Evidence complete", "pass", "all reports", requirement)


def _disjoint(inputs: GateInputs) -> GateResult:
    title, requirement = "Test rows never trained on", "no training row is a test or validation row, or was made from one"
    if inputs.data is None:
        return not_computable("disjoint", title, requirement, "The version names no rebalancing job.")
    leaked, disjoint = inputs.data.manifest["leaked_rows"], inputs.data.manifest["split"]["disjoint"]
    leaked_text = f"{leaked:,} rows leaked"
    if leaked or not disjoint:
        return GateResult("disjoint", title, "fail", leaked_text, requirement, "The data were rebalanced before they were split.")
    return GateResult("disjoint", title, "pass", leaked_text, requirement)


def _label_shares(gate: LabelSharesGate, inputs: GateInputs) -> GateResult:
    beyond = " beyond the target of the rebalancing" if gate.of == "beyond_target" else ""
    title, requirement = (
        "Favourable labels not moved",
        f"each group's share of favourable labels moved by at most {100 * gate.max:g} points{beyond}",
    )
    if inputs.data is None:
        return not_computable(gate.name, title, requirement, "The version names no rebalancing job.")
    by_facet = label_shares_by_facet(inputs.data.manifest)
    if not by_facet:
        reason = "The rebalancing job is of an earlier version, which didn't measure it: run it again."
        return not_computable(gate.name, title, requirement, reason)
    names = inputs.data.value_names
    groups = {
        names.describe(facet, entry["group"]) if entry["group"] != "others" else f"{facet}, others": entry
        for facet, shares in by_facet.items()
        for entry in shares
    }
    movements = {name: entry["moved"] if gate.of == "moved" else entry["beyond_target"] for name, entry in groups.items()}
    known_movements = {name: value for name, value in movements.items() if value is not None}
    if len(known_movements) < len(groups):
        return not_computable(
            gate.name, title, requirement, f"No rows are left of {'; '.join(name for name in groups if name not in known_movements)}."
        )
    name = max(known_movements, key=lambda name: abs(known_movements[name]))
    shares_text = f"{format_percent(groups[name]['before'])} before, {format_percent(groups[name]['after'])} after"
    largest_movement = f"{name}: {shares_text}, {signed_number(100 * known_movements[name], 2)} points{beyond}"
    if abs(known_movements[name]) > gate.max:
        return GateResult(
            gate.name, title, "fail", largest_movement, requirement, "Rebalancing changed the outcomes in the data, not only the counts."
        )
    return GateResult(gate.name, title, "pass", largest_movement, requirement)


def _fresh(gate: FreshnessGate, inputs: GateInputs, now: datetime) -> GateResult:
    age = (now - inputs.package.created).total_seconds() / 86_400
    age_text, requirement = f"{age:.1f} days old", f"at most {gate.max_age_days} days old"
    if age > gate.max_age_days:
        return GateResult(
            "fresh", "Evidence fresh", "fail", age_text, requirement, "Measure bias and SHAP again, and register the version again."
        )
    return GateResult("fresh", "Evidence fresh", "pass", age_text, requirement)


def _lineage(inputs: GateInputs) -> GateResult:
    requirement = "a path from the data set through every job to the version"
    if inputs.lineage_gaps:
        return GateResult("lineage", "Lineage complete", "fail", "incomplete", requirement, f"Missing: {', '.join(inputs.lineage_gaps)}.")
    return GateResult("lineage", "Lineage complete", "pass", "complete", requirement)


def _reproduced(inputs: GateInputs) -> GateResult:
    title, requirement = "Evidence reproduced", "made again from the data set: the same rows, scores and figures"
    found = inputs.reproduction
    if found is None:
        reason = "Nobody has made the version again: start a reproduction."
        return not_computable("reproduced", title, requirement, reason)
    if not found.is_reproduced:
        return GateResult("reproduced", title, "fail", f"not by {found.job}", requirement, " ".join((*found.problems, *found.differing)))
    return GateResult("reproduced", title, "pass", f"by {found.job}", requirement)
