"""The replay of the log: sequences that people may write are lawful, and one forbidden event among them is found, whoever signs it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deciding import ADA, CHRIS, DANA, EASY, OLGA, RITA, VERA, VIC, WHY
from hypothesis import given, settings
from hypothesis import strategies as st

from core.governance import lawfulness, policy
from core.governance.gate_results import AGREEMENT_GATE
from core.identity import Identity, Role
from core.ledger import audit_log, signing
from core.ledger.event_body import EVENT_FORMAT

RULES = policy.parse_toml(EASY.replace('{kind = "disjoint"}', '{kind = "disjoint", waivable = false}').encode())
LAX = policy.parse_toml(RULES.text.replace("high = 2", "high = 1").replace('"Easy"', '"Lax"', 1).encode())
POLICIES = {rules.sha256: rules for rules in (RULES, LAX)}
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/loans/{}"
PASSED = {"easy": (AGREEMENT_GATE, "complete", "disjoint", "lineage", "fresh"), "hard": (AGREEMENT_GATE, "quality auc", "bias DI sex=2")}


def outcome(gate, status="pass"):
    blocks = status in {"fail", "not computable"}
    return {"gate": gate, "title": gate, "status": status, "found": "", "wanted": "", "reason": "", "required": True, "blocks": blocks}


WAIVED = [outcome(AGREEMENT_GATE), outcome("quality auc", "waived"), outcome("bias DI sex=2")]


class Log:
    """Events as the product chains them, without their signatures: who forges one holds the key."""

    def __init__(self):
        self.events = []
        self.add(ADA, "adopt policy", "policy", policy=RULES.sha256, reason=WHY)
        self.add(RITA, "confirm policy", "policy", policy=RULES.sha256, reason=WHY)

    def add(self, who, kind, subject, *, hours=5, **body):
        actor = {"name": who.name, "role": str(who.role), "id": who.id}
        self.put(len(self.events), {"kind": kind, "actor": actor, "subject": subject, "body": body | {"format": EVENT_FORMAT}}, hours)
        return self

    def put(self, at, changes, hours=5):
        """Put an event at a place, and chain what follows again. It is dated so many hours after the one before."""
        before = datetime.fromisoformat(self.events[at - 1].time) if at else START
        raw = {"id": "0", "time": (before + timedelta(hours=hours)).isoformat(), **changes}
        rest = [json.loads(audit_log.event_payload(event)) for event in self.events[at:]]
        del self.events[at:]
        for one in (raw, *rest):
            last = self.events[-1] if self.events else None
            chained = one | {"number": len(self.events) + 1, "previous": last.hash if last else audit_log.NO_PREVIOUS_HASH}
            self.events.append(audit_log.parse_event(signing.canonical_json(chained)))

    def judge(self):
        return lawfulness.judge_events(self.events, POLICIES, target_kind="aws", now=NOW)


def decide(log, arn, kind, who, profile="easy", tier="low"):
    """One step as the product records it."""
    day = datetime.fromisoformat(log.events[-1].time).date() + timedelta(days=1)
    said = {"reason": WHY, "code": {"submit": "first version", "validate": "evidence reviewed", "approve": "meets the policy"}.get(kind)}
    said["code"] = said["code"] or {"reject": "bias", "withdraw": "superseded", "retire": "superseded", "waive": "small sample"}.get(kind)
    said["code"] = said["code"] or {"confirm waiver": "agreed", "meet condition": "done"}[kind]
    judged = {"policy": RULES.sha256, "compared_with": None, "gates": [outcome(gate) for gate in PASSED[profile]]}
    if kind == "submit":
        needed = {"low": 1, "medium": 1, "high": 2}[tier]
        said |= {"tier": tier, "tier_rationale": WHY, "profile": profile, "evidence": "e" * 64, "policy": RULES.sha256}
        said["approvals_needed"] = needed
    if kind in {"validate", "approve"}:
        said |= judged | {"evidence": "e" * 64}
    if kind == "reject":
        said |= judged
    if kind == "approve":
        if profile == "hard":
            said["gates"] = WAIVED
        due = (day + timedelta(days=9)).isoformat()
        said |= {"conditions": [{"text": "Watch drift", "owner": "Dana", "due": due}], "expires": (day + timedelta(days=29)).isoformat()}
    if kind == "waive":
        said |= {"gate": "quality auc", "expires": (day + timedelta(days=20)).isoformat()}
    if kind == "confirm waiver":
        said["gate"] = "quality auc"
    if kind == "meet condition":
        said["condition"] = 1
    log.add(who, kind, arn, hours=5, **said)


PLANS = {
    "approved": [("submit", DANA), ("validate", VIC), ("approve", CHRIS), ("meet condition", VIC), ("retire", OLGA)],
    "rejected": [("submit", DANA), ("reject", OLGA)],
    "again": [("submit", DANA), ("withdraw", DANA), ("submit", DANA), ("validate", VIC), ("approve", OLGA), ("withdraw", ADA)],
    "hard": [("submit", DANA), ("waive", VIC), ("confirm waiver", OLGA), ("validate", VIC), ("approve", CHRIS)],
    "high": [("submit", DANA), ("validate", VIC), ("approve", CHRIS), ("approve", OLGA)],
}


@st.composite
def logs(draw, *, least=0):
    """A log of what several people may do to several versions, in any order; and each version's plan, with how far it came."""
    log, plans = Log(), {ARN.format(n + 1): draw(st.sampled_from(sorted(PLANS))) for n in range(draw(st.integers(1, 3)))}
    done = dict.fromkeys(plans, -1)
    for _ in range(draw(st.integers(least, 14))):
        open_ = [arn for arn in plans if done[arn] < len(PLANS[plans[arn]])]
        if not open_:
            break
        arn = draw(st.sampled_from(open_))
        if done[arn] < 0:
            properties = {"governance:registered-by": DANA.tag, "governance:trained-by": "i#tom"}
            log.add(DANA, "register", arn, properties=properties, registration=arn[-1])
        else:
            kind, who = PLANS[plans[arn]][done[arn]]
            decide(log, arn, kind, who, profile="hard" if plans[arn] == "hard" else "easy", tier="high" if plans[arn] == "high" else "low")
        done[arn] += 1
    return log


@pytest.mark.slow
@given(logs())
@settings(max_examples=100, deadline=None)
def test_what_the_product_may_write_is_lawful(log):
    assert log.judge() == []


def actor(who):
    return {"name": who.name, "role": str(who.role), "id": who.id}


def body_of(log, arn, kind, who, **changes):
    """The event that ``decide`` would write now, with changes."""
    other = Log()
    other.events = list(log.events)
    decide(other, arn, kind, who)
    body = other.events[-1].body | changes
    return {"kind": kind, "actor": actor(who), "subject": arn, "body": {key: value for key, value in body.items() if value is not ...}}


def registered(arn=None, who=DANA):
    return {
        "kind": "register",
        "actor": actor(who),
        "subject": arn or ARN.format(9),
        "body": {"properties": {"governance:registered-by": who.tag}, "format": 2},
    }


def known(log):
    return next(event.subject for event in log.events if event.kind == "register")


MADE_UP = {**actor(CHRIS), "role": "owner"}
FORBIDDEN = {
    "a lone approval": lambda log: body_of(log, ARN.format(9), "approve", CHRIS),
    "a lone validation": lambda log: body_of(log, ARN.format(9), "validate", VIC),
    "a submission that nobody registered": lambda log: body_of(log, ARN.format(9), "submit", DANA),
    "a second registration": lambda log: registered(known(log)),
    "a second registration by another person": lambda log: registered(known(log), ADA),
    "a registration in another's name": lambda log: registered() | {"actor": actor(ADA)},
    "a registration by an officer": lambda log: registered(who=CHRIS),
    "a registration that says nothing": lambda log: registered() | {"body": {"format": 2}},
    "a kind that doesn't exist": lambda log: registered() | {"kind": "note"},
    "a role that doesn't exist": lambda log: registered() | {"actor": MADE_UP},
    "an id without a sign-in": lambda log: registered() | {"actor": {**actor(DANA), "id": "somebody"}},
    "a date in the future": lambda log: registered() | {"time": (NOW + timedelta(days=1)).isoformat()},
    "a date before the event before": lambda log: registered() | {"time": (START - timedelta(days=1)).isoformat()},
    "no date": lambda log: registered() | {"time": "yesterday"},
    "an earlier format": lambda log: registered() | {"body": {"properties": {"governance:registered-by": DANA.tag}}},
    "a later format": lambda log: registered() | {"body": registered()["body"] | {"format": 9}},
    "a policy adopted by an officer": lambda log: {
        "kind": "adopt policy", "actor": actor(CHRIS), "subject": "policy", "body": {"policy": LAX.sha256, "reason": WHY, "format": 2}
    },
    "a policy confirmed that nobody adopted": lambda log: {
        "kind": "confirm policy", "actor": actor(RITA), "subject": "policy", "body": {"policy": LAX.sha256, "reason": WHY, "format": 2}
    },
}  # fmt: skip


@pytest.mark.slow
@given(logs(least=1), st.sampled_from(sorted(FORBIDDEN)), st.data())
@settings(max_examples=300, deadline=None)
def test_one_forbidden_event_among_lawful_ones_is_found_wherever_it_stands(log, name, data):
    first = next(event.number for event in log.events if event.kind == "register")
    at = data.draw(st.integers(first, len(log.events)), label="place")
    before = Log()
    before.events = log.events[:at]
    log.put(at, FORBIDDEN[name](before))
    assert at + 1 in {problem.number for problem in log.judge()}


def brought_to(*steps, profile="easy", tier="low"):
    log = Log().add(DANA, "register", ARN.format(1), properties={"governance:registered-by": DANA.tag, "governance:trained-by": "i#tom"})
    for kind, who in steps:
        decide(log, ARN.format(1), kind, who, profile=profile, tier=tier)
    assert log.judge() == []
    return log


SUBMITTED, VALIDATED = [("submit", DANA)], [("submit", DANA), ("validate", VIC)]
TRAINER = Identity("Tom", Role.COMPLIANCE_OFFICER, issuer="i", subject="tom")
STEPS = {
    "approved without a validation": (SUBMITTED, "approve", CHRIS, {}, "needs a version that is validated"),
    "validated by the submitter": (SUBMITTED, "validate", replace(DANA, role=Role.VALIDATOR), {}, "has worked on"),
    "approved by the validator": (VALIDATED, "approve", replace(VIC, role=Role.COMPLIANCE_OFFICER), {}, "validator"),
    "approved by the trainer": (VALIDATED, "approve", TRAINER, {}, "trainer"),
    "approved by a validator's role": (VALIDATED, "approve", replace(CHRIS, role=Role.VALIDATOR), {}, "can't approve"),
    "approved by a viewer": (VALIDATED, "approve", VERA, {}, "can't approve"),
    "approved without a sign-in": (VALIDATED, "approve", Identity("Chris", Role.COMPLIANCE_OFFICER), {}, "on AWS"),
    "a gate left out": (VALIDATED, "approve", CHRIS, {"gates": [outcome("complete")]}, "isn't recorded"),
    "evidence of which nobody says that it agrees": (
        VALIDATED, "approve", CHRIS, {"gates": [outcome(g) for g in PASSED["easy"] if g != AGREEMENT_GATE]}, "which nobody can waive"
    ),
    "a waiver of what nobody can waive": (SUBMITTED, "waive", VIC, {"gate": AGREEMENT_GATE}, "can't be waived"),
    "no gates": (VALIDATED, "approve", CHRIS, {"gates": []}, "isn't recorded"),
    "a gate that fails": (VALIDATED, "approve", CHRIS, {"gates": [outcome(g, "fail") for g in PASSED["easy"]]}, "can't be approved"),
    "a gate that fails and is said not to block": (
        VALIDATED, "approve", CHRIS, {"gates": [outcome(g, "fail") | {"blocks": False} for g in PASSED["easy"]]}, "is fail"
    ),
    "a gate waived by nobody": (VALIDATED, "approve", CHRIS, {"gates": [outcome(g, "waived") for g in PASSED["easy"]]}, "two people"),
    "valid for ever": (VALIDATED, "approve", CHRIS, {"expires": "2099-01-01"}, "by the policy an approval ends"),
    "another policy": (VALIDATED, "approve", CHRIS, {"policy": LAX.sha256}, "isn't in force"),
    "other evidence": (VALIDATED, "approve", CHRIS, {"evidence": "f" * 64}, "other evidence"),
    "no rationale": (VALIDATED, "approve", CHRIS, {"reason": "ok"}, "too short"),
    "a rationale of dots": (VALIDATED, "approve", CHRIS, {"reason": "." * 20}, "rationale says nothing"),
    "a tier for no reason": ([], "submit", DANA, {"tier_rationale": "tier tier tier tier tier"}, "rationale of the tier says nothing"),
    "no reason code": (VALIDATED, "approve", CHRIS, {"code": "because"}, "isn't a reason code"),
    "an approval without an end": (VALIDATED, "approve", CHRIS, {"expires": ...}, "lacks what"),
    "too few approvals": ([], "submit", DANA, {"tier": "high", "approvals_needed": 1}, "demands 2"),
    "a tier that doesn't exist": ([], "submit", DANA, {"tier": "none"}, "isn't a tier"),
    "a profile that doesn't exist": ([], "submit", DANA, {"profile": "none"}, "has no profile"),
    "no evidence": ([], "submit", DANA, {"evidence": None}, "No evidence"),
    "a waiver that nobody asked for": (SUBMITTED, "confirm waiver", OLGA, {}, "Nobody has asked"),
    "a waiver for years": (SUBMITTED, "waive", VIC, {"expires": "2036-01-01", "gate": "fresh"}, "no later than"),
    "a waiver of a gate that the policy lacks": (SUBMITTED, "waive", VIC, {"gate": "anything"}, "has no gate"),
    "a condition that doesn't exist": ([*VALIDATED, ("approve", CHRIS)], "meet condition", DANA, {"condition": 7}, "no open condition"),
    "a condition met by the submitter": ([*VALIDATED, ("approve", CHRIS)], "meet condition", DANA, {}, "has worked on"),
    "a condition met by the trainer": ([*VALIDATED, ("approve", CHRIS)], "meet condition", TRAINER, {}, "trainer"),
    "a waiver of a gate that the policy marks": (SUBMITTED, "waive", VIC, {"gate": "disjoint"}, "the policy doesn't allow it"),
    "submitted after the end": ([*VALIDATED, ("approve", CHRIS), ("retire", OLGA)], "submit", DANA, {}, "is retired"),
    "withdrawn by another scientist": (SUBMITTED, "withdraw", replace(DANA, name="Dan", subject="dan"), {}, "can't withdraw"),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_the_product_refuses_is_found_when_somebody_with_the_key_writes_it(name):
    steps, kind, who, changes, words = STEPS[name]
    log = brought_to(*steps)
    log.put(len(log.events), body_of(log, ARN.format(1), kind, who, **changes))
    assert [words for problem in log.judge() if words in problem.what and problem.number == len(log.events)], log.judge()


def test_one_person_in_every_role_is_found():
    log = Log().add(DANA, "register", ARN.format(1), properties={"governance:registered-by": DANA.tag})
    for kind, role in (("submit", Role.DATA_SCIENTIST), ("validate", Role.VALIDATOR), ("approve", Role.COMPLIANCE_OFFICER)):
        decide(log, ARN.format(1), kind, replace(DANA, role=role))
    assert [problem.number for problem in log.judge()] == [5, 6]


def test_a_waiver_that_its_asker_confirms_is_found_and_so_is_the_approval_on_it_after_its_end():
    log = brought_to(("submit", DANA), ("waive", OLGA), profile="hard")
    decide(log, ARN.format(1), "confirm waiver", OLGA, profile="hard")
    (problem,) = log.judge()
    assert "who asked for it" in problem.what
    late = brought_to(("submit", DANA), ("waive", VIC), ("confirm waiver", OLGA), ("validate", VIC), profile="hard")
    event = body_of(late, ARN.format(1), "approve", CHRIS, gates=WAIVED)
    late.put(len(late.events), event, hours=24 * 24)
    assert any("two people agreed" in problem.what for problem in late.judge())


def test_an_approval_on_a_waiver_of_a_gate_that_the_policy_marks_is_found():
    log = brought_to(*VALIDATED)
    gates = [outcome(g, "waived" if g == "disjoint" else "pass") for g in PASSED["easy"]]
    for kind, who in (("waive", VIC), ("confirm waiver", OLGA)):
        log.put(len(log.events), body_of(log, ARN.format(1), kind, who, gate="disjoint"))
    log.put(len(log.events), body_of(log, ARN.format(1), "approve", CHRIS, gates=gates))
    assert any("The gate disjoint is waived" in problem.what for problem in log.judge())


@pytest.mark.parametrize("number", [2, 3])
def test_what_events_of_format_3_forbid_was_allowed_before(number):
    """Twenty dots for a rationale, and a condition that the submitter calls met."""
    log = brought_to(*VALIDATED, ("approve", CHRIS))
    log.put(len(log.events), body_of(log, ARN.format(1), "meet condition", DANA, reason="." * 20))
    raw = [json.loads(audit_log.event_payload(event)) for event in log.events]
    earlier = Log()
    earlier.events = []
    for one in raw:
        earlier.put(len(earlier.events), one | {"body": one["body"] | {"format": number}})
    found = " ".join(problem.what for problem in earlier.judge())
    assert ("says nothing" in found, "has worked on" in found) == ((False, False) if number == 2 else (True, True))


def test_a_second_registration_doesnt_rewrite_the_trainer():
    log = brought_to(*VALIDATED)
    log.put(len(log.events), {**registered(ARN.format(1)), "body": {"properties": {"governance:registered-by": DANA.tag}, "format": 2}})
    decide(log, ARN.format(1), "approve", TRAINER)
    assert {problem.number for problem in log.judge()} == {len(log.events) - 1, len(log.events)}


def test_a_policy_is_changed_by_two_and_the_old_one_doesnt_count_any_more():
    log = brought_to(*VALIDATED)
    log.add(ADA, "adopt policy", "policy", policy=LAX.sha256, reason=WHY)
    log.add(replace(ADA, role=Role.COMPLIANCE_OFFICER), "confirm policy", "policy", policy=LAX.sha256, reason=WHY)
    assert ["has worked on" in problem.what for problem in log.judge()] == [True]
    good = brought_to(*VALIDATED)
    good.add(ADA, "adopt policy", "policy", policy=LAX.sha256, reason=WHY)
    good.add(RITA, "confirm policy", "policy", policy=LAX.sha256, reason=WHY)
    assert good.judge() == []
    decide(good, ARN.format(1), "approve", CHRIS)  # under the policy from before
    assert ["isn't in force" in problem.what for problem in good.judge()] == [True]


def test_a_log_of_an_earlier_format_is_judged_by_its_rules_and_shown_as_older_evidence():
    """Written by the product as it was before events had a format, with the policy in a file that the environment named."""
    kept = json.loads((Path(__file__).parent / "logs" / "format-1.json").read_text())
    events = [audit_log.parse_event(signing.canonical_json(raw)) for raw in kept["events"]]
    rules = {found.sha256: found for found in (policy.parse_toml(text.encode()) for text in kept["policies"])}
    assert lawfulness.judge_events(events, rules, target_kind="local", now=datetime(2027, 1, 1, tzinfo=UTC)) == []
    assert len(events) > 20
    assert lawfulness.older_versions(events) == list(dict.fromkeys(event.subject for event in events if event.kind == "submit"))
    log = Log()
    log.events = list(events)
    approved = next(event for event in events if event.kind == "approve")
    log.put(len(events), {"kind": "approve", "actor": actor(OLGA), "subject": ARN.format(9), "body": {**approved.body}})
    problems = lawfulness.judge_events(log.events, rules, target_kind="local", now=datetime(2027, 1, 1, tzinfo=UTC))
    assert {problem.number for problem in problems} == {len(log.events)}
