"""Names things of a workspace, so that a caller can open them: which page or command shows one is the caller's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ReferenceKind = Literal[
    "data",
    "new rebalancing",
    "rebalancing",
    "new tuning job",
    "tuning job",
    "training job",
    "bias report",
    "explanation",
    "reasons",
    "versions",
    "version",
    "decisions",
    "decision",
]
"""The plural ones name all of a kind. "decision" is what was, or can be, decided on a version."""


JOB_NAME_PREFIXES: dict[ReferenceKind, str] = {
    "rebalancing": "governance-rebalance",
    "bias report": "governance-bias",
    "explanation": "governance-shap",
    "reasons": "governance-reasons",
}
"""How the names of the jobs start whose results are things of their own: a job's name tells what it makes."""


@dataclass(frozen=True)
class Reference:
    """A thing of the workspace. ``id``: a job's name, or the ARN of a version; for a new tuning job the rebalancing to tune on; "" for
    kinds that name no single thing."""

    kind: ReferenceKind
    id: str = ""
