"""Decisions on a registered version, and every way that we know to get round them: through core, through the raw API, by racing."""

from __future__ import annotations

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from deciding import CHRIS, DANA, EASY, OLGA, VERA, VIC, WHY, adopt, approve, approved, seen, submitted, validated
from replacing import replaced

from core.errors import Conflict, DataError, Forbidden
from core.governance import decision_rules, decisions, evidence, policy, policy_adoption, verification, version_state
from core.governance.model_cards import model_card
from core.governance.policy import InvalidPolicy
from core.governance.validity import check_validity
from core.governance.version_state import read_state
from core.governance.version_under_review import read_version
from core.identity import Identity, Role
from core.ledger import audit_log
from core.lineage import lineage_graph
from core.registry import model_packages, registry_types


@pytest.fixture(scope="module")
def demo_target(demo_copy):
    return demo_copy


def test_a_version_goes_from_submission_to_approval_and_registry_and_lineage_follow(target, arn):
    day = (datetime.now(UTC).date() + timedelta(days=9)).isoformat()
    state = approved(target, arn, conditions=[("Watch the drift of income", "Dana", day)])
    assert (state.status, state.person_names["validator"], state.person_names["approver 1"]) == ("approved", "Vic", "Chris")
    package = model_packages.read_package(target, arn)
    assert package.status == "Approved"
    assert package.properties[registry_types.EVIDENCE_PROPERTY] == state.evidence
    assert package.properties[registry_types.DECISION_PROPERTY] == str(state.last_event)
    standing = check_validity(target, arn)
    assert (standing.label, standing.void_reasons, standing.review_reasons) == ("approved with conditions", (), ())
    graph = lineage_graph.read_graph(target, lineage_graph.find_artifact_arn(target, arn), hops=1)
    assert {"submit", "validate", "approve"} <= {node.kind for node in graph.nodes if node.type == "Action"}
    with pytest.raises(Forbidden, match="Dana has worked on"):
        decisions.meet_condition(target, DANA, arn, seen_event=state.last_event, reason=WHY, code="done", condition=1)
    met = decisions.meet_condition(target, VIC, arn, seen_event=state.last_event, reason=WHY, code="done", condition=1)
    assert met.conditions[0].met_by == "Vic"
    assert check_validity(target, arn).label == "approved"


def test_the_evidence_names_every_file_with_its_hash_and_the_model_as_its_subject(target, arn):
    state = submitted(target, arn)
    found = evidence.read_evidence(target, state.evidence)
    files = found.files
    expected = {"model", "quality", "bias", "explainability", "scores", "policy", "package-lock", "data/source", "data/test_res.csv"}
    assert expected <= files.keys()
    statement = json.loads(found.statement)
    assert statement["subject"] == [{"name": "model.tar.gz", "digest": {"sha256": files["model"]["sha256"]}}]
    assert found.predicate["metrics"]["auc"]["n"] == model_packages.read_package(target, arn).performance["auc"]["n"]
    version = read_version(target, arn)
    card = model_card.read_card(target, version.package)
    again = evidence.collect_evidence(target, version.package, version.rules, version.data, card)
    assert again.digest == state.evidence


@pytest.mark.parametrize("part", ["trainer", "registrant", "submitter", "validator"])
def test_nobody_approves_what_they_had_a_part_in_whatever_their_role(target, validated_arn, part):
    arn, who = validated_arn, {"validator": VIC}.get(part, DANA)
    if part == "trainer":
        package = model_packages.read_package(target, arn)
        who = Identity(package.properties["governance:trained-by-name"], Role.COMPLIANCE_OFFICER)
    before = len(audit_log.read_events(target))
    with pytest.raises(Forbidden, match="has worked on"):
        approve(target, arn, dataclasses.replace(who, role=Role.COMPLIANCE_OFFICER))
    assert len(audit_log.read_events(target)) == before
    assert model_packages.read_package(target, arn).status == registry_types.PENDING_STATUS


@pytest.mark.parametrize("who", [DANA, VIC, VERA])
@pytest.mark.parametrize("act", ["approve", "reject", "confirm waiver"])
def test_whoever_lacks_the_role_is_refused_in_core_and_nothing_is_written(target, validated_arn, who, act):
    before, code = audit_log.read_events(target), decision_rules.REASON_CODES[act][0]
    extra = {"gate": "disjoint"} if act == "confirm waiver" else {}
    with pytest.raises(Forbidden, match="can't"):
        decisions.ACTIONS[act](target, who, validated_arn, seen_event=seen(target, validated_arn), reason=WHY, code=code, **extra)
    assert audit_log.read_events(target) == before


def test_a_stale_page_cannot_approve_and_is_told_what_has_changed(target, arn):
    state = validated(target, arn)
    decisions.withdraw(target, DANA, arn, seen_event=state.last_event, reason=WHY, code="error found")
    with pytest.raises(Conflict, match="Dana withdrew it"):
        decisions.approve(target, CHRIS, arn, seen_event=state.last_event, reason=WHY, code="meets the policy")


def test_of_twenty_approvals_at_once_one_wins_and_nineteen_are_told(target, arn):
    state = validated(target, arn)

    def one(number):
        who = Identity(f"Officer {number}", Role.COMPLIANCE_OFFICER, issuer="https://id.example", subject=f"officer-{number}")
        try:
            return decisions.approve(target, who, arn, seen_event=state.last_event, reason=WHY, code="meets the policy")
        except Conflict as error:
            return error

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(one, range(20)))
    losers = [result for result in results if isinstance(result, Conflict)]
    assert len(losers) == 19
    assert all("approved it" in error.message for error in losers)
    assert [event.kind for event in read_state(target, arn).history] == ["submit", "validate", "approve"]
    assert verification.verify_log(target).is_valid


def test_a_high_tier_takes_two_officers(target, arn):
    validated(target, arn, tier="high")
    assert approve(target, arn).status == "validated"
    assert model_packages.read_package(target, arn).status == registry_types.PENDING_STATUS
    with pytest.raises(Forbidden, match="approver 1"):
        approve(target, arn)
    assert approve(target, arn, OLGA).status == "approved"


def test_a_failing_gate_stands_in_the_way_until_two_people_waive_it(target, arn):
    validated(target, arn, profile="hard")
    with pytest.raises(Conflict, match="can't be approved"):
        approve(target, arn)
    facet = model_packages.read_package(target, arn).bias.facets[0]
    day = datetime.now(UTC).date() + timedelta(days=5)
    for gate in ("quality auc", f"bias DI {facet.facet}={facet.value}"):
        arguments = {"reason": WHY, "gate": gate}
        decisions.waive(target, VIC, arn, seen_event=seen(target, arn), code="accepted risk", expires=day, **arguments)
        with pytest.raises(Conflict, match="can't be approved"):
            approve(target, arn, OLGA)
        with pytest.raises(Forbidden, match="has worked on"):
            officer = dataclasses.replace(VIC, role=Role.COMPLIANCE_OFFICER)
            decisions.confirm_waiver(target, officer, arn, seen_event=seen(target, arn), code="agreed", **arguments)
        decisions.confirm_waiver(target, CHRIS, arn, seen_event=seen(target, arn), code="agreed", **arguments)
    state = approve(target, arn, OLGA)
    assert state.status == "approved"
    assert {gate["status"] for gate in state.history[-1].body["gates"] if gate["gate"] != "agreement"} == {"waived"}


def test_a_waiver_ends(target, arn, monkeypatch):
    validated(target, arn, profile="hard")
    arguments = {"reason": WHY, "gate": "quality auc"}
    with pytest.raises(DataError, match="no earlier than today"):
        decisions.waive(target, VIC, arn, seen_event=seen(target, arn), code="accepted risk", expires=date(2020, 1, 1), **arguments)
    day = datetime.now(UTC).date()
    decisions.waive(target, VIC, arn, seen_event=seen(target, arn), code="accepted risk", expires=day, **arguments)
    state = decisions.confirm_waiver(target, CHRIS, arn, seen_event=seen(target, arn), code="agreed", **arguments)
    assert state.waivers[0].is_valid_on(day)
    assert not state.waivers[0].is_valid_on(day + timedelta(days=1))


def test_changed_evidence_voids_the_approval_everywhere(target, arn):
    approved(target, arn)
    pinned = evidence.read_evidence(target, read_state(target, arn).evidence).files["scores"]
    with replaced(target, {pinned["uri"]: target.files.read(pinned["uri"]).replace(b"1", b"0", 1)}):
        standing = check_validity(target, arn)
        assert standing.label == "void"
        assert "scores has changed" in standing.void_reasons[0]
        assert any("scores has changed" in problem.what for problem in verification.verify_log(target).problems)
    assert check_validity(target, arn).label == "approved"


def test_evidence_that_changed_after_submission_cannot_be_approved(target, arn):
    validated(target, arn)
    pinned = evidence.read_evidence(target, read_state(target, arn).evidence).files["quality"]
    with replaced(target, {pinned["uri"]: target.files.read(pinned["uri"]) + b" "}), pytest.raises(Conflict, match="quality"):
        approve(target, arn)


def test_an_approval_through_the_raw_api_is_void_and_the_verification_says_so(target, arn):
    target.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="me")
    try:
        assert check_validity(target, arn).label == "void"
        problems = verification.verify_log(target).problems
        assert any(arn == problem.subject and "registry says Approved" in problem.what for problem in problems)
    finally:
        target.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")


def test_a_process_that_ended_between_log_and_registry_is_found_and_mended(target, arn, monkeypatch):
    validated(target, arn)
    with monkeypatch.context() as patched:
        patched.setattr(decisions, "sync_registry_and_lineage", lambda *_: None)
        approve(target, arn)
    assert model_packages.read_package(target, arn).status == registry_types.PENDING_STATUS
    assert not verification.verify_log(target).is_valid
    assert len(verification.repair_registry_and_lineage(target).labels) == 1
    assert model_packages.read_package(target, arn).status == "Approved"
    assert verification.verify_log(target).is_valid


def test_an_approval_comes_back_on_the_list_when_it_ends_and_when_a_condition_is_overdue(target, arn, monkeypatch):
    today = datetime.now(UTC).date()
    approved(target, arn, conditions=[("Report on drift", "Dana", today.isoformat())])
    monkeypatch.setattr(version_state, "today", lambda: today + timedelta(days=31))
    standing = check_validity(target, arn)
    assert standing.label == "expired"
    assert any("approval ended" in reason for reason in standing.review_reasons)
    assert any("Report on drift" in reason for reason in standing.review_reasons)


def test_a_new_policy_and_a_gate_that_fails_under_it_bring_it_back(target, arn):
    approved(target, arn)
    adopt(target, EASY.replace('title = "Easy"', 'title = "Stricter"', 1).replace("max_age_days = 10", "max_age_days = 1"))
    assert any("policy has changed" in reason for reason in check_validity(target, arn).review_reasons)
    hard = EASY.replace('gates = [{kind = "complete"}', 'gates = [{kind = "quality", metric = "auc", min = 0.9999}, {kind = "complete"}', 1)
    adopt(target, hard)
    assert any("Gates that fail now: Quality: auc" in reason for reason in check_validity(target, arn).review_reasons)


def test_an_invalid_policy_is_not_proposed_and_the_one_in_force_stays(target, tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(EASY.replace("min = 0.999}", 'min = "much"}'))
    with_file = dataclasses.replace(target, settings=target.settings.model_copy(update={"policy": path}))
    state = policy_adoption.read_policy_state(with_file)
    with pytest.raises(InvalidPolicy, match=str(path)):
        policy_adoption.load_proposal(with_file, state)
    path.unlink()
    with pytest.raises(InvalidPolicy, match="can't be read"):
        policy_adoption.load_proposal(with_file, state)
    assert policy_adoption.load_in_force(with_file).text == EASY


def test_the_products_own_policy_is_known_by_its_hash():
    """Events from before a policy was adopted name it: change policy.toml, and its old hash stays in the list."""
    assert policy.load_bundled().sha256 in policy.BUNDLED_POLICIES


def test_a_version_moves_only_as_its_status_allows(target, arn):
    with pytest.raises(Conflict, match="needs a version that is"):
        decisions.approve(target, CHRIS, arn, seen_event=0, reason=WHY, code="meets the policy")
    approved(target, arn)
    with pytest.raises(Conflict, match="is approved"):
        decisions.reject(target, OLGA, arn, seen_event=seen(target, arn), reason=WHY, code="bias")
    assert decisions.retire(target, OLGA, arn, seen_event=seen(target, arn), reason=WHY, code="end of use").status == "retired"
    assert model_packages.read_package(target, arn).status == "Rejected"
    with pytest.raises(Conflict, match="is retired"):
        submitted(target, arn)


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ("  ok ", "bias", "too short"),
        (WHY, "because", "isn't a reason code"),
        ("x" * 6000, "bias", "too long"),
        ("." * 20, "bias", "says nothing"),
    ],
)
def test_a_decision_without_reasons_is_refused(target, validated_arn, reason, code, words):
    with pytest.raises(DataError, match=words):
        decisions.reject(target, CHRIS, validated_arn, seen_event=seen(target, validated_arn), reason=reason, code=code)


def test_hostile_text_is_kept_as_it_was_written(target, arn):
    text = '=cmd|"/c calc"!A1 <script>alert(1)</script> \u202e{{7*7}} \U0001f600 '.strip() * 3
    submitted(target, arn)
    state = decisions.reject(target, CHRIS, arn, seen_event=seen(target, arn), reason=text, code="other")
    assert state.history[-1].body["reason"] == text
    assert verification.verify_log(target).is_valid
