"""Reads the lineage graph (data, jobs, models, versions, decisions) around one node, and what is recorded about a node."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, cast

from core.aws import idempotency
from core.aws.target import Target
from core.errors import Forbidden, NotFound, translate_aws_errors
from core.lineage.entity_response import EntityResponse, component_status, parameter_value

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import QueryLineageRequestTypeDef, VertexTypeDef

Direction = Literal["Ascendants", "Descendants", "Both"]
TRIAL_COMPONENT = "experiment-trial-component"
PAGE_SIZE, MAX_COUNTED, MAX_DEPTH = 50, 200, 10
"""Vertices in one response of SageMaker; the most vertices that are counted for a page; the most hops of a query."""


@dataclass(frozen=True)
class Node:
    """A node. ``type``: SageMaker's LineageType (Artifact, Action, Context, TrialComponent); ``kind``: its Type (DataSet, Model, …)."""

    arn: str
    name: str
    type: str
    kind: str
    uri: str = ""


@dataclass(frozen=True)
class Edge:
    """An edge from the ARN ``source`` to the ARN ``destination``. ``association``: SageMaker's AssociationType."""

    source: str
    destination: str
    association: str


@dataclass(frozen=True)
class Graph:
    """Nodes and the edges between them. ``total``: number of nodes of the whole graph around ``start``, at least that many if it isn't
    exact."""

    start: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    total: int
    is_total_exact: bool = True


def read_graph(
    target: Target,
    arn: str,
    *,
    hops: int = 2,
    direction: Direction = "Both",
    max_nodes: int | None = None,
) -> Graph:
    """The graph within ``hops`` (10 at most) of ``arn``. Raises NotFound, Forbidden.

    With ``max_nodes``, only the nearest nodes are described, and ``Graph.total`` is counted up to ``MAX_COUNTED``, to save time.
    """
    limit = max_nodes + PAGE_SIZE if max_nodes else None
    vertices, edges, whole = _query_lineage(target, arn, direction, min(hops + 1, MAX_DEPTH), limit)
    near = [a for a in _nodes_within(arn, edges, hops) if a in vertices or a == arn][:max_nodes]
    nodes = tuple(_describe_node(target, a, vertices.get(a)) for a in sorted(near))
    inside = {node.arn for node in nodes}
    shown = tuple(e for e in edges.values() if {e.source, e.destination} <= inside)
    if whole and hops + 1 < MAX_DEPTH:
        counted, _, whole = _query_lineage(target, arn, direction, MAX_DEPTH, MAX_COUNTED if max_nodes else None, with_edges=False)
        vertices = {**vertices, **counted}
    return Graph(arn, nodes, shown, len(vertices.keys() | {arn}), whole)


def _query_lineage(
    target: Target, arn: str, direction: Direction, depth: int, limit: int | None, *, with_edges: bool = True
) -> tuple[dict[str, VertexTypeDef], dict[tuple[str, str], Edge], bool]:
    """(vertices, edges, whether these are all) within ``depth``; reading stops after ``limit`` vertices."""
    vertices: dict[str, VertexTypeDef] = {}
    edges: dict[tuple[str, str], Edge] = {}
    request: QueryLineageRequestTypeDef = {
        "StartArns": [arn],
        "Direction": direction,
        "IncludeEdges": with_edges,
        "MaxDepth": depth,
        "MaxResults": PAGE_SIZE,
    }
    with translate_aws_errors(arn):
        while True:
            page = target.sagemaker.query_lineage(**request)
            vertices |= {vertex["Arn"]: vertex for vertex in page.get("Vertices", [])}
            for edge in page.get("Edges", []):
                key = (edge["SourceArn"], edge["DestinationArn"])
                edges[key] = Edge(*key, edge.get("AssociationType", ""))
            after = page.get("NextToken")
            if not after:
                return vertices, edges, True
            if limit is not None and len(vertices) >= limit:
                return vertices, edges, False
            request["NextToken"] = after


def _nodes_within(start: str, edges: dict[tuple[str, str], Edge], hops: int) -> list[str]:
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


def _describe_node(target: Target, arn: str, vertex: VertexTypeDef | None) -> Node:
    resource, name = _entity_of_arn(arn)
    kind, uri = resource, ""
    entity_type = "TrialComponent" if resource == TRIAL_COMPONENT else resource.title()
    if vertex is not None:
        kind, entity_type = vertex.get("Type", kind), vertex.get("LineageType", entity_type)
    if resource != TRIAL_COMPONENT:
        try:
            found = describe_entity(target, arn)
        except NotFound:  # deleted, or of a kind that can't be described; its edge still exists
            found = EntityResponse()
        except Forbidden:
            if f":{target.account}:" in arn:
                raise
            found = EntityResponse()  # it belongs to another account
        uri = found.get("Source", {}).get("SourceUri", "")
        types = {"artifact": found.get("ArtifactType"), "action": found.get("ActionType"), "context": found.get("ContextType")}
        kind = types.get(resource) or kind
        if resource == "artifact":
            name = found.get("ArtifactName") or "/".join(uri.rstrip("/").split("/")[-2:])
    return Node(arn, name, entity_type, kind, uri)


def _entity_of_arn(arn: str) -> tuple[str, str]:
    """(kind of entity, its name or id) of an ARN."""
    kind, _, name = arn.partition(":sagemaker:")[2].rpartition(":")[2].partition("/")
    return kind, name


def describe_entity(target: Target, arn: str) -> EntityResponse:
    """SageMaker's description of an artifact, action, context or trial component. Raises NotFound."""
    kind, name = _entity_of_arn(arn)
    api = target.sagemaker
    calls: dict[str, Callable[[], Mapping[str, object]]] = {
        "artifact": lambda: api.describe_artifact(ArtifactArn=arn),
        "action": lambda: api.describe_action(ActionName=name),
        "context": lambda: api.describe_context(ContextName=name),
        TRIAL_COMPONENT: lambda: api.describe_trial_component(TrialComponentName=name),
    }
    if kind not in calls:
        raise NotFound(f"{arn} is not an entity of the lineage.", resource=arn, hint="Give an artifact, action, context or job.")
    with translate_aws_errors(arn):
        return cast(EntityResponse, calls[kind]())


def read_facts(target: Target, arn: str) -> dict[str, str | float | datetime]:
    """Name -> value of what is recorded about a node: times, person, status, properties; of a job also parameters and final metrics. Raises
    NotFound."""
    raw = describe_entity(target, arn)
    found: dict[str, str | float | datetime | None] = {
        "created": raw.get("CreationTime"),
        "by": raw.get("CreatedBy", {}).get("UserProfileName"),
        "started": raw.get("StartTime"),
        "ended": raw.get("EndTime"),
        "status": component_status(raw)[0],
        "description": raw.get("Description"),
        **raw.get("Properties", {}),
    }
    for name, value in raw.get("Parameters", {}).items():
        found[name.removeprefix("SageMaker.")] = parameter_value(value)
    for metric in raw.get("Metrics", []):
        found[metric["MetricName"]] = metric.get("Last")
    return {name: value for name, value in found.items() if value is not None and value != ""}


def find_artifact_arn(target: Target, uri: str) -> str | None:
    """The ARN of the artifact with this source URI; None if there is none."""
    with translate_aws_errors(uri):
        found = target.sagemaker.list_artifacts(SourceUri=uri, SortBy="CreationTime", SortOrder="Ascending")["ArtifactSummaries"]
    return str(found[0]["ArtifactArn"]) if found else idempotency.recently_created_arn(target, "Artifact", uri)


def list_artifact_arns(target: Target, uri: str) -> set[str]:
    """The ARNs of all artifacts with this source URI."""
    with translate_aws_errors(uri):
        pages = target.sagemaker.get_paginator("list_artifacts").paginate(SourceUri=uri)
        found = {str(summary["ArtifactArn"]) for page in pages for summary in page["ArtifactSummaries"]}
    recent = idempotency.recently_created_arn(target, "Artifact", uri)
    return found | ({recent} if recent else set())


def list_ancestor_arns(target: Target, arn: str) -> frozenset[str]:
    """The ARNs of everything that an entity came from, at most ten steps back, and its own."""
    vertices, _, _ = _query_lineage(target, arn, "Ascendants", MAX_DEPTH, None, with_edges=False)
    return frozenset(vertices) | {arn}


def job_component_name(kind: Literal["training", "processing"], job: str) -> str:
    """The name of the trial component that SageMaker makes for a job."""
    return f"{job}-aws-{kind}-job"


def component_names(arns: Iterable[str]) -> set[str]:
    """The names of the trial components among entities of the lineage."""
    return {name for kind, name in map(_entity_of_arn, arns) if kind == TRIAL_COMPONENT}


def find_artifact_arns(target: Target, uris: Sequence[str], kind: str) -> dict[str, str]:
    """URI -> ARN of the artifacts with these source URIs. One call reads the newest artifacts of the ``kind``; those that aren't among them
    are read one by one."""
    with translate_aws_errors(f"artifacts: {kind}"):
        newest = target.sagemaker.list_artifacts(ArtifactType=kind, SortBy="CreationTime", SortOrder="Descending", MaxResults=100)
    newest_arns = {raw["Source"]["SourceUri"]: str(raw["ArtifactArn"]) for raw in newest["ArtifactSummaries"]}
    found = {uri: newest_arns.get(uri) or find_artifact_arn(target, uri) for uri in uris}
    return {uri: arn for uri, arn in found.items() if arn}
