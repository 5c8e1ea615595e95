"""Decisions on a registered version: submit, validate, approve, reject, withdraw, retire. Each is an event of the log, and the log alone
says how a version stands; the registry's status and the lineage follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core import jobs, lineage, registry
from core.clients import Clients
from core.errors import Conflict, DataError, GovernanceError, translated
from core.governance import evidence, gates, log, model_card, policy
from core.governance.log import Event
from core.governance.policy import TIERS, Policy, Tier
from core.governance.signing import sha256
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
FROM: dict[str, frozenset[str]] = {
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
"""What may be done from which status."""
STATUS = {"approved": "Approved", "rejected": "Rejected", "withdrawn": "Rejected", "retired": "Rejected"}
"""How the registry calls it; PendingManualApproval for the rest."""
SHORTEST = 20
"""Characters of a rationale."""


@dataclass(frozen=True)
class Waiver:
    gate: str
    reason: str
    expires: str
    by: str
    by_id: str
    confirmed_by: str | None = None

    def holds(self, on: date) -> bool:
        return self.confirmed_by is not None and on.isoformat() <= self.expires


@dataclass(frozen=True)
class Condition:
    number: int
    text: str
    owner: str
    due: str
    met_by: str | None = None


@dataclass(frozen=True)
class State:
    """How a version stands in the log. ``version``: the number of the last event about it, 0 when there is none; what a decision names as
    seen. ``people``: part -> id of who had it; ``names``: the same, as shown. ``expires``: the last day of an approval."""

    subject: str
    version: int = 0
    status: str = "registered"
    tier: Tier = "high"
    profile: str = ""
    people: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    approvals: tuple[str, ...] = ()
    needed: int = 0
    evidence: str | None = None
    policy: str | None = None
    conditions: tuple[Condition, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    expires: str | None = None
    history: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A version's state as it is now. ``void``: why an approval no longer holds; ``review``: why it has to be looked at again."""

    package: Package
    state: State
    void: tuple[str, ...]
    review: tuple[str, ...]

    @property
    def label(self) -> str:
        """In words."""
        if self.state.status != "approved":
            return self.state.status if not self.void else "void"
        if self.void:
            return "void"
        if self.state.expires and self.state.expires < _today().isoformat():
            return "expired"
        return "approved with conditions" if any(c.met_by is None for c in self.state.conditions) else "approved"


# reading -------------------------------------------------------------------------------------------


def fold(events: Sequence[Event], subject: str) -> State:
    """How the events leave a version."""
    state = State(subject)
    for event in events:
        if event.subject == subject and event.kind in FROM:
            state = replace(_after(state, event), version=event.number, history=(*state.history, event))
    return state


def _after(state: State, event: Event) -> State:
    body, who, name = event.body, event.actor["id"], event.actor["name"]
    if event.kind == "submit":
        return State(
            state.subject,
            status="submitted",
            tier=body["tier"],
            profile=body["profile"],
            people={"submitter": who},
            names={"submitter": name},
            needed=body["approvals_needed"],
            evidence=body["evidence"],
            policy=body["policy"],
            history=state.history,
        )
    if event.kind == "validate":
        return replace(state, status="validated", people=state.people | {"validator": who}, names=state.names | {"validator": name})
    if event.kind == "approve":
        count = len(state.approvals) + 1
        return replace(
            state,
            status="approved" if count >= state.needed else state.status,
            approvals=(*state.approvals, who),
            people=state.people | {f"approver {count}": who},
            names=state.names | {f"approver {count}": name},
            conditions=state.conditions + tuple(Condition(len(state.conditions) + i + 1, **c) for i, c in enumerate(body["conditions"])),
            expires=body["expires"],
            policy=body["policy"],
        )
    if event.kind == "waive":
        kept = tuple(w for w in state.waivers if w.gate != body["gate"])
        return replace(state, waivers=(*kept, Waiver(body["gate"], body["reason"], body["expires"], name, who)))
    if event.kind == "confirm waiver":
        return replace(state, waivers=tuple(replace(w, confirmed_by=name) if w.gate == body["gate"] else w for w in state.waivers))
    if event.kind == "meet condition":
        met = tuple(replace(c, met_by=name) if c.number == body["condition"] else c for c in state.conditions)
        return replace(state, conditions=met)
    return replace(state, status={"reject": "rejected", "withdraw": "withdrawn", "retire": "retired"}[event.kind])


def state(clients: Clients, arn: str) -> State:
    """How a version stands in the log."""
    return fold(log.read(clients), arn)


def standing(clients: Clients, arn: str, *, with_gates: bool = True) -> Standing:
    """How a version stands now: its state, and whether evidence, policy, data and dates still bear it."""
    package, now = registry.get(clients, arn), state(clients, arn)
    void: list[str] = []
    if package.status == "Approved" and now.status != "approved":
        void.append("The registry says Approved, and no decision in the log does.")
    if now.status not in {"submitted", "validated", "approved"}:
        return Standing(package, now, tuple(void), ())
    if now.evidence:
        void += evidence.problems(clients, now.evidence)
    if now.status != "approved":
        return Standing(package, now, tuple(void), ())
    if package.status != "Approved":
        void.append(f"The log says approved, and the registry says {package.status}.")
    return Standing(package, now, tuple(void), tuple(_review(clients, package, now, with_gates=with_gates)))


def _review(clients: Clients, package: Package, now: State, *, with_gates: bool) -> list[str]:
    today, reasons = _today().isoformat(), []
    if now.expires and now.expires < today:
        reasons.append(f"The approval ended on {now.expires}.")
    reasons += [
        f"Condition {c.number} of {c.owner} was due on {c.due}: {c.text}" for c in now.conditions if c.met_by is None and c.due < today
    ]
    rules, _ = policy.in_force(clients)
    if now.policy != rules.sha256:
        reasons.append(f"The policy has changed since: {rules.title} {rules.version} is in force.")
    data = registry.data_of(clients, package)
    if data is not None:
        from core import datasets

        newest = next((d for d in datasets.list_datasets(clients) if d.name == data.dataset.name), None)
        if newest is not None and newest.sha256 != data.dataset.sha256:
            reasons.append(f"There are newer data: {newest.name}, SHA-256 {newest.sha256[:12]}….")
    reasons += _card_changed(clients, package, now)
    if with_gates and now.profile in rules.profiles:
        failing = [r.title for r in judged(gates.check(clients, package, rules.profiles[now.profile]), now) if r.blocks]
        if failing:
            reasons.append(f"Gates that fail now: {', '.join(failing)}.")
    return reasons


def _card_changed(clients: Clients, package: Package, now: State) -> list[str]:
    try:
        pinned = evidence.read(clients, now.evidence or "").files.get("model-card")
    except GovernanceError:
        return []  # said as void already
    card = model_card.current(clients, package)
    if pinned is None or pinned["sha256"] == sha256(card.bytes):
        return []
    return [f"The model card has changed since it was pinned: {model_card.edited(card)}."]


def judged(results: Sequence[gates.Result], now: State) -> list[gates.Result]:
    """The gates' outcomes, with the waivers that hold today."""
    held = {w.gate: w for w in now.waivers if w.holds(_today())}
    return [
        replace(r, status="waived", reason=f"{held[r.gate].reason} (until {held[r.gate].expires})") if r.blocks and r.gate in held else r
        for r in results
    ]


def involved(package: Package, now: State) -> dict[str, str]:
    """Part -> id of everyone who has had a part in a version, so that the same person doesn't have another."""
    made = {
        part: package.properties.get(f"governance:{key}", "") for part, key in (("trainer", "trained-by"), ("registrant", "registered-by"))
    }
    return {part: who for part, who in {**made, **now.people}.items() if who}


# writing -------------------------------------------------------------------------------------------


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
    require(identity, "submit", subject=arn)
    package = registry.get(clients, arn)
    changed = registry.missing_evidence(clients, package)
    if changed:
        raise Conflict(
            f"{package.label} can't be submitted: {', '.join(changed)} changed since it was registered, or is gone.",
            subject=arn,
            remedy="Measure again, and register the version anew.",
        )
    model_card.ensure(clients, package)
    pinned = evidence.collect(clients, package, rules)
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
    require(identity, "validate", subject=arn)
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
    require(identity, "approve", subject=arn)
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
            "expires": (_today() + timedelta(days=rules.expiry.of(now.tier))).isoformat(),
        }
    )
    return _act(clients, identity, "approve", package, seen, reason, code, body)


def reject(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """Refuse it."""
    require(identity, "reject", subject=arn)
    return _plain(clients, identity, "reject", arn, seen, reason, code, _judgement(clients, registry.get(clients, arn)))


def withdraw(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """Take back a submission or an approval."""
    return _plain(clients, identity, "withdraw", arn, seen, reason, code)


def retire(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str) -> State:
    """End the use of an approved version."""
    return _plain(clients, identity, "retire", arn, seen, reason, code)


def waive(clients: Clients, identity: Identity, arn: str, *, seen: int, reason: str, code: str, gate: str, expires: date) -> State:
    """Ask that a failing gate be passed over until ``expires``; it counts once a second person has confirmed it."""
    if expires < _today():
        raise DataError("A waiver ends in the future.", subject="expires", remedy="Choose a later day.")
    return _plain(clients, identity, "waive", arn, seen, reason, code, {"gate": gate, "expires": expires.isoformat()})


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
        require(identity, kind, subject=package.label, involved=_others(kind, package, now, body))
        if kind in {"waive", "confirm waiver", "meet condition"}:
            _there(kind, now, body, package)

    event = log.append(clients, identity, kind, package.arn, {"reason": reason.strip(), "code": code, **body}, check=check)
    follow(clients, package.arn)
    return fold(log.read(clients)[: event.number], package.arn)


def _others(kind: str, package: Package, now: State, body: dict[str, Any]) -> dict[str, str]:
    if kind == "confirm waiver":
        asked = {f"who asked for waiver {n}": w.by_id for n, w in enumerate(now.waivers) if w.gate == body["gate"]}
        return involved(package, now) | asked
    if kind in {"submit", "waive", "meet condition", "retire"}:
        return {}
    return involved(package, now)


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
    """The pinned evidence, when all of it holds. Raises Conflict."""
    digest = state(clients, package.arn).evidence
    changed = evidence.problems(clients, digest) if digest else ["nothing was submitted"]
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
        if date.fromisoformat(due) < _today():
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


def _today() -> date:
    return datetime.now(UTC).date()


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
                ModelApprovalStatus=status,  # type: ignore[arg-type]
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


def waiting(clients: Clients, *, most: int = 100) -> list[tuple[registry.Version, State]]:
    """The newest versions with how they stand in the log, those that somebody has to act on first."""
    events = log.read(clients)
    by_subject: dict[str, list[Event]] = {}
    for event in events:
        by_subject.setdefault(event.subject, []).append(event)
    found = [(version, fold(by_subject.get(version.arn, ()), version.arn)) for version in registry.versions(clients, most=most)]
    order = {"submitted": 0, "validated": 0, "registered": 1, "approved": 2}
    return sorted(found, key=lambda pair: order.get(pair[1].status, 3))


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
__all__ = ["ACTIONS", "FROM", "REASON_CODES", "GovernanceError", "Standing", "State", "fold", "follow", "standing", "state", "waiting"]
