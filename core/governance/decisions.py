"""Decisions on a registered version: submit, validate, approve, reject, withdraw, retire. Each is an event of the log, and the log alone
says how a version stands; the registry's status and the lineage follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from core.aws import aws_names
from core.aws.target import Target
from core.errors import Conflict, DataError, GovernanceError, translate_aws_errors
from core.governance import evidence, gates, model_card, policy, version_state
from core.governance.policy import TIERS, Policy, Tier
from core.governance.validity import Validity, apply_waivers, check_validity, list_versions_by_urgency
from core.governance.version_state import ALLOWED_FROM, REGISTRY_STATUS, State, fold_events, people_involved, read_state
from core.identity import Identity, require_permission
from core.ledger import audit_log
from core.ledger.audit_log import Event
from core.lineage import lineage_record
from core.registry import model_packages
from core.registry.model_packages import Package

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
    """Hand a version in for a decision: its evidence is pinned. ``seen_event``: ``State.version`` of what the author saw."""
    rules = _valid_policy(target)
    if tier not in TIERS:
        raise DataError(f"There is no tier {tier}.", resource="tier", hint=f"Choose one of {', '.join(TIERS)}.")
    if profile not in rules.profiles:
        raise DataError(f"The policy has no profile {profile}.", resource="profile", hint=f"Choose one of {', '.join(rules.profiles)}.")
    _check_length(tier_rationale, "rationale of the tier")
    _require_permission(target, identity, "submit", arn)
    package = model_packages.read_package(target, arn)
    _check_registered_unchanged(target, package)
    model_card.ensure_card(target, package)
    pinned = evidence.collect_for_package(target, package, rules)
    _check_pinned_unchanged(package, pinned)
    evidence.store_signed(target, pinned)
    body = {
        "tier": tier,
        "tier_rationale": tier_rationale.strip(),
        "profile": profile,
        "evidence": pinned.digest,
        "policy": rules.sha256,
        "approvals_needed": rules.approvals.for_tier(tier),
    }
    return _record_decision(target, identity, "submit", package, seen_event, reason, code, body)


def validate(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Vouch for the evidence, as somebody who has not made it."""
    _require_permission(target, identity, "validate", arn)
    package = model_packages.read_package(target, arn)
    return _record_decision(
        target,
        identity,
        "validate",
        package,
        seen_event,
        reason,
        code,
        _require_valid_evidence(target, package) | _judge_gates(target, package),
    )


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
    """Approve; ``conditions``: (text, owner, last day as YYYY-MM-DD) of each. Raises Conflict where a gate stands in the way."""
    _require_permission(target, identity, "approve", arn)
    package = model_packages.read_package(target, arn)
    now, rules = read_state(target, arn), _valid_policy(target)
    _check_not_changed(package, now, seen_event, "approve")
    profile = rules.profiles.get(now.profile)
    if profile is None:
        raise Conflict(f"The policy in force has no profile {now.profile}.", resource=arn, hint="Submit the version again.")
    judgement = _judge_gates(target, package)
    blocking = [f"{r['title']} ({r['status']}): {r['reason']}" for r in judgement["gates"] if r["blocks"]]
    if blocking:
        raise Conflict(
            f"{package.label} can't be approved. {' '.join(blocking)}",
            resource=arn,
            hint="Reject it, or have the gate waived by two people.",
        )
    body = (
        _require_valid_evidence(target, package)
        | judgement
        | {
            "conditions": [_parse_condition(*c) for c in conditions],
            "expires": (version_state.today() + timedelta(days=rules.expiry.for_tier(now.tier))).isoformat(),
        }
    )
    return _record_decision(target, identity, "approve", package, seen_event, reason, code, body)


def reject(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Refuse it."""
    _require_permission(target, identity, "reject", arn)
    return _record_decision_by_arn(
        target, identity, "reject", arn, seen_event, reason, code, _judge_gates(target, model_packages.read_package(target, arn))
    )


def withdraw(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """Take back a submission or an approval."""
    return _record_decision_by_arn(target, identity, "withdraw", arn, seen_event, reason, code)


def retire(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str) -> State:
    """End the use of an approved version."""
    return _record_decision_by_arn(target, identity, "retire", arn, seen_event, reason, code)


def waive(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, gate: str, expires: date) -> State:
    """Ask that a failing gate be passed over until ``expires``; it counts once a second person has confirmed it. Raises Conflict for a gate
    that isn't in the way."""
    _require_permission(target, identity, "waive", arn)
    rules = _valid_policy(target)
    latest = version_state.today() + timedelta(days=rules.expiry.for_tier(read_state(target, arn).tier))
    if not version_state.today() <= expires <= latest:
        remedy = f"Choose a day up to {latest}."
        raise DataError("A waiver ends in the future, and no later than an approval would.", resource="expires", hint=remedy)
    package = model_packages.read_package(target, arn)
    if gate not in {r["gate"] for r in _judge_gates(target, package)["gates"] if r["blocks"]}:
        raise Conflict(f"{gate} is not in the way of {package.label}.", resource=arn, hint="Waive a gate that fails, once it does.")
    return _record_decision(target, identity, "waive", package, seen_event, reason, code, {"gate": gate, "expires": expires.isoformat()})


def confirm_waiver(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, gate: str) -> State:
    """Agree to a waiver that somebody else asked for."""
    return _record_decision_by_arn(target, identity, "confirm waiver", arn, seen_event, reason, code, {"gate": gate})


def meet_condition(target: Target, identity: Identity, arn: str, *, seen_event: int, reason: str, code: str, condition: int) -> State:
    """Say that a condition of the approval is met, and how."""
    return _record_decision_by_arn(target, identity, "meet condition", arn, seen_event, reason, code, {"condition": condition})


def _record_decision_by_arn(
    target: Target, identity: Identity, kind: str, arn: str, seen_event: int, reason: str, code: str, body: dict[str, Any] | None = None
) -> State:
    return _record_decision(target, identity, kind, model_packages.read_package(target, arn), seen_event, reason, code, body or {})


def _record_decision(
    target: Target, identity: Identity, kind: str, package: Package, seen_event: int, reason: str, code: str, body: dict[str, Any]
) -> State:
    """Write the event, if the version stands as its author saw it and the author may; then have registry and lineage follow."""
    _check_length(reason, "rationale")
    if code not in REASON_CODES[kind]:
        raise DataError(f"There is no reason {code}.", resource="reason code", hint=f"Choose one of {', '.join(REASON_CODES[kind])}.")

    def check(events: Sequence[Event]) -> None:
        now = fold_events(events, package.arn)
        _check_not_changed(package, now, seen_event, kind)
        _require_permission(target, identity, kind, package.label, _excluded_people(kind, package, now, body))
        if kind in {"confirm waiver", "meet condition"}:
            _require_open(kind, now, body, package)

    event = audit_log.append_event(target, identity, kind, package.arn, {"reason": reason.strip(), "code": code, **body}, check=check)
    sync_registry_and_lineage(target, package.arn)
    return fold_events(audit_log.read_events(target)[: event.number], package.arn)


def _excluded_people(kind: str, package: Package, now: State, body: dict[str, Any]) -> dict[str, str]:
    if kind == "confirm waiver":
        asked = next((w for w in now.waivers if w.gate == body["gate"]), None)
        askers = {"who asked for it": asked.by_id, "who asked for it by name": asked.by} if asked else {}
        return people_involved(package, now) | askers
    if kind in {"submit", "waive", "meet condition", "retire"}:
        return {}
    return people_involved(package, now)


def _require_permission(target: Target, identity: Identity, kind: str, subject: str, involved: Mapping[str, str] = {}) -> None:
    require_permission(identity, kind, resource=subject, involved=involved, target_kind=target.settings.target)


def _check_registered_unchanged(target: Target, package: Package) -> None:
    """Raises Conflict for a version that was not registered here, or is not what was registered."""
    registered = read_state(target, package.arn).registered_properties
    properties = {k: v for k, v in package.properties.items() if k not in model_packages.DECISION_PROPERTIES}
    if registered is None:
        what = "the log doesn't say who registered it"
    elif changed := [key for key in sorted({*registered, *properties}) if registered.get(key) != properties.get(key)]:
        what = f"its properties have changed since it was registered ({', '.join(changed)})"
    elif gone := model_packages.list_broken_evidence(target, package):
        what = f"{', '.join(gone)} changed since it was registered, or is gone"
    else:
        return
    raise Conflict(
        f"{package.label} can't be submitted: {what}.", resource=package.arn, hint="Measure again, and register the version anew."
    )


def _check_pinned_unchanged(package: Package, pinned: evidence.Evidence) -> None:
    """Raises Conflict where model or manifest are not those that were registered."""
    for name, key in (("model", "governance:sha256-model"), ("data/manifest.json", "governance:sha256-manifest")):
        if pinned.files.get(name, {}).get("sha256") != package.properties.get(key):
            raise Conflict(
                f"{package.label} can't be submitted: {name} changed since it was registered.",
                resource=package.arn,
                hint="Train again, and register the version anew.",
            )


def _require_open(kind: str, now: State, body: dict[str, Any], package: Package) -> None:
    if kind == "meet condition" and body["condition"] not in {c.number for c in now.conditions if c.met_by is None}:
        raise Conflict(f"{package.label} has no open condition {body['condition']}.", resource=package.arn, hint="Reload.")
    if kind == "confirm waiver" and body["gate"] not in {w.gate for w in now.waivers if w.confirmed_by is None}:
        raise Conflict(f"Nobody has asked to waive {body['gate']}.", resource=package.arn, hint="Reload.")


def _check_not_changed(package: Package, now: State, seen_event: int, kind: str) -> None:
    if now.last_event != seen_event:
        since = [f"{e.actor['name']} did {e.kind} at {e.time}" for e in now.history if e.number > seen_event]
        raise Conflict(
            f"{package.label} has moved since you looked: {'; '.join(since) or 'the log has changed'}. It is {now.status} now.",
            resource=package.arn,
            hint="Look at it again, then decide.",
        )
    if now.status not in ALLOWED_FROM[kind]:
        raise Conflict(
            f"{package.label} is {now.status}; to {kind} it, it must be {' or '.join(sorted(ALLOWED_FROM[kind]))}.",
            resource=package.arn,
            hint="Look at its history.",
        )


def _require_valid_evidence(target: Target, package: Package) -> dict[str, Any]:
    """The pinned evidence, when all of it holds, and the policy is still the one that it was submitted under. Raises Conflict."""
    digest, rules = read_state(target, package.arn).evidence, _valid_policy(target)
    changed = evidence.find_changes(target, digest) if digest else ["nothing was submitted"]
    if digest and not changed and evidence.read_evidence(target, digest).predicate["policy"]["sha256"] != rules.sha256:
        changed = [f"the policy has changed since: {rules.title} {rules.version} is in force"]
    if changed:
        raise Conflict(
            f"The evidence of {package.label} doesn't hold: {'; '.join(changed)}.",
            resource=package.arn,
            hint="Withdraw it, mend the evidence, and submit it again.",
        )
    return {"evidence": digest}


def _judge_gates(target: Target, package: Package) -> dict[str, Any]:
    """What the gates say now, and by which policy: kept with the decision."""
    now, rules = read_state(target, package.arn), _valid_policy(target)
    profile = rules.profiles.get(now.profile)
    results = apply_waivers(gates.check_package(target, package, profile), now) if profile else []
    return {
        "policy": rules.sha256,
        "gates": [asdict(r) | {"blocks": r.is_blocking} for r in results],
        "compared_with": gates.find_baseline(target, package),
    }


def _parse_condition(text: str, owner: str, due: str) -> dict[str, str]:
    if not text.strip() or not owner.strip():
        raise DataError("A condition needs its text and an owner.", resource="conditions", hint="Fill in both.")
    try:
        if date.fromisoformat(due) < version_state.today():
            raise ValueError
    except ValueError as error:
        raise DataError(f"{due!r} is no day to come.", resource="conditions", hint="Write the last day as YYYY-MM-DD.") from error
    return {"text": text.strip(), "owner": owner.strip(), "due": due}


def _check_length(text: str, what: str) -> None:
    if len(text.strip()) < MIN_RATIONALE_LENGTH:
        raise DataError(f"The {what} is too short.", resource=what, hint=f"Write at least a sentence ({MIN_RATIONALE_LENGTH} characters).")
    if len(text) > 5_000:
        raise DataError(f"The {what} is too long.", resource=what, hint="Keep it under 5,000 characters.")


def _valid_policy(target: Target) -> Policy:
    rules, _ = policy.load_in_force(target)
    policy.store_in_target(target, rules)
    return rules


# what follows the log -----------------------------------------------------------------------------


def sync_registry_and_lineage(target: Target, arn: str) -> None:
    """Bring registry and lineage to where the log is. May be called again: what is so already stays."""
    package, now = model_packages.read_package(target, arn), read_state(target, arn)
    if not now.history:
        return
    last = now.history[-1]
    wanted, status = str(last.number), REGISTRY_STATUS.get(now.status, model_packages.PENDING_STATUS)
    if package.properties.get(model_packages.DECISION_PROPERTY) != wanted or package.status != status:
        with translate_aws_errors(package.label):
            target.sagemaker.update_model_package(
                ModelPackageArn=arn,
                **({"ModelApprovalStatus": status} if package.status != status else {}),  # type: ignore[arg-type]
                ApprovalDescription=f"{last.kind} by {last.actor['name']}, event {last.number}: {last.body['reason']}"[:1024],
                CustomerMetadataProperties={
                    model_packages.DECISION_PROPERTY: wanted,
                    model_packages.EVIDENCE_PROPERTY: now.evidence or "",
                    model_packages.DECIDED_BY_PROPERTY: aws_names.clean_tag_value(last.actor["name"]),
                },
            )
    model_card.sync_status(target, package, now.status)
    artifact = lineage_record.ensure_artifact(target, arn, "ModelPackage", package.label)
    for event in now.history:
        properties = {"event": event.hash, "evidence": str(event.body.get("evidence", now.evidence or "")), "actor": event.actor["name"]}
        action = lineage_record.ensure_action(
            target,
            f"governance-{event.number:08d}",
            target.uri(audit_log.event_key(event.number)),
            event.kind,
            event.body["reason"],
            properties,
        )
        lineage_record.ensure_association(target, action, artifact, "ContributedTo")


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
__all__ = [
    "ACTIONS",
    "ALLOWED_FROM",
    "REASON_CODES",
    "GovernanceError",
    "State",
    "Validity",
    "apply_waivers",
    "check_validity",
    "fold_events",
    "list_versions_by_urgency",
    "people_involved",
    "read_state",
    "sync_registry_and_lineage",
]
