"""The gates of a policy: what of the evidence passes, fails, or can't be computed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from core import lineage, registry
from core.analysis.performance_difference import Difference
from core.clients import Clients
from core.errors import UNSEEN, GovernanceError
from core.governance.policy import Bias, Calibration, Fresh, Gate, Profile, Quality, _Bounded
from core.rebalancing import Rebalanced
from core.registry import Package

Status = Literal["pass", "fail", "not computable", "waived"]


@dataclass(frozen=True)
class Result:
    """One gate's outcome. ``found`` and ``wanted`` in words; ``reason``: why it failed or can't be computed."""

    gate: str
    title: str
    status: Status
    found: str
    wanted: str
    reason: str = ""
    required: bool = True

    @property
    def blocks(self) -> bool:
        """Whether an approval is refused for it."""
        return self.required and self.status in {"fail", "not computable"}


@dataclass(frozen=True)
class Facts:
    """What the gates look at. ``differences``: this version minus the one it is compared with; ``why_not`` where there are none."""

    package: Package
    differences: dict[str, Difference] | None
    why_not: str
    compared_with: str
    data: Rebalanced | None
    changed: tuple[str, ...]
    gaps: tuple[str, ...]


def facts(clients: Clients, package: Package, baseline: str | None) -> Facts:
    """Gather them; ``baseline``: the ARN of the version to compare with."""
    differences, why, label = None, "There is no other version to compare with.", ""
    if baseline is not None:
        comparison = registry.compare(clients, baseline, package.arn)
        differences, why, label = comparison.differences, comparison.why, comparison.a.label
    return Facts(
        package,
        differences,
        why,
        label,
        registry.data_of(clients, package),
        tuple(registry.missing_evidence(clients, package)),
        tuple(gaps(clients, package)),
    )


def baseline_of(clients: Clients, package: Package) -> str | None:
    """The version that this one would follow: the newest approved one of its group, or the newest baseline."""
    others = [v for v in registry.versions(clients, package.group or registry.NO_GROUP) if v.arn != package.arn]
    approved = next((v.arn for v in others if v.status == "Approved"), None)
    return approved or next((v.arn for v in others if v.description.startswith("baseline:")), None)


def gaps(clients: Clients, package: Package) -> list[str]:
    """What the lineage of a version lacks: nothing when it leads back to the data set through every job."""
    start = lineage.artifact_of(clients, package.arn)
    if start is None:
        return ["the version itself"]
    found = lineage.graph(clients, start, hops=10, direction="Ascendants")
    uris, names = {node.uri for node in found.nodes}, {node.name for node in found.nodes}
    wanted = {"the model artifact": package.model_uri}
    data = registry.data_of(clients, package)
    if data is None:
        return ["the rebalancing job"]
    wanted["the data set"] = data.dataset.uri
    jobs = {
        "the training job": f"{package.training_job}-aws-training-job",
        "the rebalancing job": f"{data.job}-aws-processing-job",
        "the bias job": f"{package.properties.get('governance:bias-job')}-aws-processing-job",
        "the SHAP job": f"{package.properties.get('governance:shap-job')}-aws-processing-job",
    }
    return [what for what, uri in wanted.items() if uri not in uris] + [what for what, name in jobs.items() if name not in names]


def evaluate(profile: Profile, known: Facts, *, now: datetime | None = None) -> list[Result]:
    """Every gate's outcome, in the policy's order; a bias gate has one for each facet."""
    now = now or datetime.now(UTC)
    return [replace(result, required=gate.required) for gate in profile.gates for result in _one(gate, known, now)]


def _one(gate: Gate, known: Facts, now: datetime) -> list[Result]:
    if isinstance(gate, Quality) and gate.kind == "baseline":
        return [_baseline(gate, known)]
    if isinstance(gate, Quality | Calibration):
        return [_quality(gate, known)]
    if isinstance(gate, Bias):
        return _bias(gate, known)
    if isinstance(gate, Fresh):
        return [_fresh(gate, known, now)]
    return [{"complete": _complete, "disjoint": _disjoint, "lineage": _lineage}[gate.kind](known)]


def _quality(gate: Quality | Calibration, known: Facts) -> Result:
    title = f"Calibration: {gate.metric}" if gate.kind == "calibration" else f"Quality: {gate.metric}"
    figure = (known.package.performance or {}).get(gate.metric)
    if not isinstance(figure, dict) or figure.get(gate.bound) is None:
        return _not_computable(gate.name, title, _wanted(gate), "The version has no such figure.")
    found = f"{figure['value']:.4g} [{figure['low']:.4g}, {figure['high']:.4g}], n = {figure['n']:,}"
    return _judged(gate, gate.name, title, float(figure[gate.bound]), found, gate.bound)


def _baseline(gate: Quality, known: Facts) -> Result:
    title = f"Against {known.compared_with or 'the version before'}: {gate.metric}"
    difference = (known.differences or {}).get(gate.metric)
    if difference is None:
        return _not_computable(gate.name, title, _wanted(gate), known.why_not or "The version has no such figure.")
    value = getattr(difference, gate.bound)
    if value is None:
        return _not_computable(gate.name, title, _wanted(gate), "The difference is undefined on these rows.")
    found = f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}], {difference.method}"
    return _judged(gate, gate.name, title, value, found, gate.bound)


def _bias(gate: Bias, known: Facts) -> list[Result]:
    report = known.package.bias
    facets = [f for f in (report.facets if report else ()) if gate.facet in {"", f.facet, f"{f.facet}={f.value}"}]
    if not facets:
        what = f"no facet {gate.facet}" if gate.facet else "no bias report"
        return [_not_computable(gate.name, f"Bias: {gate.metric}", _wanted(gate), f"The version has {what}.")]
    results = []
    for facet in facets:
        name, title = f"bias {gate.metric} {facet.facet}={facet.value}", f"Bias: {gate.metric} for {facet.facet} = {facet.value}"
        measure = {**facet.pre_training, **facet.post_training}.get(gate.metric)
        if measure is None or measure.value is None:
            reason = (measure.error if measure else None) or "The report doesn't have it."
            results.append(_not_computable(name, title, _wanted(gate), reason))
        else:
            results.append(_judged(gate, name, title, measure.value, f"{measure.value:+.4f}", "value"))
    return results


def _judged(gate: _Bounded, name: str, title: str, value: float, found: str, bound: str) -> Result:
    short = gate.min is not None and not value >= gate.min
    beyond = gate.max is not None and not value <= gate.max
    if not (short or beyond):
        return Result(name, title, "pass", found, _wanted(gate))
    what = "The value" if bound == "value" else f"The interval's {bound} end"
    return Result(name, title, "fail", found, _wanted(gate), f"{what}, {value:.4g}, is {'below' if short else 'above'} the limit.")


def _wanted(gate: Any) -> str:
    what = {"low": "low end of the interval ", "high": "high end of the interval "}.get(getattr(gate, "bound", ""), "")
    if gate.min is not None and gate.max is not None:
        return f"{what}{gate.min:g} to {gate.max:g}"
    return f"{what}at least {gate.min:g}" if gate.min is not None else f"{what}at most {gate.max:g}"


def _not_computable(name: str, title: str, wanted: str, reason: str) -> Result:
    return Result(name, title, "not computable", "—", wanted, reason)


def _complete(known: Facts) -> Result:
    parts = ("quality", "bias", "explainability")
    wanted = "quality, bias and explainability reports, unchanged since registration"
    if known.changed:
        return Result(
            "complete",
            "Evidence complete",
            "fail",
            f"{3 - len(known.changed)} of {len(parts)} reports",
            wanted,
            f"Missing or changed: {', '.join(known.changed)}.",
        )
    return Result("complete", "Evidence complete", "pass", "all reports", wanted)


def _disjoint(known: Facts) -> Result:
    title, wanted = "Test rows never trained on", "no test or validation row among the training rows, nor made from one"
    if known.data is None:
        return _not_computable("disjoint", title, wanted, "The version names no rebalancing job.")
    leaked, disjoint = known.data.manifest["leaked_rows"], known.data.manifest["split"]["disjoint"]
    found = f"{leaked:,} rows leaked"
    if leaked or not disjoint:
        return Result("disjoint", title, "fail", found, wanted, "The data were rebalanced before they were split.")
    return Result("disjoint", title, "pass", found, wanted)


def _fresh(gate: Fresh, known: Facts, now: datetime) -> Result:
    age = (now - known.package.created).total_seconds() / 86_400
    found, wanted = f"{age:.1f} days old", f"at most {gate.max_age_days} days old"
    if age > gate.max_age_days:
        return Result("fresh", "Evidence fresh", "fail", found, wanted, "Measure bias and SHAP again, and register the version anew.")
    return Result("fresh", "Evidence fresh", "pass", found, wanted)


def _lineage(known: Facts) -> Result:
    wanted = "a path from the data set through every job to the version"
    if known.gaps:
        return Result("lineage", "Lineage complete", "fail", "incomplete", wanted, f"It lacks {', '.join(known.gaps)}.")
    return Result("lineage", "Lineage complete", "pass", "complete", wanted)


def check(clients: Clients, package: Package, profile: Profile) -> list[Result]:
    """Gather and evaluate. Evidence that can't be used is a failing gate, not an error of the page. Raises Forbidden and TargetUnavailable:
    evidence that couldn't be read now says nothing of the version."""
    try:
        known = facts(clients, package, baseline_of(clients, package))
    except UNSEEN:
        raise
    except GovernanceError as error:
        return [Result("complete", "Evidence complete", "fail", "unreadable", "readable evidence", error.what)]
    return evaluate(profile, known)
