"""Ways to get round a decision: each is tried through core or through the raw API, by somebody who holds the target's credentials."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from deciding import CHRIS, DANA, EASY, OLGA, VIC, WHY, approve, approved, seen, submitted, validated

from core import datasets, lineage, registry
from core.errors import Conflict, DataError, Forbidden
from core.governance import decisions, evidence, log, policy, signing, states, verification
from core.governance.signing import Forged
from core.identity import DEMO, Identity, Role


def officer(person: Identity, **changes) -> Identity:
    return dataclasses.replace(person, role=Role.COMPLIANCE_OFFICER, **changes)


def found(clients, arn=None, number=None) -> list[str]:
    """What the verification says about a version, or an event."""
    problems = verification.verify(clients).problems
    return [p.what for p in problems if arn in {None, p.subject} and number in {None, p.number}]


def delete(clients, uri: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    clients.s3.delete_object(Bucket=bucket, Key=key)


# who -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DANA", " dana ", "Ｄａｎａ", "Da\u200bna", "Dana\u00a0", "D\u00adana"])
def test_a_second_account_under_another_spelling_of_the_name_is_the_same_person(clients, arn, name):
    validated(clients, arn)
    with pytest.raises(Forbidden, match="had a part"):
        approve(clients, arn, Identity(name, Role.COMPLIANCE_OFFICER, issuer="https://other.example", subject="7"))


def test_whoever_trained_it_by_the_log_did_whatever_the_package_says_now(clients, arn):
    validated(clients, arn)
    forged = {"governance:trained-by": "nobody", "governance:registered-by": "nobody", "governance:registered-by-name": "nobody"}
    original = {key: registry.get(clients, arn).properties[key] for key in forged}
    clients.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=forged)
    try:
        now = decisions.state(clients, arn)
        assert decisions.involved(registry.get(clients, arn), now)["registrant"] == DANA.tag
        with pytest.raises(Conflict, match="properties has changed"):
            approve(clients, arn)
        assert "not those that were registered" in " ".join(found(clients, arn))
    finally:
        clients.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=original)
    assert approve(clients, arn).status == "approved"


def test_a_version_whose_trainer_was_written_over_before_submission_is_not_taken(clients, arn):
    forged = {"governance:trained-by": "somebody else"}
    original = {key: registry.get(clients, arn).properties[key] for key in forged}
    clients.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=forged)
    try:
        with pytest.raises(Conflict, match="governance:trained-by"):
            submitted(clients, arn)
    finally:
        clients.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=original)


def test_a_version_that_was_registered_beside_the_product_is_not_taken(clients, arn):
    raw = registry.get(clients, arn).raw
    copied = {key: raw[key] for key in ("ModelPackageGroupName", "InferenceSpecification", "ModelMetrics", "ModelApprovalStatus")}
    properties = raw["CustomerMetadataProperties"] | {"governance:trained-by": "somebody else"}
    copy = clients.sagemaker.create_model_package(CustomerMetadataProperties=properties, **copied)["ModelPackageArn"]
    try:
        with pytest.raises(Conflict, match="who registered it"):
            submitted(clients, copy)
    finally:
        clients.sagemaker.delete_model_package(ModelPackageName=copy)


def test_a_version_that_was_deleted_and_made_anew_as_approved_is_void(clients, arn):
    raw = registry.get(clients, arn).raw
    kept = ("ModelPackageGroupName", "InferenceSpecification", "ModelMetrics", "CustomerMetadataProperties")
    clients.sagemaker.delete_model_package(ModelPackageName=arn)
    copy = clients.sagemaker.create_model_package(ModelApprovalStatus="Approved", **{key: raw[key] for key in kept})["ModelPackageArn"]
    try:
        assert copy != arn
        assert decisions.standing(clients, copy).label == "void"
        assert any("registry says Approved" in what for what in found(clients, copy))
        with pytest.raises(Conflict, match="who registered it"):
            submitted(clients, copy)
    finally:
        clients.sagemaker.delete_model_package(ModelPackageName=copy)


def test_a_demo_identity_and_whoever_no_provider_vouches_for_decide_nothing_on_aws(clients, arn):
    state = validated(clients, arn)
    there = dataclasses.replace(clients, settings=clients.settings.model_copy(update={"target": "aws", "signing_key": None}))
    for who in (DEMO[1], dataclasses.replace(DEMO[1], demo=False), Identity("Chris", Role.COMPLIANCE_OFFICER)):
        with pytest.raises(Forbidden, match="on AWS"):
            decisions.reject(there, who, arn, seen=state.version, reason=WHY, code="bias")
    with pytest.raises(Forbidden, match="no key to sign"):
        signing.sign(there, b"{}")
    assert decisions.state(clients, arn) == state


# waivers -------------------------------------------------------------------------------------------


def waive(clients, arn, who=VIC, *, gate="quality auc", days=5):
    day = datetime.now(UTC).date() + timedelta(days=days)
    return decisions.waive(clients, who, arn, seen=seen(clients, arn), reason=WHY, code="accepted risk", gate=gate, expires=day)


def confirm(clients, arn, who, *, gate="quality auc"):
    return decisions.confirm_waiver(clients, who, arn, seen=seen(clients, arn), reason=WHY, code="agreed", gate=gate)


def test_nobody_confirms_a_waiver_that_they_asked_for_not_by_a_second_account_either(clients, arn):
    submitted(clients, arn, profile="hard")
    waive(clients, arn, OLGA)
    for who in (OLGA, officer(OLGA, subject="another", name="OLGA "), officer(DANA)):
        with pytest.raises(Forbidden, match="had a part"):
            confirm(clients, arn, who)
    assert decisions.state(clients, arn).waivers[0].confirmed_by is None


def test_a_waiver_is_of_a_gate_that_fails_and_ends_no_later_than_an_approval(clients, arn):
    submitted(clients, arn, profile="hard")
    with pytest.raises(DataError, match="no later"):
        waive(clients, arn, days=3650)
    with pytest.raises(Conflict, match="not in the way"):
        waive(clients, arn, gate="disjoint")
    with pytest.raises(Conflict, match="Nobody has asked"):
        confirm(clients, arn, CHRIS)


def test_a_waiver_asked_for_again_has_to_be_confirmed_again_and_one_that_has_ended_waives_nothing(clients, arn, monkeypatch):
    rules = policy.in_force(clients)[0]
    validated(clients, arn, profile="hard")
    facet = registry.get(clients, arn).bias.facets[0]
    for gate in ("quality auc", f"bias DI {facet.facet}={facet.value}"):
        waive(clients, arn, gate=gate, days=1)
        confirm(clients, arn, CHRIS, gate=gate)
    assert {r["status"] for r in decisions._judgement(clients, registry.get(clients, arn))["gates"]} == {"waived"}
    today = states.today()
    with monkeypatch.context() as patched:
        patched.setattr(states, "today", lambda: today + timedelta(days=2))
        with pytest.raises(Conflict, match="can't be approved"):
            approve(clients, arn, OLGA)
        waive(clients, arn, days=5)
        with pytest.raises(Conflict, match="can't be approved"):
            approve(clients, arn, OLGA)
    assert rules.expiry.low == 30


# policy --------------------------------------------------------------------------------------------


def test_a_policy_that_was_swapped_between_validation_and_approval_refuses_the_approval(clients, arn, rules):
    validated(clients, arn, profile="hard")
    with pytest.raises(Conflict, match="can't be approved"):
        approve(clients, arn)
    rules.write_text(EASY.replace("min = 0.999}", "min = 0.001}").replace("0.99999", "0.001").replace("1.00001", "1000.0"))
    with pytest.raises(Conflict, match="policy has changed"):
        approve(clients, arn)
    with pytest.raises(Conflict, match="policy has changed"):
        rules.write_text(rules.read_text().replace("high = 2", "high = 1"))
        approve(clients, arn)
    rules.write_text(EASY)
    assert decisions.state(clients, arn).status == "validated"


def test_a_last_valid_policy_that_nobody_signed_is_not_used(clients, rules):
    policy.keep(clients, policy.in_force(clients)[0])
    lax = EASY.replace("0.999", "0.001").encode()
    clients.write(policy.uri_of(clients, signing.sha256(lax)), lax)
    original = clients.read(clients.uri(policy.LAST))
    rules.write_text("broken")
    try:
        clients.write(clients.uri(policy.LAST), signing.sha256(lax).encode())
        with pytest.raises(Forged):
            policy.in_force(clients)
        assert any("last valid policy" in what for what in found(clients))
        clients.write(clients.uri(policy.LAST), original)
        kept = policy.uri_of(clients, policy.in_force(clients)[0].sha256)
        content = clients.read(kept)
        clients.write(kept, lax)
        with pytest.raises(Forged, match="not the one that was kept"):
            policy.in_force(clients)
        assert found(clients)
        clients.write(kept, content)
    finally:
        clients.write(clients.uri(policy.LAST), original)
        delete(clients, policy.uri_of(clients, signing.sha256(lax)))


# evidence ------------------------------------------------------------------------------------------


def test_evidence_of_another_version_in_the_place_of_this_ones_is_not_taken(clients, arn):
    state = validated(clients, arn)
    kept = evidence.read(clients, state.evidence)
    uri = clients.uri(kept.uri_part)
    original = clients.read(uri)
    other = next(u for u in clients.keys(clients.uri(evidence.FOLDER) + "/") if u != uri)
    try:
        clients.write(uri, clients.read(other))
        assert decisions.standing(clients, arn).label == "void"
        with pytest.raises(Conflict, match="not the one that was decided on"):
            approve(clients, arn)
        assert any("not the one that was decided on" in what for what in found(clients, number=state.history[0].number))
    finally:
        clients.write(uri, original)


@pytest.mark.parametrize("name", ["model", "data/test_res.csv", "bias", "model-card", "package-lock", "policy"])
def test_a_file_of_the_same_size_in_the_place_of_another_voids_the_approval(clients, arn, name):
    state = approved(clients, arn)
    pinned = evidence.read(clients, state.evidence).files[name]
    original = clients.read(pinned["uri"])
    changed = bytes([original[0] ^ 1]) + original[1:]
    try:
        clients.write(pinned["uri"], changed)
        standing = decisions.standing(clients, arn)
        assert len(changed) == pinned["bytes"]
        assert standing.label == "void"
        assert any(f"{name} has changed" in reason for reason in standing.void)
    finally:
        clients.write(pinned["uri"], original)


# log -----------------------------------------------------------------------------------------------


def test_an_approval_signed_with_ones_own_key_stops_every_reader_and_is_named(clients, arn, tmp_path):
    validated(clients, arn)
    last = log.read(clients)[-1]
    actor = {"name": CHRIS.name, "role": CHRIS.role.value, "id": CHRIS.id}
    event = json.loads(log.payload(last)) | {"number": last.number + 1, "previous": last.hash, "kind": "approve", "actor": actor}
    event["body"] = {**last.body, "conditions": [], "expires": "2099-01-01"}
    own = dataclasses.replace(clients, settings=clients.settings.model_copy(update={"workspace": tmp_path}))
    uri = clients.uri(log.key(last.number + 1))
    clients.write(uri, signing.sign(own, signing.canonical(event), log.EVENT_TYPE))
    try:
        with pytest.raises(Forged, match=f"Event {last.number + 1}"):
            decisions.standing(clients, arn)
        with pytest.raises(Forged):
            approve(clients, arn)
        assert verification.verify(clients).problems[0].number == last.number + 1
    finally:
        delete(clients, uri)
    assert decisions.state(clients, arn).status == "validated"


def test_a_rejection_taken_back_with_the_logs_head_and_the_registry_is_found_by_the_lineage(clients, arn):
    before = submitted(clients, arn)
    decisions.reject(clients, CHRIS, arn, seen=before.version, reason=WHY, code="bias")
    events = log.read(clients)
    last, head = clients.uri(log.key(events[-1].number)), clients.uri(log.HEAD)
    kept, named, package = clients.read(last), clients.read(head), registry.get(clients, arn)
    back = package.properties | {registry.DECISION: str(before.version)}
    try:
        delete(clients, last)
        clients.write(head, signing.sign(clients, log.head(events[-2])))
        clients.sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus=registry.PENDING, CustomerMetadataProperties={registry.DECISION: str(before.version)}
        )
        assert registry.get(clients, arn).properties == back
        log._read.clear()
        assert any("no event of the log" in what for what in found(clients))
    finally:
        clients.write(last, kept)
        clients.write(head, named)
        log._read.clear()
        verification.repair(clients)
    assert not found(clients)


def test_an_older_head_that_is_put_back_is_found(clients, arn):
    head = clients.uri(log.HEAD)
    older = clients.read(head)
    submitted(clients, arn)
    newer = clients.read(head)
    clients.write(head, older)
    try:
        assert any("older one was put back" in what for what in found(clients))
        verification.repair(clients)
        assert not found(clients)
    finally:
        clients.write(head, newer)


# registry and lineage ------------------------------------------------------------------------------


def test_the_evidence_that_a_package_names_is_the_logs_or_the_verification_says_so(clients, arn):
    state = approved(clients, arn)
    clients.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={registry.EVIDENCE: "0" * 64})
    try:
        assert any("doesn't name the log's last event" in what for what in found(clients, arn))
    finally:
        clients.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={registry.EVIDENCE: state.evidence})


def test_a_forged_action_approves_nothing_and_is_found(clients, arn):
    submitted(clients, arn)
    artifact = lineage.artifact_of(clients, arn)
    number = log.read(clients)[-1].number + 1
    for name in (f"governance-{number:08d}", "approved-by-the-board"):
        action = lineage.ensure_action(clients, name, clients.uri(log.key(number)), "approve", WHY, {"event": "0" * 64})
        lineage.associate(clients, action, artifact, "ContributedTo")
        try:
            assert decisions.standing(clients, arn).label == "submitted"
            assert any("no event of the log" in what for what in found(clients, name))
        finally:
            clients.sagemaker.delete_association(SourceArn=action, DestinationArn=artifact)
            clients.sagemaker.delete_action(ActionName=name)


def test_an_action_that_was_moved_to_another_version_changed_or_deleted_is_found_and_mended(clients, arn, demo):
    state = approved(clients, arn)
    name = f"governance-{state.version:08d}"
    action = clients.sagemaker.describe_action(ActionName=name)["ActionArn"]
    artifact = lineage.artifact_of(clients, arn)
    clients.sagemaker.update_action(ActionName=name, Properties={"event": "0" * 64})
    assert any("doesn't say what the event says" in what for what in found(clients, name))
    other = next(s for e in log.read(clients) if (s := e.subject) != arn and e.kind == "submit" and lineage.artifact_of(clients, s))
    lineage.associate(clients, action, lineage.artifact_of(clients, other), "ContributedTo")
    assert any("isn't about" in what for what in found(clients, other))
    for end in (artifact, lineage.artifact_of(clients, other)):
        clients.sagemaker.delete_association(SourceArn=action, DestinationArn=end)
    assert any("doesn't join" in what for what in found(clients, arn))
    clients.sagemaker.delete_action(ActionName=name)
    assert any("lacks the action" in what for what in found(clients, name))
    verification.repair(clients)
    assert not found(clients)


# back on the list ----------------------------------------------------------------------------------


def test_newer_data_of_the_same_name_put_an_approved_version_back_on_the_list(clients, arn):
    approved(clients, arn)
    data = registry.data_of(clients, registry.get(clients, arn)).dataset
    assert not next(now.due for version, now in decisions.waiting(_of(clients, arn)) if version.arn == arn)
    later = dataclasses.replace(data, sha256="1" * 64, created=datetime.now(UTC).isoformat(timespec="seconds"))
    uri = clients.uri(datasets.PREFIX, "later-111111111111", "dataset.json")
    clients.write(uri, json.dumps(dataclasses.asdict(later)).encode())
    try:
        assert any("newer data" in reason for reason in decisions.standing(clients, arn, with_gates=False).review)
        _version, now = decisions.waiting(_of(clients, arn))[0]
        assert (now.status, any("newer data" in reason for reason in now.due)) == ("approved", True)
    finally:
        delete(clients, uri)


def test_a_new_policy_puts_an_approved_version_at_the_top_of_the_list(clients, arn, rules):
    approved(clients, arn)
    rules.write_text(EASY.replace('title = "Easy"', 'title = "Stricter"', 1))
    first = decisions.waiting(_of(clients, arn))[0][1]
    assert any("policy has changed" in reason for reason in first.due)


def _of(clients, arn):
    """The same target, with the version's group as the workspace's own."""
    group = registry.get(clients, arn).group
    return dataclasses.replace(clients, settings=clients.settings.model_copy(update={"group": group}))
