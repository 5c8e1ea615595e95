"""The reports that a model package names, whoever registered it: what of them can be read, and why not where it can't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from core import analysis_json, bias, explainability
from core.bias_report import BiasReport
from core.clients import Clients
from core.errors import DataError, Forbidden, GovernanceError, NotFound, Refused
from core.imports import reported

T = TypeVar("T")


@dataclass(frozen=True)
class Reports:
    """``bias``: before and after training as one; ``shap``: global values of the first label; ``missing``: part -> why it isn't there."""

    bias: BiasReport | None
    shap: dict[str, float]
    missing: dict[str, str]


def read(clients: Clients, raw: dict[str, Any]) -> Reports:
    """The reports of a package as DescribeModelPackage has it."""
    uris, missing = reported(raw), {}
    if "quality" not in uris:
        missing["quality"] = "The version names no report on its quality."

    def part(name: str, get: Callable[[], T]) -> T | None:
        try:
            return get()
        except (NotFound, Forbidden, DataError, Refused) as error:
            missing[name] = _why(error)
            return None

    named = ("bias", "bias after training", "bias before training")
    found = [report for name in named if (report := part(name, _bias(clients, uris, name)))]
    if not found and not set(named) & missing.keys():
        missing["bias"] = "The version names no bias report."
    shap = part("explainability", lambda: _shap(clients, uris)) or {}
    if "explainability" not in uris:
        missing["explainability"] = "The version names no report on its explanation."
    return Reports(_joined(found), shap, missing)


def _why(error: GovernanceError) -> str:
    return f"{error.what} {error.remedy}".strip()


def _bias(clients: Clients, uris: dict[str, str], part: str) -> Callable[[], BiasReport | None]:
    def get() -> BiasReport | None:
        uri = uris.get(part)
        if uri is None:
            return None
        return bias.read(clients, uri.removesuffix("/analysis.json"))

    return get


def _shap(clients: Clients, uris: dict[str, str]) -> dict[str, float]:
    uri = uris.get("explainability")
    if uri is None:
        return {}
    return dict(explainability.summary(analysis_json.load(clients.read(uri), uri), uri).labels[0].values)


def _joined(reports: list[BiasReport]) -> BiasReport | None:
    """One report of several: the facets of the first, with the stages that only the others have."""
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
