"""The container that says why a model declines, and where its disparity comes from.

Processing contract: ``reasons.json`` (what is asked) under /opt/ml/processing/input/config, the rows that the model was trained on as CSV
without a header under …/input/train (label, with weights the weight, features), the applicants as CSV with a header under …/input/data, and
``model.tar.gz`` under …/input/model. Written to …/output: ``reasons.json`` (``reasons_json.WhyJson``),
``reasons.csv`` with a line for each declined row, and ``notice.txt``, a sample notice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.bias.group_table import GroupColumn
from core.analysis.explanations.explanation_checks import ExplanationError
from core.analysis.explanations.principal_reasons import DEFAULT_RULES, ReasonRules
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
from core.analysis.tables.plain_json import to_plain_json
from core.analysis.tables.value_names import ValueNames
from core.analysis.trials.trial_reports import FacetRows
from engine.containers import ContainerError, entry
from engine.containers.clarify_groups import column_of_values
from engine.containers.clarify_rows import whole_numbers_as_integers
from engine.containers.job_inputs import PROCESSING_FOLDER, find_csv, load_booster, no_formula, read_table
from engine.containers.xgboost_inputs import parse_hyperparameters

T = TypeVar("T")
Floats = NDArray[np.float64]
ALONE = ReasonRules(share=1.0)
"""The four strongest features, however little the last of them counts."""
TIME_KEPT = 0.1
"""With less than this share of its time left, a job begins no further part, so that what it has found isn't lost."""
LEAST_AUC = 0.55
"""What gives a group away less than this is found too, and isn't tried without."""
SHOWN_DEPENDENCE, DEPENDENCE_ROWS = 8, 2000


@dataclass(frozen=True)
class _Given:
    """What the job was asked and given. ``training`` and ``training_labels``: the rows that the model was trained on; ``weights``: theirs;
    ``applicants``: all columns, ``features`` those of the model; ``scores``: by the model; ``labels``: NaN where unknown."""

    asked: dict[str, Any]
    names: ValueNames
    booster: Any
    training: pd.DataFrame
    training_labels: NDArray[np.int64]
    weights: Floats | None
    applicants: pd.DataFrame
    features: pd.DataFrame
    scores: Floats
    labels: Floats

    @property
    def coded(self) -> list[str]:
        """The features whose numbers are codes."""
        return [name for name in map(str, self.features.columns) if self.names.is_coded(name)]

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Those of the model, with the rounds that it kept. Raises ContainerError for some that the product doesn't train with."""
        return {**parse_hyperparameters(self.asked["hyperparameters"]), "num_round": self.booster.num_boosted_rounds()}

    def groups(self, kept: NDArray[np.bool_]) -> list[GroupColumn]:
        """Every value of each facet as a group of the applicants that are ``kept``, (n,)."""
        columns = [whole_numbers_as_integers(self.applicants[name]) for name in dict.fromkeys(facet for facet, _ in self.asked["facets"])]
        return [column_of_values(column[kept], self.names, self.asked["derived"]) for column in columns]


def main(root: Path, environment: dict[str, str]) -> None:
    """Run the container on ``root``. A part that can't be measured is left out, with the reason. Raises ContainerError."""
    folder = root / PROCESSING_FOLDER
    given = _read_input(folder / "input")
    limit, begun = entry.read_max_seconds(root), time.monotonic()
    unmeasured: dict[str, str] = {}

    def seconds() -> float | None:
        """What is left of the job's time."""
        return None if limit is None else max(0.0, limit - (time.monotonic() - begun))

    def measured(part: str, measure: Callable[[], T]) -> T | None:
        try:
            if (left := seconds()) is not None and left < TIME_KEPT * (limit or 0):
                raise ExplanationError("the job's time was nearly over")
            found = measure()
        except (ReasonError, ExplanationError, FeatureError, ContainerError, ValueError, MemoryError) as error:
            unmeasured[part] = str(error)
            print(f"{part}: not measured: {error}", flush=True)
            return None
        print(f"{part}: done", flush=True)
        return found

    values = measured("SHAP values of the log-odds", lambda: _log_odds_values(given, seconds()))
    order = _by_importance(given, values)
    search = measured("proxies", lambda: _find_proxies(given, order))
    proxies = search.found_features(LEAST_AUC) if search else []
    flows = []
    if values is not None:
        for facet, value in given.asked["facets"]:
            part = f"flow of the disparity of {given.names.describe(facet, value)}"
            flows.append(measured(part, partial(_measure_flow, given, facet, value, proxies, values)))
    reasons = measured("reasons", lambda: _find_reasons(given, seconds))
    alone = measured("reasons of single features", lambda: _find_reasons(given, seconds, alone=True)) if reasons else None
    result = {
        "format": RESULT_FORMAT,
        "reasons": _reasons_json(reasons, alone, given) if reasons else None,
        "proxies": search.to_json() if search else None,
        "flows": [flow for flow in flows if flow is not None],
        "dropping": measured("cost of dropping", lambda: _measure_dropping(given, proxies)) if proxies else None,
        "dependence": measured("partial dependence", lambda: _measure_dependence(given, order)) or [],
        "weak_spots": measured("weak spots", lambda: _find_weak_spots(given, order)),
        "unmeasured": unmeasured,
    }
    output = folder / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / RESULT_FILE).write_text(json.dumps(to_plain_json(result), indent=1, allow_nan=False), encoding="utf-8")
    if reasons is not None:
        table = tabulate_reasons(reasons)
        (output / REASONS_FILE).write_bytes(to_csv(table.map(lambda cell: no_formula(cell) if isinstance(cell, str) else cell)))
        (output / NOTICE_FILE).write_text(_sample_notice(reasons, given.asked["jurisdiction"]), encoding="utf-8")
    print(f"Wrote {', '.join(sorted(path.name for path in output.iterdir()))}", flush=True)


def _read_request(path: Path) -> dict[str, Any]:
    try:
        asked: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ContainerError(f"{path.name} can't be read: {error}") from error
    if lacking := [name for name in ("label", "favourable", "facets", "features", "hyperparameters") if name not in asked]:
        raise ContainerError(f"{path.name} lacks {', '.join(lacking)}")
    return {"threshold": 0.5, "groups": {}, "prohibited": [], "derived": {}, "has_weights": False, "seed": 0, "jurisdiction": "", **asked}


def _read_input(inputs: Path) -> _Given:
    asked = _read_request(inputs / "config/reasons.json")
    booster = load_booster(inputs / "model/model.tar.gz")
    booster.set_param({"nthread": 1})  # hundreds of short predictions: threads that wait for each other cost more than they save
    first = 2 if asked["has_weights"] else 1
    width = first + len(asked["features"])
    training = read_table([find_csv(inputs / "train")], [f"column {place}" for place in range(width)]).frame
    applicants = read_table([find_csv(inputs / "data")]).frame
    for name in (asked["label"], *(facet for facet, _ in asked["facets"])):
        if name not in applicants.columns:
            raise ContainerError(f"column {name} isn't among the applicants' columns: {', '.join(map(str, applicants.columns[:30]))}")
    features = applicants.drop(columns=[asked["label"], *asked["derived"]])  # facets by a threshold are given to no model
    try:
        features = features[match_features(asked["features"], features.columns, owner="the training")]
        scores = predict_probabilities(booster, features)
    except FeatureError as error:
        raise ContainerError(str(error)) from error
    return _Given(
        asked,
        ValueNames.from_json(asked.get("value_names")),
        booster,
        training.iloc[:, first:].astype(float).set_axis(asked["features"], axis=1),
        training.iloc[:, 0].to_numpy(dtype=np.int64),
        training.iloc[:, 1].to_numpy(dtype=float) if asked["has_weights"] else None,
        applicants,
        features,
        scores,
        applicants[asked["label"]].to_numpy(dtype=float, na_value=np.nan),
    )


def _find_reasons(given: _Given, seconds: Callable[[], float | None], *, alone: bool = False) -> DeclineReasons:
    """The reasons of each declined row; ``alone``: of single features, four to a row, without a look at models trained again."""
    asked, models = given.asked, []
    if not alone:
        rounds = given.booster.num_boosted_rounds()
        of_training = given.training, given.training_labels, given.hyperparameters, rounds
        models = retrain_models(*of_training, weights=given.weights, seed=asked["seed"])
        print(f"{len(models)} models trained again on resamples of {len(given.training):,} rows", flush=True)
    return find_reasons(
        given.booster,
        Applicants(given.features, given.scores),
        threshold=asked["threshold"],
        favourable=asked["favourable"],
        groups={} if alone else asked["groups"],
        prohibited=asked["prohibited"],
        alternatives=models,
        rules=ALONE if alone else DEFAULT_RULES,
        max_seconds=seconds(),
    )


def _reasons_json(found: DeclineReasons, alone: DeclineReasons | None, given: _Given) -> ReasonsJson:
    counts: dict[str, ReasonJson] = {
        words: {"words": words, "features": list(features), "first": 0, "named": 0} for words, features in found.groups.items()
    }
    for row in found.rows:
        for place, reason in enumerate(row.reasons):
            counts[reason.words]["named"] += 1
            counts[reason.words]["first"] += place == 0
    return {
        "rows": len(given.features),
        "declined": len(found.rows),
        "same": found.same_share,
        "hold": found.holding_share,
        "same_alone": alone.same_share if alone else None,
        "prohibited": list(given.asked["prohibited"]),
        "flagged": sum(bool(row.prohibited) for row in found.rows),
        "reasons": sorted(counts.values(), key=lambda one: (-one["named"], -one["first"], one["words"])),
        "rules": asdict(found.rules),
        "all_rows": found.all_rows,
        "passing_rows": found.passing_rows,
        "alternatives": found.alternatives,
    }


def _sample_notice(found: DeclineReasons, jurisdiction: str) -> str:
    """A notice to the first declined row whose reasons hold, or why there is none."""
    row = next((row for row in found.rows if row.holds and row.reasons and not row.prohibited), None)
    if row is None:
        return "No declined row has reasons that hold, so there is no sample of a notice.\n"
    form = NOTICE_FORMS.get(jurisdiction, NOTICE_FORMS[""])
    about = f"Sample: a draft for row {row.row} of the applicants, which a person has to check before it is sent."
    source = f"By {form.source} as of {form.date}. {form.note}" if form.source else ""
    return "\n\n".join(part for part in (about, source, write_notice(row, form)) if part) + "\n"


def _by_importance(given: _Given, values: Floats | None) -> list[str]:
    """The features, those that move the model most first; in the table's order where that isn't known."""
    mean = np.zeros(given.features.shape[1]) if values is None else np.abs(values).mean(axis=0)
    return [str(given.features.columns[place]) for place in np.argsort(-mean, kind="stable")]


def _log_odds_values(given: _Given, seconds: float | None) -> Floats:
    """SHAP values of the applicants' log-odds against all applicants, in the order of the features."""
    return compute_shap_values(given.booster, given.features, given.features, output="raw", max_seconds=seconds).values


def _find_proxies(given: _Given, order: list[str]) -> ProxySearch:
    groups = given.groups(np.ones(len(given.features), dtype=bool))
    return find_proxies(given.features[order], groups, coded=given.coded, seed=given.asked["seed"])


def _measure_flow(given: _Given, facet: str, value: Any, proxies: list[str], values: Floats) -> dict[str, object]:
    """Through which features the difference in mean log-odds between a facet's people and the others flows."""
    people = FacetRows.of_column(given.applicants[facet], value)
    flow = measure_disparity_flow(values[people.known], list(map(str, given.features.columns)), people.rows[people.known], together=proxies)
    return {"facet": facet, "group": given.names.describe(facet, value), "flow": flow.to_json()}


def _measure_dropping(given: _Given, proxies: list[str]) -> dict[str, object]:
    asked, labelled = given.asked, ~np.isnan(given.labels)
    found = measure_dropping(
        given.training,
        given.training_labels,
        given.hyperparameters,
        given.features[labelled].astype(float),
        given.labels[labelled].astype(int),
        [FacetRows.of_column(given.applicants[facet][labelled], value) for facet, value in asked["facets"]],
        proxies,
        weights=given.weights,
        favourable=asked["favourable"],
        threshold=asked["threshold"],
        seed=asked["seed"],
    )
    return found.to_json()


def _measure_dependence(given: _Given, order: list[str]) -> list[dict[str, object]]:
    places = np.sort(np.random.default_rng(given.asked["seed"]).permutation(len(given.features))[:DEPENDENCE_ROWS])
    some, predict = given.features.iloc[places].astype(float), partial(predict_probabilities, given.booster)
    return [compute_partial_dependence(predict, some, name, coded=name in given.coded).to_json() for name in order[:SHOWN_DEPENDENCE]]


def _find_weak_spots(given: _Given, order: list[str]) -> dict[str, object]:
    labelled = ~np.isnan(given.labels)
    found = find_worst_slices(
        given.features.loc[labelled, order],
        given.labels[labelled],
        given.scores[labelled],
        given.groups(labelled),
        threshold=given.asked["threshold"],
        coded=given.coded,
        names=given.names,
    )
    return found.to_json()
