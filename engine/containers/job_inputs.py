"""What several containers read from the folders of a job: models, single CSV files, hashes of files; and cells as they write them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.analysis.explanations import xgboost_model
from core.analysis.tables import table_reading
from core.analysis.tables.csv_cells import TableError
from core.analysis.tables.table_reading import TableReading
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


def read_table(paths: Sequence[Path], headers: Sequence[str] | None = None) -> TableReading:
    """The table in CSV files, taken together: text, numbers and missing cells as in an upload, and what is to be known about it.

    ``headers``: the columns' names; files without a first line of names have them in this order, files with one in any. Raises
    ContainerError.
    """
    texts = []
    for path in paths:
        try:
            texts.append(path.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ContainerError(f"{path.name} is not CSV in UTF-8: {error}") from error
        if not texts[-1].strip():
            raise ContainerError(f"{path.name} is empty")
    first = [text.lstrip().partition("\n")[0].strip() for text in texts]
    if len(texts) > 1 and len(set(first)) == 1 and (headers is None or set(first[0].split(",")) == set(headers)):
        texts[1:] = [text.lstrip().partition("\n")[2] for text in texts[1:]]
    elif len(texts) > 1 and headers is None:
        raise ContainerError(f"{paths[0].name} and {paths[1].name} have different first lines: {first[0]!r} and {first[1]!r}")
    try:
        return table_reading.read_table("\n".join(text.rstrip("\r\n") for text in texts), headers=headers)
    except TableError as error:
        raise ContainerError(f"{paths[0].name}: {error} {error.hint}") from error


def find_csv(folder: Path) -> Path:
    """The one CSV file in or below ``folder``. Raises ContainerError unless there is exactly one."""
    found = sorted(folder.rglob("*.csv"))
    if len(found) != 1:
        raise ContainerError(f"one CSV file is expected in the data input, {len(found)} were found")
    return found[0]


def no_formula(cell: str) -> str:
    """The text of a CSV cell; one that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
