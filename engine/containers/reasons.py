"""The container that says why a model declines, and where its disparity comes from.

Processing contract: ``reasons.json`` (what is asked) under /opt/ml/processing/input/config, the rows that the model was trained on as CSV
without a header under …/input/train (label, with weights the weight, features), the applicants as CSV with a header under …/input/data, and
``model.tar.gz`` under …/input/model. Written to …/output: ``reasons.json`` (``reasons_json.WhyJson``),
``reasons.csv`` with a line for each declined row, and ``notice.txt``, a sample notice.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.group_table import GroupColumn
from core.analysis.explanations.explanation_checks import ExplanationError
from core.analysis.explanations.principal_reasons import ReasonRules
from core.analysis.explanations.reason_groups import ReasonError
from core.analysis.explanations.reason_notice import NOTICE_FORMS, tabulate_reasons, write_notice
from core.analysis.explanations.reasons import Applicants, DeclineReasons, find_reasons
from core.analysis.explanations.retrained_models import retrain_models
from core.analysis.explanations.shap_values import compute_shap_values, predict_probabilities
from core.analysis.proxies.disparity_flow import measure_disparity_flow
from core.analysis.proxies.dropped_features import measure_dropping
from core.analysis.proxies.partial_dependence import compute_partial_dependence
from core.analysis.proxies.proxy_search import ProxySearch, find_proxies
from core.analysis.proxies.reasons_json import (
    NOTICE_FILE,
    REASONS_FILE,
    RESULT_FILE,
    RESULT_FORMAT,
    ReasonJson,
    ReasonsJson,
)
from core.analysis.proxies.worst_slices import find_worst_slices
from core.analysis.tables.csv_writer import to_csv
from core.analysis.tables.feature_names import FeatureError, match_features
from core.analysis.tables.value_names import ValueNames
from core.analysis.trials.trial_reports import FacetRows
from engine.containers import ContainerError, entry
from engine.containers.job_inputs import PROCESSING_FOLDER, find_csv, load_booster, no_formula, read_table
from engine.containers.xgboost_inputs import parse_hyperparameters

T = TypeVar("T")
ALONE = ReasonRules(share=1.0)
"""The four strongest features, however little the last of them counts."""
ENOUGH = 0.1
"""With less than this share of its time left, a job begins no further part, so that what it has found isn't lost."""
LEAST_AUC = 0.55
"""What gives a group away less than this is found too, and isn't tried without."""
SHOWN_DEPENDENCE, DEPENDENCE_ROWS = 8, 2000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Data:
    """The model with its training rows and the applicants. ``labels`` of the applicants are NaN where unknown."""

    booster: Any
    training: pd.DataFrame
    training_labels: NDArray[np.int64]
    weights: Floats | None
    applicants: pd.DataFrame
    features: pd.DataFrame
    scores: Floats
    labels: Floats


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the container on ``root``. A part that can't be measured is left out, with the reason. Raises ContainerError."""
    folder = root / PROCESSING_FOLDER
    asked = _read_request(folder / "input/config/reasons.json")
    data, limit, begun = _read_data(folder / "input", asked), entry.read_max_seconds(root), time.monotonic()
    unmeasured: dict[str, str] = {}

    def seconds() -> float | None:
        """What is left of the job's time."""
        return None if limit is None else max(0.0, limit - (time.monotonic() - begun))

    def measured(part: str, measure: Callable[[], T]) -> T | None:
        try:
            if (left := seconds()) is not None and left < ENOUGH * (limit or 0):
                raise ExplanationError("the job's time was nearly over")
            found = measure()
        except (ReasonError, ExplanationError, FeatureError, ContainerError, ValueError, MemoryError) as error:
            unmeasured[part] = str(error)
            print(f"{part}: not measured: {error}", flush=True)
            return None
        print(f"{part}: done", flush=True)
        return found

    values = measured("SHAP values of the log-odds", lambda: _log_odds_values(data, seconds()))
    order = _by_importance(data, values)
    search = measured("proxies", lambda: _find_proxies(data, asked, order))
    proxies = search.found_features(LEAST_AUC) if search else []
    flows = [_measure_flow(data, asked, facet, value, proxies, values, measured) for facet, value in asked["facets"]]
    reasons = measured("reasons", lambda: _find_reasons(data, asked, seconds))
    alone = measured("reasons of single features", lambda: _find_alone(data, asked, seconds())) if reasons else None
    dropping = measured("cost of dropping", lambda: _measure_dropping(data, asked, proxies)) if proxies else None
    result = {
        "format": RESULT_FORMAT,
        "reasons": _reasons_json(reasons, alone, data, asked) if reasons else None,
        "proxies": search.to_json() if search else None,
        "flows": [flow for flow in flows if flow is not None],
        "dropping": dropping,
        "dependence": measured("partial dependence", lambda: _measure_dependence(data, asked, order)) or [],
        "weak_spots": measured("weak spots", lambda: _find_weak_spots(data, asked, order)),
        "unmeasured": unmeasured,
    }
    output = folder / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULT_FILE).write_text(json.dumps(_finite(result), indent=1, allow_nan=False), encoding="utf-8")
    if reasons is not None:
        table = tabulate_reasons(reasons)
        (output / REASONS_FILE).write_bytes(to_csv(table.map(lambda cell: no_formula(cell) if isinstance(cell, str) else cell)))
        (output / NOTICE_FILE).write_text(_sample_notice(reasons, asked), encoding="utf-8")
    print(f"Wrote {', '.join(sorted(path.name for path in output.iterdir()))}", flush=True)


def _read_request(path: Path) -> dict[str, Any]:
    try:
        asked: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ContainerError(f"{path.name} can't be read: {error}") from error
    if lacking := [name for name in ("label", "favourable", "facets", "features", "hyperparameters") if name not in asked]:
        raise ContainerError(f"{path.name} lacks {', '.join(lacking)}")
    return {"threshold": 0.5, "groups": {}, "prohibited": [], "derived": {}, "has_weights": False, "seed": 0, "jurisdiction": "", **asked}


def _read_data(inputs: Path, asked: dict[str, Any]) -> _Data:
    booster = load_booster(inputs / "model/model.tar.gz")
    booster.set_param({"nthread": 1})  # hundreds of short predictions: threads that wait for each other cost more than they save
    first = 2 if asked["has_weights"] else 1
    width = first + len(asked["features"])
    training = read_table([find_csv(inputs / "train")], [f"column {place}" for place in range(width)]).frame
    applicants = read_table([find_csv(inputs / "data")]).frame
    for name in (asked["label"], *(facet for facet, _ in asked["facets"])):
        if name not in applicants.columns:
            raise ContainerError(f"column {name} isn't among the applicants' columns: {', '.join(map(str, applicants.columns[:30]))}")
    given = applicants.drop(columns=[asked["label"], *asked["derived"]])  # facets by a threshold are given to no model
    try:
        features = given[match_features(asked["features"], given.columns, owner="the training")]
        scores = predict_probabilities(booster, features)
    except FeatureError as error:
        raise ContainerError(str(error)) from error
    weights = training.iloc[:, 1].to_numpy(dtype=float) if asked["has_weights"] else None
    labels = applicants[asked["label"]].to_numpy(dtype=float, na_value=np.nan)
    numbers = training.iloc[:, first:].astype(float).set_axis(asked["features"], axis=1)
    return _Data(booster, numbers, training.iloc[:, 0].to_numpy(dtype=np.int64), weights, applicants, features, scores, labels)


def _find_reasons(data: _Data, asked: dict[str, Any], seconds: Callable[[], float | None]) -> DeclineReasons:
    given = parse_hyperparameters(asked["hyperparameters"])
    rounds = data.booster.num_boosted_rounds()
    models = retrain_models(data.training, data.training_labels, given, rounds, weights=data.weights, seed=asked["seed"])
    print(f"{len(models)} models trained again on resamples of {len(data.training):,} rows", flush=True)
    return find_reasons(
        data.booster,
        Applicants(data.features, data.scores),
        threshold=asked["threshold"],
        favourable=asked["favourable"],
        groups=asked["groups"],
        prohibited=asked["prohibited"],
        alternatives=models,
        max_seconds=seconds(),
    )


def _find_alone(data: _Data, asked: dict[str, Any], seconds: float | None) -> DeclineReasons:
    return find_reasons(
        data.booster,
        Applicants(data.features, data.scores),
        threshold=asked["threshold"],
        favourable=asked["favourable"],
        groups={},
        prohibited=asked["prohibited"],
        rules=ALONE,
        max_seconds=seconds,
    )


def _reasons_json(found: DeclineReasons, alone: DeclineReasons | None, data: _Data, asked: dict[str, Any]) -> ReasonsJson:
    counts: dict[str, ReasonJson] = {
        words: {"words": words, "features": list(features), "first": 0, "named": 0} for words, features in found.groups.items()
    }
    for row in found.rows:
        for place, reason in enumerate(row.reasons):
            counts[reason.words]["named"] += 1
            counts[reason.words]["first"] += place == 0
    return {
        "rows": len(data.features),
        "declined": len(found.rows),
        "same": found.same_share,
        "hold": found.holding_share,
        "same_alone": alone.same_share if alone else None,
        "prohibited": list(asked["prohibited"]),
        "flagged": sum(bool(row.prohibited) for row in found.rows),
        "reasons": sorted(counts.values(), key=lambda one: (-one["named"], -one["first"], one["words"])),
        "rules": asdict(found.rules),
        "all_rows": found.all_rows,
        "passing_rows": found.passing_rows,
        "alternatives": found.alternatives,
    }


def _sample_notice(found: DeclineReasons, asked: dict[str, Any]) -> str:
    """A notice to the first declined row whose reasons hold, or why there is none."""
    row = next((row for row in found.rows if row.holds and row.reasons and not row.prohibited), None)
    if row is None:
        return "No declined row has reasons that hold, so there is no sample of a notice.\n"
    form = NOTICE_FORMS.get(asked["jurisdiction"], NOTICE_FORMS[""])
    about = f"Sample: a draft for row {row.row} of the applicants, which a person has to check before it is sent."
    source = f"By {form.source} as of {form.date}. {form.note}" if form.source else ""
    return "\n\n".join(part for part in (about, source, write_notice(row, form)) if part) + "\n"


def _by_importance(data: _Data, values: Floats | None) -> list[str]:
    """The features, those that move the model most first; in the table's order where that isn't known."""
    mean = np.zeros(data.features.shape[1]) if values is None else np.abs(values).mean(axis=0)
    return [str(data.features.columns[place]) for place in np.argsort(-mean, kind="stable")]


def _log_odds_values(data: _Data, seconds: float | None) -> Floats:
    """SHAP values of the applicants' log-odds against all applicants, in the order of the features."""
    found = compute_shap_values(data.booster, data.features, data.features, output="raw", max_seconds=seconds)
    return found.values


def _find_proxies(data: _Data, asked: dict[str, Any], order: list[str]) -> ProxySearch:
    names = ValueNames.from_json(asked.get("value_names"))
    groups = [_group_column(data, name, names, asked) for name in dict.fromkeys(facet for facet, _ in asked["facets"])]
    coded = [name for name in order if names.is_coded(name)]
    return find_proxies(data.features[order], groups, coded=coded, seed=asked["seed"])


def _group_column(
    data: _Data, name: str, names: ValueNames, asked: dict[str, Any], kept: NDArray[np.bool_] | slice = slice(None)
) -> GroupColumn:
    """Every value of a facet's column as a group."""
    codes, values = pd.factorize(data.applicants[name], sort=True)
    texts, words = tuple(map(str, values)), tuple(names.describe(name, value) for value in values)
    return GroupColumn(name, codes.astype(np.int64)[kept], texts, words, asked["derived"].get(name, ""))


def _measure_flow(
    data: _Data,
    asked: dict[str, Any],
    facet: str,
    value: Any,
    proxies: list[str],
    values: Floats | None,
    measured: Callable[[str, Callable[[], dict[str, object]]], dict[str, object] | None],
) -> dict[str, object] | None:
    """Through which features the difference in mean log-odds between a facet's people and the others flows."""
    if values is None:
        return None
    group = ValueNames.from_json(asked.get("value_names")).describe(facet, value)
    known = data.applicants[facet].notna().to_numpy(dtype=bool)
    inside = (data.applicants[facet][known] == value).to_numpy(dtype=bool)
    names = list(map(str, data.features.columns))
    flow = measured(
        f"flow of the disparity of {group}",
        lambda: measure_disparity_flow(values[known], names, inside, together=proxies).to_json(),
    )
    return None if flow is None else {"facet": facet, "group": group, "flow": flow}


def _measure_dropping(data: _Data, asked: dict[str, Any], proxies: list[str]) -> dict[str, object]:
    labelled, hyperparameters = ~np.isnan(data.labels), parse_hyperparameters(asked["hyperparameters"])
    rounds = {"num_round": data.booster.num_boosted_rounds()}
    found = measure_dropping(
        data.training,
        data.training_labels,
        {**hyperparameters, **rounds},
        data.features[labelled].astype(float),
        data.labels[labelled].astype(int),
        [_facet_rows(data, facet, value, labelled) for facet, value in asked["facets"]],
        proxies,
        weights=data.weights,
        favourable=asked["favourable"],
        threshold=asked["threshold"],
        seed=asked["seed"],
    )
    return found.to_json()


def _facet_rows(data: _Data, facet: str, value: Any, kept: NDArray[np.bool_]) -> FacetRows:
    column = data.applicants[facet][kept]
    return FacetRows(facet, value, (column == value).to_numpy(dtype=bool), column.notna().to_numpy(dtype=bool))


def _measure_dependence(data: _Data, asked: dict[str, Any], order: list[str]) -> list[dict[str, object]]:
    names = ValueNames.from_json(asked.get("value_names"))
    places = np.sort(np.random.default_rng(asked["seed"]).permutation(len(data.features))[:DEPENDENCE_ROWS])
    some = data.features.iloc[places].astype(float)
    return [
        asdict(compute_partial_dependence(lambda rows: predict_probabilities(data.booster, rows), some, name, coded=names.is_coded(name)))
        for name in order[:SHOWN_DEPENDENCE]
    ]


def _find_weak_spots(data: _Data, asked: dict[str, Any], order: list[str]) -> dict[str, object]:
    names, labelled = ValueNames.from_json(asked.get("value_names")), ~np.isnan(data.labels)
    groups = [_group_column(data, name, names, asked, labelled) for name in dict.fromkeys(facet for facet, _ in asked["facets"])]
    found = find_worst_slices(
        data.features.loc[labelled, order],
        data.labels[labelled],
        data.scores[labelled],
        groups,
        threshold=asked["threshold"],
        coded=[name for name in order if names.is_coded(name)],
        names=names,
    )
    return found.to_json()


def _finite(value: Any) -> Any:
    """The value with None for numbers that JSON doesn't have, and without numpy's types."""
    if isinstance(value, dict):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
