"""Every figure of a workflow's models beside what ``tools.judges``, fairlearn and XGBoost itself make of the files that the jobs wrote."""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import fairlearn.metrics
import numpy as np
import pandas as pd
import sklearn.metrics
import xgboost

from core.aws.target import Target
from core.jobs import jobs, rebalancing_jobs
from core.registry import model_packages
from core.workflow.workflow_report import WorkflowReport
from tools import judges
from tools.judges import Bools, Floats, Rows

TOLERANCE = 1e-9
SINGLE_PRECISION = 2e-6
"""XGBoost predicts in 32 bits: a sum of some thousand such predictions is as far from that of another order."""
SHAP_ROWS, MAX_PLAYERS = 20, 11
"""Rows whose Shapley values are computed by the definition, and in how many features they may differ from the baseline: 2 to this power
coalitions are predicted."""
MAX_MEAN_ERRORS, MAX_ERRORS = 2, 4
"""How many standard errors sampled values may be off: in the mean of all, and a single one. The job states the mean error of a value;
that of a single one is at most the sum over its row."""


@dataclass
class Judgement:
    """``largest``: the largest absolute deviation among ``figures`` figures; ``wrong``: those beyond the tolerance, in sentences."""

    figures: int = 0
    largest: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def compare(self, name: str, ours: float | str | None, theirs: float | None, tolerance: float = TOLERANCE) -> None:
        """Count one figure; None is undefined, and only None agrees with it."""
        self.figures += 1
        mine = float(ours) if ours is not None else None
        if theirs is not None and math.isnan(theirs):
            theirs = None
        if mine is None or theirs is None or math.isinf(mine) or math.isinf(theirs):
            if mine != theirs:
                self.wrong.append(f"{name}: {mine}, and the judge has {theirs}")
            return
        deviation = abs(mine - theirs)
        self.largest = max(self.largest, deviation)
        if deviation > tolerance * max(1.0, abs(theirs)):
            self.wrong.append(f"{name}: {mine}, and the judge has {theirs}")


Judgements = dict[str, Judgement]
"""Library -> what it says."""


@dataclass(frozen=True)
class JudgedModel:
    """A model on the test rows: ``rows`` as the file has them, ``scores`` of label 1 as XGBoost itself predicts them."""

    name: str
    rows: pd.DataFrame
    features: list[str]
    booster: xgboost.Booster
    scores: Floats


def judge_models(target: Target, report: WorkflowReport) -> Judgements:
    """Every figure of both models of a workflow that has run."""
    data = rebalancing_jobs.read_result(target, report["data"]["rebalancing_job"])
    rows = pd.read_csv(io.BytesIO(target.files.read(data.uri("test_header.csv"))))
    found = {name: Judgement() for name in ("scikit-learn", "smclarify", "fairlearn", "Shapley", "Shapley, sampled")}
    for model in report["models"]:
        package = model_packages.read_package(target, model["model_package_arn"])
        bias, shap = (_output(target, package.properties[f"governance:{kind}-job"]) for kind in ("bias", "shap"))
        booster = _load_booster(target, str(model["training_job"]))
        features = list(data.manifest["features"])
        scores = _predict(booster, rows[features].to_numpy(dtype=np.float32))
        judged = JudgedModel(model["role"], rows, features, booster, scores)
        analysis = json.loads(target.files.read(f"{bias}/analysis.json"))
        by_row = pd.read_csv(io.BytesIO(target.files.read(f"{bias}/scores.csv")))
        label, favourable = rows[data.roles.label], data.roles.favourable
        threshold = float(analysis["governance"]["threshold"])
        judge_quality(found["scikit-learn"], judged, label, threshold, model["metrics"] or {})
        good, accepted = (label == favourable).to_numpy(), ((scores > threshold) == bool(favourable))
        group = by_row.get("group")
        judge_bias(found["smclarify"], judged, good, accepted, group, analysis)
        _judge_report(found["smclarify"], judged, model["bias"], analysis, f"{data.roles.facet}", f"{data.roles.facet_value}")
        names = {data.roles.group: group} if data.roles.group and group is not None else {}
        judge_groups(found["fairlearn"], judged, good, accepted, names, analysis)
        judge_shap(found["Shapley"], found["Shapley, sampled"], judged, target, shap)
    return found


def _output(target: Target, job: str) -> str:
    return jobs.output_uri(jobs.describe_job(target, "processing", job))


def _load_booster(target: Target, training_job: str) -> xgboost.Booster:
    artifact = jobs.describe_job(target, "training", training_job).raw["ModelArtifacts"]["S3ModelArtifacts"]
    with tarfile.open(fileobj=io.BytesIO(target.files.read(artifact))) as archive:
        member = archive.extractfile("xgboost-model")
        assert member is not None
        return xgboost.Booster(model_file=bytearray(member.read()))


def _predict(booster: xgboost.Booster, matrix: Rows) -> Floats:
    """P(label = 1), by the best round where training stopped early, as SageMaker's container predicts."""
    best = booster.attr("best_iteration")
    rounds = (0, int(best) + 1) if best is not None else (0, 0)
    data = xgboost.DMatrix(matrix, feature_names=booster.feature_names)
    return np.asarray(booster.predict(data, iteration_range=rounds), dtype=float)


def judge_quality(judgement: Judgement, model: JudgedModel, labels: Any, threshold: float, metrics: Mapping[str, Any]) -> None:
    """The quality of a model as its report has it, by scikit-learn."""
    for name, theirs in judges.quality(labels, model.scores, threshold).items():
        judgement.compare(f"{model.name}: {name}", metrics[name]["value"], theirs)
    confusion = sklearn.metrics.confusion_matrix(labels, model.scores > threshold, labels=[0, 1]).ravel()
    for cell, count in zip(("tn", "fp", "fn", "tp"), confusion.tolist(), strict=True):
        judgement.compare(f"{model.name}: {cell}", metrics["confusion"][cell], count)


def judge_bias(
    judgement: Judgement, model: JudgedModel, good: Bools, accepted: Bools, group: pd.Series[Any] | None, analysis: Mapping[str, Any]
) -> None:
    """Every bias metric of every facet value in an ``analysis.json``, by smclarify."""
    for facet, value, ours in _facets(analysis):
        of_facet = (model.rows[facet].astype(float) == float(value)).to_numpy()
        features = model.rows[model.features].drop(columns=facet, errors="ignore")
        pre, post = judges.expected_bias(of_facet, good, accepted, group, features)
        for name, theirs in {**pre, **post}.items():
            judgement.compare(f"{model.name}, {facet} = {value}: {name}", ours[name], theirs)


def _facets(analysis: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(facet, value, metric -> value) of both stages."""
    pre, post = (analysis[f"{stage}_training_bias_metrics"]["facets"] for stage in ("pre", "post"))
    for facet, entries in pre.items():
        for one, other in zip(entries, post[facet], strict=True):
            yield facet, one["value_or_threshold"], {m["name"]: m["value"] for m in (*one["metrics"], *other["metrics"])}


def _judge_report(
    judgement: Judgement, model: JudgedModel, bias: Mapping[str, Mapping[str, Any]], analysis: Mapping[str, Any], facet: str, value: str
) -> None:
    """What the demo prints of the main facet is what its report has, which is judged."""
    main = next(ours for name, of, ours in _facets(analysis) if (name, of) == (facet, value))
    for name, ours in {**bias["pre_training"], **bias["post_training"]}.items():
        theirs = main[name]
        judgement.compare(f"{model.name}: {name} of the demo's report", ours, None if theirs is None else float(theirs))


def judge_groups(
    judgement: Judgement,
    model: JudgedModel,
    good: Bools,
    accepted: Bools,
    groups: Mapping[str, pd.Series[Any]],
    analysis: Mapping[str, Any],
) -> None:
    """The table of all groups and intersections, by fairlearn. ``groups``: column -> each row's group, if it is binned."""
    table = analysis["governance"]["group_table"]
    measured = [group for group in table["groups"] if not group["why"]]
    named = dict.fromkeys(column for group in table["groups"] for column in group["columns"])
    text = {name: groups[name] if name in groups else model.rows[name].astype("Int64") for name in named}
    sensitive = pd.DataFrame({name: column.astype(object) for name, column in text.items()})
    for group in measured:
        columns, values = list(group["columns"]), tuple(map(str, group["values"]))
        known = sensitive[columns].notna().all(axis=1).to_numpy()
        mine = (sensitive[columns].astype(str) == list(values)).all(axis=1).to_numpy()[known]
        frame = fairlearn.metrics.MetricFrame(
            metrics={
                "rows": fairlearn.metrics.count,
                "rate": fairlearn.metrics.selection_rate,
                "tpr": fairlearn.metrics.true_positive_rate,
            },
            y_true=good[known],
            y_pred=accepted[known],
            sensitive_features=mine,
        ).by_group
        labels = fairlearn.metrics.MetricFrame(
            metrics=fairlearn.metrics.selection_rate, y_true=good[known], y_pred=good[known], sensitive_features=mine
        ).by_group
        said = f"{model.name}, {' and '.join(map('='.join, zip(columns, values, strict=True)))}"
        judgement.compare(f"{said}: rows", group["rows"], frame.loc[True, "rows"])
        judgement.compare(f"{said}: rest", group["rest"], frame.loc[False, "rows"] if False in frame.index else 0)
        judgement.compare(f"{said}: share of favourable labels", group["label_share"]["value"], labels[True])
        judgement.compare(f"{said}: share of favourable predictions", group["selection_rate"]["value"], frame.loc[True, "rate"])
        if False not in frame.index:
            continue
        rate, rest = frame.loc[True, "rate"], frame.loc[False, "rate"]
        deserving = [bool(good[known][side].any()) for side in (mine, ~mine)]
        theirs = {
            "DPL": labels[False] - labels[True],
            "DPPL": rest - rate,
            "DI": None if rate == rest == 0 else math.inf if rest == 0 else rate / rest,
            "RD": frame.loc[False, "tpr"] - frame.loc[True, "tpr"] if all(deserving) else None,
        }
        for name, value in theirs.items():
            judgement.compare(f"{said}: {name}", group["disparities"][name]["value"], value)


def judge_shap(judgement: Judgement, sampled: Judgement, model: JudgedModel, target: Target, folder: str) -> None:
    """The SHAP values of a job: of every row that they add up to XGBoost's prediction, of a few rows every value by the definition, and
    the global ones from those of the rows. ``sampled`` has the values of a job that states a standard error."""
    analysis = json.loads(target.files.read(f"{folder}/analysis.json"))
    (values, baseline) = (
        pd.read_csv(io.BytesIO(target.files.read(f"{folder}/explanations_shap/{name}.csv"))) for name in ("out", "baseline")
    )
    (reported,) = analysis["explanations"]["kernel_shap"].values()
    values.columns = pd.Index([name.removesuffix("_label0") for name in values.columns])
    names = list(values.columns)
    error = float(analysis["governance"]["shap"]["standard_error"])
    sampled = sampled if error > 0 else judgement
    rows, background = (frame[names].to_numpy(dtype=np.float32) for frame in (model.rows, baseline))
    order = [names.index(name) for name in model.features]

    def predict(matrix: Rows) -> Floats:
        return _predict(model.booster, matrix[:, order])

    expected = float(predict(background).mean())
    judgement.compare(f"{model.name}: expected value", reported["expected_value"], expected, SINGLE_PRECISION)
    sums = expected + values.to_numpy(dtype=float).sum(axis=1) - model.scores
    judgement.compare(f"{model.name}: sum of the values less the prediction", float(np.abs(sums).max()), 0.0, SINGLE_PRECISION)
    for name in names:
        judgement.compare(
            f"{model.name}: global value of {name}",
            reported["global_shap_values"][name],
            float(values[name].abs().mean()),
            SINGLE_PRECISION,
        )
    deviations = []
    for row in _rows_with_few_players(rows, background):
        theirs = np.mean([judges.shapley_values(predict, rows[row], one) for one in background], axis=0)
        for name, value in zip(names, theirs.tolist(), strict=True):
            ours = float(values[name].iloc[row])
            sampled.compare(
                f"{model.name}, row {row}: SHAP value of {name}", ours, value, SINGLE_PRECISION + MAX_ERRORS * error * len(names)
            )
            deviations.append(abs(ours - value))
    if deviations and np.mean(deviations) > SINGLE_PRECISION + MAX_MEAN_ERRORS * error:
        sampled.wrong.append(f"{model.name}: SHAP values are off by {np.mean(deviations):.2g}, and the job states {error:.2g}")


def _rows_with_few_players(rows: Rows, background: Rows) -> list[int]:
    """Rows from all over the table that differ from each baseline row in at most ``MAX_PLAYERS`` features."""
    players = np.max([judges.differs(rows, one).sum(axis=1) for one in background], axis=0)
    able = np.flatnonzero(players <= MAX_PLAYERS)
    return [int(row) for row in able[:: max(1, len(able) // SHAP_ROWS)][:SHAP_ROWS]]


def judge_cells(judgement: Judgement, original: pd.DataFrame, target: Target, report: WorkflowReport) -> None:
    """The uploaded data set, its codes read backwards, against the text of the file as pandas reads it without interpreting anything. A
    figure is a column, its deviation the share of the cells that say something else. ``original``: cells as text, "" where empty."""
    data = rebalancing_jobs.read_result(target, report["data"]["rebalancing_job"])
    uploaded = pd.read_csv(io.BytesIO(target.files.read(data.dataset.uri)))
    unknown = original[[data.roles.label, dict(data.roles.derived).get(data.roles.facet, data.roles.facet)]].apply(_is_missing)
    cells = original[~unknown.any(axis=1)].reset_index(drop=True)
    judgement.compare("rows", len(uploaded), len(cells))
    if len(uploaded) != len(cells):
        return
    for name in uploaded.columns.drop(list(dict(data.roles.derived))):
        texts = {code: text for text, code in data.dataset.coding.get(name, {}).items()}
        ours = [texts.get(value, value) for value in uploaded[name].tolist()]
        empty, treatment = _is_missing(cells[name]), dict(data.roles.missing).get(name, "")
        filled = {"category": "missing"}.get(treatment, treatment)
        other = [
            not (_is_same_cell(one, text) or (gap and str(one) == filled))
            for one, text, gap in zip(ours, cells[name].tolist(), empty.tolist(), strict=True)
        ]
        judgement.compare(f"column {name}: share of cells that differ", float(np.mean(other)), 0.0)


MISSING = ("na", "nan", "?", ".")


def _is_missing(column: pd.Series[str]) -> pd.Series[bool]:
    """Which cells are empty, or in a column of numbers have a word for that."""
    cells = column.str.strip().str.casefold()
    words = cells.isin(MISSING)
    has_numbers = bool(pd.to_numeric(cells[~words & (cells != "")], errors="coerce").notna().all())
    return cells.isin(["", *(MISSING if has_numbers else ())])


def _is_same_cell(ours: Any, text: str) -> bool:
    """Whether a value of the data set is what the file says in that cell."""
    written = text.strip()
    if isinstance(ours, float) and math.isnan(ours):
        return written.casefold() in {"", *MISSING}
    if str(ours) == written:
        return True
    try:
        return float(ours) == float(written.replace(",", ""))
    except ValueError:
        return False
