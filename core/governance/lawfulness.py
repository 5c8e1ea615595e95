"""Judges whether each event of the log was allowed: replays the versions' states from the events, by the rules that decisions follow.

Who holds the signing key can write any event. A chain of valid signatures therefore says that nothing was changed later, and not that each
step was one that the product would have taken. Nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core import identity
from core.errors import Conflict, GovernanceError
from core.governance import decision_rules, policy_adoption, version_state
from core.governance.consistency import Problem
from core.governance.decision_rules import JUDGED_KINDS, Step
from core.governance.policy import Policy
from core.governance.policy_adoption import ADOPT_EVENT, CONFIRM_EVENT, PolicyState
from core.governance.version_state import ALLOWED_FROM, State
from core.identity import Identity, identity_from_record
from core.ledger.audit_log import Event
from core.ledger.event_body import EVENT_FORMAT
from core.ledger.signing import Forged
from core.registry.registry_types import REGISTER_EVENT

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clocks of two machines may differ before an event counts as dated in the future."""
POLICY_EVENTS = frozenset({ADOPT_EVENT, CONFIRM_EVENT})


@dataclass
class _Replay:
    """What the events so far came to."""

    states: dict[str, State] = field(default_factory=dict)
    policy: PolicyState = field(default_factory=PolicyState)
    time: datetime | None = None
    newest_format: int = 1
    registrations: set[str] = field(default_factory=set)


def judge_events(
    events: Sequence[Event], policies: Mapping[str, Policy], *, target_kind: str | None = None, now: datetime | None = None
) -> list[Problem]:
    """What wasn't allowed, in the order of the events; empty for a log in which every step was. ``policies``: by SHA-256, those that can be
    read; ``target_kind``: local or aws, by default that of the settings; ``now``: by default the time of this machine."""
    replay, problems, latest = _Replay(), [], (now or datetime.now(UTC)) + CLOCK_TOLERANCE
    for event in events:
        found = list(_find_refusals(event, replay, policies, target_kind, latest))
        problems += [Problem(event.number, event.subject, f"Event {event.number} ({event.kind}): {error.message}") for error in found]
    return problems


def older_versions(events: Sequence[Event]) -> list[str]:
    """The ARNs of the versions whose last submission has an earlier format of events, in the order of the log. They were judged by the
    rules of that format."""
    formats = {event.subject: event.format for event in events if event.kind == "submit"}
    return [subject for subject, number in formats.items() if number < EVENT_FORMAT]


def _find_refusals(
    event: Event, replay: _Replay, policies: Mapping[str, Policy], target_kind: str | None, latest: datetime
) -> Iterator[GovernanceError]:
    """Everything that forbids this event after those before. It then counts all the same, as it does for every reader of the log."""
    yield from _find_wrong_time(event, replay, latest)
    if event.format > EVENT_FORMAT:
        yield Conflict(f"Its format, {event.format}, is one of a later version of the product, and isn't judged.")
    if event.format < replay.newest_format:
        yield Conflict(f"It has format {event.format}, after an event of format {replay.newest_format}.")
    replay.newest_format = max(replay.newest_format, event.format)
    try:
        person = identity_from_record(event.actor)
        if event.kind == REGISTER_EVENT:
            yield from _find_registration_refusals(event, person, replay, target_kind)
        elif event.kind in ALLOWED_FROM:
            state = replay.states.get(event.subject, State(event.subject))
            yield from decision_rules.find_refusals(_step_of(event, person, state, replay.policy, policies, target_kind), state)
        elif event.kind in POLICY_EVENTS:
            yield from policy_adoption.find_policy_refusals(
                event.kind, person, event.body, replay.policy, target_kind=target_kind, event_format=event.format
            )
        else:
            yield Conflict("The product writes no event of this kind.")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        yield Conflict(f"It lacks what such an event records ({type(error).__name__}: {error}).")
    try:
        if event.kind in POLICY_EVENTS:
            replay.policy = policy_adoption.apply_policy_event(replay.policy, event)
        else:
            state = replay.states.get(event.subject, State(event.subject))
            replay.states[event.subject] = version_state.apply_event(state, event)
    except Forged as error:
        yield error


def _find_wrong_time(event: Event, replay: _Replay, latest: datetime) -> Iterator[GovernanceError]:
    try:
        time = datetime.fromisoformat(event.time)
        if time.tzinfo is None:
            raise ValueError
    except ValueError:
        yield Conflict(f"{event.time!r} isn't a time.")
        return
    if time > latest:
        yield Conflict(f"It is dated in the future ({event.time}).")
    if replay.time is not None and time < replay.time:
        yield Conflict("It is dated earlier than the event before it.")
    replay.time = max(time, replay.time or time)


def _find_registration_refusals(event: Event, person: Identity, replay: _Replay, target_kind: str | None) -> Iterator[GovernanceError]:
    refusal = identity.explain_refusal(person, "register", resource=event.subject, target_kind=target_kind)
    if refusal is not None:
        yield refusal
    before = replay.states.get(event.subject)
    if before is not None and before.registered_properties is not None:
        yield Conflict("The version was registered before; the first registration counts.")
    elif before is not None and before.history:
        yield Conflict("The version was decided on before it was registered.")
    if event.body["properties"]["governance:registered-by"] != person.tag:
        yield Conflict(f"It says that {event.body['properties']['governance:registered-by']} registered the version, not {person.name}.")
    announced = event.body.get("registration")
    if announced is not None and announced in replay.registrations:
        yield Conflict("Its announcement belongs to a registration before it.")
    replay.registrations.add(announced or "")


def _step_of(
    event: Event, person: Identity, state: State, policy_state: PolicyState, policies: Mapping[str, Policy], target_kind: str | None
) -> Step:
    in_force = policy_state.digests_in_force if event.format > 1 else None
    if event.kind in JUDGED_KINDS:
        digest = event.body["policy"]
    else:  # it names no policy: the adopted one, or else the product's own, which is the one of the submission
        digest = policy_state.confirmed.digest if policy_state.confirmed else state.policy or ""
    day = datetime.fromisoformat(event.time).astimezone(UTC).date()
    label = event.subject.rpartition("model-package/")[2] or event.subject
    return Step(event.kind, person, event.subject, label, event.body, day, policies.get(digest), in_force, target_kind, format=event.format)
