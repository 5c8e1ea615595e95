"""Compares two versions: their quality and their bias, paired on the same test rows, and the data behind them."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import pandas as pd

from core.analysis.bias.bias_difference import BiasDifference
from core.analysis.performance.performance_difference import PerformanceDifference, compare_performance
from core.aws.target import Target
from core.errors import NotFound
from core.jobs import jobs, training_jobs
from core.registry import model_packages
from core.registry.registry_types import Package
from core.reports import bias_outcomes


@dataclass(frozen=True)
class Comparison:
    """Two packages. ``differences``: b − a by metric, paired; None if the two were measured on different test rows.
    ``unpaired_reason``: why there are no differences."""

    a: Package
    b: Package
    differences: dict[str, PerformanceDifference] | None
    unpaired_reason: str


def read_scores(target: Target, package: Package) -> pd.DataFrame:
    """The test rows' labels and scores: columns row, label, score."""
    if package.scores_uri is None:
        raise NotFound(f"{package.label} has no scores.", resource=package.arn, hint="Register it with a bias report.")
    return pd.read_csv(io.BytesIO(target.files.read(package.scores_uri)))


def compare_packages(target: Target, arn_a: str, arn_b: str) -> Comparison:
    """Two packages side by side; paired differences if both were measured on the same test rows."""
    return compare_with(target, model_packages.read_package(target, arn_a), model_packages.read_package(target, arn_b))


def compare_with(target: Target, other: Package, package: Package) -> Comparison:
    """Two packages that were read already: the differences are the package's minus the other's."""
    return Comparison(other, package, *paired_differences(target, other, package))


def paired_differences(target: Target, a: Package, b: Package) -> tuple[dict[str, PerformanceDifference] | None, str]:
    """b − a by metric, paired; or None, and why."""
    key = "governance:test-sha256"
    if a.properties.get(key) is None or a.properties.get(key) != b.properties.get(key):
        return None, "The two were not measured on the same test rows, so their differences can't be paired."
    try:
        left, right = read_scores(target, a), read_scores(target, b)
    except NotFound as error:
        return None, str(error)
    threshold = float((a.performance or {}).get("threshold", 0.5))
    return dict(compare_performance(left["label"], left["score"], right["score"], threshold=threshold)), ""


def bias_differences(target: Target, a: Package, b: Package) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """b − a of the post-training bias metrics by facet, paired; and why there are none, or ""."""
    if a.bias is None or b.bias is None:
        return {}, "One of the two has no bias report."
    return bias_outcomes.paired_differences(target, a.bias, b.bias)


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
        facts[f"channel {channel}, SHA-256"] = manifest["files"].get(file, {}).get("sha256", "unknown")
    return facts | {f"{name}, SHA-256": entry["sha256"] for name, entry in manifest["files"].items() if "header" not in name}


def to_plain_data(value: Any) -> Any:
    """Dataclasses as dicts, for JSON."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
