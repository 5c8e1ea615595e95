"""Which policy is in force: the one that an administrator adopted and a second person confirmed, as events of the log; until then the
product's own. A file that the environment names is a proposal, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from core import identity as identities
from core.aws.target import Target
from core.errors import Conflict, GovernanceError
from core.governance import policy
from core.governance.policy import BUNDLED_POLICIES, Policy
from core.governance.rationales import check_text, find_unsound_text
from core.identity import Identity, require_permission
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.event_body import EVENT_FORMAT, EventBody

ADOPT_EVENT, CONFIRM_EVENT = "adopt policy", "confirm policy"
SUBJECT = "policy"
"""What these events are about."""


@dataclass(frozen=True)
class AdoptedPolicy:
    """A policy that somebody adopted. ``digest``: its SHA-256; ``event``: the number of the event; ``by``: who adopted it, ``by_id`` their
    id."""

    digest: str
    event: int
    time: str
    by: str
    by_id: str
    reason: str
    confirmed_by: str | None = None

    @property
    def people(self) -> dict[str, str]:
        """Part -> id or name of whoever had it, so that nobody takes both."""
        return {"adopted the policy": self.by_id, "adopted the policy by name": self.by}


@dataclass(frozen=True)
class PolicyState:
    """``confirmed``: the policy in force, None for the product's own; ``waiting``: one that waits for a second person."""

    confirmed: AdoptedPolicy | None = None
    waiting: AdoptedPolicy | None = None

    @property
    def digests_in_force(self) -> frozenset[str]:
        """The SHA-256 of the policy in force. Until one is adopted: those of the product's own policy, today's and earlier ones."""
        return frozenset({self.confirmed.digest}) if self.confirmed else BUNDLED_POLICIES


def fold_policy_events(events: Sequence[Event]) -> PolicyState:
    """Which policy is in force after these events, and which one waits."""
    state = PolicyState()
    for event in events:
        if event.kind in {ADOPT_EVENT, CONFIRM_EVENT}:
            state = apply_policy_event(state, event)
    return state


def apply_policy_event(state: PolicyState, event: Event) -> PolicyState:
    """The state after one more event of these kinds. A confirmation of anything but the policy that waits changes nothing."""
    digest = event.body.get("policy", "")
    if event.kind == ADOPT_EVENT:
        reason = event.body.get("reason", "")
        return replace(state, waiting=AdoptedPolicy(digest, event.number, event.time, event.actor["name"], event.actor["id"], reason))
    if state.waiting is None or state.waiting.digest != digest:
        return state
    return PolicyState(replace(state.waiting, confirmed_by=event.actor["name"]))


def find_policy_refusals(
    kind: str,
    person: Identity,
    body: EventBody,
    state: PolicyState,
    *,
    target_kind: str | None = None,
    event_format: int = EVENT_FORMAT,
) -> Iterator[GovernanceError]:
    """Why the step isn't allowed; nothing if it is. ``kind``: one of this module's events; ``event_format``: the rules that it follows."""
    involved = state.waiting.people if kind == CONFIRM_EVENT and state.waiting else {}
    refusal = identities.explain_refusal(person, kind, resource=SUBJECT, involved=involved, target_kind=target_kind)
    if refusal is not None:
        yield refusal
    digest = body["policy"]
    if kind == CONFIRM_EVENT and (state.waiting is None or state.waiting.digest != digest):
        yield Conflict(
            f"The policy {digest[:12]}… doesn't wait for a confirmation.", resource=SUBJECT, hint="Look at the policy tab again."
        )
    if kind == ADOPT_EVENT and state.confirmed is not None and state.confirmed.digest == digest:
        yield Conflict(f"The policy {digest[:12]}… is in force already.", resource=SUBJECT, hint="There is nothing to adopt.")
    yield from find_unsound_text(body.get("reason", ""), "rationale", event_format=event_format)


def read_policy_state(target: Target) -> PolicyState:
    """Which policy is in force, and which one waits, according to the log."""
    return fold_policy_events(audit_log.read_events(target))


def load_in_force(target: Target, state: PolicyState | None = None) -> Policy:
    """The policy in force. ``state``: what the log says, if it was read. Raises NotFound and Forged if the adopted policy is missing or
    differs from what was adopted, InvalidPolicy if this version of the product can't use it."""
    now = state or read_policy_state(target)
    return policy.read_stored(target, now.confirmed.digest) if now.confirmed else policy.load_bundled()


def load_proposal(target: Target, state: PolicyState) -> Policy | None:
    """The policy that can be adopted: the one in the file that GOVERNANCE_POLICY names, or else the product's own; None if it is in force
    or waits already. Raises InvalidPolicy."""
    proposed = policy.load_file(target.settings.policy or policy.BUNDLED)
    taken = state.digests_in_force | ({state.waiting.digest} if state.waiting else set())
    return None if proposed.sha256 in taken else proposed


def adopt_policy(target: Target, identity: Identity, rules: Policy, *, reason: str) -> PolicyState:
    """Adopt a policy, as an administrator. It is in force once a second person has confirmed it."""
    require_permission(identity, ADOPT_EVENT, resource=SUBJECT, target_kind=target.settings.target)
    check_text(reason, "rationale")
    policy.store_in_target(target, rules)
    return _record(target, identity, ADOPT_EVENT, {"policy": rules.sha256, "reason": reason.strip()})


def confirm_policy(target: Target, identity: Identity, digest: str, *, reason: str) -> PolicyState:
    """Agree to the policy that somebody else adopted: from now on it is in force. ``digest``: its SHA-256, as the person saw it."""
    require_permission(identity, CONFIRM_EVENT, resource=SUBJECT, target_kind=target.settings.target)
    check_text(reason, "rationale")
    policy.read_stored(target, digest)
    return _record(target, identity, CONFIRM_EVENT, {"policy": digest, "reason": reason.strip()})


def _record(target: Target, identity: Identity, kind: str, body: EventBody) -> PolicyState:
    before = PolicyState()

    def check(events: Sequence[Event]) -> None:
        nonlocal before
        before = fold_policy_events(events)
        for refusal in find_policy_refusals(kind, identity, body, before, target_kind=target.settings.target):
            raise refusal

    return apply_policy_event(before, audit_log.append_event(target, identity, kind, SUBJECT, body, check=check))
