"""The dataset of a Clarify job: read, and its columns resolved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.tables.column_kinds import ColumnError, bin_group, is_mostly_whole, to_integers
from core.analysis.tables.feature_names import FeatureError, match_features
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Finding
from core.analysis.tables.value_names import ValueNames
from engine.containers import ContainerError, path_inside
from engine.containers.clarify_config import AnalysisConfig, ColumnReference
from engine.containers.job_inputs import read_table


@dataclass(frozen=True)
class Dataset:
    """``frame`` is all of it; ``features`` is what the model is given, in the dataset's order; ``categorical`` facets are codes,
    however few rows there are; ``findings`` is what is to be known about the table."""

    frame: pd.DataFrame
    label: str | None
    group: str | None
    predicted_label: str | None
    features: pd.DataFrame
    facets: list[str]
    excluded: list[str]
    categorical: list[str]
    findings: tuple[Finding, ...] = ()


def read_dataset(folder: Path, config: AnalysisConfig) -> Dataset:
    """The dataset at ``folder`` (a file, or CSV files taken together). Raises ContainerError naming file and column."""
    reading = _read_files(folder, config.headers)
    frame = reading.frame
    for note in reading.notes:
        print(note, flush=True)
    label, group = resolve_column(frame, config.label, "label"), resolve_column(frame, config.group, "group_variable")
    predicted = resolve_column(frame, config.predicted_label, "predicted_label")
    excluded = [name for item in config.excluded if (name := resolve_column(frame, item, "excluded_columns")) is not None]
    facets = [str(resolve_column(frame, facet.column, "facet")) for facet in config.facets]
    categorical = [str(resolve_column(frame, item, "governance.categorical")) for item in config.categorical]
    named = dict.fromkeys(name for name in (label, predicted, group, *facets) if name)
    coded = [name for name in named if frame[name].dtype.kind in "iuf" and frame[name].notna().all()]
    slips = [name for name in coded if name in (label, *facets) and is_mostly_whole(frame[name])]
    try:
        frame[coded] = to_integers(frame[coded], slips)  # A slip among codes would make 1 a threshold, and measure the other group
    except ColumnError as error:
        raise ContainerError(str(error)) from error
    left_out = {name for name in (label, predicted, *excluded) if name}
    features = _with_truth_values(frame[[name for name in frame if name not in left_out]])
    try:
        features = features[match_features(config.features, features.columns, owner="governance.features")]
    except FeatureError as error:
        raise ContainerError(str(error)) from error
    return Dataset(frame, label, group, predicted, features, facets, excluded, categorical, reading.findings)


def resolve_column(frame: pd.DataFrame, name_or_index: ColumnReference | None, role: str) -> str | None:
    """The name of a column given by name or by zero-based index."""
    if name_or_index is None:
        return None
    if name_or_index in frame.columns:
        return str(name_or_index)
    if isinstance(name_or_index, int) and 0 <= name_or_index < frame.shape[1]:
        return str(frame.columns[name_or_index])
    raise ContainerError(f"{role}: the dataset has no column {name_or_index}; it has {', '.join(map(str, frame.columns))}")


def _read_files(folder: Path, headers: list[str] | None) -> TableReading:
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise ContainerError("There is no dataset: give it as the processing input dataset")
    if headers is not None and len(set(headers)) < len(headers):
        raise ContainerError("headers names a column twice")
    reading = read_table(files, headers)
    if reading.frame.empty:
        raise ContainerError("The dataset has no rows")
    return reading


def _with_truth_values(features: pd.DataFrame) -> pd.DataFrame:
    """The features with columns of true and false alone as truth values, which a model takes for 1 and 0."""
    words = {name: features[name].dropna().str.casefold() for name in features if features[name].dtype.kind not in "iufb"}
    found = {name: cells for name, cells in words.items() if len(cells) == len(features) and cells.isin(["true", "false"]).all()}
    return features.assign(**{str(name): cells == "true" for name, cells in found.items()})


def describe_text_features(dataset: Dataset) -> str:
    """Why features are text rather than numbers, as far as the reading of the table says so; or ""."""
    text = {str(name) for name in dataset.features if dataset.features[name].dtype.kind not in "iufb"}
    return "".join(
        f". {finding.message} {finding.hint}".rstrip(".") for finding in dataset.findings if finding.blocks and finding.column in text
    )


def hash_rows(frame: pd.DataFrame) -> str:
    """The SHA-256 of the rows' values, in their order: two reports with the same one judge the same rows."""
    return hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()


def group_values(dataset: Dataset, bins: int | list[float] | None, names: ValueNames | None = None) -> pd.Series[Any] | None:
    """The group variable, binned where bins are asked for. A column of codes isn't a scale: each of its values is a group of its own."""
    if dataset.group is None:
        return None
    series = dataset.frame[dataset.group]
    if names is not None and names.is_coded(dataset.group):
        return names.to_categories(series)
    if bins is None:
        return series
    try:
        return bin_group(series, bins)
    except ValueError as error:
        raise ContainerError(f"governance.group_bins for {dataset.group}: {error}") from error


def shap_baseline(dataset: Dataset, given: list[list[Any]] | str | None, root: Path, clusters: int | None, seed: int) -> pd.DataFrame:
    """The rows that stand for an unknown feature: those given, or the rows nearest to cluster centres of the dataset.

    Clarify clusters into 1 to 12; without a number this container makes 12 (or as many as there are rows).
    """
    names = list(map(str, dataset.features.columns))
    if given is None:
        return _cluster_representatives(dataset.features, clusters or 12, seed)
    if isinstance(given, str):
        path = path_inside(root, given.removeprefix("file://"))
        if not path.exists():
            raise ContainerError(f"methods.shap.baseline: there is no file {given} in the container; give it as a processing input")
        frame = read_table([path], names).frame
    else:
        wrong = [row for row in given if not isinstance(row, list) or len(row) != len(names)]
        if wrong or not given:
            raise ContainerError(f"methods.shap.baseline: each row must have the {len(names)} features {', '.join(names)}")
        frame = pd.DataFrame(given, columns=names)
    text = [name for name in names if frame[name].dtype.kind not in "iufb"]
    if text:
        raise ContainerError(f"methods.shap.baseline: {', '.join(text)} must hold numbers")
    return frame


def _cluster_representatives(features: pd.DataFrame, clusters: int, seed: int) -> pd.DataFrame:
    from sklearn.cluster import KMeans
    from sklearn.metrics import pairwise_distances_argmin

    values = features.to_numpy(dtype=float)
    gaps = np.isnan(values)
    means = np.where(gaps, 0, values).sum(axis=0) / np.maximum((~gaps).sum(axis=0), 1)  # 0 for a column without any value
    known = np.where(gaps, means, values)
    scaled = (known - known.mean(axis=0)) / np.where(known.std(axis=0) > 0, known.std(axis=0), 1)
    count = min(clusters, len(np.unique(scaled, axis=0)))
    centres = KMeans(count, n_init=1, random_state=seed).fit(scaled).cluster_centers_
    return features.iloc[np.unique(pairwise_distances_argmin(centres, scaled))].reset_index(drop=True)
