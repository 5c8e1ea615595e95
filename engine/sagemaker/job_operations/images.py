"""Which container runs an image."""

from __future__ import annotations

import re

from engine.containers import ENTRY_POINTS, OWN_REPOSITORY
from engine.errors import AWSError
from engine.store.records import Body

XGBOOST_REPOSITORY = "sagemaker-xgboost"
XGBOOST_METRICS = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "error", "f1", "f1_binary", "f1_macro", "logloss", "mae", "mape", "mphe", "mse"),
    *("precision", "precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro", "rmse", "rmsle"),
)
"""The metrics of the built-in algorithm, on validation and, but for the averages over classes, on train: a job has at most 40."""


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
            if part == "validation" or not metric.endswith(("_macro", "_micro"))
        ]
    }
