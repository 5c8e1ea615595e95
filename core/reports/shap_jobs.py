"""SHAP jobs: the Clarify container's exact values, and what pages show of them."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core import analysis_json, clarify, jobs, models
from core.clients import Clients
from core.errors import Conflict, DataError, NotFound
from core.identity import Identity, require
from core.jobs import Job
from core.rebalancing import Rebalanced
from core.rebalancing import result as rebalanced_result

PREFIX = "governance-shap"
BASELINE_ROWS = 1


@dataclass(frozen=True)
class Shap:
    """global_values: mean |SHAP| by feature, largest first; values: rows × features; data: the explained rows; predictions: P(label = 1);
    expected: the mean prediction of the baseline; additivity: the largest |expected + Σ values − prediction|."""

    job: str
    folder: str
    global_values: dict[str, float]
    values: pd.DataFrame
    data: pd.DataFrame
    predictions: pd.Series[Any]
    expected: float
    additivity: float | None
    rows: int
    raw: dict[str, Any]


@dataclass(frozen=True)
class Label:
    """Global SHAP values of one output of a model, the greatest first. ``undefined``: features without a figure; ``expected``: none where
    the report doesn't say it."""

    label: str
    values: dict[str, float]
    undefined: tuple[str, ...]
    expected: tuple[float, ...]


@dataclass(frozen=True)
class Summary:
    """What an ``analysis.json`` alone says of an explanation: no rows. ``others``: methods in it that aren't shown."""

    labels: tuple[Label, ...]
    others: tuple[str, ...]
    raw: dict[str, Any]


def launch(
    clients: Clients,
    identity: Identity,
    model: str,
    data: Rebalanced,
    *,
    rows: str = "test",
    name: str | None = None,
) -> str:
    """Start the SHAP job of a model on every one of the named rows; returns its name."""
    require(identity, "launch", subject=model)
    name = name or f"{PREFIX}-{secrets.token_hex(5)}"
    config = clarify.config(data, rows, model, f"Explanation of {model} on the {rows} rows")
    config["methods"]["shap"] = {
        "num_clusters": BASELINE_ROWS,
        "agg_method": "mean_abs",
        "save_local_shap_values": True,
        "use_logit": False,
        "seed": 42,
    }
    return clarify.submit(clients, identity, name, data, rows, config, {"governance:model": model})


def result(clients: Clients, name: str) -> Shap:
    """The result of a job that has Completed. Raises Conflict while there is none."""
    job = jobs.describe(clients, "processing", name)
    if job.status != "Completed":
        raise Conflict(
            f"The job {name} is {job.status}{f': {job.reason}' if job.reason else ''}.",
            subject=name,
            remedy="Wait for it, or start another.",
        )
    return read(clients, jobs.output_of(job), name)


def read(clients: Clients, folder: str, name: str = "") -> Shap:
    """The result in a folder of S3. Raises NotFound when the folder's report explains nothing, DataError where a file of it is not what a
    SHAP job of this product writes."""
    uri = f"{folder}/analysis.json"
    raw = analysis_json.load(clients.read(uri), uri)
    if not raw.get("explanations"):
        raise NotFound(f"{folder} holds no SHAP values.", subject=folder, remedy="Start a SHAP job for this model.")
    first = summary(raw, uri).labels[0]
    if not first.expected:
        raise DataError(f"{uri} doesn't say what prediction was expected.", subject=uri, remedy="Start a SHAP job for this model.")
    expected, rows = first.expected[0], f"{folder}/explanations_shap/data.csv"
    ours = clients.exists(rows)  # AWS's container keeps neither the rows nor what the model says of them
    files = {"out": clients.read(f"{folder}/explanations_shap/out.csv")} | ({"data": clients.read(rows)} if ours else {})
    try:
        values = pd.read_csv(io.BytesIO(files["out"]))
        values.columns = pd.Index([str(c).removesuffix("_label0") for c in values.columns])
        if ours:
            data = pd.read_csv(io.BytesIO(files["data"]))
            predictions = data.pop("prediction")
            data = data[list(values.columns)]
        else:
            data = _rows(clients, folder, list(values.columns))
    except (KeyError, ValueError) as error:
        raise DataError(
            f"The rows in {folder}/explanations_shap are not as this product's jobs write them: {error}.",
            subject=folder,
            remedy="Open its analysis.json under Import: it is shown without the rows.",
        ) from error
    if ours:
        additivity = ((raw.get("governance") or {}).get("shap") or {}).get("additivity")
    else:
        model = models.artifact(clients, _config(clients, folder)["predictor"]["model_name"])
        predictions = pd.Series(predict(booster(clients, model), data))
        additivity = float((values.sum(axis=1) + expected - predictions).abs().max())
    return Shap(name, folder, first.values, values, data, predictions, expected, additivity, len(values), raw)


def summary(raw: Any, subject: str = "") -> Summary:
    """The global SHAP values of an ``analysis.json``, ours or another's. Raises DataError where it has none, or a part is wrong."""
    remedy = "Choose the report of a job that computed SHAP values of a table (methods.shap)."
    found = analysis_json.checked(raw, subject).explanations
    methods = list((raw.get("explanations") or {}).keys())
    others = tuple(name for name in methods if name not in {"kernel_shap", "version"})
    if found is None:
        raise DataError(f"{subject or 'The report'} holds no explanations.", subject=subject, remedy=remedy)
    labels: list[Label] = []
    texts = False
    for label, one in (found.kernel_shap or {}).items():
        texts |= bool(one.global_top_shap_text)
        for name, values in _by_aggregation(label, one.global_shap_values or {}):
            place = f"explanations.kernel_shap.{label}.global_shap_values"
            figures, undefined = analysis_json.figures(values, place, subject)
            labels.append(Label(name, figures, undefined, _expected(one.expected_value, label, subject)))
    if not any(label.values for label in labels):
        what = "text features" if texts else ", ".join(others or methods) or "nothing"
        text = f"{subject or 'The report'} has no global SHAP values of a table's features: its explanations hold {what}."
        raise DataError(text, subject=subject, remedy=remedy)
    return Summary(tuple(label for label in labels if label.values), others, raw)


def _by_aggregation(label: str, values: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Values by feature; where a report has them by aggregation (mean_abs, median, …), each by itself."""
    nested = {name: inner for name, inner in values.items() if isinstance(inner, dict)}
    if nested and len(nested) == len(values):
        return [(f"{label}, {name}", inner) for name, inner in nested.items()]
    return [(label, values)]


def _expected(value: Any, label: str, subject: str) -> tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    place = f"explanations.kernel_shap.{label}.expected_value"
    found, _ = analysis_json.figures({str(i): v for i, v in enumerate(values)}, place, subject)
    return tuple(found[str(i)] for i in range(len(values)) if str(i) in found)


def _config(clients: Clients, folder: str) -> dict[str, Any]:
    """What the job with this output was asked."""
    found: dict[str, Any] = clients.read_json(f"{folder.removesuffix('/output')}/config/analysis_config.json")
    return found


def _rows(clients: Clients, folder: str, features: list[str]) -> pd.DataFrame:
    """The rows that the job with this output explained."""
    job = jobs.describe(clients, "processing", folder.removesuffix("/output").rpartition("/")[2])
    return pd.read_csv(io.BytesIO(clients.read(jobs.input_of(job, "dataset"))))[features]


@dataclass(frozen=True)
class About:
    """What a SHAP job was asked: of which model, on which rows; and what the data set says its columns are for.

    ``favourable``: the label that people wish for, 0 or 1; None where the data weren't rebalanced here. ``sensitive``: its facet and its
    group, whether the model is given them or not.
    """

    title: str
    model: str
    model_uri: str
    training_job: str
    label: str
    favourable: int | None
    words: dict[int, str]
    facet: str
    facet_value: int | None
    sensitive: tuple[str, ...]
    rebalanced: str

    @property
    def unfavourable_raises(self) -> bool:
        """Whether a higher prediction is the worse one for the person: the prediction is the probability of label 1."""
        return self.favourable != 1


def about(clients: Clients, name: str) -> About:
    """Raises NotFound where the job's configuration is gone."""
    job = jobs.describe(clients, "processing", name)
    config = _config(clients, jobs.output_of(job))
    model = config["predictor"]["model_name"]
    uri = models.artifact(clients, model)
    trained = uri.removesuffix("/output/model.tar.gz").rpartition("/")[2]
    made_by = jobs.input_of(job, "dataset").partition("/governance/rebalanced/")[2].partition("/")[0]
    label, title = str(config["label"]), str(config["methods"]["report"]["title"])
    if not made_by:
        return About(title, model, uri, trained, label, None, {}, "", None, (), "")
    dataset = rebalanced_result(clients, made_by).dataset
    roles = dataset.roles
    words = {code: text for text, code in dataset.coding.get(roles.label, {}).items()}
    sensitive = tuple(column for column in (roles.facet, roles.group) if column)
    return About(title, model, uri, trained, label, roles.favourable, words, roles.facet, roles.facet_value, sensitive, made_by)


def booster(clients: Clients, model_uri: str) -> Any:
    """The model itself, to predict a row anew. Raises DataError where the archive holds none."""
    from core.analysis import explanations_model

    try:
        return explanations_model.load(clients.read(model_uri))
    except explanations_model.ModelError as error:
        raise DataError(f"{model_uri}: {error}", subject=model_uri, remedy="Train the model again.") from error


def predict(model: Any, rows: pd.DataFrame) -> list[float]:
    """P(label = 1) of each row, the same figure as the job's own."""
    from core.analysis import explanations

    return [float(p) for p in explanations.predict(model, rows)]


def list_jobs(clients: Clients, named: str | None = None) -> list[Job]:
    """The newest SHAP jobs; before them the one that is ``named``, where it is older."""
    return jobs.listed(clients, "processing", contains=PREFIX, named=named)
