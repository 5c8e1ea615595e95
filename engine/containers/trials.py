"""The container that judges every trial of a tuning job on the same held-out rows: performance and disparities, each with its interval.

Processing contract: ``trials.json`` under /opt/ml/processing/input/config, the rows as one CSV with a header under …/input/data, each
trial's model.tar.gz under …/input/models at the path that ``trials.json`` names, results under …/output: ``trials.json``, ``trials.csv``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.bias_json import FacetCounts
from core.analysis.bias.left_out_rows import left_out_sentences
from core.analysis.explanations.shap_values import predict_probabilities
from core.analysis.tables.column_kinds import ColumnError, bin_group, to_integers
from core.analysis.tables.feature_names import FeatureError, match_features
from core.analysis.tables.value_names import ValueNames
from core.analysis.trials.trial_reports import RESAMPLES, FacetRows, TrialReport, judge_trials, trial_report_to_json
from engine.containers import ContainerError, path_inside
from engine.containers.job_inputs import PROCESSING_FOLDER, file_sha256, find_csv, load_booster, no_formula, read_table

DEFAULTS: dict[str, Any] = {
    "favourable": 0,
    "group": None,
    "group_bins": 5,
    "threshold": 0.5,
    "seed": 0,
    "resamples": RESAMPLES,
    "features": None,
    "derived": [],
}


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the container on ``root``. A trial whose model can't be used is left out, with the reason. Raises ContainerError."""
    folder = root / PROCESSING_FOLDER
    config = _read_config(folder / "input/config/trials.json")
    frame = _read_rows(folder / "input/data", config)
    all_rows, labelled = len(frame), frame[config["label"]].notna()
    frame = frame[labelled].reset_index(drop=True)
    features = _order_features(frame.drop(columns=[config["label"], *config["derived"]]), config["features"])
    scores: dict[str, NDArray[np.float64]] = {}
    hashes: dict[str, str] = {}
    left_out: list[dict[str, str]] = []
    for trial in config["trials"]:
        try:
            path = path_inside(folder / "input/models", trial["path"])
            hashes[trial["name"]] = file_sha256(path)
            scores[trial["name"]] = predict_probabilities(load_booster(path), features)
        except (ContainerError, FeatureError, OSError) as error:
            left_out.append({"name": trial["name"], "reason": str(error)})
            print(f"{trial['name']} is left out: {error}", flush=True)
    if config["reference"] not in scores:
        reason = next((item["reason"] for item in left_out if item["name"] == config["reference"]), "it is not among the trials")
        raise ContainerError(f"the trial {config['reference']}, with which the others are compared, can't be used: {reason}")
    print(f"{len(scores)} trials on {len(frame)} rows, {config['resamples']} resamples", flush=True)
    facets = [FacetRows.of_column(frame[facet["name"]], facet["value"]) for facet in config["facets"]]
    group_missing = int(frame[config["group"]].isna().sum()) if config["group"] else 0
    missing: list[FacetCounts] = [
        {
            "facet": facet.name,
            "without_label": all_rows - len(frame),
            "without_facet": 0 if facet.known is None else int((~facet.known).sum()),
            "without_group": group_missing,
        }
        for facet in facets
    ]
    unknown = left_out_sentences(missing, config["label"], all_rows)
    print(*unknown, sep="\n", end="\n" if unknown else "", flush=True)
    group = _group_values(frame, config)
    reports = judge_trials(
        frame[config["label"]],
        scores,
        facets,
        reference=config["reference"],
        favourable=config["favourable"],
        group=group,
        threshold=config["threshold"],
        seed=config["seed"],
        resamples=config["resamples"],
    )
    output = folder / "output"
    output.mkdir(parents=True, exist_ok=True)
    content = {
        **{key: value for key, value in config.items() if key != "trials"},
        "rows": len(frame),
        "rows_left_out": unknown,
        "trials": [{**trial_report_to_json(report), "sha256": hashes[report.name]} for report in reports],
        "left_out": left_out,
    }
    (output / "trials.json").write_text(json.dumps(content, allow_nan=False))
    (output / "trials.csv").write_text(_figures_csv(reports, ValueNames.from_json(config.get("value_names"))))
    print("Wrote trials.json, trials.csv", flush=True)


def _group_values(frame: pd.DataFrame, config: dict[str, Any]) -> pd.Series[Any] | None:
    """The group of each row: a bin of the column's numbers, or one of its values if they are codes."""
    if not config["group"]:
        return None
    names = ValueNames.from_json(config.get("value_names"))
    column = frame[config["group"]]
    return names.to_categories(column) if names.is_coded(config["group"]) else bin_group(column, config["group_bins"])


def _read_config(path: Path) -> dict[str, Any]:
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ContainerError(f"trials.json cannot be read: {error}") from error
    lacking = [name for name in ("label", "facets", "reference", "trials") if not given.get(name)]
    if lacking:
        raise ContainerError(f"trials.json lacks {', '.join(lacking)}")
    return {**DEFAULTS, **given}


def _order_features(features: pd.DataFrame, names: list[str] | None) -> pd.DataFrame:
    """The features in the order of the training, where ``trials.json`` names them: models of the built-in algorithm have no names."""
    try:
        return features[match_features(names, features.columns, owner="the training")]
    except FeatureError as error:
        raise ContainerError(str(error)) from error


def _read_rows(folder: Path, config: dict[str, Any]) -> pd.DataFrame:
    path = find_csv(folder)
    frame = read_table([path]).frame
    named = [config["label"], *(facet["name"] for facet in config["facets"]), *([config["group"]] if config["group"] else [])]
    for name in named:
        if name not in frame.columns:
            raise ContainerError(f"column {name} is not in {path.name}; its columns are {', '.join(map(str, frame.columns[:30]))}")
    coded = [config["label"], *(facet["name"] for facet in config["facets"])]
    try:
        frame = to_integers(frame, coded=[name for name in coded if frame[name].notna().all()])
    except ColumnError as error:
        raise ContainerError(str(error)) from error
    labels = sorted(frame[config["label"]].dropna().unique().tolist())
    if not labels or not set(labels) <= {0, 1}:
        raise ContainerError(f"the label {config['label']} must have the values 0 and 1, not {labels[:5]}")
    names = ValueNames.from_json(config.get("value_names"))
    if config["favourable"] not in labels:
        has = ", ".join(names.value(config["label"], value) for value in labels)
        raise ContainerError(f"no row has the favourable outcome {names.describe(config['label'], config['favourable'])}; there are {has}")
    for facet in config["facets"]:
        values = sorted(frame[facet["name"]].dropna().unique().tolist())
        if facet["value"] not in values:
            shown = ", ".join(names.value(facet["name"], value) for value in values[:20])
            raise ContainerError(
                f"the value {names.value(facet['name'], facet['value'])} does not occur in column {facet['name']}; it has {shown}"
            )
    return frame


def _figures_csv(reports: list[TrialReport], names: ValueNames) -> str:
    """All figures, one per line, facets by their values; a facet's name that a spreadsheet would take for a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["trial", "facet", "value_of_facet", "metric", "value", "low", "high", "difference", "difference_low", "difference_high"]
    )
    for report in reports:
        writer.writerows(_csv_lines(report, names))
    return out.getvalue()


def _csv_lines(report: TrialReport, names: ValueNames) -> Iterator[list[Any]]:
    for name, found in report.performance.items():
        difference = report.differences[name]
        yield [report.name, "", "", name, found.value, found.low, found.high, difference.value, difference.low, difference.high]
    for facet in report.facets:
        column = no_formula(facet.name)
        value = no_formula(names.value(facet.name, facet.value)) if names.is_coded(facet.name) else facet.value
        for name, measured in facet.measures.items():
            closer = measured.closer
            figures = [measured.value, measured.low, measured.high, closer.value, closer.low, closer.high]
            yield [report.name, column, value, name, *figures]
