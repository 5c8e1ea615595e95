"""Hostile requests to every operation: an answer in time, never a 500, nothing outside the workspace. ``make fuzz`` sends more."""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import judge
import pytest
from fuzzing import ARN, BUCKET, ESCAPE, HOSTILE_TEXTS, IMAGE, NAME, ROLE, SOUND, SPECIFICATION, Sender, flat, requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine import lifecycle
from engine.service_models import operation_model
from engine.wire.served_operations import OPERATIONS

pytestmark = pytest.mark.engine

REQUESTS = int(os.environ.get("FUZZ", "2000"))
PER_OPERATION = max(1, REQUESTS * 13 // 20 // len(OPERATIONS))
PREFIXES = {"sagemaker": "SageMaker", "logs": "Logs_20140328"}
SERVED = sorted(OPERATIONS, key=lambda served: (served[1].startswith("Delete"), served))
"""What deletes comes last, so that the others find something."""
GROWTH = 150_000
"""Kilobytes that the engine may grow by under all of it: caches and free lists, not what was sent."""


def fuzz(share):
    return settings(
        max_examples=max(1, int(REQUESTS * share)),
        deadline=None,
        database=None,
        derandomize="FUZZ" not in os.environ,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which the workspace lies, and nothing else."""
    folder = tmp_path_factory.mktemp("fuzz")
    judge.start(folder / "workspace")
    yield folder
    lifecycle.stop(folder / "workspace")


@pytest.fixture(scope="module")
def sender(place, client, pytestconfig):
    running = lifecycle.ensure_running(place / "workspace")
    own = {"endpoint_url": running.endpoint, "aws_access_key_id": running.access_key_id, "aws_secret_access_key": running.secret_access_key}
    sagemaker, s3 = client("sagemaker", **own), client("s3", **own)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/data.csv", Body=b"1,2\n0,3\n")
    sagemaker.create_model(ModelName=NAME, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
    for _ in range(3):
        sagemaker.create_model_package(ModelPackageGroupName=NAME, InferenceSpecification=SPECIFICATION)
    source = {"SourceUri": f"s3://{BUCKET}/train/"}
    sagemaker.create_artifact(ArtifactType="DataSet", Source=source)
    sagemaker.create_action(ActionName=NAME, ActionType="a", Source=source)
    sagemaker.create_context(ContextName=NAME, ContextType="a", Source=source)
    sagemaker.create_experiment(ExperimentName=NAME)
    sagemaker.create_trial(TrialName=NAME, ExperimentName=NAME)
    sagemaker.create_trial_component(TrialComponentName=NAME)
    sagemaker.add_association(SourceArn=f"{ARN}action/{NAME}", DestinationArn=f"{ARN}context/{NAME}")
    sagemaker.create_training_job(TrainingJobName=NAME, **SOUND["CreateTrainingJob"])
    sagemaker.create_processing_job(ProcessingJobName=NAME, **SOUND["CreateProcessingJob"])
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=NAME, **SOUND["CreateHyperParameterTuningJob"])
    sagemaker.create_model_card(ModelCardName=NAME, Content="{}", ModelCardStatus="Draft")
    sender = Sender(running)
    sender.pid = json.loads((place / "workspace" / "engine.json").read_text())["pid"]
    sender.sagemaker = sagemaker
    sender.resident = resident(sender.pid)
    yield sender
    if "FUZZ" in os.environ:
        with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{sender.table()}\nresident before {sender.resident} kB, after {resident(sender.pid)} kB")


def resident(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))


@pytest.mark.parametrize(("service", "name"), SERVED, ids=[f"{service}:{name}" for service, name in SERVED])
def test_no_request_of_an_operation_breaks_the_engine(sender, service, name):
    operation = operation_model(service, name)

    @fuzz(PER_OPERATION / REQUESTS)
    @given(requests(operation))
    def send(request):
        text, sound = request
        if service in PREFIXES:
            status, answer = sender.json(service, name, text.encode(), PREFIXES[service])
            if sound and status != 200:
                assert answer["__type"] != "SerializationException", (answer, text)
        else:
            try:
                fields = flat(json.loads(text))
            except (ValueError, RecursionError):
                fields = [("", text)]
            sender.query(service, [("Action", name), ("Version", "2010-05-08"), *fields])

    send()
    if name.endswith("Job") and name.startswith("Create"):
        quiet(sender)


def quiet(sender):
    """Stop whatever runs, and wait for its end."""
    deadline = time.monotonic() + 180
    kinds = {"training": "TrainingJob", "processing": "ProcessingJob", "hyper_parameter_tuning": "HyperParameterTuningJob"}
    for kind, prefix in reversed(kinds.items()):
        pages = sender.sagemaker.get_paginator(f"list_{kind}_jobs")
        for status in ("InProgress", "Stopping"):
            while jobs := [job for page in pages.paginate(StatusEquals=status, MaxResults=100) for job in page[f"{prefix}Summaries"]]:
                assert time.monotonic() < deadline, jobs
                for job in jobs if status == "InProgress" else ():
                    with contextlib.suppress(sender.sagemaker.exceptions.ClientError):  # ended by itself meanwhile
                        getattr(sender.sagemaker, f"stop_{kind}_job")(**{f"{prefix}Name": job[f"{prefix}Name"]})
                time.sleep(0.1)


TARGETS = st.one_of(
    st.sampled_from([f"{PREFIXES[service]}.{name}" for service, name in sorted(OPERATIONS) if service in PREFIXES]),
    st.sampled_from(["SageMaker.", ".", "", "SageMaker.ListDomains", "SageMaker.__class__", "Logs_20140328.CreateLogGroup", "x" * 5000]),
)


@fuzz(0.07)
@given(TARGETS, st.one_of(st.binary(max_size=500), st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass"))))
def test_no_bytes_break_the_engine(sender, target, body):
    prefix, _, name = target.partition(".")
    headers = {"X-Amz-Target": f"{prefix}.{name}"}
    status, answer = sender._signed(sender_auth(sender), "POST", "/", headers, body)
    sender._count("bytes", status, str(status), answer)


def sender_auth(sender):
    from botocore.auth import SigV4Auth

    return SigV4Auth(sender.credentials, "sagemaker", sender.engine.region)


# S3 ------------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
) + "]><Delete><Object><Key>&j;</Key></Object></Delete>"  # fmt: skip
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key></Object></Delete>'
BODIES = [
    b"",
    b"x",
    b"\x00" * 100,
    BOMB.encode(),
    BOMB.encode("utf-16"),
    ('<?xml version="1.0" encoding="utf-16"?>' + FILE).encode("utf-16"),
    FILE.encode(),
    b"<a>" * 50_000,
    b"<Delete>" + b"<Object><Key>x</Key></Object>" * 1001 + b"</Delete>",
    f"<Delete><Object><Key>../../{ESCAPE}</Key></Object><Object><Key/></Object></Delete>".encode(),
    b"<CompleteMultipartUpload><Part><PartNumber>99999</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
    b'<?xml version="1.0" encoding="idna"?><Delete/>',
    b"<CreateBucketConfiguration><LocationConstraint>moon</LocationConstraint></CreateBucketConfiguration>",
]
PATHS = st.one_of(
    st.sampled_from(["/", f"/{BUCKET}", f"/{BUCKET}/", f"/{BUCKET}/train/data.csv", "/health", "//", f"/{BUCKET}//x", "/a", "/A_b/c"]),
    st.sampled_from([text.encode(errors="replace").decode() for text in HOSTILE_TEXTS if len(text) < 5000]).map(lambda t: f"/{BUCKET}/{t}"),
    st.sampled_from(["..", "%2e%2e", "\x00", f"../../{ESCAPE}", "x" * 64, "-a", "192.168.0.1", "a..b"]).map(lambda t: f"/{t}/key"),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda t: f"/{BUCKET}/{t}"),
)
PARAMETERS = (
    "list-type prefix delimiter max-keys start-after continuation-token marker encoding-type uploads uploadId partNumber delete acl "
    "tagging versionId location policy versioning x-id response-content-type response-expires X-Amz-Expires X-Amz-Date"
)
QUERIES = st.dictionaries(
    st.sampled_from(PARAMETERS.split()),
    st.one_of(
        st.sampled_from(["", "1", "2", "0", "-1", "²", "9" * 30, "url", "x", "\r\n", "\x00", "é\u20ac", "ff", "6162", "\U0001f916"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    ),
    max_size=4,
)
FIELD_NAMES = (
    "Range If-Match If-None-Match If-Modified-Since If-Unmodified-Since x-amz-copy-source x-amz-copy-source-range Content-MD5 "
    "x-amz-checksum-crc32 x-amz-checksum-mode x-amz-meta-a x-amz-metadata-directive Content-Encoding Content-Type "
    "x-amz-checksum-crc64nvme x-amz-trailer x-amz-server-side-encryption-customer-key x-amz-acl"
)
HEADERS = st.dictionaries(
    st.sampled_from(FIELD_NAMES.split()),
    st.one_of(
        st.sampled_from(
            [
                *("bytes=0-0", "bytes=5-1", "bytes=-0", "bytes=99999999999999999999-", "bytes=0-0,1-1", "*", '"x"', "COPY", "REPLACE", ""),
                *(
                    "Sun, 06 Nov 1994 08:49:37 GMT",
                    "Mon, 99 Foo 99999 99:99:99 GMT",
                    "0",
                    "a, b",
                    "AAAAAA==",
                    "=",
                    "ENABLED",
                    "aws-chunked",
                ),
                *(f"/{BUCKET}/train/data.csv", f"{BUCKET}/../../{ESCAPE}", "%00/%ff", "no-such-bucket/a?versionId=x", "x" * 3000),
            ]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20).map(str.strip),
    ),
    max_size=3,
)


@fuzz(0.22)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    PATHS,
    QUERIES,
    HEADERS,
    st.one_of(st.sampled_from(BODIES), st.binary(max_size=200)),
    st.integers(0, 4),
    st.sampled_from(["", "", "&X-Amz-Signature=", "&a=b", "%", "&X-Amz-Date=x"]),
)
def test_no_request_breaks_s3(sender, method, path, query, headers, body, kind, spoil):
    headers = {name: value.encode("latin-1", "replace").decode("latin-1") for name, value in headers.items()}
    if method in {"GET", "HEAD", "DELETE"} and kind:
        body = b""
    if kind == 4 and "X-Amz-Date" not in query:
        sender.s3(method, path, query, {}, b"", presigned=True, spoil=spoil)
    else:
        sender.s3(method, path, query, headers, body)


# below HTTP ----------------------------------------------------------------------------------------

LINES = [
    *(b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"GET http://evil.example/ HTTP/1.1", b"OPTIONS * HTTP/1.1", b"PUT /%zz%ff%00 HTTP/1.1"),
    *(b"GET /" + b"a" * 70_000 + b" HTTP/1.1", b"GET / HTTP/9.9", b"PRI * HTTP/2.0", b"\x16\x03\x01\x02",),
    *(b"G\x00T / HTTP/1.1", b"TRACE / HTTP/1.1"),
    b"GET /../../../../etc/passwd HTTP/1.1",
]  # fmt: skip
FIELDS = [
    *(b"Host: 127.0.0.1", b"Host: evil.example", b"Host: 127.0.0.1:1@evil", b"Host:", b"Content-Length: 5", b"Content-Length: -1"),
    *(b"Content-Length: 99999999999999999999", b"Content-Length: 5, 6", b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"),
    *(b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: Upgrade", b"X: \xff\xfe", b"X: " + b"y" * 70_000, b" folded"),
    *(
        b"Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request, SignedHeaders=host, Signature=\xe9",
        b"Authorization: Basic eA==",
    ),
    *(b"X-Amz-Target: SageMaker.ListModels", b"X-Amz-Date: \xff", b"x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
]
CONTENTS = [
    b"",
    b"hello",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"-1\r\n",
    b"ffffffffffffffff\r\n",
    b"0;" + b"x" * 20_000 + b"\r\n\r\n",
    b"\x00" * 1000,
]


@fuzz(0.06)
@given(
    st.one_of(st.sampled_from(LINES), st.binary(max_size=60)),
    st.lists(st.one_of(st.sampled_from(FIELDS), st.binary(max_size=60)), max_size=5),
    st.sampled_from(CONTENTS),
)
def test_no_connection_breaks_the_engine(sender, line, fields, content):
    """The client ends its side of the connection, so whatever the engine still waits for will not come."""
    host, port = sender.address.split(":")
    with socket.create_connection((host, int(port)), timeout=sender.SECONDS) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"\r\n".join([line, *fields, b"", content]))
        with contextlib.suppress(OSError):  # closed by the engine before
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        words = answer.split(b" ", 2)
        status = int(words[1]) if answer.startswith(b"HTTP/") else 0
        sender._count("raw", status, str(status or "closed"), answer)


# afterwards ----------------------------------------------------------------------------------------


def test_afterwards_the_engine_is_what_it_was(sender, place):
    quiet(sender)
    assert sender.sagemaker.list_models()["Models"] is not None
    assert lifecycle.find_endpoint(place / "workspace") == sender.engine.endpoint
    assert resident(sender.pid) < sender.resident + GROWTH
    log = (place / "workspace" / "engine.log").read_text(errors="replace")
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
    assert sender.counts.total() >= REQUESTS * 0.85 or len(OPERATIONS) * 20 > REQUESTS


def test_afterwards_no_file_lies_outside_the_workspace(sender, place):
    quiet(sender)
    assert [path.name for path in place.iterdir()] == ["workspace"]
    known = {
        "engine.db",
        "engine.db-wal",
        "engine.db-shm",
        "engine.json",
        "access.log",
        "engine.lock",
        "ensure.lock",
        "engine.log",
        "keys.json",
        "objects",
    }
    assert {path.name for path in (place / "workspace").iterdir()} <= known | {"jobs", "tables", judge.FINDINGS}
    assert [path for path in (place / "workspace" / "jobs").rglob("*") if path.is_file()] == []
    for folder in {
        "/",
        "/tmp",
        "/opt",
        os.getcwd(),
        str(Path.home()),
        tempfile.gettempdir(),
        *map(str, itertools.islice(place.parents, 2)),
    }:
        assert not any(ESCAPE in name for name in os.listdir(folder)), folder
    found = subprocess.run(["find", str(place), "-name", f"*{ESCAPE}*"], capture_output=True, text=True, check=True).stdout
    assert found == ""
