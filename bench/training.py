"""A tuning job from launch to its best job, and one training job, beside a bare script that trains the same models."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from bench.compare import Goal, Row, run, said, seconds
from core.analysis.resampling.rebalancing_manifest import RebalancingManifest
from core.aws.target import Target, connect
from core.data.bundled_data import BUNDLED_ROLES, read_bundled
from core.data.datasets import Dataset
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs, training_jobs
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.tuning import tuning_jobs
from core.settings import Settings
from engine import lifecycle

SCRIPT = Path(__file__).parent / "bare_training.py"
OWN = {"_tuning_objective_metric"}
"""What the engine, as SageMaker, adds to a trial's hyperparameters."""


def rows(small: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-training-", ignore_cleanup_errors=True) as name, started_target(Path(name)) as target:
        folder = Path(name) / "bare"
        folder.mkdir()
        data = files(target, folder, 800 if small else 24_000)
        return [
            tuned(target, data, folder, 2 if small else 20, 1 if small else 5),
            trained(target, data, folder, 1 if small else 7),
        ]


@contextmanager
def started_target(workspace: Path) -> Iterator[Target]:
    """Clients of an engine that runs already, as it does behind the app."""
    target = connect(Settings(workspace=workspace))
    try:
        yield target
    finally:
        lifecycle.stop(workspace)


def files(target: Target, folder: Path, size: int) -> RebalancedData:
    """The first ``size`` rows to train on and as many more as a quarter of them to validate, in S3 and in the bare script's folder."""
    frame = read_bundled().drop(columns="ID")
    frame = frame[["LABEL", *frame.columns.drop("LABEL")]]
    data = RebalancedData(
        "bench",
        target.uri("bench"),
        cast(RebalancingManifest, {"weights": False}),  # all that training reads of it
        Dataset("bench", target.uri("bench/data.csv"), "", size, tuple(frame.columns), BUNDLED_ROLES, {}, "", ""),
    )
    parts = {"train": frame.head(size), "validation": frame.iloc[size : size + size // 4]}
    for part, table in parts.items():
        content = table.to_csv(index=False, header=False).encode()
        (folder / f"{part}.csv").write_bytes(content)
        target.files.write(data.uri(f"{part}_res.csv"), content, "text/csv")
    return data


def bare(folder: Path, parameters: list[dict[str, str]], what: str) -> list[dict[str, float]]:
    (folder / "parameters.json").write_text(json.dumps(parameters))
    done = subprocess.run([sys.executable, str(SCRIPT), str(folder), what], check=True, capture_output=True, text=True)
    return list(json.loads(done.stdout))


def tuned(target: Target, data: RebalancedData, folder: Path, trials: int, runs: int) -> Row:
    a, b = [], []
    for number in range(runs):
        request = tuning_jobs.TuningRequest(data, max_jobs=trials, max_parallel=2, seed=42 + number)
        best: list[str] = []

        def ours(request: tuning_jobs.TuningRequest = request, best: list[str] = best) -> None:
            name = tuning_jobs.launch_job(target, WORKFLOW_IDENTITY, request)
            jobs.wait_for_jobs(target, [("tuning", name)])
            best.extend((name, tuning_jobs.best_job_name(target, name)))

        a.append(seconds(ours))
        found = tuning_jobs.list_trials(target, best[0])
        described = [training_jobs.describe_job(target, trial.name) for trial in found]
        parameters = [asked(job.raw["HyperParameters"]) for job in described]
        b.append(timed(partial(bare, folder, parameters, "all"), [t.objective for t in found], "validation:auc"))
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


def trained(target: Target, data: RebalancedData, folder: Path, runs: int) -> Row:
    a, b = [], []
    for _ in range(runs):
        names: list[str] = []

        def ours(names: list[str] = names) -> None:
            names.append(training_jobs.launch_job(target, WORKFLOW_IDENTITY, data.uri("train_res.csv"), data.uri("validation_res.csv")))
            jobs.wait_for_jobs(target, [("training", names[0])])

        a.append(seconds(ours))
        job = training_jobs.describe_job(target, names[0])
        expected: list[Any] = [training_jobs.final_metrics(job)["validation:auc"]]
        wait_for_rules(target, names[0])
        b.append(timed(lambda: bare(folder, [training_jobs.BASELINE_HYPERPARAMETERS], "one"), expected, "validation:auc"))
    text = f"one training job, {data.dataset.rows:,} rows, launch to Completed"
    note = "the XGBoost report is made after it, as by Debugger: in neither side's time"
    return said(Row(text, tuple(a), "xgb.train in a fresh process", tuple(b), goal=Goal(at_most=1.0), note=note))


def wait_for_rules(target: Target, name: str) -> None:
    """So that the report isn't made in the peer's time."""
    import time

    while any(
        s["RuleEvaluationStatus"] == "InProgress" for s in training_jobs.describe_job(target, name).raw["DebugRuleEvaluationStatuses"]
    ):
        time.sleep(0.05)


if __name__ == "__main__":
    run("training", rows)
