"""Versions that this product did not register: their status, and what they need before they can be decided on here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.aws.target import Target
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError
from core.governance.version_state import State
from core.jobs import training_data, training_jobs
from core.ledger.audit_log import Event
from core.references import Reference
from core.registry import model_packages, registry_types
from core.registry.registry_types import Package

STATUS_LABELS = {"Approved": "approved elsewhere", "Rejected": "rejected elsewhere"}
FOREIGN_LABEL = "made elsewhere"


def is_foreign(state: State) -> bool:
    """Whether another tool made a version: the log has no event about it."""
    return state.registered_properties is None and not state.history


def status_label(status: str, state: State) -> str:
    """A version's status in words. ``status``: its approval status in the registry."""
    return STATUS_LABELS.get(status, FOREIGN_LABEL) if is_foreign(state) else state.status


def first_registered_numbers(events: Sequence[Event]) -> dict[str, int]:
    """Group -> the number of the first version that this product registered in it."""
    first_numbers: dict[str, int] = {}
    for event in events:
        group, number = _group_and_number(event.subject)
        if event.kind == registry_types.REGISTER_EVENT and number:
            first_numbers[group] = min(number, first_numbers.get(group, number))
    return first_numbers


def is_before_first_registered(first_numbers: dict[str, int], arn: str) -> bool:
    """Whether a version was made before this product registered any in its group. The log need not record decisions on it."""
    group, number = _group_and_number(arn)
    return group not in first_numbers or number < first_numbers[group]


def _group_and_number(arn: str) -> tuple[str, int]:
    match = re.search(r":model-package/([^/]+)/(\d+)$", arn)
    return (match[1], int(match[2])) if match else (arn, 0)


@dataclass(frozen=True)
class MissingPart:
    """A part of the evidence that a version made elsewhere lacks, and why it is missing."""

    part: str
    reason: str


@dataclass(frozen=True)
class PathToDecision:
    """How to get to a version that can be decided on: in words; ``reference`` is where to start, ``label`` its name."""

    explanation: str
    label: str
    reference: Reference


PART_TITLES = {
    "training job": "Training job",
    "model": "Model",
    "quality": "Quality on held-out rows, with intervals",
    "bias": "Bias report",
    "bias before training": "Bias report on the labels",
    "bias after training": "Bias report on the predictions",
    "explainability": "Explanation (SHAP)",
}


def list_missing_parts(target: Target, package: Package) -> list[MissingPart]:
    """The parts that a decision needs and this version lacks."""
    parts = [MissingPart("Registration", "This product's log doesn't say who registered it or what was registered.")]
    parts += [MissingPart(title, package.missing[part]) for part, title in PART_TITLES.items() if part in package.missing]
    if model_packages.find_rebalancing(target, package) is None:
        parts.append(MissingPart("Data", "It names no rebalancing job of this product, so nobody knows which rows it never trained on."))
    return parts


def find_path_to_decision(target: Target, package: Package) -> PathToDecision:
    """The shortest way from this version to one that can be decided on. Raises Forbidden and TargetUnavailable: data that can't be read now
    may have been split here."""
    job = package.training_job if "training job" not in package.missing else None
    data = None
    if job:
        try:
            data = training_data.find_rebalancing(target, training_jobs.describe_job(target, job))
        except INCONCLUSIVE_ERRORS:
            raise
        except GovernanceError:  # deleted, or the rebalancing job failed: then the model can't be evaluated on its data
            data = None
    if job and data is not None:
        words = (
            "Its training job used rows that were split here. Open the job and choose “Evaluate and register”, "
            "which measures bias and SHAP on the test rows."
        )
        return PathToDecision(words, "Its training job", Reference("training job", job))
    words = (
        "Add its data here and split them, train or tune a model on them with the same settings, then choose “Evaluate and register”. "
        "Only then is it known which rows the model never saw."
    )
    return PathToDecision(words, "Data and rebalancing", Reference("new rebalancing"))
