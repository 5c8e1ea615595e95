"""The training figures' peer: a script that one would write without the product. ``python bench/bare_training.py FOLDER one|all``.

FOLDER holds train.csv and validation.csv (the label first, no header) and parameters.json: a list of hyperparameters, as text. The result
goes to standard output: the final metrics of each, in order.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost

FOLDER = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
AT_ONCE = 2
tables: dict[str, xgboost.DMatrix] = {}


def load() -> None:
    for name in ("train", "validation"):
        frame = pd.read_csv(FOLDER / f"{name}.csv", header=None)
        tables[name] = xgboost.DMatrix(frame.iloc[:, 1:].to_numpy("float32"), label=frame[0])


def train(number: int, given: dict[str, str], threads: int) -> dict[str, float]:
    """Train with these hyperparameters, keep the model; the final metrics."""
    parameters: dict[str, Any] = {**given, "nthread": threads}
    rounds = int(parameters.pop("num_round"))
    parameters["eval_metric"] = parameters["eval_metric"].split(",")
    history: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        parameters,
        tables["train"],
        rounds,
        evals=[(table, name) for name, table in tables.items()],
        evals_result=history,
        verbose_eval=False,
    )
    booster.save_model(FOLDER / f"model-{number}.ubj")
    return {f"{data}:{metric}": values[-1] for data, found in history.items() for metric, values in found.items()}


def main() -> None:
    wanted = json.loads((FOLDER / "parameters.json").read_text())
    if sys.argv[2] == "one":
        load()
        print(json.dumps([train(0, wanted[0], 0)]))  # as many threads as there are cores
        return
    with ProcessPoolExecutor(AT_ONCE, initializer=load) as pool:
        print(json.dumps(list(pool.map(train, range(len(wanted)), wanted, [1] * len(wanted)))))


if __name__ == "__main__":
    main()
