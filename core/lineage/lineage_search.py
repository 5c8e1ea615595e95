"""An entity of the lineage by a part of its name, wherever it is in the workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core.clients import Clients
from core.errors import translated
from core.lineage import Node

FOUND, LOOKED = 20, 1000


@dataclass(frozen=True)
class Search:
    """``nodes``: the newest that fit, ``FOUND`` of each kind at most. ``whole``: everything was looked at; otherwise only the newest."""

    nodes: tuple[Node, ...]
    whole: bool


def find(clients: Clients, text: str) -> Search:
    """Data, models, packages, jobs, decisions and groups whose name or URI holds ``text``, in any case.

    SageMaker searches jobs by itself. Artifacts, actions and contexts it only lists: of these the newest ``LOOKED`` are looked at.
    """
    wanted = text.strip()
    if not wanted:
        return Search((), True)
    with translated(wanted):
        found = list(_exact(clients, wanted))
        whole = True
        for listed in (_artifacts, _actions, _contexts):
            nodes, all_of_them = _fitting(listed(clients), wanted.lower())
            found += nodes
            whole = whole and all_of_them
        jobs, all_jobs = _jobs(clients, wanted)
    unique = {node.arn: node for node in [*found, *jobs]}
    return Search(tuple(unique.values()), whole and all_jobs)


def _exact(clients: Clients, uri: str) -> Iterator[Node]:
    """The artifact whose source is just this URI or ARN, however old."""
    if ":" in uri:
        yield from map(_artifact, clients.sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"])


def _fitting(pages: Iterator[list[Node]], wanted: str) -> tuple[list[Node], bool]:
    found: list[Node] = []
    looked = 0
    for nodes in pages:
        found += [node for node in nodes if wanted in f"{node.name}\n{node.uri}\n{node.kind if node.type == 'Action' else ''}".lower()]
        looked += len(nodes)
        if len(found) >= FOUND or looked >= LOOKED:
            return found[:FOUND], False
    return found, True


def _jobs(clients: Clients, wanted: str) -> tuple[list[Node], bool]:
    page = clients.sagemaker.search(
        Resource="ExperimentTrialComponent",
        SearchExpression={"Filters": [{"Name": "TrialComponentName", "Operator": "Contains", "Value": wanted}]},
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=FOUND,
    )
    return [_component(item["TrialComponent"]) for item in page["Results"]], "NextToken" not in page


def _component(raw: Any) -> Node:
    kind = str(raw.get("Source", {}).get("SourceType", "")).removeprefix("SageMaker")
    return Node(raw["TrialComponentArn"], raw["TrialComponentName"], "TrialComponent", kind or "TrialComponent")


def _artifact(raw: Any) -> Node:
    uri = raw["Source"]["SourceUri"]
    name = raw.get("ArtifactName") or "/".join(uri.rstrip("/").split("/")[-2:])
    return Node(raw["ArtifactArn"], name, "Artifact", raw.get("ArtifactType", "Artifact"), uri)


def _pages(clients: Clients, operation: str, member: str, make: Callable[[Any], Node]) -> Iterator[list[Node]]:
    paginator: Any = clients.sagemaker.get_paginator(operation)  # type: ignore[call-overload]
    for page in paginator.paginate(SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": 100}):
        yield [make(raw) for raw in page[member]]


def _artifacts(clients: Clients) -> Iterator[list[Node]]:
    return _pages(clients, "list_artifacts", "ArtifactSummaries", _artifact)


def _actions(clients: Clients) -> Iterator[list[Node]]:
    return _pages(
        clients,
        "list_actions",
        "ActionSummaries",
        lambda raw: Node(raw["ActionArn"], raw["ActionName"], "Action", raw.get("ActionType", "Action"), raw["Source"]["SourceUri"]),
    )


def _contexts(clients: Clients) -> Iterator[list[Node]]:
    return _pages(
        clients,
        "list_contexts",
        "ContextSummaries",
        lambda raw: Node(raw["ContextArn"], raw["ContextName"], "Context", raw.get("ContextType", "Context"), raw["Source"]["SourceUri"]),
    )
