"""Decisions on a registered version: submit, validate, approve, reject, withdraw, retire. Each is an event of the log, and the log alone
says how a version stands; the registry's status and the lineage follow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from core import jobs, lineage, registry
from core.clients import Clients
from core.errors import Conflict, DataError, GovernanceError, translated
from core.governance import evidence, gates, log, model_card, policy, states
from core.governance.log import Event
from core.governance.policy import TIERS, Policy, Tier
from core.governance.standing import Standing, judged, standing, waiting
from core.governance.states import FROM, STATUS, State, fold, involved, state
from core.identity import Identity, require
from core.registry import Package

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
SHORTEST = 20
"""Characters of a rationale."""


def submit(
    clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str, tier: Tier, tier_rationale: str, profile: str
) -> State:
    """Hand a version in for a decision: its evidence is pinned. ``seen``: ``State.version`` of what the author saw."""
    rules = _valid_policy(clients)
    if tier not in TIERS:
        raise DataError(f"There is no tier {tier}.", subject="tier", remedy=f"Choose one of {', '.join(TIERS)}.")
    if profile not in rules.profiles:
        raise DataError(f"The policy has no profile {profile}.", subject="profile", remedy=f"Choose one of {', '.join(rules.profiles)}.")
    _long_enough(tier_rationale, "rationale of the tier")
    _allowed(clients, identity, "submit", arn)
    package = registry.get(clients, arn)
    _as_registered(clients, package)
    model_card.ensure(clients, package)
    pinned = evidence.collect(clients, package, rules)
    _as_pinned(package, pinned)
    evidence.keep(clients, pinned)
    body = {
        "tier": tier,
        "tier_rationale": tier_rationale.strip(),
        "profile": profile,
        "evidence": pinned.digest,
        "policy": rules.sha256,
        "approvals_needed": rules.approvals.of(tier),
    }
    return _act(clients, identity, "submit", package, seen, reason, code, body)


def validate(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """Vouch for the evidence, as somebody who has not made it."""
    _allowed(clients, identity, "validate", arn)
    package = registry.get(clients, arn)
    return _act(clients, identity, "validate", package, seen, reason, code, _holding(clients, package) | _judgement(clients, package))


def approve(
    clients: Clients,
    identity: Identity,
    arn: str,
    *,
    seen: int,
    reason: str,
    code: str,
    conditions: Sequence[tuple[str, str, str]] = (),
) -> State:
    """Approve; ``conditions``: (text, owner, last day as YYYY-MM-DD) of each. Raises Conflict where a gate stands in the way."""
    _allowed(clients, identity, "approve", arn)
    package = registry.get(clients, arn)
    now, rules = state(clients, arn), _valid_policy(clients)
    _unmoved(package, now, seen, "approve")
    profile = rules.profiles.get(now.profile)
    if profile is None:
        raise Conflict(f"The policy in force has no profile {now.profile}.", subject=arn, remedy="Submit the version again.")
    judgement = _judgement(clients, package)
    blocking = [f"{r['title']} ({r['status']}): {r['reason']}" for r in judgement["gates"] if r["blocks"]]
    if blocking:
        raise Conflict(
            f"{package.label} can't be approved. {' '.join(blocking)}",
            subject=arn,
            remedy="Reject it, or have the gate waived by two people.",
        )
    body = (
        _holding(clients, package)
        | judgement
        | {
            "conditions": [_condition(*c) for c in conditions],
            "expires": (states.today() + timedelta(days=rules.expiry.of(now.tier))).isoformat(),
        }
    )
    return _act(clients, identity, "approve", package, seen, reason, code, body)


def reject(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """Refuse it."""
    _allowed(clients, identity, "reject", arn)
    return _plain(clients, identity, "reject", arn, seen, reason, code, _judgement(clients, registry.get(clients, arn)))


def withdraw(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """Take back a submission or an approval."""
    return _plain(clients, identity, "withdraw", arn, seen, reason, code)


def retire(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """End the use of an approved version."""
    return _plain(clients, identity, "retire", arn, seen, reason, code)


def waive(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str, gate: str, expires: date) -> State:
    """Ask that a failing gate be passed over until ``expires``; it counts once a second person has confirmed it. Raises Conflict for a gate
    that isn't in the way."""
    _allowed(clients, identity, "waive", arn)
    rules = _valid_policy(clients)
    latest = states.today() + timedelta(days=rules.expiry.of(state(clients, arn).tier))
    if not states.today() <= expires <= latest:
        remedy = f"Choose a day up to {latest}."
        raise DataError("A waiver ends in the future, and no later than an approval would.", subject="expires", remedy=remedy)
    package = registry.get(clients, arn)
    if gate not in {r["gate"] for r in _judgement(clients, package)["gates"] if r["blocks"]}:
        raise Conflict(f"{gate} is not in the way of {package.label}.", subject=arn, remedy="Waive a gate that fails, once it does.")
    return _act(clients, identity, "waive", package, seen, reason, code, {"gate": gate, "expires": expires.isoformat()})


def confirm_waiver(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str, gate: str) -> State:
    """Agree to a waiver that somebody else asked for."""
    return _plain(clients, identity, "confirm waiver", arn, seen, reason, code, {"gate": gate})


def meet_condition(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str, condition: int) -> State:
    """Say that a condition of the approval is met, and how."""
    return _plain(clients, identity, "meet condition", arn, seen, reason, code, {"condition": condition})


def _plain(
    clients: Clients, identity: Identity, kind: str, arn: str, seen: int, reason: str, code: str, body: dict[str, Any] | None = None
) -> State:
    return _act(clients, identity, kind, registry.get(clients, arn), seen, reason, code, body or {})


def _act(
    clients: Clients, identity: Identity, kind: str, package: Package, seen: int, reason: str, code: str, body: dict[str, Any]
) -> State:
    """Write the event, if the version stands as its author saw it and the author may; then have registry and lineage follow."""
    _long_enough(reason, "rationale")
    if code not in REASON_CODES[kind]:
        raise DataError(f"There is no reason {code}.", subject="reason code", remedy=f"Choose one of {', '.join(REASON_CODES[kind])}.")

    def check(events: Sequence[Event]) -> None:
        now = fold(events, package.arn)
        _unmoved(package, now, seen, kind)
        _allowed(clients, identity, kind, package.label, _others(kind, package, now, body))
        if kind in {"confirm waiver", "meet condition"}:
            _there(kind, now, body, package)

    event = log.append(clients, identity, kind, package.arn, {"reason": reason.strip(), "code": code, **body}, check=check)
    follow(clients, package.arn)
    return fold(log.read(clients)[: event.number], package.arn)


def _others(kind: str, package: Package, now: State, body: dict[str, Any]) -> dict[str, str]:
    if kind == "confirm waiver":
        asked = next((w for w in now.waivers if w.gate == body["gate"]), None)
        askers = {"who asked for it": asked.by_id, "who asked for it by name": asked.by} if asked else {}
        return involved(package, now) | askers
    if kind in {"submit", "waive", "meet condition", "retire"}:
        return {}
    return involved(package, now)


def _allowed(clients: Clients, identity: Identity, kind: str, subject: str, involved: Mapping[str, str] = {}) -> None:
    require(identity, kind, subject=subject, involved=involved, target=clients.settings.target)


def _as_registered(clients: Clients, package: Package) -> None:
    """Raises Conflict for a version that was not registered here, or is not what was registered."""
    registered = state(clients, package.arn).registered
    properties = {k: v for k, v in package.properties.items() if k not in registry.DECIDED}
    if registered is None:
        what = "the log doesn't say who registered it"
    elif changed := [key for key in sorted({*registered, *properties}) if registered.get(key) != properties.get(key)]:
        what = f"its properties have changed since it was registered ({', '.join(changed)})"
    elif gone := registry.missing_evidence(clients, package):
        what = f"{', '.join(gone)} changed since it was registered, or is gone"
    else:
        return
    raise Conflict(
        f"{package.label} can't be submitted: {what}.", subject=package.arn, remedy="Measure again, and register the version anew."
    )


def _as_pinned(package: Package, pinned: evidence.Evidence) -> None:
    """Raises Conflict where model or manifest are not those that were registered."""
    for name, key in (("model", "governance:sha256-model"), ("data/manifest.json", "governance:sha256-manifest")):
        if pinned.files.get(name, {}).get("sha256") != package.properties.get(key):
            raise Conflict(
                f"{package.label} can't be submitted: {name} changed since it was registered.",
                subject=package.arn,
                remedy="Train again, and register the version anew.",
            )


def _there(kind: str, now: State, body: dict[str, Any], package: Package) -> None:
    if kind == "meet condition" and body["condition"] not in {c.number for c in now.conditions if c.met_by is None}:
        raise Conflict(f"{package.label} has no open condition {body['condition']}.", subject=package.arn, remedy="Reload.")
    if kind == "confirm waiver" and body["gate"] not in {w.gate for w in now.waivers if w.confirmed_by is None}:
        raise Conflict(f"Nobody has asked to waive {body['gate']}.", subject=package.arn, remedy="Reload.")


def _unmoved(package: Package, now: State, seen: int, kind: str) -> None:
    if now.version != seen:
        since = [f"{e.actor['name']} did {e.kind} at {e.time}" for e in now.history if e.number > seen]
        raise Conflict(
            f"{package.label} has moved since you looked: {'; '.join(since) or 'the log has changed'}. It is {now.status} now.",
            subject=package.arn,
            remedy="Look at it again, then decide.",
        )
    if now.status not in FROM[kind]:
        raise Conflict(
            f"{package.label} is {now.status}; to {kind} it, it must be {' or '.join(sorted(FROM[kind]))}.",
            subject=package.arn,
            remedy="Look at its history.",
        )


def _holding(clients: Clients, package: Package) -> dict[str, Any]:
    """The pinned evidence, when all of it holds, and the policy is still the one that it was submitted under. Raises Conflict."""
    digest, rules = state(clients, package.arn).evidence, _valid_policy(clients)
    changed = evidence.problems(clients, digest) if digest else ["nothing was submitted"]
    if digest and not changed and evidence.read(clients, digest).predicate["policy"]["sha256"] != rules.sha256:
        changed = [f"the policy has changed since: {rules.title} {rules.version} is in force"]
    if changed:
        raise Conflict(
            f"The evidence of {package.label} doesn't hold: {'; '.join(changed)}.",
            subject=package.arn,
            remedy="Withdraw it, mend the evidence, and submit it again.",
        )
    return {"evidence": digest}


def _judgement(clients: Clients, package: Package) -> dict[str, Any]:
    """What the gates say now, and by which policy: kept with the decision."""
    now, rules = state(clients, package.arn), _valid_policy(clients)
    profile = rules.profiles.get(now.profile)
    results = judged(gates.check(clients, package, profile), now) if profile else []
    return {
        "policy": rules.sha256,
        "gates": [asdict(r) | {"blocks": r.blocks} for r in results],
        "compared_with": gates.baseline_of(clients, package),
    }


def _condition(text: str, owner: str, due: str) -> dict[str, str]:
    if not text.strip() or not owner.strip():
        raise DataError("A condition needs its text and an owner.", subject="conditions", remedy="Fill in both.")
    try:
        if date.fromisoformat(due) < states.today():
            raise ValueError
    except ValueError as error:
        raise DataError(f"{due!r} is no day to come.", subject="conditions", remedy="Write the last day as YYYY-MM-DD.") from error
    return {"text": text.strip(), "owner": owner.strip(), "due": due}


def _long_enough(text: str, what: str) -> None:
    if len(text.strip()) < SHORTEST:
        raise DataError(f"The {what} is too short.", subject=what, remedy=f"Write at least a sentence ({SHORTEST} characters).")
    if len(text) > 5_000:
        raise DataError(f"The {what} is too long.", subject=what, remedy="Keep it under 5,000 characters.")


def _valid_policy(clients: Clients) -> Policy:
    rules, _ = policy.in_force(clients)
    policy.keep(clients, rules)
    return rules


# what follows the log -----------------------------------------------------------------------------


def follow(clients: Clients, arn: str) -> None:
    """Bring registry and lineage to where the log is. May be called again: what is so already stays."""
    package, now = registry.get(clients, arn), state(clients, arn)
    if not now.history:
        return
    last = now.history[-1]
    wanted, status = str(last.number), STATUS.get(now.status, registry.PENDING)
    if package.properties.get(registry.DECISION) != wanted or package.status != status:
        with translated(package.label):
            clients.sagemaker.update_model_package(
                ModelPackageArn=arn,
                **({"ModelApprovalStatus": status} if package.status != status else {}),  # type: ignore[arg-type]
                ApprovalDescription=f"{last.kind} by {last.actor['name']}, event {last.number}: {last.body['reason']}"[:1024],
                CustomerMetadataProperties={
                    registry.DECISION: wanted,
                    registry.EVIDENCE: now.evidence or "",
                    registry.DECIDED_BY: jobs.tag_text(last.actor["name"]),
                },
            )
    model_card.follow(clients, package, now.status)
    artifact = lineage.ensure_artifact(clients, arn, "ModelPackage", package.label)
    for event in now.history:
        properties = {"event": event.hash, "evidence": str(event.body.get("evidence", now.evidence or "")), "actor": event.actor["name"]}
        action = lineage.ensure_action(
            clients, f"governance-{event.number:08d}", clients.uri(log.key(event.number)), event.kind, event.body["reason"], properties
        )
        lineage.associate(clients, action, artifact, "ContributedTo")


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
    "FROM",
    "REASON_CODES",
    "GovernanceError",
    "Standing",
    "State",
    "fold",
    "follow",
    "involved",
    "judged",
    "standing",
    "state",
    "waiting",
]
