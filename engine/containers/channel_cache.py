"""The numbers of a channel, kept for the next job that reads the same files: the trials of a tuning job parse their CSV once.

What is kept goes by the SHA-256 of the files themselves, and is thrown away when the engine starts.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float32]
MOST_TABLES = 6
MOST_BYTES = 256 * 1024**2
"""A larger table isn't kept."""


def table(files: Sequence[Path], folder: Path | None, parse: Callable[[], Table]) -> Table:
    """The numbers in ``files``, from ``folder`` where an earlier job kept them, else parsed and kept. Without a folder always parsed."""
    if folder is None:
        return parse()
    path = folder / f"{_digest(files)}.npy"
    with contextlib.suppress(OSError, ValueError):
        found: Table = np.load(path)
        return found
    made = parse()
    if made.nbytes <= MOST_BYTES:
        with contextlib.suppress(OSError):  # a disk that takes no more: the job has its table all the same
            _keep(path, made)
    return made


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()


def _keep(path: Path, made: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            np.save(file, made)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    newest_last = sorted(path.parent.glob("*.npy"), key=lambda one: one.stat().st_mtime)
    for old in newest_last[:-MOST_TABLES]:
        old.unlink(missing_ok=True)
