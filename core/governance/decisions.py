"""Decisions on a registered version: submit, validate, approve, reject, withdraw, retire. Each is recorded as an event of
the log. A version's status follows from the log alone; the registry and the lineage are then updated from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

from core.aws.target import Target
from core.errors import Conflict, DataError
from core.governance import evidence, gates, policy, version_state
from core.governance.agreement_gate import MAX_SHOWN
from core.governance.consistency import sync_registry_and_lineage
from core.governance.gate_results import UNWAIVABLE_GATES, to_record
from core.governance.model_cards import model_card
from core.governance.model_cards.model_card import Card
from core.governance.policy import TIERS, Tier
from core.governance.validity import apply_waivers
from core.governance.version_state import ALLOWED_FROM, PAST_TENSE, State, fold_events, people_involved
from core.governance.version_under_review import VersionUnderReview, read_version
from core.identity import Identity, require_permission
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.event_body import EventBody, RecordedCondition
from core.ledger.pinned_files import find_changed_files
from core.provenance import evidence_agreement
from core.registry import registry_types, version_registration
from core.registry.registry_types import Package

REASON_CODES: dict[str, tuple[str, ...]] = {
    "submit": ("first version", "better model", "new data", "mended findings", "periodic review"),
    "validate": ("evidence reproduced", "evidence reviewed"),
    "approve": ("meets the policy", "benefit outweighs the risk", "less discriminatory alternative chosen"),
    "reject": ("quality", "bias", "explainability", "data", "documentation", "other"),
    "withdraw": ("superseded", "error found", "no longer needed", "incident"),
    "retire": ("superseded", "end of use", "regulation"),
    "waive": ("small sample", "not applicable", "accepted risk"),
    "confirm waiver": ("agreed",),
    "meet condition": ("done",),
}
MIN_RATIONALE_LENGTH = 20
"""Characters of a rationale."""


def submit(
    target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, tier: Tier, tier_rationale: str, profile: str
) -> State:
    """Hand a version in for a decision: its evidence is recorded, with the hash of every file. ``seen_event``: ``State.last_event`` of the
    state that the author saw."""
    rules, _ = policy.load_in_force(target)
    if tier not in TIERS:
        raise DataError(f"{tier} isn't a tier.", resource="tier", hint=f"Choose one of {', '.join(TIERS)}.")
    if profile not in rules.profiles:
        raise DataError(f"The policy has no profile {profile}.", resource="profile", hint=f"Choose one of {', '.join(rules.profiles)}.")
    _check_length(tier_rationale, "rationale of the tier")
    _require_permission(target, identity, "submit", arn)
    version = read_version(target, arn)
    policy.store_in_target(version.target, rules)
    _ = version.agreement  # needs the content of files, which the next check only hashes
    _check_registered_unchanged(version)
    _require_agreement(version, "submitted")
    card = model_card.ensure_card(version.target, version.package, version.data)
    recorded = evidence.collect_evidence(version.target, version.package, rules, version.data, card)
    evidence.store_signed(version.target, recorded)
    body: EventBody = {
        "tier": tier,
        "tier_rationale": tier_rationale.strip(),
        "profile": profile,
        "evidence": recorded.digest,
        "policy": rules.sha256,
        "approvals_needed": rules.approvals.for_tier(tier),
    }
    return _record_decision(target, identity, "submit", version, seen_event, reason, code, body, card)


def validate(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Confirm the evidence, as a person who had no part in making it."""
    _require_permission(target, identity, "validate", arn)
    version = read_version(target, arn, with_training=False)
    body: EventBody = {**_judge_gates(version), **_require_valid_evidence(version)}
    _require_agreement(version, "validated")
    return _record_decision(target, identity, "validate", version, seen_event, reason, code, body)


def approve(
    target: Target,
    identity: Identity,
    arn: str,
    *,
    seen_event: int,
    reason: str,
    code: str,
    conditions: Sequence[tuple[str, str, str]] = (),
) -> State:
    """Approve; ``conditions``: (text, owner, last day as YYYY-MM-DD) of each. Raises Conflict if a gate blocks the version."""
    _require_permission(target, identity, "approve", arn)
    version = read_version(target, arn, with_training=False)
    package, state, rules = version.package, version.state, version.rules
    _check_not_changed(package, state, seen_event, "approve")
    if version.profile is None:
        raise Conflict(f"The policy in force has no profile {state.profile}.", resource=arn, hint="Submit the version again.")
    judgement = _judge_gates(version)
    blocking = [f"{r['title']} ({r['status']}): {r['reason']}" for r in judgement["gates"] if r["blocks"]]
    if blocking:
        raise Conflict(
            f"{package.label} can't be approved. {' '.join(blocking)}",
            resource=arn,
            hint="Reject it, or ask for a waiver, which a second person must confirm.",
        )
    _require_agreement(version, "approved")
    body: EventBody = {
        **judgement,
        **_require_valid_evidence(version),
        "conditions": [_parse_condition(*c) for c in conditions],
        "expires": (version_state.today() + timedelta(days=rules.expiry.for_tier(state.tier))).isoformat(),
    }
    return _record_decision(target, identity, "approve", version, seen_event, reason, code, body)


def reject(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Reject a submitted or validated version."""
    _require_permission(target, identity, "reject", arn)
    version = read_version(target, arn, with_training=False)
    return _record_decision(target, identity, "reject", version, seen_event, reason, code, _judge_gates(version))


def withdraw(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Take back a submission or an approval."""
    return _record_decision(target, identity, "withdraw", read_version(target, arn), seen_event, reason, code, {})


def retire(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """End the use of an approved version."""
    return _record_decision(target, identity, "retire", read_version(target, arn), seen_event, reason, code, {})


def waive(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, gate: str, expires: date) -> State:
    """Ask to ignore a failing gate until ``expires``; the waiver takes effect once a second person has confirmed it. Raises Conflict for a
    gate that doesn't block the version."""
    _require_permission(target, identity, "waive", arn)
    version = read_version(target, arn, with_training=False)
    latest = version_state.today() + timedelta(days=version.rules.expiry.for_tier(version.state.tier))
    if not version_state.today() <= expires <= latest:
        message, hint = f"A waiver must expire no earlier than today and no later than {latest}.", f"Choose a day up to {latest}."
        raise DataError(message, resource="expires", hint=hint)
    if gate in UNWAIVABLE_GATES:
        hint = "Reject or withdraw the version, and register one whose evidence agrees."
        raise Conflict(f"Gate {gate} can't be waived: what it finds isn't a matter of judgement.", resource=arn, hint=hint)
    if gate not in {r["gate"] for r in _judge_gates(version)["gates"] if r["blocks"]}:
        raise Conflict(
            f"Gate {gate} doesn't block {version.package.label}; there is nothing to waive.",
            resource=arn,
            hint="Only a required gate that fails can be waived.",
        )
    return _record_decision(target, identity, "waive", version, seen_event, reason, code, {"gate": gate, "expires": expires.isoformat()})


def confirm_waiver(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, gate: str) -> State:
    """Agree to a waiver that somebody else asked for."""
    return _record_decision(target, identity, "confirm waiver", read_version(target, arn), seen_event, reason, code, {"gate": gate})


def meet_condition(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, condition: int) -> State:
    """Record that a condition of the approval is met, and how."""
    body: EventBody = {"condition": condition}
    return _record_decision(target, identity, "meet condition", read_version(target, arn), seen_event, reason, code, body)


def _record_decision(
    target: Target,
    identity: Identity,
    kind: str,
    version: VersionUnderReview,
    seen_event: int,
    reason: str,
    code: str,
    body: EventBody,
    card: Card | None = None,
) -> State:
    """Write the event if the version hasn't changed since its author saw it and the author may decide; then update registry and lineage.
    The check runs on the log as it was read; if another event was written since, S3 refuses the write, and the check runs again on the
    newer log."""
    _check_length(reason, "rationale")
    if code not in REASON_CODES[kind]:
        raise DataError(f"{code} isn't a reason code.", resource="reason code", hint=f"Choose one of {', '.join(REASON_CODES[kind])}.")
    package, before = version.package, version.events

    def check(events: Sequence[Event]) -> None:
        nonlocal before
        before, state = tuple(events), fold_events(events, package.arn)
        _check_not_changed(package, state, seen_event, kind)
        _require_permission(target, identity, kind, package.label, _excluded_people(kind, package, state, body))
        if kind in {"confirm waiver", "meet condition"}:
            _require_open(kind, state, body, package)

    content: EventBody = {"reason": reason.strip(), "code": code, **body}
    event = audit_log.append_event(target, identity, kind, package.arn, content, check=check, known_events=version.events)
    ancestors = version.ancestors if "gates" in body else None  # the gates have read them
    sync_registry_and_lineage(target, package, card, version.artifact, ancestors)
    return fold_events((*before, event), package.arn)


def _excluded_people(kind: str, package: Package, now: State, body: EventBody) -> dict[str, str]:
    if kind == "confirm waiver":
        waiver = next((w for w in now.waivers if w.gate == body["gate"]), None)
        askers = {"who asked for it": waiver.by_id, "who asked for it by name": waiver.by} if waiver else {}
        return people_involved(package, now) | askers
    if kind in {"submit", "waive", "meet condition", "retire"}:
        return {}
    return people_involved(package, now)


def _require_permission(target: Target, identity: Identity, kind: str, subject: str, involved: Mapping[str, str] = {}) -> None:
    require_permission(identity, kind, resource=subject, involved=involved, target_kind=target.settings.target)


def _check_registered_unchanged(version: VersionUnderReview) -> None:
    """Raises Conflict for a version that wasn't registered here, or that differs from what was registered."""
    package, registered = version.package, version.state.registered_properties
    properties = {k: v for k, v in package.properties.items() if k not in registry_types.DECISION_PROPERTIES}
    if registered is None:
        reason = "the log doesn't say who registered it"
    elif changed := [key for key in sorted({*registered, *properties}) if registered.get(key) != properties.get(key)]:
        reason = f"its properties have changed since it was registered ({', '.join(changed)})"
    elif files := find_changed_files(version.target, version_registration.registered_files(package, version.data)):
        reason = f"{', '.join(file.name for file in files)} changed since it was registered, or no longer exists"
    else:
        return
    raise Conflict(
        f"{package.label} can't be submitted: {reason}.", resource=package.arn, hint="Train or measure again, and register a new version."
    )


def _require_agreement(version: VersionUnderReview, done: str) -> None:
    """Raises Conflict, naming what doesn't agree, for a version whose evidence isn't what its jobs made."""
    if problems := version.agreement.problems:
        raise Conflict(
            f"{version.package.label} can't be {done}: its evidence doesn't agree with the jobs' records. {' '.join(problems[:MAX_SHOWN])}",
            resource=version.package.arn,
            hint=evidence_agreement.REMEDY,
        )


def _require_open(kind: str, now: State, body: EventBody, package: Package) -> None:
    if kind == "meet condition" and body["condition"] not in {c.number for c in now.conditions if c.met_by is None}:
        raise Conflict(f"{package.label} has no open condition {body['condition']}.", resource=package.arn, hint="Reload the page.")
    if kind == "confirm waiver" and body["gate"] not in {w.gate for w in now.waivers if w.confirmed_by is None}:
        raise Conflict(f"Nobody has asked to waive {body['gate']}.", resource=package.arn, hint="Reload the page.")


def _check_not_changed(package: Package, state: State, seen_event: int, kind: str) -> None:
    if state.last_event != seen_event:
        since = [f"{e.actor['name']} {PAST_TENSE[e.kind]} it on {_readable_time(e.time)}" for e in state.history if e.number > seen_event]
        raise Conflict(
            f"{package.label} changed after you opened it: {'; '.join(since) or 'the log has changed'}. It is {state.status} now.",
            resource=package.arn,
            hint="Look at it again, then decide.",
        )
    if state.status not in ALLOWED_FROM[kind]:
        raise Conflict(
            f"{package.label} is {state.status}. The action “{kind}” needs a version that is {' or '.join(sorted(ALLOWED_FROM[kind]))}.",
            resource=package.arn,
            hint="Look at its history.",
        )


def _readable_time(time: str) -> str:
    """An event's time, as people write it: ``2026-01-31 at 12:34 UTC``."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d at %H:%M UTC}"


def _require_valid_evidence(version: VersionUnderReview) -> EventBody:
    """The digest of the recorded evidence. Raises Conflict if a file has changed since, or another policy is in force now."""
    digest, rules = version.state.evidence, version.rules
    changed = list(version.evidence_changes) if digest else ["nothing was submitted"]
    if digest and not changed and version.evidence.predicate["policy"]["sha256"] != rules.sha256:
        changed = [f"the policy has changed since: {rules.title} {rules.version} is in force"]
    if changed:
        raise Conflict(
            f"The evidence of {version.package.label} is no longer valid: {'; '.join(changed)}.",
            resource=version.package.arn,
            hint="Withdraw the version, fix the evidence, and submit it again.",
        )
    return {"evidence": digest}


def _judge_gates(version: VersionUnderReview) -> EventBody:
    """The gates' outcomes now, and the policy that they come from: what an event records of them."""
    policy.store_in_target(version.target, version.rules)
    judgement = gates.judge_version(version, version.profile)
    results, compared_with = apply_waivers(judgement.results, version.state), judgement.compared_with
    return {
        "policy": version.rules.sha256,
        "gates": [to_record(result) for result in results],
        "compared_with": compared_with,
    }


def _parse_condition(text: str, owner: str, due: str) -> RecordedCondition:
    if not text.strip() or not owner.strip():
        raise DataError("A condition needs its text and an owner.", resource="conditions", hint="Fill in both.")
    try:
        if date.fromisoformat(due) < version_state.today():
            raise ValueError
    except ValueError as error:
        raise DataError(f"{due!r} is not a future date.", resource="conditions", hint="Write the last day as YYYY-MM-DD.") from error
    return {"text": text.strip(), "owner": owner.strip(), "due": due}


def _check_length(text: str, what: str) -> None:
    if len(text.strip()) < MIN_RATIONALE_LENGTH:
        raise DataError(f"The {what} is too short.", resource=what, hint=f"Write at least a sentence ({MIN_RATIONALE_LENGTH} characters).")
    if len(text) > 5_000:
        raise DataError(f"The {what} is too long.", resource=what, hint="Keep it under 5,000 characters.")


Action = Callable[..., State]
ACTIONS: dict[str, Action] = {
    "submit": submit,
    "validate": validate,
    "approve": approve,
    "reject": reject,
    "withdraw": withdraw,
    "retire": retire,
    "waive": waive,
    "confirm waiver": confirm_waiver,
    "meet condition": meet_condition,
}
