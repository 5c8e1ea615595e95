"""The graph of data, jobs, models, packages and decisions, around one node."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Literal

from core.clients import Clients
from core.errors import translated
from core.jobs import slug
from core.rebalancing import Rebalanced


@dataclass(frozen=True)
class Node:
    """arn; name; type: SageMaker's LineageType (Artifact, Action, Context, TrialComponent); kind: its Type (DataSet, Model, …)."""

    arn: str
    name: str
    type: str
    kind: str
    uri: str = ""


@dataclass(frozen=True)
class Edge:
    source: str
    destination: str
    association: str


@dataclass(frozen=True)
class Graph:
    """The nodes shown, the edges between them, and how many nodes the whole graph around the start has."""

    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    total: int


def graph(clients: Clients, arn: str, *, hops: int = 2, direction: Literal["Ascendants", "Descendants", "Both"] = "Both") -> Graph:
    """What lies within ``hops`` of ``arn`` (10 at most), in the direction Ascendants, Descendants or Both."""
    vertices: dict[str, Any] = {}
    edges: dict[tuple[str, str], Edge] = {}
    token: str | None = None
    with translated(arn):
        while True:
            arguments: dict[str, Any] = {"NextToken": token} if token else {}
            page = clients.sagemaker.query_lineage(
                StartArns=[arn],
                Direction=direction,
                IncludeEdges=True,
                MaxDepth=10,
                MaxResults=50,
                **arguments,
            )
            for vertex in page.get("Vertices", []):
                vertices[vertex["Arn"]] = vertex
            for edge in page.get("Edges", []):
                key = (edge["SourceArn"], edge["DestinationArn"])
                edges[key] = Edge(*key, edge.get("AssociationType", ""))
            token = page.get("NextToken")
            if not token:
                break
    near = _within(arn, edges, hops)
    near.add(arn)
    shown = [a for a in near if a in vertices or a == arn]
    nodes = tuple(_node(clients, a, vertices.get(a, {})) for a in sorted(shown))
    inside = {node.arn for node in nodes}
    return Graph(arn, nodes, tuple(e for e in edges.values() if {e.source, e.destination} <= inside), len(vertices.keys() | {arn}))


def _within(start: str, edges: dict[tuple[str, str], Edge], hops: int) -> set[str]:
    neighbours: dict[str, set[str]] = defaultdict(set)
    for source, destination in edges:
        neighbours[source].add(destination)
        neighbours[destination].add(source)
    seen, queue = {start: 0}, deque([start])
    while queue:
        at = queue.popleft()
        if seen[at] < hops:
            for other in neighbours[at]:
                if other not in seen:
                    seen[other] = seen[at] + 1
                    queue.append(other)
    return set(seen)


def _node(clients: Clients, arn: str, vertex: dict[str, Any]) -> Node:
    resource, _, name = arn.partition(":sagemaker:")[2].split(":", 2)[2].partition("/")
    kind = vertex.get("Type", resource)
    uri = ""
    api = clients.sagemaker
    with translated(arn):
        if resource == "artifact":
            found = api.describe_artifact(ArtifactArn=arn)
            uri = found["Source"]["SourceUri"]
            name = found.get("ArtifactName") or "/".join(uri.rstrip("/").split("/")[-2:])
            kind = found.get("ArtifactType", kind)
    return Node(arn, name, vertex.get("LineageType", resource.title()), kind, uri)


def artifact_of(clients: Clients, uri: str) -> str | None:
    """The ARN of the artifact with this source URI, or None."""
    with translated(uri):
        found = clients.sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"]
    return str(found[0]["ArtifactArn"]) if found else None


def ensure_artifact(clients: Clients, uri: str, kind: str, name: str, properties: dict[str, str] | None = None) -> str:
    """The artifact of a URI, made where there is none."""
    found = artifact_of(clients, uri)
    if found:
        return found
    with translated(uri):
        made = clients.sagemaker.create_artifact(
            ArtifactName=slug(name, 120), Source={"SourceUri": uri}, ArtifactType=kind, Properties=properties or {}
        )
    return str(made["ArtifactArn"])


def ensure_action(clients: Clients, name: str, uri: str, kind: str, description: str, properties: dict[str, str]) -> str:
    """The ARN of an action, made where there is none."""
    with translated(name):
        try:
            return str(clients.sagemaker.describe_action(ActionName=name)["ActionArn"])
        except clients.sagemaker.exceptions.ResourceNotFound:
            made = clients.sagemaker.create_action(
                ActionName=name,
                Source={"SourceUri": uri, "SourceType": "governance-event"},
                ActionType=kind,
                Description=description[:3072],
                Status="Completed",
                Properties=properties,
            )
    return str(made["ActionArn"])


def associate(clients: Clients, source: str, destination: str, association: str) -> None:
    """Add an edge unless it is there."""
    with translated(source):
        there = clients.sagemaker.list_associations(SourceArn=source, DestinationArn=destination)["AssociationSummaries"]
        if not there:
            clients.sagemaker.add_association(SourceArn=source, DestinationArn=destination, AssociationType=association)  # type: ignore[arg-type]


def component_of(clients: Clients, kind: Literal["training", "processing"], job: str) -> str:
    """The ARN of the trial component that SageMaker made for a job."""
    with translated(job):
        found = clients.sagemaker.describe_trial_component(TrialComponentName=f"{job}-aws-{kind}-job")
    return str(found["TrialComponentArn"])


def record_data(clients: Clients, data: Rebalanced) -> None:
    """The files of a rebalancing: SageMaker knows only the folder that they are in."""
    component = component_of(clients, "processing", data.job)
    for name, written in data.manifest["files"].items():
        properties = {"sha256": written["sha256"], "rebalancing-job": data.job}
        file = ensure_artifact(clients, data.uri(name), "DataSet", f"{data.job}-{name}", properties)
        associate(clients, component, file, "Produced")


def record_reports(clients: Clients, package: str, model: str, reports: dict[str, str]) -> None:
    """What a package was judged by: processing job -> URI of its results. SageMaker knows neither which model they were about (``model``,
    the URI of its artifact), nor that the package holds them."""
    artifact, registered = ensure_artifact(clients, model, "Model", model), ensure_artifact(clients, package, "ModelPackage", package)
    for job, uri in reports.items():
        component = component_of(clients, "processing", job)
        report = ensure_artifact(clients, uri, "DataSet", job)
        associate(clients, artifact, component, "ContributedTo")
        associate(clients, component, report, "Produced")
        associate(clients, report, registered, "ContributedTo")
