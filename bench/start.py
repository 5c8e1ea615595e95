"""The engine's start after a crash on a workspace with 1,000 jobs, beside the same on an empty one."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.compare import Goal, Row, compare, run
from engine import lifecycle
from engine.context import Context
from engine.jobs.job_queue import JobQueue
from engine.principal import ACCOUNT
from engine.sagemaker.job_operations import training_jobs
from engine.sagemaker.job_operations.sagemaker_jobs import SageMakerJobs
from engine.store.objects import ObjectStore
from engine.store.records import Store

INTERRUPTED = 10


def request(number: int) -> dict[str, Any]:
    return {
        "TrainingJobName": f"job-{number:05}",
        "AlgorithmSpecification": {
            "TrainingImage": "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "TrainingInputMode": "File",
        },
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/governance-execution",
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://bench/{number % 20}/"}}}
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://bench/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": {"objective": "binary:logistic", "num_round": "50"},
    }


def fill(workspace: Path, jobs: int) -> None:
    """So many training jobs, written as the engine writes them, with logs, metrics and lineage; the last ten were interrupted."""
    workspace.mkdir(parents=True, exist_ok=True)
    context = Context(workspace, lifecycle.configured_region(), Store(workspace / "engine.db"), ObjectStore(workspace / "objects"))
    context.jobs = JobQueue(context, SageMakerJobs(context))
    with context.store.transaction():  # as one: a thousand times faster than one by one
        for number in range(jobs):
            name = request(number)["TrainingJobName"]
            training_jobs.launch_training_job(context, request(number))
            lines = [(int(time.time() * 1000), f"[{n}]#011train-auc:0.8") for n in range(50)]
            context.store.append_log("/aws/sagemaker/TrainingJobs", f"{name}/algo-1-1", lines)
            if number < jobs - INTERRUPTED:
                model = {"ModelArtifacts": {"S3ModelArtifacts": f"s3://bench/out/{name}/output/model.tar.gz"}}
                context.jobs.finish_job("training-job", name, "Completed", metrics={"train:auc": 0.8}, extra=model)
    context.store.close()
    context.objects.close()


def start_and_kill(workspace: Path) -> None:
    lifecycle.ensure_running(workspace)
    os.kill(json.loads((workspace / "engine.json").read_text())["pid"], signal.SIGKILL)
    while lifecycle._is_locked(workspace):
        time.sleep(0.005)


def rows(small: bool) -> list[Row]:
    jobs, runs = (20, 1) if small else (1000, 5)
    with tempfile.TemporaryDirectory(prefix="bench-start-", ignore_cleanup_errors=True) as folder:
        full, empty = Path(folder) / "full", Path(folder) / "empty"
        empty.mkdir()
        fill(full, jobs)
        return [
            compare(
                f"start after a crash, {jobs:,} jobs",
                lambda: start_and_kill(full),
                lambda: start_and_kill(empty),
                peer_name="an empty workspace",
                runs=runs,
                goal=Goal(at_most=1.5),
            )
        ]


if __name__ == "__main__":
    run("start", rows)
