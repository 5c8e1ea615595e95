"""Decisions on a registered version: submit, validate, approve, reject, withdraw, retire. Each is recorded as an event of
the log. A version's status follows from the log alone; the registry and the lineage are then updated from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from core.aws.target import Target
from core.errors import Conflict, GovernanceError
from core.governance import decision_rules, evidence, gates, policy, rationales, reproducing, version_state
from core.governance.agreement_gate import MAX_SHOWN
from core.governance.consistency import sync_registry_and_lineage
from core.governance.decision_rules import Step
from core.governance.gate_results import to_record
from core.governance.model_cards import model_card
from core.governance.model_cards.model_card import Card
from core.governance.policy import Tier
from core.governance.policy_adoption import fold_policy_events
from core.governance.validity import apply_waivers
from core.governance.version_state import PAST_TENSE, State, fold_events
from core.governance.version_under_review import VersionUnderReview, read_version
from core.identity import Identity, require_permission
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.ledger.event_body import EventBody
from core.ledger.pinned_files import find_changed_files
from core.provenance import evidence_agreement
from core.registry import registry_types, version_registration
from core.registry.registry_types import Package


def submit(
    target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, tier: Tier, tier_rationale: str, profile: str
) -> State:
    """Hand a version in for a decision: its evidence is recorded, with the hash of every file. ``seen_event``: ``State.last_event`` of the
    state that the author saw."""
    _require_permission(target, identity, "submit", arn)
    version = read_version(target, arn)
    rules = version.rules
    _raise_first(decision_rules.find_wrong_submission(rules, arn, tier, profile))
    rationales.check_text(tier_rationale, "rationale of the tier")
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
    if code == decision_rules.REPRODUCED:
        body["reproduction"] = reproducing.require_reproduced(version)
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
    _raise_first(decision_rules.find_blocking(judgement["gates"], package.label, arn))
    _require_agreement(version, "approved")
    day = version_state.today()
    body: EventBody = {
        **judgement,
        **_require_valid_evidence(version),
        "conditions": [decision_rules.parse_condition(*c, day) for c in conditions],
        "expires": decision_rules.approval_end(rules, state, day).isoformat(),
    }
    return _record_decision(target, identity, "approve", version, seen_event, reason, code, body)


def reject(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Reject a submitted or validated version."""
    _require_permission(target, identity, "reject", arn)
    version = read_version(target, arn, with_training=False)
    policy.store_in_target(version.target, version.rules)  # it need not be the policy of the submission
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
    _raise_first(decision_rules.find_wrong_waiver_end(version.rules, version.state, expires, version_state.today()))
    _raise_first(decision_rules.find_unwaivable(gate, arn, version.profile))
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
    rationales.check_text(reason, "rationale")
    _raise_first(decision_rules.find_wrong_code(kind, code))
    package, before = version.package, version.events
    content: EventBody = {"reason": reason.strip(), "code": code, **body}

    def check(events: Sequence[Event]) -> None:
        nonlocal before
        before, state = tuple(events), fold_events(events, package.arn)
        _check_not_changed(package, state, seen_event, kind)
        step = Step(
            kind,
            identity,
            package.arn,
            package.label,
            content,
            version_state.today(),
            version.rules,
            fold_policy_events(events).digests_in_force,
            target.settings.target,
            package,
        )
        _raise_first(decision_rules.find_refusals(step, state))

    event = audit_log.append_event(target, identity, kind, package.arn, content, check=check, known_events=version.events)
    ancestors = version.ancestors if "gates" in body else None  # the gates have read them
    sync_registry_and_lineage(target, package, card, version.artifact, ancestors)
    return fold_events((*before, event), package.arn)


def _raise_first(refusals: Iterable[GovernanceError]) -> None:
    for refusal in refusals:
        raise refusal


def _require_permission(target: Target, identity: Identity, kind: str, subject: str) -> None:
    require_permission(identity, kind, resource=subject, target_kind=target.settings.target)


def _check_registered_unchanged(version: VersionUnderReview) -> None:
    """Raises Conflict for a version that wasn't registered here, or that differs from what was registered."""
    package, registered = version.package, version.state.registered_properties
    properties = {k: v for k, v in package.properties.items() if k not in registry_types.DECISION_PROPERTIES}
    if registered is None:
        reason = "the log doesn't say who registered it"
    elif changed := [key for key in sorted({*registered, *properties}) if registered.get(key) != properties.get(key)]:
        reason = f"its properties have changed since it was registered ({', '.join(changed)})"
    elif added := [part for part in evidence.ADDED_FIELDS if package.raw.get(part)]:
        reason = f"{', '.join(added)} was added since it was registered"
    elif len(package.raw.get("InferenceSpecification", {}).get("Containers", ())) != 1:
        reason = "it doesn't have the one container that it was registered with"
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


def _check_not_changed(package: Package, state: State, seen_event: int, kind: str) -> None:
    if state.last_event != seen_event:
        since = [f"{e.actor['name']} {PAST_TENSE[e.kind]} it on {_readable_time(e.time)}" for e in state.history if e.number > seen_event]
        raise Conflict(
            f"{package.label} changed after you opened it: {'; '.join(since) or 'the log has changed'}. It is {state.status} now.",
            resource=package.arn,
            hint="Look at it again, then decide.",
        )
    _raise_first(decision_rules.find_wrong_status(kind, package.label, package.arn, state))


def _readable_time(time: str) -> str:
    """An event's time, as people write it: ``2026-01-31 at 12:34 UTC``."""
    return f"{datetime.fromisoformat(time):%Y-%m-%d at %H:%M UTC}"


def _require_valid_evidence(version: VersionUnderReview) -> EventBody:
    """The digest of the recorded evidence. Raises Conflict if an earlier step wasn't allowed, a file has changed since, or another policy
    is in force now."""
    if version.unlawful_steps:
        raise Conflict(
            f"{version.package.label} can't be decided on: {' '.join(version.unlawful_steps)}",
            resource=version.package.arn,
            hint="Somebody wrote to the log past the product: verify it on the decisions page, then register a new version.",
        )
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
    judgement = gates.judge_version(version, version.profile)
    results, compared_with = apply_waivers(judgement.results, version.state), judgement.compared_with
    return {
        "policy": version.rules.sha256,
        "gates": [to_record(result) for result in results],
        "compared_with": compared_with,
    }


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
