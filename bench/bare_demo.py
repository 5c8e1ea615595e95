"""The demo's peer: the workshop's steps as one script, without jobs, S3, lineage, registry or log. ``python -m bench.bare_demo FOLDER``.

FOLDER holds data.csv and what a run of the demo chose, so that both do the same: rebalance.json, trials.json (the hyperparameters of the
baseline, then of each trial), bias.json and shap.json (analysis configurations). The metrics, SHAP values, intervals and the HTML and PDF
reports are made by the product's own functions, each report's bias and SHAP in one go: what is compared is all else.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from core.analysis.resampling.resampling import RebalanceConfig, rebalance
from core.analysis.resampling.splitting import split_rows
from engine.containers import clarify, xgboost_report

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
AT_ONCE = 2
ROLES = ("baseline", "mitigated")
OBJECTIVE = "_tuning_objective_metric"


def data() -> list[str]:
    """Read, split, rebalance the training part; write the files. Returns the columns."""
    told = json.loads((FOLDER / "rebalance.json").read_text())
    frame = pd.read_csv(FOLDER / "data.csv").drop(columns=told["ignored"])
    frame = frame[[told["label"], *frame.columns.drop(told["label"])]]
    sizes = {key: told[key] for key in ("seed", "validation_size", "test_size")}
    parts = split_rows(frame, told["label"], told["facet"], told["facet_value"], **sizes)
    train, validation, test = (frame.iloc[rows].reset_index(drop=True) for rows in (parts.train, parts.validation, parts.test))
    ask = RebalanceConfig(
        told["label"], told["facet"], told["facet_value"], told["method"], told["target"], tuple(told["categorical"]), seed=told["seed"]
    )
    tables = {"train": train, "train_res": rebalance(train, ask).frame, "validation": validation}
    for name, table in tables.items():
        table.to_csv(FOLDER / f"{name}.csv", index=False, header=False)
    test.to_csv(FOLDER / "test_header.csv", index=False)
    return list(frame.columns)


def fit(number: int, given: dict[str, str]) -> float:
    """Train on the rebalanced rows, the first model on the rows as they were; keep the model and its rounds; AUC of validation."""
    parameters: dict[str, Any] = {key: value for key, value in given.items() if key not in {"num_round", OBJECTIVE}}
    parameters["nthread"] = 1
    parameters["eval_metric"] = given["eval_metric"].split(",") if "eval_metric" in given else given[OBJECTIVE].partition(":")[2]
    names = {"train": "train" if number == 0 else "train_res", "validation": "validation"}
    tables = {}
    for name, file in names.items():
        values = pd.read_csv(FOLDER / f"{file}.csv", header=None).to_numpy(np.float32)
        tables[name] = xgboost.DMatrix(values[:, 1:], label=values[:, 0])
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        parameters,
        tables["train"],
        int(given["num_round"]),
        evals=[(table, name) for name, table in tables.items()],
        evals_result=history,
        verbose_eval=False,
    )
    place = FOLDER / f"model-{number}"
    place.mkdir()
    booster.save_model(place / "xgboost-model.ubj")
    (place / "evals_result.json").write_text(json.dumps(history))
    return float(history["validation"]["auc"][-1])


def judge(role: str, number: int, given: dict[str, str], columns: list[str]) -> dict[str, Any]:
    """Metrics, bias and SHAP of a model on the test rows, with their report; and its XGBoost report."""
    root = FOLDER / role
    files = root / "opt/ml/processing/input"
    for part in ("config", "data", "model"):
        (files / part).mkdir(parents=True)
    config = json.loads((FOLDER / "bias.json").read_text())
    config["methods"]["shap"] = json.loads((FOLDER / "shap.json").read_text())["methods"]["shap"]
    config["headers"] = columns
    (files / "config/analysis_config.json").write_text(json.dumps(config))
    shutil.copy(FOLDER / "test_header.csv", files / "data/test_header.csv")
    with tarfile.open(files / "model/model.tar.gz", "w:gz") as archive:
        archive.add(FOLDER / f"model-{number}/xgboost-model.ubj", "xgboost-model")
    clarify.main(root, {})
    content = json.loads((root / "opt/ml/processing/output/analysis.json").read_text())

    report = FOLDER / f"{role}-xgboost/opt/ml"
    for part in ("input/config", "input/data/train", "input/data/validation", "model", "output"):
        (report / part).mkdir(parents=True)
    (report / "input/config/hyperparameters.json").write_text(json.dumps(given))
    (report / "input/config/inputdataconfig.json").write_text(json.dumps({"train": {}, "validation": {}}))
    shutil.copy(FOLDER / f"{'train' if number == 0 else 'train_res'}.csv", report / "input/data/train/train.csv")
    shutil.copy(FOLDER / "validation.csv", report / "input/data/validation/validation.csv")
    shutil.copy(FOLDER / f"model-{number}/xgboost-model.ubj", report / "model/xgboost-model")
    shutil.copy(FOLDER / f"model-{number}/evals_result.json", report / "output/evals_result.json")
    xgboost_report.main(FOLDER / f"{role}-xgboost", {})
    return dict(content)


def main() -> None:
    columns = data()
    trials = json.loads((FOLDER / "trials.json").read_text())
    with ProcessPoolExecutor(AT_ONCE) as pool:
        scores = list(pool.map(fit, range(len(trials)), trials))
    best = 1 + int(np.argmax(scores[1:]))
    answers = {role: judge(role, number, trials[number], columns) for role, number in zip(ROLES, (0, best), strict=True)}
    (FOLDER / "answer.json").write_text(json.dumps({"scores": scores, "analyses": answers}))


if __name__ == "__main__":
    main()
