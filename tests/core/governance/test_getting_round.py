"""Ways to get round a decision: each is tried through core or through the raw API, by somebody who holds the target's credentials."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from deciding import (
    ADA,
    CHRIS,
    DANA,
    EASY,
    OLGA,
    RITA,
    VERA,
    VIC,
    WHY,
    adopt,
    approve,
    approved,
    register_again,
    seen,
    submitted,
    validated,
)
from replacing import replaced

from core.aws import retries
from core.data import datasets
from core.errors import Conflict, DataError, Forbidden
from core.governance import decisions, evidence, policy, policy_adoption, verification, version_state
from core.governance.model_cards import model_card
from core.governance.validity import check_validity, list_versions_by_urgency
from core.governance.version_state import people_involved, read_state
from core.governance.version_under_review import read_version
from core.identity import DEMO_IDENTITIES, Identity, Role
from core.ledger import audit_log, signing
from core.ledger.signing import Forged
from core.lineage import lineage_graph, lineage_record
from core.registry import announcements, model_packages, registry_types


@pytest.fixture(scope="module")
def demo_target(demo_copy):
    return demo_copy


def officer(person: Identity, **changes) -> Identity:
    return dataclasses.replace(person, role=Role.COMPLIANCE_OFFICER, **changes)


def found(target, arn=None, number=None) -> list[str]:
    """What the verification says about a version, or an event."""
    problems = verification.verify_log(target).problems
    return [p.what for p in problems if arn in {None, p.subject} and number in {None, p.number}]


def delete(target, uri: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    target.s3.delete_object(Bucket=bucket, Key=key)


# who -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DANA", " dana ", "Ｄａｎａ", "Da\u200bna", "Dana\u00a0", "D\u00adana"])
def test_a_second_account_under_another_spelling_of_the_name_is_the_same_person(target, validated_arn, name):
    with pytest.raises(Forbidden, match="has worked on"):
        approve(target, validated_arn, Identity(name, Role.COMPLIANCE_OFFICER, issuer="https://other.example", subject="7"))


def test_whoever_trained_it_by_the_log_did_whatever_the_package_says_now(target, arn):
    validated(target, arn)
    forged = {"governance:trained-by": "nobody", "governance:registered-by": "nobody", "governance:registered-by-name": "nobody"}
    original = {key: model_packages.read_package(target, arn).properties[key] for key in forged}
    target.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=forged)
    try:
        now = read_state(target, arn)
        assert people_involved(now, model_packages.read_package(target, arn))["registrant"] == DANA.tag
        with pytest.raises(Conflict, match="properties has changed"):
            approve(target, arn)
        assert "differ from those that were registered" in " ".join(found(target, arn))
    finally:
        target.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=original)
    assert approve(target, arn).status == "approved"


def test_a_version_whose_trainer_was_written_over_before_submission_is_not_taken(target, arn):
    forged = {"governance:trained-by": "somebody else"}
    original = {key: model_packages.read_package(target, arn).properties[key] for key in forged}
    target.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=forged)
    try:
        with pytest.raises(Conflict, match="governance:trained-by"):
            submitted(target, arn)
    finally:
        target.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=original)


def test_a_version_that_was_registered_beside_the_product_is_not_taken(target, arn):
    raw = model_packages.read_package(target, arn).raw
    copied = {key: raw[key] for key in ("ModelPackageGroupName", "InferenceSpecification", "ModelMetrics", "ModelApprovalStatus")}
    properties = raw["CustomerMetadataProperties"] | {"governance:trained-by": "somebody else"}
    copy = target.sagemaker.create_model_package(CustomerMetadataProperties=properties, **copied)["ModelPackageArn"]
    try:
        with pytest.raises(Conflict, match="who registered it"):
            submitted(target, copy)
    finally:
        target.sagemaker.delete_model_package(ModelPackageName=copy)


def test_a_version_that_was_deleted_and_made_anew_as_approved_is_void(target, arn):
    raw = model_packages.read_package(target, arn).raw
    kept = ("ModelPackageGroupName", "InferenceSpecification", "ModelMetrics", "CustomerMetadataProperties")
    target.sagemaker.delete_model_package(ModelPackageName=arn)
    copy = target.sagemaker.create_model_package(ModelApprovalStatus="Approved", **{key: raw[key] for key in kept})["ModelPackageArn"]
    try:
        assert copy != arn
        assert check_validity(target, copy).label == "void"
        assert any("registry says Approved" in what for what in found(target, copy))
        with pytest.raises(Conflict, match="who registered it"):
            submitted(target, copy)
    finally:
        target.sagemaker.delete_model_package(ModelPackageName=copy)


def test_a_demo_identity_and_whoever_no_provider_vouches_for_decide_nothing_on_aws(target, arn):
    state = validated(target, arn)
    there = dataclasses.replace(target, settings=target.settings.model_copy(update={"target": "aws", "signing_key": None}))
    for who in (DEMO_IDENTITIES[1], dataclasses.replace(DEMO_IDENTITIES[1], demo=False), Identity("Chris", Role.COMPLIANCE_OFFICER)):
        with pytest.raises(Forbidden, match="on AWS"):
            decisions.reject(there, who, arn, seen_event=state.last_event, reason=WHY, code="bias")
    with pytest.raises(Forbidden, match="No key to sign"):
        signing.sign_envelope(there, b"{}")
    assert read_state(target, arn) == state


# waivers -------------------------------------------------------------------------------------------


def waive(target, arn, who=VIC, *, gate="quality auc", days=5):
    day = datetime.now(UTC).date() + timedelta(days=days)
    return decisions.waive(target, who, arn, seen_event=seen(target, arn), reason=WHY, code="accepted risk", gate=gate, expires=day)


def confirm(target, arn, who, *, gate="quality auc"):
    return decisions.confirm_waiver(target, who, arn, seen_event=seen(target, arn), reason=WHY, code="agreed", gate=gate)


def test_nobody_confirms_a_waiver_that_they_asked_for_not_by_a_second_account_either(target, arn):
    submitted(target, arn, profile="hard")
    waive(target, arn, OLGA)
    for who in (OLGA, officer(OLGA, subject="another", name="OLGA "), officer(DANA)):
        with pytest.raises(Forbidden, match="has worked on"):
            confirm(target, arn, who)
    assert read_state(target, arn).waivers[0].confirmed_by is None


def test_a_waiver_is_of_a_gate_that_fails_and_ends_no_later_than_an_approval(target, arn):
    submitted(target, arn, profile="hard")
    with pytest.raises(DataError, match="no later"):
        waive(target, arn, days=3650)
    with pytest.raises(Conflict, match="nothing to waive"):
        waive(target, arn, gate="disjoint")
    with pytest.raises(Conflict, match="Nobody has asked"):
        confirm(target, arn, CHRIS)


def test_a_waiver_asked_for_again_has_to_be_confirmed_again_and_one_that_has_ended_waives_nothing(target, arn, monkeypatch):
    rules = policy_adoption.load_in_force(target)
    validated(target, arn, profile="hard")
    facet = model_packages.read_package(target, arn).bias.facets[0]
    for gate in ("quality auc", f"bias DI {facet.facet}={facet.value}"):
        waive(target, arn, gate=gate, days=1)
        confirm(target, arn, CHRIS, gate=gate)
    statuses = {r["gate"]: r["status"] for r in decisions._judge_gates(read_version(target, arn))["gates"]}
    assert statuses.pop("agreement") == "pass"
    assert {*statuses.values()} == {"waived"}
    today = version_state.today()
    with monkeypatch.context() as patched:
        patched.setattr(version_state, "today", lambda: today + timedelta(days=2))
        with pytest.raises(Conflict, match="can't be approved"):
            approve(target, arn, OLGA)
        waive(target, arn, days=5)
        with pytest.raises(Conflict, match="can't be approved"):
            approve(target, arn, OLGA)
    assert rules.expiry.low == 30


# policy --------------------------------------------------------------------------------------------


LAX = EASY.replace("min = 0.999}", "min = 0.001}").replace("0.99999", "0.001").replace("1.00001", "1000.0")


def test_a_policy_that_was_swapped_between_validation_and_approval_refuses_the_approval(target, arn):
    validated(target, arn, profile="hard")
    with pytest.raises(Conflict, match="can't be approved"):
        approve(target, arn)
    adopt(target, LAX)
    with pytest.raises(Conflict, match="policy has changed"):
        approve(target, arn)
    with pytest.raises(Conflict, match="policy has changed"):
        adopt(target, LAX.replace("high = 2", "high = 1"))
        approve(target, arn)
    adopt(target, EASY)
    assert read_state(target, arn).status == "validated"


def test_a_policy_in_the_environment_changes_nothing_until_two_people_have_adopted_it(target, arn, tmp_path):
    path = tmp_path / "lax.toml"
    path.write_text(LAX)
    with_file = dataclasses.replace(target, settings=target.settings.model_copy(update={"policy": path}))
    validated(target, arn, profile="hard")
    with pytest.raises(Conflict, match="can't be approved"):
        approve(with_file, arn)
    assert policy_adoption.load_proposal(with_file, policy_adoption.read_policy_state(with_file)).text == LAX
    assert policy_adoption.load_in_force(with_file).text == EASY


def test_one_person_alone_puts_no_policy_in_force_not_in_another_role_either(target):
    lax = policy.parse_toml(LAX.encode())
    for who in (DANA, VIC, CHRIS, VERA):
        with pytest.raises(Forbidden, match="can't adopt policy"):
            policy_adoption.adopt_policy(target, who, lax, reason=WHY)
    policy_adoption.adopt_policy(target, ADA, lax, reason=WHY)
    for who in (ADA, officer(ADA), officer(ADA, subject="another", name="ADA ")):
        with pytest.raises(Forbidden, match="has worked on"):
            policy_adoption.confirm_policy(target, who, lax.sha256, reason=WHY)
    with pytest.raises(Forbidden, match="can't confirm policy"):
        policy_adoption.confirm_policy(target, VIC, lax.sha256, reason=WHY)
    assert policy_adoption.load_in_force(target).text == EASY
    policy_adoption.adopt_policy(target, ADA, policy.load_bundled(), reason=WHY)
    with pytest.raises(Conflict, match="doesn't wait"):
        policy_adoption.confirm_policy(target, RITA, lax.sha256, reason=WHY)
    assert policy_adoption.load_in_force(target).text == EASY
    assert not found(target)


def test_a_policy_file_that_was_replaced_in_s3_is_not_used(target):
    kept = policy.policy_uri(target, policy_adoption.load_in_force(target).sha256)
    content = target.files.read(kept)
    try:
        target.files.write(kept, LAX.encode())
        with pytest.raises(Forged, match="differs from the one that was stored"):
            policy_adoption.load_in_force(target)
        assert any("policy of event" in what for what in found(target))
    finally:
        target.files.write(kept, content)


# evidence ------------------------------------------------------------------------------------------


def test_evidence_of_another_version_in_the_place_of_this_ones_is_not_taken(target, arn):
    state = validated(target, arn)
    kept = evidence.read_evidence(target, state.evidence)
    uri = target.uri(kept.object_key)
    original = target.files.read(uri)
    other = next(u for u in target.files.list_uris(target.uri(evidence.FOLDER) + "/") if u != uri)
    try:
        target.files.write(uri, target.files.read(other))
        assert check_validity(target, arn).label == "void"
        with pytest.raises(Conflict, match="not the one that was decided on"):
            approve(target, arn)
        assert any("not the one that was decided on" in what for what in found(target, number=state.history[0].number))
    finally:
        target.files.write(uri, original)


def test_a_file_of_the_same_size_in_the_place_of_another_voids_the_approval(target, arn):
    state = approved(target, arn)
    files = evidence.read_evidence(target, state.evidence).files
    for name in ("model", "data/test_res.csv", "bias", "model-card", "package-lock"):
        original = target.files.read(files[name]["uri"])
        changed = bytes([original[0] ^ 1]) + original[1:]
        with replaced(target, {files[name]["uri"]: changed}):
            standing = check_validity(target, arn)
            assert len(changed) == files[name]["bytes"]
            assert standing.label == "void"
            assert any(f"{name} has changed" in reason for reason in standing.void_reasons)
        assert check_validity(target, arn).label == "approved"


# log -----------------------------------------------------------------------------------------------


def test_an_approval_signed_with_ones_own_key_stops_every_reader_and_is_named(target, arn, tmp_path):
    validated(target, arn)
    last = audit_log.read_events(target)[-1]
    actor = {"name": CHRIS.name, "role": CHRIS.role.value, "id": CHRIS.id}
    event = json.loads(audit_log.event_payload(last)) | {
        "number": last.number + 1,
        "previous": last.hash,
        "kind": "approve",
        "actor": actor,
    }
    event["body"] = {**last.body, "conditions": [], "expires": "2099-01-01"}
    own = dataclasses.replace(target, settings=target.settings.model_copy(update={"workspace": tmp_path}))
    uri = target.uri(audit_log.event_key(last.number + 1))
    target.files.write(uri, signing.sign_envelope(own, signing.canonical_json(event), audit_log.EVENT_TYPE))
    try:
        with pytest.raises(Forged, match=f"Event {last.number + 1}"):
            check_validity(target, arn)
        with pytest.raises(Forged):
            approve(target, arn)
        assert verification.verify_log(target).problems[0].number == last.number + 1
    finally:
        delete(target, uri)
    assert read_state(target, arn).status == "validated"


def test_a_rejection_taken_back_with_the_logs_head_and_the_registry_is_found_by_the_lineage(target, arn):
    before = submitted(target, arn)
    decisions.reject(target, CHRIS, arn, seen_event=before.last_event, reason=WHY, code="bias")
    events = audit_log.read_events(target)
    last, head = target.uri(audit_log.event_key(events[-1].number)), target.uri(audit_log.HEAD_KEY)
    kept, named, package = target.files.read(last), target.files.read(head), model_packages.read_package(target, arn)
    back = package.properties | {registry_types.DECISION_PROPERTY: str(before.last_event)}
    try:
        delete(target, last)
        target.files.write(head, signing.sign_envelope(target, audit_log.head_statement(events[-2])))
        target.sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus=registry_types.PENDING_STATUS,
            CustomerMetadataProperties={registry_types.DECISION_PROPERTY: str(before.last_event)},
        )
        assert model_packages.read_package(target, arn).properties == back
        audit_log.forget_read_events()
        assert any("without an event in the log" in what for what in found(target))
    finally:
        target.files.write(last, kept)
        target.files.write(head, named)
        audit_log.forget_read_events()
        verification.repair_registry_and_lineage(target)
    assert not found(target)


def test_an_older_head_that_is_put_back_is_found(target, arn, monkeypatch):
    monkeypatch.setattr(retries, "LOG_HEAD_PAUSE", 0)
    head = target.uri(audit_log.HEAD_KEY)
    older = target.files.read(head)
    submitted(target, arn)
    newer = target.files.read(head)
    target.files.write(head, older)
    try:
        assert any("older head was put back" in what for what in found(target))
        verification.repair_registry_and_lineage(target)
        assert not found(target)
    finally:
        target.files.write(head, newer)


# registry and lineage ------------------------------------------------------------------------------


def cut_off(target, arn, monkeypatch):
    """A package whose registration ended before the log had it; its ARN."""
    before = {version.arn for version in model_packages.list_versions(target, "decided", max_results=1000)}

    def end(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(announcements, "log_registration", end)
        with pytest.raises(KeyboardInterrupt):
            register_again(target, arn)
    (left,) = {version.arn for version in model_packages.list_versions(target, "decided", max_results=1000)} - before
    assert not announcements.is_registered(audit_log.read_events(target), left)
    return left


def test_a_registration_that_was_cut_off_is_taken_up_by_the_next_try_and_by_the_repair(target, arn, monkeypatch):
    left = cut_off(target, arn, monkeypatch)
    assert register_again(target, arn) == left
    assert submitted(target, left).person_names == {"submitter": "Dana"}
    other = cut_off(target, arn, monkeypatch)
    assert verification.repair_registry_and_lineage(target).registered == (other,)
    assert verification.repair_registry_and_lineage(target).registered == ()
    assert people_involved(read_state(target, other))["registrant"] == DANA.tag
    assert register_again(target, arn) not in {left, other}
    assert not found(target)


def test_a_package_that_nobody_announced_is_not_taken_up(target, arn):
    raw = model_packages.read_package(target, arn).raw
    kept = ("ModelPackageGroupName", "InferenceSpecification", "ModelMetrics", "CustomerMetadataProperties", "ModelApprovalStatus")
    copy = target.sagemaker.create_model_package(**{key: raw[key] for key in kept})["ModelPackageArn"]
    try:
        assert register_again(target, arn) != copy
        assert verification.repair_registry_and_lineage(target).registered == ()
        assert not announcements.is_registered(audit_log.read_events(target), copy)
    finally:
        target.sagemaker.delete_model_package(ModelPackageName=copy)


def test_a_card_that_changed_after_the_approval_is_found_whoever_changed_it(target, arn):
    approved(target, arn)
    name = model_card.card_name(model_packages.read_package(target, arn))
    content = target.sagemaker.describe_model_card(ModelCardName=name)["Content"]
    changed = json.loads(content)
    changed.setdefault("business_details", {})["business_problem"] = "Another one"
    target.sagemaker.update_model_card(ModelCardName=name, Content=json.dumps(changed))
    try:
        assert any("model card of the approved version has changed" in what for what in found(target, arn))
    finally:
        target.sagemaker.update_model_card(ModelCardName=name, Content=content)
    assert not found(target, arn)


def test_the_evidence_that_a_package_names_is_the_logs_or_the_verification_says_so(target, arn):
    state = approved(target, arn)
    target.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={registry_types.EVIDENCE_PROPERTY: "0" * 64})
    try:
        assert any("doesn't name the log's last event" in what for what in found(target, arn))
    finally:
        target.sagemaker.update_model_package(
            ModelPackageArn=arn, CustomerMetadataProperties={registry_types.EVIDENCE_PROPERTY: state.evidence}
        )


def test_a_forged_action_approves_nothing_and_is_found(target, arn):
    submitted(target, arn)
    artifact = lineage_graph.find_artifact_arn(target, arn)
    number = audit_log.read_events(target)[-1].number + 1
    for name in (f"governance-{number:08d}", "approved-by-the-board"):
        action = lineage_record.record_action(target, name, target.uri(audit_log.event_key(number)), "approve", WHY, {"event": "0" * 64})
        lineage_record.ensure_association(target, action, artifact, "ContributedTo")
        try:
            assert check_validity(target, arn).label == "submitted"
            assert any("without an event in the log" in what for what in found(target, name))
        finally:
            target.sagemaker.delete_association(SourceArn=action, DestinationArn=artifact)
            target.sagemaker.delete_action(ActionName=name)


def test_an_action_that_was_moved_to_another_version_changed_or_deleted_is_found_and_mended(target, arn, demo):
    state = approved(target, arn)
    name = f"governance-{state.last_event:08d}"
    action = target.sagemaker.describe_action(ActionName=name)["ActionArn"]
    artifact = lineage_graph.find_artifact_arn(target, arn)
    target.sagemaker.update_action(ActionName=name, Properties={"event": "0" * 64})
    assert any("differs from the event" in what for what in found(target, name))
    other = next(
        s
        for e in audit_log.read_events(target)
        if (s := e.subject) != arn and e.kind == "submit" and lineage_graph.find_artifact_arn(target, s)
    )
    lineage_record.ensure_association(target, action, lineage_graph.find_artifact_arn(target, other), "ContributedTo")
    assert any("to the wrong version" in what for what in found(target, other))
    for end in (artifact, lineage_graph.find_artifact_arn(target, other)):
        target.sagemaker.delete_association(SourceArn=action, DestinationArn=end)
    assert any("doesn't connect" in what for what in found(target, arn))
    target.sagemaker.delete_action(ActionName=name)
    assert any("has no action for event" in what for what in found(target, name))
    verification.repair_registry_and_lineage(target)
    assert not found(target)


# back on the list ----------------------------------------------------------------------------------


def test_newer_data_of_the_same_name_put_an_approved_version_back_on_the_list(target, arn):
    approved(target, arn)
    data = model_packages.find_rebalancing(target, model_packages.read_package(target, arn)).dataset
    assert not next(now.review_reasons for version, now in list_versions_by_urgency(_of(target, arn)) if version.arn == arn)
    later = dataclasses.replace(data, sha256="1" * 64, created=datetime.now(UTC).isoformat(timespec="seconds"))
    uri = target.uri(datasets.S3_FOLDER, "later-111111111111", "dataset.json")
    target.files.write(uri, json.dumps(dataclasses.asdict(later)).encode())
    try:
        assert any("Newer data" in reason for reason in check_validity(target, arn, with_gates=False).review_reasons)
        _version, now = list_versions_by_urgency(_of(target, arn))[0]
        assert (now.status, any("Newer data" in reason for reason in now.review_reasons)) == ("approved", True)
    finally:
        delete(target, uri)


def test_a_new_policy_puts_an_approved_version_at_the_top_of_the_list(target, arn):
    approved(target, arn)
    adopt(target, EASY.replace('title = "Easy"', 'title = "Stricter"', 1))
    first = list_versions_by_urgency(_of(target, arn))[0][1]
    assert any("policy has changed" in reason for reason in first.review_reasons)


def _of(target, arn):
    """The same target, with the version's group as the workspace's own."""
    group = model_packages.read_package(target, arn).group
    return dataclasses.replace(target, settings=target.settings.model_copy(update={"group": group}))
