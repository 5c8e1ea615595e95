"""A tuning job from launch to its best job, and one training job, beside a bare script that trains the same models."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.compare import Goal, Row, run, said, seconds
from core import jobs, training, tuning
from core.clients import Clients, connect
from core.datasets import Dataset
from core.identity import WORKFLOW
from core.rebalancing import Rebalanced
from core.settings import Settings
from core.tables import BUNDLED_ROLES, bundled
from engine import lifecycle

SCRIPT = Path(__file__).parent / "bare_training.py"
OWN = {"_tuning_objective_metric"}
"""What the engine, as SageMaker, adds to a trial's hyperparameters."""


def rows(small: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-training-", ignore_cleanup_errors=True) as name, target(Path(name)) as clients:
        folder = Path(name) / "bare"
        folder.mkdir()
        data = files(clients, folder, 800 if small else 24_000)
        return [
            tuned(clients, data, folder, 2 if small else 20, 1 if small else 5),
            trained(clients, data, folder, 1 if small else 7),
        ]


@contextmanager
def target(workspace: Path) -> Iterator[Clients]:
    """Clients of an engine that runs already, as it does behind the app."""
    clients = connect(Settings(workspace=workspace))
    try:
        yield clients
    finally:
        lifecycle.stop(workspace)


def files(clients: Clients, folder: Path, size: int) -> Rebalanced:
    """The first ``size`` rows to train on and as many more as a quarter of them to validate, in S3 and in the bare script's folder."""
    frame = bundled().drop(columns="ID")
    frame = frame[["LABEL", *frame.columns.drop("LABEL")]]
    data = Rebalanced(
        "bench",
        clients.uri("bench"),
        {"weights": []},
        Dataset("bench", clients.uri("bench/data.csv"), "", size, tuple(frame.columns), BUNDLED_ROLES, {}, "", ""),
    )
    parts = {"train": frame.head(size), "validation": frame.iloc[size : size + size // 4]}
    for part, table in parts.items():
        content = table.to_csv(index=False, header=False).encode()
        (folder / f"{part}.csv").write_bytes(content)
        clients.write(data.uri(f"{part}_res.csv"), content, "text/csv")
    return data


def bare(folder: Path, parameters: list[dict[str, str]], what: str) -> list[dict[str, float]]:
    (folder / "parameters.json").write_text(json.dumps(parameters))
    done = subprocess.run([sys.executable, str(SCRIPT), str(folder), what], check=True, capture_output=True, text=True)
    return list(json.loads(done.stdout))


def tuned(clients: Clients, data: Rebalanced, folder: Path, trials: int, runs: int) -> Row:
    a, b = [], []
    for number in range(runs):
        request = tuning.TuningRequest(data, max_jobs=trials, max_parallel=2, seed=42 + number)
        best: list[str] = []

        def ours(request: tuning.TuningRequest = request, best: list[str] = best) -> None:
            name = tuning.launch(clients, WORKFLOW, request)
            jobs.wait(clients, [("tuning", name)])
            best.extend((name, tuning.best(clients, name)))

        a.append(seconds(ours))
        found = tuning.trials(clients, best[0])
        described = [training.describe(clients, trial.name) for trial in found]
        parameters = [asked(job.raw["HyperParameters"]) for job in described]
        b.append(timed(lambda parameters=parameters: bare(folder, parameters, "all"), [t.objective for t in found], "validation:auc"))
        assert best[1] == max(found, key=lambda trial: trial.objective or 0).name
    text = f"tuning, {trials} jobs, 2 at a time, {data.dataset.rows:,} rows, launch to best job"
    note = "both sides trained the same models: their objectives agree to 5 digits"
    return said(Row(text, tuple(a), "bare script, two processes", tuple(b), goal=Goal(at_most=1.3), note=note))


def timed(work: Callable[[], list[dict[str, float]]], expected: list[float | None], metric: str) -> float:
    """Seconds of the bare script; its metrics must be what the engine's jobs have."""
    answers: list[list[dict[str, float]]] = []
    took = seconds(lambda: answers.append(work()))
    got = [one[metric] for one in answers[0]]
    assert len(got) == len(expected)
    assert all(value is not None and abs(value - one) < 2e-5 for value, one in zip(expected, got, strict=True)), (expected, got)
    return took


def asked(hyperparameters: dict[str, str]) -> dict[str, str]:
    """The hyperparameters of a trial as the bare script takes them."""
    found = {key: value for key, value in hyperparameters.items() if key not in OWN}
    metric = hyperparameters.get("_tuning_objective_metric", "").partition(":")[2]
    return {"eval_metric": metric, **found} if metric else found


def trained(clients: Clients, data: Rebalanced, folder: Path, runs: int) -> Row:
    a, b = [], []
    for _ in range(runs):
        names: list[str] = []

        def ours(names: list[str] = names) -> None:
            names.append(training.launch(clients, WORKFLOW, data.uri("train_res.csv"), data.uri("validation_res.csv")))
            jobs.wait(clients, [("training", names[0])])

        a.append(seconds(ours))
        job = training.describe(clients, names[0])
        expected: list[Any] = [training.metrics(job)["validation:auc"]]
        wait_for_rules(clients, names[0])
        b.append(timed(lambda: bare(folder, [training.BASELINE], "one"), expected, "validation:auc"))
    text = f"one training job, {data.dataset.rows:,} rows, launch to Completed"
    note = "the XGBoost report is made after it, as by Debugger: in neither side's time"
    return said(Row(text, tuple(a), "xgb.train in a fresh process", tuple(b), goal=Goal(at_most=1.0), note=note))


def wait_for_rules(clients: Clients, name: str) -> None:
    """So that the report isn't made in the peer's time."""
    import time

    while any(s["RuleEvaluationStatus"] == "InProgress" for s in training.describe(clients, name).raw["DebugRuleEvaluationStatuses"]):
        time.sleep(0.05)


if __name__ == "__main__":
    run("training", rows)
