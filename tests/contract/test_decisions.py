"""Decisions on a registered version, and every way that we know to get round them: through core, through the raw API, by racing."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from deciding import CHRIS, DANA, EASY, OLGA, VERA, VIC, WHY, approve, approved, seen, submitted, validated

from core import lineage, registry
from core.errors import Conflict, DataError, Forbidden
from core.governance import decisions, evidence, log, policy, states, verification
from core.governance.policy import InvalidPolicy
from core.identity import Identity, Role


def test_a_version_goes_from_submission_to_approval_and_registry_and_lineage_follow(clients, arn):
    day = (datetime.now(UTC).date() + timedelta(days=9)).isoformat()
    state = approved(clients, arn, conditions=[("Watch the drift of income", "Dana", day)])
    assert (state.status, state.names["validator"], state.names["approver 1"]) == ("approved", "Vic", "Chris")
    package = registry.get(clients, arn)
    assert package.status == "Approved"
    assert package.properties[registry.EVIDENCE] == state.evidence
    assert package.properties[registry.DECISION] == str(state.version)
    standing = decisions.standing(clients, arn)
    assert (standing.label, standing.void, standing.review) == ("approved with conditions", (), ())
    graph = lineage.graph(clients, lineage.artifact_of(clients, arn), hops=1)
    assert {"submit", "validate", "approve"} <= {node.kind for node in graph.nodes if node.type == "Action"}
    met = decisions.meet_condition(clients, DANA, arn, seen=state.version, reason=WHY, code="done", condition=1)
    assert met.conditions[0].met_by == "Dana"
    assert decisions.standing(clients, arn).label == "approved"


def test_the_evidence_names_every_file_with_its_hash_and_the_model_as_its_subject(clients, arn):
    state = submitted(clients, arn)
    found = evidence.read(clients, state.evidence)
    files = found.files
    expected = {"model", "quality", "bias", "explainability", "scores", "policy", "package-lock", "data/source", "data/test_res.csv"}
    assert expected <= files.keys()
    statement = json.loads(found.statement)
    assert statement["subject"] == [{"name": "model.tar.gz", "digest": {"sha256": files["model"]["sha256"]}}]
    assert found.predicate["metrics"]["auc"]["n"] == registry.get(clients, arn).performance["auc"]["n"]
    assert evidence.collect(clients, registry.get(clients, arn), policy.in_force(clients)[0]).digest == state.evidence


@pytest.mark.parametrize("part", ["trainer", "registrant", "submitter", "validator"])
def test_nobody_approves_what_they_had_a_part_in_whatever_their_role(clients, arn, part):
    who = {"validator": VIC}.get(part, DANA)
    if part == "trainer":
        package = registry.get(clients, arn)
        who = Identity(package.properties["governance:trained-by-name"], Role.COMPLIANCE_OFFICER)
    validated(clients, arn)
    before = len(log.read(clients))
    with pytest.raises(Forbidden, match="had a part"):
        approve(clients, arn, dataclasses.replace(who, role=Role.COMPLIANCE_OFFICER))
    assert len(log.read(clients)) == before
    assert registry.get(clients, arn).status == registry.PENDING


@pytest.mark.parametrize("who", [DANA, VIC, VERA])
@pytest.mark.parametrize("act", ["approve", "reject", "confirm waiver"])
def test_whoever_lacks_the_role_is_refused_in_core_and_nothing_is_written(clients, arn, who, act):
    validated(clients, arn)
    before = log.read(clients)
    extra = {"gate": "disjoint"} if act == "confirm waiver" else {}
    with pytest.raises(Forbidden, match="may not"):
        decisions.ACTIONS[act](clients, who, arn, seen=seen(clients, arn), reason=WHY, code=decisions.REASON_CODES[act][0], **extra)
    assert log.read(clients) == before


def test_a_stale_page_cannot_approve_and_is_told_what_has_changed(clients, arn):
    state = validated(clients, arn)
    decisions.withdraw(clients, DANA, arn, seen=state.version, reason=WHY, code="error found")
    with pytest.raises(Conflict, match="Dana did withdraw"):
        decisions.approve(clients, CHRIS, arn, seen=state.version, reason=WHY, code="meets the policy")


def test_of_twenty_approvals_at_once_one_wins_and_nineteen_are_told(clients, arn):
    state = validated(clients, arn)

    def one(number):
        who = Identity(f"Officer {number}", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject=f"officer-{number}")
        try:
            return decisions.approve(clients, who, arn, seen=state.version, reason=WHY, code="meets the policy")
        except Conflict as error:
            return error

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(one, range(20)))
    losers = [result for result in results if isinstance(result, Conflict)]
    assert len(losers) == 19
    assert all("did approve" in error.what for error in losers)
    assert [event.kind for event in decisions.state(clients, arn).history] == ["submit", "validate", "approve"]
    assert verification.verify(clients).holds


def test_a_high_tier_takes_two_officers(clients, arn):
    validated(clients, arn, tier="high")
    assert approve(clients, arn).status == "validated"
    assert registry.get(clients, arn).status == registry.PENDING
    with pytest.raises(Forbidden, match="approver 1"):
        approve(clients, arn)
    assert approve(clients, arn, OLGA).status == "approved"


def test_a_failing_gate_stands_in_the_way_until_two_people_waive_it(clients, arn):
    validated(clients, arn, profile="hard")
    with pytest.raises(Conflict, match="can't be approved"):
        approve(clients, arn)
    facet = registry.get(clients, arn).bias.facets[0]
    day = datetime.now(UTC).date() + timedelta(days=5)
    for gate in ("quality auc", f"bias DI {facet.facet}={facet.value}"):
        arguments = {"reason": WHY, "gate": gate}
        decisions.waive(clients, VIC, arn, seen=seen(clients, arn), code="accepted risk", expires=day, **arguments)
        with pytest.raises(Conflict, match="can't be approved"):
            approve(clients, arn, OLGA)
        with pytest.raises(Forbidden, match="had a part"):
            officer = dataclasses.replace(VIC, role=Role.COMPLIANCE_OFFICER)
            decisions.confirm_waiver(clients, officer, arn, seen=seen(clients, arn), code="agreed", **arguments)
        decisions.confirm_waiver(clients, CHRIS, arn, seen=seen(clients, arn), code="agreed", **arguments)
    state = approve(clients, arn, OLGA)
    assert state.status == "approved"
    assert {gate["status"] for gate in state.history[-1].body["gates"]} == {"waived"}


def test_a_waiver_ends(clients, arn, monkeypatch):
    validated(clients, arn, profile="hard")
    arguments = {"reason": WHY, "gate": "quality auc"}
    with pytest.raises(DataError, match="future"):
        decisions.waive(clients, VIC, arn, seen=seen(clients, arn), code="accepted risk", expires=date(2020, 1, 1), **arguments)
    day = datetime.now(UTC).date()
    decisions.waive(clients, VIC, arn, seen=seen(clients, arn), code="accepted risk", expires=day, **arguments)
    state = decisions.confirm_waiver(clients, CHRIS, arn, seen=seen(clients, arn), code="agreed", **arguments)
    assert state.waivers[0].holds(day)
    assert not state.waivers[0].holds(day + timedelta(days=1))


def test_changed_evidence_voids_the_approval_everywhere(clients, arn):
    approved(clients, arn)
    pinned = evidence.read(clients, decisions.state(clients, arn).evidence).files["scores"]
    original = clients.read(pinned["uri"])
    try:
        clients.write(pinned["uri"], original.replace(b"1", b"0", 1))
        standing = decisions.standing(clients, arn)
        assert standing.label == "void"
        assert "scores has changed" in standing.void[0]
        assert any("scores has changed" in problem.what for problem in verification.verify(clients).problems)
    finally:
        clients.write(pinned["uri"], original)
    assert decisions.standing(clients, arn).label == "approved"


def test_evidence_that_changed_after_submission_cannot_be_approved(clients, arn):
    validated(clients, arn)
    pinned = evidence.read(clients, decisions.state(clients, arn).evidence).files["quality"]
    original = clients.read(pinned["uri"])
    try:
        clients.write(pinned["uri"], original + b" ")
        with pytest.raises(Conflict, match="quality"):
            approve(clients, arn)
    finally:
        clients.write(pinned["uri"], original)


def test_an_approval_through_the_raw_api_is_void_and_the_verification_says_so(clients, arn):
    clients.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="me")
    try:
        assert decisions.standing(clients, arn).label == "void"
        problems = verification.verify(clients).problems
        assert any(arn == problem.subject and "registry says Approved" in problem.what for problem in problems)
    finally:
        clients.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")


def test_a_process_that_ended_between_log_and_registry_is_found_and_mended(clients, arn, monkeypatch):
    validated(clients, arn)
    with monkeypatch.context() as patched:
        patched.setattr(decisions, "follow", lambda *_: None)
        approve(clients, arn)
    assert registry.get(clients, arn).status == registry.PENDING
    assert not verification.verify(clients).holds
    assert len(verification.repair(clients)) == 1
    assert registry.get(clients, arn).status == "Approved"
    assert verification.verify(clients).holds


def test_an_approval_comes_back_on_the_list_when_it_ends_and_when_a_condition_is_overdue(clients, arn, monkeypatch):
    today = datetime.now(UTC).date()
    approved(clients, arn, conditions=[("Report on drift", "Dana", today.isoformat())])
    monkeypatch.setattr(states, "today", lambda: today + timedelta(days=31))
    standing = decisions.standing(clients, arn)
    assert standing.label == "expired"
    assert any("approval ended" in reason for reason in standing.review)
    assert any("Report on drift" in reason for reason in standing.review)


def test_a_new_policy_and_a_gate_that_fails_under_it_bring_it_back(clients, rules, arn):
    approved(clients, arn)
    rules.write_text(EASY.replace('title = "Easy"', 'title = "Stricter"', 1).replace("max_age_days = 10", "max_age_days = 1"))
    assert any("policy has changed" in reason for reason in decisions.standing(clients, arn).review)
    hard = EASY.replace('gates = [{kind = "complete"}', 'gates = [{kind = "quality", metric = "auc", min = 0.9999}, {kind = "complete"}', 1)
    rules.write_text(hard)
    assert any("Gates that fail now: Quality: auc" in reason for reason in decisions.standing(clients, arn).review)


def test_an_invalid_policy_is_refused_and_the_last_valid_one_stays(clients, rules):
    valid, problem = policy.in_force(clients)
    assert problem is None
    policy.keep(clients, valid)
    rules.write_text(EASY.replace("min = 0.999}", 'min = "much"}'))
    still, problem = policy.in_force(clients)
    assert still.sha256 == valid.sha256
    assert isinstance(problem, InvalidPolicy)
    assert str(rules) in problem.what
    rules.unlink()
    assert policy.in_force(clients)[0].sha256 == valid.sha256


def test_a_version_moves_only_as_its_status_allows(clients, arn):
    with pytest.raises(Conflict, match="must be"):
        decisions.approve(clients, CHRIS, arn, seen=0, reason=WHY, code="meets the policy")
    approved(clients, arn)
    with pytest.raises(Conflict, match="is approved"):
        decisions.reject(clients, OLGA, arn, seen=seen(clients, arn), reason=WHY, code="bias")
    assert decisions.retire(clients, OLGA, arn, seen=seen(clients, arn), reason=WHY, code="end of use").status == "retired"
    assert registry.get(clients, arn).status == "Rejected"
    with pytest.raises(Conflict, match="is retired"):
        submitted(clients, arn)


@pytest.mark.parametrize(
    ("reason", "code", "words"), [("  ok ", "bias", "too short"), (WHY, "because", "no reason because"), ("x" * 6000, "bias", "too long")]
)
def test_a_decision_without_reasons_is_refused(clients, arn, reason, code, words):
    submitted(clients, arn)
    with pytest.raises(DataError, match=words):
        decisions.reject(clients, CHRIS, arn, seen=seen(clients, arn), reason=reason, code=code)


def test_hostile_text_is_kept_as_it_was_written(clients, arn):
    text = '=cmd|"/c calc"!A1 <script>alert(1)</script> \u202e{{7*7}} \U0001f600 '.strip() * 3
    submitted(clients, arn)
    state = decisions.reject(clients, CHRIS, arn, seen=seen(clients, arn), reason=text, code="other")
    assert state.history[-1].body["reason"] == text
    assert verification.verify(clients).holds
