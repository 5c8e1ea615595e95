"""The workshop's page, step by step, in the SageMaker SDK v3's own classes; prints what came of it as JSON.

Runs in the SDK's own environment (requirements-v3.txt) with the engine's AWS_* variables set:
    python workshop_v3.py credit.csv
``credit.csv``: header, LABEL first, coded integers.
"""

from __future__ import annotations

import csv
import json
import random
import sys
import tarfile
import tempfile
from pathlib import Path

import boto3
from sagemaker.core import image_uris
from sagemaker.core.clarify import BiasConfig, DataConfig, ModelConfig, SageMakerClarifyProcessor, SHAPConfig
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lineage.artifact import Artifact
from sagemaker.core.lineage.association import Association
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.core.resources import Model, ModelPackage, ModelPackageGroup, TrainingJob
from sagemaker.core.shapes import (
    ContainerDefinition,
    OutputDataConfig,
)
from sagemaker.core.training.configs import Compute, InputData, StoppingCondition
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

PREFIX = "sagemaker/workshop"
BASELINE = {
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.7,
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "num_round": 20,
}


def write_rows(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def main(source: str) -> dict:
    account = boto3.client("sts").get_caller_identity()["Account"]
    region = boto3.Session().region_name
    # Named, because the SDK looks its implicit bucket up at STS's public host, whatever AWS_ENDPOINT_URL says.
    session = Session(boto3.Session(), default_bucket=f"sagemaker-{region}-{account}")
    bucket = session.default_bucket()
    role = boto3.client("iam").get_role(RoleName="governance-execution")["Role"]["Arn"]
    output = f"s3://{bucket}/{PREFIX}/output"

    # 1. Data: split, and upload as train (label first, no header) and validation.
    with open(source, newline="") as file:
        header, *rows = list(csv.reader(file))
    random.Random(42).shuffle(rows)
    cut = int(len(rows) * 0.8)
    with tempfile.TemporaryDirectory() as folder:
        train = session.upload_data(write_rows(Path(folder) / "train.csv", rows[:cut]), bucket, f"{PREFIX}/train")
        test = session.upload_data(write_rows(Path(folder) / "test.csv", rows[cut:]), bucket, f"{PREFIX}/test")
    inputs = [
        InputData(channel_name="train", data_source=train, content_type="text/csv"),
        InputData(channel_name="validation", data_source=test, content_type="text/csv"),
    ]

    # 2. The first model: ModelTrainer on the built-in XGBoost image.
    image = image_uris.retrieve("xgboost", region, version="1.7-1")

    def trainer(hyperparameters: dict, name: str) -> ModelTrainer:
        return ModelTrainer(
            sagemaker_session=session,
            role=role,
            base_job_name=name,
            training_image=image,
            compute=Compute(instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=5),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
            output_data_config=OutputDataConfig(s3_output_path=output),
            hyperparameters=hyperparameters,
        )

    first = trainer(BASELINE, "workshop-baseline")
    first.train(input_data_config=inputs, wait=True, logs=False)
    baseline_job = first._latest_training_job.training_job_name

    # 3. The second: HyperparameterTuner, and its best job.
    static = {"objective": "binary:logistic", "num_round": 20}
    tuner = HyperparameterTuner(
        trainer(static, "workshop-tuned"),
        objective_metric_name="validation:auc",
        hyperparameter_ranges={
            "max_depth": IntegerParameter(1, 10),
            "eta": ContinuousParameter(0.05, 1),
            "gamma": ContinuousParameter(0, 5),
            "alpha": ContinuousParameter(0, 2),
        },
        strategy="Bayesian",
        objective_type="Maximize",
        max_jobs=3,
        max_parallel_jobs=2,
        base_tuning_job_name="workshop-tuning",
    )
    tuner.tune(inputs=inputs, wait=True)
    tuning = tuner.describe()
    best_job = tuner.best_training_job()
    analytics = tuner.analytics().dataframe() if _has_pandas() else None

    # 4. The artifact, downloaded and opened.
    jobs = {name: TrainingJob.get(name, session=session.boto_session) for name in (baseline_job, best_job)}
    artifacts = {name: job.model_artifacts.s3_model_artifacts for name, job in jobs.items()}
    with tempfile.TemporaryDirectory() as folder:
        bucket_name, key = artifacts[best_job].removeprefix("s3://").split("/", 1)
        boto3.client("s3").download_file(bucket_name, key, f"{folder}/model.tar.gz")
        with tarfile.open(f"{folder}/model.tar.gz") as tar:
            members = tar.getnames()

    # 5. Models.
    models = {}
    for name, uri in artifacts.items():
        model = Model.create(
            model_name=f"{name[:50]}-model",
            primary_container=ContainerDefinition(image=image, model_data_url=uri),
            execution_role_arn=role,
            session=session.boto_session,
            region=region,
        )
        models[name] = model.model_name

    # 6. Lineage: the raw data as an artifact, associated with the trial component of the best job.
    raw = session.upload_data(source, bucket, f"{PREFIX}/raw")
    data = Artifact.create(artifact_name="workshop-data", source_uri=raw, artifact_type="Dataset", sagemaker_session=session)
    component = boto3.client("sagemaker").describe_trial_component(TrialComponentName=f"{best_job}-aws-training-job")
    produced = next(iter(Artifact.list(source_uri=artifacts[best_job], sagemaker_session=session)))
    Association.create(
        source_arn=data.artifact_arn,
        destination_arn=component["TrialComponentArn"],
        association_type="ContributedTo",
        sagemaker_session=session,
    )
    upstream = [a.source_arn for a in Association.list(destination_arn=produced.artifact_arn, sagemaker_session=session)]

    # 7. Clarify: bias, then SHAP.
    clarify = SageMakerClarifyProcessor(role=role, instance_count=1, instance_type="ml.m5.xlarge", sagemaker_session=session)
    model_config = ModelConfig(model_name=models[best_job], instance_type="ml.m5.xlarge", instance_count=1, accept_type="text/csv")
    bias_output, shap_output = f"s3://{bucket}/{PREFIX}/bias", f"s3://{bucket}/{PREFIX}/shap"
    clarify.run_bias(
        data_config=DataConfig(test, bias_output, label="LABEL", headers=header, dataset_type="text/csv"),
        bias_config=BiasConfig(label_values_or_threshold=[0], facet_name="SEX", facet_values_or_threshold=[1], group_name="AGE"),
        model_config=model_config,
        pre_training_methods="all",
        post_training_methods="all",
        wait=True,
        logs=False,
    )
    means = [sum(float(row[i]) for row in rows[:cut]) / cut for i in range(1, len(header))]
    clarify.run_explainability(
        data_config=DataConfig(test, shap_output, label="LABEL", headers=header, dataset_type="text/csv"),
        model_config=model_config,
        explainability_config=SHAPConfig(baseline=[means], num_samples=15, agg_method="mean_abs"),
        wait=True,
        logs=False,
    )

    def read(uri: str) -> dict:
        name, key = uri.removeprefix("s3://").split("/", 1)
        return json.loads(boto3.client("s3").get_object(Bucket=name, Key=key)["Body"].read())

    bias = read(f"{bias_output}/analysis.json")
    shap = read(f"{shap_output}/analysis.json")

    # 8. The registry: a group, and a package with its reports.
    group = "workshop-credit-default"
    ModelPackageGroup.create(model_package_group_name=group, session=session.boto_session, region=region)

    def source(uri: str) -> dict:
        return {"ContentType": "application/json", "S3Uri": uri}

    # By boto3: the SDK's ModelPackage.create reads ModelPackageName from an answer that has only the ARN (KeyError on AWS too).
    made = boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": image, "ModelDataUrl": artifacts[best_job]}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelMetrics={
            "Bias": {"Report": source(f"{bias_output}/analysis.json")},
            "Explainability": {"Report": source(f"{shap_output}/analysis.json")},
        },
        ModelApprovalStatus="PendingManualApproval",
    )
    package = ModelPackage.get(made["ModelPackageArn"], session=session.boto_session, region=region)
    boto3.client("sagemaker").update_model_package(ModelPackageArn=package.model_package_arn, ModelApprovalStatus="Rejected")
    package = ModelPackage.get(made["ModelPackageArn"], session=session.boto_session, region=region)

    counters = tuning.training_job_status_counters
    return {
        "jobs": {name: job.training_job_status for name, job in jobs.items()},
        "tuning": {"status": tuning.hyper_parameter_tuning_job_status, "completed": counters.completed, "best": best_job},
        "analytics_rows": None if analytics is None else len(analytics),
        "model_files": members,
        "upstream_of_model": upstream,
        "bias": bias,
        "shap": shap,
        "package": {"arn": package.model_package_arn, "status": package.model_approval_status},
    }


def _has_pandas() -> bool:
    try:
        import pandas  # noqa: F401
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    outcome = main(sys.argv[1])
    print("\n" + json.dumps(outcome, default=str))
