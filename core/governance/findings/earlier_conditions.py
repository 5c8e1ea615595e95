"""Conditions of earlier decisions: of the group's other versions that were approved, and of this version's earlier approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.governance.version_state import State, apply_event
from core.ledger.audit_log import Event
from core.registry.registry_types import Package, group_from_arn, version_label


@dataclass(frozen=True)
class EarlierCondition:
    """A condition. ``version``: its version, as readers know it; ``decided``: the day of the approval, ISO date; ``outcome``: who met it,
    when and how; or that it was open when the approval ended, or is."""

    version: str
    decided: str
    text: str
    owner: str
    due: str
    outcome: str


@dataclass
class _Approval:
    """An approval's conditions, by number, and what became of them."""

    decided: dict[int, str]
    met: dict[int, str]


def list_earlier_conditions(events: Sequence[Event], package: Package) -> tuple[EarlierCondition, ...]:
    """The conditions in the order of the log. ``events``: the whole log. The conditions of the approval that is valid now are not among
    them."""
    found: list[EarlierCondition] = []
    group = group_from_arn(package.arn)
    subjects = dict.fromkeys(e.subject for e in events if e.kind == "approve" and _is_of_group(e.subject, group, package.arn))
    for subject in subjects:
        state, notes = State(subject), _Approval({}, {})
        for event in (e for e in events if e.subject == subject):
            if event.kind == "submit":
                found += _conclude(state, notes, "open when it was submitted again")
                notes = _Approval({}, {})
            known = len(state.conditions)
            state = apply_event(state, event)
            notes.decided |= {condition.number: event.time[:10] for condition in state.conditions[known:]}
            if event.kind == "meet condition":
                notes.met[event.body["condition"]] = f"met by {event.actor['name']} on {event.time[:10]}: {event.body['reason']}"
        if subject != package.arn:
            found += _conclude(state, notes, "open" if state.status == "approved" else f"open when it was {state.status}")
    return tuple(sorted(found, key=lambda one: one.decided))


def _is_of_group(subject: str, group: str | None, own: str) -> bool:
    return subject == own or ("/" in subject and group is not None and group_from_arn(subject) == group)


def _conclude(state: State, notes: _Approval, unmet: str) -> list[EarlierCondition]:
    group, _, number = state.subject.rpartition("model-package/")[2].partition("/")
    label = version_label(state.subject, group, int(number)) if number.isdecimal() else state.subject
    return [
        EarlierCondition(label, notes.decided[c.number], c.text, c.owner, c.due, notes.met.get(c.number, unmet)) for c in state.conditions
    ]
