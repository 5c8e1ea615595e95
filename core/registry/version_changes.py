"""What changed between an earlier version and a later one: quality and bias on the same test rows, data, hyperparameters, threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.performance.performance_difference import PerformanceDifference
from core.aws.target import Target
from core.registry import model_packages, version_comparison
from core.registry.registry_types import Package

DATA_FACTS = ("data set", "data set, SHA-256", "rows", "method", "target", "parameters", "order", "split", "synthetic rows")
"""The facts of ``version_comparison.data_facts`` that count: the hashes of derived files follow from them."""


@dataclass(frozen=True)
class VersionChanges:
    """``before``, ``after``: the versions. ``quality``: paired differences after − before by metric, None where they can't be compared, and
    then ``why_unpaired`` says why; ``bias``: the same by facet and metric, empty where it can't be compared, and then ``why_no_bias`` says
    why. ``data``, ``settings``: name -> value in words, before and after; without the hyperparameters that a tuning job adds for itself
    (``_tuning_objective_metric``)."""

    before: Package
    after: Package
    quality: Mapping[str, PerformanceDifference] | None
    why_unpaired: str
    bias: Mapping[str, Mapping[str, BiasDifference]]
    why_no_bias: str
    data: tuple[dict[str, str], dict[str, str]]
    settings: tuple[dict[str, str], dict[str, str]]


def read_changes(target: Target, before_arn: str, after_arn: str) -> VersionChanges:
    """What changed from one version to the other. Raises NotFound for a version that doesn't exist."""
    before, after = (model_packages.read_package(target, arn) for arn in (before_arn, after_arn))
    quality, why_unpaired = version_comparison.paired_differences(target, before, after)
    bias, why_no_bias = version_comparison.bias_differences(target, before, after)
    facts = [version_comparison.data_facts(target, package) for package in (before, after)]
    data = [{name: known[name] for name in DATA_FACTS if name in known} for known in facts]
    thresholds = ["" if package.threshold is None else f"{package.threshold:g}" for package in (before, after)]
    own = [{name: value for name, value in p.hyperparameters.items() if not name.startswith("_")} for p in (before, after)]
    settings = [{**values, "threshold": one} for values, one in zip(own, thresholds, strict=True)]
    return VersionChanges(before, after, quality, why_unpaired, bias, why_no_bias, (data[0], data[1]), (settings[0], settings[1]))
