"""Whoever has signed in to AWS in one of its own ways has signed in for the product, in the region that their tools work in
(https://docs.aws.amazon.com/boto3/latest/guide/credentials.html)."""

import hashlib
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from answering import wire

from core.aws.target import connect
from core.errors import CREDENTIALS_HINT, Forbidden, SignedOut
from core.identity import Identity, Role
from core.settings import Settings

pytestmark = pytest.mark.engine

SOON = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
PAST = "2020-01-01T00:00:00Z"
ASSUMED = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>of the role</SessionToken><Expiration>{1}</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>
</{0}Result></{0}Response>"""
SSO = "sso_session = own\nsso_account_id = 123456789012\nsso_role_name = Scientist\n"
SSO += "[sso-session own]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n"


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A user's home without anything; ``AWS_…`` variables are gone too."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOVERNANCE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    cache = tmp_path / ".aws/sso/cache"
    cache.mkdir(parents=True)
    monkeypatch.setattr("botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR", str(cache))  # botocore read HOME when it was imported
    return tmp_path / ".aws"


@pytest.fixture
def out(monkeypatch, home):
    with wire(monkeypatch) as made:
        yield made


def signed(out):
    """Connect, and return the key and the session token that the product's own requests went out with."""
    target = connect(Settings(target="aws"))
    target.s3.list_buckets()
    sent = out.of("s3")
    return sent.scope[0], sent.headers.get("X-Amz-Security-Token")


def sso_token(home, until):
    token = {"startUrl": "https://example.awsapps.com/start", "region": "eu-west-1", "accessToken": "token", "expiresAt": until}
    (home / "sso/cache" / f"{hashlib.sha1(b'own').hexdigest()}.json").write_text(json.dumps(token))
    (home / "config").write_text(f"[default]\n{SSO}")


def test_a_key_in_the_environment(out, monkeypatch):
    for name, value in {"ACCESS_KEY_ID": "AKIAENV", "SECRET_ACCESS_KEY": "s", "SESSION_TOKEN": "t"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert signed(out) == ("AKIAENV", "t")


def test_a_profile_with_its_region(out, home, monkeypatch):
    (home / "credentials").write_text("[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = s\n")
    (home / "config").write_text("[profile work]\nregion = ap-southeast-2\n")
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert signed(out) == ("AKIAWORK", None)
    assert {sent.scope[2] for sent in out.sent if sent.scope[3] != "iam"} == {"ap-southeast-2"}


def test_a_role_that_a_profile_assumes(out, home):
    keys = "aws_access_key_id = AKIABASE\naws_secret_access_key = s\n"
    (home / "config").write_text(f"[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n[profile base]\n{keys}")
    out.answers["AssumeRole"] = (200, {}, ASSUMED.format("AssumeRole", SOON).encode())
    assert signed(out) == ("ASIAROLE", "of the role")
    assert out.sent[0].scope[0] == "AKIABASE"


def test_a_web_identity_as_in_kubernetes(out, home, monkeypatch):
    (home / "token").write_text("signed by the cluster")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(home / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
    out.answers["AssumeRoleWithWebIdentity"] = (200, {}, ASSUMED.format("AssumeRoleWithWebIdentity", SOON).encode())
    assert signed(out) == ("ASIAROLE", "of the role")
    assert b"WebIdentityToken=signed+by+the+cluster" in out.sent[0].body


def test_the_token_that_aws_sso_login_has_left(out, home):
    sso_token(home, SOON)
    until = int((datetime.now(UTC) + timedelta(hours=1)).timestamp() * 1000)
    role = {"accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "of sso", "expiration": until}
    out.answers["portal.sso.eu-west-1.amazonaws.com"] = (200, {}, json.dumps({"roleCredentials": role}).encode())
    assert signed(out) == ("ASIASSO", "of sso")
    assert out.sent[0].headers["x-amz-sso_bearer_token"] == "token"


def test_the_credentials_of_a_container(out, monkeypatch):
    asked = []

    class Agent(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Authorization"])
            body = json.dumps({"AccessKeyId": "ASIATASK", "SecretAccessKey": "s", "Token": "of the task", "Expiration": SOON}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_): ...

    with HTTPServer(("127.0.0.1", 0), Agent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{server.server_port}/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of the agent")
        assert signed(out) == ("ASIATASK", "of the task")
        server.shutdown()
    assert asked == ["of the agent"]


def test_a_program_that_prints_them(out, home):
    printed = json.dumps({"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "s"})
    (home / "printed").write_text(printed)
    (home / "config").write_text(f"[default]\ncredential_process = cat {home / 'printed'}\n")
    assert signed(out) == ("AKIAPROC", None)


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({"GOVERNANCE_REGION": "eu-north-1", "AWS_REGION": "eu-west-1"}, "eu-north-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({}, "eu-west-3"),
        ({"AWS_PROFILE": "none"}, "us-east-1"),
    ],
)
def test_the_region_is_the_products_own_or_else_where_the_users_tools_work(out, home, monkeypatch, variables, region):
    """In the order of https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html."""
    keys = "aws_access_key_id = AKIA\naws_secret_access_key = s\n"
    (home / "config").write_text(f"[default]\nregion = eu-west-3\n{keys}[profile none]\n{keys}")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    target = connect(Settings(target="aws"))
    assert (target.region, target.sagemaker.meta.region_name, target.bucket) == (region, region, f"sagemaker-{region}-123456789012")


# what can't be used ----------------------------------------------------------------------------------


def refusal():
    with pytest.raises(Forbidden) as error:
        connect(Settings(target="aws"))
    return str(error.value)


def test_nobody_signed_in(out):
    assert refusal() == f"Unable to locate credentials. {CREDENTIALS_HINT}"
    assert out.sent == []


def test_a_profile_that_is_not_there(out, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "wrok")
    assert "(wrok) could not be found" in (said := refusal())
    assert "AWS_PROFILE" in said


def test_nobody_signed_in_who_should_act_in_a_role(out):
    person = Identity("Dana", Role.DATA_SCIENTIST, issuer="i", subject="dana")
    with pytest.raises(SignedOut, match="Unable to locate credentials"):
        connect(Settings(target="aws", assume={"data scientist": "arn:aws:iam::1:role/r"}), person)


def test_half_a_key(out, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    assert "missing: AWS_SECRET_ACCESS_KEY. Sign in to AWS" in refusal()


def test_a_sign_in_of_yesterday(out, home):
    sso_token(home, PAST)
    assert "has expired" in (said := refusal())
    assert "aws sso login" in said


def test_a_program_that_fails(out, home):
    (home / "config").write_text("[default]\ncredential_process = false\n")
    assert "Sign in to AWS" in refusal()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", "The security token included in the request is expired"),
        ("InvalidClientTokenId", "The security token included in the request is invalid."),
    ],
)
def test_credentials_that_aws_refuses(out, monkeypatch, code, message):
    """The codes of https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    out.answers["GetCallerIdentity"] = (403, {}, body.encode())
    said = refusal()
    assert said.startswith(f"GetCallerIdentity of sign-in: {message.rstrip('.')}.")
    assert "sign in to aws again" in said.lower()
