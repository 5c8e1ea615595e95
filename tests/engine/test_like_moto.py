"""One suite for two targets: the engine, and moto's server as a second reading of AWS's documentation.

Where the two differ, ``docs/engine-and-moto.md`` names the test, what moto does and the AWS page that decides: it must fail on moto.
"""

import datetime
import functools
import random
import re
import time
import urllib.error
import urllib.request
import uuid
from types import SimpleNamespace

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from paths import ROOT
from version_model import VersionModel

pytestmark = pytest.mark.engine

TABLE = ROOT / "docs" / "engine-and-moto.md"
DIFFERENCES = {
    name: f"moto {does} ({page})"
    for name, does, page in re.findall(r"^\| `(test_[^`]+)` \| (.+?) \| (https://\S+) \|$", TABLE.read_text(), re.M)
}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ANALYSIS = "000000000000.dkr.ecr.us-east-1.amazonaws.com/governance-analysis:1"
ROLE = "arn:aws:iam::000000000000:role/governance-execution"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://somewhere/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture(scope="module")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield functools.partial(
        boto3.client,
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    server.stop()


@pytest.fixture(params=["engine", "moto"])
def target(request):
    """``target.sagemaker`` and ``target.s3``: boto3's clients of the engine, then of moto."""
    name = request.node.name.replace(f"{request.param}-", "").replace(f"[{request.param}]", "")
    if request.param == "moto" and name in DIFFERENCES:
        request.node.add_marker(pytest.mark.xfail(strict=True, reason=DIFFERENCES[name]))
    client = request.getfixturevalue("client" if request.param == "engine" else "moto")
    return SimpleNamespace(sagemaker=client("sagemaker"), s3=client("s3"), client=client)


def test_every_difference_belongs_to_a_test():
    assert DIFFERENCES
    assert {name.partition("[")[0] for name in DIFFERENCES} <= {name for name in globals() if name.startswith("test_")}


@pytest.fixture
def name():
    return f"n{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(target, name):
    target.s3.create_bucket(Bucket=name)
    return name


def refused(call, **arguments):
    """The code with which the call is refused."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


# S3 ------------------------------------------------------------------------------------------------


def test_an_object_comes_back_with_its_headers(target, bucket):
    etag = target.s3.put_object(Bucket=bucket, Key="a/b c+ü", Body=b"content", ContentType="text/plain", Metadata={"who": "me"})["ETag"]
    found = target.s3.get_object(Bucket=bucket, Key="a/b c+ü")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"], found["ETag"]) == (b"content", "text/plain", {"who": "me"}, etag)
    head = target.s3.head_object(Bucket=bucket, Key="a/b c+ü")
    assert (head["ContentLength"], head["ETag"]) == (7, etag)
    assert etag == '"9a0364b9e99bb480dd25e1f0284c8555"'


@pytest.mark.parametrize("operation", ["list_objects_v2", "list_objects"])
def test_a_list_groups_and_pages(target, bucket, operation):
    for key in ("a/1", "a/2", "b", "c/1", "d"):
        target.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    keys, groups, sizes = [], [], []
    for page in target.s3.get_paginator(operation).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2}):
        keys += [o["Key"] for o in page.get("Contents", [])]
        groups += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        sizes.append(len(page.get("Contents", [])) + len(page.get("CommonPrefixes", [])))
    assert (keys, groups, sizes) == (["b", "d"], ["a/", "c/"], [2, 2])
    after = target.s3.list_objects_v2(Bucket=bucket, StartAfter="b")
    assert [o["Key"] for o in after["Contents"]] == ["c/1", "d"]


def keep_versions(target, bucket, status="Enabled"):
    target.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    assert target.s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


def listed_versions(target, bucket):
    """As ``VersionModel.listed`` has it, but with contents and markers apart, as boto3 gives them."""
    found = target.s3.list_object_versions(Bucket=bucket)
    contents = [
        (
            one["Key"],
            one["VersionId"],
            target.s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read(),
            one["IsLatest"],
        )
        for one in found.get("Versions", [])
    ]
    return contents, [(one["Key"], one["VersionId"], None, one["IsLatest"]) for one in found.get("DeleteMarkers", [])]


@pytest.mark.parametrize("seed", range(2))
def test_any_writes_and_deletions_leave_the_versions_that_are_documented(target, bucket, seed):
    choices, model = random.Random(seed), VersionModel("Enabled")
    keep_versions(target, bucket)
    for number in range(40):
        key, how = choices.choice(["a", "b/c"]), choices.random()
        known = [version for version, _ in model.keys.get(key, [])]
        if how < 0.5 or not known:
            content = str(number).encode()
            model.put(key, target.s3.put_object(Bucket=bucket, Key=key, Body=content)["VersionId"], content)
        elif how < 0.7:
            model.delete(key, target.s3.delete_object(Bucket=bucket, Key=key)["VersionId"])
        else:
            version = choices.choice(known)
            target.s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
            model.delete_version(key, version)
        if model.current(key) is None:
            assert refused(target.s3.get_object, Bucket=bucket, Key=key) == "NoSuchKey"
        else:
            assert target.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == model.current(key)
    contents, markers = listed_versions(target, bucket)
    assert contents == [one for one in model.listed() if one[2] is not None]
    assert markers == [one for one in model.listed() if one[2] is None]


def test_a_deletion_of_nothing_makes_a_marker(target, bucket):
    keep_versions(target, bucket)
    marker = target.s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert listed_versions(target, bucket) == ([], [("k", marker, None, True)])


def test_an_object_from_before_is_the_null_version(target, bucket):
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    keep_versions(target, bucket)
    second = target.s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    assert listed_versions(target, bucket) == ([("k", second, b"2", True), ("k", "null", b"1", False)], [])


def test_a_suspended_bucket_replaces_its_null_version(target, bucket):
    keep_versions(target, bucket)
    kept = target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    keep_versions(target, bucket, "Suspended")
    for content in (b"2", b"3"):
        target.s3.put_object(Bucket=bucket, Key="k", Body=content)
    assert listed_versions(target, bucket) == ([("k", "null", b"3", True), ("k", kept, b"1", False)], [])
    assert target.s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    assert listed_versions(target, bucket) == ([("k", kept, b"1", False)], [("k", "null", None, True)])


def test_a_deleted_object_says_so_with_its_marker(target, bucket):
    keep_versions(target, bucket)
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    marker = target.s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for version, status, more in ((None, 404, {}), (marker, 405, {"VersionId": marker})):
        with pytest.raises(ClientError) as error:
            target.s3.head_object(Bucket=bucket, Key="k", **more)
        answer = error.value.response["ResponseMetadata"]
        assert (answer["HTTPStatusCode"], answer["HTTPHeaders"]["x-amz-delete-marker"]) == (status, "true")
        assert answer["HTTPHeaders"]["x-amz-version-id"] == marker
        assert version is None or answer["HTTPHeaders"]["allow"] == "DELETE"


def test_a_condition_takes_a_deleted_object_for_absent(target, bucket):
    keep_versions(target, bucket)
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    assert refused(target.s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    target.s3.delete_object(Bucket=bucket, Key="k")
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert target.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_a_version_is_copied_by_its_id(target, bucket):
    keep_versions(target, bucket)
    first = target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    copied = target.s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": first})
    assert copied["CopySourceVersionId"] == first
    assert target.s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"1"


def test_a_bucket_with_versions_stays(target, bucket):
    keep_versions(target, bucket)
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    target.s3.delete_object(Bucket=bucket, Key="k")
    assert refused(target.s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"


def test_a_range_is_part_of_the_content(target, bucket):
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    found = target.s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")
    assert (found["Body"].read(), found["ContentRange"], found["ResponseMetadata"]["HTTPStatusCode"]) == (b"234", "bytes 2-4/10", 206)
    assert target.s3.get_object(Bucket=bucket, Key="k", Range="bytes=-3")["Body"].read() == b"789"
    assert refused(target.s3.get_object, Bucket=bucket, Key="k", Range="bytes=10-") == "InvalidRange"


def test_what_is_not_there_has_its_code(target, bucket):
    assert refused(target.s3.get_object, Bucket=bucket, Key="none") == "NoSuchKey"
    assert refused(target.s3.head_object, Bucket=bucket, Key="none") == "404"
    assert refused(target.s3.list_objects_v2, Bucket="no-such-bucket-anywhere") == "NoSuchBucket"
    assert refused(target.s3.put_object, Bucket="no-such-bucket-anywhere", Key="k", Body=b"") == "NoSuchBucket"
    assert refused(target.s3.abort_multipart_upload, Bucket=bucket, Key="k", UploadId="none") == "NoSuchUpload"
    target.s3.delete_object(Bucket=bucket, Key="none")


def test_a_bucket_that_holds_something_stays(target, bucket):
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refused(target.s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    deleted = target.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "none"}]})["Deleted"]
    assert sorted(entry["Key"] for entry in deleted) == ["k", "none"]
    target.s3.delete_bucket(Bucket=bucket)
    assert refused(target.s3.head_bucket, Bucket=bucket) == "404"


def test_the_first_writer_wins(target, bucket):
    etag = target.s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(target.s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert target.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_a_writer_that_saw_an_older_object_loses(target, bucket):
    etag = target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    assert refused(target.s3.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=etag) == "PreconditionFailed"


def test_a_reader_asks_for_a_version_that_it_knows(target, bucket):
    etag = target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    assert refused(target.s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == "304"
    assert refused(target.s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"') == "PreconditionFailed"


def test_a_copy_is_the_object_again(target, bucket):
    target.s3.put_object(Bucket=bucket, Key="a", Body=b"1", Metadata={"x": "y"})
    target.s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    found = target.s3.get_object(Bucket=bucket, Key="b")
    assert (found["Body"].read(), found["Metadata"]) == (b"1", {"x": "y"})
    assert refused(target.s3.copy_object, Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "none"}) == "NoSuchKey"
    assert refused(target.s3.copy_object, Bucket=bucket, Key="a", CopySource={"Bucket": bucket, "Key": "a"}) == "InvalidRequest"


def test_parts_make_one_object(target, bucket):
    where = {"Bucket": bucket, "Key": "k", "UploadId": target.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    bodies = {1: b"a" * (5 << 20), 2: b"b"}
    parts = [{"PartNumber": n, "ETag": target.s3.upload_part(**where, PartNumber=n, Body=body)["ETag"]} for n, body in bodies.items()]
    assert [part["Size"] for part in target.s3.list_parts(**where)["Parts"]] == [5 << 20, 1]
    etag = target.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})["ETag"]
    assert etag.endswith('-2"')
    assert target.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(bodies.values())


def test_parts_out_of_order_are_refused(target, bucket):
    where = {"Bucket": bucket, "Key": "k", "UploadId": target.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    body = b"a" * (5 << 20)
    parts = [{"PartNumber": n, "ETag": target.s3.upload_part(**where, PartNumber=n, Body=body)["ETag"]} for n in (1, 2)]
    assert refused(target.s3.complete_multipart_upload, **where, MultipartUpload={"Parts": parts[::-1]}) == "InvalidPartOrder"


def test_small_parts_are_refused(target, bucket):
    where = {"Bucket": bucket, "Key": "k", "UploadId": target.s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    parts = [{"PartNumber": n, "ETag": target.s3.upload_part(**where, PartNumber=n, Body=b"small")["ETag"]} for n in (1, 2)]
    assert refused(target.s3.complete_multipart_upload, **where, MultipartUpload={"Parts": parts}) == "EntityTooSmall"


def test_a_presigned_url_reads(target, bucket):
    target.s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = target.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert urllib.request.urlopen(url).read() == b"1"


def test_a_presigned_url_is_for_its_key_only(target, bucket):
    for key in ("k", "l"):
        target.s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    url = target.s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(url.replace("/k?", "/l?"))
    assert error.value.code == 403


def test_a_wrong_checksum_is_refused(target, bucket):
    assert refused(target.s3.put_object, Bucket=bucket, Key="k", Body=b"x", ChecksumCRC32="AAAAAA==") == "BadDigest"


def test_a_forged_signature_is_refused(target):
    assert refused(target.client("sagemaker", aws_secret_access_key="forged").list_models) == "InvalidSignatureException"


# models and tags -----------------------------------------------------------------------------------


def model(target, name):
    container = SPECIFICATION["Containers"][0]
    return target.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)["ModelArn"]


def test_a_model_is_described_listed_and_deleted(target, name):
    arn = model(target, name)
    found = target.sagemaker.describe_model(ModelName=name)
    assert (found["ModelArn"], found["PrimaryContainer"]["Image"], found["ExecutionRoleArn"]) == (arn, IMAGE, ROLE)
    assert isinstance(found["CreationTime"], datetime.datetime)
    (listed,) = target.sagemaker.list_models(NameContains=name)["Models"]
    assert (listed["ModelName"], listed["ModelArn"]) == (name, arn)
    target.sagemaker.delete_model(ModelName=name)
    assert target.sagemaker.list_models(NameContains=name)["Models"] == []
    assert refused(target.sagemaker.describe_model, ModelName=name) == "ValidationException"
    assert refused(target.sagemaker.delete_model, ModelName=name) == "ValidationException"


def test_a_models_name_is_used_once(target, name):
    model(target, name)
    with pytest.raises(ClientError, match=r"Cannot create already existing model \"arn:aws:sagemaker:") as error:
        model(target, name)
    assert error.value.response["Error"]["Code"] == "ValidationException"


def test_a_name_that_the_pattern_forbids_is_refused(target):
    assert refused(target.sagemaker.create_model, ModelName="no spaces", ExecutionRoleArn=ROLE) == "ValidationException"


def test_a_model_needs_a_container(target, name):
    assert refused(target.sagemaker.create_model, ModelName=name, ExecutionRoleArn=ROLE) == "ValidationException"


def test_a_role_that_nobody_can_assume_is_refused(target, name):
    role = "arn:aws:iam::000000000000:role/nobody"
    container = SPECIFICATION["Containers"][0]
    arguments = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": role}
    assert refused(target.sagemaker.create_model, **arguments) == "ValidationException"


def test_tags_come_and_go(target, name):
    arn = target.sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "a", "Value": "1"}])["ModelPackageGroupArn"]
    target.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    assert {tag["Key"]: tag["Value"] for tag in target.sagemaker.list_tags(ResourceArn=arn)["Tags"]} == {"a": "3", "b": "2"}
    target.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "none"])
    assert target.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_tags_of_what_is_not_there_are_refused(target, name):
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:model-package-group/{name}"
    assert refused(target.sagemaker.list_tags, ResourceArn=arn) == "ValidationException"


# the registry --------------------------------------------------------------------------------------


def group(target, name):
    return target.sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="d")["ModelPackageGroupArn"]


def package(target, name, **changes):
    request = {"ModelPackageGroupName": name, "InferenceSpecification": SPECIFICATION, **changes}
    return target.sagemaker.create_model_package(**request)["ModelPackageArn"]


def test_a_group_is_described_and_listed(target, name):
    arn = group(target, name)
    found = target.sagemaker.describe_model_package_group(ModelPackageGroupName=name)
    assert (found["ModelPackageGroupArn"], found["ModelPackageGroupDescription"], found["ModelPackageGroupStatus"]) == (
        arn,
        "d",
        "Completed",
    )
    (listed,) = target.sagemaker.list_model_package_groups(NameContains=name)["ModelPackageGroupSummaryList"]
    assert (listed["ModelPackageGroupName"], listed["ModelPackageGroupArn"]) == (name, arn)


def test_a_group_tells_who_made_it(target, name):
    group(target, name)
    assert target.sagemaker.describe_model_package_group(ModelPackageGroupName=name)["CreatedBy"].keys() > set()


def test_a_deleted_group_is_gone(target, name):
    group(target, name)
    target.sagemaker.delete_model_package_group(ModelPackageGroupName=name)
    assert refused(target.sagemaker.describe_model_package_group, ModelPackageGroupName=name) == "ValidationException"


def test_a_groups_name_is_used_once(target, name):
    group(target, name)
    assert refused(target.sagemaker.create_model_package_group, ModelPackageGroupName=name) == "ValidationException"


def test_a_group_with_versions_stays(target, name):
    group(target, name)
    package(target, name)
    assert refused(target.sagemaker.delete_model_package_group, ModelPackageGroupName=name) == "ConflictException"


def test_versions_count_from_one(target, name):
    group(target, name)
    arns = [package(target, name, ModelPackageDescription=str(i)) for i in (1, 2)]
    assert [arn.rpartition(f":model-package/{name}/")[2] for arn in arns] == ["1", "2"]
    found = target.sagemaker.describe_model_package(ModelPackageName=arns[1])
    assert (found["ModelPackageVersion"], found["ModelPackageGroupName"], found["ModelPackageDescription"]) == (2, name, "2")
    assert (found["ModelPackageStatus"], found["InferenceSpecification"]) == ("Completed", SPECIFICATION)
    listed = target.sagemaker.list_model_packages(ModelPackageGroupName=name, SortBy="CreationTime", SortOrder="Descending")
    assert [entry["ModelPackageVersion"] for entry in listed["ModelPackageSummaryList"]] == [2, 1]


def test_a_version_waits_for_approval(target, name):
    group(target, name)
    assert target.sagemaker.describe_model_package(ModelPackageName=package(target, name))["ModelApprovalStatus"] == "PendingManualApproval"


def test_an_approval_is_kept_and_filtered_by(target, name):
    group(target, name)
    arns = [package(target, name, ModelApprovalStatus="PendingManualApproval") for _ in range(2)]
    target.sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved", ApprovalDescription="good")
    found = target.sagemaker.describe_model_package(ModelPackageName=arns[1])
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "good")
    assert "LastModifiedTime" in found
    listed = target.sagemaker.list_model_packages(ModelPackageGroupName=name, ModelApprovalStatus="Approved")["ModelPackageSummaryList"]
    assert [entry["ModelPackageArn"] for entry in listed] == [arns[1]]


def test_metadata_is_added_to_and_taken_from(target, name):
    group(target, name)
    arn = package(target, name, CustomerMetadataProperties={"a": "1", "b": "2"})
    target.sagemaker.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"c": "3"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    assert target.sagemaker.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"] == {"b": "2", "c": "3"}


def test_a_version_that_nobody_changed_has_no_time_of_change(target, name):
    group(target, name)
    assert "LastModifiedTime" not in target.sagemaker.describe_model_package(ModelPackageName=package(target, name))


def test_a_version_of_a_group_that_is_not_there_is_refused(target, name):
    assert refused(package, target=target, name=name) == "ValidationException"


def test_a_deleted_version_is_gone(target, name):
    group(target, name)
    arn = package(target, name)
    target.sagemaker.delete_model_package(ModelPackageName=arn)
    assert refused(target.sagemaker.describe_model_package, ModelPackageName=arn) == "ValidationException"


def test_arns_name_region_and_resource(target, name):
    assert re.fullmatch(rf"arn:aws:sagemaker:us-east-1:\d{{12}}:model-package-group/{name}", group(target, name))
    assert re.fullmatch(rf"arn:aws:sagemaker:us-east-1:\d{{12}}:model-package/{name}/1", package(target, name))


# jobs ----------------------------------------------------------------------------------------------


def training(target, name, **changes):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/train/", "S3DataDistributionType": "FullyReplicated"}
    request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"num_round": "1", "objective": "binary:logistic"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{name}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return target.sagemaker.create_training_job(**{**request, **changes})["TrainingJobArn"]


def processing(target, name):
    return target.sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=ROLE,
        AppSpecification={"ImageUri": ANALYSIS, "ContainerEntrypoint": ["rebalance"]},
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
        Environment={"A": "b"},
    )["ProcessingJobArn"]


def test_a_training_job_keeps_what_it_was_given(target, bucket, name):
    arn = training(target, name)
    found = target.sagemaker.describe_training_job(TrainingJobName=name)
    assert (found["TrainingJobArn"], found["RoleArn"], found["StoppingCondition"]) == (arn, ROLE, {"MaxRuntimeInSeconds": 60})
    assert found["HyperParameters"] == {"num_round": "1", "objective": "binary:logistic"}
    assert found["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://{name}/train/"
    assert found["SecondaryStatusTransitions"][0]["Status"] == "Starting"
    (listed,) = target.sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert (listed["TrainingJobName"], listed["TrainingJobArn"]) == (name, arn)


def test_a_new_training_job_is_in_progress(target, bucket, name):
    training(target, name)
    assert target.sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"


def test_a_training_job_without_data_fails_and_says_why(target, bucket, name):
    training(target, name)
    for _ in range(1200):
        found = target.sagemaker.describe_training_job(TrainingJobName=name)
        if found["TrainingJobStatus"] != "InProgress":
            break
        time.sleep(0.05)
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("ClientError: ")


def test_a_training_jobs_name_is_used_once(target, bucket, name):
    training(target, name)
    assert refused(training, target=target, name=name) == "ResourceInUse"


def test_a_missing_training_job_is_a_validation_error(target, name):
    assert refused(target.sagemaker.describe_training_job, TrainingJobName=name) == "ValidationException"


def test_a_processing_job_keeps_what_it_was_given(target, name):
    arn = processing(target, name)
    found = target.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert (found["ProcessingJobArn"], found["RoleArn"], found["AppSpecification"]["ImageUri"]) == (arn, ROLE, ANALYSIS)
    (listed,) = target.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert (listed["ProcessingJobName"], listed["ProcessingJobArn"]) == (name, arn)


def test_a_processing_job_keeps_its_environment(target, name):
    processing(target, name)
    assert target.sagemaker.describe_processing_job(ProcessingJobName=name)["Environment"] == {"A": "b"}


def test_a_processing_jobs_name_is_used_once(target, name):
    processing(target, name)
    assert refused(processing, target=target, name=name) == "ResourceInUse"


def test_a_missing_processing_job_is_a_validation_error(target, name):
    assert refused(target.sagemaker.describe_processing_job, ProcessingJobName=name) == "ValidationException"


# experiments ---------------------------------------------------------------------------------------


def test_a_trial_belongs_to_an_experiment_and_has_components(target, name):
    experiment = target.sagemaker.create_experiment(ExperimentName=name)["ExperimentArn"]
    trial = target.sagemaker.create_trial(TrialName=name, ExperimentName=name)["TrialArn"]
    component = target.sagemaker.create_trial_component(TrialComponentName=name, DisplayName="shown")["TrialComponentArn"]
    assert target.sagemaker.describe_experiment(ExperimentName=name)["ExperimentArn"] == experiment
    assert target.sagemaker.describe_trial(TrialName=name)["ExperimentName"] == name
    target.sagemaker.associate_trial_component(TrialComponentName=name, TrialName=name)
    listed = target.sagemaker.list_trial_components(TrialName=name)["TrialComponentSummaries"]
    assert [entry["TrialComponentArn"] for entry in listed] == [component]
    assert [entry["TrialArn"] for entry in target.sagemaker.list_trials(ExperimentName=name)["TrialSummaries"]] == [trial]
    target.sagemaker.disassociate_trial_component(TrialComponentName=name, TrialName=name)
    assert target.sagemaker.list_trial_components(TrialName=name)["TrialComponentSummaries"] == []
    target.sagemaker.delete_trial_component(TrialComponentName=name)
    target.sagemaker.delete_trial(TrialName=name)
    target.sagemaker.delete_experiment(ExperimentName=name)
    assert name not in [entry["ExperimentName"] for entry in target.sagemaker.list_experiments(MaxResults=100)["ExperimentSummaries"]]


def test_a_component_keeps_parameters_and_status(target, name):
    target.sagemaker.create_trial_component(
        TrialComponentName=name, Parameters={"eta": {"NumberValue": 0.5}}, Status={"PrimaryStatus": "InProgress"}
    )
    target.sagemaker.update_trial_component(TrialComponentName=name, Status={"PrimaryStatus": "Completed"})
    found = target.sagemaker.describe_trial_component(TrialComponentName=name)
    assert (found["Parameters"], found["Status"]["PrimaryStatus"]) == ({"eta": {"NumberValue": 0.5}}, "Completed")


def test_an_experiment_with_trials_stays(target, name):
    target.sagemaker.create_experiment(ExperimentName=name)
    target.sagemaker.create_trial(TrialName=name, ExperimentName=name)
    assert refused(target.sagemaker.delete_experiment, ExperimentName=name) == "ValidationException"


def test_a_trial_of_an_experiment_that_is_not_there_is_refused(target, name):
    assert refused(target.sagemaker.create_trial, TrialName=name, ExperimentName=name) == "ResourceNotFound"


def test_an_experiments_name_is_used_once(target, name):
    target.sagemaker.create_experiment(ExperimentName=name)
    assert refused(target.sagemaker.create_experiment, ExperimentName=name) == "ValidationException"


@pytest.mark.parametrize("what", ["experiment", "trial", "trial_component"])
def test_what_an_experiment_lacks_is_not_found(target, name, what):
    argument = {"".join(part.title() for part in what.split("_")) + "Name": name}
    assert refused(getattr(target.sagemaker, f"describe_{what}"), **argument) == "ResourceNotFound"


# model cards, tuning jobs, search ------------------------------------------------------------------

CONTENT = '{"model_overview": {"model_description": "d"}}'


def test_a_model_card_has_versions(target, name):
    arn = target.sagemaker.create_model_card(ModelCardName=name, Content=CONTENT, ModelCardStatus="Draft")["ModelCardArn"]
    assert target.sagemaker.update_model_card(ModelCardName=name, Content="{}")["ModelCardArn"] == arn
    found = target.sagemaker.describe_model_card(ModelCardName=name)
    assert (found["Content"], found["ModelCardStatus"], found["ModelCardVersion"]) == ("{}", "Draft", 2)
    assert target.sagemaker.describe_model_card(ModelCardName=name, ModelCardVersion=1)["Content"] == CONTENT
    listed = target.sagemaker.list_model_card_versions(ModelCardName=name)["ModelCardVersionSummaryList"]
    assert sorted(entry["ModelCardVersion"] for entry in listed) == [1, 2]
    assert [entry["ModelCardName"] for entry in target.sagemaker.list_model_cards(NameContains=name)["ModelCardSummaries"]] == [name]


def test_a_model_cards_name_is_used_once(target, name):
    card = {"ModelCardName": name, "Content": CONTENT, "ModelCardStatus": "Draft"}
    target.sagemaker.create_model_card(**card)
    assert refused(target.sagemaker.create_model_card, **card) == "ConflictException"


def test_a_model_card_that_is_not_there_is_not_found(target, name):
    assert refused(target.sagemaker.describe_model_card, ModelCardName=name) == "ResourceNotFound"


def test_a_model_cards_content_follows_the_schema(target, name):
    card = {"ModelCardName": name, "Content": '{"model_overview": 1}', "ModelCardStatus": "Draft"}
    assert refused(target.sagemaker.create_model_card, **card) == "ValidationException"


def tuning(target, name):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/train/", "S3DataDistributionType": "FullyReplicated"}
    return target.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "6"}]},
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {"num_round": "1"},
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": ROLE,
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{name}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    )["HyperParameterTuningJobArn"]


def test_a_tuning_job_keeps_what_it_was_given(target, name):
    arn = tuning(target, name)
    found = target.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert (found["HyperParameterTuningJobArn"], found["HyperParameterTuningJobConfig"]["Strategy"]) == (arn, "Random")
    assert found["TrainingJobDefinition"]["StaticHyperParameters"]["num_round"] == "1"
    listed = target.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)["HyperParameterTuningJobSummaries"]
    assert [entry["HyperParameterTuningJobArn"] for entry in listed] == [arn]


def test_a_new_tuning_job_is_in_progress(target, name):
    tuning(target, name)
    found = target.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert found["HyperParameterTuningJobStatus"] == "InProgress"


def test_a_tuning_jobs_name_is_used_once(target, name):
    tuning(target, name)
    assert refused(tuning, target=target, name=name) == "ResourceInUse"


def test_a_search_finds_by_a_property(target, name):
    group(target, name)
    for status in ("Approved", "Rejected"):
        package(target, name, ModelApprovalStatus=status)
    filters = [
        {"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": name},
        {"Name": "ModelApprovalStatus", "Operator": "Equals", "Value": "Approved"},
    ]
    found = target.sagemaker.search(Resource="ModelPackage", SearchExpression={"Filters": filters})["Results"]
    assert [entry["ModelPackage"]["ModelPackageVersion"] for entry in found] == [1]


# pages ---------------------------------------------------------------------------------------------

LISTS = {
    "list_models": ("Models", "ModelName", model),
    "list_model_package_groups": ("ModelPackageGroupSummaryList", "ModelPackageGroupName", group),
    "list_training_jobs": ("TrainingJobSummaries", "TrainingJobName", training),
    "list_processing_jobs": ("ProcessingJobSummaries", "ProcessingJobName", processing),
}


@pytest.mark.parametrize("operation", LISTS)
def test_pages_hold_each_once_and_in_order(target, name, operation):
    result, member, make = LISTS[operation]
    names = [f"{name}-{i}" for i in range(5)]
    for one in names:
        make(target, one)
    pages = list(
        target.sagemaker.get_paginator(operation).paginate(
            NameContains=name, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
        )
    )
    assert [[entry[member] for entry in page[result]] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_a_token_of_another_order_is_refused(target, name):
    for i in range(3):
        model(target, f"{name}-{i}")
    asked = {"NameContains": name, "MaxResults": 2, "SortBy": "Name", "SortOrder": "Ascending"}
    token = target.sagemaker.list_models(**asked)["NextToken"]
    for change in ({"SortOrder": "Descending"}, {"SortBy": "CreationTime"}, {"NameContains": "n"}):
        assert refused(target.sagemaker.list_models, **{**asked, **change, "NextToken": token}) == "ValidationException"
    (entry,) = target.sagemaker.list_models(**{**asked, "MaxResults": 5, "NextToken": token})["Models"]
    assert entry["ModelName"] == f"{name}-2"


def test_a_token_that_nobody_gave_is_refused(target):
    assert refused(target.sagemaker.list_models, NextToken="made-up") == "ValidationException"


def test_more_than_a_hundred_a_page_is_refused(target):
    assert refused(target.sagemaker.list_models, MaxResults=101) == "ValidationException"
