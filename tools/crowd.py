"""Many of everything: copies of what a workspace holds, for tests and benches at size.

``python -m tools.crowd WORKSPACE [--versions N] [--tuning-jobs N] [--trials N] [--entities N]``; the workspace's engine must not be
running.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import engine.sagemaker  # noqa: F401 - registers the operations
from engine.context import Context
from engine.lifecycle import configured_region
from engine.sagemaker.registry.model_packages import create_model_package
from engine.sagemaker.tracking import auto_lineage
from engine.store.objects import ObjectStore
from engine.store.records import Store

COPIED = ("ModelPackageDescription", "InferenceSpecification", "ModelMetrics", "CustomerMetadataProperties")
ENTITIES = ("artifact", "action", "context", "experiment-trial-component")
FAMILY = 7
"""Chains from one data set to a version's decision each."""


def crowd(workspace: Path, *, versions: int = 1000, tuning_jobs: int = 200, trials: int = 4, entities: int = 0) -> None:
    """Add copies until there are this many versions in the newest version's group, and tuning jobs of ``trials`` trials each, with the
    lineage that the engine gives them. They share the files of what they are copies of. Before them lineage of others, so that there are
    about so many ``entities`` in all."""
    store = Store(workspace / "engine.db")
    context = Context(workspace, configured_region(), store, ObjectStore(workspace / "objects"))
    try:
        with store.transaction():
            _lineage(context, entities - 2 * versions - 2 * tuning_jobs * trials)  # each of those brings two
            if versions:
                _versions(context, versions)
            if tuning_jobs:
                _tuning_jobs(context, tuning_jobs, trials)
    finally:
        store.close()


def _versions(context: Context, wanted: int) -> None:
    (newest,), _ = context.store.read_page("model-package", limit=1)
    group = newest["ModelPackageGroupName"]
    request = {key: newest[key] for key in COPIED if key in newest} | {"ModelPackageGroupName": group}
    for _ in range(wanted - context.store.count_records("model-package", parent=group)):
        create_model_package(context, dict(request))


def _tuning_jobs(context: Context, wanted: int, trials: int) -> None:
    store = context.store
    (newest,), _ = store.read_page("hyper-parameter-tuning-job", limit=1)
    name, arn = newest["HyperParameterTuningJobName"], newest["HyperParameterTuningJobArn"]
    jobs, _ = store.read_page("training-job", where=[("parent", "=", arn)], limit=trials)
    for number in range(wanted - store.count_records("hyper-parameter-tuning-job")):
        copy = f"crowd-{number:04d}"
        _copy(context, "hyper-parameter-tuning-job", newest, {name: copy}, copy, None)
        for job in jobs:
            own = job["TrainingJobName"].replace(name, copy)
            body = _copy(context, "training-job", job, {name: copy}, own, context.arn(f"hyper-parameter-tuning-job/{copy}"))
            auto_lineage.record_training_created(context, body)
            auto_lineage.record_training_finished(context, body)


def _copy(context: Context, kind: str, body: dict[str, Any], names: dict[str, str], name: str, parent: str | None) -> dict[str, Any]:
    artifacts = json.dumps(body.get("ModelArtifacts"))
    text = json.dumps(body)
    for old, new in names.items():
        text = text.replace(old, new)
    made: dict[str, Any] = json.loads(text)
    if "ModelArtifacts" in body:
        made["ModelArtifacts"] = json.loads(artifacts)
    status = made.get("TrainingJobStatus") or made.get("HyperParameterTuningJobStatus")
    context.store.insert(kind, name, made, arn=context.arn(f"{kind}/{name}"), now=body["CreationTime"], parent=parent, status=status)
    return made


def _lineage(context: Context, wanted: int) -> None:
    """Families of 50 entities: a data set, and chains from it: rebalancing, its file, training, model, version, decision."""
    count = sum(context.store.count_records(kind) for kind in ENTITIES)
    for number in range(-(-max(wanted - count, 0) // (1 + 7 * FAMILY))):
        data = auto_lineage.ensure_artifact(context, f"s3://crowd/{number:05d}/data.csv", "DataSet")
        for chain in range(FAMILY):
            _chain(context, data, f"crowd-{number:05d}-{chain}")


def _chain(context: Context, data: str, name: str) -> None:
    steps = (
        auto_lineage._ensure_component(context, f"{name}-aws-processing-job", {"DisplayName": name}),
        auto_lineage.ensure_artifact(context, f"s3://crowd/{name}/train_res.csv", "DataSet"),
        auto_lineage._ensure_component(context, f"{name}-aws-training-job", {"DisplayName": name}),
        auto_lineage.ensure_artifact(context, f"s3://crowd/{name}/model.tar.gz", "Model"),
        auto_lineage.ensure_artifact(context, context.arn(f"model-package/{name}/1"), "ModelPackage"),
    )
    source = {"SourceUri": f"s3://crowd/{name}/event.json", "SourceType": "governance-event"}
    decided = auto_lineage._ensure_named_entity(
        context, "action", f"{name}-decision", {"Source": source, "ActionType": "approve", "Status": "Completed"}
    )
    grouped = auto_lineage._ensure_named_entity(context, "context", f"{name}-group", {"Source": source, "ContextType": "ModelGroup"})
    for before, after in zip((data, *steps), steps, strict=False):
        auto_lineage.ensure_association(context, before, after, "Produced" if ":experiment" in before else "ContributedTo")
    auto_lineage.ensure_association(context, decided, steps[-1], "ContributedTo")
    auto_lineage.ensure_association(context, steps[-1], grouped, "AssociatedWith")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.crowd", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--tuning-jobs", type=int, default=200)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--entities", type=int, default=0)
    options = parser.parse_args()
    crowd(options.workspace, versions=options.versions, tuning_jobs=options.tuning_jobs, trials=options.trials, entities=options.entities)


if __name__ == "__main__":
    main()
