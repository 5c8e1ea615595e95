"""Clarify's ``analysis.json``, whoever's container wrote it: read with care, so that what is wrong has a name.

The layout is that of AWS's page "Analysis results" (``pre_training_bias_metrics``, ``post_training_bias_metrics``, ``explanations``), with
what smclarify and the container write in practice: infinities as strings or as bare tokens, NaN, a value or a threshold as text, number,
list or interval. The part ``governance`` is this product's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from core.analysis.bias_intervals import Interval
from core.analysis.performance import Performance
from core.analysis.thresholds import Sweep
from core.errors import DataError

LARGEST = 20_000_000
"""Bytes of a file that is taken for a report; Clarify's own have some thousand."""
STAGES = ("pre_training_bias_metrics", "post_training_bias_metrics")
REMEDY = "Choose the analysis.json of a Clarify processing job, as the job wrote it."
OTHERS = {
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
"""Other files of SageMaker's, by a part that they have: what they are."""


def number(value: Any) -> float | None:
    """A figure of a report: a number, or the text of one; NaN is none. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{shown(value)} is no number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(value)} is no number") from None
    return None if math.isnan(found) else found


def text(value: Any) -> str:
    """A value or threshold as text, the same for 1, 1.0 and "1". Raises ValueError."""
    if isinstance(value, list) and value:
        return ", ".join(map(text, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float) and str(value).strip():
        return str(value).strip()
    raise ValueError(f"{shown(value)} is no value")


def shown(value: Any) -> str:
    """A piece of a file, short enough for a message."""
    piece = json.dumps(value, default=str)
    return piece if len(piece) <= 40 else piece[:37] + "…"


Figure = Annotated[float | None, BeforeValidator(number)]
Value = Annotated[str, BeforeValidator(text)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=False)


class MetricPart(Part):
    name: Value
    description: str | None = None
    value: Figure
    error: Any = None


class FacetPart(Part):
    value_or_threshold: Value
    metrics: list[MetricPart]


class StagePart(Part):
    label: Value | None = None
    label_value_or_threshold: Value | None = None
    facets: dict[str, list[FacetPart]]


class Ends(Part):
    low: Figure
    high: Figure
    n: int
    why: str = ""

    @property
    def interval(self) -> Interval:
        return Interval(self.low, self.high, self.n, self.why)


class Words(Part):
    low: Figure = None
    high: Figure = None
    in_words: str = ""
    interval: Ends | None = None


class Count(Part):
    facet: str
    value_or_threshold: Value
    rows: int = Field(ge=0)
    rest: int = Field(ge=0)
    favourable_rows: int = Field(ge=0)
    favourable_rest: int = Field(ge=0)


class Counted(Part):
    """A sweep, in which the counts have the shape that they say."""

    facet: str
    value_or_threshold: Value
    favourable: int = Field(ge=0, le=1)
    thresholds: list[float] = Field(min_length=1)
    groups: list[str]
    totals: list[Any]
    accepted: list[Any]

    @model_validator(mode="after")
    def shaped(self) -> Counted:
        sweep = Sweep.from_json(self.model_dump())
        try:
            totals, accepted = np.array(sweep.totals, dtype=float), np.array(sweep.accepted, dtype=float)
        except (TypeError, ValueError) as error:
            raise ValueError("the counts are no table of numbers") from error
        shape = (len(sweep.groups) + 1, 2, 2)
        if totals.shape != shape or accepted.shape != (len(sweep.thresholds), *shape):
            raise ValueError("the counts don't have a place for each group, facet and label")
        if not (np.isfinite(totals).all() and totals.sum() > 0 and (accepted >= 0).all() and (accepted <= totals).all()):
            raise ValueError("the counts aren't numbers of rows")
        return self


class Governance(Part):
    """What this product's container adds."""

    model_config = ConfigDict(extra="allow")
    threshold: float = 0.5
    measured_on: str = ""
    rows_sha256: str | None = None
    names: dict[str, tuple[str, str]] = {}
    counts: list[Count] | None = None
    facets: list[Count] | Annotated[dict[str, Any], Field(max_length=0)] | None = None
    metrics: dict[str, dict[str, dict[str, dict[str, Words]]]] = {}
    sweeps: list[Counted] = []
    performance: Performance | None = None
    shap: dict[str, Any] | None = None


class Explained(Part):
    """SHAP of one label. ``expected_value``: one, or one for each output."""

    global_shap_values: dict[str, Any] | None = None
    global_top_shap_text: dict[str, Any] | None = None
    expected_value: Any = None


class Explanations(Part):
    model_config = ConfigDict(extra="allow")
    kernel_shap: dict[str, Explained] | None = None


class Analysis(Part):
    pre_training_bias_metrics: StagePart | None = None
    post_training_bias_metrics: StagePart | None = None
    explanations: Explanations | None = None
    governance: Governance | None = None


_ANALYSIS = TypeAdapter(Analysis)


def load(content: bytes, subject: str = "") -> dict[str, Any]:
    """The JSON object in a file. Raises DataError for a file that is too large, no JSON, or no object."""
    if len(content) > LARGEST:
        raise _wrong(f"it has {len(content):,} bytes, and a report has {LARGEST:,} at most", subject)
    try:
        raw = json.loads(content)
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeError as error:
        raise _wrong("it is no text in UTF-8", subject) from error
    except RecursionError as error:
        raise _wrong("its parts lie too deep in each other", subject) from error
    except ValueError as error:
        empty = "it is empty" if not content.strip() else f"it is no JSON: {error}"
        raise _wrong(empty, subject) from error
    return whole(raw, subject)


def whole(raw: Any, subject: str = "") -> dict[str, Any]:
    """``raw`` where it is a JSON object. Raises DataError, by name for smclarify's list of facets."""
    if isinstance(raw, list) and raw and all(isinstance(one, dict) and "value_or_threshold" in one for one in raw):
        raise _wrong(
            "it is what smclarify's bias_report returns, which doesn't say which facet and stage it is about",
            subject,
            'Put the list into {"post_training_bias_metrics": {"facets": {"<facet>": [...]}}}.',
        )
    if not isinstance(raw, dict):
        raise _wrong(f"it holds {shown(raw)}, where an object with the parts of a report should be", subject)
    return raw


def checked(raw: Any, subject: str = "") -> Analysis:
    """The parts of a report. Raises DataError, which names the part that is wrong, or what the file is instead."""
    found = whole(raw, subject)
    if not {*STAGES, "explanations"} & found.keys():
        other = next((what for part, what in OTHERS.items() if part in found), None)
        if other:
            raise _wrong(f"it is {other}", subject)
        parts = f"only {', '.join(sorted(map(shown, found))[:5])}" if found else "nothing"
        raise _wrong(f"it has none of the parts of a report ({', '.join((*STAGES, 'explanations'))}), {parts}", subject)
    for stage in STAGES:
        _no_constraints(found.get(stage), stage, subject)
    try:
        return _ANALYSIS.validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        missing = first["type"] == "missing"
        what = "is missing" if missing else f"can't be read: {first['msg'].removeprefix('Value error, ')}"
        raise _wrong(f"its part {_place(first['loc'])} {what}", subject) from error
    except (RecursionError, OverflowError) as error:
        raise _wrong("its parts lie too deep in each other", subject) from error


def _no_constraints(stage: Any, name: str, subject: str) -> None:
    """Limits on metrics, by their names: a drift check's constraints have a threshold where a report has a value."""
    facets = stage.get("facets") if isinstance(stage, dict) else None
    entries = facets if isinstance(facets, list) else []
    if isinstance(facets, dict):
        entries = [one for found in facets.values() if isinstance(found, list) for one in found]
    lists = [entry["metrics"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("metrics"), list)]
    metrics = [metric for found in lists for metric in found if isinstance(metric, dict)]
    if metrics and all("value" not in m and {"threshold", "constraint", "constraints"} & m.keys() for m in metrics):
        raise _wrong(f"its part {name} holds the limits of a drift check (constraints), no measured values", subject)


def _place(location: tuple[int | str, ...]) -> str:
    """``post_training_bias_metrics.facets.SEX[0].value``."""
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f"{'.' if place else ''}{step}"
    return place if len(place) <= 120 else place[:117] + "…"


def _wrong(what: str, subject: str, remedy: str = REMEDY) -> DataError:
    return DataError(f"{subject or 'The file'} can't be read as a report: {what}.", subject=subject, remedy=remedy)


def error_text(error: Any) -> str | None:
    """Why a metric has no value, as a report says it."""
    if error is None or error == "":
        return None
    return error if isinstance(error, str) else shown(error)


def figures(values: Mapping[str, Any], place: str, subject: str) -> tuple[dict[str, float], tuple[str, ...]]:
    """Finite figures by name, the greatest first, and the names of the others. Raises DataError for what is no figure."""
    found: dict[str, float] = {}
    for name, value in values.items():
        try:
            figure = number(value)
        except ValueError as error:
            raise _wrong(f"its part {place}.{name} can't be read: {error}", subject) from error
        if figure is not None and math.isfinite(figure):
            found[name] = figure
    rest = tuple(name for name in values if name not in found)
    return dict(sorted(found.items(), key=lambda item: -abs(item[1]))), rest
