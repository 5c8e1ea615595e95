"""Clarify's ``analysis_config.json``.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html
Supported are tabular CSV data and models with a binary outcome; anything else in the schema is refused by name. The section ``governance``
is the product's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.analysis.bias.bias_metrics import POST_TRAINING, PRE_TRAINING
from core.analysis.tables.value_names import ValueNames
from engine.containers import ContainerError

UNSUPPORTED_KEYS = (
    "features",
    "segment_config",
    "facet_dataset_uri",
    "predicted_label_dataset_uri",
    "joinsource_name_or_index",
    "time_series_data_config",
)
AWS_KEYS = {
    *("version", "dataset_type", "dataset_uri", "headers", "label", "predicted_label", "features", "label_values_or_threshold"),
    *("probability_threshold", "segment_config", "facet", "facet_dataset_uri", "facet_headers", "predicted_label_dataset_uri"),
    *("predicted_label_headers", "excluded_columns", "joinsource_name_or_index", "group_variable", "time_series_data_config"),
    *("methods", "predictor"),
}
"""The keys that AWS's container takes."""
METHODS = {"pre_training_bias", "post_training_bias", "shap", "report"}
AGGREGATIONS = ("mean_abs", "median", "mean_sq")
ColumnReference = str | int


@dataclass(frozen=True)
class ShapConfig:
    """``methods.shap``: ``baseline`` is rows, a local path, or None for cluster centres of the data."""

    baseline: list[list[Any]] | str | None
    clusters: int | None
    samples: int | None
    aggregation: str
    save_local_values: bool
    use_logit: bool
    seed: int


@dataclass(frozen=True)
class FacetConfig:
    column: ColumnReference
    values: list[Any] | None


@dataclass(frozen=True)
class AnalysisConfig:
    """What is asked for. ``pre_training`` and ``post_training`` are metric names, or None where not asked for. ``measured_on``: which part
    of the data the rows are; ``names``: what facet and rest are called, by ``facet=value``; ``derived``: threshold facet -> its
    source; ``features``: the model's, in the order of its training; ``value_names``: what codes in the data stand for; ``sensitive``:
    the columns of the facets and the group, which explanations mark."""

    headers: list[str] | None
    dataset: str | None
    label: ColumnReference | None
    label_values: list[Any]
    facets: list[FacetConfig]
    group: ColumnReference | None
    group_bins: int | list[float] | None
    categorical: list[ColumnReference]
    threshold: float
    excluded: list[ColumnReference]
    predicted_label: ColumnReference | None
    model: str | None
    label_name: str
    pre_training: list[str] | None
    post_training: list[str] | None
    shap: ShapConfig | None
    title: str
    measured_on: str
    names: dict[str, list[str]]
    features: list[str] | None = None
    derived: dict[str, str] = field(default_factory=dict)
    value_names: ValueNames = field(default_factory=ValueNames)
    sensitive: list[str] = field(default_factory=list)


def read_config(path: Path, *, extras: bool = True) -> AnalysisConfig:
    """The configuration; without extras no key but those of AWS's schema. Raises ContainerError naming what is wrong in it."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ContainerError(f"No analysis configuration at {path.name}: give it as the processing input analysis_config") from error
    except ValueError as error:
        raise ContainerError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("methods"), dict):
        raise ContainerError(f"{path.name} must be a JSON object with the key methods")
    unknown = sorted(raw.keys() - AWS_KEYS) if not extras else []
    if unknown:
        raise ContainerError(f"{path.name}: {', '.join(unknown)} is not of Clarify's schema; leave it out")
    try:
        return parse_config(raw)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise ContainerError(f"{path.name} does not have the shape of a Clarify analysis configuration: {error!r}") from error


def parse_config(raw: dict[str, Any]) -> AnalysisConfig:
    kind = str(raw.get("dataset_type", "text/csv")).lower()
    if kind != "text/csv":
        raise ContainerError(f"dataset_type {kind} is not served: give a text/csv dataset")
    methods = raw["methods"]
    strange = sorted([key for key in UNSUPPORTED_KEYS if key in raw] + [f"methods.{key}" for key in set(methods) - METHODS])
    if strange:
        raise ContainerError(f"{', '.join(strange)}: not served by this container; leave it out")
    governance, predictor = raw.get("governance") or {}, raw.get("predictor") or {}
    pre = _parse_metrics(methods, "pre_training_bias", sorted(PRE_TRAINING))
    post = _parse_metrics(methods, "post_training_bias", sorted(POST_TRAINING))
    facets = [FacetConfig(facet["name_or_index"], facet.get("value_or_threshold")) for facet in raw.get("facet") or []]
    label_values = raw.get("label_values_or_threshold") or []
    if pre is not None or post is not None:
        for name, given in (("label", raw.get("label") is not None), ("label_values_or_threshold", label_values), ("facet", facets)):
            if not given:
                raise ContainerError(f"{name} is required for bias metrics")
    headers = predictor.get("label_headers")
    return AnalysisConfig(
        headers=raw.get("headers"),
        dataset=raw.get("dataset_uri"),
        label=raw.get("label"),
        label_values=label_values,
        facets=facets,
        group=raw.get("group_variable"),
        group_bins=governance.get("group_bins"),
        categorical=list(governance.get("categorical") or []),
        threshold=_parse_threshold(raw.get("probability_threshold")),
        excluded=[*(raw.get("excluded_columns") or []), *(governance.get("ignored") or [])],
        predicted_label=raw.get("predicted_label"),
        model=predictor.get("model_name"),
        label_name=str(headers[0]) if headers else "label0",
        pre_training=pre,
        post_training=post,
        shap=_parse_shap(methods["shap"]) if "shap" in methods else None,
        title=str((methods.get("report") or {}).get("title") or "SageMaker Clarify analysis report"),
        measured_on=str(governance.get("measured_on") or ""),
        features=governance.get("features"),
        derived={str(column): str(source) for column, source in (governance.get("derived") or {}).items()},
        names={str(facet): [str(name) for name in names] for facet, names in (governance.get("names") or {}).items()},
        value_names=ValueNames.from_json(governance.get("value_names")),
        sensitive=[str(name) for name in governance.get("sensitive") or []],
    )


def _parse_threshold(given: Any) -> float:
    threshold = 0.5 if given is None else float(given)
    if not 0 <= threshold <= 1:
        raise ContainerError(f"probability_threshold must be a probability from 0 to 1, not {given}")
    return threshold


def _parse_metrics(methods: dict[str, Any], stage: str, known: list[str]) -> list[str] | None:
    if stage not in methods:
        return None
    asked = (methods[stage] or {}).get("methods", "all")
    names = known if asked == "all" else [asked] if isinstance(asked, str) else list(asked)
    unknown = [str(name) for name in names if name not in known and name != "all"]
    if unknown:
        raise ContainerError(f"methods.{stage}: there is no metric {', '.join(unknown)}; there are {', '.join(known)}")
    return known if "all" in names else sorted(names)


def _parse_shap(raw: dict[str, Any]) -> ShapConfig:
    unserved = sorted({"text_config", "image_config", "features_to_explain"} & set(raw))
    if unserved:
        raise ContainerError(f"methods.shap.{unserved[0]}: not served by this container; leave it out")
    aggregation = str(raw.get("agg_method") or "mean_abs").lower()
    if aggregation not in AGGREGATIONS:
        raise ContainerError(f"methods.shap.agg_method must be one of {', '.join(AGGREGATIONS)}, not {aggregation}")
    baseline = raw.get("baseline")
    if baseline is not None and not isinstance(baseline, str | list):
        raise ContainerError("methods.shap.baseline must be a list of rows, or the path of a CSV file")
    return ShapConfig(
        baseline=baseline,
        clusters=raw.get("num_clusters"),
        samples=raw.get("num_samples"),
        aggregation=aggregation,
        save_local_values=bool(raw.get("save_local_shap_values", True)),
        use_logit=bool(raw.get("use_logit", False)),
        seed=int(raw.get("seed") or 0),
    )
