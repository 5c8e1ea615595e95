"""Small jobs of each kind, and the data that they work on."""

from __future__ import annotations

import numpy as np
from hosting import until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ANALYSIS = "000000000000.dkr.ecr.us-east-1.amazonaws.com/governance-analysis:1"
ROLE = "arn:aws:iam::000000000000:role/governance-execution"
BUCKET = "jobs"
FINAL = {"Completed", "Failed", "Stopped"}


def fill(s3):
    s3.create_bucket(Bucket=BUCKET)
    rows = np.random.default_rng(1).normal(size=(300, 3)).round(3)
    label = (rows[:, 0] > 0).astype(int)
    lines = [f"{y},{','.join(map(str, row))}" for y, row in zip(label, rows.tolist(), strict=True)]
    s3.put_object(Bucket=BUCKET, Key="train/data.csv", Body="\n".join(lines).encode())
    groups = [f"{y},{1 + n % 2},{','.join(map(str, row))}" for n, (y, row) in enumerate(zip(label, rows.tolist(), strict=True))]
    s3.put_object(Bucket=BUCKET, Key="table/data.csv", Body="\n".join(["label,sex,a,b,c", *groups]).encode())
    config = b'{"label": "label", "favourable": 0, "facet": "sex", "facet_value": 1, "method": "random-over"}'
    s3.put_object(Bucket=BUCKET, Key="config/rebalance.json", Body=config)


def training(rounds, **changes):
    channels = [
        {
            "ChannelName": name,
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://jobs/train/"}},
        }
        for name in ("train", "validation")
    ]
    request = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": "s3://jobs/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": {"objective": "binary:logistic", "num_round": str(rounds), "max_depth": "2", "eval_metric": "auc"},
    }
    return request | changes


def tuning(trials):
    definition = training(10)
    static = {key: value for key, value in definition.pop("HyperParameters").items() if key != "max_depth"}
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.9"}]},
        },
        "TrainingJobDefinition": definition | {"StaticHyperParameters": static},
    }


def rebalancing(name):
    inputs = [
        {
            "InputName": part,
            "S3Input": {"S3Uri": f"s3://jobs/{source}", "LocalPath": f"/opt/ml/processing/input/{part}", "S3DataType": "S3Prefix"},
        }
        for part, source in (("data", "table/data.csv"), ("config", "config/rebalance.json"))
    ]
    output = {"S3Uri": f"s3://jobs/rebalanced/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}
    return {
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": ANALYSIS, "ContainerEntrypoint": ["rebalance"]},
        "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 5}},
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "result", "S3Output": output}]},
    }


def describe(host, kind, name):
    if kind == "training":
        return host.sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus"
    if kind == "tuning":
        return host.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name), "HyperParameterTuningJobStatus"
    return host.sagemaker.describe_processing_job(ProcessingJobName=name), "ProcessingJobStatus"


def ended(host, kind, name, seconds=180):
    def look():
        body, status = describe(host, kind, name)
        return body if body[status] in FINAL else None

    return until(look, seconds, f"{kind} job {name} to end")
