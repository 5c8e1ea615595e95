"""The built-in XGBoost algorithm's container: string hyperparameters, CSV with the label first, a line of metrics each round.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html and xgboost_hyperparameters.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray
from sklearn import metrics

from engine.containers import ContainerError, channel_cache

Floats = NDArray[np.floating[Any]]

# name: (convert, lowest, highest)
NUMERIC_HYPERPARAMETERS: dict[str, tuple[Callable[[str], float], float, float]] = {
    "num_round": (int, 1, 1_000_000),
    "early_stopping_rounds": (int, 1, 1_000_000),
    "max_depth": (int, 0, 100),
    "max_leaves": (int, 0, 1_000_000),
    "max_bin": (int, 2, 1_000_000),
    "nthread": (int, 1, 1024),
    "seed": (int, 0, 2**31 - 1),
    "num_parallel_tree": (int, 1, 10_000),
    "verbosity": (int, 0, 3),
    "csv_weights": (int, 0, 1),
    "eta": (float, 0, 1),
    "gamma": (float, 0, float("inf")),
    "alpha": (float, 0, float("inf")),
    "lambda": (float, 0, float("inf")),
    "min_child_weight": (float, 0, float("inf")),
    "max_delta_step": (float, 0, float("inf")),
    "subsample": (float, 0, 1),
    "colsample_bytree": (float, 0, 1),
    "colsample_bylevel": (float, 0, 1),
    "colsample_bynode": (float, 0, 1),
    "scale_pos_weight": (float, 0, float("inf")),
    "base_score": (float, 0, 1),
}
TEXT_HYPERPARAMETERS = {
    "booster": {"gbtree"},
    "objective": {"binary:logistic", "binary:logitraw", "reg:squarederror", "reg:logistic"},
    "tree_method": {"auto", "exact", "approx", "hist"},
    "grow_policy": {"depthwise", "lossguide"},
    "eval_metric": None,
    "_tuning_objective_metric": None,
    "_kfold": None,
}
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
    """Train as the container does. Raises ContainerError in the user's words."""
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
    parameters.setdefault("nthread", 1)  # the pool has a worker for each core; and the model doesn't depend on how busy the machine is
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
    """One line a round, in the container's form."""

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
    """(XGBoost's own metrics, the container's metrics) that are asked for; without any, those that suit the objective."""
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


def parse_hyperparameters(given: dict[str, str]) -> dict[str, Any]:
    """The hyperparameters with their types. Raises ContainerError naming the one that is missing, unknown or out of range."""
    found: dict[str, Any] = {}
    for name, text in given.items():
        if name in NUMERIC_HYPERPARAMETERS:
            convert, low, high = NUMERIC_HYPERPARAMETERS[name]
            try:
                value = convert(text)
            except ValueError as error:
                raise ContainerError(f"Hyperparameter {name}: could not parse {text!r} as {convert.__name__}") from error
            if not low <= value <= high:
                raise ContainerError(f"Hyperparameter {name}: {value} is not in the range {low} to {high}")
            found[name] = value
        elif name in TEXT_HYPERPARAMETERS:
            choices = TEXT_HYPERPARAMETERS[name]
            if choices is not None and text not in choices:
                raise ContainerError(f"Hyperparameter {name}: {text!r} is not one of {', '.join(sorted(choices))}")
            found[name] = text
        else:
            raise ContainerError(f"Extraneous hyperparameter found: {name}")
    if "num_round" not in found:
        raise ContainerError("Missing required hyperparameter: num_round")
    return found


def load_channel(
    folder: Path, channel: str, content_type: str, weighted: bool, hyperparameters: dict[str, Any], cache_folder: Path | None = None
) -> xgboost.DMatrix:
    """All CSV files of a channel as one matrix. Raises ContainerError naming file, column and row."""
    if content_type and content_type.partition(";")[0].strip() not in {"text/csv", "csv"}:
        raise ContainerError(f"channel {channel}: the content type {content_type!r} is not served; give text/csv")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    values = channel_cache.load_or_parse(paths, cache_folder, lambda: _read_channel(paths, channel))
    if values.shape[1] < (3 if weighted else 2):
        raise ContainerError(f"channel {channel}: {values.shape[1]} column(s) are too few: the label comes first, then the features")
    label = values[:, 0]
    if np.isnan(label).any():
        raise ContainerError(f"channel {channel}: row {int(np.flatnonzero(np.isnan(label))[0]) + 1} has no label (first column)")
    if str(hyperparameters.get("objective", "")).startswith("binary") and not np.isin(label, (0, 1)).all():
        raise ContainerError(f"channel {channel}: the label (first column) must be 0 or 1 for {hyperparameters['objective']}")
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0] + 1
        raise ContainerError(f"channel {channel}: row {row}, column {column} is infinite, or too large for 32 bits")
    if weighted and not (values[:, 1] >= 0).all():
        row = int(np.flatnonzero(~(values[:, 1] >= 0))[0]) + 1
        raise ContainerError(f"channel {channel}: row {row} has the weight {values[row - 1, 1]} (second column); it must be 0 or more")
    if weighted:
        return xgboost.DMatrix(values[:, 2:], label=label, weight=values[:, 1])
    return xgboost.DMatrix(values[:, 1:], label=label)


def _read_channel(paths: list[Path], channel: str) -> channel_cache.Table:
    tables = [_read_csv(path, channel) for path in paths]
    if not tables or all(table.empty for table in tables):
        raise ContainerError(f"channel {channel} has no data")
    widths = {table.shape[1] for table in tables}
    if len(widths) > 1:
        raise ContainerError(f"channel {channel}: its files have different numbers of columns: {sorted(widths)}")
    return pd.concat(tables, ignore_index=True).to_numpy(dtype=np.float32)


def _read_csv(path: Path, channel: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, header=None)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (ValueError, pd.errors.ParserError) as error:
        raise ContainerError(f"channel {channel}, file {path.name}: not a CSV file: {str(error).strip()}") from error
    for column in table.columns:
        if table[column].dtype.kind not in "iufb":
            numbers = pd.to_numeric(table[column], errors="coerce")
            bad = numbers.isna() & table[column].notna()
            if bad.any():
                row = int(bad.to_numpy().argmax())
                raise ContainerError(
                    f"channel {channel}, file {path.name}: column {int(column) + 1}, row {row + 1} "
                    f"holds {str(table[column].iloc[row])[:40]!r}, "
                    "which is not a number. Training data has no header line, and numbers only"
                )
            table[column] = numbers
    return table
