import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from unittest import mock

import botocore.auth
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from engine import lifecycle


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
        found = list(pool.map(lambda _: lifecycle.ensure(tmp_path), range(4)))
    assert len(set(found)) == 1
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    refused = subprocess.run(
        [sys.executable, "-m", "engine", "serve", "--workspace", str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 1
    assert "another engine owns" in refused.stderr
    assert lifecycle.stop(tmp_path)
    assert lifecycle.find(tmp_path) is None
    again = lifecycle.ensure(tmp_path)
    assert again.secret_access_key == found[0].secret_access_key
    assert lifecycle.stop(tmp_path)
