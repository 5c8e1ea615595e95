import asyncio
import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest import mock

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from engine import lifecycle
from engine.context import Context
from engine.operations import OPERATIONS
from engine.principal import AccessKeys
from engine.store.records import Store
from engine.wire.app import create_app

pytestmark = pytest.mark.engine


def code(error):
    return error.value.response["Error"]["Code"]


def test_a_forged_signature_is_refused(client):
    for service, call, expected in (
        ("sagemaker", "list_models", "InvalidSignatureException"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
    ):
        with pytest.raises(ClientError) as error:
            getattr(client(service, aws_secret_access_key="forged"), call)()
        assert code(error) == expected


def test_an_unknown_key_is_refused(client):
    with pytest.raises(ClientError) as error:
        client("sagemaker", aws_access_key_id="AKIASOMEBODYELSE").list_models()
    assert code(error) == "UnrecognizedClientException"


def test_a_request_of_half_an_hour_ago_is_refused(client):
    then = datetime.now(UTC) - timedelta(minutes=30)
    with (
        mock.patch.object(botocore.auth, "get_current_datetime", return_value=then.replace(tzinfo=None)),
        pytest.raises(ClientError) as error,
    ):
        client("sagemaker").list_models()
    assert code(error) == "RequestTimeTooSkewed"


def test_a_changed_payload_is_refused(engine, client):
    sagemaker = client("sagemaker")

    def change(request, **_):
        request.body = b'{"MaxResults": 7}'

    sagemaker.meta.events.register("before-send.sagemaker.ListModels", change)
    with pytest.raises(ClientError) as error:
        sagemaker.list_models(MaxResults=5)
    assert code(error) == "InvalidSignatureException"


def test_unsigned_requests_get_nothing_but_health(engine):
    assert json.load(urllib.request.urlopen(f"{engine.endpoint}/health"))["status"] == "ok"
    for path in ("/", "/some-bucket/key"):
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(engine.endpoint + path)
        assert error.value.code == 403


def test_unsigned_calls_are_refused_in_their_services_words(engine):
    unsigned = {"endpoint_url": engine.endpoint, "region_name": engine.region, "config": Config(signature_version=UNSIGNED)}
    for service, call, expected in (
        ("sagemaker", "list_models", "MissingAuthenticationTokenException"),
        ("logs", "describe_log_groups", "MissingAuthenticationTokenException"),
        ("s3", "list_buckets", "AccessDenied"),
    ):
        with pytest.raises(ClientError) as error:
            getattr(boto3.client(service, **unsigned), call)()
        assert code(error) == expected


def test_another_host_name_is_refused(engine):
    connection = http.client.HTTPConnection(engine.endpoint.removeprefix("http://"))
    connection.request("GET", "/", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 403
    connection.close()


def test_constraints_of_the_service_model_are_checked_and_named(client):
    sagemaker = client("sagemaker", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as error:
        sagemaker.create_model(ModelName="no spaces", ExecutionRoleArn="x")
    assert code(error) == "ValidationException"
    message = error.value.response["Error"]["Message"]
    assert "2 validation errors detected" in message
    assert "'modelName' failed to satisfy constraint: Member must satisfy regular expression pattern" in message
    assert "'executionRoleArn'" in message


def test_an_operation_that_is_not_served_is_named(client):
    with pytest.raises(ClientError) as error:
        client("sagemaker").list_domains()
    assert code(error) == "UnknownOperationException"
    assert "ListDomains" in error.value.response["Error"]["Message"]


def test_the_role_and_the_caller_are_known(client):
    role = client("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]
    assert client("sts").get_caller_identity()["Account"] in role
    (result,) = client("iam").simulate_principal_policy(PolicySourceArn=role, ActionNames=["sagemaker:CreateModel"])["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"


def test_two_starts_make_one_engine_and_a_restart_keeps_the_keys(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: lifecycle.ensure_running(tmp_path), range(4)))
    assert len(set(found)) == 1
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    refused = subprocess.run(
        [sys.executable, "-m", "engine", "serve", "--workspace", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1
    assert "another engine owns" in refused.stderr
    assert lifecycle.stop(tmp_path)
    assert lifecycle.find_endpoint(tmp_path) is None
    again = lifecycle.ensure_running(tmp_path)
    assert again.secret_access_key == found[0].secret_access_key
    assert lifecycle.stop(tmp_path)


def test_a_header_that_was_not_signed_is_refused(client):
    """Who listens in on a signed PUT must not be able to make a copy of another object out of it."""
    s3 = client("s3")

    def add(request, **_):
        request.headers["x-amz-copy-source"] = "some-bucket/secret"

    s3.meta.events.register("before-send.s3.PutObject", add)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="some-bucket", Key="k", Body=b"")
    assert code(error) == "AccessDenied"
    assert "x-amz-copy-source" in error.value.response["Error"]["Message"]


@pytest.mark.parametrize("host", ["evil.example", "[", "", "127.0.0.1.evil.example:80", "evil@127.0.0.1"])
def test_a_host_header_of_another_name_is_refused_everywhere(engine, host):
    for path in ("/health", "/"):
        connection = http.client.HTTPConnection(engine.endpoint.removeprefix("http://"))
        connection.request("GET", path, headers={"Host": host})
        assert connection.getresponse().status in {400, 403}
        connection.close()


def test_a_bucket_may_be_called_health(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="health")
    s3.put_object(Bucket="health", Key="k", Body=b"1")
    assert s3.list_objects_v2(Bucket="health")["KeyCount"] == 1
    s3.delete_object(Bucket="health", Key="k")
    s3.delete_bucket(Bucket="health")


def sagemaker_call(engine, body, target="SageMaker.ListModels"):
    request = botocore.awsrequest.AWSRequest("POST", engine.endpoint + "/", data=body, headers={"X-Amz-Target": target})
    credentials = botocore.credentials.Credentials(engine.access_key_id, engine.secret_access_key)
    botocore.auth.SigV4Auth(credentials, "sagemaker", engine.region).add_auth(request)
    sent = urllib.request.Request(request.url, data=body, headers=dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"MaxResults": "7"}', "SerializationException"),
        (b'{"MaxResults": true}', "SerializationException"),
        (b'{"MaxResults": 0}', "ValidationException"),
        (b'{"SortBy": "Colour"}', "ValidationException"),
        (b'{"NameContains": "%s"}' % (b"x" * 64), "ValidationException"),
        (b'{"MaxResults": 99999999999999999999}', "SerializationException"),
        (b'{"CreationTimeAfter": NaN}', "SerializationException"),
        (b'{"CreationTimeAfter": 1e999}', "SerializationException"),
        (b'{"NameContains": "\\ud800"}', "SerializationException"),
    ],
)
def test_a_request_that_the_model_does_not_allow_is_refused_by_name(engine, body, expected):
    status, answer = sagemaker_call(engine, body)
    assert (status, answer["__type"]) == (400, expected)


def test_members_that_the_model_does_not_know_are_left_out(engine):
    assert sagemaker_call(engine, b'{"MaxResults": 1, "Unheard": {"of": 1}}')[0] == 200


def test_numbers_and_nested_members_come_through_the_query_protocol(client):
    role = client("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]
    results = client("iam").simulate_principal_policy(
        PolicySourceArn=role,
        ActionNames=[f"sagemaker:Action{n}" for n in range(12)],
        ContextEntries=[{"ContextKeyName": "aws:username", "ContextKeyValues": ["me"], "ContextKeyType": "string"}],
        MaxItems=100,
    )["EvaluationResults"]
    assert [r["EvalActionName"] for r in results] == [f"sagemaker:Action{n}" for n in range(12)]


@pytest.fixture
def own(tmp_path):
    """A workspace of the test's own, whose engine ends with it."""
    yield tmp_path
    lifecycle.stop(tmp_path)


def test_what_was_acknowledged_outlives_a_killed_engine(own, client):
    first = lifecycle.ensure_running(own)
    there = {"aws_access_key_id": first.access_key_id, "aws_secret_access_key": first.secret_access_key}
    s3 = client("s3", endpoint_url=first.endpoint, **there)
    s3.create_bucket(Bucket="durable")
    s3.put_object(Bucket="durable", Key="k", Body=b"kept", IfNoneMatch="*")
    (own / "objects" / "files" / "half-written").write_bytes(b"of an upload that a crash cut off")
    os.kill(json.loads((own / "engine.json").read_text())["pid"], signal.SIGKILL)
    second = lifecycle.ensure_running(own)
    s3 = client("s3", endpoint_url=second.endpoint, **there)
    assert s3.get_object(Bucket="durable", Key="k")["Body"].read() == b"kept"
    assert not (own / "objects" / "files" / "half-written").exists()


def test_another_engine_on_the_port_of_a_dead_one_is_not_taken_for_it(engine, tmp_path):
    (tmp_path / "engine.json").write_text(json.dumps({"pid": 1, "endpoint": engine.endpoint, "region": "us-east-1", "instance": "dead"}))
    assert lifecycle.find_endpoint(tmp_path) is None
    assert lifecycle.stop(tmp_path) is False
    for torn in ("", "{", "[]", '{"endpoint": 5}'):
        (tmp_path / "engine.json").write_text(torn)
        assert lifecycle.find_endpoint(tmp_path) is None


def test_the_exported_lines_reach_the_engine_from_any_directory(own):
    run = [sys.executable, "-m", "engine"]
    lines = subprocess.run([*run, "env", "--workspace", str(own)], capture_output=True, text=True, check=True, timeout=90).stdout
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    script = f"{lines}\ncd / && {sys.executable} -c {shlex.quote(code)}"
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "000000000000"
    ensured = json.loads(subprocess.run([*run, "ensure", "--workspace", str(own)], capture_output=True, check=True, timeout=90).stdout)
    assert f"export AWS_ENDPOINT_URL={ensured['endpoint']}" in lines
    assert set(ensured) == {"endpoint", "access_key_id", "secret_access_key", "region"}
    assert (
        subprocess.run([*run, "stop", "--workspace", str(own)], capture_output=True, text=True, check=True, timeout=90).stdout
        == "stopped\n"
    )
    assert not (own / "engine.json").exists()


def test_the_engine_process_is_light():
    script = "import sys, engine.lifecycle, engine.wire.app, engine.jobs.job_queue; "
    script += (
        "print(sorted({'xgboost', 'shap', 'pandas', 'sklearn', 'numpy', 'scipy', 'optuna', 'jsonschema', 'boto3'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout == "[]\n"


def test_a_failure_of_the_engine_does_not_tell_its_insides(tmp_path):
    """The traceback goes to the log, the client gets InternalFailure."""

    def broken(context, request):
        raise RuntimeError("the inside of the engine")

    keys = AccessKeys("AKIALOCAL", "secret")
    app = create_app(Context(tmp_path, "us-east-1", Store(tmp_path / "engine.db"), None), keys)
    request = botocore.awsrequest.AWSRequest("POST", "http://127.0.0.1/", data=b"{}", headers={"X-Amz-Target": "SageMaker.ListModels"})
    botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(keys.access_key_id, keys.secret_access_key), "sagemaker", "us-east-1"
    ).add_auth(request)
    headers = [(b"host", b"127.0.0.1"), *((k.lower().encode(), v.encode()) for k, v in request.headers.items())]
    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
    sent, key = [], ("sagemaker", "ListModels")

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        sent.append(message)

    with mock.patch.dict(OPERATIONS, {key: replace(OPERATIONS[key], handler=broken)}):
        asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"])["__type"] == "InternalFailure"
    assert b"inside" not in sent[1]["body"]


def test_a_refusal_shows_the_beginning_of_what_was_wrong_and_not_all_of_it(engine):
    status, answer = sagemaker_call(engine, b'{"NameContains": "%s"}' % (b"x" * 1_000_000))
    assert (status, answer["__type"]) == (400, "ValidationException")
    assert len(answer["message"]) < 1000
    body = b'{"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/m", "TagKeys": [%s]}' % b",".join([b'"!!"'] * 50)
    body = body.replace(b'"!!"', b'"%s"' % (b"y" * 200))
    status, answer = sagemaker_call(engine, body, "SageMaker.DeleteTags")
    assert (status, answer["__type"]) == (400, "ValidationException")
    assert len(answer["message"]) < 50_000


def test_a_search_nested_too_deep_is_refused(engine):
    inner = '{"SubExpressions": [' * 900 + "{}" + "]}" * 900
    status, answer = sagemaker_call(engine, f'{{"Resource": "Model", "SearchExpression": {inner}}}'.encode(), "SageMaker.Search")
    assert (status, answer["__type"]) in {(400, "SerializationException"), (400, "ValidationException")}


def test_a_service_that_is_not_served_is_told_which_are(client):
    with pytest.raises(ClientError, match="it serves sagemaker, s3, sts, iam, logs") as error:
        client("events").list_rules()
    assert code(error) == "UnknownOperationException"


def test_the_record_of_access_says_who_asked_for_what_and_how_it_ended(engine_workspace, client):
    client("sagemaker").list_models()
    client("sts").get_caller_identity()
    client("s3").list_buckets()
    with pytest.raises(ClientError):
        client("sagemaker").describe_model(ModelName="nobody")
    lines = [json.loads(line) for line in (engine_workspace / "access.log").read_text().splitlines()][-4:]
    assert [(line["service"], line["operation"], line["status"], line["code"]) for line in lines] == [
        ("sagemaker", "ListModels", 200, ""),
        ("sts", "GetCallerIdentity", 200, ""),
        ("s3", "REST.GET.SERVICE", 200, ""),
        ("sagemaker", "DescribeModel", 400, "ValidationException"),
    ]
    assert all(line["client"].startswith("Boto3/") and line["milliseconds"] > 0 for line in lines)
