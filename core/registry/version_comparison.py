"""What two versions rest on, side by side: the bias of both on the same rows, and the data behind them."""

from __future__ import annotations

import json

from core import bias_outcomes, jobs, registry, training
from core.analysis.bias_difference import BiasDifference
from core.clients import Clients
from core.registry import Package


def bias_differences(clients: Clients, a: Package, b: Package) -> tuple[dict[str, dict[str, BiasDifference]], str]:
    """b − a of the post-training bias metrics by facet, paired; and why there are none, where there are none."""
    if a.bias is None or b.bias is None:
        return {}, "One of the two has no bias report."
    return bias_outcomes.paired(clients, a.bias, b.bias)


def data_facts(clients: Clients, package: Package) -> dict[str, str]:
    """The data behind a package in words: set, hashes, split, rebalancing, and the file that the model trained on; {} where not known."""
    data = registry.data_of(clients, package)
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
    job = training.describe(clients, package.training_job) if package.training_job else None
    for channel, uri in jobs.channels(job).items() if job else ():
        file = uri.rpartition("/")[2]
        facts[f"channel {channel}"] = file
        facts[f"channel {channel}, SHA-256"] = manifest["files"].get(file, {}).get("sha256", "unknown")
    return facts | {f"{name}, SHA-256": entry["sha256"] for name, entry in manifest["files"].items() if "header" not in name}
