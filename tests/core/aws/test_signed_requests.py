"""What would go out to AWS, where no endpoint is named: hosts, addressing, scope of the signature; judged by AWS's lists of endpoints
(https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html)."""

import hashlib
import json
import re
from base64 import b64encode
from dataclasses import dataclass

import boto3
import pytest
from answering import ACCOUNT, wire
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from paths import ROOT

from core.aws import container_images
from core.aws.target import connect
from core.errors import Forbidden, GovernanceError, Refused
from core.governance.model_cards import card_evaluations
from core.identity import WORKFLOW_IDENTITY
from core.jobs import training_jobs
from core.ledger import signing
from core.lineage import openlineage
from core.settings import Settings


@dataclass(frozen=True)
class Place:
    """A region as AWS's lists of endpoints have it; ``xgboost``: the account of its built-in images."""

    suffix: str
    partition: str
    iam: tuple[str, str]
    xgboost: str


PLACES = {
    "us-east-1": Place("amazonaws.com", "aws", ("iam.amazonaws.com", "us-east-1"), "683313688378"),
    "eu-central-1": Place("amazonaws.com", "aws", ("iam.amazonaws.com", "us-east-1"), "492215442770"),
    "us-gov-west-1": Place("amazonaws.com", "aws-us-gov", ("iam.us-gov.amazonaws.com", "us-gov-west-1"), "414596584902"),
    "cn-north-1": Place("amazonaws.com.cn", "aws-cn", ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"), "450853457545"),
    "eusc-de-east-1": Place("amazonaws.eu", "aws-eusc", ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"), ""),
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    """A user with nothing but a key in the environment; ``config(text)`` gives them a file of settings."""
    for name, value in {"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "secret", "CONFIG_FILE": str(tmp_path / "config")}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return (tmp_path / "config").write_text


@pytest.fixture
def out(monkeypatch):
    with wire(monkeypatch) as made:
        yield made


def at(out, region, **settings):
    """Clients of a region, and a request of each service in ``out``."""
    out.role = f"arn:{PLACES[region].partition}:iam::{ACCOUNT}:role/governance-execution"
    target = connect(Settings(target="aws", region=region, **settings))
    target.files.write(target.uri("a b/ü"), b"content")
    target.sagemaker.list_tags(ResourceArn=f"arn:aws:sagemaker:{region}:{ACCOUNT}:training-job/a")
    target.logs.describe_log_streams(logGroupName="g")
    assert target.role == out.role
    return target


@pytest.mark.parametrize("region", PLACES)
def test_each_service_is_asked_at_its_own_host_in_the_partition_and_signed_for_its_region(out, region):
    target, place = at(out, region), PLACES[region]
    bucket = f"sagemaker-{region}-{ACCOUNT}"
    s3 = "s3.amazonaws.com" if region == "us-east-1" else f"s3.{region}.{place.suffix}"
    assert {sent.scope[3]: (sent.host, sent.scope[2]) for sent in out.sent} == {
        "sts": (f"sts.{region}.{place.suffix}", region),
        "iam": place.iam,
        "s3": (f"{bucket}.{s3}", region),
        "sagemaker": (f"api.sagemaker.{region}.{place.suffix}", region),
        "logs": (f"logs.{region}.{place.suffix}", region),
    }
    assert {sent.url.partition("://")[0] for sent in out.sent} == {"https"}
    assert out.of("s3").url.endswith("/a%20b/%C3%BC")
    assert (target.bucket, target.account, target.region, target.partition) == (bucket, ACCOUNT, region, place.partition)


@pytest.mark.parametrize("region", PLACES)
def test_arns_and_image_hosts_are_the_partitions_own(out, region):
    out.role = f"arn:{PLACES[region].partition}:iam::{ACCOUNT}:role/service-role/r"
    target, place = connect(Settings(target="aws", region=region)), PLACES[region]
    assert container_images.analysis_image(target) == f"{ACCOUNT}.dkr.ecr.{region}.{place.suffix}/governance-analysis:latest"
    assert openlineage._namespace(target) == f"arn:{place.partition}:sagemaker:{region}:{ACCOUNT}"
    assert card_evaluations._processing_job_arn(target, "j") == f"arn:{place.partition}:sagemaker:{region}:{ACCOUNT}:processing-job/j"
    if place.xgboost:
        assert (
            container_images.xgboost_image(target)
            == f"{place.xgboost}.dkr.ecr.{region}.{place.suffix}/sagemaker-xgboost:{Settings().xgboost_version}"
        )
    else:
        with pytest.raises(GovernanceError, match=f"Unsupported region: {region}.*Set GOVERNANCE_REGION"):
            container_images.xgboost_image(target)


def test_a_version_of_xgboost_that_there_is_not_is_named_with_those_that_there_are(out):
    target = connect(Settings(target="aws", xgboost_version="9"))
    with pytest.raises(GovernanceError, match=r"Unsupported xgboost version: 9\..*Set GOVERNANCE_REGION"):
        training_jobs.launch_job(target, WORKFLOW_IDENTITY, "s3://b/train.csv", "s3://b/validation.csv")
    assert "CreateTrainingJob" not in {sent.operation for sent in out.sent}


@pytest.mark.parametrize(("region", "asked"), [("eu-central-1", True), ("eu-central-2", False)])
def test_a_region_without_debugger_trains_without_its_report(out, region, asked):
    out.answers["CreateTrainingJob"] = (200, {}, b'{"TrainingJobArn": "arn:aws:sagemaker:x:123456789012:training-job/a"}')
    target = connect(Settings(target="aws", region=region))
    training_jobs.launch_job(target, WORKFLOW_IDENTITY, "s3://b/train.csv", "s3://b/validation.csv")
    (sent,) = [sent for sent in out.sent if sent.operation == "CreateTrainingJob"]
    assert (b"DebugRuleConfigurations" in sent.body, b"DebugHookConfig" in sent.body) == (asked, asked)


@pytest.mark.slow
def test_nothing_in_the_product_names_a_partition_or_its_hosts():
    files = [path for folder in ("core", "ui", "pages") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    assert [
        (path.name, found) for path in files for found in re.findall(r".*(?:arn:aws|(?<!sagemaker)\.amazonaws\.).*", path.read_text())
    ] == []


def test_an_object_is_signed_with_the_hash_of_what_is_sent(out):
    target = at(out, "eu-central-1")
    written = out.of("s3")
    assert "x-amz-content-sha256" in written.headers["Authorization"]
    assert written.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert written.headers["X-Amz-Trailer"] == "x-amz-checksum-crc32"
    target.files.write_conditionally(target.uri("log/1"), b"content")
    assert out.of("s3").headers["If-None-Match"] == "*"
    target.files.read(target.uri("log/1"))
    assert out.of("s3").headers["X-Amz-Content-SHA256"] == hashlib.sha256(b"").hexdigest()
    assert out.of("s3").scope[0] == "AKIA"


@pytest.mark.parametrize(
    ("bucket", "config", "url"),
    [
        ("plain", "", "https://plain.s3.eu-central-1.amazonaws.com/a%20b/%C3%BC"),
        ("with.dots", "", "https://s3.eu-central-1.amazonaws.com/with.dots/a%20b/%C3%BC"),
        ("plain", "[default]\ns3 =\n  addressing_style = path\n", "https://s3.eu-central-1.amazonaws.com/plain/a%20b/%C3%BC"),
    ],
)
def test_a_bucket_is_part_of_the_host_unless_its_name_or_the_user_forbids_it(out, credentials, bucket, config, url):
    """TLS can't vouch for a host with further dots: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html."""
    credentials(config)
    target = at(out, "eu-central-1", bucket=bucket)
    assert (target.bucket, out.of("s3").url) == (bucket, url)


@pytest.mark.parametrize(
    ("region", "variable", "hosts"),
    [
        (
            "us-east-1",
            "FIPS",
            {"sts-fips.us-east-1.amazonaws.com", "iam-fips.amazonaws.com", "api-fips.sagemaker.us-east-1.amazonaws.com"}
            | {"logs-fips.us-east-1.amazonaws.com", f"sagemaker-us-east-1-{ACCOUNT}.s3-fips.us-east-1.amazonaws.com"},
        ),
        (
            "us-gov-west-1",
            "FIPS",
            {"sts.us-gov-west-1.amazonaws.com", "iam.us-gov.amazonaws.com", "api-fips.sagemaker.us-gov-west-1.amazonaws.com"}
            | {"logs.us-gov-west-1.amazonaws.com", f"sagemaker-us-gov-west-1-{ACCOUNT}.s3-fips.us-gov-west-1.amazonaws.com"},
        ),
        (
            "eu-central-1",
            "DUALSTACK",
            {"sts.eu-central-1.api.aws", "iam.global.api.aws", "api.sagemaker.eu-central-1.api.aws", "logs.eu-central-1.api.aws"}
            | {f"sagemaker-eu-central-1-{ACCOUNT}.s3.dualstack.eu-central-1.amazonaws.com"},
        ),
    ],
)
def test_fips_and_dual_stack_hosts_are_used_where_the_user_says_so(out, monkeypatch, region, variable, hosts):
    monkeypatch.setenv(f"AWS_USE_{variable}_ENDPOINT", "true")
    at(out, region)
    assert {sent.host for sent in out.sent} == hosts


def test_a_partition_without_fips_hosts_says_so(out, monkeypatch):
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    with pytest.raises(Refused, match="does not support FIPS"):
        at(out, "cn-north-1")


def test_a_role_that_is_given_is_not_asked_for(out):
    role = f"arn:aws:iam::{ACCOUNT}:role/own"
    assert connect(Settings(target="aws", role=role)).role == role
    assert [sent.operation for sent in out.sent] == ["GetCallerIdentity"]


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("alias/governance", "kms.eu-central-1.amazonaws.com"),
        ("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", "kms.eu-west-1.amazonaws.com"),
    ],
)
def test_a_key_in_kms_signs_in_its_own_region_or_else_in_the_products(out, monkeypatch, key, host):
    """The answers are of the shapes in https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html and API_Sign.html."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    private = ec.generate_private_key(ec.SECP256R1())
    public = b64encode(private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    algorithm = {"KeyId": key, "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": ["ECDSA_SHA_256"]}
    out.answers["GetPublicKey"] = (200, {}, json.dumps({**algorithm, "PublicKey": public}).encode())
    payload = b'{"a":1}'
    digest = hashlib.sha256(
        b"DSSEv1 %d %s %d %s" % (len(signing.IN_TOTO_TYPE), signing.IN_TOTO_TYPE.encode(), len(payload), payload)
    ).digest()
    signature = b64encode(private.sign(digest, ec.ECDSA(Prehashed(SHA256())))).decode()
    out.answers["Sign"] = (200, {}, json.dumps({"KeyId": key, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256"}).encode())
    target = connect(Settings(target="aws", region="eu-central-1", signing_key=f"awskms:{key}"))
    assert signing.open_envelope(signing.sign_envelope(target, payload), signing.load_verification_keys(target)) == payload
    asked = [sent for sent in out.sent if sent.scope[3] == "kms"]
    assert {(sent.host, sent.scope[2]) for sent in asked} == {(host, host.split(".")[1])}
    wanted = {"KeyId": key, "Message": b64encode(digest).decode(), "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert json.loads(asked[-1].body) == wanted


def test_a_key_in_kms_that_may_not_be_used_says_what_to_allow(out, monkeypatch):
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    denied = {"__type": "AccessDeniedException", "Message": "not authorized to perform: kms:GetPublicKey"}
    out.answers["GetPublicKey"] = (400, {}, json.dumps(denied).encode())
    target = connect(Settings(target="aws", signing_key="awskms:alias/denied"))
    with pytest.raises(Forbidden, match=r"GetPublicKey of the signing key is forbidden\. It needs the permission kms:GetPublicKey\. Ask"):
        signing.sign_envelope(target, b"{}")
