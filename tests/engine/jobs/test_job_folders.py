"""A job reads its inputs and writes its outputs, and no name that a caller gives leads anywhere else."""

import io
import json
import os
import tarfile
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from core.analysis.explanations import xgboost_model
from engine.jobs.workers import job_files

IMAGES = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::000000000000:role/governance-execution"
OUTSIDE = "led-out"
FINAL = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module")
def bucket(client):
    client("s3").create_bucket(Bucket="folders")
    client("s3").put_object(Bucket="folders", Key="data/data.csv", Body=b"LABEL,x\n0,1\n1,2\n")
    client("s3").put_object(Bucket="folders", Key="m/model.tar.gz", Body=model_archive())
    client("sagemaker").create_model(
        ModelName="folders",
        PrimaryContainer={"Image": f"{IMAGES}/sagemaker-xgboost:1.7-1", "ModelDataUrl": "s3://folders/m/model.tar.gz"},
        ExecutionRoleArn=ROLE,
    )
    return "folders"


@pytest.fixture(autouse=True)
def _nothing_leaves_the_workspace(engine_workspace):
    """Beside the workspace and in it, each test leaves what it found; a job's folder goes with the job."""

    def names():
        beside = {name for name in os.listdir(engine_workspace.parent) if not name.startswith("test_")}  # pytest's own
        return beside, set(os.listdir(engine_workspace)) | {"jobs", "tables"}

    before = names()
    yield
    assert names() == before
    below = [name for _, folders, files in os.walk(engine_workspace) for name in folders + files]  # a folder may go meanwhile
    assert [name for name in below if OUTSIDE in name] == []
    deadline = time.monotonic() + 180
    while files := [file for _, _, files in os.walk(engine_workspace / "jobs") for file in files]:  # removed after the job's end
        assert time.monotonic() < deadline, files
        time.sleep(0.05)


def source(uri, kind="S3Prefix", path="/opt/ml/processing/input/data"):
    return {"S3Uri": uri, "S3DataType": kind, "S3InputMode": "File", "LocalPath": path}


def processing(inputs, outputs=(), image="governance-analysis:1", entry=("rebalance",)):
    """A processing job's request; ``inputs``: name -> S3Input."""
    return {
        "ProcessingJobName": f"folders-{uuid.uuid4().hex[:8]}",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": f"{IMAGES}/{image}", **({"ContainerEntrypoint": list(entry)} if entry else {})},
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
        "ProcessingInputs": [{"InputName": name, "S3Input": entry} for name, entry in inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [
                {"OutputName": f"o{i}", "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}}
                for i, (uri, path) in enumerate(outputs)
            ]
        },
    }


def training(bucket, channels, output=None):
    """A training job's request; ``channels``: name -> S3 URI."""
    return {
        "TrainingJobName": f"folders-{uuid.uuid4().hex[:8]}",
        "AlgorithmSpecification": {"TrainingImage": f"{IMAGES}/sagemaker-xgboost:1.7-1", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {"num_round": "1", "objective": "binary:logistic"},
        "InputDataConfig": [
            {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
            for name, uri in channels.items()
        ],
        "OutputDataConfig": {"S3OutputPath": output or f"s3://{bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def ended(sagemaker, request):
    """The job of this request, at its end."""
    kind = "training" if "TrainingJobName" in request else "processing"
    prefix = f"{kind.title()}Job"
    getattr(sagemaker, f"create_{kind}_job")(**request)
    deadline = time.monotonic() + 180
    while True:
        job = getattr(sagemaker, f"describe_{kind}_job")(**{f"{prefix}Name": request[f"{prefix}Name"]})
        if job[f"{prefix}Status"] in FINAL:
            return job
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", [".", "..", "...."])
def test_a_channel_is_called_like_a_folder(client, bucket, name):
    with pytest.raises(ClientError, match="does not name a folder"):
        client("sagemaker").create_training_job(**training(bucket, {name: f"s3://{bucket}/data/"}))


@pytest.mark.parametrize("name", [f"../{OUTSIDE}", f"/{OUTSIDE}", f"a/{OUTSIDE}", "a\x00b"])
def test_a_channels_name_holds_no_path(client, bucket, name):
    with pytest.raises(ClientError, match="regular expression"):
        client("sagemaker").create_training_job(**training(bucket, {name: f"s3://{bucket}/data/"}))


PATHS = [
    "/etc",
    "relative",
    "/opt/ml/../../../etc",
    f"/opt/ml/processing/../../../{OUTSIDE}",
    f"/opt/mlx/{OUTSIDE}",
    f"//opt/ml/{OUTSIDE}",
    f"/opt/./../{OUTSIDE}",
    f"/opt/ml/a\x00/{OUTSIDE}",
    "/opt/ml",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_local_path_lies_below_the_containers_folder(client, bucket, path):
    given = processing({"data": source(f"s3://{bucket}/data/", path=path)})
    taken = processing({"data": source(f"s3://{bucket}/data/")}, [(f"s3://{bucket}/out", path)])
    for request in (given, taken):
        with pytest.raises(ClientError) as error:
            client("sagemaker").create_processing_job(**request)
        assert error.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    "key", [f"../../../../{OUTSIDE}", f"a/../../../../../{OUTSIDE}", "..", "../data.csv", f"a/{'x' * 300}/{OUTSIDE}", "data.csv/a"]
)
def test_a_key_that_names_no_file_of_the_input_fails_the_job(client, bucket, key):
    prefix = f"keys-{uuid.uuid4().hex[:8]}/"
    for name in (key, "data.csv"):
        client("s3").put_object(Bucket=bucket, Key=prefix + name, Body=b"1,2\n0,3\n")
    job = ended(client("sagemaker"), training(bucket, {"train": f"s3://{bucket}/{prefix}"}))
    assert job["FailureReason"].startswith("ClientError: Data download failed: ")


def test_keys_with_many_slashes_stay_below_the_input(client, bucket):
    client("s3").put_object(Bucket=bucket, Key=f"slashes///tmp/{OUTSIDE}.csv", Body=b"1,2\n0,3\n")
    assert ended(client("sagemaker"), training(bucket, {"train": f"s3://{bucket}/slashes/"}))["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    "manifest",
    [
        [{"prefix": "s3://folders/data/"}, f"../../../../{OUTSIDE}"],
        [{"prefix": "file:///etc/"}, "passwd"],
        [{"prefix": "/etc/"}, "passwd"],
        [{"prefix": "s3://folders/data/"}, {"a": 1}],
        [],
        {"prefix": 1},
        "[" * 100_000,
    ],
)
def test_a_manifest_names_objects_and_nothing_else(client, bucket, manifest):
    body = manifest if isinstance(manifest, str) else json.dumps(manifest)
    client("s3").put_object(Bucket=bucket, Key="manifest.json", Body=body.encode())
    job = ended(client("sagemaker"), processing({"data": source(f"s3://{bucket}/manifest.json", "ManifestFile")}))
    assert job["FailureReason"].startswith("ClientError: ")


@pytest.mark.parametrize(
    "change",
    [
        {"dataset_uri": "/../../../keys.json"},
        {"dataset_uri": "../../../../keys.json"},
        {"methods": {"shap": {"baseline": "file:///../../../keys.json"}}},
        {"methods": {"shap": {"baseline": "../../../keys.json"}}},
    ],
)
def test_an_analysis_reads_no_file_outside_its_folder(client, bucket, change):
    """keys.json of the workspace lies three folders above a job's own."""
    config = {
        "dataset_type": "text/csv",
        "label": "LABEL",
        "label_values_or_threshold": [0],
        "facet": [{"name_or_index": "x", "value_or_threshold": [1]}],
        "predictor": {"model_name": "folders"},
        "methods": {"pre_training_bias": {}},
        **change,
    }
    client("s3").put_object(Bucket=bucket, Key="analysis_config.json", Body=json.dumps(config).encode())
    inputs = {
        "analysis_config": source(f"s3://{bucket}/analysis_config.json", path="/opt/ml/processing/input/config"),
        "dataset": source(f"s3://{bucket}/data/"),
    }
    job = ended(client("sagemaker"), processing(inputs, image="sagemaker-clarify-processing:1.0", entry=()))
    assert "does not name a file of this job" in job["ExitMessage"]


def model_archive():
    """A model.tar.gz of one tree over one feature."""
    import numpy as np
    import xgboost

    x = np.arange(8.0).reshape(-1, 1)
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(x, label=x[:, 0] > 3, feature_names=["x"]), 1)
    return tar_of([(tarfile.TarInfo("xgboost-model"), bytes(booster.save_raw("ubj")))])


def tar_of(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def linked(kind, target):
    member = tarfile.TarInfo("xgboost-model")
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "archive",
    [
        tar_of([(linked(tarfile.SYMTYPE, "/etc/passwd"), b"")]),
        tar_of([(linked(tarfile.LNKTYPE, "../../../keys.json"), b"")]),
        tar_of([(linked(tarfile.CHRTYPE, ""), b"")]),
        tar_of([(tarfile.TarInfo(f"../../{OUTSIDE}/xgboost-model"), b"no model")]),
        b"no archive",
        b"",
    ],
)
def test_an_archive_is_read_and_never_unpacked(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(xgboost_model.ModelError):
        xgboost_model.load_booster(archive)
    assert list(tmp_path.iterdir()) == []


def test_an_archive_of_a_model_too_large_for_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(xgboost_model, "MAX_MODEL_BYTES", 100)
    with pytest.raises(xgboost_model.ModelError, match="would be 101 bytes"):
        xgboost_model.load_booster(tar_of([(tarfile.TarInfo("xgboost-model"), b"x" * 101)]))


def test_links_in_an_output_are_not_followed(client, bucket, tmp_path):
    output, elsewhere = tmp_path / "output", tmp_path / "elsewhere"
    output.mkdir()
    elsewhere.mkdir()
    (elsewhere / "secret").write_text("s")
    (output / "own").write_text("o")
    (output / "link").symlink_to(elsewhere / "secret")
    (output / "folder").symlink_to(elsewhere)
    job_files.upload_folder(client("s3"), output, f"s3://{bucket}/links")
    assert [o["Key"] for o in client("s3").list_objects_v2(Bucket=bucket, Prefix="links")["Contents"]] == ["links/own"]
    with tarfile.open(fileobj=io.BytesIO(job_files.pack_folder(output))) as tar:
        assert tar.getnames() == ["own"]


@pytest.mark.parametrize("uri", ["s3://folders/../../../out", "s3://folders//out/..", "s3://folders/%2e%2e/\u202eout"])
def test_an_output_path_is_a_key_and_no_path(client, bucket, uri):
    job = ended(client("sagemaker"), training(bucket, {"train": f"s3://{bucket}/data/data.csv"}, uri))
    assert job["TrainingJobStatus"] == "Failed"  # the header row
    client("s3").put_object(Bucket=bucket, Key="clean/data.csv", Body=b"1,2\n0,3\n")
    job = ended(client("sagemaker"), training(bucket, {"train": f"s3://{bucket}/clean/"}, uri))
    assert job["TrainingJobStatus"] == "Completed"
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://folders/")
    assert client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 0


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "/etc/passwd", "https://folders/x", "s3:///etc"])
def test_what_is_no_s3_uri_is_refused(client, bucket, uri):
    requests = [training(bucket, {"train": uri}), training(bucket, {"train": f"s3://{bucket}/data/"}, uri)]
    for request in requests:
        with pytest.raises(ClientError) as error:
            client("sagemaker").create_training_job(**request)
        assert error.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError) as error:
        client("sagemaker").create_processing_job(**processing({"data": source(uri)}))
    assert error.value.response["Error"]["Code"] == "ValidationException"
