"""Which version of a group another one is measured against: only one that was tested on the same rows of the same data set."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from core.aws.target import Target
from core.data.comparability import explain_incomparable
from core.errors import INCONCLUSIVE_ERRORS, GovernanceError, NotFound
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry import model_packages
from core.registry.registry_types import TEST_ROWS_PROPERTY, Package, Version
from core.registry.version_comparison import recorded_rows, short_names

REMEDY = "Train a baseline on the same data and register it."


@dataclass(frozen=True)
class Baseline:
    """The version to compare with. ``package``: read without its training job and its SHAP values; None if there is none, and then
    ``missing_reason`` says why. ``is_alone``: whether the registry has no other version of the group that is approved or a baseline."""

    package: Package | None
    missing_reason: str = ""
    is_alone: bool = False

    @property
    def arn(self) -> str | None:
        return self.package.arn if self.package else None


def find_baseline(target: Target, package: Package, data: RebalancedData | None, approved: Container[str]) -> Baseline:
    """The newest approved version of the group, or else its newest baseline, that was tested on the same rows as ``package``, for the same
    label and favourable value. ``data``: what the package was trained and tested on; ``approved``: the ARNs of the versions that are
    approved by the log, since anyone who may write the registry can call one approved there. Raises Forbidden and TargetUnavailable."""
    siblings = model_packages.list_siblings(target, package)
    decided = [version for version in siblings if version.arn in approved]
    candidates = decided + [version for version in siblings if version.role == "baseline" and version not in decided]
    all_reasons: list[str] = []
    for version in candidates:
        try:
            candidate, reasons = _read_if_like(target, version, package, data)
        except INCONCLUSIVE_ERRORS:
            raise
        except NotFound:
            continue  # deleted meanwhile
        except GovernanceError as error:
            candidate, reasons = None, (f"{version.label} can't be read: {error.message}",)
        if candidate is not None:
            return Baseline(candidate)
        all_reasons.append(" ".join(reasons))
    is_alone = not any(version.status == "Approved" or version.arn in approved or version.role == "baseline" for version in siblings)
    return Baseline(None, f"No baseline on this data set: {_explain_none(package, all_reasons)} {REMEDY}", is_alone)


def _explain_none(package: Package, reasons: list[str]) -> str:
    if not reasons:
        where = f"the group {package.group}" if package.group else "the registry"
        return f"{where} has no approved version and no baseline beside this one."
    others = len(reasons) - 1
    if not others:
        return reasons[0]
    plural = "s" if others > 1 else ""
    return f"{reasons[0]} {others} more approved version{plural} or baseline{plural} can't be used either."


def _read_if_like(
    target: Target, version: Version, package: Package, data: RebalancedData | None
) -> tuple[Package | None, tuple[str, ...]]:
    """The version, if it can be compared with ``package``; or None, and why not. Its reports are read only if its test rows may be the
    same."""
    raw = model_packages.describe_package(target, version.arn)
    properties = raw.get("CustomerMetadataProperties", {})
    own_rows, their_rows = package.properties.get(TEST_ROWS_PROPERTY), properties.get(TEST_ROWS_PROPERTY)
    their_data = None
    if own_rows and their_rows and own_rows != their_rows:
        their_data = model_packages.read_rebalancing(target, properties.get("governance:rebalanced"))
        bare = replace(package, bias=None)
        other = replace(bare, arn=version.arn, group=version.group, version=version.version, properties=dict(properties))
        unlike = explain_incomparable(short_names(bare, other), recorded_rows(bare, data), recorded_rows(other, their_data))
        if unlike:
            return None, unlike
    candidate = model_packages.package_from_response(target, raw, with_training=False, with_explanation=False)
    names = short_names(package, candidate)
    if not explain_incomparable(names, recorded_rows(package, None), recorded_rows(candidate, None)):
        return candidate, ()
    their_data = their_data or model_packages.find_rebalancing(target, candidate)
    unlike = explain_incomparable(names, recorded_rows(package, data), recorded_rows(candidate, their_data))
    return (None, unlike) if unlike else (candidate, ())
