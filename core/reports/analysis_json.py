"""Reads and checks Clarify's ``analysis.json``, this product's and others'; errors name the part that is wrong.

The layout is that of AWS's page "Analysis results" (``pre_training_bias_metrics``, ``post_training_bias_metrics``, ``explanations``), with
what smclarify and the container write in practice: infinities as strings or as bare tokens, NaN, a value or a threshold as text, number,
list or interval. The part ``governance`` is this product's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from core.analysis.bias.bias_intervals import Interval
from core.analysis.bias.group_table import GroupTable
from core.analysis.performance.performance import Performance
from core.errors import DataError

MAX_ROWS = 2**53
"""More rows than this can't be counted exactly in a JSON number."""
MAX_REPORT_BYTES = 20_000_000
"""The most bytes of a report; Clarify's own have some thousand."""
STAGES = ("pre_training_bias_metrics", "post_training_bias_metrics")
CHOOSE_REPORT_HINT = "Choose the analysis.json of a Clarify processing job, as the job wrote it."
OTHER_SAGEMAKER_FILES = {
    "violations": "a list of violations, as a monitoring job of SageMaker writes it",
    "binary_classification_metrics": "a report on a model's quality",
    "multiclass_classification_metrics": "a report on a model's quality",
    "regression_metrics": "a report on a model's quality",
    "binary_classification_constraints": "a monitor's constraints on a model's quality",
    "multiclass_classification_constraints": "a monitor's constraints on a model's quality",
    "regression_constraints": "a monitor's constraints on a model's quality",
    "features": "statistics or constraints of a data set, as a data-quality monitor writes them",
    "model_performance_metrics": "smclarify's report on a model's performance",
    "methods": "the configuration of a Clarify job (analysis_config.json), not its result",
}
"""A key of another SageMaker file -> what that file is."""


def parse_number(value: object) -> float | None:
    """A number of a report, which may be text; None for null and NaN. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{shorten_json(value)} is not a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{shorten_json(value)} is not a number") from None
    return None if math.isnan(found) else found


def value_as_text(value: object) -> str:
    """A value or threshold as text; 1, 1.0 and "1" give the same. Raises ValueError."""
    if isinstance(value, list) and value:
        return ", ".join(map(value_as_text, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float) and str(value).strip():
        return str(value).strip()
    raise ValueError(f"{shorten_json(value)} is not a value")


def shorten_json(value: object) -> str:
    """A part of a file as JSON, of 40 characters at most, for a message."""
    piece = json.dumps(value, default=str)
    return piece if len(piece) <= 40 else piece[:37] + "…"


Figure = Annotated[float | None, BeforeValidator(parse_number)]
Value = Annotated[str, BeforeValidator(value_as_text)]


class ReportPart(BaseModel):
    """What all parts of a report have in common: unknown keys are ignored."""

    model_config = ConfigDict(frozen=True, strict=False)


class MetricPart(ReportPart):
    """A metric; ``value`` is None where it is undefined, and ``error`` then says why."""

    name: Value
    description: str | None = None
    value: Figure
    error: object = None


class FacetPart(ReportPart):
    """The metrics of one value of a facet."""

    value_or_threshold: Value
    metrics: list[MetricPart]


class StagePart(ReportPart):
    """All facets of a stage, before or after training, and the label that they were measured on."""

    label: Value | None = None
    label_value_or_threshold: Value | None = None
    facets: dict[str, list[FacetPart]]


class IntervalPart(ReportPart):
    """The interval of a metric on ``n`` rows; ``why`` it has none; ``method``: how it was made."""

    low: Figure
    high: Figure
    n: int
    why: str = ""
    method: str = ""

    @property
    def interval(self) -> Interval:
        return Interval(self.low, self.high, self.n, self.why, self.method)


class MetricDetailsPart(ReportPart):
    """What only the product's own reports say of a metric: its range, its value in words, its interval."""

    low: Figure = None
    high: Figure = None
    in_words: str = ""
    interval: IntervalPart | None = None


class FacetCountsPart(ReportPart):
    """Rows of the facet and of the rest, and how many of each have the favourable label."""

    facet: str
    value_or_threshold: Value
    rows: int = Field(ge=0)
    rest: int = Field(ge=0)
    favourable_rows: int = Field(ge=0)
    favourable_rest: int = Field(ge=0)
    without_label: int = Field(default=0, ge=0)
    without_facet: int = Field(default=0, ge=0)
    without_prediction: int = Field(default=0, ge=0)
    without_group: int = Field(default=0, ge=0)


class SweepPart(ReportPart):
    """A sweep over thresholds; the shapes of its counts are checked."""

    facet: str
    value_or_threshold: Value
    favourable: int = Field(ge=0, le=1)
    thresholds: list[float] = Field(min_length=1)
    groups: list[str]
    totals: list[object]
    accepted: list[object]

    @model_validator(mode="after")
    def check_shapes(self) -> SweepPart:
        try:
            totals, accepted = np.array(self.totals, dtype=float), np.array(self.accepted, dtype=float)
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError("the counts are not a table of numbers") from error
        shape = (len(self.groups) + 1, 2, 2)
        if totals.shape != shape or accepted.shape != (len(self.thresholds), *shape):
            raise ValueError("the counts don't have an entry for each group, facet and label")
        if not (np.isfinite(totals).all() and 0 < totals.sum() <= MAX_ROWS and (accepted >= 0).all() and (accepted <= totals).all()):
            raise ValueError("the counts are not numbers of rows")
        return self


class Governance(ReportPart):
    """What this product's container adds."""

    model_config = ConfigDict(extra="allow")
    threshold: float = 0.5
    measured_on: str = ""
    rows_sha256: str | None = None
    interval_methods: str | None = None
    names: dict[str, tuple[str, str]] = {}
    value_names: dict[str, object] = {}
    sensitive: list[str] = []
    counts: list[FacetCountsPart] | None = None
    facets: list[FacetCountsPart] | Annotated[dict[str, object], Field(max_length=0)] | None = None
    metrics: dict[str, dict[str, dict[str, dict[str, MetricDetailsPart]]]] = {}
    sweeps: list[SweepPart] = []
    group_table: GroupTable | None = None
    performance: Performance | None = None
    shap: dict[str, object] | None = None


class LabelShapPart(ReportPart):
    """SHAP values of one label. ``expected_value``: a number, or one for each output; ``error``: why there are no values."""

    global_shap_values: dict[str, object] | None = None
    global_top_shap_text: dict[str, object] | None = None
    expected_value: object = None
    error: object = None


class Explanations(ReportPart):
    """The explanations, by method; the product reads ``kernel_shap``."""

    model_config = ConfigDict(extra="allow")
    kernel_shap: dict[str, LabelShapPart] | None = None


class Analysis(ReportPart):
    """A whole ``analysis.json``. Any of its parts may be missing."""

    pre_training_bias_metrics: StagePart | None = None
    post_training_bias_metrics: StagePart | None = None
    explanations: Explanations | None = None
    governance: Governance | None = None


_ANALYSIS = TypeAdapter(Analysis)


def load(content: bytes, resource: str = "") -> dict[str, object]:
    """The JSON object in a file. Raises DataError if the file is too large, or isn't a JSON object."""
    if len(content) > MAX_REPORT_BYTES:
        raise _unreadable_report(f"it has {len(content):,} bytes, more than the limit of {MAX_REPORT_BYTES:,}", resource)
    try:
        raw = json.loads(content)
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise _unreadable_report("it is not UTF-8 text", resource) from error
    except RecursionError as error:
        raise _unreadable_report("its parts lie too deep in each other", resource) from error
    except ValueError as error:
        empty = "it is empty" if not content.strip() else f"it is not JSON: {error}"
        raise _unreadable_report(empty, resource) from error
    return require_object(raw, resource)


def require_object(raw: object, resource: str = "") -> dict[str, object]:
    """``raw``, if it is a JSON object. Raises DataError, with its own message for smclarify's list of facets."""
    if isinstance(raw, list) and raw and all(isinstance(one, dict) and "value_or_threshold" in one for one in raw):
        raise _unreadable_report(
            "it is what smclarify's bias_report returns, which doesn't say which facet and stage it is about",
            resource,
            'Put the list into {"post_training_bias_metrics": {"facets": {"<facet>": [...]}}}.',
        )
    if not isinstance(raw, dict):
        raise _unreadable_report(f"it contains {shorten_json(raw)} instead of an object with the parts of a report", resource)
    return raw


def validate_report(raw: object, resource: str = "") -> Analysis:
    """The parts of a report (``raw``, parsed JSON). Raises DataError, which names the invalid part, or says what other file it is."""
    found = require_object(raw, resource)
    if not {*STAGES, "explanations"} & found.keys():
        other = next((what for part, what in OTHER_SAGEMAKER_FILES.items() if part in found), None)
        if other:
            raise _unreadable_report(f"it is {other}", resource)
        parts = f"only {', '.join(sorted(map(shorten_json, found))[:5])}" if found else "nothing"
        raise _unreadable_report(f"it has none of the parts of a report ({', '.join((*STAGES, 'explanations'))}), {parts}", resource)
    for stage in STAGES:
        _reject_constraints(found.get(stage), stage, resource)
    try:
        return _ANALYSIS.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        missing = first["type"] == "missing"
        what = "is missing" if missing else f"can't be read: {first['msg'].removeprefix('Value error, ')}"
        raise _unreadable_report(f"its part {_format_location(first['loc'])} {what}", resource) from error
    except (RecursionError, OverflowError) as error:
        raise _unreadable_report("its parts lie too deep in each other", resource) from error


def _reject_constraints(stage: object, name: str, resource: str) -> None:
    """Raises DataError for a drift check's constraints, whose metrics have a threshold instead of a value."""
    facets = stage.get("facets") if isinstance(stage, dict) else None
    entries = facets if isinstance(facets, list) else []
    if isinstance(facets, dict):
        entries = [one for found in facets.values() if isinstance(found, list) for one in found]
    lists = [entry["metrics"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("metrics"), list)]
    metrics = [metric for found in lists for metric in found if isinstance(metric, dict)]
    if metrics and all("value" not in m and {"threshold", "constraint", "constraints"} & m.keys() for m in metrics):
        raise _unreadable_report(f"its part {name} has the limits of a drift check (constraints) instead of measured values", resource)


def _format_location(location: tuple[int | str, ...]) -> str:
    """``post_training_bias_metrics.facets.SEX[0].value``."""
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f"{'.' if place else ''}{step}"
    return place if len(place) <= 120 else place[:117] + "…"


def _unreadable_report(problem: str, resource: str, hint: str = CHOOSE_REPORT_HINT) -> DataError:
    return DataError(f"{resource or 'The file'} can't be read as a report: {problem}.", resource=resource, hint=hint)


def error_text(error: object) -> str | None:
    """Why a metric or an explanation has no value, as text; None if the report gives no reason."""
    if error is None or error == "":
        return None
    return error if isinstance(error, str) else shorten_json(error)


def parse_finite_numbers(values: Mapping[str, object], part_path: str, resource: str) -> tuple[dict[str, float], tuple[str, ...]]:
    """(name -> finite number, the largest absolute value first; names of the others). Raises DataError for what isn't a number."""
    found: dict[str, float] = {}
    for name, value in values.items():
        try:
            figure = parse_number(value)
        except ValueError as error:
            raise _unreadable_report(f"its part {part_path}.{name} can't be read: {error}", resource) from error
        if figure is not None and math.isfinite(figure):
            found[name] = figure
    rest = tuple(name for name in values if name not in found)
    return dict(sorted(found.items(), key=lambda item: -abs(item[1]))), rest
