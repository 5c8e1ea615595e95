"""What whoever decides on a version has to know first: what it waits for and who can act, its submission, validation and approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core import identity
from core.governance.decision_rules import excluded_people
from core.governance.version_state import State
from core.identity import Identity
from core.ledger.audit_log import Event
from core.registry.registry_types import Package


@dataclass(frozen=True)
class Review:
    """The events since the version was last submitted. ``validation``: None before it; ``approvals``: in their order."""

    submission: Event | None = None
    validation: Event | None = None
    approvals: tuple[Event, ...] = ()


def read_review(state: State) -> Review:
    """How far the last submission of a version came."""
    found = Review()
    for event in state.history:
        if event.kind == "submit":
            found = Review(event)
        elif event.kind == "validate":
            found = Review(found.submission, event)
        elif event.kind == "approve":
            found = Review(found.submission, found.validation, (*found.approvals, event))
    return found


def people_who_may(kind: str, people: Sequence[Identity], state: State, package: Package) -> list[Identity]:
    """Those of ``people`` who may take a step on the version: they have the role, and had no part that forbids it."""
    involved = excluded_people(kind, state, None, package)
    return [person for person in people if identity.is_allowed(person, kind, involved=involved)]


def describe_wait(state: State, package: Package, people: Sequence[Identity] = ()) -> str:
    """What the version waits for, by whom, and what follows. ``people``: who can be named; those who may act are."""

    def who(kind: str) -> str:
        return ", ".join(person.name for person in people_who_may(kind, people, state, package))

    def here(kind: str) -> str:
        return f" Here that is {who(kind)}." if people and who(kind) else " Nobody here can." if people else ""

    open_approvals = state.approvals_needed - len(state.approvals)
    follow = (
        "A compliance officer approves after that" if open_approvals == 1 else f"{open_approvals} compliance officers approve after that"
    )
    if state.status in {"registered", "rejected", "withdrawn"}:
        again = "" if state.status == "registered" else " again"
        return f"It is {state.status}, and can be submitted{again} by a data scientist or an administrator.{here('submit')}"
    if state.status == "submitted":
        return f"It waits for a validator, who must not have trained, registered or submitted it.{here('validate')} {follow}."
    if state.status == "validated":
        given = f"{len(state.approvals)} of {state.approvals_needed} approval{'s' * (state.approvals_needed > 1)}"
        return f"It waits for approval ({given} given), by a compliance officer who had no part in it.{here('approve')}"
    if state.status == "approved" and (still := sum(c.met_by is None for c in state.conditions)):
        number = f"{still} condition{' is' if still == 1 else 's are'} open"
        return f"It is approved, and {number}. Somebody who didn't build it reports a condition as met."
    return f"It is {state.status}. Nothing waits."
