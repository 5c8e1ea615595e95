"""The graph of data, jobs, models, packages and decisions, around one node."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from core import creating, placement
from core.clients import Clients
from core.errors import Conflict, Forbidden, NotFound, translated
from core.jobs import slug
from core.rebalancing import Rebalanced

COMPONENT = "experiment-trial-component"
PAGE, COUNTED, DEEPEST = 50, 200, 10
"""Vertices that SageMaker gives at a time, vertices that a page counts, and the hops that a query may go."""


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
    """The nodes shown, the edges between them, and how many nodes the whole graph around the start has (``exact``, or at least)."""

    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    total: int
    exact: bool = True


def graph(
    clients: Clients, arn: str, *, hops: int = 2, direction: Literal["Ascendants", "Descendants", "Both"] = "Both", most: int | None = None
) -> Graph:
    """What lies within ``hops`` of ``arn`` (10 at most), in the direction Ascendants, Descendants or Both.

    With ``most`` no more than the nearest so many nodes are described, and ``total`` is counted only so far that nobody waits for it.
    """
    limit = most + PAGE if most else None
    vertices, edges, whole = _query(clients, arn, direction, min(hops + 1, DEEPEST), limit)
    near = [a for a in _within(arn, edges, hops) if a in vertices or a == arn][:most]
    nodes = tuple(_node(clients, a, vertices.get(a, {})) for a in sorted(near))
    inside = {node.arn for node in nodes}
    shown = tuple(e for e in edges.values() if {e.source, e.destination} <= inside)
    if whole and hops + 1 < DEEPEST:
        counted, _, whole = _query(clients, arn, direction, DEEPEST, COUNTED if most else None, with_edges=False)
        vertices = {**vertices, **counted}
    return Graph(arn, nodes, shown, len(vertices.keys() | {arn}), whole)


def _query(
    clients: Clients, arn: str, direction: Any, depth: int, limit: int | None, *, with_edges: bool = True
) -> tuple[dict[str, Any], dict[tuple[str, str], Edge], bool]:
    """Vertices and edges within ``depth``, and whether these are all: reading stops after ``limit`` vertices."""
    vertices: dict[str, Any] = {}
    edges: dict[tuple[str, str], Edge] = {}
    request: dict[str, Any] = {
        "StartArns": [arn],
        "Direction": direction,
        "IncludeEdges": with_edges,
        "MaxDepth": depth,
        "MaxResults": PAGE,
    }
    with translated(arn):
        while True:
            page = clients.sagemaker.query_lineage(**request)
            vertices |= {vertex["Arn"]: vertex for vertex in page.get("Vertices", [])}
            for edge in page.get("Edges", []):
                key = (edge["SourceArn"], edge["DestinationArn"])
                edges[key] = Edge(*key, edge.get("AssociationType", ""))
            request["NextToken"] = page.get("NextToken")
            if not request["NextToken"]:
                return vertices, edges, True
            if limit is not None and len(vertices) >= limit:
                return vertices, edges, False


def _within(start: str, edges: dict[tuple[str, str], Edge], hops: int) -> list[str]:
    """The nodes within ``hops`` of the start, the nearest first."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for source, destination in edges:
        neighbours[source].add(destination)
        neighbours[destination].add(source)
    seen, queue = {start: 0}, deque([start])
    while queue:
        at = queue.popleft()
        if seen[at] < hops:
            for other in sorted(neighbours[at]):
                if other not in seen:
                    seen[other] = seen[at] + 1
                    queue.append(other)
    return list(seen)


def _node(clients: Clients, arn: str, vertex: dict[str, Any]) -> Node:
    resource, name = _resource(arn)
    kind, uri = vertex.get("Type", resource), ""
    if resource != COMPONENT:
        try:
            found = described(clients, arn)
        except NotFound:  # deleted since, or of a kind that nobody describes: the edge still is there
            found = {}
        except Forbidden:
            if f":{clients.account}:" in arn:
                raise
            found = {}  # another account's
        uri = found.get("Source", {}).get("SourceUri", "")
        kind = found.get(f"{resource.title()}Type", kind)
        if resource == "artifact":
            name = found.get("ArtifactName") or "/".join(uri.rstrip("/").split("/")[-2:])
    return Node(arn, name, vertex.get("LineageType", "TrialComponent" if resource == COMPONENT else resource.title()), kind, uri)


def _resource(arn: str) -> tuple[str, str]:
    """(kind of entity, its name or id) of an ARN."""
    kind, _, name = arn.partition(":sagemaker:")[2].rpartition(":")[2].partition("/")
    return kind, name


def described(clients: Clients, arn: str) -> dict[str, Any]:
    """What SageMaker's Describe call says of an entity of the lineage. Raises NotFound."""
    kind, name = _resource(arn)
    api = clients.sagemaker
    calls: dict[str, Any] = {
        "artifact": lambda: api.describe_artifact(ArtifactArn=arn),
        "action": lambda: api.describe_action(ActionName=name),
        "context": lambda: api.describe_context(ContextName=name),
        COMPONENT: lambda: api.describe_trial_component(TrialComponentName=name),
    }
    if kind not in calls:
        raise NotFound(f"{arn} is no entity of the lineage.", subject=arn, remedy="Give an artifact, action, context or job.")
    with translated(arn):
        found: dict[str, Any] = calls[kind]()
    return found


def facts(clients: Clients, arn: str) -> dict[str, Any]:
    """What is recorded about one node: times, who, status, properties, and of a job its parameters and last metrics. Raises NotFound."""
    raw = described(clients, arn)
    found = {"created": raw.get("CreationTime"), "by": raw.get("CreatedBy", {}).get("UserProfileName")}
    found |= {"started": raw.get("StartTime"), "ended": raw.get("EndTime")}
    status = raw.get("Status")
    found["status"] = status.get("PrimaryStatus") if isinstance(status, dict) else status
    found["description"] = raw.get("Description")
    found |= raw.get("Properties", {})
    for name, value in raw.get("Parameters", {}).items():
        found[name.removeprefix("SageMaker.")] = next(iter(value.values()), None)
    found |= {metric["MetricName"]: metric.get("Last") for metric in raw.get("Metrics", [])}
    return {name: value for name, value in found.items() if value not in (None, "")}


def artifact_of(clients: Clients, uri: str) -> str | None:
    """The ARN of the artifact with this source URI, or None."""
    with translated(uri):
        found = clients.sagemaker.list_artifacts(SourceUri=uri, SortBy="CreationTime", SortOrder="Ascending")["ArtifactSummaries"]
    return str(found[0]["ArtifactArn"]) if found else creating.lately(clients, "Artifact", uri)


def artifacts_of(clients: Clients, uris: Sequence[str], kind: str) -> dict[str, str]:
    """The ARNs of the artifacts with these source URIs, by URI, where there are any: looked for among the newest of the ``kind`` first, in
    one call, and the others one by one."""
    with translated(f"artifacts: {kind}"):
        newest = clients.sagemaker.list_artifacts(ArtifactType=kind, SortBy="CreationTime", SortOrder="Descending", MaxResults=100)
    there = {raw["Source"]["SourceUri"]: str(raw["ArtifactArn"]) for raw in newest["ArtifactSummaries"]}
    found = {uri: there.get(uri) or artifact_of(clients, uri) for uri in uris}
    return {uri: arn for uri, arn in found.items() if arn}


def ensure_artifact(clients: Clients, uri: str, kind: str, name: str, properties: dict[str, str] | None = None) -> str:
    """The artifact of a URI, made where there is none."""
    found = artifact_of(clients, uri)
    if found:
        return found
    request = {
        "ArtifactName": slug(name, 120),
        "Source": {"SourceUri": uri},
        "ArtifactType": kind,
        "Properties": properties or {},
        "Tags": placement.tags(clients.settings),
    }
    return creating.once(clients, "Artifact", request)


def ensure_action(clients: Clients, name: str, uri: str, kind: str, description: str, properties: dict[str, str]) -> str:
    """The ARN of an action, made where there is none."""
    try:
        with translated(name):
            return str(clients.sagemaker.describe_action(ActionName=name)["ActionArn"])
    except NotFound:
        request = {
            "ActionName": name,
            "Source": {"SourceUri": uri, "SourceType": "governance-event"},
            "ActionType": kind,
            "Description": description[:3072],
            "Status": "Completed",
            "Properties": properties,
            "Tags": placement.tags(clients.settings),
        }
        return creating.once(clients, "Action", request, shared=True)


def associate(clients: Clients, source: str, destination: str, association: str) -> None:
    """Add an edge unless it is there."""
    with translated(source):
        there = clients.sagemaker.list_associations(SourceArn=source, DestinationArn=destination)["AssociationSummaries"]
    if not there:
        with suppress(Conflict), translated(source):  # the edge is there, and the list lags
            clients.sagemaker.add_association(SourceArn=source, DestinationArn=destination, AssociationType=association)  # type: ignore[arg-type]


def component_of(clients: Clients, kind: Literal["training", "processing"], job: str) -> str:
    """The ARN of the trial component that SageMaker made for a job."""

    def read() -> str:
        with translated(job):
            return clients.sagemaker.describe_trial_component(TrialComponentName=f"{job}-aws-{kind}-job")["TrialComponentArn"]

    return creating.patient(read)  # SageMaker makes it on its own, and not at once


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
