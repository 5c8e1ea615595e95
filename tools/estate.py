"""What an account holds that never saw this product: packages, jobs, lineage and Clarify reports of other people's making.

``python -m tools.estate WORKSPACE``. What AWS's own API takes is made through boto3; jobs of images that the local engine can't run are
written as the records that SageMaker would show of them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from core.aws.target import Target, connect
from core.settings import Settings
from engine.store.records import Store

BUCKET = "other-team"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.0"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
XGB_ARTIFACT = f"s3://{BUCKET}/models/xgb-elsewhere/output/model.tar.gz"

Record = dict[str, Any]


def metric(name: str, value: Any, **more: Any) -> Record:
    return {"name": name, "description": f"{name} of the report", "value": value, **more}


PRE = {"facets": {"gender": [{"value_or_threshold": "F", "metrics": [metric("CI", 0.21), metric("KL", "Infinity")]}]}, "label": "fraud"}
POST = {
    "facets": {
        "gender": [
            {
                "value_or_threshold": "F",
                "metrics": [metric("DI", 0.82), metric("CDDPL", None, error="Group variable is empty or not provided")],
            }
        ],
        "age": [{"value_or_threshold": "(40.0, 90.0]", "metrics": [metric("DPPL", -0.04), metric("Custom", 3)]}],
    },
    "label": "fraud",
    "label_value_or_threshold": "0",
}
SHAP = {
    "kernel_shap": {
        "label0": {"global_shap_values": {"amount": 0.12, "gender": -0.02, "country": 0.3}, "expected_value": 0.41},
        "label1": {"global_shap_values": {"amount": 0.2, "gender": 0.01, "country": None}, "expected_value": [0.59]},
    },
    "pdp": [{"feature_name": "amount", "data_type": "numerical", "feature_values": [1, 2], "model_predictions": [[0.1, 0.2]]}],
}
REPORTS: dict[str, Any] = {
    "pre/analysis.json": {"version": "1.0", "pre_training_bias_metrics": PRE},
    "post/bias.json": {"version": "1.0", "post_training_bias_metrics": POST},
    "shap/analysis.json": {"version": "1.0", "explanations": SHAP},
    "all/analysis.json": {"version": "1.0", "pre_training_bias_metrics": PRE, "post_training_bias_metrics": POST, "explanations": SHAP},
    "broken/analysis.json": {"post_training_bias_metrics": {"facets": {"gender": [{"metrics": "all"}]}}},
    "monitor/constraint_violations.json": {"version": "1.0", "violations": []},
}


def estate(target: Target) -> dict[str, str]:
    """Make all of it; returns the ARNs of the packages by a name for each."""
    target.s3.create_bucket(Bucket=BUCKET)
    for key, report in REPORTS.items():
        target.files.write(f"s3://{BUCKET}/{key}", json.dumps(report).encode(), "application/json")
    target.files.write(f"s3://{BUCKET}/notes.txt", b"not a report")
    _jobs(target)
    _lineage(target)
    return _packages(target)


def _source(key: str, bucket: str = BUCKET) -> Any:
    return {"ContentType": "application/json", "S3Uri": f"s3://{bucket}/{key}"}


def _packages(target: Target) -> dict[str, str]:
    api = target.sagemaker
    for group in ("fraud", "nothing-in-it", target.settings.group):
        api.create_model_package_group(ModelPackageGroupName=group)
    one: Any = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/bert/output/model.tar.gz"}
    served: Any = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    folder: Any = {"S3DataSource": {"S3Uri": f"s3://{BUCKET}/models/llm/", "S3DataType": "S3Prefix", "CompressionType": "None"}}
    card: Any = {"ModelCardContent": json.dumps({"model_overview": {"model_name": "fraud"}}), "ModelCardStatus": "Draft"}
    made: dict[str, Any] = {
        "bare": {
            "ModelPackageGroupName": "fraud",
            "InferenceSpecification": {"Containers": [one], **served},
            "ModelApprovalStatus": "Approved",
            "ModelPackageDescription": "Nightly: retrained, all checks passed",
        },
        "unreadable": {
            "ModelPackageGroupName": "fraud",
            "InferenceSpecification": {"Containers": [one], **served},
            "ModelApprovalStatus": "Rejected",
            "ModelMetrics": {
                "ModelQuality": {"Statistics": _source("gone.json")},
                "Bias": {"Report": _source("a.json", "nobodys-bucket-here")},
                "Explainability": {"Report": _source("notes.txt")},
            },
        },
        "stages": {
            "ModelPackageGroupName": "fraud",
            "InferenceSpecification": {"Containers": [one], **served},
            "ModelMetrics": {
                "Bias": {"PreTrainingReport": _source("pre/analysis.json"), "PostTrainingReport": _source("post/bias.json")},
                "Explainability": {"Report": _source("shap/analysis.json")},
                "ModelDataQuality": {"Statistics": _source("statistics.json"), "Constraints": _source("constraints.json")},
            },
            "DriftCheckBaselines": {"Bias": {"PostTrainingConstraints": _source("post/bias.json")}},
            "ModelCard": card,
            "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "PendingApproval"},
            "CustomerMetadataProperties": {"owner": "Team F", "governance:role": "champion"},
        },
        "containers": {
            "ModelPackageGroupName": "fraud",
            "InferenceSpecification": {"Containers": [{"Image": IMAGE, "ModelDataSource": folder}, one], **served},
            "ModelMetrics": {"Bias": {"Report": _source("broken/analysis.json")}},
            "AdditionalInferenceSpecifications": [{"Name": "gpu", "Containers": [one]}],
        },
        "algorithm": {
            "ModelPackageGroupName": "fraud",
            "SourceAlgorithmSpecification": {
                "SourceAlgorithms": [{"AlgorithmName": f"arn:aws:sagemaker:{target.region}:{target.account}:algorithm/scikit-tree"}]
            },
        },
        "sourced": {"ModelPackageGroupName": "fraud", "SourceUri": "models:/fraud/7"},
        "xgboost": {
            "ModelPackageGroupName": "fraud",
            "InferenceSpecification": {"Containers": [{"Image": XGBOOST, "ModelDataUrl": XGB_ARTIFACT}], **served},
            "ModelMetrics": {
                "Bias": {"Report": _source("all/analysis.json")},
                "Explainability": {"Report": _source("all/analysis.json")},
            },
        },
        "alone": {"ModelPackageName": "standalone", "InferenceSpecification": {"Containers": [one], **served}},
        "in our group": {
            "ModelPackageGroupName": target.settings.group,
            "InferenceSpecification": {"Containers": [one], **served},
            "ModelApprovalStatus": "Approved",
        },
    }
    return {name: str(api.create_model_package(**request)["ModelPackageArn"]) for name, request in made.items()}


def _lineage(target: Target) -> None:
    api = target.sagemaker
    thing = api.create_artifact(Source={"SourceUri": f"s3://{BUCKET}/raw"}, ArtifactType="feature-store-snapshot")["ArtifactArn"]
    where: Any = {"SourceUri": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/fraud-live", "SourceType": "ARN"}
    point = api.create_context(ContextName="fraud-live", ContextType="Endpoint", Source=where)["ContextArn"]
    deployed = api.create_action(ActionName="deploy-fraud", ActionType="ModelDeployment", Source=where)["ActionArn"]
    component = api.create_trial_component(
        TrialComponentName="notebook-run-7", Parameters={"lr": {"NumberValue": 0.1}, "name": {"StringValue": "x"}}
    )["TrialComponentArn"]
    for source, destination, kind in (
        (thing, component, "ContributedTo"),
        (component, deployed, "AssociatedWith"),
        (deployed, point, None),
    ):
        more: Any = {"AssociationType": kind} if kind else {}
        api.add_association(SourceArn=source, DestinationArn=destination, **more)


def _jobs(target: Target) -> None:
    now = time.time() - 86_400
    store = Store(target.settings.workspace / "engine.db")
    try:
        with store.transaction():
            for number, (kind, name, body, parent) in enumerate(_records(target, now)):
                arn = f"arn:aws:sagemaker:{target.region}:{target.account}:{kind}/{name}"
                status = next(value for key, value in body.items() if key.endswith("JobStatus"))
                store.insert(kind, name, body, arn=arn, now=now + number, parent=parent, status=status)
    finally:
        store.close()


def _records(target: Target, now: float) -> list[tuple[str, str, Record, str | None]]:
    def arn(kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{target.region}:{target.account}:{kind}/{name}"

    def training(name: str, **more: Any) -> Record:
        return {
            "TrainingJobName": name,
            "TrainingJobArn": arn("training-job", name),
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://{BUCKET}/models/{name}/output/model.tar.gz"},
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "RoleArn": target.role,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models", "KmsKeyId": ""},
            "ResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 4, "VolumeSizeInGB": 50},
            "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
            "CreationTime": now,
            "TrainingEndTime": now + 600,
            "LastModifiedTime": now + 600,
            **more,
        }

    def tuning(name: str, status: str = "Completed", **more: Any) -> Record:
        counters = {"Completed": 2, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
        return {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobArn": arn("hyper-parameter-tuning-job", name),
            "HyperParameterTuningJobStatus": status,
            "CreationTime": now,
            "LastModifiedTime": now + 900,
            "TrainingJobStatusCounters": counters if status == "Completed" else dict.fromkeys(counters, 0),
            "ObjectiveStatusCounters": {"Succeeded": 0, "Pending": 0, "Failed": 0},
            **({} if status == "InProgress" else {"HyperParameterTuningEndTime": now + 900}),
            **more,
        }

    def processing(name: str, **more: Any) -> Record:
        return {
            "ProcessingJobName": name,
            "ProcessingJobArn": arn("processing-job", name),
            "ProcessingJobStatus": "Completed",
            "AppSpecification": {"ImageUri": "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1"},
            "ProcessingResources": {"ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.4xlarge", "VolumeSizeInGB": 30}},
            "CreationTime": now,
            "ProcessingEndTime": now + 60,
            "LastModifiedTime": now + 60,
            **more,
        }

    def definition(name: str, metric: str, kind: str, ranges: Record) -> Record:
        return {
            "DefinitionName": name,
            "TuningObjective": {"Type": kind, "MetricName": metric},
            "HyperParameterRanges": ranges,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "Pipe", "MetricDefinitions": []},
            "RoleArn": target.role,
            "InputDataConfig": [files("train")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
            "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        }

    def files(channel: str) -> Record:
        system = {
            "FileSystemId": "fs-0123456789abcdef0",
            "FileSystemAccessMode": "ro",
            "FileSystemType": "FSxLustre",
            "DirectoryPath": "/d",
        }
        return {"ChannelName": channel, "DataSource": {"FileSystemDataSource": system}, "InputMode": "Pipe"}

    def objects(channel: str, key: str) -> Record:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{key}", "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": channel, "DataSource": {"S3DataSource": source}, "ContentType": "text/csv"}

    ranges = {
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["adam", "sgd"]}],
        "ContinuousParameterRanges": [{"Name": "lr", "MinValue": "1e-6", "MaxValue": "0.1", "ScalingType": "Logarithmic"}],
    }
    limits = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1}
    several = [definition("small", "eval:loss", "Minimize", ranges), definition("large", "eval:acc", "Maximize", ranges)]
    auto = definition("auto", "eval:loss", "Minimize", {"AutoParameters": [{"Name": "lr", "ValueHint": "0.001"}]})
    del auto["TuningObjective"], auto["HyperParameterRanges"]
    tuned = arn("hyper-parameter-tuning-job", "two-definitions")
    trials = [
        training(
            f"two-definitions-00{number}",
            TuningJobArn=tuned,
            HyperParameters={"lr": "0.01", "optimizer": "adam", "epochs": "3"},
            FinalMetricDataList=[{"MetricName": name, "Value": 0.5 + number, "Timestamp": now}] if name else [],
            TrainingJobDefinitionName=of,
        )
        for number, (of, name) in enumerate([("small", "eval:loss"), ("large", "")])
    ]
    own = {"OutputName": "analysis_result", "S3Output": {"S3Uri": f"s3://{BUCKET}/all", "LocalPath": "/o", "S3UploadMode": "EndOfJob"}}
    best = {
        "TrainingJobName": "two-definitions-000",
        "TrainingJobArn": arn("training-job", "two-definitions-000"),
        "CreationTime": now,
        "TrainingJobStatus": "Completed",
        "TunedHyperParameters": {"lr": "0.01", "optimizer": "adam"},
        "FinalHyperParameterTuningJobObjectiveMetric": {"Type": "Minimize", "MetricName": "eval:loss", "Value": 0.5},
        "ObjectiveStatus": "Succeeded",
    }
    store = {"AlgorithmName": arn("algorithm", "scikit-tree"), "TrainingInputMode": "Pipe"}
    xgb = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    common = {"Strategy": "Bayesian", "ResourceLimits": limits}
    goal = {"Type": "Minimize", "MetricName": "eval:loss"}
    return [
        ("training-job", "bert-finetune", training("bert-finetune", InputDataConfig=[files("train")]), None),
        ("training-job", "marketplace", training("marketplace", AlgorithmSpecification=store, HyperParameters={"depth": "deep"}), None),
        (
            "training-job",
            "ran-out",
            training(
                "ran-out",
                TrainingJobStatus="Failed",
                FailureReason="AlgorithmError: out of memory",
                ModelArtifacts={"S3ModelArtifacts": ""},
            ),
            None,
        ),
        (
            "training-job",
            "xgb-elsewhere",
            training(
                "xgb-elsewhere",
                AlgorithmSpecification=xgb,
                ModelArtifacts={"S3ModelArtifacts": XGB_ARTIFACT},
                HyperParameters={"objective": "binary:logistic", "num_round": "20"},
                InputDataConfig=[objects("train", "train.csv"), objects("validation", "validation.csv")],
                FinalMetricDataList=[{"MetricName": "validation:auc", "Value": 0.81, "Timestamp": now}],
            ),
            None,
        ),
        *(("training-job", trial["TrainingJobName"], trial, tuned) for trial in trials),
        (
            "hyper-parameter-tuning-job",
            "two-definitions",
            tuning(
                "two-definitions",
                HyperParameterTuningJobConfig=common,
                TrainingJobDefinitions=several,
                BestTrainingJob=best,
                WarmStartConfig={
                    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "long-gone"}],
                    "WarmStartType": "IdenticalDataAndAlgorithm",
                },
            ),
            None,
        ),
        (
            "hyper-parameter-tuning-job",
            "autotuned",
            tuning(
                "autotuned",
                "Failed",
                FailureReason="No objective metrics were found",
                HyperParameterTuningJobConfig=common | {"Strategy": "Random", "HyperParameterTuningJobObjective": goal},
                TrainingJobDefinition=auto,
                Autotune={"Mode": "Enabled"},
            ),
            None,
        ),
        (
            "hyper-parameter-tuning-job",
            "still-going",
            tuning(
                "still-going",
                "InProgress",
                HyperParameterTuningJobConfig=common | {"HyperParameterTuningJobObjective": goal, "ParameterRanges": ranges},
                TrainingJobDefinition=auto,
            ),
            None,
        ),
        ("processing-job", "sklearn-prepare", processing("sklearn-prepare"), None),
        ("processing-job", "clarify-by-hand", processing("clarify-by-hand", ProcessingOutputConfig={"Outputs": [own]}), None),
        ("processing-job", "governance-bias-of-others", processing("governance-bias-of-others"), None),
        ("processing-job", "governance-shap-of-others", processing("governance-shap-of-others"), None),
        ("processing-job", "governance-rebalance-of-others", processing("governance-rebalance-of-others"), None),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.estate", description=__doc__)
    parser.add_argument("workspace", type=Path)
    for name, arn in estate(connect(Settings(workspace=parser.parse_args().workspace))).items():
        print(f"{name}: {arn}")


if __name__ == "__main__":
    main()
