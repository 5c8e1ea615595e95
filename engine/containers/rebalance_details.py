"""What a rebalancing writes for its page: histograms, and the synthetic rows in files that a page can read one at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.resampling.resampling import Resampled
from core.analysis.tables.csv_writer import header_line
from core.analysis.tables.histograms import compare_distributions
from engine.containers.job_inputs import file_sha256

ROWS_PER_FILE = 1000
"""Synthetic rows in one file."""


def write_details(
    output: Path, train: pd.DataFrame, result: Resampled, sources: NDArray[np.int64], lines: Sequence[str], config: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Write the files; returns each one's hash and rows. ``sources``: of each row of the result, its row number in the data set, -1 for
    one that was interpolated; ``lines``: each row of the result as CSV."""
    features = [name for name in train.columns if name != config["label"]]
    columns = [config["label"], *features]
    found = compare_distributions(train[columns], result.frame[columns], result.synthetic, facet=config["facet"], weights=result.weights)
    path = output / "distributions.json"
    path.write_text(json.dumps({"features": found}, separators=(",", ":"), allow_nan=False))
    written = {path.name: {"sha256": file_sha256(path), "rows": len(found)}}
    made = np.flatnonzero(result.synthetic)
    folder, header = output / "synthetic", header_line(["row", "copy of", *result.frame.columns])
    for number, start in enumerate(range(0, len(made), ROWS_PER_FILE)):
        rows = made[start : start + ROWS_PER_FILE].tolist()
        table = [f"{row},{'' if sources[row] < 0 else sources[row]},{lines[row]}" for row in rows]
        folder.mkdir(exist_ok=True)
        path = folder / f"part-{number:05d}.csv"
        content = "\n".join([header, *table, ""]).encode()
        path.write_bytes(content)
        written[f"synthetic/{path.name}"] = {"sha256": hashlib.sha256(content).hexdigest(), "rows": len(table)}
    return written


def count_duplicates(train: pd.DataFrame, held_out: pd.DataFrame) -> int:
    """Held-out rows that are equal to some training row, label and all: mostly other people with the same values."""
    known = set(pd.util.hash_pandas_object(train, index=False))
    return int(pd.util.hash_pandas_object(held_out, index=False).isin(known).sum())
