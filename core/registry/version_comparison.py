"""What two versions rest on, side by side: the bias of both on the same rows, and the data behind them."""

from __future__ import annotations

import json

from core.analysis.bias.bias_difference import BiasDifference
from core.aws.target import Target
from core.jobs import jobs, training_jobs
from core.registry import model_packages
from core.registry.model_packages import Package
from core.reports import bias_outcomes


def bias_differences(target: Target, a: Package, b: Package) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """b − a of the post-training bias metrics by facet, paired; and why there are none, where there are none."""
    if a.bias is None or b.bias is None:
        return {}, "One of the two has no bias report."
    return bias_outcomes.paired_differences(target, a.bias, b.bias)


def data_facts(target: Target, package: Package) -> dict[str, str]:
    """The data behind a package in words: set, hashes, split, rebalancing, and the file that the model trained on; {} where not known."""
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
