"""Exports a lineage graph as OpenLineage events, for Marquez, DataHub and other readers (https://openlineage.io/spec/2-0-2).

A job is a run. A decision and a registration are runs as well, since only a run connects data sets in OpenLineage. Files are data sets
under the names that the specification gives to objects in S3, versions under their ARN; a container image is the processing engine of its
job. Groups of versions aren't lineage, and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from core.analysis.resampling.rebalancing_manifest import RebalancingManifest
from core.aws.target import Target
from core.data import datasets
from core.errors import NotFound, translate_aws_errors
from core.lineage.entity_response import component_status, parameter_value
from core.lineage.lineage_graph import Graph, Node, describe_entity

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.facet_v2 import DatasetFacet, OutputDatasetFacet, RunFacet

PRODUCER = "urn:governance-dashboard:openlineage:1"
END_EVENT_BY_STATUS = {"Completed": "COMPLETE", "Failed": "FAIL", "Stopped": "ABORT"}
REBALANCED_FOLDER = "/governance/rebalanced/"


@dataclass
class KnownFiles:
    """What is known about files without reading them: URI -> SHA-256, columns, number of rows."""

    sha256: dict[str, str] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def build_events(target: Target, graph: Graph) -> list[RunEvent]:
    """The START event of each run in the graph, and the last event of each run that has ended, in order of time."""
    from openlineage.client.event_v2 import set_producer

    set_producer(PRODUCER)
    nodes = {node.arn: node for node in graph.nodes}
    known = _collect_known_files(target, graph.nodes)
    before: dict[str, list[Node]] = {arn: [] for arn in nodes}
    after: dict[str, list[Node]] = {arn: [] for arn in nodes}
    for edge in graph.edges:
        before[edge.destination].append(nodes[edge.source])
        after[edge.source].append(nodes[edge.destination])
    found: list[RunEvent] = []
    for node in graph.nodes:
        if node.type == "TrialComponent":
            found += _job_events(target, node, before[node.arn], after[node.arn], known)
        elif node.type == "Action":
            found += _instant_events(target, node, "DECISION", node.name, before[node.arn], after[node.arn], known)
        elif node.type == "Artifact" and any(_is_data(other) for other in before[node.arn]):
            found += _instant_events(
                target, node, "REGISTRATION", f"register {_dataset_name(node.uri)[1]}", before[node.arn], [node], known
            )
    return sorted(found, key=lambda event: event.eventTime)


def to_ndjson(events: Iterable[RunEvent]) -> bytes:
    """The events as JSON, one in each line, as OpenLineage's file transport writes them."""
    from openlineage.client.serde import Serde

    return b"".join(json.dumps(Serde.to_dict(event), sort_keys=True).encode() + b"\n" for event in events)


def _job_events(target: Target, node: Node, before: list[Node], after: list[Node], known: KnownFiles) -> list[RunEvent]:
    """The events of a training or processing job: START, and its end. Inputs and outputs that SageMaker recorded are included, also if the
    graph doesn't show them."""
    from openlineage.client import facet_v2 as facets

    raw = describe_entity(target, node.arn)
    values = {name: parameter_value(value) for name, value in raw.get("Parameters", {}).items()}
    image = str(values.get("SageMaker.ImageUri") or "")
    inputs = {n.uri: None for n in before if _is_data(n)} | {a["Value"]: None for a in raw.get("InputArtifacts", {}).values()}
    outputs = {n.uri: None for n in after if _is_data(n)} | {a["Value"]: None for a in raw.get("OutputArtifacts", {}).values()}
    run: dict[str, RunFacet] = {}
    if image:
        repository, _, tag = image.rpartition(":")
        run["processing_engine"] = facets.processing_engine_run.ProcessingEngineRunFacet(version=tag, name=repository)
    settings = [
        facets.execution_parameters_run.ExecutionParameter(key=name, value=f"{value:g}" if isinstance(value, float) else str(value))
        for name, value in values.items()
    ]
    if settings:
        run["executionParameters"] = facets.execution_parameters_run.ExecutionParametersRunFacet(parameters=settings)
    parent = _parent_tuning_job(target, node) if node.kind == "TrainingJob" else None
    if parent:
        name, created = parent
        run["parent"] = facets.parent_run.ParentRunFacet(
            run=facets.parent_run.Run(runId=_run_id(f"{_namespace(target)}/{name}", created)),
            job=facets.parent_run.Job(namespace=_namespace(target), name=name),
        )
    status, message = component_status(raw)
    began = raw.get("StartTime") or raw["CreationTime"]
    name = node.name.removesuffix("-aws-training-job").removesuffix("-aws-processing-job")
    made = [_run_event(target, node, "START", began, node.kind, name, run, inputs, {}, known, began)]
    if status in END_EVENT_BY_STATUS:
        if status == "Failed":
            run = run | {"errorMessage": facets.error_message_run.ErrorMessageRunFacet(message=message, programmingLanguage="PYTHON")}
        ended = raw.get("EndTime") or raw.get("LastModifiedTime") or began
        made.append(_run_event(target, node, END_EVENT_BY_STATUS[status], ended, node.kind, name, run, inputs, outputs, known, began))
    return made


def _instant_events(
    target: Target, node: Node, kind: str, name: str, before: list[Node], after: list[Node], known: KnownFiles
) -> list[RunEvent]:
    """The events of a decision or a registration, which starts and ends at the same time."""
    at = describe_entity(target, node.arn)["CreationTime"]
    inputs, outputs = ({n.uri: None for n in side if _is_data(n)} for side in (before, after))
    first = _run_event(target, node, "START", at, kind, name, {}, inputs, {}, known, at)
    return [first, _run_event(target, node, "COMPLETE", at, kind, name, {}, inputs, outputs, known, at)]


def _run_event(
    target: Target,
    node: Node,
    state: str,
    at: datetime,
    kind: str,
    name: str,
    run: dict[str, RunFacet],
    inputs: Iterable[str],
    outputs: Iterable[str],
    known: KnownFiles,
    began: datetime,
) -> RunEvent:
    from openlineage.client import event_v2 as spec
    from openlineage.client import facet_v2 as facets

    job_type = facets.job_type_job.JobTypeJobFacet(processingType="BATCH", integration="SAGEMAKER", jobType=kind.upper())
    return spec.RunEvent(
        eventType=spec.RunState(state),
        eventTime=at.astimezone(UTC).isoformat(),
        run=spec.Run(runId=_run_id(node.arn, began), facets=run),
        job=spec.Job(namespace=_namespace(target), name=name, facets={"jobType": job_type}),
        inputs=[spec.InputDataset(*_dataset_name(uri), facets=_dataset_facets(uri, known)) for uri in inputs],
        outputs=[
            spec.OutputDataset(*_dataset_name(uri), facets=_dataset_facets(uri, known), outputFacets=_output_statistics(uri, known))
            for uri in outputs
        ],
    )


def _dataset_facets(uri: str, known: KnownFiles) -> dict[str, DatasetFacet]:
    from openlineage.client import facet_v2 as facets

    found: dict[str, DatasetFacet] = {"dataSource": facets.datasource_dataset.DatasourceDatasetFacet(name=_dataset_name(uri)[0], uri=uri)}
    if uri in known.columns:
        fields = [facets.schema_dataset.SchemaDatasetFacetFields(name=name) for name in known.columns[uri]]
        found["schema"] = facets.schema_dataset.SchemaDatasetFacet(fields=fields)
    if uri in known.sha256:
        found["version"] = facets.dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=f"sha256:{known.sha256[uri]}")
    return found


def _output_statistics(uri: str, known: KnownFiles) -> dict[str, OutputDatasetFacet]:
    from openlineage.client import facet_v2 as facets

    if uri not in known.rows:
        return {}
    return {"outputStatistics": facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=known.rows[uri])}


def _run_id(key: str, began: datetime) -> str:
    """The id of a run, which is the same in every export."""
    from openlineage.client.uuid import generate_static_uuid

    return str(generate_static_uuid(began, key.encode()))


def _dataset_name(uri: str) -> tuple[str, str]:
    """(namespace, name) of a data set, after https://openlineage.io/docs/spec/naming."""
    if uri.startswith("s3://"):
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return f"s3://{bucket}", key.rstrip("/") or "/"
    if uri.startswith("arn:"):
        parts = uri.split(":", 5)
        return ":".join(parts[:5]), parts[5]
    return "unknown", uri


def _is_data(node: Node) -> bool:
    return node.type == "Artifact" and node.kind != "Image" and bool(node.uri)


def _namespace(target: Target) -> str:
    return f"arn:{target.partition}:sagemaker:{target.region}:{target.account}"


def _parent_tuning_job(target: Target, node: Node) -> tuple[str, datetime] | None:
    """(tuning job, its creation time) of a trial; None for other training jobs."""
    name = node.name.removesuffix("-aws-training-job")
    try:
        with translate_aws_errors(name):
            arn = target.sagemaker.describe_training_job(TrainingJobName=name).get("TuningJobArn")
            if not arn:
                return None
            tuning = arn.rpartition("/")[2]
            described = target.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning)
    except NotFound:
        return None
    return tuning, described["CreationTime"]


def _collect_known_files(target: Target, nodes: Iterable[Node]) -> KnownFiles:
    """What data sets, rebalancing manifests and versions tell about the files among the nodes."""
    known = KnownFiles()
    folders = set()
    for node in nodes:
        if REBALANCED_FOLDER in node.uri and "/output" in node.uri:
            folders.add(node.uri.partition("/output")[0] + "/output")
        if "/governance/datasets/" in node.uri:
            try:
                dataset = datasets.read_dataset(target, node.uri)
            except NotFound:
                continue
            known.sha256[node.uri], known.columns[node.uri], known.rows[node.uri] = dataset.sha256, list(dataset.columns), dataset.rows
        if node.kind == "ModelPackage":
            _add_model_hash(target, node, known)
    for folder in sorted(folders):
        try:
            files = target.files.read_json(f"{folder}/manifest.json", RebalancingManifest)["files"]
        except NotFound:
            continue
        for name, written in files.items():
            uri = f"{folder}/{name}"
            known.sha256[uri], known.columns[uri] = written["sha256"], written["columns"]
            known.rows[uri] = written["rows"]
    return known


def _add_model_hash(target: Target, node: Node, known: KnownFiles) -> None:
    """Add the hash of a version's model artifact, which was recorded at the registration. A version that was deleted adds nothing."""
    try:
        with translate_aws_errors(node.uri):
            package = target.sagemaker.describe_model_package(ModelPackageName=node.uri)
    except NotFound:
        return
    digest = package.get("CustomerMetadataProperties", {}).get("governance:sha256-model")
    model = (package.get("InferenceSpecification", {}).get("Containers") or [{}])[0].get("ModelDataUrl")
    if digest and model:
        known.sha256[model] = digest
