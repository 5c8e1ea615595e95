"""Compares two versions: their quality and their bias, paired on the same test rows, or why they can't be; and the data behind them."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, replace

import pandas as pd

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.performance.performance_difference import PerformanceDifference, compare_performance
from core.aws.target import Target
from core.data import comparability
from core.data.comparability import JudgedRows
from core.errors import Conflict, NotFound
from core.jobs import jobs, training_jobs
from core.jobs.judged_rows import rows_of_rebalancing
from core.jobs.rebalancing_jobs import RebalancedData
from core.registry import model_packages
from core.registry.registry_types import SCORES_DIGEST_PROPERTY, TEST_ROWS_PROPERTY, Package
from core.reports import bias_outcomes, report_rows
from core.reports.imported_reports import report_uris


@dataclass(frozen=True)
class Comparison:
    """Two packages. ``differences``: b − a by metric, paired; None if the two can't be compared. ``unpaired_reason``: every reason why."""

    a: Package
    b: Package
    differences: dict[str, PerformanceDifference] | None
    unpaired_reason: str


def read_scores(target: Target, package: Package) -> pd.DataFrame:
    """The test rows' labels and scores: columns row, label, score. Raises NotFound; Conflict if they aren't those that were registered."""
    if package.scores_uri is None:
        raise NotFound(f"{package.label} has no scores.", resource=package.arn, hint="Register it with a bias report.")
    content, pinned = target.files.read(package.scores_uri), package.properties.get(SCORES_DIGEST_PROPERTY)
    if pinned is not None and hashlib.sha256(content).hexdigest() != pinned:
        message = f"The scores of {package.label} aren't those that were registered."
        raise Conflict(message, resource=package.scores_uri, hint="Measure it again, and register a new version.")
    return pd.read_csv(io.BytesIO(content))


def compare_packages(target: Target, arn_a: str, arn_b: str) -> Comparison:
    """Two packages side by side; paired differences if both were measured on the same test rows."""
    return compare_with(target, model_packages.read_package(target, arn_a), model_packages.read_package(target, arn_b))


def compare_with(target: Target, other: Package, package: Package) -> Comparison:
    """Two packages that were read already: the differences are the package's minus the other's."""
    return Comparison(other, package, *paired_differences(target, other, package))


def short_names(a: Package, b: Package) -> tuple[str, str]:
    """What sentences about two versions call them: ``v2`` and ``v3`` within one group, else their whole labels."""
    within = a.group and a.group == b.group
    return (f"v{a.version}", f"v{b.version}") if within else (a.label, b.label)


def rows_of_version(target: Target, package: Package) -> JudgedRows:
    """The rows that a version was tested on: those that its bias report measured, or else those that were registered with it."""
    return recorded_rows(package, model_packages.find_rebalancing(target, package))


def recorded_rows(package: Package, data: RebalancedData | None) -> JudgedRows:
    """The rows that a version was tested on, as its report and its registration have them. ``data``: what it was trained and tested on, if
    that was read: it knows the data set's name and how it was split."""
    registered = package.properties.get(TEST_ROWS_PROPERTY, "")
    if package.bias is None:
        return replace(rows_of_rebalancing(data, "test") if data else JudgedRows(part="test"), file=registered)
    rows = report_rows.rows_in_report(package.bias, data)
    if rows.part in {"", "test"} and registered:
        rows = replace(rows, part="test", file=registered)
    return rows


def describe_version_rows(target: Target, package: Package) -> str:
    """On which rows a version was tested, in a sentence without the full stop."""
    return comparability.describe_judged_rows(f"v{package.version}" if package.group else package.label, rows_of_version(target, package))


def rows_of_explanation(target: Target, package: Package) -> JudgedRows:
    """The rows that the SHAP values of a version explain."""
    uri = report_uris(package.raw).get("explainability", "")
    return report_rows.rows_of_explanation(target, uri.removesuffix("/analysis.json"))


def explain_unlike_explanations(target: Target, a: Package, b: Package) -> tuple[str, ...]:
    """Every reason why the SHAP values of two versions can't be compared; () if they explain the same rows."""
    return comparability.explain_incomparable(short_names(a, b), rows_of_explanation(target, a), rows_of_explanation(target, b))


def explain_unlike_versions(target: Target, a: Package, b: Package, *, by_facet: bool = False) -> tuple[str, ...]:
    """Every reason why two versions can't be compared; () if both were tested on the same rows of one data set, for the same label and
    favourable value; ``by_facet``: and if their bias was measured for a facet that both have."""
    names = short_names(a, b)
    if not comparability.explain_incomparable(names, recorded_rows(a, None), recorded_rows(b, None), by_facet=by_facet):
        return ()
    return comparability.explain_incomparable(names, rows_of_version(target, a), rows_of_version(target, b), by_facet=by_facet)


def paired_differences(target: Target, a: Package, b: Package) -> tuple[dict[str, PerformanceDifference] | None, str]:
    """b − a by metric, paired; or None, and every reason why not."""
    if unlike := explain_unlike_versions(target, a, b):
        return None, " ".join(unlike)
    try:
        left, right = read_scores(target, a), read_scores(target, b)
    except (NotFound, Conflict) as error:
        return None, str(error)
    if "label" not in left or "label" not in right:
        return None, "The rows that were scored have no labels."
    names = short_names(a, b)
    if mismatch := comparability.explain_label_mismatch(names, left["label"], right["label"]):
        return None, mismatch
    if mismatch := _explain_other_rows(target, a, b, names):
        return None, mismatch
    is_labelled = left["label"].notna()  # rows without a label count in neither version's figures
    first, second = (package.performance.get("threshold", 0.5) if package.performance else 0.5 for package in (a, b))
    labels, scores = left["label"][is_labelled], (left["score"][is_labelled], right["score"][is_labelled])
    return dict(compare_performance(labels, *scores, threshold=first, threshold_b=second)), ""


def _explain_other_rows(target: Target, a: Package, b: Package, names: tuple[str, str]) -> str:
    """Why the test files of two versions don't have the same rows; "" if they are one file, or agree row by row in what both have."""
    registered = {package.properties.get(TEST_ROWS_PROPERTY) for package in (a, b)}
    if len(registered) == 1 and registered != {None}:
        return ""
    found = [model_packages.find_rebalancing(target, package) for package in (a, b)]
    if None in found:
        return ""  # versions made elsewhere, whose rows are known by their report alone
    tables = (pd.read_csv(io.BytesIO(target.files.read(data.uri("test_header.csv")))) for data in found if data is not None)
    return comparability.explain_row_mismatch(names, *tables)


def bias_differences(target: Target, a: Package, b: Package) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """b − a of the post-training bias metrics by facet, paired; and every reason why there are none, or ""."""
    if a.bias is None or b.bias is None:
        lacking = [name for name, package in zip(short_names(a, b), (a, b), strict=True) if package.bias is None]
        return {}, f"{' and '.join(lacking)} {'have' if len(lacking) > 1 else 'has'} no bias report."
    if unlike := explain_unlike_versions(target, a, b, by_facet=True):
        return {}, " ".join(unlike)
    return bias_outcomes.paired_differences(target, a.bias, b.bias, short_names(a, b))


def data_facts(target: Target, package: Package) -> dict[str, str]:
    """The data behind a package in words: set, hashes, split, rebalancing, and the file that the model trained on; {} if not known."""
    data = model_packages.find_rebalancing(target, package)
    if data is None:
        return {}
    manifest = data.manifest
    config, split, synthetic = manifest["config"], manifest["split"], manifest["synthetic"]
    facts = {
        "data set": data.dataset.name,
        "data set, SHA-256": data.dataset.sha256,
        "rows": f"{data.dataset.rows:,}",
        "rebalancing job": data.job,
        "method": config["method"],
        "target": config["target"],
        "parameters": json.dumps(config["parameters"]),
        "order": config["order"],
        "split": ", ".join(f"{name} {value}" for name, value in split.items() if not isinstance(value, dict | list)),
        "synthetic rows": f"{synthetic['count']:,}",
        "leaked rows": f"{manifest['leaked_rows']:,}",
    }
    job = training_jobs.describe_job(target, package.training_job) if package.training_job else None
    for channel, uri in jobs.channel_uris(job).items() if job else ():
        file = uri.rpartition("/")[2]
        facts[f"channel {channel}"] = file
        facts[f"channel {channel}, SHA-256"] = written["sha256"] if (written := manifest["files"].get(file)) else "unknown"
    return facts | {f"{name}, SHA-256": entry["sha256"] for name, entry in manifest["files"].items() if "header" not in name}
