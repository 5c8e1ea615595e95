"""The whole chain, from a table to two registered, compared models. Used by ``python -m core demo`` and by the overview page."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from core.aws.target import Target
from core.data import csv_reader, datasets
from core.errors import Conflict, GovernanceError, NotFound
from core.identity import WORKFLOW_IDENTITY, Identity, require_permission
from core.jobs import jobs, models, rebalancing_jobs, training_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.jobs.tuning import tuning_jobs
from core.ledger import signing
from core.lineage import lineage_graph
from core.references import Reference
from core.registry import model_packages
from core.reports import bias_jobs, clarify_jobs, shap_jobs

STEPS = ("data", "rebalancing", "training", "models", "lineage", "bias and SHAP", "registration", "comparison")
RUNS_FOLDER = "governance/runs"


@dataclass(frozen=True)
class WorkflowOptions:
    """How to run the workflow."""

    name: str = "credit-default"
    rebalance: RebalancingOptions = field(default_factory=RebalancingOptions)
    max_jobs: int = 10
    max_parallel: int = 2
    ranges: tuple[tuple[str, float, float], ...] = ()
    job_suffix: str = ""
    """What the jobs' names end with; random where it is empty."""


@dataclass
class RunState:
    """What the workflow has made so far; the report's content at its end."""

    id: str
    seconds: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


StepCallback = Callable[[str, str], None]
"""Called with (step, what happens now)."""


def run_all_steps(
    target: Target,
    identity: Identity,
    frame: pd.DataFrame,
    roles: csv_reader.ColumnRoles,
    options: WorkflowOptions | None = None,
    on_step: StepCallback | None = None,
) -> dict[str, Any]:
    """Run the chain; returns the report. Raises GovernanceError at the first step that fails, naming it; what was made before stays."""
    require_permission(identity, "launch", resource="workflow")
    options = options or WorkflowOptions()
    say: StepCallback = on_step or (lambda step, text: None)
    work = RunState(options.job_suffix or secrets.token_hex(4))

    with _timed_step(work, say, "data", "checking and uploading"):
        signing.load_verification_keys(target)  # before hours of jobs: without a key nothing can be registered in the end
        checked = csv_reader.check_table(frame, roles)
        rebalancing_jobs.check_feasible(checked, options.rebalance)
        dataset = datasets.upload_dataset(target, identity, checked, options.name)
        say("data", f"{dataset.rows:,} rows, {len(dataset.columns)} columns")
    with _timed_step(work, say, "rebalancing", f"{options.rebalance.method}, after the split"):
        job = rebalancing_jobs.launch_job(
            target, identity, dataset, options.rebalance, name=f"{rebalancing_jobs.JOB_NAME_PREFIX}-{options.rebalance.method}-{work.id}"
        )
        jobs.wait_for_jobs(target, [("processing", job)])
        data = rebalancing_jobs.read_result(target, job)
        say(
            "rebalancing",
            f"{data.manifest['split']['train_rows']:,} training rows, {data.manifest['synthetic']['count']:,} of them synthetic",
        )
    with _timed_step(work, say, "training", f"the baseline, and trials: {options.max_jobs}, {options.max_parallel} at a time"):
        baseline = training_jobs.launch_job(
            target,
            identity,
            data.uri("train.csv"),
            data.uri("validation_res.csv"),
            name=f"{training_jobs.JOB_NAME_PREFIX}-{work.id}",
            rebalanced=data.job,
        )
        request = tuning_jobs.TuningRequest(data, max_jobs=options.max_jobs, max_parallel=min(options.max_parallel, options.max_jobs))
        tuning_job = tuning_jobs.launch_job(target, identity, request, name=f"{tuning_jobs.JOB_NAME_PREFIX}-{work.id}")
        seen: dict[str, int] = {}

        def progress(found: list[jobs.Job]) -> None:
            done = found[1].raw["TrainingJobStatusCounters"].get("Completed", 0)
            if seen.get("done") != done:
                seen["done"] = done
                say("training", f"baseline {found[0].status}, {done} of {options.max_jobs} trials")

        ended = jobs.wait_for_jobs(target, [("training", baseline), ("tuning", tuning_job)], on_progress=progress)
        if not tuning_jobs.is_trained_on(ended[1], data):
            raise Conflict("The tuning job did not train on the rebalanced data.", resource=tuning_job)
        chosen = tuning_jobs.best_job_name(target, tuning_job)
    trained_by_role = {"baseline": baseline, "mitigated": chosen}
    with _timed_step(work, say, "models", "one per training job"):
        made = {role: models.ensure_model(target, identity, name) for role, name in trained_by_role.items()}
    with _timed_step(work, say, "lineage", "from the data set to the files that the jobs trained on"):
        lineage_graph.record_data_files(target, data)
    with _timed_step(work, say, "bias and SHAP", "both models, on the held-out test rows"):
        reports = {
            role: bias_jobs.launch_job(target, identity, name, data, name=f"{bias_jobs.JOB_NAME_PREFIX}-{role}-{work.id}")
            for role, name in made.items()
        }
        shaps = {
            role: shap_jobs.launch_job(target, identity, name, data, name=f"{shap_jobs.JOB_NAME_PREFIX}-{role}-{work.id}")
            for role, name in made.items()
        }
        trained = [training_jobs.describe_job(target, name) for name in trained_by_role.values()]
        more = [training_jobs.launch_report(target, identity, job) for job in trained if not job.raw.get("DebugRuleConfigurations")]
        measured = [one for name in reports.values() for one in clarify_jobs.job_and_companion(target, name)]
        jobs.wait_for_jobs(target, [("processing", name) for name in (*measured, *shaps.values(), *more)])
    with _timed_step(work, say, "registration", "packages with quality, bias and explainability reports"):
        packages = {
            role: model_packages.register_version(
                target, identity, training_job=trained_by_role[role], data=data, bias_job=reports[role], shap_job=shaps[role], role=role
            )
            for role in trained_by_role
        }
    with _timed_step(work, say, "comparison", "paired, on the same test rows"):
        comparison = model_packages.compare_packages(target, packages["baseline"], packages["mitigated"])
        shown = lineage_graph.read_graph(
            target, lineage_graph.find_artifact_arn(target, packages["mitigated"]) or packages["mitigated"], hops=10
        )
    work.report = _build_report(target, work, dataset, data, comparison, shown, tuning_job)
    target.write(target.uri(RUNS_FOLDER, f"{work.id}.json"), json.dumps(work.report).encode(), "application/json")
    return work.report


@contextmanager
def _timed_step(work: RunState, say: StepCallback, step: str, text: str) -> Iterator[None]:
    say(step, text)
    start = time.perf_counter()
    yield
    work.seconds[step] = round(time.perf_counter() - start, 3)


def _build_report(
    target: Target,
    work: RunState,
    dataset: datasets.Dataset,
    data: rebalancing_jobs.RebalancedData,
    comparison: model_packages.Comparison,
    shown: lineage_graph.Graph,
    tuning_job: str,
) -> dict[str, Any]:
    manifest = data.manifest
    found = []
    for role, package in (("baseline", comparison.a), ("mitigated", comparison.b)):
        (facet,) = package.bias.facets if package.bias else ()
        found.append(
            {
                "role": role,
                "model_package_arn": package.arn,
                "training_job": package.training_job,
                "hyperparameters": package.hyperparameters,
                "metrics": package.performance,
                "bias": {
                    "pre_training": {name: _finite_or_text(m.value) for name, m in facet.pre_training.items()},
                    "post_training": {name: _finite_or_text(m.value) for name, m in facet.post_training.items()},
                },
                "shap": package.shap,
            }
        )
    return {
        "run": work.id,
        "data": {
            "name": dataset.name,
            "uri": dataset.uri,
            "sha256": dataset.sha256,
            "rows": dataset.rows,
            "columns": list(dataset.columns),
            "rebalancing_job": data.job,
            "files": manifest["files"],
            "split": manifest["split"],
            "synthetic": {key: value for key, value in manifest["synthetic"].items() if key != "rows"},
            "leaked_rows": manifest["leaked_rows"],
            "counts": manifest["counts"],
        },
        "tuning_job": tuning_job,
        "models": found,
        "differences": {name: model_packages.to_plain_data(difference) for name, difference in (comparison.differences or {}).items()},
        "lineage": {"vertices": len(shown.nodes), "edges": len(shown.edges)},
        "seconds": work.seconds,
    }


def _finite_or_text(value: float | None) -> float | str | None:
    return value if value is None or abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


# in the background ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunProgress:
    """A run in the background: its steps so far as (step, text), when each was noted (UTC, ISO 8601), whether it has ended, and the error
    that ended it."""

    id: str
    steps: tuple[tuple[str, str], ...]
    times: tuple[str, ...]
    done: bool
    error: str | None

    def step_states(self) -> list[StepState]:
        """Every step of the chain, in order, whether it has begun or not."""
        begun = list(dict.fromkeys(step for step, _ in self.steps))
        found = []
        for name in STEPS:
            said = [text for step, text in self.steps if step == name]
            ended = name in begun and (name != begun[-1] or (self.done and self.error is None))
            state = "to do" if not said else "done" if ended else "failed" if self.done else "running"
            found.append(
                StepState(name, state, said[-1] if said else "", self._seconds(name) if ended else None, step_results(self.id).get(name))
            )
        return found

    def seconds_since_update(self) -> float:
        """Seconds since anything was noted."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.times[-1])).total_seconds() if self.times else 0.0

    def _seconds(self, name: str) -> float | None:
        at = [datetime.fromisoformat(t) for t in self.times]
        mine = [i for i, (step, _) in enumerate(self.steps) if step == name]
        after = mine[-1] + 1
        return (at[after] - at[mine[0]]).total_seconds() if after < len(at) else None


@dataclass(frozen=True)
class StepState:
    """One step: to do, running, done or failed. ``result``: what it makes, for the steps that make one thing."""

    name: str
    state: str
    text: str
    seconds: float | None
    result: Reference | None


def step_results(run_id: str) -> dict[str, Reference]:
    """Step -> what it makes. The jobs are named after the run."""
    return {
        "rebalancing": Reference("rebalancing", f"{rebalancing_jobs.JOB_NAME_PREFIX}-{RebalancingOptions().method}-{run_id}"),
        "training": Reference("tuning job", f"{tuning_jobs.JOB_NAME_PREFIX}-{run_id}"),
        "bias and SHAP": Reference("bias report", f"{bias_jobs.JOB_NAME_PREFIX}-mitigated-{run_id}"),
        "comparison": Reference("versions"),
    }


def start_in_background(target: Target, identity: Identity, *, max_jobs: int = 10, max_parallel: int = 2) -> str:
    """Run the workflow on the bundled data in a process of its own, which outlives the page; returns the run's id for ``read_progress``."""
    require_permission(identity, "launch", resource="workflow")
    run_id = secrets.token_hex(4)
    _write_progress(target, run_id, [], [datetime.now(UTC).isoformat()], done=False, error=None)
    command = [sys.executable, "-m", "core", "demo", "--run", run_id, "--as", json.dumps(asdict(identity))]
    command += ["--workspace", str(target.settings.workspace.resolve()), "--max-jobs", str(max_jobs), "--max-parallel", str(max_parallel)]
    subprocess.Popen(
        command,
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return run_id


def record_progress(target: Target, run_id: str, on_step: StepCallback) -> tuple[StepCallback, Callable[[str | None], None]]:
    """Wrap ``on_step`` so that ``read_progress`` sees each step; and a function to call at the end, with the error or None."""
    steps: list[tuple[str, str]] = []
    times: list[str] = []

    def step(name: str, text: str) -> None:
        steps.append((name, text))
        times.append(datetime.now(UTC).isoformat())
        _write_progress(target, run_id, steps, times, done=False, error=None)
        on_step(name, text)

    def end(error: str | None) -> None:
        _write_progress(target, run_id, steps, [*times, datetime.now(UTC).isoformat()], done=True, error=error)

    return step, end


def _write_progress(target: Target, run_id: str, steps: list[tuple[str, str]], times: list[str], *, done: bool, error: str | None) -> None:
    content = json.dumps({"steps": steps, "times": times, "done": done, "error": error})
    target.write(target.uri(RUNS_FOLDER, f"{run_id}.progress.json"), content.encode(), "application/json")


def read_progress(target: Target, run_id: str) -> RunProgress:
    """How far a background run is. Raises NotFound."""
    uri = target.uri(RUNS_FOLDER, f"{run_id}.progress.json")
    if not run_id.isalnum() or not target.exists(uri):
        raise NotFound(f"There is no run {run_id!r}.", resource=run_id, hint="Start the workflow on the overview page.")
    raw = target.read_json(uri)
    return RunProgress(run_id, tuple((s, t) for s, t in raw["steps"]), tuple(raw.get("times", ())), raw["done"], raw["error"])


__all__ = [
    "STEPS",
    "WORKFLOW_IDENTITY",
    "GovernanceError",
    "RunProgress",
    "StepState",
    "WorkflowOptions",
    "read_progress",
    "record_progress",
    "run_all_steps",
    "start_in_background",
]
