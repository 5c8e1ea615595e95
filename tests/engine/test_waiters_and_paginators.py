"""boto3's own waiters and paginators, all that botocore has for what the engine serves: a new one without a case fails here."""

from __future__ import annotations

import json
import time

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, UnknownServiceError, WaiterError

from engine import lifecycle
from engine.wire.served_operations import OPERATIONS

pytestmark = pytest.mark.engine

IMAGES = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
BUCKET = "pages"
GROUP = "/aws/sagemaker/TrainingJobs"
TRUTHS = {"version": "v1.0", "dataset_type": "text/csv", "headers": ["y", "sex", "x"], "label": "y"}
SESSION = botocore.session.Session()
NOT_SERVED = {"ListDirectoryBuckets", "ListObjectAnnotations"}
"""Lists of S3 that the engine doesn't serve."""


def models(kind):
    """(service, name) of every paginator or waiter of an operation that the engine serves."""
    for service in sorted({service for service, _ in OPERATIONS} | {"s3"}):
        try:
            model = SESSION.get_paginator_model(service) if kind == "paginators" else SESSION.get_waiter_model(service)
        except UnknownServiceError:  # it has none
            continue
        names = model._paginator_config if kind == "paginators" else model.waiter_names
        for name in sorted(names):
            operation = name if kind == "paginators" else model.get_waiter(name).operation
            if (service, operation) in OPERATIONS or (service == "s3" and operation not in NOT_SERVED):
                yield service, name


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """Clients of an engine that holds nothing but what this module made."""
    workspace = tmp_path_factory.mktemp("pages")
    running = lifecycle.ensure_running(workspace)

    def build(service):
        return boto3.client(
            service,
            endpoint_url=running.endpoint,
            aws_access_key_id=running.access_key_id,
            aws_secret_access_key=running.secret_access_key,
            region_name=running.region,
            config=Config(retries={"total_max_attempts": 1}),
        )

    yield build
    lifecycle.stop(workspace)


@pytest.fixture(scope="module")
def role(client):
    return client("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]


@pytest.fixture(scope="module")
def train(client, role):
    """``train(name, rounds)``: start a training job; without data it fails."""
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/data.csv", Body="".join(f"{i % 2},{i % 3},{i}\n" for i in range(60)).encode())

    def start(name, rounds=2, prefix="train"):
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}/", "S3DataDistributionType": "FullyReplicated"}
        sagemaker.create_training_job(
            TrainingJobName=name, HyperParameters={"objective": "binary:logistic", "num_round": str(rounds)}, **job(role, source)
        )

    return start


def job(role, source):
    return {
        "AlgorithmSpecification": {"TrainingImage": f"{IMAGES}/sagemaker-xgboost:1.7-1", "TrainingInputMode": "File"},
        "RoleArn": role,
        "InputDataConfig": [
            {"ChannelName": n, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}} for n in ("train", "validation")
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


@pytest.fixture(scope="module")
def analyse(client, role, train):
    """``analyse(name, config)``: start a Clarify job; without a config it fails."""
    s3, sagemaker = client("s3"), client("sagemaker")
    rows = "".join(f"{i % 2},{i % 3 % 2},{i}\n" for i in range(60))
    s3.put_object(Bucket=BUCKET, Key="rows/data.csv", Body=rows.encode())
    bias = {"label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [1]}]}
    config = TRUTHS | bias | {"methods": {"pre_training_bias": {"methods": "all"}}}
    s3.put_object(Bucket=BUCKET, Key="config/analysis_config.json", Body=json.dumps(config).encode())

    def start(name, config="config"):
        inputs = [("dataset", "rows/data.csv", "data"), ("analysis_config", f"{config}/analysis_config.json", "config")]
        sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=role,
            AppSpecification={"ImageUri": f"{IMAGES}/sagemaker-clarify-processing:1.0"},
            ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
            ProcessingInputs=[
                {
                    "InputName": name,
                    "S3Input": {
                        "S3Uri": f"s3://{BUCKET}/{key}",
                        "LocalPath": f"/opt/ml/processing/input/{path}",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
                for name, key, path in inputs
            ],
            ProcessingOutputConfig={
                "Outputs": [
                    {
                        "OutputName": "analysis_result",
                        "S3Output": {
                            "S3Uri": f"s3://{BUCKET}/{name}",
                            "LocalPath": "/opt/ml/processing/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        )

    return start


# waiters -------------------------------------------------------------------------------------------

CASES = {
    "training-ends": ("sagemaker", "TrainingJobCompletedOrStopped", {"TrainingJobName": "ends"}, ""),
    "training-stopped": ("sagemaker", "TrainingJobCompletedOrStopped", {"TrainingJobName": "stopped"}, ""),
    "training-fails": (
        "sagemaker",
        "TrainingJobCompletedOrStopped",
        {"TrainingJobName": "fails"},
        'matched expected path: "Failed"',
    ),
    "training-missing": ("sagemaker", "TrainingJobCompletedOrStopped", {"TrainingJobName": "never"}, "error code: ValidationException"),
    "processing-ends": ("sagemaker", "ProcessingJobCompletedOrStopped", {"ProcessingJobName": "ends"}, ""),
    "processing-stopped": ("sagemaker", "ProcessingJobCompletedOrStopped", {"ProcessingJobName": "stopped"}, ""),
    "processing-fails": (
        "sagemaker",
        "ProcessingJobCompletedOrStopped",
        {"ProcessingJobName": "fails"},
        'matched expected path: "Failed"',
    ),
    "processing-missing": (
        "sagemaker",
        "ProcessingJobCompletedOrStopped",
        {"ProcessingJobName": "never"},
        "error code: ValidationException",
    ),
    "bucket": ("s3", "BucketExists", {"Bucket": BUCKET}, ""),
    "no-bucket": ("s3", "BucketNotExists", {"Bucket": "no-such-bucket"}, ""),
    "object": ("s3", "ObjectExists", {"Bucket": BUCKET, "Key": "train/data.csv"}, ""),
    "no-object": ("s3", "ObjectNotExists", {"Bucket": BUCKET, "Key": "never"}, ""),
    "no-object-comes": ("s3", "ObjectExists", {"Bucket": BUCKET, "Key": "never"}, "Max attempts exceeded"),
    "role": ("iam", "RoleExists", {"RoleName": "governance-execution"}, ""),
}
"""Service, waiter, arguments, and what its failure says; an empty text where it ends well."""


def test_every_waiter_has_a_case():
    assert set(models("waiters")) == {case[:2] for case in CASES.values()}


@pytest.fixture(scope="module")
def jobs(client, train, analyse):
    """Jobs of both kinds, just started: one that ends, one that fails, and one that was stopped."""
    train("ends", rounds=40)
    train("fails", prefix="nothing-there")
    train("stopped", rounds=1_000_000)
    client("sagemaker").stop_training_job(TrainingJobName="stopped")
    analyse("ends")
    analyse("fails", config="nothing-there")
    analyse("stopped")
    client("sagemaker").stop_processing_job(ProcessingJobName="stopped")


@pytest.mark.parametrize("case", CASES)
def test_a_waiter_ends_as_its_model_says(client, jobs, case):
    service, name, arguments, words = CASES[case]
    waiter = client(service).get_waiter(xform_name(name))
    settings = {"Delay": 0.2, "MaxAttempts": 300 if service == "sagemaker" else 2}
    if not words:
        waiter.wait(**arguments, WaiterConfig=settings)
        return
    with pytest.raises(WaiterError, match=words):
        waiter.wait(**arguments, WaiterConfig=settings)


# paginators ----------------------------------------------------------------------------------------

ARGUMENTS = {
    "ListRolePolicies": {"RoleName": "three"},
    "DescribeImages": {"repositoryName": "governance-analysis", "imageIds": [{"imageTag": tag} for tag in "123"]},
    "ListServiceQuotas": {"ServiceCode": "sagemaker"},
    "ListModelCardExportJobs": {"ModelCardName": "card-1"},
    "ListModelCardVersions": {"ModelCardName": "card-1"},
    "ListModelPackages": {"ModelPackageGroupName": "group-1"},
    "ListTags": {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/model-1"},
    "ListTrainingJobsForHyperParameterTuningJob": {"HyperParameterTuningJobName": "tuning-1"},
    "Search": {"Resource": "Model"},
    "DescribeLogStreams": {"logGroupName": GROUP},
    "FilterLogEvents": {"logGroupName": GROUP, "filterPattern": "train"},
    "SimulatePrincipalPolicy": {"ActionNames": ["s3:GetObject", "s3:PutObject", "sagemaker:CreateModel"]},
    "ListMultipartUploads": {"Bucket": BUCKET},
    "ListObjects": {"Bucket": BUCKET},
    "ListObjectsV2": {"Bucket": BUCKET},
    "ListObjectVersions": {"Bucket": BUCKET},
    "ListParts": {"Bucket": BUCKET, "Key": "upload-1"},
}
"""What an operation cannot be called without."""
FEWER = {"ListLineageGroups": 1, "DescribeLogGroups": 2}
"""Lists of which the engine has fewer than three entries."""


@pytest.fixture(scope="module")
def three(client, role, train, analyse, jobs):
    """Three of everything that a list shows; returns the id of an upload of three parts."""
    sagemaker, s3 = client("sagemaker"), client("s3")
    container = {"Image": f"{IMAGES}/sagemaker-xgboost:1.7-1", "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    specification = {"Containers": [container], "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/", "S3DataDistributionType": "FullyReplicated"}
    uploads = []
    trust = json.dumps({"Statement": []})
    client("iam").create_role(RoleName="three", AssumeRolePolicyDocument=trust)
    for n in "123":
        client("iam").put_role_policy(RoleName="three", PolicyName=f"policy-{n}", PolicyDocument=trust)
        sagemaker.create_model(ModelName=f"model-{n}", PrimaryContainer=container, ExecutionRoleArn=role)
        sagemaker.add_tags(ResourceArn=ARGUMENTS["ListTags"]["ResourceArn"], Tags=[{"Key": f"key-{n}", "Value": n}])
        sagemaker.create_model_package_group(ModelPackageGroupName=f"group-{n}")
        sagemaker.create_model_package(ModelPackageGroupName="group-1", InferenceSpecification=specification)
        sagemaker.create_model_card(ModelCardName=f"card-{n}", Content="{}", ModelCardStatus="Draft")
        sagemaker.update_model_card(ModelCardName="card-1", Content=json.dumps({"intended_uses": {"purpose_of_model": n}}))
        output = {"S3OutputPath": f"s3://{BUCKET}/cards"}
        sagemaker.create_model_card_export_job(ModelCardName="card-1", ModelCardExportJobName=f"export-{n}", OutputConfig=output)
        artifact = sagemaker.create_artifact(Source={"SourceUri": f"s3://{BUCKET}/{n}"}, ArtifactType="Dataset")["ArtifactArn"]
        action = sagemaker.create_action(ActionName=f"action-{n}", Source={"SourceUri": n}, ActionType="Check")["ActionArn"]
        sagemaker.create_context(ContextName=f"context-{n}", Source={"SourceUri": n}, ContextType="Project")
        sagemaker.add_association(SourceArn=artifact, DestinationArn=action, AssociationType="ContributedTo")
        sagemaker.create_experiment(ExperimentName=f"experiment-{n}")
        sagemaker.create_trial(TrialName=f"trial-{n}", ExperimentName="experiment-1")
        sagemaker.create_trial_component(TrialComponentName=f"component-{n}")
        sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=f"tuning-{n}",
            HyperParameterTuningJobConfig={
                "Strategy": "Random",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 3 if n == "1" else 1, "MaxParallelTrainingJobs": 3},
                "ParameterRanges": {"IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "9"}]},
            },
            TrainingJobDefinition={
                **job(role, source),
                "StaticHyperParameters": {"objective": "binary:logistic", "num_round": "2", "eval_metric": "auc"},
            },
        )
        s3.create_bucket(Bucket=f"{BUCKET}-{n}")
        s3.put_object(Bucket=BUCKET, Key=f"many/{n}", Body=b"")
        uploads.append(s3.create_multipart_upload(Bucket=BUCKET, Key="upload-1" if n < "3" else "upload-3")["UploadId"])
        s3.upload_part(Bucket=BUCKET, Key="upload-1", UploadId=uploads[0], PartNumber=int(n) * 3, Body=b"part")
    for name in ("TrainingJobName", "ProcessingJobName"):
        for which in ("ends", "stopped"):
            client("sagemaker").get_waiter(f"{xform_name(name[:-7])}_job_completed_or_stopped").wait(
                **{name: which}, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1800}
            )
    unfinished = {"tuning-1", "tuning-2", "tuning-3"}
    for _ in range(1800):
        summaries = sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="Completed")["HyperParameterTuningJobSummaries"]
        if {summary["HyperParameterTuningJobName"] for summary in summaries} == unfinished:
            return uploads[0]
        time.sleep(0.1)
    raise AssertionError(f"tuning jobs have not ended: {summaries}")


@pytest.mark.parametrize(("service", "operation"), models("paginators"))
def test_pages_of_one_hold_what_the_whole_list_holds(client, role, three, service, operation):
    arguments = dict(ARGUMENTS.get(operation, {}))
    arguments |= {"UploadId": three} if operation == "ListParts" else {}
    arguments |= {"PolicySourceArn": role} if operation == "SimulatePrincipalPolicy" else {}
    paginator = client(service).get_paginator(xform_name(operation))
    key = paginator.result_keys[0].expression
    whole = paginator.paginate(**arguments).build_full_result()[key]
    assert len(whole) >= FEWER.get(operation, 3)
    limit = SESSION.get_service_model(service).operation_model(operation).input_shape.members[paginator._limit_key]
    size = limit.metadata.get("min") or 1  # of tags, a page holds all that there can be
    pages = [page.get(key, []) for page in paginator.paginate(**arguments, PaginationConfig={"PageSize": size})]
    assert [len(page) for page in pages] == ([1] * len(whole) if size == 1 else [len(whole)])
    assert [item for page in pages for item in page] == whole
    some = paginator.paginate(**arguments, PaginationConfig={"PageSize": size, "MaxItems": 2}).build_full_result()
    if len(whole) > 2:
        rest = paginator.paginate(**arguments, PaginationConfig={"StartingToken": some["NextToken"]}).build_full_result()
        assert some[key] + rest[key] == whole


@pytest.mark.parametrize("operation", sorted(NOT_SERVED))
def test_a_list_that_is_not_served_says_so(client, three, operation):
    arguments = {} if operation == "ListDirectoryBuckets" else {"Bucket": BUCKET, "Key": "many/1"}
    with pytest.raises(ClientError, match="engine does not") as error:
        getattr(client("s3"), xform_name(operation))(**arguments)
    assert error.value.response["Error"]["Code"] in {"NotImplemented", "UnknownOperationException"}


def test_uploads_of_a_key_and_common_prefixes_page_together(client, three):
    s3 = client("s3")
    made = [s3.create_multipart_upload(Bucket=f"{BUCKET}-1", Key=key)["UploadId"] for key in ("a", "b/1", "b/2", "c", "c")]
    found = []
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=f"{BUCKET}-1", Delimiter="/", PaginationConfig={"PageSize": 1})
    for page in pages:
        found += [upload["UploadId"] for upload in page.get("Uploads", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
    assert found == [made[0], "b/", made[3], made[4]]
