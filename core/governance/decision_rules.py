"""The rules of decisions: which step a person may take on a version in its state, under a policy. A decision is checked by them before its
event is written, and the verification checks every event of the log by the same functions. Nothing here reads or writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core import identity
from core.errors import Conflict, DataError, GovernanceError
from core.governance.gate_results import AGREEMENT_GATE, UNWAIVABLE_GATES
from core.governance.policy import TIERS, Gate, GateProfile, Policy
from core.governance.rationales import MAX_TEXT_LENGTH, find_unsound_text
from core.governance.version_state import ALLOWED_FROM, State, people_involved
from core.identity import Identity
from core.ledger.event_body import EVENT_FORMAT, EventBody, RecordedCondition, RecordedGate
from core.registry.registry_types import NO_GROUP, Package, group_from_arn

REPRODUCED = "evidence reproduced"
"""The reason code of a validation that needs the result of a reproduction."""
REASON_CODES: dict[str, tuple[str, ...]] = {
    "submit": ("first version", "better model", "new data", "mended findings", "periodic review"),
    "validate": (REPRODUCED, "evidence reviewed"),
    "approve": ("meets the policy", "benefit outweighs the risk", "less discriminatory alternative chosen"),
    "reject": ("quality", "bias", "explainability", "data", "documentation", "other"),
    "withdraw": ("superseded", "error found", "no longer needed", "incident"),
    "retire": ("superseded", "end of use", "regulation"),
    "waive": ("small sample", "not applicable", "accepted risk"),
    "confirm waiver": ("agreed",),
    "meet condition": ("done",),
}
BUILDING_PARTS = frozenset({"trainer", "registrant", "submitter"})
"""Parts of the people who made a version: somebody else says that a condition of its approval is met."""
EARLIER = "earlier submitter"
"""The part of who submitted the version before it was submitted again."""
JUDGED_KINDS = frozenset({"submit", "validate", "approve", "reject"})
"""Decisions that name the policy by which the version was judged."""


@dataclass(frozen=True)
class Step:
    """A decision as it is about to be written, or as the log has it.

    ``subject``: the version's ARN, ``label`` its name; ``day``: in UTC; ``rules``: the policy that the step names, or else the one in
    force, None if it can't be read; ``in_force``: the SHA-256 of the policy in force (of the product's own, earlier ones too), None for an
    event of the format in which the log didn't say; ``package``: the version, where it was read; ``format``: of the event.
    """

    kind: str
    person: Identity
    subject: str
    label: str
    body: EventBody
    day: date
    rules: Policy | None
    in_force: frozenset[str] | None
    target_kind: str | None = None
    package: Package | None = None
    format: int = EVENT_FORMAT


def find_refusals(step: Step, state: State) -> Iterator[GovernanceError]:
    """Everything that forbids the step to a version in this state; nothing if it is allowed."""
    yield from find_wrong_status(step.kind, step.label, step.subject, state)
    yield from _find_forbidden_person(step, state)
    if step.in_force is not None:
        yield from find_unsound_text(step.body["reason"], "rationale", event_format=step.format)
        yield from find_wrong_code(step.kind, step.body["code"])
    if step.kind in JUDGED_KINDS and step.in_force is not None and step.body["policy"] not in step.in_force:
        message = f"The policy {step.body['policy'][:12]}… isn't in force."
        yield Conflict(message, resource=step.subject, hint="Open the version again: it is judged by the policy in force.")
    yield from _RULES_BY_KIND.get(step.kind, _no_further_rules)(step, state)


def find_wrong_status(kind: str, label: str, subject: str, state: State) -> Iterator[GovernanceError]:
    """The refusal of a step that isn't allowed from the version's status."""
    if state.status not in ALLOWED_FROM[kind]:
        needed = " or ".join(sorted(ALLOWED_FROM[kind]))
        message = f"{label} is {state.status}. The action “{kind}” needs a version that is {needed}."
        yield Conflict(message, resource=subject, hint="Look at its history.")


def excluded_people(
    kind: str, state: State, gate: str | None, package: Package | None = None, *, event_format: int = EVENT_FORMAT
) -> dict[str, str]:
    """Part -> id or name of the people who may not take this step, because they had that part, those of earlier submissions included: who
    validated one may validate the next, but not approve it. ``gate``: of a waiver; ``event_format``: up to format 2 anybody could report a
    condition as met, and earlier submissions didn't count."""
    if kind in {"submit", "waive", "retire"} or (kind == "meet condition" and event_format <= 2):
        return {}
    involved = people_involved(state, package)
    if event_format > 2:
        involved |= _number_people(EARLIER, state.earlier_submitters)
    if kind == "meet condition":
        return {part: who for part, who in involved.items() if part.removesuffix(" by name") in BUILDING_PARTS or part.startswith(EARLIER)}
    if kind != "validate" and event_format > 2:
        involved |= _number_people("earlier validator", state.earlier_validators)
    asked = next((w for w in state.waivers if w.gate == gate), None) if kind == "confirm waiver" else None
    return involved | ({"who asked for it": asked.by_id, "who asked for it by name": asked.by} if asked else {})


def _number_people(part: str, people: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Part with a number -> id or name of each. ``people``: (id, name)."""
    by_id = {f"{part} {number}": who for number, (who, _) in enumerate(people, 1)}
    return by_id | {f"{part} {number} by name": name for number, (_, name) in enumerate(people, 1)}


def _find_forbidden_person(step: Step, state: State) -> Iterator[GovernanceError]:
    involved: Mapping[str, str] = excluded_people(step.kind, state, step.body.get("gate"), step.package, event_format=step.format)
    refusal = identity.explain_refusal(step.person, step.kind, resource=step.label, involved=involved, target_kind=step.target_kind)
    if refusal is not None:
        yield refusal


def find_wrong_code(kind: str, code: str) -> Iterator[GovernanceError]:
    """The refusal of a reason code that the decision doesn't have."""
    if code not in REASON_CODES[kind]:
        yield DataError(f"{code} isn't a reason code.", resource="reason code", hint=f"Choose one of {', '.join(REASON_CODES[kind])}.")


def find_wrong_submission(rules: Policy, arn: str | None, tier: str, profile: str) -> Iterator[GovernanceError]:
    """The refusal of a tier or profile that the policy doesn't have, or doesn't leave to the submitter of a version of this ARN; None:
    of an earlier format, when every submitter chose."""
    if tier not in TIERS:
        yield DataError(f"{tier} isn't a tier.", resource="tier", hint=f"Choose one of {', '.join(TIERS)}.")
    if profile not in rules.profiles:
        yield DataError(f"The policy has no profile {profile}.", resource="profile", hint=f"Choose one of {', '.join(rules.profiles)}.")
        return
    if arn is None:
        return
    group = group_from_arn(arn) or NO_GROUP
    wanted, of = rules.rules_for(group), "versions without a group" if group == NO_GROUP else f"the versions of {group}"
    if wanted.tier not in {None, tier}:
        message = f"The policy puts {of} into the tier {wanted.tier}, not {tier}."
        yield DataError(message, resource="tier", hint=f"Submit it with the tier {wanted.tier}.")
    if profile not in wanted.profiles:
        message = f"The policy judges {of} by the profile {', '.join(wanted.profiles)}, not {profile}."
        yield DataError(message, resource="profile", hint=f"Submit it with the profile {wanted.profiles[0]}.")


def find_blocking(outcomes: Sequence[RecordedGate], label: str, subject: str) -> Iterator[GovernanceError]:
    """The refusal of an approval that gates block."""
    blocking = [f"{r['title']} ({r['status']}): {r['reason']}" for r in outcomes if r["blocks"]]
    if blocking:
        yield Conflict(
            f"{label} can't be approved. {' '.join(blocking)}",
            resource=subject,
            hint="Reject it, or ask for a waiver, which a second person must confirm.",
        )


def find_unwaivable(gate: str, subject: str, profile: GateProfile | None) -> Iterator[GovernanceError]:
    """The refusal of a waiver of a gate that nobody can waive. ``profile``: the gates that judge the version, of which the policy may have
    marked some so."""
    if profile and any(one.is_outcome(gate) and not one.waivable for one in profile.gates):
        hint = "Reject or withdraw the version, and register one that passes it."
        yield Conflict(f"Gate {gate} can't be waived: the policy doesn't allow it.", resource=subject, hint=hint)
    if gate in UNWAIVABLE_GATES:
        hint = "Reject or withdraw the version, and register one whose evidence agrees."
        yield Conflict(f"Gate {gate} can't be waived: what it finds isn't a matter of judgement.", resource=subject, hint=hint)


def find_wrong_waiver_end(rules: Policy, state: State, expires: date, day: date) -> Iterator[GovernanceError]:
    """The refusal of a waiver that ends before it begins, or after an approval given on that day would."""
    latest = day + timedelta(days=rules.expiry.for_tier(state.tier))
    if not day <= expires <= latest:
        message = f"A waiver must expire no earlier than today and no later than {latest}."
        yield DataError(message, resource="expires", hint=f"Choose a day up to {latest}.")


def approval_end(rules: Policy, state: State, day: date) -> date:
    """The last day of an approval that is given on ``day``."""
    return day + timedelta(days=rules.expiry.for_tier(state.tier))


def parse_day(text: str) -> date:
    """The day that YYYY-MM-DD names. Raises ValueError for ISO's other ways to write one (20261201, 2026-W49-2): days are compared as they
    are written, and such a one would never be over within its year."""
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(f"{text!r} isn't written as YYYY-MM-DD")
    return day


def parse_condition(text: str, owner: str, due: str, day: date) -> RecordedCondition:
    """A condition of an approval that is given on ``day``. Raises DataError if a part is missing or too long, or it was due before that
    day."""
    if not text.strip() or not owner.strip():
        raise DataError("A condition needs its text and an owner.", resource="conditions", hint="Fill in both.")
    if len(text) + len(owner) > MAX_TEXT_LENGTH:
        raise DataError("A condition is too long.", resource="conditions", hint=f"Keep it under {MAX_TEXT_LENGTH:,} characters.")
    try:
        is_past = parse_day(due) < day
    except ValueError:
        is_past = True
    if is_past:
        raise DataError(f"{due!r} is not a future date.", resource="conditions", hint="Write the last day as YYYY-MM-DD.")
    return {"text": text.strip(), "owner": owner.strip(), "due": due}


def _no_further_rules(step: Step, state: State) -> Iterator[GovernanceError]:
    yield from ()


def _rules_of(step: Step) -> Iterator[GovernanceError]:
    """Says so if the policy of the step can't be read, since what it demands can't be judged then."""
    if step.rules is None:
        yield Conflict("The policy that it names can't be read, so what it demands isn't judged.", resource=step.subject)


def _submit(step: Step, state: State) -> Iterator[GovernanceError]:
    body = step.body
    if state.registered_properties is None:
        yield Conflict(f"The log doesn't say who registered {step.label}.", resource=step.subject, hint="Register a new version.")
    if not body["evidence"]:
        yield Conflict("No evidence was recorded.", resource=step.subject, hint="Submit the version again.")
    if step.format > 2:  # before, only the submission itself asked for it
        yield from find_unsound_text(body["tier_rationale"], "rationale of the tier", event_format=step.format)
    yield from _rules_of(step)
    if step.rules is not None:
        yield from find_wrong_submission(step.rules, step.subject if step.in_force is not None else None, body["tier"], body["profile"])
        needed = step.rules.approvals.for_tier(body["tier"]) if body["tier"] in TIERS else body["approvals_needed"]
        if body["approvals_needed"] != needed:
            message = f"It asks for {body['approvals_needed']} approvals; the policy demands {needed} of the tier {body['tier']}."
            yield Conflict(message, resource=step.subject, hint="Submit the version again.")


def _validate(step: Step, state: State) -> Iterator[GovernanceError]:
    yield from _judge_evidence(step, state)
    if step.format > 2 and step.body["code"] == REPRODUCED and "reproduction" not in step.body:
        message = f"It says “{REPRODUCED}” and names no result of a reproduction."
        yield Conflict(message, resource=step.subject, hint="Reproduce the version first, or validate it as reviewed.")


def _judge_evidence(step: Step, state: State) -> Iterator[GovernanceError]:
    if step.body["evidence"] != state.evidence:
        yield Conflict("It names other evidence than was submitted.", resource=step.subject, hint="Submit the version again.")
    if step.body["policy"] != state.policy:
        yield Conflict("It names another policy than the submission.", resource=step.subject, hint="Submit the version again.")


def _approve(step: Step, state: State) -> Iterator[GovernanceError]:
    body = step.body
    yield from _judge_evidence(step, state)
    yield from find_blocking(body["gates"], step.label, step.subject)
    if step.in_force is not None:
        passed = {r["gate"] for r in body["gates"] if r["status"] == "pass"}
        demanded = step.rules.rules_for(group_from_arn(step.subject) or NO_GROUP).gates if step.rules else ()
        for gate in sorted({AGREEMENT_GATE, *demanded} - passed):
            yield Conflict(f"The gate {gate}, which nobody can waive, isn't recorded as passed.", resource=step.subject)
    yield from _rules_of(step)
    if step.rules is not None:
        yield from _find_unmet_gates(step, state, step.rules)
        latest = approval_end(step.rules, state, step.day)
        if parse_day(body["expires"]) > latest:
            message = f"It is valid until {body['expires']}; by the policy an approval ends on {latest}."
            yield Conflict(message, resource=step.subject, hint="Withdraw the version, and submit it again.")
    for condition in body["conditions"]:
        try:
            parse_condition(condition["text"], condition["owner"], condition["due"], step.day - timedelta(days=1))
        except DataError as error:
            yield error


def _find_unmet_gates(step: Step, state: State, rules: Policy) -> Iterator[GovernanceError]:
    """The policy's gates that the recorded outcomes leave out, or that they don't meet; whatever they say of ``blocks``."""
    profile = rules.profiles.get(state.profile)
    gates: Sequence[Gate] = profile.gates if profile else ()
    if profile is None:
        yield Conflict(f"The policy has no profile {state.profile}.", resource=step.subject, hint="Submit the version again.")
    waived = {w.gate for w in state.waivers if any(w.is_valid_on(step.day - timedelta(days=days)) for days in (0, 1))}
    for gate in gates:
        outcomes = [r for r in step.body["gates"] if gate.is_outcome(r["gate"])]
        missing = [] if outcomes else [f"The outcome of the gate {gate.name} isn't recorded."]
        unmet = [
            f"The gate {r['gate']} is {r['status']}{', without a waiver that two people agreed to' if r['status'] == 'waived' else ''}."
            for r in outcomes
            if gate.required and r["status"] != "pass" and not (r["status"] == "waived" and r["gate"] in waived and gate.waivable)
        ]
        for message in (*missing, *unmet):
            yield Conflict(message, resource=step.subject, hint="Withdraw the version, and submit it again.")


def _waive(step: Step, state: State) -> Iterator[GovernanceError]:
    profile = step.rules.profiles.get(state.profile) if step.rules else None
    yield from find_unwaivable(step.body["gate"], step.subject, profile)
    if profile and not any(gate.is_outcome(step.body["gate"]) for gate in profile.gates):
        yield Conflict(f"The policy has no gate {step.body['gate']}.", resource=step.subject, hint="Waive a gate that fails.")
    if step.rules and step.in_force is not None:
        expires = parse_day(step.body["expires"])
        if all(list(find_wrong_waiver_end(step.rules, state, expires, step.day - timedelta(days=days))) for days in (0, 1)):
            yield from find_wrong_waiver_end(step.rules, state, expires, step.day)


def _confirm_waiver(step: Step, state: State) -> Iterator[GovernanceError]:
    if step.body["gate"] not in {w.gate for w in state.waivers if w.confirmed_by is None}:
        yield Conflict(f"Nobody has asked to waive {step.body['gate']}.", resource=step.subject, hint="Reload the page.")


def _meet_condition(step: Step, state: State) -> Iterator[GovernanceError]:
    number = step.body["condition"]
    if number not in {c.number for c in state.conditions if c.met_by is None}:
        yield Conflict(f"{step.label} has no open condition {number}.", resource=step.subject, hint="Reload the page.")


_RULES_BY_KIND = {
    "submit": _submit,
    "validate": _validate,
    "approve": _approve,
    "waive": _waive,
    "confirm waiver": _confirm_waiver,
    "meet condition": _meet_condition,
}
