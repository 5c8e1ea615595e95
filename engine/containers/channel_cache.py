"""The numbers of a channel, kept for the next job that reads the same files: the trials of a tuning job parse their CSV once.

Files are recognised by their SHA-256; the engine empties the cache when it starts.
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
MAX_TABLES = 6
MAX_TABLE_BYTES = 256 * 1024**2
"""A larger table isn't kept."""


def load_or_parse(files: Sequence[Path], cache_folder: Path | None, parse: Callable[[], Table]) -> Table:
    """The numbers in ``files``, from ``cache_folder`` where an earlier job kept them, else parsed and kept. Without a folder always
    parsed."""
    if cache_folder is None:
        return parse()
    path = cache_folder / f"{_hash_files(files)}.npy"
    with contextlib.suppress(OSError, ValueError):
        found: Table = np.load(path)
        return found
    made = parse()
    if made.nbytes <= MAX_TABLE_BYTES:
        with contextlib.suppress(OSError):  # the disk may be full: the job has its table anyway
            _store_table(path, made)
    return made


def _hash_files(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()


def _store_table(path: Path, numbers: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        with draft.open("wb") as file:
            np.save(file, numbers)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    newest_last = sorted(path.parent.glob("*.npy"), key=lambda one: one.stat().st_mtime)
    for old in newest_last[:-MAX_TABLES]:
        old.unlink(missing_ok=True)
