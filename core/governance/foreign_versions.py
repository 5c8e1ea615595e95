"""Versions that this product did not register: how they stand, and what they lack to be decided on here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core import evaluation, registry, training
from core.clients import Clients
from core.errors import GovernanceError
from core.governance.log import Event
from core.governance.states import State
from core.registry import Package

LABELS = {"Approved": "approved elsewhere", "Rejected": "rejected elsewhere"}
MADE = "made elsewhere"


def unknown(now: State) -> bool:
    """Whether the log has nothing about a version: something else than this product made it."""
    return now.registered is None and not now.history


def label(status: str, now: State) -> str:
    """How a version stands, in words; ``status`` is the registry's."""
    return LABELS.get(status, MADE) if unknown(now) else now.status


def first_registered(events: Sequence[Event]) -> dict[str, int]:
    """Group -> the number of the first version that this product registered in it."""
    found: dict[str, int] = {}
    for event in events:
        group, number = _numbered(event.subject)
        if event.kind == registry.REGISTERED and number:
            found[group] = min(number, found.get(group, number))
    return found


def predates(first: dict[str, int], arn: str) -> bool:
    """Whether a version was there before this product registered any in its group: what was decided on it is no business of the log."""
    group, number = _numbered(arn)
    return group not in first or number < first[group]


def _numbered(arn: str) -> tuple[str, int]:
    found = re.search(r":model-package/([^/]+)/(\d+)$", arn)
    return (found[1], int(found[2])) if found else (arn, 0)


@dataclass(frozen=True)
class Lack:
    """A part of the evidence that a version made elsewhere doesn't have, and why it isn't there."""

    part: str
    why: str


@dataclass(frozen=True)
class Way:
    """How to come to a version that can be decided on: in words, with the page and its query."""

    words: str
    link: str
    page: str
    query: dict[str, str]


PARTS = {
    "training job": "Training job",
    "model": "Model",
    "quality": "Quality on held-out rows, with intervals",
    "bias": "Bias report",
    "bias before training": "Bias report on the labels",
    "bias after training": "Bias report on the predictions",
    "explainability": "Explanation (SHAP)",
}


def lacks(clients: Clients, package: Package) -> list[Lack]:
    """What the product needs for a decision and this version doesn't have."""
    found = [Lack("Registration", "The log of this product doesn't say who registered it, nor what was registered.")]
    found += [Lack(title, package.missing[part]) for part, title in PARTS.items() if part in package.missing]
    if registry.data_of(clients, package) is None:
        found.append(Lack("Data", "It names no rebalancing of this product: which rows it never trained on isn't known."))
    return found


def way(clients: Clients, package: Package) -> Way:
    """The shortest way from this version to one that can be decided on."""
    job = package.training_job if "training job" not in package.missing else None
    data = None
    if job:
        try:
            data = evaluation.data_of(clients, training.describe(clients, job))
        except GovernanceError:
            data = None
    if job and data is not None:
        words = "Its training job read rows that were split here: “Evaluate and register” on it measures bias and SHAP on the test rows."
        return Way(words, "Its training job", "tuning", {"training": job})
    words = (
        "Keep its data here and split them, train or tune on them with the same settings, then “Evaluate and register”: "
        "only then is known which rows the model never saw."
    )
    return Way(words, "Data and rebalancing", "data", {"tab": "new"})
