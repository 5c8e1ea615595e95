"""SHAP jobs: launch them on a model, and read their values, rows and predictions."""

from __future__ import annotations

import io
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from core.analysis.explanations.explanation_checks import RELATIVE_BOUND, check_explanation
from core.analysis.tables.value_names import ValueNames
from core.aws.target import Target
from core.data import column_roles
from core.data.datasets import value_names
from core.errors import DataError, NotFound
from core.identity import Identity, require_permission
from core.jobs import jobs, models
from core.jobs.jobs import Job
from core.jobs.rebalancing_jobs import RebalancedData
from core.jobs.rebalancing_jobs import read_result as rebalanced_result
from core.references import JOB_NAME_PREFIXES
from core.reports import analysis_json, clarify_jobs
from core.reports.clarify_jobs import ClarifyRequest

if TYPE_CHECKING:
    from xgboost import Booster

JOB_NAME_PREFIX = JOB_NAME_PREFIXES["explanation"]
BASELINE_ROWS = 1
ROW_ERRORS = "largest_standard_error"
"""The column of the explained rows that has the largest standard error of the row's values."""
ROWS_ONCE_USED = 100
"""The most baseline rows that version 0.1.0 used, however many there were."""
EXPLAIN_AGAIN_HINT = "Start a SHAP job for the model again: this version explains more kinds of models, and names those that it can't."


@dataclass(frozen=True)
class ShapResult:
    """The result of a SHAP job. ``global_values``: feature -> mean |SHAP|, largest first; ``values``: rows × features; ``data``: the
    explained rows; ``predictions``: P(label = 1); ``expected``: the mean prediction of the baseline; ``additivity_error``: the largest
    |expected + Σ values − prediction|, at most ``error_bound``; ``threshold``: a prediction above it is 1; ``row_errors``: the largest
    standard error of each row's values, 0 where they are exact, None in reports of earlier versions."""

    job: str
    folder: str
    global_values: dict[str, float]
    values: pd.DataFrame
    data: pd.DataFrame
    predictions: pd.Series[float]
    expected: float
    additivity_error: float
    error_bound: float
    rows: int
    threshold: float
    raw: Mapping[str, object]
    row_errors: pd.Series[float] | None = None


@dataclass(frozen=True)
class LabelShapValues:
    """Global SHAP values of one output of a model, the largest first. ``undefined``: features without a value; ``expected``: the expected
    predictions, empty if the report has none."""

    label: str
    values: dict[str, float]
    undefined: tuple[str, ...]
    expected: tuple[float, ...]


@dataclass(frozen=True)
class ShapSummary:
    """The explanation in an ``analysis.json``, which has no rows. ``others``: methods in it that the product doesn't show."""

    labels: tuple[LabelShapValues, ...]
    others: tuple[str, ...]
    raw: Mapping[str, object]


def launch_job(
    target: Target,
    identity: Identity,
    model: str,
    data: RebalancedData,
    *,
    rows: str = "test",
    threshold: float = 0.5,
    name: str | None = None,
) -> str:
    """Start a SHAP job of a model on all of the given rows (test, validation or train); returns its name. ``threshold``: the score above
    which the model predicts label 1, for what is said of single rows."""
    require_permission(identity, "launch", resource=model)
    name = name or f"{JOB_NAME_PREFIX}-{secrets.token_hex(5)}"
    config = clarify_jobs.build_shared_config(data, rows, model, f"Explanation of {model} on the {rows} rows")
    config["methods"]["shap"] = {
        "num_clusters": BASELINE_ROWS,
        "agg_method": "mean_abs",
        "save_local_shap_values": True,
        "use_logit": False,
        "seed": 42,
    }
    config["probability_threshold"] = threshold
    if target.settings.clarify == "aws":
        clarify_jobs.require_no_gaps(target, data.uri(clarify_jobs.ROW_FILES[rows]), data.roles.label)
    return clarify_jobs.submit_job(target, identity, name, data, rows, config, {"governance:model": model})


def read_job_result(target: Target, name: str) -> ShapResult:
    """The result of a completed SHAP job. Raises Conflict if it hasn't completed."""
    job = jobs.describe_job(target, "processing", name)
    jobs.require_completed(job, name)
    return read_result_at(target, jobs.output_uri(job), name)


def read_result_at(target: Target, folder: str, name: str = "") -> ShapResult:
    """The result in a folder of S3. Raises NotFound if the folder's report has no SHAP values; DataError if it says why there are none, if
    they don't add up to the predictions, or if a file isn't as the product's SHAP jobs write it."""
    uri = f"{folder}/analysis.json"
    raw = analysis_json.load(target.files.read(uri), uri)
    if not raw.get("explanations"):
        raise NotFound(f"{folder} has no SHAP values.", resource=folder, hint="Start a SHAP job for this model.")
    first = summarize_report(raw, uri).labels[0]
    if not first.expected:
        raise DataError(f"{uri} doesn't say what prediction was expected.", resource=uri, hint="Start a SHAP job for this model.")
    expected, rows = first.expected[0], f"{folder}/explanations_shap/data.csv"
    row_errors: pd.Series[float] | None = None
    ours = target.files.exists(rows)  # AWS's container writes neither the rows nor their predictions
    files = {"out": target.files.read(f"{folder}/explanations_shap/out.csv")} | ({"data": target.files.read(rows)} if ours else {})
    try:
        values = pd.read_csv(io.BytesIO(files["out"]))
        values.columns = pd.Index([str(c).removesuffix("_label0") for c in values.columns])
        if ours:
            data = pd.read_csv(io.BytesIO(files["data"]))
            predictions, row_errors = data.pop("prediction"), data.get(ROW_ERRORS)
            data = data[list(values.columns)]
        else:
            data = _read_explained_rows(target, folder, list(values.columns))
    except (KeyError, ValueError) as error:
        raise DataError(
            f"The rows in {folder}/explanations_shap are not as this product's jobs write them: {error}.",
            resource=folder,
            hint="Open its analysis.json under Import, which shows it without the rows.",
        ) from error
    own = analysis_json.validate_report(raw, uri).governance or analysis_json.Governance()
    if not ours:
        model = models.artifact_uri(target, _read_job_config(target, folder)["predictor"]["model_name"])
        predictions = pd.Series(predict_rows(load_model(target, model), data))
    check = check_explanation(values.to_numpy(dtype=float), expected, predictions.to_numpy(dtype=float))
    if check.problem:
        raise DataError(f"The explanation in {folder} is wrong: {check.problem}.", resource=folder, hint=EXPLAIN_AGAIN_HINT)
    errors = (check.additivity, check.bound)
    return ShapResult(name, folder, first.values, values, data, predictions, expected, *errors, len(values), own.threshold, raw, row_errors)


def summarize_report(raw: Mapping[str, object], resource: str = "") -> ShapSummary:
    """The global SHAP values of any ``analysis.json`` (``raw``, parsed JSON). Raises DataError if it has none, or a part is invalid."""
    remedy = "Choose the report of a job that computed SHAP values of a table (methods.shap)."
    report = analysis_json.validate_report(raw, resource)
    found = report.explanations
    parts = raw.get("explanations")
    methods = list(parts) if isinstance(parts, dict) else []
    others = tuple(name for name in methods if name not in {"kernel_shap", "version"})
    if found is None:
        raise DataError(f"{resource or 'The report'} has no explanations.", resource=resource, hint=remedy)
    if wrong := _recorded_problem((report.governance and report.governance.shap) or {}, resource):
        raise DataError(f"The explanation in {resource or 'the report'} is wrong: {wrong}.", resource=resource, hint=EXPLAIN_AGAIN_HINT)
    labels: list[LabelShapValues] = []
    texts = False
    for label, one in (found.kernel_shap or {}).items():
        texts |= bool(one.global_top_shap_text)
        for name, values in _by_aggregation(label, one.global_shap_values or {}):
            place = f"explanations.kernel_shap.{label}.global_shap_values"
            figures, undefined = analysis_json.parse_finite_numbers(values, place, resource)
            labels.append(LabelShapValues(name, figures, undefined, _expected_values(one.expected_value, label, resource)))
    if not any(label.values for label in labels):
        reasons = [reason for one in (found.kernel_shap or {}).values() if (reason := analysis_json.error_text(one.error))]
        if reasons:
            hint = "Its bias metrics are valid. Remove the cause, then start a SHAP job for the model."
            raise DataError(f"{resource or 'The report'} has no explanation: {reasons[0]}.", resource=resource, hint=hint)
        what = "text features" if texts else ", ".join(others or methods) or "nothing"
        text = f"{resource or 'The report'} has no global SHAP values of a table's features: its explanations are of {what}."
        raise DataError(text, resource=resource, hint=remedy)
    return ShapSummary(tuple(label for label in labels if label.values), others, raw)


def _recorded_problem(measured: Mapping[str, object], resource: str) -> str:
    """What is wrong with an explanation of this product by its own record; version 0.1.0 wrote such ones. Empty if nothing is."""
    names = ("additivity", "error_bound", "baseline_rows")
    number, _ = analysis_json.parse_finite_numbers({name: measured.get(name) for name in names}, "governance.shap", resource)
    bound = number.get("error_bound", RELATIVE_BOUND * (1 if measured.get("output") in {None, "probability"} else 100))
    if (error := number.get("additivity", 0.0)) > bound:
        return f"expected value and SHAP values miss the model's prediction by up to {error:.4g}; allowed is {bound:.1g}"
    if "error_bound" not in number and (rows := number.get("baseline_rows", 0.0)) > ROWS_ONCE_USED:
        return f"it was made by an earlier version, which used {ROWS_ONCE_USED} of its {rows:,.0f} baseline rows"
    return ""


def _by_aggregation(label: str, values: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    """(label, feature -> value); one for each aggregation (mean_abs, median, …) if the report has several."""
    nested = {name: inner for name, inner in values.items() if isinstance(inner, dict)}
    if nested and len(nested) == len(values):
        return [(f"{label}, {name}", inner) for name, inner in nested.items()]
    return [(label, values)]


def _expected_values(value: object, label: str, resource: str) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    place = f"explanations.kernel_shap.{label}.expected_value"
    found, _ = analysis_json.parse_finite_numbers({str(i): v for i, v in enumerate(values)}, place, resource)
    return tuple(found[str(i)] for i in range(len(values)) if str(i) in found)


def _read_job_config(target: Target, folder: str) -> ClarifyRequest:
    """The analysis_config.json of the job with this output folder."""
    return target.files.read_json(f"{folder.removesuffix('/output')}/config/analysis_config.json", ClarifyRequest)


def _read_explained_rows(target: Target, folder: str, features: list[str]) -> pd.DataFrame:
    """The rows that the job with this output folder explained."""
    job = jobs.describe_job(target, "processing", folder.removesuffix("/output").rpartition("/")[2])
    return pd.read_csv(io.BytesIO(target.files.read(jobs.input_uri(job, "dataset"))))[features]


@dataclass(frozen=True)
class ShapRequest:
    """What a SHAP job explains: which model, on which rows, and the roles of their columns.

    ``favourable``: the label's value that is good for the person, 0 or 1; None if the rows aren't from a rebalancing of this product.
    ``sensitive``: the columns of the facet, the further facets and the group, whether the model uses them or not.
    """

    title: str
    model: str
    model_uri: str
    training_job: str
    label: str
    favourable: int | None
    value_names: ValueNames
    facet: str
    facet_value: int | None
    sensitive: tuple[str, ...]
    rebalancing_job: str

    @property
    def is_higher_unfavourable(self) -> bool:
        """Whether a higher prediction, the probability of label 1, is worse for the person."""
        return self.favourable != 1


def read_request(target: Target, name: str) -> ShapRequest:
    """What a SHAP job was asked to explain. Raises NotFound if its configuration was deleted."""
    job = jobs.describe_job(target, "processing", name)
    config = _read_job_config(target, jobs.output_uri(job))
    model = config["predictor"]["model_name"]
    uri = models.artifact_uri(target, model)
    trained = uri.removesuffix("/output/model.tar.gz").rpartition("/")[2]
    made_by = jobs.input_uri(job, "dataset").partition("/governance/rebalanced/")[2].partition("/")[0]
    label, title = str(config["label"]), str(config["methods"]["report"]["title"])
    if not made_by:
        return ShapRequest(title, model, uri, trained, label, None, ValueNames(), "", None, (), "")
    dataset = rebalanced_result(target, made_by).dataset
    roles = dataset.roles
    sensitive = column_roles.sensitive_columns(roles)
    return ShapRequest(
        title, model, uri, trained, label, roles.favourable, value_names(dataset), roles.facet, roles.facet_value, sensitive, made_by
    )


def load_model(target: Target, model_uri: str) -> Booster:
    """The XGBoost booster in a model.tar.gz, to predict rows again. Raises DataError if the archive has none."""
    from core.analysis.explanations import xgboost_model

    try:
        return xgboost_model.load_booster(target.files.read(model_uri))
    except xgboost_model.ModelError as error:
        raise DataError(f"{model_uri}: {error}", resource=model_uri, hint="Train the model again.") from error


def predict_rows(model: Booster, rows: pd.DataFrame) -> list[float]:
    """P(label = 1) of each row, as the SHAP job computed it. Raises DataError if the rows' columns aren't the model's features."""
    from core.analysis.explanations import shap_values
    from core.analysis.tables.feature_names import FeatureError

    try:
        return [float(p) for p in shap_values.predict_probabilities(model, rows)]
    except FeatureError as error:
        raise DataError(f"The rows don't fit the model: {error}.", hint="Use the rows that the model was trained for.") from error


def list_jobs(target: Target, including: str | None = None) -> list[Job]:
    """The newest SHAP jobs, newest first; before them the job named ``including``, if it is older."""
    return jobs.list_jobs(target, "processing", name_contains=JOB_NAME_PREFIX, including=including)
