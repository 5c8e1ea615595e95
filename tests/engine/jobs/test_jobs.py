"""Jobs on the engine, by boto3: what SageMaker's own client sees of a training, tuning or processing job."""

import io
import itertools
import json
import os
import re
import signal
import tarfile
import time

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError

from engine import lifecycle
from engine.containers.xgboost_metrics import CONTAINER_METRICS, NATIVE_METRICS

pytestmark = pytest.mark.engine

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
HYPERPARAMETERS = {"objective": "binary:logistic", "num_round": "12", "max_depth": "3", "eval_metric": "auc,logloss", "seed": "1"}
FINAL = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module")
def bucket(client):
    return filled(client("s3"))


def filled(s3):
    name = "jobs-bucket"
    s3.create_bucket(Bucket=name)
    random = np.random.default_rng(3)
    x = random.normal(size=(900, 4)).round(3)
    y = (x[:, 0] + random.normal(size=900) > 0).astype(int)
    for part, rows in (("train", slice(0, 600)), ("validation", slice(600, 900))):
        body = "\n".join(",".join(map(str, [label, *row])) for label, row in zip(y[rows], x[rows].tolist(), strict=True))
        s3.put_object(Bucket=name, Key=f"{part}/data.csv", Body=body.encode())
    s3.put_object(Bucket=name, Key="words/data.csv", Body=b"1,2\n0,three\n")
    s3.put_object(Bucket=name, Key="infinite/data.csv", Body=b"1,2,0\n0,3,inf\n")
    s3.put_object(Bucket=name, Key="weights/data.csv", Body=b"1,1.0,3\n0,-2,4\n")
    return name


def channel(bucket, name, prefix=None):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{prefix or name}/", "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def common(bucket, role):
    return {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": role,
        "InputDataConfig": [channel(bucket, "train"), channel(bucket, "validation")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


@pytest.fixture(scope="module")
def sagemaker(client):
    return client("sagemaker")


@pytest.fixture(scope="module")
def request_of(client, bucket):
    role = client("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]

    def build(**changes):
        return {**common(bucket, role), "HyperParameters": HYPERPARAMETERS, **changes}

    return build


def ended(describe, field, seconds=180):
    for _ in range(seconds * 20):
        found = describe()
        if found[field] in FINAL:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not ended after {seconds} s: {found[field]}")


def trained(sagemaker, name):
    return ended(lambda: sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus")


def tuned(sagemaker, name):
    return ended(lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name), "HyperParameterTuningJobStatus")


def test_a_training_job_is_what_xgboost_itself_trains(sagemaker, client, bucket, request_of):
    sagemaker.create_training_job(TrainingJobName="plain", **request_of())
    job = trained(sagemaker, "plain")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert [t["Status"] for t in job["SecondaryStatusTransitions"]] == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{bucket}/")
    with tarfile.open(fileobj=io.BytesIO(client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())) as tar:
        assert tar.getnames() == ["xgboost-model"]
        ours = xgboost.Booster()
        ours.load_model(bytearray(tar.extractfile("xgboost-model").read()))
    tables = {
        part: np.loadtxt(io.BytesIO(client("s3").get_object(Bucket=bucket, Key=f"{part}/data.csv")["Body"].read()), delimiter=",")
        for part in ("train", "validation")
    }
    matrices = {part: xgboost.DMatrix(t[:, 1:], label=t[:, 0]) for part, t in tables.items()}
    history = {}
    theirs = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 3, "seed": 1, "eval_metric": ["auc", "logloss"]},
        matrices["train"],
        num_boost_round=12,
        evals=[(matrix, part) for part, matrix in matrices.items()],
        evals_result=history,
        verbose_eval=False,
    )
    np.testing.assert_allclose(ours.predict(matrices["validation"]), theirs.predict(matrices["validation"]), rtol=1e-5)
    final = {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}
    assert final["validation:auc"] == pytest.approx(history["validation"]["auc"][-1], abs=1e-5)
    streams = client("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="plain/")["logStreams"]
    events = client("logs").get_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[0]["logStreamName"], startFromHead=True
    )["events"]
    assert sum(event["message"].startswith("[") for event in events) == 12


def test_a_name_is_used_once(sagemaker, request_of):
    sagemaker.create_training_job(TrainingJobName="once", **request_of())
    with pytest.raises(ClientError) as error:
        sagemaker.create_training_job(TrainingJobName="once", **request_of())
    assert error.value.response["Error"]["Code"] == "ResourceInUse"
    trained(sagemaker, "once")


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("bad-eta", {"HyperParameters": {**HYPERPARAMETERS, "eta": "7"}}, "Hyperparameter eta: 7.0 is not in the range 0 to 1"),
        ("bad-name", {"HyperParameters": {**HYPERPARAMETERS, "etta": "1"}}, "Extraneous hyperparameter found: etta"),
        ("no-rounds", {"HyperParameters": {"objective": "binary:logistic"}}, "Missing required hyperparameter: num_round"),
        ("bad-metric", {"HyperParameters": {**HYPERPARAMETERS, "eval_metric": "charm"}}, "eval_metric 'charm'"),
    ],
)
def test_a_job_that_cannot_train_says_why(sagemaker, request_of, name, change, reason):
    sagemaker.create_training_job(TrainingJobName=name, **request_of(**change))
    job = trained(sagemaker, name)
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]
    assert "ModelArtifacts" not in job or not job["ModelArtifacts"].get("S3ModelArtifacts")


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("words", "AlgorithmError: channel train, file data.csv: column 2, row 2 contains 'three', which is not a number"),
        ("nothing-there", "ClientError: Data download failed: no object under"),
        ("infinite", "AlgorithmError: channel train: row 2, column 3 is infinite"),
        ("weights", "AlgorithmError: channel train: row 2 has the weight -2.0"),
    ],
)
def test_data_that_cannot_be_read_is_named(sagemaker, request_of, bucket, prefix, reason):
    hyperparameters = {**HYPERPARAMETERS, **({"csv_weights": "1"} if prefix == "weights" else {})}
    channels = [channel(bucket, "train", prefix)]
    sagemaker.create_training_job(TrainingJobName=f"data-{prefix}", **request_of(InputDataConfig=channels, HyperParameters=hyperparameters))
    job = trained(sagemaker, f"data-{prefix}")
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_an_image_that_the_engine_does_not_have_is_refused(sagemaker, request_of):
    with pytest.raises(ClientError, match="no container for the image"):
        sagemaker.create_training_job(
            TrainingJobName="x", **request_of(AlgorithmSpecification={"TrainingImage": "own:1", "TrainingInputMode": "File"})
        )


def test_a_stopped_job_is_stopped(sagemaker, request_of):
    sagemaker.create_training_job(TrainingJobName="long", **request_of(HyperParameters={**HYPERPARAMETERS, "num_round": "1000000"}))
    sagemaker.stop_training_job(TrainingJobName="long")
    assert trained(sagemaker, "long")["TrainingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="status Stopped"):
        sagemaker.stop_training_job(TrainingJobName="long")


def test_a_job_that_has_ended_can_be_deleted_and_its_name_used_again(sagemaker, request_of):
    endless = request_of(HyperParameters={**HYPERPARAMETERS, "num_round": "1000000"})
    sagemaker.create_training_job(TrainingJobName="again", **endless)
    with pytest.raises(ClientError) as error:
        sagemaker.delete_training_job(TrainingJobName="again")
    assert error.value.response["Error"]["Code"] == "ResourceInUse"
    sagemaker.stop_training_job(TrainingJobName="again")
    trained(sagemaker, "again")
    sagemaker.delete_training_job(TrainingJobName="again")
    for call, name in (
        (sagemaker.describe_hyper_parameter_tuning_job, {"HyperParameterTuningJobName": "never"}),
        (sagemaker.delete_training_job, {"TrainingJobName": "again"}),
        (sagemaker.delete_processing_job, {"ProcessingJobName": "never"}),
        (sagemaker.delete_hyper_parameter_tuning_job, {"HyperParameterTuningJobName": "never"}),
    ):
        with pytest.raises(ClientError) as error:
            call(**name)
        assert error.value.response["Error"]["Code"] == "ResourceNotFound"
    sagemaker.create_training_job(TrainingJobName="again", **request_of())
    assert trained(sagemaker, "again")["TrainingJobStatus"] == "Completed"


def test_jobs_go_on_where_a_killed_engine_left_them(tmp_path, client):
    running = lifecycle.ensure_running(tmp_path)

    def mine(service):
        keys = {"aws_access_key_id": running.access_key_id, "aws_secret_access_key": running.secret_access_key}
        return client(service, endpoint_url=running.endpoint, **keys)

    def request_of(**changes):
        role = mine("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]
        return {**common("jobs-bucket", role), "HyperParameters": {**HYPERPARAMETERS, "num_round": "150"}, **changes}

    filled(mine("s3"))
    try:
        tuning = tuning_request(request_of, "Random", jobs=6, RandomSeed=5)
        mine("sagemaker").create_hyper_parameter_tuning_job(HyperParameterTuningJobName="cut", **tuning)
        counters = "TrainingJobStatusCounters"
        while not mine("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="cut")[counters]["Completed"]:
            time.sleep(0.05)
        os.kill(json.loads((tmp_path / "engine.json").read_text())["pid"], signal.SIGKILL)
        running = lifecycle.ensure_running(tmp_path)
        assert tuned(mine("sagemaker"), "cut")[counters]["Completed"] == 6
        trials = mine("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="cut")
        assert len({str(trial["TunedHyperParameters"]) for trial in trials["TrainingJobSummaries"]}) == 6
    finally:
        lifecycle.stop(tmp_path)


def tuning_request(request_of, strategy, jobs=4, **config):
    base = request_of()
    ranges = {
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "6"}],
        "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.01", "MaxValue": "0.9", "ScalingType": "Logarithmic"}],
    }
    limits = {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": 2}
    if strategy == "Grid":
        ranges = {"CategoricalParameterRanges": [{"Name": "max_depth", "Values": ["1", "2"]}, {"Name": "eta", "Values": ["0.1", "0.3"]}]}
        limits.pop("MaxNumberOfTrainingJobs")
    static = {key: value for key, value in base.pop("HyperParameters").items() if key not in {"max_depth", "eta"}}
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": limits,
            "ParameterRanges": ranges,
            **config,
        },
        "TrainingJobDefinition": {**base, "StaticHyperParameters": static},
    }


@pytest.mark.parametrize("strategy", ["Bayesian", "Random", "Grid", "Hyperband"])
def test_every_strategy_finds_its_best_job(sagemaker, request_of, strategy):
    name = f"tune-{strategy.lower()}"
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **tuning_request(request_of, strategy))
    job = tuned(sagemaker, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed", job.get("FailureReason")
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, MaxResults=100)[
        "TrainingJobSummaries"
    ]
    assert len(trials) == job["TrainingJobStatusCounters"]["Completed"] == job["ObjectiveStatusCounters"]["Succeeded"] == 4
    values = {t["TrainingJobName"]: t["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for t in trials}
    assert job["BestTrainingJob"]["TrainingJobName"] in {n for n, v in values.items() if v == max(values.values())}
    settings = {tuple(sorted(t["TunedHyperParameters"].items())) for t in trials}
    rounds = [int(sagemaker.describe_training_job(TrainingJobName=n)["HyperParameters"]["num_round"]) for n in values]
    assert max(rounds) == 12
    assert (min(rounds) < 12) == (strategy == "Hyperband")
    if strategy == "Grid":
        assert len(settings) == 4
    for trial in trials:
        if strategy != "Grid":
            assert 1 <= int(trial["TunedHyperParameters"]["max_depth"]) <= 6
            assert 0.01 <= float(trial["TunedHyperParameters"]["eta"]) <= 0.9


def test_a_tuning_job_warm_starts_from_another_and_stops(sagemaker, request_of):
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="parent", **tuning_request(request_of, "Random", jobs=2))
    tuned(sagemaker, "parent")
    warm = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}], "WarmStartType": "TransferLearning"}
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="child", WarmStartConfig=warm, **tuning_request(request_of, "Bayesian", jobs=300)
    )
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="child")
    job = tuned(sagemaker, "child")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "1", "MaxValue": "0"}]}}, "range of eta is empty"),
        ({"ParameterRanges": {"IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "a", "MaxValue": "3"}]}}, "not of type Integer"),
        (
            {"ParameterRanges": {"ContinuousParameterRanges": [{"Name": "num_round", "MinValue": "1", "MaxValue": "3"}]}},
            "more than once: num_round",
        ),
    ],
)
def test_ranges_are_checked(sagemaker, request_of, change, words):
    with pytest.raises(ClientError, match=words):
        sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="bad", **tuning_request(request_of, "Random", **change))


def test_lists_page_and_filter(sagemaker, request_of):
    names = [f"listed-{i}" for i in range(5)]
    for name in names:
        sagemaker.create_training_job(TrainingJobName=name, **request_of(HyperParameters={**HYPERPARAMETERS, "num_round": "1"}))
    for name in names:
        trained(sagemaker, name)
    found = []
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="LISTED-", StatusEquals="Completed", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    for page in pages:
        assert len(page["TrainingJobSummaries"]) <= 2
        found += [job["TrainingJobName"] for job in page["TrainingJobSummaries"]]
    assert found == names


@pytest.mark.parametrize("path", ["/etc", "/opt/ml/processing/../../../etc", "relative"])
def test_a_processing_job_stays_in_its_own_folder(sagemaker, request_of, bucket, path):
    source = {"S3Uri": f"s3://{bucket}/train", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    with pytest.raises(ClientError, match="not below /opt/ml"):
        sagemaker.create_processing_job(
            ProcessingJobName="outside",
            RoleArn=request_of()["RoleArn"],
            AppSpecification={
                "ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/governance-analysis:latest",
                "ContainerEntrypoint": ["rebalance"],
            },
            ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
            ProcessingInputs=[{"InputName": "x", "S3Input": {**source, "LocalPath": path}}],
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 5}}, "InstanceCount must be 1, not 2"),
        ({"AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe"}}, "File or FastFile, not Pipe"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "Could not assume role arn:aws:iam::000000000000:role/nobody"),
    ],
)
def test_what_the_engine_does_not_have_is_refused_rather_than_left_out(sagemaker, request_of, change, words):
    with pytest.raises(ClientError, match=words) as error:
        sagemaker.create_training_job(TrainingJobName="refused", **request_of(**change))
    assert error.value.response["Error"]["Code"] == "ValidationException"
    definition = tuning_request(lambda: request_of(**change), "Random")
    with pytest.raises(ClientError, match=words):
        sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="refused", **definition)


def test_channels_of_one_name_or_of_another_mode_are_refused(sagemaker, request_of, bucket):
    train = channel(bucket, "train")
    files = {"FileSystemId": "fs-01234567890", "FileSystemAccessMode": "ro", "FileSystemType": "EFS", "DirectoryPath": "/"}
    for channels, words in (
        ([train, train], "more than once"),
        ([{**train, "InputMode": "Pipe"}], "not Pipe"),
        ([{"ChannelName": "train", "DataSource": {"FileSystemDataSource": files}}], "S3DataSource"),
    ):
        with pytest.raises(ClientError, match=words):
            sagemaker.create_training_job(TrainingJobName="refused", **request_of(InputDataConfig=channels))


def test_a_stopped_jobs_statuses_follow_one_another(sagemaker, request_of):
    sagemaker.create_training_job(TrainingJobName="statuses", **request_of(HyperParameters={**HYPERPARAMETERS, "num_round": "1000000"}))
    while sagemaker.describe_training_job(TrainingJobName="statuses")["SecondaryStatus"] != "Training":
        time.sleep(0.05)
    time.sleep(0.5)
    for _ in range(2):
        sagemaker.stop_training_job(TrainingJobName="statuses")
    job = trained(sagemaker, "statuses")
    steps = job["SecondaryStatusTransitions"]
    assert [step["Status"] for step in steps] == ["Starting", "Downloading", "Training", "Stopping", "Stopped"]
    assert all(before["EndTime"] == after["StartTime"] for before, after in itertools.pairwise(steps))
    assert steps[-1]["EndTime"] == job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] >= 1
    assert {metric["MetricName"] for metric in job["FinalMetricDataList"]} >= {"validation:auc", "train:auc"}


def test_a_running_job_can_have_its_profiler_turned_off_and_nothing_else_changed(sagemaker, request_of):
    sagemaker.create_training_job(TrainingJobName="updated", **request_of(HyperParameters={**HYPERPARAMETERS, "num_round": "1000000"}))
    arn = sagemaker.update_training_job(TrainingJobName="updated", ProfilerConfig={"DisableProfiler": True})["TrainingJobArn"]
    assert arn.endswith(":training-job/updated")
    job = sagemaker.describe_training_job(TrainingJobName="updated")
    assert (job["ProfilingStatus"], job["ProfilerConfig"]["DisableProfiler"]) == ("Disabled", True)
    for change, words in (
        ({"ResourceConfig": {"KeepAlivePeriodInSeconds": 60}}, "no warm pool"),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, "no remote debugger"),
        ({"ProfilerConfig": {"S3OutputPath": "s3://somewhere/out"}}, "no profiler"),
    ):
        with pytest.raises(ClientError, match=words):
            sagemaker.update_training_job(TrainingJobName="updated", **change)
    sagemaker.stop_training_job(TrainingJobName="updated")
    trained(sagemaker, "updated")
    with pytest.raises(ClientError, match="in status Stopped can't be updated"):
        sagemaker.update_training_job(TrainingJobName="updated", ProfilerConfig={"DisableProfiler": True})
    with pytest.raises(ClientError) as error:
        sagemaker.update_training_job(TrainingJobName="never", ProfilerConfig={"DisableProfiler": True})
    assert error.value.response["Error"]["Code"] == "ResourceNotFound"


def test_a_tuning_job_ends_when_its_target_is_reached(sagemaker, request_of):
    criteria = {"TargetObjectiveMetricValue": 0.5}
    request = tuning_request(request_of, "Random", jobs=100, TuningJobCompletionCriteria=criteria)
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="target", **request)
    job = tuned(sagemaker, "target")
    counters = job["TrainingJobStatusCounters"]
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert 1 <= counters["Completed"] + counters["Stopped"] <= 6
    assert counters["InProgress"] == job["ObjectiveStatusCounters"]["Pending"] == 0
    best = job["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] >= 0.5
    assert best["TunedHyperParameters"].keys() == {"max_depth", "eta"}
    assert job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] >= 0
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="target")["TrainingJobSummaries"]
    ends = (max(trial["TrainingEndTime"] for trial in trials), job["HyperParameterTuningEndTime"])
    first, last = ((end - job["CreationTime"]).total_seconds() for end in ends)
    assert first - 1 <= job["ConsumedResources"]["RuntimeInSeconds"] <= last + 1  # counted between the two, in whole seconds


def test_a_warm_start_on_the_same_data_knows_the_best_job_of_both(sagemaker, request_of):
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="first", **tuning_request(request_of, "Random", jobs=2))
    first = tuned(sagemaker, "first")
    assert "OverallBestTrainingJob" not in first
    warm = {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "first"}], "WarmStartType": "IdenticalDataAndAlgorithm"}
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="second", WarmStartConfig=warm, **tuning_request(request_of, "Random", jobs=1)
    )
    second = tuned(sagemaker, "second")
    by_job = {
        job["TrainingJobName"]: (job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"], of)
        for of, job in (("first", first["BestTrainingJob"]), ("second", second["BestTrainingJob"]))
    }
    overall = second["OverallBestTrainingJob"]
    value, of = by_job[overall["TrainingJobName"]]
    assert value == max(value for value, _ in by_job.values())
    assert overall["TuningJobName"] == of


def test_what_sagemaker_adds_to_a_request_is_described(sagemaker, request_of):
    """The SDK's tuner attaches itself to a job by these members."""
    request = tuning_request(request_of, "Grid")
    instances = request["TrainingJobDefinition"].pop("ResourceConfig") | {"VolumeSizeInGB": 7}
    request["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"] = instances
    sagemaker.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="completed", **request)
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="completed")
    config, definition = job["HyperParameterTuningJobConfig"], job["TrainingJobDefinition"]
    assert config["TrainingJobEarlyStoppingType"] == "Off"
    assert {key for key, ranges in config["ParameterRanges"].items() if not ranges} == {
        "IntegerParameterRanges",
        "ContinuousParameterRanges",
    }
    assert definition["ResourceConfig"] == instances
    assert definition["StaticHyperParameters"]["_tuning_objective_metric"] == "validation:auc"
    regexes = {metric["Name"]: metric["Regex"] for metric in definition["AlgorithmSpecification"]["MetricDefinitions"]}
    assert {name.partition(":")[2] for name in regexes} == CONTAINER_METRICS.keys() | NATIVE_METRICS
    assert re.match(regexes["validation:auc"], "[3]\ttrain-auc:0.91\tvalidation-auc:7.5e-1")[1] == "7.5e-1"
    assert set(tuned(sagemaker, "completed")["BestTrainingJob"]["TunedHyperParameters"]) == {"max_depth", "eta"}
