"""Runs the workflow in a process of its own, so that it goes on when the page is closed; writes and reads its progress."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from core.aws.target import Target
from core.errors import NotFound
from core.identity import Identity, require_permission
from core.installation import child_environment
from core.jobs import rebalancing_jobs
from core.jobs.rebalancing_jobs import RebalancingOptions
from core.jobs.tuning import tuning_jobs
from core.references import Reference
from core.reports import bias_jobs
from core.workflow.workflow import RUNS_FOLDER, STEPS, StepCallback


@dataclass(frozen=True)
class RunProgress:
    """The progress of a background run. ``steps``: (step, text) of each message; ``times``: when each was written (ISO 8601, UTC);
    ``done``: whether the run has ended; ``error``: why it failed."""

    id: str
    steps: tuple[tuple[str, str], ...]
    times: tuple[str, ...]
    done: bool
    error: str | None

    def step_states(self) -> list[StepState]:
        """The state of every step of the workflow, in order."""
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
        """Seconds since the last message."""
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
    """Run the workflow on the bundled data in a process of its own; returns the run's id, for ``read_progress``."""
    require_permission(identity, "launch", resource="workflow")
    run_id = secrets.token_hex(4)
    _write_progress(target, run_id, [], [datetime.now(UTC).isoformat()], done=False, error=None)
    command = [sys.executable, "-P", "-m", "core", "demo", "--run", run_id, "--as", json.dumps(asdict(identity))]
    command += ["--workspace", str(target.settings.workspace.resolve()), "--max-jobs", str(max_jobs), "--max-parallel", str(max_parallel)]
    subprocess.Popen(
        command,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return run_id


def record_progress(target: Target, run_id: str, on_step: StepCallback) -> tuple[StepCallback, Callable[[str | None], None]]:
    """(``on_step``, wrapped so that it also records the progress; a function to call at the end, with the error or None)."""
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
    target.files.write(target.uri(RUNS_FOLDER, f"{run_id}.progress.json"), content.encode(), "application/json")


class _ProgressFile(TypedDict):
    steps: list[tuple[str, str]]
    times: NotRequired[list[str]]
    done: bool
    error: str | None


def read_progress(target: Target, run_id: str) -> RunProgress:
    """The progress of a background run. Raises NotFound."""
    uri = target.uri(RUNS_FOLDER, f"{run_id}.progress.json")
    if not run_id.isalnum() or not target.files.exists(uri):
        raise NotFound(f"The run {run_id!r} doesn't exist.", resource=run_id, hint="Start the workflow on the overview page.")
    raw = target.files.read_json(uri, _ProgressFile)
    return RunProgress(run_id, tuple((s, t) for s, t in raw["steps"]), tuple(raw.get("times", ())), raw["done"], raw["error"])
