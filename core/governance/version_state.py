"""The state of a version, computed from the log's events about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from core.aws.target import Target
from core.governance.policy import Tier
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.event_body import EVENT_FORMAT
from core.ledger.signing import Forged
from core.registry import registry_types
from core.registry.registry_types import Package

ALLOWED_FROM: dict[str, frozenset[str]] = {
    "submit": frozenset({"registered", "rejected", "withdrawn", "approved"}),
    "validate": frozenset({"submitted"}),
    "approve": frozenset({"validated"}),
    "reject": frozenset({"submitted", "validated"}),
    "withdraw": frozenset({"submitted", "validated", "approved"}),
    "retire": frozenset({"approved"}),
    "waive": frozenset({"submitted", "validated"}),
    "confirm waiver": frozenset({"submitted", "validated"}),
    "meet condition": frozenset({"approved"}),
}
"""Action -> the statuses in which it is allowed."""
REGISTRY_STATUS = {"approved": "Approved", "rejected": "Rejected", "withdrawn": "Rejected", "retired": "Rejected"}
"""Status in the log -> approval status in the registry; PendingManualApproval for all others."""
VERIFY_HINT = "Verify the log on the decisions page."
PAST_TENSE = {
    "submit": "submitted",
    "validate": "validated",
    "approve": "approved",
    "reject": "rejected",
    "withdraw": "withdrew",
    "retire": "retired",
    "waive": "asked to waive a gate of",
    "confirm waiver": "confirmed a waiver of",
    "meet condition": "met a condition of",
}
"""What somebody did, for a sentence: ``Dana withdrew credit-default v3``."""


@dataclass(frozen=True)
class Waiver:
    """A gate that may fail until ``expires`` (ISO date), once somebody else has confirmed the waiver."""

    gate: str
    reason: str
    expires: str
    by: str
    by_id: str
    confirmed_by: str | None = None

    def is_valid_on(self, on: date) -> bool:
        return self.confirmed_by is not None and on.isoformat() <= self.expires


@dataclass(frozen=True)
class Condition:
    """A condition of an approval: who has to meet it, and by when (ISO date)."""

    number: int
    text: str
    owner: str
    due: str
    met_by: str | None = None


@dataclass(frozen=True)
class State:
    """The state of a version, according to the log.

    ``last_event``: the number of the last decision on it, 0 if none; a new decision names it as the one that its author saw.
    ``registered_properties``: its properties as this product registered it; None for a version that another tool made. ``person_ids``: part
    -> id of the person who had it; ``person_names``: part -> the person's name. ``approvals``: ids of the approvers.
    ``earlier_submitters``, ``earlier_validators``: (id, name) of those of earlier submissions. ``evidence``: SHA-256 of the recorded
    evidence; ``policy``: SHA-256 of the policy at submission, later at the last approval. ``expires``: the last day of an approval (ISO
    date). ``review_reasons``: why an approved version has to be reviewed again, by dates, conditions, policy and data; only
    ``list_versions_by_urgency`` fills it. ``evidence_format``: the format of the event that submitted it.
    """

    subject: str
    registered_properties: dict[str, str] | None = None
    last_event: int = 0
    status: str = "registered"
    tier: Tier = "high"
    profile: str = ""
    person_ids: dict[str, str] = field(default_factory=dict)
    person_names: dict[str, str] = field(default_factory=dict)
    earlier_submitters: tuple[tuple[str, str], ...] = ()
    earlier_validators: tuple[tuple[str, str], ...] = ()
    approvals: tuple[str, ...] = ()
    approvals_needed: int = 0
    evidence: str | None = None
    policy: str | None = None
    conditions: tuple[Condition, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    expires: str | None = None
    review_reasons: tuple[str, ...] = ()
    history: tuple[Event, ...] = ()
    evidence_format: int = EVENT_FORMAT

    @property
    def has_older_evidence(self) -> bool:
        """Whether it was submitted under an earlier format of events, with what its evidence had to contain at that time."""
        return self.evidence_format < EVENT_FORMAT


def fold_events(events: Sequence[Event], subject: str) -> State:
    """The state of a version after these events. Raises Forged for an event that lacks what its kind records."""
    state = State(subject)
    for event in events:
        if event.subject == subject:
            state = apply_event(state, event)
    return state


def events_by_subject(events: Sequence[Event]) -> dict[str, list[Event]]:
    """The events about each subject, in their order."""
    by_subject: dict[str, list[Event]] = {}
    for event in events:
        by_subject.setdefault(event.subject, []).append(event)
    return by_subject


def approved_versions(events: Sequence[Event]) -> frozenset[str]:
    """The ARNs of the versions that are approved after these events. Raises Forged for an event that lacks what its kind records."""
    by_subject = events_by_subject(events)
    approved = {event.subject for event in events if event.kind == "approve"}
    return frozenset(subject for subject in approved if fold_events(by_subject[subject], subject).status == "approved")


def last_approved(events: Sequence[Event], arn: str) -> str | None:
    """The ARN of the version of the same group that was approved last, of those that are approved after these events; None if there is no
    other one."""
    group, approved = registry_types.group_from_arn(arn), approved_versions(events)
    others = [e.subject for e in events if e.kind == "approve" and e.subject in approved - {arn}]
    return next((subject for subject in reversed(others) if registry_types.group_from_arn(subject) == group), None)


def apply_event(state: State, event: Event) -> State:
    """The state of a version after one more event about it. The first registration counts, and kinds that are no decisions don't. Raises
    Forged for an event that lacks what its kind records."""
    try:
        if event.kind == registry_types.REGISTER_EVENT and state.registered_properties is None:
            return replace(state, registered_properties=dict(event.body["properties"]))
        if event.kind in ALLOWED_FROM:
            return replace(_decide(state, event), last_event=event.number, history=(*state.history, event))
    except (KeyError, TypeError, ValueError) as error:
        raise Forged(f"Event {event.number} lacks what “{event.kind}” records.", resource=event.subject, hint=VERIFY_HINT) from error
    return state


def sound_events(events: Sequence[Event]) -> list[Event]:
    """The events without those that lack what their kind records: what the verification goes on with after it has named them."""
    states: dict[str, State] = {}
    sound = []
    for event in events:
        try:
            states[event.subject] = apply_event(states.get(event.subject, State(event.subject)), event)
        except Forged:
            continue
        sound.append(event)
    return sound


def _decide(state: State, event: Event) -> State:
    body, who, name = event.body, event.actor["id"], event.actor["name"]
    if event.kind == "submit":
        return State(
            state.subject,
            state.registered_properties,
            status="submitted",
            tier=body["tier"],
            profile=body["profile"],
            person_ids={"submitter": who},
            person_names={"submitter": name},
            earlier_submitters=_with_earlier(state, "submitter", state.earlier_submitters),
            earlier_validators=_with_earlier(state, "validator", state.earlier_validators),
            approvals_needed=body["approvals_needed"],
            evidence=body["evidence"],
            policy=body["policy"],
            history=state.history,
            evidence_format=event.format,
        )
    if event.kind == "validate":
        return replace(
            state,
            status="validated",
            person_ids=state.person_ids | {"validator": who},
            person_names=state.person_names | {"validator": name},
        )
    if event.kind == "approve":
        count = len(state.approvals) + 1
        return replace(
            state,
            status="approved" if count >= state.approvals_needed else state.status,
            approvals=(*state.approvals, who),
            person_ids=state.person_ids | {f"approver {count}": who},
            person_names=state.person_names | {f"approver {count}": name},
            conditions=state.conditions + tuple(Condition(len(state.conditions) + i + 1, **c) for i, c in enumerate(body["conditions"])),
            expires=body["expires"],
            policy=body["policy"],
        )
    if event.kind == "waive":
        other_waivers = tuple(w for w in state.waivers if w.gate != body["gate"])
        return replace(state, waivers=(*other_waivers, Waiver(body["gate"], body["reason"], body["expires"], name, who)))
    if event.kind == "confirm waiver":
        return replace(state, waivers=tuple(replace(w, confirmed_by=name) if w.gate == body["gate"] else w for w in state.waivers))
    if event.kind == "meet condition":
        met = tuple(replace(c, met_by=name) if c.number == body["condition"] else c for c in state.conditions)
        return replace(state, conditions=met)
    return replace(state, status={"reject": "rejected", "withdraw": "withdrawn", "retire": "retired"}[event.kind])


def _with_earlier(state: State, part: str, earlier: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Who had a part in the submissions before this one."""
    who = state.person_ids.get(part)
    return tuple(dict.fromkeys((*earlier, (who, state.person_names.get(part, who))))) if who else earlier


def read_state(target: Target, arn: str) -> State:
    """The state of a version, according to the log."""
    return fold_events(audit_log.read_events(target), arn)


def people_involved(state: State, package: Package | None = None) -> dict[str, str]:
    """Part -> id of each person who has had a part in a version, so that nobody takes two. The log counts, and not the package's
    properties, which can be overwritten; they are asked only of a version of which the log has no registration. Names are included, since
    a person may have two accounts."""
    properties = state.registered_properties or (package.properties if package else {})
    parts = {"trainer": "trained-by", "registrant": "registered-by"}
    ids = {part: properties.get(f"governance:{key}", "") for part, key in parts.items()} | state.person_ids
    names = {part: properties.get(f"governance:{key}-name", "") for part, key in parts.items()} | state.person_names
    return {part: who for part, who in {**ids, **{f"{part} by name": name for part, name in names.items()}}.items() if who}


def today() -> date:
    """The date in UTC."""
    return datetime.now(UTC).date()
