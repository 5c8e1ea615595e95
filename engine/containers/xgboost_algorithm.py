"""The built-in XGBoost algorithm's container: string hyperparameters, CSV with the label first, a line of metrics each round.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html and xgboost_hyperparameters.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import xgboost

from engine.containers import ContainerError
from engine.containers.xgboost_inputs import load_channels, parse_hyperparameters
from engine.containers.xgboost_metrics import MAXIMIZED, evaluate_container_metrics, requested_metrics

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
    keep = Path(environment[TABLE_CACHE_VARIABLE]) if TABLE_CACHE_VARIABLE in environment else None
    content_types = {name: channels[name].get("ContentType", "") for name in ("train", "validation") if name in channels}
    tables = load_channels(opt / "input/data", content_types, hyperparameters, keep)
    asked = requested_metrics(hyperparameters)
    parameters = {k: v for k, v in hyperparameters.items() if k not in CONTAINER_HYPERPARAMETERS}
    parameters.setdefault("objective", "reg:squarederror")
    parameters.setdefault("nthread", 1)  # the pool has one worker per core, and the model must not depend on how busy the machine is
    if asked.native:
        parameters["eval_metric"] = asked.native
    history: dict[str, dict[str, list[float]]] = {}
    stop = hyperparameters.get("early_stopping_rounds") if "validation" in tables else None
    print(f"Train matrix has {tables['train'].num_row()} rows and {tables['train'].num_col()} columns")
    try:
        booster = xgboost.train(
            parameters,
            tables["train"],
            num_boost_round=int(hyperparameters["num_round"]),
            evals=[(table, name) for name, table in tables.items()],
            custom_metric=evaluate_container_metrics(asked.of_container) if asked.of_container else None,
            evals_result=history,
            verbose_eval=False,
            callbacks=[_RoundLogger(), *([_early_stopping(int(stop), asked.watched)] if stop and asked.watched else [])],
        )
    except xgboost.core.XGBoostError as error:
        if "bad_alloc" in str(error):  # XGBoost's word for too little memory
            raise MemoryError(str(error)) from error
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


def _early_stopping(rounds: int, metric: str) -> xgboost.callback.EarlyStopping:
    return xgboost.callback.EarlyStopping(
        rounds=rounds, data_name="validation", metric_name=metric, maximize=metric in MAXIMIZED, save_best=True
    )
