"""The inputs of the built-in XGBoost algorithm: hyperparameters with their types and ranges, and channels of CSV files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from engine.containers import ContainerError, channel_cache

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


def load_channels(
    folder: Path, content_types: dict[str, str], hyperparameters: dict[str, Any], cache_folder: Path | None = None
) -> dict[str, xgboost.DMatrix]:
    """Channel name -> all its CSV files as one matrix: label first, and with ``csv_weights=1`` the weight second, in every channel.

    folder: has a folder for each channel; content_types: of each channel to read. Raises ContainerError naming channel, file, column, row,
    and for channels of different widths both widths.
    """
    tables = {name: _read_channel(folder / name, name, content_type, cache_folder) for name, content_type in content_types.items()}
    weighted = hyperparameters.get("csv_weights") == 1
    if len({table.shape[1] for table in tables.values()}) > 1:
        widths = ", ".join(f"{name} has {table.shape[1]} columns" for name, table in tables.items())
        hint = "; with csv_weights=1 both need a weight in the second column" if weighted else ""
        raise ContainerError(f"the channels differ in width: {widths}{hint}")
    return {name: _to_matrix(table, name, weighted, hyperparameters) for name, table in tables.items()}


def _to_matrix(values: channel_cache.Table, channel: str, weighted: bool, hyperparameters: dict[str, Any]) -> xgboost.DMatrix:
    if values.shape[1] < (3 if weighted else 2):
        order = "the label comes first, then the weight, then the features" if weighted else "the label comes first, then the features"
        raise ContainerError(f"channel {channel}: {values.shape[1]} column(s) are too few: {order}")
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


def _read_channel(folder: Path, channel: str, content_type: str, cache_folder: Path | None) -> channel_cache.Table:
    if content_type and content_type.partition(";")[0].strip() not in {"text/csv", "csv"}:
        raise ContainerError(f"channel {channel}: the content type {content_type!r} is not supported; use text/csv")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    return channel_cache.load_or_parse(paths, cache_folder, lambda: _parse_channel(paths, channel))


def _parse_channel(paths: list[Path], channel: str) -> channel_cache.Table:
    tables = [_read_csv(path, channel) for path in paths]
    if not tables or all(table.empty for table in tables):
        raise ContainerError(f"channel {channel} has no data")
    widths = {table.shape[1] for table in tables}
    if len(widths) > 1:
        raise ContainerError(f"channel {channel}: its files have different numbers of columns: {sorted(widths)}")
    return pd.concat(tables, ignore_index=True).to_numpy(dtype=np.float32)


def _read_csv(path: Path, channel: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, header=None, keep_default_na=False, na_values=["", "nan", "NaN"], low_memory=False)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (ValueError, pd.errors.ParserError) as error:
        raise ContainerError(f"channel {channel}, file {path.name}: not a CSV file: {str(error).strip()}") from error
    for column in table.columns:
        if table[column].dtype.kind not in "iuf":
            numbers = pd.to_numeric(table[column].astype(str), errors="coerce")
            bad = numbers.isna() & table[column].notna()
            if bad.any():
                row = int(bad.to_numpy().argmax())
                raise ContainerError(
                    f"channel {channel}, file {path.name}: column {int(column) + 1}, row {row + 1} "
                    f"contains {str(table[column].iloc[row])[:40]!r}, "
                    "which is not a number. Training data has no header line, and numbers only"
                )
            table[column] = numbers
    return table
