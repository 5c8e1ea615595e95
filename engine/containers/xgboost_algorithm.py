"""The built-in XGBoost algorithm's container: string hyperparameters, CSV with the label first, a line of metrics each round.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html and xgboost_hyperparameters.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn import metrics

from engine.containers import ContainerError
from engine.containers.xgboost_inputs import load_channel, parse_hyperparameters

Floats = NDArray[np.floating[Any]]

# name: (convert, lowest, highest)
CONTAINER_METRICS: dict[str, Callable[[Floats, Floats], float]] = {
    "accuracy": lambda y, p: metrics.accuracy_score(y, p > 0.5),
    "balanced_accuracy": lambda y, p: metrics.balanced_accuracy_score(y, p > 0.5),
    "f1": lambda y, p: metrics.f1_score(y, p > 0.5, average="macro"),
    "f1_binary": lambda y, p: metrics.f1_score(y, p > 0.5, average="binary"),
    "precision": lambda y, p: metrics.precision_score(y, p > 0.5, zero_division=0),
    "recall": lambda y, p: metrics.recall_score(y, p > 0.5, zero_division=0),
    "mse": lambda y, p: metrics.mean_squared_error(y, p),
}
NATIVE_METRICS = {"auc", "aucpr", "logloss", "error", "rmse", "mae"}
TABLE_CACHE_VARIABLE = "ENGINE_KEPT_TABLES"
"""The variable that names the folder in which the channels' numbers are kept from one job to the next."""
CONTAINER_HYPERPARAMETERS = {"num_round", "early_stopping_rounds", "csv_weights", "eval_metric", "_tuning_objective_metric", "_kfold"}


def main(root: Path, environment: dict[str, str]) -> None:
    """Train as the container does. Raises ContainerError for input that the user can fix."""
    opt = root / "opt/ml"
    given = json.loads((opt / "input/config/hyperparameters.json").read_text())
    hyperparameters = parse_hyperparameters(given)
    channels = json.loads((opt / "input/config/inputdataconfig.json").read_text())
    if "train" not in channels:
        raise ContainerError("the channel 'train' is required")
    weighted = hyperparameters.get("csv_weights") == 1
    keep = Path(environment[TABLE_CACHE_VARIABLE]) if TABLE_CACHE_VARIABLE in environment else None
    tables = {
        name: load_channel(
            opt / "input/data" / name, name, channels[name].get("ContentType", ""), weighted and name == "train", hyperparameters, keep
        )
        for name in ("train", "validation")
        if name in channels
    }
    if len({table.num_col() for table in tables.values()}) > 1:
        counts = ", ".join(f"{name} has {table.num_col()}" for name, table in tables.items())
        raise ContainerError(f"the channels differ in their number of feature columns: {counts}")
    native, own = requested_metrics(hyperparameters)
    parameters = {k: v for k, v in hyperparameters.items() if k not in CONTAINER_HYPERPARAMETERS}
    parameters.setdefault("objective", "reg:squarederror")
    parameters.setdefault("nthread", 1)  # the pool has one worker per core, and the model must not depend on how busy the machine is
    if native:
        parameters["eval_metric"] = native
    else:
        parameters["disable_default_eval_metric"] = 1
    history: dict[str, dict[str, list[float]]] = {}
    stop = hyperparameters.get("early_stopping_rounds")
    print(f"Train matrix has {tables['train'].num_row()} rows and {tables['train'].num_col()} columns")
    try:
        booster = xgboost.train(
            parameters,
            tables["train"],
            num_boost_round=int(hyperparameters["num_round"]),
            evals=[(table, name) for name, table in tables.items()],
            custom_metric=_container_metrics(own) if own else None,
            evals_result=history,
            verbose_eval=False,
            callbacks=[_RoundLogger(), *([_early_stopping(int(stop), own or native, native, own)] if stop else [])],
        )
    except xgboost.core.XGBoostError as error:
        raise ContainerError(f"XGBoost Error: {str(error).strip().splitlines()[0]}") from error
    target = opt / "model"
    target.mkdir(parents=True, exist_ok=True)
    (target / "xgboost-model").write_bytes(bytes(booster.save_raw("ubj")))
    (opt / "output").mkdir(parents=True, exist_ok=True)
    (opt / "output" / "evals_result.json").write_text(json.dumps(history))


class _RoundLogger(xgboost.callback.TrainingCallback):
    """Logs one line per round, in the container's format."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        figures = [f"{data}-{name}:{values[-1]:.5f}" for data, log in evals_log.items() for name, values in log.items()]
        print("\t".join([f"[{epoch}]", *figures]))
        return False


def _early_stopping(rounds: int, names: list[str], native: list[str], own: list[str]) -> Any:
    watched = (own or native)[-1]
    smaller = watched in {"logloss", "error", "rmse", "mae", "mse"}
    return xgboost.callback.EarlyStopping(rounds=rounds, metric_name=watched, maximize=not smaller, save_best=True)


def _container_metrics(names: list[str]) -> Callable[[Floats, xgboost.DMatrix], list[tuple[str, float]]]:
    def evaluate(predicted: Floats, data: xgboost.DMatrix) -> list[tuple[str, float]]:
        return [(name, float(CONTAINER_METRICS[name](data.get_label(), predicted))) for name in names]

    return evaluate


def requested_metrics(hyperparameters: dict[str, Any]) -> tuple[list[str], list[str]]:
    """(XGBoost's own metrics, the container's metrics) that are requested; without any, the objective's default."""
    asked = [name.strip() for name in str(hyperparameters.get("eval_metric", "")).strip("[]").replace("'", "").replace('"', "").split(",")]
    names = [name for name in asked if name]
    objective = hyperparameters.get("_tuning_objective_metric", "")
    if objective:
        names.append(objective.partition(":")[2])
    if not names:
        names = ["logloss" if str(hyperparameters.get("objective", "")).startswith("binary") else "rmse"]
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in NATIVE_METRICS and name not in CONTAINER_METRICS:
            raise ContainerError(f"eval_metric {name!r} is not one of {', '.join(sorted(NATIVE_METRICS | CONTAINER_METRICS.keys()))}")
    return [n for n in names if n in NATIVE_METRICS], [n for n in names if n in CONTAINER_METRICS]
