"""Models, model package groups and model packages, through boto3."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROLE = "arn:aws:iam::000000000000:role/governance-execution"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://somewhere/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


def source(name):
    return {"ContentType": "application/json", "S3Uri": f"s3://somewhere/{name}.json"}


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def code(error):
    return error.value.response["Error"]["Code"]


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture
def group(sagemaker):
    made = name("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=made, ModelPackageGroupDescription="of a test")
    return made


def version(sagemaker, group, **more):
    return sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION, **more)["ModelPackageArn"]


# models --------------------------------------------------------------------------------------------


def test_a_model_is_described_as_it_was_made_and_is_gone_when_deleted(sagemaker):
    made = name("model")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://somewhere/model.tar.gz", "Environment": {"KEY": "value"}}
    arn = sagemaker.create_model(ModelName=made, PrimaryContainer=container, ExecutionRoleArn=ROLE)["ModelArn"]
    found = sagemaker.describe_model(ModelName=made)
    source = {"S3Uri": "s3://somewhere/model.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip"}
    described = container | {"Mode": "SingleModel", "ModelDataSource": {"S3DataSource": source}}
    assert (found["ModelArn"], found["PrimaryContainer"], found["ExecutionRoleArn"]) == (arn, described, ROLE)
    assert found["EnableNetworkIsolation"] is False
    assert [m["ModelName"] for m in sagemaker.list_models(NameContains=made)["Models"]] == [made]
    sagemaker.delete_model(ModelName=made)
    with pytest.raises(ClientError, match="Could not find model") as error:
        sagemaker.describe_model(ModelName=made)
    assert code(error) == "ValidationException"


def test_a_models_name_is_taken_once(sagemaker):
    made = name("model")
    sagemaker.create_model(ModelName=made, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        sagemaker.create_model(ModelName=made, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE)


@pytest.mark.parametrize("containers", [{}, {"PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]}])
def test_a_model_has_one_way_of_naming_its_containers(sagemaker, containers):
    with pytest.raises(ClientError, match="PrimaryContainer") as error:
        sagemaker.create_model(ModelName=name("model"), ExecutionRoleArn=ROLE, **containers)
    assert code(error) == "ValidationException"


def test_no_model_is_made_of_a_version_that_nobody_approved(sagemaker, group):
    arn = version(sagemaker, group)
    request = {"PrimaryContainer": {"ModelPackageName": arn}, "ExecutionRoleArn": ROLE}
    with pytest.raises(ClientError, match="not Approved"):
        sagemaker.create_model(ModelName=name("model"), **request)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert sagemaker.create_model(ModelName=name("model"), **request)["ModelArn"]


# versions ------------------------------------------------------------------------------------------


def test_version_numbers_rise_and_never_come_back(sagemaker, group):
    arns = [version(sagemaker, group) for _ in range(3)]
    assert [arn.rsplit("/", 1)[1] for arn in arns] == ["1", "2", "3"]
    sagemaker.delete_model_package(ModelPackageName=arns[2])
    assert version(sagemaker, group).endswith(f"model-package/{group}/4")


def test_everything_that_a_version_is_made_with_comes_back(sagemaker, group):
    given = {
        "ModelPackageDescription": "The second model",
        "ModelApprovalStatus": "Rejected",
        "ModelMetrics": {
            "ModelQuality": {"Statistics": source("quality"), "Constraints": source("limits")},
            "Bias": {
                "Report": source("bias"),
                "PreTrainingReport": source("pre"),
                "PostTrainingReport": source("post"),
            },
            "Explainability": {"Report": source("shap")},
        },
        "DriftCheckBaselines": {"Bias": {"PreTrainingConstraints": source("drift")}},
        "MetadataProperties": {"CommitId": "abc", "Repository": "r", "GeneratedBy": "g", "ProjectId": "p"},
        "CustomerMetadataProperties": {"tier": "2"},
        "Domain": "MACHINE_LEARNING",
        "Task": "CLASSIFICATION",
        "SamplePayloadUrl": "s3://somewhere/payload.tar.gz",
        "SkipModelValidation": "All",
        "SourceUri": "s3://somewhere/source",
        "ModelLifeCycle": {"Stage": "Development", "StageStatus": "InProgress"},
    }
    arn = version(sagemaker, group, **given)
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert {key: found[key] for key in given} == given
    assert found["InferenceSpecification"] == SPECIFICATION
    assert (found["ModelPackageGroupName"], found["ModelPackageVersion"], found["ModelPackageStatus"]) == (group, 1, "Completed")
    assert found["CreatedBy"]["IamIdentity"]["Arn"].endswith(":user/governance")
    assert "LastModifiedTime" not in found
    assert sagemaker.describe_model_package(ModelPackageName=f"{group}/1")["ModelPackageArn"] == arn


def test_a_version_waits_for_approval_unless_said_otherwise(sagemaker, group):
    found = sagemaker.describe_model_package(ModelPackageName=version(sagemaker, group))
    assert (found["ModelApprovalStatus"], found["ModelPackageRegistrationType"]) == ("PendingManualApproval", "Registered")


def test_a_client_token_makes_one_version_of_a_repeated_request(sagemaker, group):
    token = uuid.uuid4().hex
    first = version(sagemaker, group, ClientToken=token)
    assert version(sagemaker, group, ClientToken=token) == first
    with pytest.raises(ClientError) as error:
        version(sagemaker, group, ClientToken=token, ModelPackageDescription="another")
    assert code(error) == "ConflictException"
    assert version(sagemaker, group).endswith("/2")


def test_an_update_changes_what_it_names_and_nothing_else(sagemaker, group):
    arn = version(sagemaker, group, CustomerMetadataProperties={"a": "1", "b": "2"}, SourceUri="s3://somewhere/source")
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="Differences are within the policy",
        CustomerMetadataProperties={"b": "3", "c": "4"},
        CustomerMetadataPropertiesToRemove=["a"],
        AdditionalInferenceSpecificationsToAdd=[{"Name": "second", "Containers": SPECIFICATION["Containers"]}],
    )
    found = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "Differences are within the policy")
    assert found["CustomerMetadataProperties"] == {"b": "3", "c": "4"}
    assert [entry["Name"] for entry in found["AdditionalInferenceSpecifications"]] == ["second"]
    assert found["SourceUri"] == "s3://somewhere/source"
    assert found["LastModifiedTime"] >= found["CreationTime"]
    assert found["LastModifiedBy"] == found["CreatedBy"]


def test_lists_filter_by_group_status_and_kind_and_page_in_order(sagemaker, group):
    arns = [version(sagemaker, group) for _ in range(5)]
    single = name("single")
    alone = sagemaker.create_model_package(ModelPackageName=single, InferenceSpecification=SPECIFICATION)["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")
    pages = list(sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group, PaginationConfig={"PageSize": 2}))
    assert [len(page["ModelPackageSummaryList"]) for page in pages] == [2, 2, 1]
    assert [entry["ModelPackageArn"] for page in pages for entry in page["ModelPackageSummaryList"]] == arns

    def listed(**filters):
        found = sagemaker.get_paginator("list_model_packages").paginate(**filters)
        return [entry["ModelPackageArn"] for page in found for entry in page["ModelPackageSummaryList"]]

    assert listed(ModelPackageGroupName=group, ModelApprovalStatus="Approved") == [arns[1]]
    assert listed(ModelPackageGroupName=group, SortOrder="Descending") == arns[::-1]
    assert alone in listed()
    assert not set(arns) & set(listed())
    assert set(arns) < set(listed(ModelPackageType="Versioned"))
    assert alone not in listed(ModelPackageType="Versioned")
    assert {*arns, alone} <= set(listed(ModelPackageType="Both"))


def test_a_made_up_token_is_refused(sagemaker):
    with pytest.raises(ClientError, match="NextToken") as error:
        sagemaker.list_model_packages(NextToken="bm90IGEgdG9rZW4=")
    assert code(error) == "ValidationException"


def test_an_unversioned_package_has_a_name_and_no_approval(sagemaker):
    single = name("single")
    request = {"ModelPackageName": single, "InferenceSpecification": SPECIFICATION}
    with pytest.raises(ClientError, match="versioned"):
        sagemaker.create_model_package(**request, ModelApprovalStatus="Approved")
    arn = sagemaker.create_model_package(**request, Tags=[{"Key": "a", "Value": "1"}])["ModelPackageArn"]
    found = sagemaker.describe_model_package(ModelPackageName=single)
    assert found["ModelPackageArn"] == arn
    assert "ModelApprovalStatus" not in found
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_model_package(**request)
    with pytest.raises(ClientError, match="versioned"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_a_batch_names_what_it_did_not_find(sagemaker, group):
    arn = version(sagemaker, group)
    lost = arn[:-1] + "99"
    answer = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, lost])
    assert answer["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert answer["BatchDescribeModelPackageErrorMap"][lost]["ErrorCode"] == "ValidationException"


# groups --------------------------------------------------------------------------------------------


def test_a_group_with_versions_is_not_deleted(sagemaker, group):
    arn = version(sagemaker, group)
    with pytest.raises(ClientError) as error:
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert code(error) == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)


def test_a_group_is_made_once_and_found_by_name_and_arn(sagemaker, group):
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    found = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert (
        sagemaker.describe_model_package_group(ModelPackageGroupName=found["ModelPackageGroupArn"])["CreationTime"] == found["CreationTime"]
    )
    (summary,) = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    assert summary["ModelPackageGroupDescription"] == "of a test"


def test_a_version_needs_a_group_that_exists(sagemaker):
    with pytest.raises(ClientError, match="does not exist") as error:
        version(sagemaker, name("nowhere"))
    assert code(error) == "ValidationException"


# tags ----------------------------------------------------------------------------------------------


def test_tags_are_added_changed_listed_and_taken_off(sagemaker, group):
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "owner", "Value": "risk"}, {"Key": "tier", "Value": "1"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "tier", "Value": "2"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "owner", "Value": "risk"}, {"Key": "tier", "Value": "2"}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["owner"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "tier", "Value": "2"}]


def test_a_version_takes_no_tags_of_its_own(sagemaker, group):
    with pytest.raises(ClientError, match="tags of its ModelPackageGroup"):
        version(sagemaker, group, Tags=[{"Key": "a", "Value": "1"}])


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": f"k{i}", "Value": ""} for i in range(51)],
        [{"Key": "same", "Value": "1"}, {"Key": "same", "Value": "2"}],
        [{"Key": "aws:mine", "Value": ""}],
    ],
)
def test_tags_beyond_the_rules_are_refused_whole(sagemaker, group, tags):
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    with pytest.raises(ClientError) as error:
        sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    assert code(error) == "ValidationException"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_nothing_is_tagged_that_is_not_there(sagemaker):
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.add_tags(ResourceArn="arn:aws:sagemaker:us-east-1:000000000000:model/none", Tags=[{"Key": "a", "Value": "1"}])


def test_a_groups_policy_is_kept_until_it_is_deleted(sagemaker, group):
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sagemaker:DescribeModelPackage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": arn}]})
    with pytest.raises(ClientError, match="Cannot find resource policy for") as error:
        sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=policy)["ModelPackageGroupArn"] == arn
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
    for call in (sagemaker.get_model_package_group_policy, sagemaker.delete_model_package_group_policy):
        with pytest.raises(ClientError, match="Cannot find resource policy for"):
            call(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="Cannot find Model Package Group"):
        sagemaker.put_model_package_group_policy(ModelPackageGroupName=name("group"), ResourcePolicy=policy)
    with pytest.raises(ClientError, match="not a policy document"):
        sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy="[1]")
