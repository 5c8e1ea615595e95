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

from core import bias, clarify, datasets, explainability, jobs, lineage, models, rebalancing, registry, tables, training, tuning
from core.clients import Clients
from core.errors import Conflict, GovernanceError, NotFound
from core.governance import signing
from core.identity import WORKFLOW, Identity, require
from core.rebalancing import Rebalance

STEPS = ("data", "rebalancing", "training", "models", "lineage", "bias and SHAP", "registration", "comparison")
RUNS = "governance/runs"


@dataclass(frozen=True)
class Options:
    """How to run the workflow."""

    name: str = "credit-default"
    rebalance: Rebalance = field(default_factory=Rebalance)
    max_jobs: int = 10
    max_parallel: int = 2
    ranges: tuple[tuple[str, float, float], ...] = ()
    id: str = ""
    """What the jobs' names end with; random where it is empty."""


@dataclass
class Run:
    """What the workflow has made so far; the report's content at its end."""

    id: str
    seconds: dict[str, float] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


OnStep = Callable[[str, str], None]
"""Called with (step, what happens now)."""


def run(
    clients: Clients,
    identity: Identity,
    frame: pd.DataFrame,
    roles: tables.Roles,
    options: Options | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Run the chain; returns the report. Raises GovernanceError at the first step that fails, naming it; what was made before stays."""
    require(identity, "launch", subject="workflow")
    options = options or Options()
    say: OnStep = on_step or (lambda step, text: None)
    work = Run(options.id or secrets.token_hex(4))

    with _timed(work, say, "data", "checking and uploading"):
        signing.keys(clients)  # before hours of jobs: without a key nothing can be registered in the end
        checked = tables.check(frame, roles)
        rebalancing.check(checked, options.rebalance)
        dataset = datasets.upload(clients, identity, checked, options.name)
        say("data", f"{dataset.rows:,} rows, {len(dataset.columns)} columns")
    with _timed(work, say, "rebalancing", f"{options.rebalance.method}, after the split"):
        job = rebalancing.launch(
            clients, identity, dataset, options.rebalance, name=f"{rebalancing.PREFIX}-{options.rebalance.method}-{work.id}"
        )
        jobs.wait(clients, [("processing", job)])
        data = rebalancing.result(clients, job)
        say(
            "rebalancing",
            f"{data.manifest['split']['train_rows']:,} training rows, {data.manifest['synthetic']['count']:,} of them synthetic",
        )
    with _timed(work, say, "training", f"the baseline, and trials: {options.max_jobs}, {options.max_parallel} at a time"):
        baseline = training.launch(
            clients,
            identity,
            data.uri("train.csv"),
            data.uri("validation_res.csv"),
            name=f"{training.PREFIX}-{work.id}",
            rebalanced=data.job,
        )
        request = tuning.TuningRequest(data, max_jobs=options.max_jobs, max_parallel=min(options.max_parallel, options.max_jobs))
        tuning_job = tuning.launch(clients, identity, request, name=f"{tuning.PREFIX}-{work.id}")
        seen: dict[str, int] = {}

        def progress(found: list[jobs.Job]) -> None:
            done = found[1].raw["TrainingJobStatusCounters"].get("Completed", 0)
            if seen.get("done") != done:
                seen["done"] = done
                say("training", f"baseline {found[0].status}, {done} of {options.max_jobs} trials")

        ended = jobs.wait(clients, [("training", baseline), ("tuning", tuning_job)], on_progress=progress)
        if not tuning.uses(ended[1], data):
            raise Conflict("The tuning job did not train on the rebalanced data.", subject=tuning_job)
        chosen = tuning.best(clients, tuning_job)
    training_jobs = {"baseline": baseline, "mitigated": chosen}
    with _timed(work, say, "models", "one per training job"):
        made = {role: models.ensure_model(clients, identity, name) for role, name in training_jobs.items()}
    with _timed(work, say, "lineage", "from the data set to the files that the jobs trained on"):
        lineage.record_data(clients, data)
    with _timed(work, say, "bias and SHAP", "both models, on the held-out test rows"):
        reports = {role: bias.launch(clients, identity, name, data, name=f"{bias.PREFIX}-{role}-{work.id}") for role, name in made.items()}
        shaps = {
            role: explainability.launch(clients, identity, name, data, name=f"{explainability.PREFIX}-{role}-{work.id}")
            for role, name in made.items()
        }
        trained = [training.describe(clients, name) for name in training_jobs.values()]
        more = [training.launch_report(clients, identity, job) for job in trained if not job.raw.get("DebugRuleConfigurations")]
        measured = [one for name in reports.values() for one in clarify.names(clients, name)]
        jobs.wait(clients, [("processing", name) for name in (*measured, *shaps.values(), *more)])
    with _timed(work, say, "registration", "packages with quality, bias and explainability reports"):
        packages = {
            role: registry.register(
                clients, identity, training_job=training_jobs[role], data=data, bias_job=reports[role], shap_job=shaps[role], role=role
            )
            for role in training_jobs
        }
    with _timed(work, say, "comparison", "paired, on the same test rows"):
        comparison = registry.compare(clients, packages["baseline"], packages["mitigated"])
        shown = lineage.graph(clients, lineage.artifact_of(clients, packages["mitigated"]) or packages["mitigated"], hops=10)
    work.report = _report(clients, work, dataset, data, comparison, shown, tuning_job)
    clients.write(clients.uri(RUNS, f"{work.id}.json"), json.dumps(work.report).encode(), "application/json")
    return work.report


@contextmanager
def _timed(work: Run, say: OnStep, step: str, text: str) -> Iterator[None]:
    say(step, text)
    start = time.perf_counter()
    yield
    work.seconds[step] = round(time.perf_counter() - start, 3)


def _report(
    clients: Clients,
    work: Run,
    dataset: datasets.Dataset,
    data: rebalancing.Rebalanced,
    comparison: registry.Comparison,
    shown: lineage.Graph,
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
                    "pre_training": {name: _finite(m.value) for name, m in facet.pre_training.items()},
                    "post_training": {name: _finite(m.value) for name, m in facet.post_training.items()},
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
        "differences": {name: registry.plain(difference) for name, difference in (comparison.differences or {}).items()},
        "lineage": {"vertices": len(shown.nodes), "edges": len(shown.edges)},
        "seconds": work.seconds,
    }


def _finite(value: float | None) -> float | str | None:
    return value if value is None or abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


# in the background ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """A run in the background: its steps so far as (step, text), when each was noted (UTC, ISO 8601), whether it has ended, and the error
    that ended it."""

    id: str
    steps: tuple[tuple[str, str], ...]
    times: tuple[str, ...]
    done: bool
    error: str | None

    def states(self) -> list[StepState]:
        """Every step of the chain, in order, whether it has begun or not."""
        begun = list(dict.fromkeys(step for step, _ in self.steps))
        found = []
        for name in STEPS:
            said = [text for step, text in self.steps if step == name]
            ended = name in begun and (name != begun[-1] or (self.done and self.error is None))
            state = "to do" if not said else "done" if ended else "failed" if self.done else "running"
            found.append(
                StepState(name, state, said[-1] if said else "", self._seconds(name) if ended else None, places(self.id).get(name))
            )
        return found

    def silent(self) -> float:
        """Seconds since anything was noted."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.times[-1])).total_seconds() if self.times else 0.0

    def _seconds(self, name: str) -> float | None:
        at = [datetime.fromisoformat(t) for t in self.times]
        mine = [i for i, (step, _) in enumerate(self.steps) if step == name]
        after = mine[-1] + 1
        return (at[after] - at[mine[0]]).total_seconds() if after < len(at) else None


@dataclass(frozen=True)
class StepState:
    """One step: to do, running, done or failed. ``place``: (page, query) that shows its result."""

    name: str
    state: str
    text: str
    seconds: float | None
    place: tuple[str, dict[str, str]] | None


def places(run_id: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Where the results of a run's steps are to be seen, as (page, query): the jobs are named after the run."""
    return {
        "rebalancing": ("data", {"job": f"{rebalancing.PREFIX}-{Rebalance().method}-{run_id}"}),
        "training": ("tuning", {"job": f"{tuning.PREFIX}-{run_id}"}),
        "bias and SHAP": ("bias", {"job": f"{bias.PREFIX}-mitigated-{run_id}"}),
        "comparison": ("registry", {}),
    }


def start_in_background(clients: Clients, identity: Identity, *, max_jobs: int = 10, max_parallel: int = 2) -> str:
    """Run the workflow on the bundled data in a process of its own, which outlives the page; returns the run's id for ``progress``."""
    require(identity, "launch", subject="workflow")
    run_id = secrets.token_hex(4)
    _note(clients, run_id, [], [datetime.now(UTC).isoformat()], done=False, error=None)
    command = [sys.executable, "-m", "core", "demo", "--run", run_id, "--as", json.dumps(asdict(identity))]
    command += ["--workspace", str(clients.settings.workspace.resolve()), "--max-jobs", str(max_jobs), "--max-parallel", str(max_parallel)]
    subprocess.Popen(
        command,
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return run_id


def noting(clients: Clients, run_id: str, on_step: OnStep) -> tuple[OnStep, Callable[[str | None], None]]:
    """Wrap ``on_step`` so that ``progress`` sees each step; and a function to call at the end, with the error or None."""
    steps: list[tuple[str, str]] = []
    times: list[str] = []

    def step(name: str, text: str) -> None:
        steps.append((name, text))
        times.append(datetime.now(UTC).isoformat())
        _note(clients, run_id, steps, times, done=False, error=None)
        on_step(name, text)

    def end(error: str | None) -> None:
        _note(clients, run_id, steps, [*times, datetime.now(UTC).isoformat()], done=True, error=error)

    return step, end


def _note(clients: Clients, run_id: str, steps: list[tuple[str, str]], times: list[str], *, done: bool, error: str | None) -> None:
    content = json.dumps({"steps": steps, "times": times, "done": done, "error": error})
    clients.write(clients.uri(RUNS, f"{run_id}.progress.json"), content.encode(), "application/json")


def progress(clients: Clients, run_id: str) -> Progress:
    """How far a background run is. Raises NotFound."""
    uri = clients.uri(RUNS, f"{run_id}.progress.json")
    if not run_id.isalnum() or not clients.exists(uri):
        raise NotFound(f"There is no run {run_id!r}.", subject=run_id, remedy="Start the workflow on the overview page.")
    raw = clients.read_json(uri)
    return Progress(run_id, tuple((s, t) for s, t in raw["steps"]), tuple(raw.get("times", ())), raw["done"], raw["error"])


__all__ = ["STEPS", "WORKFLOW", "GovernanceError", "Options", "Progress", "StepState", "noting", "progress", "run", "start_in_background"]
