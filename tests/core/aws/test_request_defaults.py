"""Keys, VPC, tags and instances of the settings reach every job, every model and every file."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from core.aws.target import connect
from core.errors import JobFailed
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, models, processing_requests, training_jobs
from core.jobs.tuning import tuning_jobs
from core.registry import model_packages
from core.reports import bias_jobs, clarify_jobs
from core.settings import Settings

KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VPC = {"Subnets": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"], "SecurityGroupIds": ["sg-0a1b2c3d"]}
TAGS = {"cost-centre": "4711", "governance:launched-by": "nobody"}


@pytest.fixture(scope="module")
def target(demo):
    return connect(
        Settings(
            workspace=demo[0],
            kms_key=KEY,
            subnets=tuple(VPC["Subnets"]),
            security_groups=tuple(VPC["SecurityGroupIds"]),
            tags=TAGS,
            instance_type="ml.m5.large",
            processing_instance_type="ml.c5.xlarge",
        )
    )


@pytest.fixture(scope="module")
def package(target, demo):
    return model_packages.read_package(target, demo[1][0]["models"][0]["model_package_arn"])


@pytest.fixture(scope="module")
def data(target, package):
    return model_packages.find_rebalancing(target, package)


def tags(target, arn):
    return {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def keys_of(target, uris):
    found = set()
    for uri in uris:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        head = target.s3.head_object(Bucket=bucket, Key=key)
        found.add((head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")))
    return found


def test_a_processing_job_has_them_and_what_it_writes_is_encrypted(target, package, data):
    name = bias_jobs.launch_job(
        target, WORKFLOW_IDENTITY, models.ensure_model(target, WORKFLOW_IDENTITY, package.training_job), data, name="placed-bias"
    )
    (job,) = jobs.wait_for_jobs(target, [("processing", name)])
    cluster = job.raw["ProcessingResources"]["ClusterConfig"]
    assert (cluster["VolumeKmsKeyId"], cluster["InstanceType"]) == (KEY, "ml.c5.xlarge")
    assert job.raw["ProcessingOutputConfig"]["KmsKeyId"] == KEY
    assert job.raw["NetworkConfig"] == {"EnableNetworkIsolation": True, "VpcConfig": VPC}
    found = tags(target, job.raw["ProcessingJobArn"])
    assert (found["cost-centre"], found["governance:launched-by"]) == (
        "4711",
        WORKFLOW_IDENTITY.tag,
    )  # who launched it is not for the settings
    results = target.files.list_uris(jobs.output_uri(job))
    assert len(results) > 3
    assert keys_of(target, [*results, jobs.input_uri(job, "analysis_config")]) == {("aws:kms", KEY)}


def test_a_training_job_and_its_model_have_them(target, data):
    name = training_jobs.launch_job(
        target, WORKFLOW_IDENTITY, data.uri("train.csv"), data.uri("validation_res.csv"), {"num_round": "2"}, name="placed-training"
    )
    (job,) = jobs.wait_for_jobs(target, [("training", name)])
    assert job.raw["OutputDataConfig"]["KmsKeyId"] == job.raw["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert job.raw["ResourceConfig"]["InstanceType"] == "ml.m5.large"
    assert job.raw["VpcConfig"] == VPC
    assert tags(target, job.raw["TrainingJobArn"])["cost-centre"] == "4711"
    assert keys_of(target, [job.raw["ModelArtifacts"]["S3ModelArtifacts"]]) == {("aws:kms", KEY)}
    made = target.sagemaker.describe_model(ModelName=models.ensure_model(target, WORKFLOW_IDENTITY, name))
    assert made["VpcConfig"] == VPC
    assert tags(target, made["ModelArn"])["cost-centre"] == "4711"


def test_a_tuning_jobs_trials_have_them(target, data):
    name = tuning_jobs.launch_job(
        target, WORKFLOW_IDENTITY, tuning_jobs.TuningRequest(data, max_jobs=1, max_parallel=1), name="placed-tuning"
    )
    tuning_jobs.stop_job(target, WORKFLOW_IDENTITY, name)
    job = tuning_jobs.describe_job(target, name)
    definition = job.raw["TrainingJobDefinition"]
    assert definition["OutputDataConfig"]["KmsKeyId"] == definition["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert definition["VpcConfig"] == VPC
    assert tags(target, job.raw["HyperParameterTuningJobArn"])["cost-centre"] == "4711"


def test_without_the_settings_nothing_is_asked_for(demo, data):
    plain = connect(Settings(workspace=demo[0]))
    request = processing_requests.build_processing_request(plain, "name", "clarify", {}, "s3://b/out", {})
    assert request["NetworkConfig"] == {"EnableNetworkIsolation": True}
    assert not {"VolumeKmsKeyId", "KmsKeyId"} & {*request["ProcessingResources"]["ClusterConfig"], *request["ProcessingOutputConfig"]}
    assert keys_of(plain, [plain.files.write(plain.uri("placement/plain"), b"x")]) == {(None, None)}


def test_a_processing_job_fails_with_the_words_of_its_container(target, data):
    """SageMaker's own reason names the log only; the container's message is what a user can act on."""
    name = "words-of-its-own"
    inputs = {"dataset": (data.uri("test_header.csv"), clarify_jobs.CONTAINER_INPUT + "/data")}
    request = processing_requests.build_processing_request(target, name, "clarify", inputs, target.uri("placement/out"), {})
    target.sagemaker.create_processing_job(**request)
    with pytest.raises(JobFailed, match="No analysis configuration"):
        jobs.wait_for_jobs(target, [("processing", name)])
    raw = jobs.describe_job(target, "processing", name).raw
    assert raw["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert raw["ExitMessage"].startswith("No analysis configuration at analysis_config.json")
    assert jobs.list_jobs(target, "processing", name_contains=name)[0].reason == raw["ExitMessage"]


def test_a_prefix_is_every_key_that_begins_with_it_as_on_aws(target):
    """Not only the object or the folder of that name: a careless prefix must fail here too, and not on AWS first."""
    for name in ("rows", "rows-of-others", "rows/more"):
        target.files.write(target.uri("prefixes", f"{name}.csv"), b"a\n1\n")
    config = target.files.write(
        target.uri("prefixes/config/rebalance.json"), b'{"label": "a", "facet": "b", "facet_value": 1, "favourable": 1}'
    )
    inputs = {
        "config": (config, f"{clarify_jobs.CONTAINER_INPUT}/config"),
        "data": (target.uri("prefixes/rows"), f"{clarify_jobs.CONTAINER_INPUT}/data"),
    }
    request = processing_requests.build_processing_request(target, "careless-prefix", "rebalance", inputs, target.uri("prefixes/out"), {})
    target.sagemaker.create_processing_job(**request)
    with pytest.raises(JobFailed, match="one CSV file is expected in the data input, 3 were found"):
        jobs.wait_for_jobs(target, [("processing", "careless-prefix")])


# S3 ----------------------------------------------------------------------------------------------------


def test_s3_answers_how_an_object_is_encrypted_by_every_way_in(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="encrypted")
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}

    def said(answer):
        return {name: answer[name] for name in kms if name in answer}

    assert said(s3.put_object(Bucket="encrypted", Key="put", Body=b"x", **kms)) == kms
    assert said(s3.get_object(Bucket="encrypted", Key="put")) == said(s3.head_object(Bucket="encrypted", Key="put")) == kms
    source = {"Bucket": "encrypted", "Key": "put"}
    assert said(s3.copy_object(Bucket="encrypted", Key="copy", CopySource=source)) == {}
    assert said(s3.head_object(Bucket="encrypted", Key="copy")) == {}
    assert said(s3.copy_object(Bucket="encrypted", Key="copy", CopySource=source, **kms)) == kms
    upload = s3.create_multipart_upload(Bucket="encrypted", Key="parts", **kms)
    assert said(upload) == kms
    call = {"Bucket": "encrypted", "Key": "parts", "UploadId": upload["UploadId"]}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**call, PartNumber=1, Body=b"y")["ETag"]}
    assert said(s3.complete_multipart_upload(**call, MultipartUpload={"Parts": [part]})) == kms
    assert said(s3.head_object(Bucket="encrypted", Key="parts")) == kms
    assert s3.put_object(Bucket="encrypted", Key="id", Body=b"", **{**kms, "SSEKMSKeyId": KEY.rpartition("/")[2]})["SSEKMSKeyId"] == KEY
    with pytest.raises(ClientError, match="aws:kms"):
        s3.put_object(Bucket="encrypted", Key="key-alone", Body=b"", SSEKMSKeyId=KEY)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="encrypted", Key="how", Body=b"", ServerSideEncryption="rot13")
    assert error.value.response["Error"]["Code"] == "InvalidEncryptionAlgorithmError"
