"""Finds nodes of the lineage by a part of their name or URI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from core.aws.target import Target
from core.errors import translate_aws_errors
from core.lineage.lineage_graph import Node

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ArtifactSummaryTypeDef, PaginatorConfigTypeDef, TrialComponentTypeDef

MAX_FOUND, MAX_LOOKED_AT = 20, 1000


@dataclass(frozen=True)
class SearchResult:
    """``nodes``: the newest matches, at most ``MAX_FOUND`` of each kind. ``is_complete``: whether everything was searched, not only the
    newest."""

    nodes: tuple[Node, ...]
    is_complete: bool


def find_nodes(target: Target, text: str) -> SearchResult:
    """Data, models, versions, jobs, decisions and groups whose name or URI contains ``text``, in upper or lower case.

    SageMaker can search jobs. It can only list artifacts, actions and contexts; of these the newest ``MAX_LOOKED_AT`` are searched.
    """
    wanted = text.strip()
    if not wanted:
        return SearchResult((), True)
    with translate_aws_errors(wanted):
        found = list(_find_by_uri(target, wanted))
        whole = True
        for listed in (_artifacts, _actions, _contexts):
            nodes, all_of_them = _matching_nodes(listed(target), wanted.lower())
            found += nodes
            whole = whole and all_of_them
        jobs, all_jobs = _search_jobs(target, wanted)
    unique = {node.arn: node for node in [*found, *jobs]}
    return SearchResult(tuple(unique.values()), whole and all_jobs)


def _find_by_uri(target: Target, uri: str) -> Iterator[Node]:
    """The artifact with exactly this source URI or ARN, also if it is old."""
    if ":" in uri:
        yield from map(_artifact_node, target.sagemaker.list_artifacts(SourceUri=uri)["ArtifactSummaries"])


def _matching_nodes(pages: Iterator[list[Node]], wanted: str) -> tuple[list[Node], bool]:
    found: list[Node] = []
    looked = 0
    for nodes in pages:
        found += [node for node in nodes if wanted in f"{node.name}\n{node.uri}\n{node.kind if node.type == 'Action' else ''}".lower()]
        looked += len(nodes)
        if len(found) >= MAX_FOUND or looked >= MAX_LOOKED_AT:
            return found[:MAX_FOUND], False
    return found, True


def _search_jobs(target: Target, wanted: str) -> tuple[list[Node], bool]:
    page = target.sagemaker.search(
        Resource="ExperimentTrialComponent",
        SearchExpression={"Filters": [{"Name": "TrialComponentName", "Operator": "Contains", "Value": wanted}]},
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=MAX_FOUND,
    )
    return [_component_node(item["TrialComponent"]) for item in page["Results"]], "NextToken" not in page


def _component_node(raw: TrialComponentTypeDef) -> Node:
    kind = str(raw.get("Source", {}).get("SourceType", "")).removeprefix("SageMaker")
    return Node(raw["TrialComponentArn"], raw["TrialComponentName"], "TrialComponent", kind or "TrialComponent")


def _artifact_node(raw: ArtifactSummaryTypeDef) -> Node:
    uri = raw["Source"]["SourceUri"]
    name = raw.get("ArtifactName") or "/".join(uri.rstrip("/").split("/")[-2:])
    return Node(raw["ArtifactArn"], name, "Artifact", raw.get("ArtifactType", "Artifact"), uri)


class _NewestFirst(TypedDict):
    SortBy: Literal["CreationTime"]
    SortOrder: Literal["Descending"]
    PaginationConfig: PaginatorConfigTypeDef


NEWEST_FIRST: _NewestFirst = {"SortBy": "CreationTime", "SortOrder": "Descending", "PaginationConfig": {"PageSize": 100}}


def _artifacts(target: Target) -> Iterator[list[Node]]:
    for page in target.sagemaker.get_paginator("list_artifacts").paginate(**NEWEST_FIRST):
        yield [_artifact_node(raw) for raw in page["ArtifactSummaries"]]


def _actions(target: Target) -> Iterator[list[Node]]:
    for page in target.sagemaker.get_paginator("list_actions").paginate(**NEWEST_FIRST):
        yield [
            Node(raw["ActionArn"], raw["ActionName"], "Action", raw.get("ActionType", "Action"), raw["Source"]["SourceUri"])
            for raw in page["ActionSummaries"]
        ]


def _contexts(target: Target) -> Iterator[list[Node]]:
    for page in target.sagemaker.get_paginator("list_contexts").paginate(**NEWEST_FIRST):
        yield [
            Node(raw["ContextArn"], raw["ContextName"], "Context", raw.get("ContextType", "Context"), raw["Source"]["SourceUri"])
            for raw in page["ContextSummaries"]
        ]
