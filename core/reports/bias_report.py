"""A bias report, parsed from an ``analysis.json`` of this product or of any other Clarify job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypedDict, cast

from core.analysis.bias.bias_intervals import Interval
from core.analysis.bias.bias_json import FacetCounts, FacetSweep
from core.analysis.bias.group_table import GroupTable
from core.analysis.bias.left_out_rows import left_out_sentences
from core.analysis.bias.metric_registry import POST_TRAINING, PRE_TRAINING
from core.analysis.bias.threshold_sweep import ThresholdSweep
from core.analysis.performance.performance_json import PerformanceJson
from core.analysis.tables.value_names import ValueNames
from core.errors import DataError
from core.reports import analysis_json

METRIC_DEFINITIONS = {"pre_training_bias_metrics": PRE_TRAINING, "post_training_bias_metrics": POST_TRAINING}


@dataclass(frozen=True)
class Measure:
    """One metric. ``value``: None if undefined, and then ``error`` says why; may be infinite; ``low`` and ``high``: the metric's range;
    ``in_words``: what the value means; ``interval``: of 95 %, None in reports of other products."""

    name: str
    description: str
    value: float | None
    error: str | None
    low: float
    high: float
    in_words: str
    interval: Interval | None = None


@dataclass(frozen=True)
class FacetReport:
    """The metrics of one facet value, by name."""

    facet: str
    value: str
    pre_training: dict[str, Measure]
    post_training: dict[str, Measure]

    @property
    def key(self) -> str:
        return f"{self.facet}={self.value}"


class GovernancePart(TypedDict, total=False):
    """What this product adds to a report, as ``analysis_json.Governance`` checks it. ``names``: facet=value -> (name of its people, name of
    the rest); ``value_names``: what codes stand for, as ``ValueNames`` has it;
    ``sensitive``: the columns of the facets and the group; ``facets``: the older reports' name of ``counts``;
    ``metrics``: stage -> facet -> value -> metric -> words and interval."""

    rows: int
    threshold: float
    measured_on: str
    rows_sha256: str | None
    interval_methods: str | None
    names: dict[str, tuple[str, str]]
    value_names: dict[str, object]
    sensitive: list[str]
    counts: list[FacetCounts] | None
    facets: list[FacetCounts] | None
    metrics: dict[str, dict[str, dict[str, dict[str, dict[str, object]]]]]
    sweeps: list[FacetSweep]
    group_table: object
    performance: PerformanceJson | None
    shap: dict[str, object] | None


@dataclass(frozen=True)
class BiasReport:
    """A bias report. ``folder``: its folder in S3, or its own URI if it isn't called analysis.json; ``governance``: what this product adds
    (counts by facet and group, performance), {} in other reports; ``raw``: the whole file."""

    job: str
    folder: str
    facets: tuple[FacetReport, ...]
    governance: GovernancePart
    raw: Mapping[str, object]
    companion_uri: str = ""
    """The folder of the product's own measurement, for a report of AWS's container; "" for others."""
    group_table: GroupTable | None = None
    """All groups and their intersections, each against all others; None in reports of other products and of earlier versions."""

    @property
    def scores_uri(self) -> str:
        """The URI of each row's score, if the job wrote any."""
        return f"{self.companion_uri or self.folder}/scores.csv"

    @property
    def threshold(self) -> float:
        return float(self.governance.get("threshold", 0.5))

    @property
    def measured_on(self) -> str:
        """The rows: test, validation or train; "" if the report doesn't say."""
        return str(self.governance.get("measured_on", ""))

    @property
    def label(self) -> tuple[str, str]:
        """(name of the label, its favourable value or threshold); "" if the report doesn't say."""
        stages = [part for stage in analysis_json.STAGES if isinstance(part := self.raw.get(stage), dict)]

        def said(key: str) -> str:
            return next((analysis_json.value_as_text(part[key]) for part in stages if part.get(key) is not None), "")

        return said("label"), said("label_value_or_threshold")

    @property
    def value_names(self) -> ValueNames:
        """What the codes in it stand for, as far as the report says so."""
        return ValueNames.from_json(self.governance.get("value_names"))

    def describe_label(self, code: int) -> str:
        """A label in the user's values: ``paid = yes``; ``label 1`` in reports of earlier versions, which don't know them."""
        column, _ = self.label
        known = bool(column) and (not self.governance or "value_names" in self.governance)
        return self.value_names.describe(column, code) if known else f"label {code}"

    def describe_facet(self, facet_key: str) -> str:
        """A facet's key in words: ``sex = f`` for ``sex=0``, or ``men``."""
        facet, _, value = facet_key.partition("=")
        own = self.value_names
        return own.describe(facet, value) if own.is_coded(facet) else self.group_names(facet_key)[0].removeprefix("people with ")

    def group_names(self, facet_key: str) -> tuple[str, str]:
        """(name of the facet's people, name of the rest)."""
        facet, _, value = facet_key.partition("=")
        name, rest = self.governance.get("names", {}).get(facet_key, (f"people with {facet} = {value}", "all others"))
        return name, rest

    def sweep(self, facet_key: str) -> ThresholdSweep | None:
        """The facet's counts at each threshold; None if the report has none."""
        found = next((s for s in self.governance.get("sweeps", []) if _facet_key(s) == facet_key), None)
        return None if found is None else ThresholdSweep.from_json(found)

    def counts(self, facet_key: str) -> FacetCounts:
        """Rows and favourable labels of the facet and of the rest; {} if the report has none."""
        counts = self.governance.get("counts") or self.governance.get("facets") or []  # the older reports' name
        none: FacetCounts = {}
        return next((c for c in counts if _facet_key(c) == facet_key), none)

    def left_out_rows(self, facet_key: str) -> list[str]:
        """Which rows are left out of the facet's figures because something about them isn't known, in sentences."""
        return left_out_sentences([one] if (one := self.counts(facet_key)) else [], self.label[0], self.governance.get("rows", 0))


def _facet_key(entry: FacetCounts | FacetSweep) -> str:
    return f"{entry['facet']}={analysis_json.value_as_text(entry['value_or_threshold'])}"


def parse_report(raw: Mapping[str, object], folder: str = "", job_name: str = "") -> BiasReport:
    """The bias report in an ``analysis.json`` (``raw``, parsed JSON). Parts that are missing are empty. Raises DataError, which names the
    invalid part."""
    subject = job_name or folder
    found = analysis_json.validate_report(raw, subject)
    own = found.governance or analysis_json.Governance()
    facets: dict[tuple[str, str], dict[str, dict[str, Measure]]] = {}
    for stage in analysis_json.STAGES:
        part: analysis_json.StagePart | None = getattr(found, stage)
        for facet, entries in part.facets.items() if part else ():
            for entry in entries:
                value = entry.value_or_threshold
                words = own.metrics.get(stage, {}).get(facet, {}).get(value, {})
                measures = {m.name: _build_measure(m, stage, words.get(m.name)) for m in entry.metrics}
                stages = facets.setdefault((facet, value), {})
                if stage in stages or len(measures) < len(entry.metrics):
                    raise DataError(
                        f"{subject or 'The file'} can't be read as a report: its part {stage}.facets.{facet} names "
                        f"{value if stage in stages else 'a metric'} twice.",
                        resource=subject,
                        hint=analysis_json.CHOOSE_REPORT_HINT,
                    )
                stages[stage] = measures
    return BiasReport(
        job_name,
        folder,
        tuple(
            FacetReport(facet, value, stages.get("pre_training_bias_metrics", {}), stages.get("post_training_bias_metrics", {}))
            for (facet, value), stages in facets.items()
        ),
        cast(GovernancePart, own.model_dump(exclude_unset=True)),
        raw,
        group_table=own.group_table,
    )


@lru_cache(maxsize=8)
def parse_report_file(content: bytes, uri: str, folder: str, job_name: str = "") -> BiasReport:
    """The bias report in the bytes of an ``analysis.json``, see ``parse_report``; ``uri``: of the file. The last few are kept, since a
    version's report is read with its package, for its gates and for its evidence: what is returned must not be changed."""
    return parse_report(analysis_json.load(content, uri), folder, job_name)


def _build_measure(metric: analysis_json.MetricPart, stage: str, words: analysis_json.MetricDetailsPart | None) -> Measure:
    """A metric with its range and meaning: from the report if it has them, or else from the definition of the metric of this name."""
    known = METRIC_DEFINITIONS[stage].get(metric.name)
    error = analysis_json.error_text(metric.error)
    if metric.value is None and error is None:
        error = "the report doesn't say why"
    low, high = (words.low, words.high) if words else (known.low, known.high) if known else (None, None)
    in_words = words.in_words if words else known.in_words(metric.value) if known and metric.value is not None else ""
    return Measure(
        metric.name,
        metric.description or (known.description if known else ""),
        metric.value,
        error,
        float("-inf") if low is None else low,
        float("inf") if high is None else high,
        in_words,
        words.interval.interval if words and words.interval else None,
    )
