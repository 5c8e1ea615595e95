"""Reads the reports that a model package names, also if it wasn't registered here; says why one can't be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from core.aws.target import Target
from core.errors import DataError, Forbidden, GovernanceError, NotFound, Refused
from core.reports import analysis_json, bias_jobs, shap_jobs
from core.reports.bias_report import BiasReport
from core.reports.imported_reports import report_uris

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

T = TypeVar("T")


@dataclass(frozen=True)
class PackageReports:
    """The reports of a package. ``bias``: before and after training in one; ``shap``: feature -> global value of the first label;
    ``missing``: part -> why it is missing."""

    bias: BiasReport | None
    shap: dict[str, float]
    missing: dict[str, str]


def read_reports(target: Target, raw: DescribeModelPackageOutputTypeDef, *, with_explanation: bool = True) -> PackageReports:
    """The reports of a package. ``raw``: the response of DescribeModelPackage; ``with_explanation``: False leaves the SHAP values out."""
    uris, missing = report_uris(raw), {}
    if "quality" not in uris:
        missing["quality"] = "The version has no quality report."

    def part(name: str, get: Callable[[], T]) -> T | None:
        try:
            return get()
        except (NotFound, Forbidden, DataError, Refused) as error:
            missing[name] = _explain_missing(error)
            return None

    named = ("bias", "bias after training", "bias before training")
    found = [report for name in named if (report := part(name, _bias_reader(target, uris, name)))]
    if not found and not set(named) & missing.keys():
        missing["bias"] = "The version has no bias report."
    shap = part("explainability", lambda: _read_shap_values(target, uris) if with_explanation else {}) or {}
    if "explainability" not in uris:
        missing["explainability"] = "The version has no explainability report."
    return PackageReports(_merge_reports(found), shap, missing)


def _explain_missing(error: GovernanceError) -> str:
    return f"{error.message} {error.hint}".strip()


def _bias_reader(target: Target, uris: dict[str, str], part: str) -> Callable[[], BiasReport | None]:
    def get() -> BiasReport | None:
        uri = uris.get(part)
        if uri is None:
            return None
        return bias_jobs.read_report_at(target, uri.removesuffix("/analysis.json"))

    return get


def _read_shap_values(target: Target, uris: dict[str, str]) -> dict[str, float]:
    uri = uris.get("explainability")
    if uri is None:
        return {}
    return dict(shap_jobs.summarize_report(analysis_json.load(target.files.read(uri), uri), uri).labels[0].values)


def _merge_reports(reports: list[BiasReport]) -> BiasReport | None:
    """Several reports as one: the first, with the facets and stages that only the others have. None without any."""
    if not reports:
        return None
    first, *others = reports
    facets = {facet.key: facet for facet in first.facets}
    for facet in (facet for report in others for facet in report.facets):
        known = facets.setdefault(facet.key, facet)
        facets[facet.key] = replace(
            known, pre_training=known.pre_training or facet.pre_training, post_training=known.post_training or facet.post_training
        )
    return replace(first, facets=tuple(facets.values()))
