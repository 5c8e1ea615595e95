"""The audit log: many writers, no gap, no loss; and every tampering found."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

import core.clients
from core import registry
from core.clients import connect
from core.errors import Conflict, NotFound
from core.governance import decisions, evidence, log, signing, verification
from core.governance.signing import Forged
from core.identity import Identity, Role
from core.settings import Settings
from engine import lifecycle

WRITER = Identity("Ada", Role.ADMINISTRATOR)
APPEND = """
import sys
from core.clients import connect
from core.governance import log
from core.identity import Identity, Role
from core.settings import Settings
clients = connect(Settings(workspace=sys.argv[1]))
for n in range(int(sys.argv[3])):
    log.append(clients, Identity(sys.argv[2], Role.ADMINISTRATOR), "note", "test", {"n": n})
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    yield folder
    lifecycle.stop(folder)


@pytest.fixture(scope="module")
def clients(workspace):
    return connect(Settings(workspace=workspace))


@pytest.fixture(scope="module")
def filled(clients, workspace):
    """A log of 112 events, written by four processes at once."""
    command = [sys.executable, "-c", APPEND, str(workspace)]
    writers = [subprocess.Popen([*command, f"writer {n}", "28"]) for n in range(4)]
    assert [writer.wait(280) for writer in writers] == [0] * 4
    return clients


@pytest.mark.parametrize("times", [1, 99])
def test_a_conditional_write_that_meets_another_one_is_tried_again_and_never_taken_for_lost(clients, monkeypatch, times):
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: 409 says try again, not that the object is there."""
    monkeypatch.setattr(core.clients, "BUSY", (0, 0))
    put, met = clients.s3.put_object, []

    def busy(**request):
        if len(met) < times:
            met.append(request["Key"])
            raise ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": "a conflicting operation"}}, "PutObject")
        return put(**request)

    uri = clients.uri(f"governance/busy-{times}")
    monkeypatch.setattr(clients.s3, "put_object", busy)
    if times == 1:
        assert clients.create(uri, b"mine")
        assert clients.read(uri) == b"mine"
        assert not clients.create(uri, b"another's")
        return
    with pytest.raises(Conflict, match="PutObject") as caught:
        clients.create(uri, b"mine")
    assert "Try again" in caught.value.remedy
    assert len(met) == 3


def test_many_writers_leave_no_gap_and_lose_nothing(filled):
    events = log.read(filled)
    assert [event.number for event in events] == list(range(1, 113))
    for writer in range(4):
        assert [e.body["n"] for e in events if e.actor["name"] == f"writer {writer}"] == list(range(28))
    assert verification.verify(filled).holds


def test_a_reader_that_comes_later_reads_the_same_through_the_hundreds(filled, workspace):
    known = log.read(filled)
    log._read.clear()
    assert log.read(filled) == known


@pytest.fixture
def decided(tmp_path, monkeypatch):
    """A log of 24 events, one of them a submission with two files of evidence, in parts of ten; and every head that it has had."""
    monkeypatch.setattr(log, "PART", 10)
    clients = connect(Settings(workspace=tmp_path))
    clients.sagemaker.create_model_package_group(ModelPackageGroupName="small")
    artifact, report = (clients.write(clients.uri("models", name), name.encode() * 20) for name in ("model.tar.gz", "report.json"))
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgboost:1", "ModelDataUrl": artifact}
    properties = {"governance:trained-by": "Dana", "governance:registered-by": "Dana"}
    arn = clients.sagemaker.create_model_package(
        ModelPackageGroupName="small",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties=properties,
    )["ModelPackageArn"]
    pinned = {name: {"uri": uri, "sha256": signing.sha256(clients.read(uri))} for name, uri in (("model", artifact), ("report", report))}
    predicate = {"package": evidence.pinned_package(registry.get(clients, arn)), "files": pinned}
    content = signing.statement({"model.tar.gz": pinned["model"]["sha256"]}, evidence.KIND, predicate)
    kept = evidence.Evidence(signing.sha256(content), predicate, content)
    evidence.keep(clients, kept)
    body = {"tier": "low", "profile": "easy", "evidence": kept.digest, "policy": None, "approvals_needed": 1, "reason": "As it is."}
    heads = []
    about = {3: ("register", arn, {"properties": properties}), 7: ("submit", arn, body)}
    for number in range(1, 25):
        log.append(clients, WRITER, *about.get(number, ("note", "test", {"n": number})))
        heads.append(clients.read(clients.uri(log.HEAD)))
    decisions.follow(clients, arn)
    yield clients, arn, heads
    lifecycle.stop(tmp_path)


def first_bad(uri, problems):
    """The number of the first event that is bad where this object is."""
    if "/events/" in uri:
        return int(uri[-13:-5])
    if "/parts/" in uri:
        return int(uri[-11:-5]) * 10 + 1
    return problems[0].number if uri.endswith("head.json") else 7


def test_every_one_of_a_hundred_tamperings_of_log_and_evidence_is_found_and_the_first_bad_event_named(decided):
    clients, _, heads = decided
    generator = random.Random(11)
    objects = [uri for folder in ("governance/log", "governance/evidence", "models") for uri in clients.keys(clients.uri(folder) + "/")]
    original = {uri: clients.read(uri) for uri in objects}
    assert len(objects) == 24 + 2 + 1 + 1 + 2
    assert verification.verify(clients).holds
    missed = []
    for _ in range(100):
        uri = generator.choice(objects)
        content, at = original[uri], generator.randrange(len(original[uri]))
        what = generator.choice(["flip", "flip", "flip", "cut", "delete", "swap", "replay", "empty"])
        if what == "delete":
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            clients.s3.delete_object(Bucket=bucket, Key=key)
        else:
            older = heads[:-1] if uri.endswith("head.json") else [original[u] for u in objects if u != uri]
            changed = {
                "flip": content[:at] + bytes([content[at] ^ (1 << generator.randrange(8))]) + content[at + 1 :],
                "cut": content[:at],
                "empty": b"",
                "swap": generator.choice([original[u] for u in objects if u != uri]),
                "replay": generator.choice(older),
            }[what]
            clients.write(uri, changed)
        problems = verification.verify(clients).problems
        if not problems or problems[0].number != first_bad(uri, problems):
            missed.append((what, uri, problems))
        clients.write(uri, content)
    assert not missed
    assert verification.verify(clients).holds


def test_a_decided_version_that_was_deleted_is_found_and_the_repair_goes_on_without_it(decided):
    clients, arn, _ = decided
    clients.sagemaker.delete_model_package(ModelPackageName=arn)
    problems = verification.verify(clients).problems
    assert [problem.number for problem in problems] == [7]
    assert "registered version" in problems[0].what
    assert verification.repair(clients) == []


def test_the_first_bad_event_is_named(filled):
    uri = filled.uri(log.key(37))
    original = filled.read(uri)
    try:
        filled.write(uri, original.replace(b'"payload":"ey', b'"payload":"eY', 1))
        first = verification.verify(filled).problems[0]
        assert (first.number, first.subject) == (37, log.key(37))
    finally:
        filled.write(uri, original)


def test_a_log_cut_short_with_its_head_is_found_by_a_head_kept_elsewhere(filled):
    kept = verification.export_head(filled)
    last = len(log.read(filled))
    uri, head = filled.uri(log.key(last)), filled.uri(log.HEAD)
    event, current = filled.read(uri), filled.read(head)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    before = log.read(filled)[-2]
    try:
        filled.s3.delete_object(Bucket=bucket, Key=key)
        filled.write(head, signing.sign(filled, log.head(before)))
        assert verification.verify(filled).holds
        assert not verification.verify(filled, kept_head=kept).holds
    finally:
        filled.write(uri, event)
        filled.write(head, current)
    assert verification.verify(filled, kept_head=kept).holds


def test_an_event_signed_by_a_stranger_is_refused_by_reader_and_verification(filled, tmp_path):
    stranger = connect(Settings(workspace=filled.settings.workspace))
    number = len(log.read(filled)) + 1
    payload = json.loads(log.payload(log.read(filled)[-1]))
    payload |= {"number": number, "previous": log.read(filled)[-1].hash, "id": "0"}
    own = tmp_path / "own"
    own.mkdir()
    signing._make(own / signing.KEY_FILE)
    stranger = type(filled)(**{**filled.__dict__, "settings": filled.settings.model_copy(update={"workspace": own})})
    uri = filled.uri(log.key(number))
    filled.write(uri, signing.sign(stranger, signing.canonical(payload), log.EVENT_TYPE))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        with pytest.raises(Forged, match=f"Event {number}"):
            log.read(filled)
        assert verification.verify(filled).problems[0].number == number
    finally:
        filled.s3.delete_object(Bucket=bucket, Key=key)


def test_an_event_that_is_there_is_never_written_over(filled):
    before = filled.read(filled.uri(log.key(1)))
    assert not filled.create(filled.uri(log.key(1)), b"mine")
    assert filled.read(filled.uri(log.key(1))) == before


def test_a_check_that_refuses_leaves_the_log_as_it_was(filled):
    def refuse(events):
        raise Conflict("no")

    before = log.read(filled)
    with pytest.raises(Conflict):
        log.append(filled, WRITER, "note", "test", {}, check=refuse)
    assert log.read(filled) == before


def test_twenty_threads_append_at_once(filled):
    before = len(log.read(filled))
    with ThreadPoolExecutor(20) as pool:
        events = list(pool.map(lambda n: log.append(filled, WRITER, "note", "threads", {"n": n}), range(20)))
    assert sorted(event.number for event in events) == list(range(before + 1, before + 21))


def test_the_command_line_verifies_and_says_which_event_is_bad(filled, workspace):
    command = [sys.executable, "-m", "core", "audit", "verify", "--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "The log holds" in done.stdout) == (0, True)
    uri = filled.uri(log.key(5))
    original = filled.read(uri)
    try:
        filled.write(uri, original[:-1])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "the first bad event is 5" in done.stderr
    finally:
        filled.write(uri, original)


def test_the_head_of_an_empty_log_is_an_error_with_a_remedy(tmp_path):
    try:
        with pytest.raises(NotFound, match="empty"):
            verification.export_head(connect(Settings(workspace=tmp_path)))
    finally:
        lifecycle.stop(tmp_path)


def test_a_signature_is_one_that_other_tools_check(filled):
    """By hand, as the DSSE specification has it, with nothing of ours and nothing of securesystemslib."""
    import base64

    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    raw = json.loads(filled.read(filled.uri(log.HEAD)))
    payload, kind = base64.b64decode(raw["payload"]), raw["payloadType"].encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    load_pem_public_key(signing.public_pem(filled).encode()).verify(base64.b64decode(raw["signatures"][0]["sig"]), message)
    assert json.loads(payload)["_type"] == "https://in-toto.io/Statement/v1"
