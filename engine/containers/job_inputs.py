"""What several containers read from the folders of a job: models, single CSV files, hashes of files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from core.analysis.explanations import xgboost_model
from engine.containers import ContainerError

PROCESSING_FOLDER = Path("opt/ml/processing")
"""Where SageMaker Processing puts inputs and takes outputs from, below the container's root."""


def load_booster(archive: Path) -> Any:
    """The booster in a model.tar.gz. Raises ContainerError where there is none, or it can't be loaded."""
    try:
        return xgboost_model.load_booster(archive.read_bytes())
    except FileNotFoundError as error:
        raise ContainerError("There is no model.tar.gz of the predictor's model") from error
    except xgboost_model.ModelError as error:
        raise ContainerError(str(error)) from error


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_csv(folder: Path) -> Path:
    """The one CSV file in or below ``folder``. Raises ContainerError unless there is exactly one."""
    found = sorted(folder.rglob("*.csv"))
    if len(found) != 1:
        raise ContainerError(f"one CSV file is expected in the data input, {len(found)} were found")
    return found[0]
