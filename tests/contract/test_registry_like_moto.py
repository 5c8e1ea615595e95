"""The registry's answers have the members and types that moto's have: a second judge of their shape."""

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROLE = "arn:aws:iam::000000000000:role/governance-execution"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://somewhere/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
REPORT = {"Report": {"ContentType": "application/json", "S3Uri": "s3://somewhere/bias.json"}}
GROUP = "like-moto"


@pytest.fixture(scope="module")
def peer():
    """boto3's client of moto's server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "sagemaker",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )
    server.stop()


@pytest.fixture(scope="module")
def both(client, peer):
    """The engine's client and moto's, each with a model, a group, a version and tags of the same content."""
    for sagemaker in (client("sagemaker"), peer):
        sagemaker.create_model(ModelName=GROUP, PrimaryContainer=SPECIFICATION["Containers"][0], ExecutionRoleArn=ROLE)
        arn = sagemaker.create_model_package_group(
            ModelPackageGroupName=GROUP, ModelPackageGroupDescription="as moto's", Tags=[{"Key": "a", "Value": "1"}]
        )["ModelPackageGroupArn"]
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
        sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelPackageDescription="first",
            InferenceSpecification=SPECIFICATION,
            ModelApprovalStatus="PendingManualApproval",
            ModelMetrics={"Bias": REPORT},
            CustomerMetadataProperties={"tier": "2"},
        )
    return client("sagemaker"), peer


QUESTIONS = {
    "describe_model": lambda c: c.describe_model(ModelName=GROUP),
    "list_models": lambda c: c.list_models(NameContains=GROUP)["Models"][0],
    "describe_model_package_group": lambda c: c.describe_model_package_group(ModelPackageGroupName=GROUP),
    "list_model_package_groups": lambda c: c.list_model_package_groups(NameContains=GROUP)["ModelPackageGroupSummaryList"][0],
    "describe_model_package": lambda c: c.describe_model_package(ModelPackageName=_package(c)),
    "list_model_packages": lambda c: c.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"][0],
    "list_tags": lambda c: {"Tags": c.list_tags(ResourceArn=_group(c))["Tags"]},
}
STATED = {
    "ModelName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelApprovalStatus",
    "ModelPackageStatus",
    "Tags",
    "InferenceSpecification",
}
STATED |= {
    "ModelMetrics",
    "CustomerMetadataProperties",
    "ModelPackageDescription",
    "ModelPackageGroupDescription",
    "ModelPackageGroupStatus",
}
MOTOS_OWN = {
    "describe_model": {"VpcConfig", "Containers"},  # moto gives empty ones
    "describe_model_package": {"LastModifiedTime", "LastModifiedBy", "ApprovalDescription"},  # of a version that nobody changed
    "list_model_packages": {"ModelPackageName"},  # a version has its group's
}


def _package(sagemaker):
    return sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"][0]["ModelPackageArn"]


def _group(sagemaker):
    return sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP)["ModelPackageGroupArn"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_has_the_members_of_motos(both, question):
    ours, theirs = (QUESTIONS[question](sagemaker) for sagemaker in both)
    assert theirs.keys() - MOTOS_OWN.get(question, set()) <= ours.keys()
    for member in theirs.keys() & ours.keys() - {"ResponseMetadata"}:
        assert type(ours[member]) is type(theirs[member]), member
    for member in STATED & theirs.keys() & ours.keys():
        assert ours[member] == theirs[member], member


def test_arns_differ_in_the_account_only(both):
    ours, theirs = (_package(sagemaker).split(":") for sagemaker in both)
    assert ours[:4] + ours[5:] == theirs[:4] + theirs[5:]
