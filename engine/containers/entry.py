"""An entry point of the product's own image, run as SageMaker Processing runs a container.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
The job's request lies in /opt/ml/config/processingjobconfig.json, its hosts in resourceconfig.json beside it; inputs and outputs are
folders at the request's local paths; the log is standard output. A job succeeds by the exit code 0; otherwise the reason is written
to /opt/ml/output/message, the beginning of which DescribeProcessingJob gives as ExitMessage.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.containers import ENTRY_POINTS, ContainerError

EXIT_USER_ERROR, EXIT_DEFECT, EXIT_OUT_OF_MEMORY, EXIT_STOPPED = 1, 2, 137, 143
"""Exit codes: an error that the user can fix, a defect of the product, and a process that SIGKILL or SIGTERM ended."""
MESSAGE_FILE = Path("opt/ml/output/message")
MAX_MESSAGE_BYTES = 1024
"""Bytes of the message that SageMaker keeps."""
DEFAULT_MAX_SECONDS = 3600


@dataclass(frozen=True)
class ContainerExit:
    """How a container ended: its exit code, and its message: why it failed, or what a completed job could not do."""

    code: int
    reason: str = ""


def run_container(module: str, root: Path, environment: dict[str, str]) -> ContainerExit:
    """Run a container's module on ``root``. A MemoryError is raised to the caller, which knows the memory limit."""
    try:
        check_inputs_and_outputs(root)
        importlib.import_module(f"engine.containers.{module}").main(root, environment)
        return ContainerExit(0, read_message(root))
    except ContainerError as error:
        ended = ContainerExit(EXIT_USER_ERROR, str(error))
    except OSError as error:
        print(traceback.format_exc(), flush=True)
        ended = ContainerExit(EXIT_DEFECT, _os_error_text(error))
    except MemoryError:
        raise
    except Exception as error:
        print(traceback.format_exc(), flush=True)
        ended = ContainerExit(EXIT_DEFECT, f"{type(error).__name__}: {error}")
    leave_message(root, ended.reason)
    return ended


def leave_message(root: Path, message: str) -> None:
    """Leave a message, such as why the job fails, in the log and where SageMaker looks for it; on a full disk it is in the log only."""
    print(message, flush=True)
    path = root / MESSAGE_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(message.encode()[:MAX_MESSAGE_BYTES].decode(errors="ignore").encode())
    except OSError as error:
        print(f"{path} cannot be written: {error}", flush=True)


def read_message(root: Path) -> str:
    """The message that a container left; empty if it left none."""
    path = root / MESSAGE_FILE
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def read_max_seconds(root: Path) -> float:
    """How long the job may run, in seconds: its MaxRuntimeInSeconds; an hour, as the product's own jobs, if it isn't known."""
    condition = _read_config(root, "processingjobconfig.json").get("StoppingCondition") or {}
    return float(condition.get("MaxRuntimeInSeconds") or DEFAULT_MAX_SECONDS)


def check_inputs_and_outputs(root: Path) -> None:
    """Raise ContainerError, before anything is computed, for a missing input or an output that can't be written."""
    if len(_read_config(root, "resourceconfig.json").get("hosts") or [""]) > 1:
        raise ContainerError("this image works on one instance: give the job an InstanceCount of 1")
    request = _read_config(root, "processingjobconfig.json")
    for item in request.get("ProcessingInputs") or []:
        source = item.get("S3Input") or {}
        folder = _path_under(root, source.get("LocalPath"))
        if not folder.is_dir() or not any(path.is_file() for path in folder.rglob("*")):
            raise ContainerError(f"the input {item.get('InputName')} has no file: nothing came from {source.get('S3Uri')} to /{folder}")
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    for path in [(item.get("S3Output") or {}).get("LocalPath") for item in outputs] or ["/opt/ml/processing/output"]:
        folder = _path_under(root, path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ContainerError(f"the output folder {path} cannot be made: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ContainerError(f"the output folder {path} cannot be written by user {os.getuid()}: run the image as root")


def _path_under(root: Path, path: str | None) -> Path:
    return root / (path or "").lstrip("/")


def _read_config(root: Path, name: str) -> dict[str, Any]:
    """A file that SageMaker writes beside the container; {} where there is none, as with a ``docker run`` by hand."""
    path = root / "opt/ml/config" / name
    try:
        found = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise ContainerError(f"/opt/ml/config/{name} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _os_error_text(error: OSError) -> str:
    """What the system refused, with the remedy where it is known."""
    said = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    if error.errno == errno.ENOSPC:
        return f"{said}; give the job a larger volume (VolumeSizeInGB)"
    return said


def entry_point_module(entry: str) -> str:
    """The module of an entry point. Raises ContainerError, listing the entry points, for another name."""
    if entry not in ENTRY_POINTS:
        raise ContainerError(f"there is no entry point {entry!r}; there are {', '.join(ENTRY_POINTS)}")
    return ENTRY_POINTS[entry]
