"""Beyond a limit a client gets AWS's own error and a job its end, and the engine goes on."""

from __future__ import annotations

import os

import pytest
from botocore.exceptions import ClientError
from hosting import Host, until, workers
from workload import BUCKET, ended, fill, rebalancing, training, tuning

MB = 1024**2
WORKER = (600 + 50 * os.cpu_count()) * MB
"""What a worker needs to begin with, which grows with the threads of its libraries, and some more."""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """An engine that takes on little."""
    limits = {
        "ENGINE_REQUEST_BYTES": str(100_000),
        "ENGINE_OBJECT_BYTES": str(6 * MB),
        "ENGINE_WAITING_JOBS": "2",
        "ENGINE_TUNING_JOBS": "1",
        "ENGINE_TRIALS": "20",
        "ENGINE_WORKER_BYTES": str(WORKER),
    }
    host = Host(tmp_path_factory.mktemp("limits") / "ws", **limits)
    host.start()
    fill(host.s3)
    yield host
    host.end()


def code(call):
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"]


def test_an_object_over_the_limit_is_refused_whether_or_not_it_says_so_first(host):
    s3 = host.s3
    assert code(lambda: s3.put_object(Bucket=BUCKET, Key="big", Body=b"x" * (6 * MB + 1))) == "EntityTooLarge"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "big", "UploadId": upload}
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**where, PartNumber=n, Body=b"x" * (5 * MB))["ETag"]} for n in (1, 2)]
    assert code(lambda: s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})) == "EntityTooLarge"
    s3.abort_multipart_upload(**where)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="big")
    s3.put_object(Bucket=BUCKET, Key="exact", Body=b"x" * (6 * MB))
    assert s3.head_object(Bucket=BUCKET, Key="exact")["ContentLength"] == 6 * MB


def test_a_request_over_the_limit_is_refused(host):
    properties = {f"key-{n}": "x" * 250 for n in range(45)}
    host.sagemaker.create_model_package_group(ModelPackageGroupName="g")
    host.sagemaker.create_model_package(ModelPackageGroupName="g", SourceUri="s3://jobs/m", CustomerMetadataProperties=properties)
    content = '{"model_overview": {"model_description": "' + "x" * 100_000 + '"}}'
    call = {"ModelCardName": "c", "Content": content, "ModelCardStatus": "Draft"}
    assert code(lambda: host.sagemaker.create_model_card(**call)) == "RequestEntityTooLargeException"
    assert host.sagemaker.list_model_cards()["ModelCardSummaries"] == []


def test_a_queue_that_is_full_takes_no_more_jobs_until_one_has_ended(host):
    accepted = []
    with pytest.raises(ClientError) as error:
        for n in range(40):
            host.sagemaker.create_training_job(TrainingJobName=f"queued-{n}", **training(1_000_000))
            accepted.append(f"queued-{n}")
    assert error.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    assert "service limit" in error.value.response["Error"]["Message"]
    assert code(lambda: host.sagemaker.create_processing_job(ProcessingJobName="p", **rebalancing("p"))) == "ResourceLimitExceeded"
    names = [
        job["TrainingJobName"] for job in host.sagemaker.list_training_jobs(NameContains="queued", MaxResults=100)["TrainingJobSummaries"]
    ]
    assert sorted(names) == sorted(accepted), "a refused job has left a record"
    for name in accepted:
        host.sagemaker.stop_training_job(TrainingJobName=name)
    for name in accepted:
        assert ended(host, "training", name)["TrainingJobStatus"] == "Stopped"
    host.sagemaker.create_training_job(TrainingJobName="after", **training(2))
    assert ended(host, "training", "after")["TrainingJobStatus"] == "Completed"


def test_tuning_jobs_are_limited_in_number_and_in_size(host):
    sagemaker = host.sagemaker
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="one", **tuning(2))
    call = {"HyperParameterTuningJobName": "two", **tuning(2)}
    assert code(lambda: sagemaker.create_hyper_parameter_tuning_job(**call)) == "ResourceLimitExceeded"
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="one")
    ended(host, "tuning", "one")
    until(lambda: not workers(host.pid))
    call = {"HyperParameterTuningJobName": "big", **tuning(21)}
    assert code(lambda: sagemaker.create_hyper_parameter_tuning_job(**call)) == "ResourceLimitExceeded"
    assert sagemaker.list_hyper_parameter_tuning_jobs(NameContains="big")["HyperParameterTuningJobSummaries"] == []


def test_a_training_job_over_its_time_is_stopped_as_sagemaker_stops_it(host, survived):
    host.sagemaker.create_training_job(TrainingJobName="slow", **training(1_000_000, StoppingCondition={"MaxRuntimeInSeconds": 1}))
    job = ended(host, "training", "slow")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Training job runtime exceeded MaxRuntimeInSeconds provided"
    assert job["TrainingTimeInSeconds"] >= 1
    until(lambda: not workers(host.pid))
    survived("a job over its time")


def test_a_processing_job_over_its_time_is_stopped(host, survived):
    lines = ["label,sex,a,b,c", *(f"{n % 2},{1 + n // 2 % 2},{n},{n * 7 % 1013},{n % 97}" for n in range(200_000))]
    host.s3.put_object(Bucket=BUCKET, Key="table/data.csv", Body="\n".join(lines).encode())
    request = rebalancing("long") | {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}
    host.sagemaker.create_processing_job(ProcessingJobName="long", **request)
    job = ended(host, "processing", "long")
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in job["FailureReason"]
    assert "Contents" not in host.s3.list_objects_v2(Bucket=BUCKET, Prefix="rebalanced/long/")
    survived("a job over its time")


def test_a_job_that_needs_too_much_memory_fails_with_the_reason(host, survived):
    for part in range(WORKER // (100 * MB)):
        host.s3.put_object(Bucket=BUCKET, Key=f"greedy/{part}.csv", Body=b"1,2,3,4\n0,3,4,5\n" * (5 * MB // 16))
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/greedy/"}}
    data = [{"ChannelName": "train", "ContentType": "text/csv", "DataSource": source}]
    host.sagemaker.create_training_job(TrainingJobName="greedy", **training(2, InputDataConfig=data))
    job = ended(host, "training", "greedy")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == f"AlgorithmError: the job needs more memory than the {WORKER // MB:,} MiB of a worker, exit code: 137"
    host.sagemaker.create_training_job(TrainingJobName="modest", **training(2))
    assert ended(host, "training", "modest")["TrainingJobStatus"] == "Completed"
    survived("a job that needs too much memory")
