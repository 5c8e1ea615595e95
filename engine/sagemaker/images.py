"""Which container an image name stands for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from engine.containers import ENTRY_POINTS
from engine.context import AWSError, Context
from engine.jobs.worker import Task
from engine.sagemaker.model_packages import find_package, with_model_data_url
from engine.store.records import Body

XGBOOST_REPOSITORY = "sagemaker-xgboost"
OWN_REPOSITORY = "governance-analysis"
XGBOOST_METRICS = (
    *("auc", "aucpr", "error", "logloss", "mae", "rmse"),
    *("accuracy", "balanced_accuracy", "f1", "f1_binary", "mse", "precision", "recall"),
)
"""What the built-in algorithm measures, on train and on validation."""


def repository_name(image: str) -> str:
    """``123.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1`` -> ``sagemaker-xgboost``."""
    return re.split(r"[:@]", image.rpartition("/")[2])[0]


def find_container(kind: str, body: Body) -> str:
    """The module of ``engine.containers`` that runs this job. Raises ValidationException for an image that this engine doesn't have."""
    if kind == "training-job":
        algorithm = body["AlgorithmSpecification"]
        image = algorithm.get("TrainingImage", algorithm.get("AlgorithmName", ""))
        if repository_name(image) == XGBOOST_REPOSITORY:
            return "xgboost_algorithm"
    else:
        specification = body["AppSpecification"]
        image = specification["ImageUri"]
        entry = specification.get("ContainerEntrypoint") or [""]
        if repository_name(image) == "sagemaker-clarify-processing":
            return "aws_clarify"
        if repository_name(image) == OWN_REPOSITORY:
            if entry[-1] in ENTRY_POINTS:
                return ENTRY_POINTS[entry[-1]]
            raise AWSError("ValidationException", f"The image {image} has the entry points {sorted(ENTRY_POINTS)}, not {entry}.")
    raise AWSError("ValidationException", f"This engine has no container for the image {image!r}.")


def with_metric_definitions(algorithm: Body) -> Body:
    """An AlgorithmSpecification as SageMaker describes it: a built-in algorithm's with the definitions of its metrics."""
    if repository_name(algorithm.get("TrainingImage") or algorithm.get("AlgorithmName", "")) != XGBOOST_REPOSITORY:
        return algorithm
    number = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
    return algorithm | {
        "MetricDefinitions": [
            {"Name": f"{part}:{metric}", "Regex": rf".*\[[0-9]+\].*(?:\t|#011){part}-{metric}:{number}.*"}
            for part in ("train", "validation")
            for metric in XGBOOST_METRICS
        ]
    }


def with_model_url(context: Context, task: Task) -> Task:
    """The task with the artifact of the model that its analysis configuration names: AWS's Clarify asks a shadow endpoint of it.

    The product's own image has no such thing: like any image, it gets its model as an input.
    """
    if task.container != "aws_clarify":
        return task
    name = _predictor_model_name(context, task.body)
    if name is None:
        return task
    model = context.store.get("model", name)
    if model is None:
        return task
    given = model.get("PrimaryContainer") or model["Containers"][0]
    if given.get("ModelPackageName"):
        given = find_package(context, given["ModelPackageName"]).get("InferenceSpecification", {}).get("Containers", [given])[0]
    return replace(task, model_data_url=with_model_data_url(given).get("ModelDataUrl"))


def _predictor_model_name(context: Context, body: Body) -> str | None:
    import json

    for item in body.get("ProcessingInputs", []):
        uri = item.get("S3Input", {}).get("S3Uri", "")
        if "/input/config" in item.get("S3Input", {}).get("LocalPath", "") and uri.startswith("s3://"):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            for stored in context.objects.list_objects(bucket, prefix=key, after="", limit=10):
                if stored.key.endswith("analysis_config.json"):
                    try:
                        config: Any = json.loads(stored.path.read_text())
                    except ValueError:
                        return None
                    name = config.get("predictor", {}).get("model_name") if isinstance(config, dict) else None
                    return name if isinstance(name, str) else None
    return None
