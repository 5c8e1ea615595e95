"""The audit log: many writers, no gap, no loss; and every tampering found."""

from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from deciding import EASY, WHY

from core.aws import retries
from core.aws.target import connect
from core.cli.main import main
from core.errors import Conflict, DataError, Forbidden, NotFound
from core.governance import decisions, evidence, kept_heads, log_chain, policy, verification
from core.governance.consistency import sync_registry_and_lineage
from core.governance.validity import check_validity
from core.governance.version_under_review import read_version
from core.identity import Identity, Role
from core.ledger import audit_log, signing
from core.ledger.signing import Forged
from core.registry import model_packages
from core.settings import Settings
from engine import lifecycle

pytestmark = pytest.mark.engine

WRITER = Identity("Ada", Role.ADMINISTRATOR)
APPEND = """
import sys
from core.aws.target import connect
from core.ledger import audit_log
from core.identity import Identity, Role
from core.settings import Settings
target = connect(Settings(workspace=sys.argv[1]))
for n in range(int(sys.argv[3])):
    properties = {"governance:registered-by": sys.argv[2], "n": str(n)}
    audit_log.append_event(target, Identity(sys.argv[2], Role.ADMINISTRATOR), "register", f"{sys.argv[2]}/{n}", {"properties": properties})
"""


def another(name):
    """The registration of some version, as arguments of an event."""
    return "register", f"another/{name}", {"properties": {"governance:registered-by": WRITER.tag}}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    yield folder
    lifecycle.stop(folder)


@pytest.fixture(scope="module")
def target(workspace):
    return connect(Settings(workspace=workspace))


@pytest.fixture(scope="module")
def filled(target, workspace):
    """A log of 112 events, written by four processes at once."""
    command = [sys.executable, "-c", APPEND, str(workspace)]
    writers = [subprocess.Popen([*command, f"writer {n}", "28"]) for n in range(4)]
    assert [writer.wait(280) for writer in writers] == [0] * 4
    return target


@pytest.mark.parametrize("times", [1, 99])
def test_a_conditional_write_that_meets_another_one_is_tried_again_and_never_taken_for_lost(target, monkeypatch, times):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 409 says try again, not that the object is there."""
    monkeypatch.setattr(retries, "CONDITIONAL_WRITE_PAUSES", (0, 0))
    put, met = target.s3.put_object, []

    def busy(**request):
        if len(met) < times:
            met.append(request["Key"])
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": "a conflicting operation"}}, "PutObject")
        return put(**request)

    uri = target.uri(f"governance/busy-{times}")
    monkeypatch.setattr(target.s3, "put_object", busy)
    if times == 1:
        assert target.files.write_conditionally(uri, b"mine")
        assert target.files.read(uri) == b"mine"
        assert not target.files.write_conditionally(uri, b"another's")
        return
    with pytest.raises(Conflict, match="PutObject") as caught:
        target.files.write_conditionally(uri, b"mine")
    assert "Try again" in caught.value.hint
    assert len(met) == 3


def test_many_writers_leave_no_gap_and_lose_nothing(filled):
    events = audit_log.read_events(filled)
    assert [event.number for event in events] == list(range(1, 113))
    for writer in range(4):
        assert [int(e.body["properties"]["n"]) for e in events if e.actor["name"] == f"writer {writer}"] == list(range(28))
    assert verification.verify_log(filled).is_valid


def test_a_reader_that_comes_later_reads_the_same_through_the_hundreds(filled, workspace):
    known = audit_log.read_events(filled)
    audit_log.forget_read_events()
    assert audit_log.read_events(filled) == known


def test_the_events_after_the_last_full_hundred_are_read_by_the_ten_and_singly_where_a_ten_is_missing(filled):
    known, ten, read = audit_log.read_events(filled), filled.uri(audit_log.ten_key(10)), []
    content = filled.files.read(ten)
    filled.s3.meta.events.register("provide-client-params.s3.GetObject", lambda params, **_: read.append(params["Key"]), unique_id="read")
    try:
        audit_log.forget_read_events()
        assert audit_log.read_events(filled) == known
        assert sorted(read) == sorted([audit_log.part_key(0), audit_log.ten_key(10), audit_log.event_key(111), audit_log.event_key(112)])
        bucket, _, key = ten.removeprefix("s3://").partition("/")
        filled.s3.delete_object(Bucket=bucket, Key=key)  # as in a log that an earlier version wrote
        audit_log.forget_read_events()
        assert audit_log.read_events(filled) == known
        assert verification.verify_log(filled).is_valid
    finally:
        filled.s3.meta.events.unregister("provide-client-params.s3.GetObject", unique_id="read")
        filled.files.write(ten, content)


@pytest.fixture
def decided(tmp_path, monkeypatch):
    """A log of 24 events, one of them a submission with two files of evidence, in parts of ten and of five; and every head that it has
    had."""
    monkeypatch.setattr(audit_log, "EVENTS_PER_PART", 10)
    monkeypatch.setattr(audit_log, "EVENTS_PER_TEN", 5)
    monkeypatch.setattr(retries, "LOG_HEAD_PAUSE", 0)  # no writer is at work whose head could be waited for
    target = connect(Settings(workspace=tmp_path))
    target.sagemaker.create_model_package_group(ModelPackageGroupName="small")
    artifact, report = (target.files.write(target.uri("models", name), name.encode() * 20) for name in ("model.tar.gz", "report.json"))
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "ModelDataUrl": artifact}
    properties = {"governance:trained-by": "Dana", "governance:registered-by": WRITER.tag}
    properties["governance:sha256-model"] = signing.sha256(target.files.read(artifact))
    arn = target.sagemaker.create_model_package(
        ModelPackageGroupName="small",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties=properties,
    )["ModelPackageArn"]
    pinned = {
        name: {"uri": uri, "sha256": signing.sha256(target.files.read(uri))} for name, uri in (("model", artifact), ("report", report))
    }
    predicate = {"package": evidence.immutable_package_fields(model_packages.describe_package(target, arn)), "files": pinned}
    content = signing.in_toto_statement({"model.tar.gz": pinned["model"]["sha256"]}, evidence.PREDICATE_TYPE, predicate)
    kept = evidence.Evidence(signing.sha256(content), predicate, content)
    evidence.store_signed(target, kept)
    rules = policy.load_bundled()
    policy.store_in_target(target, rules)
    why = "As it is, and no other way."
    body = {"tier": "low", "tier_rationale": why, "profile": "standard", "evidence": kept.digest, "policy": rules.sha256}
    body |= {"approvals_needed": 1, "reason": why, "code": "first version"}
    heads = []
    about = {3: ("register", arn, {"properties": properties}), 7: ("submit", arn, body)}
    for number in range(1, 25):
        audit_log.append_event(target, WRITER, *about.get(number, another(number)))
        heads.append(target.files.read(target.uri(audit_log.HEAD_KEY)))
    sync_registry_and_lineage(target, model_packages.read_package(target, arn))
    yield target, arn, heads
    lifecycle.stop(tmp_path)


def first_bad(uri, problems):
    """The number of the first event that is bad where this object is."""
    if "/events/" in uri:
        return int(uri[-13:-5])
    if "/parts/" in uri:
        return int(uri[-11:-5]) * 10 + 1
    if "/tens/" in uri:
        return int(uri[-12:-5]) * 5 + 1
    return problems[0].number if uri.endswith("head.json") else 7


def test_every_one_of_a_hundred_tamperings_of_log_and_evidence_is_found_and_the_first_bad_event_named(decided):
    target, _, heads = decided
    generator = random.Random(11)
    objects = [
        uri for folder in ("governance/log", "governance/evidence", "models") for uri in target.files.list_uris(target.uri(folder) + "/")
    ]
    original = {uri: target.files.read(uri) for uri in objects}
    assert len(objects) == 24 + 2 + 4 + 1 + 1 + 2
    assert verification.verify_log(target).is_valid
    missed = []
    for _ in range(100):
        uri = generator.choice(objects)
        content, at = original[uri], generator.randrange(len(original[uri]))
        what = generator.choice(["flip", "flip", "flip", "cut", "delete", "swap", "replay", "empty"])
        if what == "delete" and "/tens/" in uri:
            what = (
                "empty"  # a copy of ten events that doesn't exist is not missed: an earlier version wrote none, and readers take the events
            )
        if what == "delete":
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            target.s3.delete_object(Bucket=bucket, Key=key)
        else:
            older = heads[:-1] if uri.endswith("head.json") else [original[u] for u in objects if u != uri]
            changed = {
                "flip": content[:at] + bytes([content[at] ^ (1 << generator.randrange(8))]) + content[at + 1 :],
                "cut": content[:at],
                "empty": b"",
                "swap": generator.choice([original[u] for u in objects if u != uri]),
                "replay": generator.choice(older),
            }[what]
            target.files.write(uri, changed)
        problems = verification.verify_log(target).problems
        if not problems or problems[0].number != first_bad(uri, problems):
            missed.append((what, uri, problems))
        target.files.write(uri, content)
    assert not missed
    assert verification.verify_log(target).is_valid


def test_a_decided_version_that_was_deleted_is_found_and_the_repair_goes_on_without_it(decided):
    target, arn, _ = decided
    target.sagemaker.delete_model_package(ModelPackageName=arn)
    problems = verification.verify_log(target).problems
    assert [problem.number for problem in problems] == [7]
    assert "registered version" in problems[0].what
    assert verification.repair_registry_and_lineage(target).labels == ()


def test_the_first_bad_event_is_named(filled):
    uri = filled.uri(audit_log.event_key(37))
    original = filled.files.read(uri)
    try:
        filled.files.write(uri, original.replace(b'"payload":"ey', b'"payload":"eY', 1))
        first = verification.verify_log(filled).problems[0]
        assert (first.number, first.subject) == (37, audit_log.event_key(37))
    finally:
        filled.files.write(uri, original)


def test_a_log_cut_short_with_its_head_is_found_by_a_head_kept_elsewhere(filled):
    kept = kept_heads.export_head(filled)
    last = len(audit_log.read_events(filled))
    uri, head = filled.uri(audit_log.event_key(last)), filled.uri(audit_log.HEAD_KEY)
    event, current = filled.files.read(uri), filled.files.read(head)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    before = audit_log.read_events(filled)[-2]
    try:
        filled.s3.delete_object(Bucket=bucket, Key=key)
        filled.files.write(head, signing.sign_envelope(filled, audit_log.head_statement(before)))
        assert verification.verify_log(filled).is_valid
        assert not verification.verify_log(filled, exported_head=kept).is_valid
    finally:
        filled.files.write(uri, event)
        filled.files.write(head, current)
    assert verification.verify_log(filled, exported_head=kept).is_valid


@pytest.mark.parametrize("what", ["removed", "unreadable"])
def test_a_head_that_goes_while_the_verification_waits_for_a_writer_is_not_passed_over(filled, monkeypatch, what):
    head = filled.uri(audit_log.HEAD_KEY)
    current, read, reads = filled.files.read(head), log_chain.read_or_none, []

    def read_once(target, key):
        if key == audit_log.HEAD_KEY:
            reads.append(key)
        if len(reads) > 1 and key == audit_log.HEAD_KEY:
            if what == "unreadable":
                raise Forbidden("The head may not be read.")
            return None
        return read(target, key)

    filled.files.write(head, signing.sign_envelope(filled, audit_log.head_statement(audit_log.read_events(filled)[-2])))
    monkeypatch.setattr(log_chain, "read_or_none", read_once)
    try:
        if what == "unreadable":
            with pytest.raises(Forbidden, match="may not be read"):
                verification.verify_log(filled)
        else:
            assert any("removed or replaced while" in problem.what for problem in verification.verify_log(filled).problems)
    finally:
        filled.files.write(head, current)


def test_an_event_signed_by_a_stranger_is_refused_by_reader_and_verification(filled, tmp_path):
    stranger = connect(Settings(workspace=filled.settings.workspace))
    number = len(audit_log.read_events(filled)) + 1
    payload = json.loads(audit_log.event_payload(audit_log.read_events(filled)[-1]))
    payload |= {"number": number, "previous": audit_log.read_events(filled)[-1].hash, "id": "0"}
    own = tmp_path / "own"
    own.mkdir()
    signing._create_key_file(own / signing.KEY_FILE)
    stranger = dataclasses.replace(filled, settings=filled.settings.model_copy(update={"workspace": own}))
    uri = filled.uri(audit_log.event_key(number))
    filled.files.write(uri, signing.sign_envelope(stranger, signing.canonical_json(payload), audit_log.EVENT_TYPE))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        with pytest.raises(Forged, match=f"Event {number}"):
            audit_log.read_events(filled)
        assert verification.verify_log(filled).problems[0].number == number
    finally:
        filled.s3.delete_object(Bucket=bucket, Key=key)


def test_an_event_that_is_there_is_never_written_over(filled):
    before = filled.files.read(filled.uri(audit_log.event_key(1)))
    assert not filled.files.write_conditionally(filled.uri(audit_log.event_key(1)), b"mine")
    assert filled.files.read(filled.uri(audit_log.event_key(1))) == before


def test_a_check_that_refuses_leaves_the_log_as_it_was(filled):
    def refuse(events):
        raise Conflict("no")

    before = audit_log.read_events(filled)
    with pytest.raises(Conflict):
        audit_log.append_event(filled, WRITER, *another("refused"), check=refuse)
    assert audit_log.read_events(filled) == before


def test_twenty_threads_append_at_once(filled):
    before = len(audit_log.read_events(filled))
    with ThreadPoolExecutor(20) as pool:
        events = list(pool.map(lambda n: audit_log.append_event(filled, WRITER, *another(f"thread {n}")), range(20)))
    assert sorted(event.number for event in events) == list(range(before + 1, before + 21))


def test_the_command_line_verifies_and_says_which_event_is_bad(filled, workspace):
    command = [sys.executable, "-m", "core", "audit", "verify", "--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "The log is valid" in done.stdout) == (0, True)
    uri = filled.uri(audit_log.event_key(5))
    original = filled.files.read(uri)
    try:
        filled.files.write(uri, original[:-1])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "the first bad event is 5" in done.stderr
    finally:
        filled.files.write(uri, original)


def test_the_head_of_an_empty_log_is_an_error_with_a_remedy(tmp_path):
    try:
        with pytest.raises(NotFound, match="empty"):
            kept_heads.export_head(connect(Settings(workspace=tmp_path)))
    finally:
        lifecycle.stop(tmp_path)


def test_a_signature_is_one_that_other_tools_check(filled):
    """By hand, as the DSSE specification has it, with nothing of ours and nothing of securesystemslib."""
    import base64

    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    raw = json.loads(filled.files.read(filled.uri(audit_log.HEAD_KEY)))
    payload, kind = base64.b64decode(raw["payload"]), raw["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    load_pem_public_key(signing.public_pem(filled).encode()).verify(base64.b64decode(raw["signatures"][0]["sig"]), message)
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"


def delete(target, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    target.s3.delete_object(Bucket=bucket, Key=key)


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5_000 + b"]" * 5_000])
def test_a_stray_object_stops_no_reader_and_the_verification_ends_and_names_it(filled, content):
    before, uri = audit_log.read_events(filled), filled.uri(audit_log.event_key(99_999_999))
    filled.files.write(uri, content)
    try:
        for forget in (audit_log.forget_read_events, lambda: None):
            forget()
            assert audit_log.read_events(filled) == before
        event = audit_log.append_event(filled, WRITER, *another(f"beside {len(content)}"))
        assert event.number == len(before) + 1
        found = verification.verify_log(filled)
        assert [(problem.number, problem.subject) for problem in found.problems] == [(None, uri)]
        assert "delete marker" in found.problems[0].what
        assert found.events == len(before) + 1
    finally:
        delete(filled, uri)


def test_an_event_after_a_gap_is_no_stray_object_and_stops_every_reader(filled):
    last = audit_log.read_events(filled)[-1]
    payload = json.loads(audit_log.event_payload(last)) | {"number": last.number + 1_000}
    uri = filled.uri(audit_log.event_key(last.number + 1_000))
    filled.files.write(uri, signing.sign_envelope(filled, signing.canonical_json(payload), audit_log.EVENT_TYPE))
    try:
        with pytest.raises(Forged, match=f"Event {last.number + 1} is missing"):
            audit_log.read_events(filled)
        (problem, *_) = verification.verify_log(filled).problems
        assert problem.what == f"Events {last.number + 1} to {last.number + 999} are missing."
    finally:
        delete(filled, uri)


def test_json_that_lies_too_deep_is_forged(filled):
    deep = b"[" * 100_000 + b"]" * 100_000
    nested = b'{"body":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001
    with pytest.raises(Forged):
        signing.open_envelope(deep, signing.load_verification_keys(filled))
    for content in (deep, nested):
        with pytest.raises(Forged):
            audit_log.parse_event(content)
        with pytest.raises(Forged):
            audit_log.read_head(signing.sign_envelope(filled, content), signing.load_verification_keys(filled))
        with pytest.raises(DataError):
            kept_heads.read_head_file(content)
    uri = filled.files.write(filled.uri("deep.json"), deep)
    with pytest.raises(DataError, match="isn't a JSON file"):
        filled.files.read_json(uri)


def test_the_verification_names_each_key_and_says_that_no_head_was_compared(filled, workspace):
    found = verification.verify_log(filled)
    (keyid,) = found.keys
    assert (found.keys[keyid], found.is_compared) == (found.events, False)
    assert verification.verify_log(filled, exported_head=kept_heads.export_head(filled)).is_compared
    command = [sys.executable, "-m", "core", "audit", "verify", "--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"key {keyid}: signed {found.events} events" in done.stdout
    assert "No head that was kept elsewhere" in done.stdout


def test_a_missing_head_is_signed_again_only_on_demand(filled):
    head = filled.uri(audit_log.HEAD_KEY)
    original = filled.files.read(head)
    delete(filled, head)
    try:
        audit_log.append_event(filled, WRITER, *another("without a head"))
        assert verification.repair_registry_and_lineage(filled).is_head_missing
        assert not filled.files.exists(head)
        assert any("head of the log is missing" in problem.what for problem in verification.verify_log(filled).problems)
        assert not verification.repair_registry_and_lineage(filled, sign_head=True).is_head_missing
        assert verification.verify_log(filled).is_valid
    finally:
        if not filled.files.exists(head):
            filled.files.write(head, original)


def test_a_damaged_file_on_disk_is_named_with_its_event(decided, tmp_path, monkeypatch):
    monkeypatch.setattr(retries, "REQUEST_ATTEMPTS", 1)
    monkeypatch.setattr(retries, "INCOMPLETE_RESPONSE_ATTEMPTS", 1)
    target = connect(decided[0].settings)
    model = next(uri for uri in target.files.list_uris(target.uri("models") + "/") if "model.tar.gz" in uri)
    for uri, number in ((target.uri(audit_log.event_key(20)), 20), (model, 7)):
        content = target.files.read(uri)
        path = next(path for path in (tmp_path / "objects" / "files").iterdir() if path.read_bytes() == content)
        for damage in (lambda path, content: path.write_bytes(content[:-5]), lambda path, _: path.unlink()):
            damage(path, content)
            (problem, *_) = verification.verify_log(target).problems
            assert (problem.number, "damaged" in problem.what) == (number, True), problem
            path.write_bytes(content)
    assert verification.verify_log(target).is_valid


def test_what_is_added_to_a_submitted_version_is_found(decided):
    target, arn, _ = decided
    added = target.sagemaker.describe_model_package(ModelPackageName=arn)["InferenceSpecification"]
    target.sagemaker.update_model_package(ModelPackageArn=arn, ApprovalDescription="approved by the board")
    assert [problem.number for problem in verification.verify_log(target).problems] == [7]
    assert len(verification.repair_registry_and_lineage(target).labels) == 1
    assert verification.verify_log(target).is_valid
    target.sagemaker.update_model_package(ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=[{"Name": "canary", **added}])
    (problem,) = verification.verify_log(target).problems
    assert (problem.number, "AdditionalInferenceSpecifications has changed" in problem.what) == (7, True)


def test_evidence_of_before_the_added_parts_were_pinned_finds_them_all_the_same(decided):
    target, arn, _ = decided
    digest = next(event.body["evidence"] for event in audit_log.read_events(target) if event.kind == "submit")
    predicate = evidence.read_evidence(target, digest).predicate
    earlier = {key: predicate["package"][key] for key in ("arn", "created", "properties", "InferenceSpecification", "ModelMetrics")}
    content = signing.in_toto_statement({}, evidence.PREDICATE_TYPE, predicate | {"package": earlier})
    older = evidence.Evidence(signing.sha256(content), predicate, content)
    evidence.store_signed(target, older)
    assert evidence.find_changes(target, older.digest) == []
    added = target.sagemaker.describe_model_package(ModelPackageName=arn)["InferenceSpecification"]
    target.sagemaker.update_model_package(ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=[{"Name": "canary", **added}])
    assert evidence.find_changes(target, older.digest) == ["the version's AdditionalInferenceSpecifications has changed"]


@pytest.mark.parametrize("copied", [False, True])
def test_an_approved_package_elsewhere_with_one_of_our_models_is_listed(decided, copied):
    target, arn, _ = decided
    specification = target.sagemaker.describe_model_package(ModelPackageName=arn)["InferenceSpecification"]
    (container,) = specification["Containers"]
    target.sagemaker.create_model_package_group(ModelPackageGroupName="elsewhere")
    if copied:
        own = target.files.write(target.uri("elsewhere/model.tar.gz"), target.files.read(container["ModelDataUrl"]))
        specification["Containers"] = [container | {"ModelDataUrl": own}]
    about = {"ModelPackageGroupName": "elsewhere", "InferenceSpecification": specification}
    other = target.sagemaker.create_model_package(ModelApprovalStatus="PendingManualApproval", **about)["ModelPackageArn"]
    assert verification.verify_log(target).is_valid
    target.sagemaker.update_model_package(ModelPackageArn=other, ModelApprovalStatus="Approved")
    (problem,) = verification.verify_log(target).problems
    assert (problem.subject, "its model is that of small/1" in problem.what) == (other, True)


def test_a_policy_is_adopted_and_confirmed_by_command(filled, workspace, tmp_path, capsys):
    path = tmp_path / "policy.toml"
    path.write_text(EASY)
    digest = signing.sha256(EASY.encode())

    def run(*arguments):
        code = main(["policy", *map(str, arguments), "--workspace", str(workspace)])
        return code, "".join(capsys.readouterr())

    why = ("--reason", WHY)
    assert "can't adopt policy" in run("adopt", "--file", path, "--as", "Chris", *why)[1]
    assert "Nobody here is called Zoe" in run("adopt", "--file", path, "--as", "Zoe", *why)[1]
    assert run("adopt", "--file", path, "--as", "Ada", *why)[0] == 0
    assert "has worked on" in run("confirm", digest[:12], "--as", "ada", *why)[1]
    assert "No policy 000000000000 waits" in run("confirm", "0" * 12, "--as", "Chris", *why)[1]
    assert "In force: Credit decisions" in run("show")[1]
    assert run("confirm", digest[:12], "--as", "Chris (demo)", *why) == (
        0,
        f"Chris (demo) confirmed the policy, SHA-256 {digest}. It is in force.\n",
    )
    assert json.loads(run("show", "--json")[1])["sha256"] == digest
    assert verification.verify_log(filled).is_valid


def test_an_approval_signed_with_the_right_key_voids_the_version_and_is_found(decided):
    target, arn, _ = decided
    officer = Identity("Chris", Role.COMPLIANCE_OFFICER)
    before = check_validity(target, arn, with_gates=False)
    assert (before.label, before.void_reasons) == ("submitted", ())
    digest, rules = before.state.evidence, before.state.policy
    body = {"evidence": digest, "policy": rules, "gates": [], "compared_with": None, "conditions": [], "expires": "2099-01-01"}
    event = audit_log.append_event(target, officer, "approve", arn, {"reason": WHY, "code": "meets the policy", **body})
    now = check_validity(target, arn, with_gates=False)
    assert (now.state.status, now.label) == ("approved", "void")
    assert any("needs a version that is validated" in reason for reason in now.void_reasons)
    with pytest.raises(Conflict, match="can't be decided on"):
        decisions._require_valid_evidence(read_version(target, arn))
    assert event.number in {problem.number for problem in verification.verify_log(target).problems}
