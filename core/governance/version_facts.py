"""What is measured and recorded of a version, under the dotted paths that regulatory profiles name as evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from core.analysis.bias.group_table import GroupFigure, GroupOutcome, impact_ratios
from core.analysis.explanations import shap_summary
from core.analysis.performance.performance_json import estimates_in
from core.aws.target import Target
from core.data import column_roles
from core.errors import DataError, NotFound, Refused
from core.governance import review_summary
from core.governance.evidence import Evidence
from core.governance.findings import prohibited_bases
from core.governance.model_cards.model_card import Card
from core.governance.version_state import State
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry import model_packages, registry_types
from core.registry.registry_types import Package
from core.reports import shap_jobs, trial_bias_jobs
from core.reports.imported_reports import report_uris

FACT_TITLES = {
    "version.version": "version",
    "version.training_job": "training job",
    "version.hyperparameters": "hyperparameters",
    "version.trained_by": "who trained it",
    "threshold.value": "threshold",
    "threshold.rationale": "why that threshold",
    "quality.auc": "AUC with its interval",
    "quality.ece": "calibration error with its interval",
    "quality.confusion": "confusion matrix",
    "bias.metrics": "bias metrics",
    "bias.intervals": "intervals of the bias metrics",
    "bias.rows": "rows on which bias was measured",
    "bias.groups": "rows, selection rate and impact ratio of each group",
    "bias.intersections": "rows, selection rate and impact ratio of intersections",
    "bias.unknown": "rows without a known group",
    "inputs.prohibited_bases": "prohibited bases: inputs or not, measured or not",
    "shap.importance": "mean |SHAP| of each feature",
    "shap.direction": "direction of each feature's SHAP values",
    "shap.sensitive_share": "share of the sensitive features in all SHAP values",
    "alternatives.trials": "trials measured in the search for alternatives",
    "data.uri": "data set",
    "data.sha256": "SHA-256 of the data set",
    "data.rows": "rows of the data set",
    "data.features": "features",
    "data.codes": "what the codes mean",
    "data.label": "label",
    "data.facet": "facet",
    "data.split": "split",
    "data.rebalancing": "rebalancing",
    "evidence.quality": "quality report",
    "evidence.bias": "bias report",
    "evidence.explainability": "explainability report",
    "evidence.scores": "scores",
    "evidence.model": "model",
    "evidence.data/source": "data set as pinned",
    "decision.tier": "tier",
    "decision.tier_rationale": "why that tier",
    "decision.profile": "gates' profile",
    "decision.policy": "policy",
    "decision.evidence": "signed evidence",
    "decision.validator": "validator",
    "decision.validation_code": "kind of validation",
    "decision.validation_rationale": "what the validator found",
    "decision.reproduction": "reproduction by the validator",
    "decision.conditions": "conditions of the approval",
}
"""Path -> what is there, in words. ``card`` (the model card) has its own fields; ``quality`` and ``evidence`` have one for each metric and
each pinned file."""
NO_CONDITIONS = "approved without conditions"
NO_PROHIBITED_BASIS = "no column is named like a prohibited basis"


def collect_facts(target: Target, package: Package, state: State, card: Card, evidence: Evidence | None) -> dict[str, object]:
    """The facts about a version that dotted paths lead to. What is missing or undefined is left out. ``evidence``: as it was submitted;
    None for a version that wasn't."""
    data = model_packages.find_rebalancing(target, package)
    facts: dict[str, dict[str, object]] = {
        "version": {
            "arn": package.arn,
            "version": package.version,
            "training_job": package.training_job,
            "hyperparameters": package.hyperparameters,
            "trained_by": package.properties.get("governance:trained-by-name"),
        },
        "threshold": {"value": package.threshold, "rationale": package.properties.get(registry_types.THRESHOLD_RATIONALE_PROPERTY)},
        "quality": {
            **{name: figure for name, figure in estimates_in(package.performance).items() if figure["value"] is not None},
            "confusion": package.performance["confusion"] if package.performance else None,
        },
        "bias": _bias_facts(package, data),
        "inputs": {"prohibited_bases": _prohibited_bases(package, data) if data else None},
        "shap": {"importance": package.shap, **_shap_facts(target, package, data)},
        "alternatives": _trial_facts(target, package),
        "data": _data_facts(data) if data else {},
        "evidence": {} if evidence is None else {name: pinned["sha256"] for name, pinned in evidence.files.items()},
        "decision": _decision_facts(state),
    }
    return {
        "card": card.content,
        **{part: {name: fact for name, fact in found.items() if fact not in (None, "", {}, [])} for part, found in facts.items()},
    }


def _bias_facts(package: Package, data: RebalancedData | None) -> dict[str, object]:
    report = package.bias
    if report is None:
        return {}
    names = registry_types.version_value_names(package, data)
    metrics: dict[str, object] = {}
    intervals: dict[str, object] = {}
    for facet in report.facets:
        measured = {**facet.pre_training, **facet.post_training}
        people = names.describe(facet.facet, facet.value)
        metrics[people] = {name: m.value for name, m in measured.items() if m.value is not None}
        known = {n: (m.interval.low, m.interval.high) for n, m in measured.items() if m.interval and m.interval.low is not None}
        intervals |= {people: known} if known else {}
    table = report.group_table
    groups = list(zip(table.groups, impact_ratios(table), strict=True)) if table else []
    return {
        "metrics": metrics,
        "intervals": intervals,
        "rows": report.governance.get("rows"),
        "groups": _group_facts([pair for pair in groups if len(pair[0].columns) == 1]),
        "intersections": _group_facts([pair for pair in groups if len(pair[0].columns) > 1]),
        "unknown": dict(table.without_value) if table else None,
    }


def _group_facts(groups: Sequence[tuple[GroupOutcome, float | None]]) -> list[dict[str, object]]:
    """Each group with its rows and its rates. ``groups``: each with its selection rate divided by that of the most selected group of the
    same columns, None where nothing was measured."""
    return [
        {
            "columns": group.columns,
            "group": group.name,
            "rows": group.rows,
            "selection_rate": _figure(group.selection_rate),
            "label_share": _figure(group.label_share),
            "impact_ratio": ratio,
            "why": group.why,
        }
        for group, ratio in groups
    ]


def _figure(figure: GroupFigure | None) -> dict[str, object] | None:
    return None if figure is None else {"value": figure.value, "low": figure.low, "high": figure.high, "n": figure.n}


def _prohibited_bases(package: Package, data: RebalancedData) -> list[dict[str, object]] | str:
    """Every column that is named like a prohibited basis, or that people have marked as telling protected groups apart. ``input``: whether
    the model is given it; ``measured``: whether the bias report has figures of its groups."""
    found: list[dict[str, object]] = [
        {
            "column": one.column,
            "basis": ", ".join(one.bases) or "sensitive",
            "input": one.is_input,
            "measured": bool(one.measured),
        }
        for one in prohibited_bases.find_basis_columns(package, data)
    ]
    return found or NO_PROHIBITED_BASIS


def _shap_facts(target: Target, package: Package, data: RebalancedData | None) -> dict[str, object]:
    """Of the explanation's rows, if they are kept: the rank correlation of each feature with its SHAP values, for features whose numbers
    aren't codes, and the share of the sensitive features."""
    uri = report_uris(package.raw).get("explainability", "")
    if not package.shap or not uri.endswith("/analysis.json"):
        return {}
    try:
        result = shap_jobs.read_result_at(target, uri.removesuffix("/analysis.json"))
    except (NotFound, DataError, Refused):
        return {}
    values, features = result.values.to_numpy(dtype=float), [str(name) for name in result.values.columns]
    names, direction = registry_types.version_value_names(package, data), {}
    for place, feature in enumerate(features):
        numbers = pd.to_numeric(result.data[feature], errors="coerce").to_numpy(dtype=float)
        found = shap_summary.rank_correlation(values[:, place], numbers)
        if not names.is_coded(feature) and found.value == found.value:
            direction[feature] = found.value
    marked = set(column_roles.sensitive_columns(data.roles)) if data else set()
    share = shap_summary.importance_share(values, [place for place, name in enumerate(features) if name in marked]) if data else None
    return {
        "direction": direction,
        "sensitive_share": {"value": share.value, "low": share.low, "high": share.high, "n": share.n}
        if share and share.value == share.value
        else None,
    }


def _trial_facts(target: Target, package: Package) -> dict[str, object]:
    """The trials of the version's tuning job, if somebody has measured them: DPPL of each facet with its interval."""
    tuning_job = str(package.training.raw.get("TuningJobArn", "")).rpartition("/")[2] if package.training else ""
    measurement = trial_bias_jobs.find_newest_job(target, tuning_job) if tuning_job else None
    if measurement is None or measurement.status != "Completed":
        return {"tuning_job": tuning_job}
    report = trial_bias_jobs.read_result(target, measurement.name)
    trials = {trial["name"]: [_disparity(facet["measures"]) for facet in trial["facets"]] for trial in report["trials"]}
    return {"tuning_job": tuning_job, "measured_by": measurement.name, "rows": report["rows"], "trials": trials}


def _disparity(measures: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    return {key: measures["DPPL"][key] for key in ("value", "low", "high")} if "DPPL" in measures else {}


def _data_facts(data: RebalancedData) -> dict[str, object]:
    config = data.manifest["config"]
    return {
        "uri": data.dataset.uri,
        "sha256": data.dataset.sha256,
        "rows": data.dataset.rows,
        "features": data.manifest["features"],
        "codes": dict(data.value_names.values) or "no column has codes",
        "split": data.manifest["split"],
        "label": config["label"],
        "facet": config["facet"],
        "rebalancing": config["method"],
    }


def _decision_facts(state: State) -> dict[str, object]:
    review = review_summary.read_review(state)
    submission, validation = review.submission, review.validation
    if submission is None:
        return {}
    conditions = [{"text": c.text, "owner": c.owner, "due": c.due, "met_by": c.met_by} for c in state.conditions]
    return {
        "tier": state.tier,
        "tier_rationale": submission.body["tier_rationale"],
        "profile": state.profile,
        "policy": state.policy,
        "evidence": state.evidence,
        **(
            {
                "validator": validation.actor["name"],
                "validation_code": validation.body["code"],
                "validation_rationale": validation.body["reason"],
                "reproduction": validation.body.get("reproduction"),
            }
            if validation
            else {}
        ),
        "conditions": conditions or (NO_CONDITIONS if state.approvals else None),
    }
