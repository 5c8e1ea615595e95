"""How many versions are the same when made again from their data set: every method, a baseline and a chosen trial each.

``python -m bench.reproductions``. It counts and takes no time, so it may run on a busy machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.compare import Goal, Row, run, said
from core.aws.target import Target, connect
from core.data.bundled_data import BUNDLED_ROLES, read_bundled
from core.governance import reproducing
from core.identity import WORKFLOW_IDENTITY
from core.jobs import jobs
from core.jobs.rebalancing_jobs import METHODS, RebalancingOptions
from core.settings import Settings
from core.workflow import workflow
from engine import lifecycle


def rows(small: bool) -> list[Row]:
    methods = list(METHODS)[:1] if small else list(METHODS)
    with tempfile.TemporaryDirectory(prefix="bench-reproductions-", ignore_cleanup_errors=True) as name:
        try:
            target = connect(Settings(workspace=Path(name)))
            arns = [arn for number, method in enumerate(methods) for arn in register_two(target, method, number, 1_000 if small else 4_000)]
            return counted(target, arns, len(methods))
        finally:
            lifecycle.stop(Path(name))


def register_two(target: Target, method: str, seed: int, size: int) -> list[str]:
    """The ARNs of a baseline and of the better of two trials, of rows and settings of their own."""
    frame = read_bundled().sample(size, random_state=seed)
    options = workflow.WorkflowOptions(rebalance=RebalancingOptions(method=method, seed=seed), max_jobs=2)
    report = workflow.run_all_steps(target, WORKFLOW_IDENTITY, frame, BUNDLED_ROLES, options)
    print(f"{method}: registered", flush=True)
    return [model["model_package_arn"] for model in report["models"]]


def counted(target: Target, arns: list[str], methods: int) -> list[Row]:
    others, other_bytes = 0, 0
    for arn in arns:
        name = reproducing.start_reproduction(target, WORKFLOW_IDENTITY, arn)
        jobs.wait_for_jobs(target, [("processing", name)])
        found = reproducing.read_result(target, arn, name)
        others += not found.is_reproduced
        other_bytes += not all(part["same_bytes"] for part in found.result["parts"])
        print(arn.rpartition("/")[2], *found.findings, *found.problems, flush=True)
    figure = f"of {len(arns)} versions by {methods} methods, made again"
    return [
        said(Row(f"{figure}: {what}", (float(count),), unit="versions", goal=Goal(limit=0)))
        for what, count in (("not the same", others), ("the same in other bytes only, or not the same", other_bytes))
    ]


if __name__ == "__main__":
    run("reproductions", rows, timed=False)
