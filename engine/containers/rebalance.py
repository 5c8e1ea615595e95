"""The rebalancing container: splits once, rebalances the training part, writes the files and a manifest with their hashes.

Processing contract: ``rebalance.json`` under /opt/ml/processing/input/config, one CSV with a header under …/input/data, results under
…/output. The same input and seed give the same bytes. Empty cells of features stay empty, except in the columns that ``missing`` names.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.before_and_after import BeforeAndAfter, FacetRoles, compare_before_and_after
from core.analysis.leaks.leak_findings import find_leaks
from core.analysis.leaks.row_twins import RowTwins
from core.analysis.resampling.missing_cells import fill_for_distances, fill_with_medians
from core.analysis.resampling.resampling import RebalanceConfig, Resampled, ResamplingError, asked_counts, rebalance
from core.analysis.resampling.splitting import SplitError, count_leaked_rows, split_rows
from core.analysis.tables.column_kinds import ColumnError, to_integers
from core.analysis.tables.csv_writer import header_line, row_lines
from core.analysis.tables.value_names import ValueNames
from engine.containers import ContainerError, rebalance_details
from engine.containers.job_inputs import PROCESSING_FOLDER, file_sha256, find_csv, read_table


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the container on ``root``. Raises ContainerError, naming the column and how to fix it."""
    config, path = _read_config(root), find_csv(root / PROCESSING_FOLDER / "input/data")
    try:
        frame, left_out = _read_rows(path, config)
        report = _split_and_rebalance(frame, config, root / PROCESSING_FOLDER / "output")
    except (ColumnError, ResamplingError, SplitError) as error:
        raise ContainerError(str(error)) from error
    report["input"] = {"rows": len(frame), "sha256": file_sha256(path), "columns": list(frame.columns)}
    if left_out:
        report["input"]["left_out_rows"] = left_out
        print(" ".join(f"{rows} rows without {column} were left out." for column, rows in left_out.items()))
    (root / PROCESSING_FOLDER / "output" / "manifest.json").write_text(json.dumps(report, indent=1, allow_nan=False))
    print(f"{report['config']['method']}: {report['split']['train_rows']} training rows, {report['synthetic']['count']} synthetic")


def _read_config(root: Path) -> dict[str, Any]:
    path = root / PROCESSING_FOLDER / "input/config/rebalance.json"
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ContainerError(f"rebalance.json cannot be read: {error}") from error
    lacking = [name for name in ("label", "facet", "facet_value", "favourable") if name not in config]
    if lacking:
        raise ContainerError(f"rebalance.json lacks {', '.join(lacking)}")
    defaults: dict[str, Any] = {
        "group": None,
        "further_facets": [],
        "categorical": [],
        "ignored": [],
        "method": "smote-nc",
        "target": "facet",
        "parameters": {},
        "seed": 42,
        "validation_size": 0.16,
        "test_size": 0.2,
        "order": "split_first",
        "missing": {},
    }
    config = {**defaults, **config}
    if config["order"] not in {"split_first", "workshop"}:
        raise ContainerError(f"order must be split_first or workshop, not {config['order']!r}")
    for column, treatment in config["missing"].items():
        if treatment not in {"keep", "median"}:
            raise ContainerError(f"missing: {column} must be keep or median, not {treatment!r}")
    if not config["missing"]:  # the manifest of a table without such columns is that of earlier versions
        del config["missing"]
    return config


def _read_rows(path: Path, config: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows that have a label and a facet; and of each of the two columns, how many rows were left out because it is empty."""
    reading = read_table([path])
    frame, undecided = reading.frame, {finding.column: f": {finding.message}" for finding in reading.blocking()}
    further = [column for column, _ in config["further_facets"]]
    group = [config["group"]] if config["group"] else []
    named = [config["label"], config["facet"], *further, *group, *config["categorical"], *config["ignored"], *config.get("missing", {})]
    for name in named:
        if name not in frame.columns:
            raise ContainerError(f"column {name} is not in {path.name}; its columns are {', '.join(map(str, frame.columns[:30]))}")
    frame = frame.drop(columns=config["ignored"])
    frame = frame[[config["label"], *[c for c in frame.columns if c != config["label"]]]]
    for name in frame.columns:
        if frame[name].dtype.kind not in "iuf":
            raise ContainerError(f"column {name} contains text{undecided.get(name, '')}; code its values as numbers, or ignore the column")
    empty = {name: int(frame[name].isna().sum()) for name in (config["label"], config["facet"])}
    left_out = {name: rows for name, rows in empty.items() if rows}
    frame = frame.dropna(subset=list(left_out)).reset_index(drop=True) if left_out else frame
    frame = to_integers(frame, [config["label"], config["facet"]], [*further, *config["categorical"]])
    values = set(frame[config["label"]].unique())
    if values != {0, 1}:
        raise ContainerError(f"the label {config['label']} must have the values 0 and 1, not {sorted(values)[:5]}")
    names = ValueNames.from_json(config.get("value_names"))
    if config["favourable"] not in values:
        has = ", ".join(names.value(config["label"], value) for value in sorted(values))
        raise ContainerError(f"no row has the favourable outcome {names.describe(config['label'], config['favourable'])}; there are {has}")
    for column, source in config.get("derived", {}).items():
        if not {column, source} <= set(frame.columns):
            raise ContainerError(f"derived: {column} or its source {source} is not a column of {path.name}")
    for column, value in [(config["facet"], config["facet_value"]), *config["further_facets"]]:
        if value not in set(frame[column].dropna().unique()):
            raise ContainerError(f"the value {names.value(column, value)} does not occur in column {column}")
    return frame, left_out


def _split_and_rebalance(frame: pd.DataFrame, config: dict[str, Any], output: Path) -> dict[str, Any]:
    label, facet, value = config["label"], config["facet"], config["facet_value"]
    names = ValueNames.from_json(config.get("value_names"))
    ask = RebalanceConfig(
        label,
        facet,
        value,
        config["method"],
        config["target"],
        tuple(config["categorical"]),
        config["parameters"],
        config["seed"],
        (*(column for column, _ in config["further_facets"]), *config.get("derived", {}).values()),
        names,
    )
    sizes: dict[str, Any] = {key: config[key] for key in ("seed", "validation_size", "test_size")} | {"names": names}
    parts = split_rows(frame, label, facet, value, **sizes)
    print(f"Split {len(frame):,} rows; looking for leaks and twins", flush=True)
    leaks = find_leaks(
        frame.drop(columns=list(config.get("derived", {}))),
        label,
        training=parts.train,
        held_out={"test": parts.test, "validation": parts.validation},
    )
    medians = [column for column, treatment in config.get("missing", {}).items() if treatment == "median"]
    filled = fill_with_medians(frame, medians, parts.train, parts.validation, parts.test)
    frame = filled.frame
    train, validation, test = (frame.iloc[rows].reset_index(drop=True) for rows in (parts.train, parts.validation, parts.test))
    held_out = np.concatenate([parts.validation, parts.test])
    print(f"Rebalancing {len(train):,} training rows by {config['method']}", flush=True)
    if config["order"] == "split_first":
        result = rebalance(train, ask)
        origins = np.where(result.origin >= 0, parts.train[np.maximum(result.origin, 0)], -1)
        sources = origins
        disjoint, leaked = not np.isin(origins, held_out).any(), count_leaked_rows(origins, held_out)
    else:
        result, validation, test, held_out, leaked = _rebalance_then_split(frame, ask, sizes)
        disjoint, sources = not leaked, result.origin
        leaks = replace(leaks, twins_in_training=_count_twins(result.frame, {"test": test, "validation": validation}, label))
    derived = list(config.get("derived", {}))  # facets by a threshold: measured by, and given to no model
    columns = [name for name in frame.columns if name not in derived]
    output.mkdir(parents=True, exist_ok=True)
    files = {
        "train_res.csv": (_with_weights(result.frame, result.weights), False),
        "train_res_header.csv": (result.frame, True),
        "train.csv": (train, False),
        # The algorithm reads a weight in both channels or in none, so validation rows have one too: each counts once.
        "validation_res.csv": (_with_weights(validation, None if result.weights is None else np.ones(len(validation))), False),
        **({} if result.weights is None else {"validation.csv": (validation, False)}),
        "test_res.csv": (test, False),
        "validation_header.csv": (validation, True),
        "test_header.csv": (test, True),
    }
    print(f"Writing {len(result.frame):,} training, {len(validation):,} validation and {len(test):,} test rows", flush=True)
    lines = _SharedLines()
    described = {}
    for name, (whole, header) in files.items():
        table = whole if header or not derived else whole.drop(columns=derived)
        content = "\n".join([*([header_line(table.columns)] if header else []), *lines.of(table), ""]).encode()
        (output / name).write_bytes(content)
        described[name] = {"sha256": hashlib.sha256(content).hexdigest(), "rows": len(table), "columns": list(table.columns)}
    synthetic = np.flatnonzero(result.synthetic)
    asked = asked_counts(train, ask)
    details = rebalance_details.write_details(output, train, result, sources, lines.of(result.frame), config)
    return {
        "config": config,
        "files": described,
        "features": columns[1:],
        "weights": result.weights is not None,
        "split": {
            "seed": config["seed"],
            "stratified_on": [label, facet],
            "train_rows": len(result.frame),
            "original_train_rows": len(train),
            "validation_rows": len(validation),
            "test_rows": len(test),
            "disjoint": bool(disjoint),
            "row_ids_sha256": {
                part: hashlib.sha256(",".join(map(str, rows)).encode()).hexdigest()
                for part, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test))
            },
        },
        "synthetic": {
            "count": len(synthetic),
            "share": len(synthetic) / len(result.frame),
            "first_row": int(synthetic[0]) if len(synthetic) else None,
            "rows": synthetic.tolist(),
        },
        "leaked_rows": leaked,
        "held_out_duplicates": rebalance_details.count_duplicates(result.frame[~result.synthetic], pd.concat([validation, test])),
        "leaks": leaks.to_json(),
        "details": details,
        **_before_and_after(train, result, asked, config),
        "further_facets": [
            {"facet": column, "facet_value": of, **_before_and_after(train, result, asked, {**config, "facet": column, "facet_value": of})}
            for column, of in config["further_facets"]
        ],
        "missing": filled.columns,
    }


class _SharedLines:
    """The lines of tables as CSV: each table is written once, and one that begins another is read off it."""

    def __init__(self) -> None:
        self.written: list[tuple[pd.DataFrame, list[str]]] = []

    def of(self, table: pd.DataFrame) -> list[str]:
        for other, lines in self.written:
            if table is other or other.head(len(table)).equals(table):
                return lines[: len(table)]
        lines = row_lines(table)
        self.written.append((table, lines))
        return lines


def _with_weights(frame: pd.DataFrame, weights: NDArray[np.float64] | None) -> pd.DataFrame:
    """The rows with their weights in the second column; without weights, the rows themselves."""
    if weights is None:
        return frame
    weighted = frame.copy()
    weighted.insert(1, "__weight", np.round(weights, 9))
    return weighted


def _before_and_after(train: pd.DataFrame, result: Resampled, asked: NDArray[np.float64], config: dict[str, Any]) -> BeforeAndAfter:
    """What changed by the facet that ``config`` names."""
    names = ValueNames.from_json(config.get("value_names"))
    roles = FacetRoles(config["label"], config["favourable"], config["facet"], config["facet_value"], config["group"], names)
    return compare_before_and_after(train, result.frame, result.weights, asked, roles)


def _rebalance_then_split(
    frame: pd.DataFrame, ask: RebalanceConfig, sizes: dict[str, Any]
) -> tuple[Resampled, pd.DataFrame, pd.DataFrame, NDArray[np.int64], int]:
    """The workshop's order: everything is rebalanced, then split. Counts the held-out rows that training rows were made from or are."""
    whole = rebalance(frame, ask)
    parts = split_rows(whole.frame, ask.label, ask.facet, ask.facet_value, **sizes)
    train, validation, test = (whole.frame.iloc[rows].reset_index(drop=True) for rows in (parts.train, parts.validation, parts.test))
    held_out = np.concatenate([parts.validation, parts.test])
    synthetic = whole.synthetic
    result = replace(
        whole,
        frame=train,
        synthetic=synthetic[parts.train],
        origin=whole.origin[parts.train],
        seeds=whole.seeds[parts.train],
        weights=None if whole.weights is None else whole.weights[parts.train],
    )
    return result, validation, test, held_out, _count_leaked(whole, parts.train, held_out, ask)


def _count_twins(train: pd.DataFrame, held_out: dict[str, pd.DataFrame], label: str) -> dict[str, RowTwins]:
    """The twins, among the training rows, of the rows of each other part."""
    edges = np.cumsum([len(train), *(len(part) for part in held_out.values())])
    rows = {name: np.arange(low, high) for name, (low, high) in zip(held_out, pairwise(edges), strict=True)}
    whole = pd.concat([train, *held_out.values()], ignore_index=True)
    return find_leaks(whole, label, training=np.arange(len(train)), held_out=rows).twins_in_training


def _count_leaked(whole: Resampled, train: NDArray[np.int64], held_out: NDArray[np.int64], ask: RebalanceConfig) -> int:
    """Held-out rows that are synthetic, that have a copy or a synthetic neighbour in training, or that are the seed of a training row."""
    from sklearn.neighbors import NearestNeighbors

    values = fill_for_distances(whole.frame.drop(columns=[ask.label, ask.facet]), ask.categorical)
    leaked = whole.synthetic[held_out].copy()
    copies = np.isin(whole.origin[held_out], whole.origin[train][whole.origin[train] >= 0]) & (whole.origin[held_out] >= 0)
    leaked |= copies
    made = train[whole.synthetic[train] & (whole.origin[train] < 0)]
    leaked |= np.isin(whole.origin[held_out], whole.seeds[made])
    real = np.flatnonzero(~whole.synthetic)
    if len(made) and len(real):
        near = NearestNeighbors(n_neighbors=1, algorithm="kd_tree", n_jobs=-1).fit(values[real])
        sources = real[near.kneighbors(values[made], return_distance=False)[:, 0]]
        leaked |= np.isin(held_out, sources)
    return int(leaked.sum())
