"""The whole demo with four trials, from an empty workspace to two compared versions, beside the workshop's steps as a bare script."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from bench.compare import Goal, Row, run, said, seconds, wait_for_quiet
from core.aws.target import Target, connect
from core.data.bundled_data import BUNDLED_ROLES, read_bundled
from core.jobs import training_jobs
from core.jobs.tuning import tuning_jobs
from core.reports import bias_jobs, shap_jobs
from core.settings import Settings
from engine import lifecycle

ROOT = Path(__file__).parent.parent
NOTE = "the bare script makes the same files, metrics and reports by the same functions; it has no jobs, S3, lineage, registry, log or logs"


def rows(small: bool) -> list[Row]:
    return [demo(500, 1, runs=1) if small else demo(30_000, 4, runs=5, quiet=True)]


def demo(size: int, trials: int, runs: int, quiet: bool = False) -> Row:
    """``quiet``: wait for a quiet machine before each run of a side."""
    a, b = [], []
    with tempfile.TemporaryDirectory(prefix="bench-demo-", ignore_cleanup_errors=True) as name:
        data = Path(name) / "data.csv"
        read_bundled().drop(columns="ID").head(size).to_csv(data, index=False)
        for number in range(runs):
            workspace, folder = Path(name) / f"workspace-{number}", Path(name) / f"bare-{number}"
            folder.mkdir()
            shutil.copy(data, folder / "data.csv")
            if quiet:
                wait_for_quiet()
            try:
                a.append(seconds(partial(product, workspace, data, trials)))
                report = json.loads((workspace / "report.json").read_text())
                chosen(connect(Settings(workspace=workspace)), report, folder)
            finally:
                lifecycle.stop(workspace)
            command = [sys.executable, "-m", "bench.bare_demo", str(folder)]
            if quiet:
                wait_for_quiet()
            b.append(seconds(partial(subprocess.run, command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)))
            agree(report, json.loads((folder / "answer.json").read_text()))
    text = f"whole demo, {trials} trials, {size:,} rows"
    return said(Row(text, tuple(a), "the workshop's steps as a script", tuple(b), goal=Goal(at_most=1.5), note=NOTE))


def product(workspace: Path, data: Path, trials: int) -> None:
    """The demo as a user runs it; the engine's start is in it."""
    roles = BUNDLED_ROLES
    asked = {"label": roles.label, "favourable": roles.favourable, "facet": roles.facet, "facet-value": roles.facet_value}
    asked |= {"group": roles.group, "max-jobs": trials, "max-parallel": 2, "workspace": workspace, "report": workspace / "report.json"}
    command = [sys.executable, "-m", "core", "demo", "--data", str(data)]
    for key, value in asked.items():
        command += [f"--{key}", str(value)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def chosen(target: Target, report: dict[str, Any], folder: Path) -> None:
    """Write down for the bare script what the run was asked for and what its tuning tried."""
    job, run_id = report["data"]["rebalancing_job"], report["run"]
    configs = {
        "rebalance": target.uri("governance/rebalanced", job, "config/rebalance.json"),
        "bias": target.uri("governance/clarify", f"{bias_jobs.JOB_NAME_PREFIX}-mitigated-{run_id}", "config/analysis_config.json"),
        "shap": target.uri("governance/clarify", f"{shap_jobs.JOB_NAME_PREFIX}-mitigated-{run_id}", "config/analysis_config.json"),
    }
    for name, uri in configs.items():
        (folder / f"{name}.json").write_bytes(target.files.read(uri))
    names = [f"{training_jobs.JOB_NAME_PREFIX}-{run_id}", *(trial.name for trial in tuning_jobs.list_trials(target, report["tuning_job"]))]
    (folder / "trials.json").write_text(json.dumps([training_jobs.describe_job(target, name).raw["HyperParameters"] for name in names]))


def agree(report: dict[str, Any], bare: dict[str, Any]) -> None:
    """Both sides must have the same models, and found the same of them: AUC on the test rows, and every bias metric."""
    for model in report["models"]:
        other = bare["analyses"][model["role"]]
        auc = other["governance"]["performance"]["auc"]["value"]
        assert abs(model["metrics"]["auc"]["value"] - auc) < 1e-6, (model["role"], model["metrics"]["auc"], auc)
        for stage in ("pre_training", "post_training"):
            (found,) = next(iter(other[f"{stage}_bias_metrics"]["facets"].values()))
            values = {metric["name"]: metric["value"] for metric in found["metrics"]}
            assert {k: v for k, v in model["bias"][stage].items() if values[k] != v} == {}, (model["role"], stage)


if __name__ == "__main__":
    run("demo", rows)
