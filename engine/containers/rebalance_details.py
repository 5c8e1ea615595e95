"""What a rebalancing writes for its page: histograms, and the synthetic rows in files that a page can read one at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.resampling.resampling import Resampled
from core.analysis.tables.histograms import compare_distributions
from engine.containers.job_inputs import file_sha256

ROWS_PER_FILE = 1000
"""Synthetic rows in one file."""


def write_details(
    output: Path, train: pd.DataFrame, result: Resampled, sources: NDArray[np.int64], config: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Write the files; returns each one's hash and rows. ``sources``: of each row of the result, its row number in the data set, -1 for
    one that was interpolated."""
    features = [name for name in train.columns if name != config["label"]]
    columns = [config["label"], *features]
    found = compare_distributions(train[columns], result.frame[columns], result.synthetic, facet=config["facet"], weights=result.weights)
    path = output / "distributions.json"
    path.write_text(json.dumps({"features": found}, separators=(",", ":"), allow_nan=False))
    written = {path.name: {"sha256": file_sha256(path), "rows": len(found)}}
    made = np.flatnonzero(result.synthetic)
    folder = output / "synthetic"
    for number, start in enumerate(range(0, len(made), ROWS_PER_FILE)):
        rows = made[start : start + ROWS_PER_FILE]
        table = result.frame.iloc[rows].copy()
        table.insert(0, "row", rows)
        table.insert(1, "copy of", pd.Series(sources[rows], index=table.index, dtype="Int64").mask(lambda s: s < 0))
        folder.mkdir(exist_ok=True)
        path = folder / f"part-{number:05d}.csv"
        table.to_csv(path, index=False, lineterminator="\n")
        written[f"synthetic/{path.name}"] = {"sha256": file_sha256(path), "rows": len(table)}
    return written


def count_duplicates(train: pd.DataFrame, held_out: pd.DataFrame) -> int:
    """Held-out rows that are equal to some training row, label and all: mostly other people with the same values."""
    known = set(pd.util.hash_pandas_object(train, index=False))
    return int(pd.util.hash_pandas_object(held_out, index=False).isin(known).sum())
