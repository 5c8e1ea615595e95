"""One job in a process of its own: inputs from S3, the container, outputs to S3. Messages about it go to the engine through a pipe.

Messages to the engine: ("log", milliseconds, line, {metric: value}), ("status", secondary status),
("done", {"model": URI} or {"message": exit message} or {}), ("rule", name, status, reason or None),
("failed", reason, exit message or None), ("end",).
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.containers import ContainerError, entry
from engine.jobs.workers.job_files import InputError, download_objects, pack_folder, resolve_container_path, upload_bytes, upload_folder
from engine.jobs.workers.metric_lines import read_metrics
from engine.limits import MAX_WORKER_BYTES


@dataclass(frozen=True)
class Task:
    """What a worker needs to know about its job."""

    kind: str
    name: str
    root: str
    container: str
    body: dict[str, Any]
    endpoint: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    region: str
    channel_cache: str
    """The folder in which parsed channels are kept for later jobs."""
    model_data_url: str | None = None


SEE_LOG = "AlgorithmError: See job logs for more information"
"""SageMaker's failure reason for any processing container that fails; the container's own reason is in the exit message."""


class ContainerFailed(Exception):
    """A processing container ended with an exit code other than 0; the message is the container's own."""


class _LineWriter(io.TextIOBase):
    """Standard output of a container, sent line by line."""

    def __init__(self, send: Any) -> None:
        self.send, self.rest = send, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self.send(line)
        return len(text)

    def send_rest(self) -> None:
        if self.rest:
            self.send(self.rest)
        self.rest = ""


def run_job(task: Task, pipe: Connection) -> None:
    """Entry point of the worker process. It ends when the engine ends, so that a restarted job has its folder to itself."""
    import boto3  # imported here, since the engine itself needs neither
    from botocore.config import Config

    threading.Thread(target=_end_with_engine, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.setpgrp()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # when memory runs out, the system ends this process and not the engine
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    _limit_memory(MAX_WORKER_BYTES if most == resource.RLIM_INFINITY else min(MAX_WORKER_BYTES, most))
    s3 = boto3.client(
        "s3",
        endpoint_url=task.endpoint,
        aws_access_key_id=task.access_key_id,
        aws_secret_access_key=task.secret_access_key,
        aws_session_token=task.session_token,
        region_name=task.region,
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )
    root = Path(task.root)
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)

    def line(text: str) -> None:
        pipe.send(("log", int(time.time() * 1000), text, dict(read_metrics(text))))

    lines = _LineWriter(line)
    try:
        with contextlib.redirect_stdout(lines), contextlib.redirect_stderr(lines):
            if task.kind == "training-job":
                _run_training(task, root, s3, pipe)
            else:
                _run_processing(task, root, s3, pipe)
            lines.send_rest()
    except InputError as error:
        pipe.send(("failed", f"ClientError: {error}", None))
    except ContainerFailed as error:
        lines.send_rest()
        pipe.send(("failed", SEE_LOG, str(error)))
    except ContainerError as error:
        lines.send_rest()
        pipe.send(("failed", f"AlgorithmError: {error}, exit code: 1", None))
    except MemoryError:
        _limit_memory(most)
        why = f"the job needs more memory than the {MAX_WORKER_BYTES // 1024**2:,} MiB of a worker"
        training = task.kind == "training-job"
        pipe.send(("failed", f"AlgorithmError: {why}, exit code: 137" if training else SEE_LOG, None if training else why))
    except Exception as error:
        for text in traceback.format_exc().splitlines():
            line(text)
        pipe.send(("failed", f"InternalServerError: {type(error).__name__}: {error}", None))
    finally:
        shutil.rmtree(root, ignore_errors=True)
        pipe.send(("end",))


def _limit_memory(size: int) -> None:
    """Limit this process's own memory to ``size`` bytes: more is a MemoryError here, and doesn't end another process."""
    resource.setrlimit(resource.RLIMIT_DATA, (size, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _end_with_engine() -> None:
    engine = multiprocessing.parent_process()
    if engine is not None:
        engine.join()
        os._exit(1)


def _import_container(name: str) -> Any:
    return importlib.import_module(f"engine.containers.{name}")


def _run_training(task: Task, root: Path, s3: Any, pipe: Connection) -> None:
    body, opt = task.body, root / "opt/ml"
    for folder in ("input/config", "input/data", "model", "output/data"):
        (opt / folder).mkdir(parents=True)
    pipe.send(("status", "Downloading"))
    channels = body.get("InputDataConfig", [])
    for channel in channels:
        source = channel["DataSource"]["S3DataSource"]
        download_objects(s3, source["S3Uri"], opt / "input/data" / channel["ChannelName"], source.get("S3DataType", "S3Prefix"))
    config = {
        "hyperparameters.json": body.get("HyperParameters", {}),
        "inputdataconfig.json": {
            c["ChannelName"]: {
                "ContentType": c.get("ContentType", ""),
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": c.get("RecordWrapperType", "None"),
            }
            for c in channels
        },
        "resourceconfig.json": {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"},
    }
    for name, content in config.items():
        (opt / "input/config" / name).write_text(json.dumps(content))
    pipe.send(("status", "Training"))
    environment = {**body.get("Environment", {}), "TRAINING_JOB_NAME": task.name, "ENGINE_KEPT_TABLES": task.channel_cache}
    _import_container(task.container).main(root, environment)
    pipe.send(("status", "Uploading"))
    target = body["OutputDataConfig"]["S3OutputPath"].rstrip("/") + f"/{task.name}"
    uri = f"{target}/output/model.tar.gz"
    upload_bytes(s3, uri, pack_folder(opt / "model"), body["OutputDataConfig"].get("KmsKeyId"))
    pipe.send(("done", {"model": uri}))
    for rule in body.get("DebugRuleConfigurations", []):
        _run_rule(task, rule, root, s3, pipe, target)


def _run_rule(task: Task, rule: dict[str, Any], root: Path, s3: Any, pipe: Connection, output_uri: str) -> None:
    name = rule["RuleConfigurationName"]
    invoked = rule.get("RuleParameters", {}).get("rule_to_invoke")
    if invoked != "CreateXgboostReport":
        pipe.send(("rule", name, "Error", f"this engine has no rule {invoked!r}"))
        return
    try:
        folder = root / "opt/ml/output/rule"
        folder.mkdir(parents=True, exist_ok=True)
        _import_container("xgboost_report").main(root, task.body.get("Environment", {}))
        upload_folder(
            s3,
            folder,
            f"{rule.get('S3OutputPath', output_uri).rstrip('/')}/rule-output/{name}",
            task.body["OutputDataConfig"].get("KmsKeyId"),
        )
        pipe.send(("rule", name, "NoIssuesFound", None))
    except Exception as error:
        print(traceback.format_exc())
        pipe.send(("rule", name, "Error", str(error)))


def _run_processing(task: Task, root: Path, s3: Any, pipe: Connection) -> None:
    body = task.body
    for item in body.get("ProcessingInputs", []):
        source = item.get("S3Input")
        if source is None:
            raise InputError(f"input {item['InputName']} is not an S3Input")
        download_objects(s3, source["S3Uri"], resolve_container_path(root, source["LocalPath"]), source.get("S3DataType", "S3Prefix"))
    if task.model_data_url:
        download_objects(s3, task.model_data_url, root / "opt/ml/processing/input/model", "S3Prefix")
    outputs = body.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for item in outputs:
        resolve_container_path(root, item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    configs = {"processingjobconfig.json": body, "resourceconfig.json": {"current_host": "algo-1", "hosts": ["algo-1"]}}
    (root / "opt/ml/config").mkdir(parents=True, exist_ok=True)
    for name, content in configs.items():
        (root / "opt/ml/config" / name).write_text(json.dumps(content))
    ended = entry.run_container(task.container, root, dict(body.get("Environment", {})))
    if ended.code:
        raise ContainerFailed(ended.reason)
    key = body.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    for item in outputs:
        upload_folder(s3, resolve_container_path(root, item["S3Output"]["LocalPath"]), item["S3Output"]["S3Uri"], key)
    pipe.send(("done", {"message": ended.reason} if ended.reason else {}))
