"""QueryLineage: what an entity was made from, and what was made from it.

Ascendants are found against the direction of the associations, descendants along it; Both is the
union of the two walks, so that siblings (other models from the same data) don't come in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from engine.context import Context, Request, Response
from engine.operations import ANY_RESOURCE, operation
from engine.paging import paginate, to_epoch_seconds
from engine.sagemaker.lineage.associations import ASSOCIABLE_KINDS, name_and_type
from engine.sagemaker.lineage.lineage_entities import missing_entity_error
from engine.store.records import Body, Store

Edge = tuple[str, str, str | None]
LINEAGE_TYPES = {"artifact": "Artifact", "action": "Action", "context": "Context", "experiment-trial-component": "TrialComponent"}
MAX_DEPTH = 10
MAX_RESULTS = 50


@dataclass
class Walk:
    """A breadth-first walk: the depth at which each entity was found, and the edges that led there."""

    depth: dict[str, int] = field(default_factory=dict)
    edges: dict[Edge, tuple[str, str]] = field(default_factory=dict)  # edge -> (nearer to the start, further from it)

    def run(self, starts: Iterable[str], neighbours: Callable[[str], list[tuple[str, Edge]]], limit: int) -> Walk:
        self.depth.update(dict.fromkeys(starts, 0))
        queue = list(self.depth)
        for at in queue:
            if self.depth[at] == limit:
                continue
            for other, edge in neighbours(at):
                self.edges[edge] = (at, other)
                if other not in self.depth:
                    self.depth[other] = self.depth[at] + 1
                    queue.append(other)
        return self

    def on_path(self, matches: set[str]) -> set[str]:
        """``matches`` and every entity on a way from the start to one of them."""
        back: dict[str, list[str]] = {}
        for near, far in self.edges.values():
            back.setdefault(far, []).append(near)
        seen = {arn for arn in matches if arn in self.depth}
        queue = list(seen)
        for arn in queue:
            for near in back.get(arn, []):
                if near not in seen:
                    seen.add(near)
                    queue.append(near)
        return seen


@dataclass(frozen=True)
class LineageAnswer:
    """The whole answer to a query: the entities in order, and each edge with the later of its two, so that it is on one page only."""

    order: list[str]
    edges: dict[str, list[Edge]]


CACHED_ANSWERS = 4
"""Answers that are kept for the next pages, until something is written to the store."""
_answer_cache: WeakKeyDictionary[Store, tuple[int, dict[str, LineageAnswer]]] = WeakKeyDictionary()
_lock = threading.Lock()


@operation("sagemaker", "QueryLineage", on=ANY_RESOURCE)
def query_lineage(context: Context, request: Request) -> Response:
    answer = _cached_answer(context, request)
    page, token = paginate(answer.order, request, MAX_RESULTS)
    return {
        "Vertices": [_vertex(arn, found[0], found[2]) for arn in page if (found := context.store.find_by_arn(arn)) is not None],
        "Edges": [
            {"SourceArn": s, "DestinationArn": d} | ({"AssociationType": t} if t else {})
            for s, d, t in sorted((edge for arn in page for edge in answer.edges.get(arn, ())), key=lambda e: (e[0], e[1]))
        ],
        "NextToken": token,
    }


def _cached_answer(context: Context, request: Request) -> LineageAnswer:
    changes = context.store.change_count()  # read before the query runs: a write meanwhile makes its answer out of date
    question = json.dumps({name: value for name, value in request.items() if name not in {"NextToken", "MaxResults"}}, sort_keys=True)
    with _lock:
        of, answers = _answer_cache.get(context.store, (changes, {}))
        if of == changes and question in answers:
            return answers[question]
    answer = _compute_answer(context, request)
    with _lock:
        of, answers = _answer_cache.get(context.store, (changes, {}))
        answers = {**answers, question: answer} if of == changes else {question: answer}
        _answer_cache[context.store] = (changes, dict(list(answers.items())[-CACHED_ANSWERS:]))
    return answer


def _compute_answer(context: Context, request: Request) -> LineageAnswer:
    starts = request.get("StartArns") or []
    for arn in starts:
        found = context.store.find_by_arn(arn)
        if found is None or found[0] not in ASSOCIABLE_KINDS:
            raise missing_entity_error(arn)
    walks = _walk_directions(context, starts, request)
    depth: dict[str, int] = {}
    for walk in walks:
        for arn, steps in walk.depth.items():
            depth[arn] = min(steps, depth.get(arn, steps))
    entities = {arn: outline for arn, outline in context.store.kinds_and_times(depth).items() if outline[0] in LINEAGE_TYPES}
    filters = request.get("Filters") or {}
    kinds = filters.get("LineageTypes")
    chosen = {arn for arn, (kind, _) in entities.items() if not kinds or LINEAGE_TYPES[kind] in kinds}
    if filters.keys() - {"LineageTypes"}:
        chosen = {
            arn for arn in chosen if (found := context.store.find_by_arn(arn)) is not None and _matches_filters(found[0], found[2], filters)
        }
    edges: set[Edge] = set()
    if request.get("IncludeEdges"):
        kept = [(walk, walk.on_path(chosen)) for walk in walks]
        for walk, path in kept:
            edges |= {edge for edge, (near, far) in walk.edges.items() if near in path and far in path}
        chosen = {arn for _, path in kept for arn in path if arn in entities}
    order = sorted(chosen, key=lambda arn: (depth[arn], entities[arn][1], arn))
    place = {arn: i for i, arn in enumerate(order)}
    placed: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge[0] in place and edge[1] in place:
            placed.setdefault(max(edge[0], edge[1], key=place.__getitem__), []).append(edge)
    return LineageAnswer(order, placed)


def _walk_directions(context: Context, starts: list[str], request: Request) -> list[Walk]:
    outgoing: dict[str, list[tuple[str, Edge]]] = {}
    incoming: dict[str, list[tuple[str, Edge]]] = {}
    for source, destination, type, _ in context.store.list_associations():
        edge = (source, destination, type)
        outgoing.setdefault(source, []).append((destination, edge))
        incoming.setdefault(destination, []).append((source, edge))
    if not starts:
        starts = sorted(set(outgoing) | set(incoming))
    limit = request["MaxDepth"] if (request.get("MaxDepth") or 0) > 0 else MAX_DEPTH
    direction = request.get("Direction") or "Both"
    sides = {"Ascendants": [incoming], "Descendants": [outgoing], "Both": [incoming, outgoing]}[direction]
    return [Walk().run(starts, lambda arn, side=side: side.get(arn, []), limit) for side in sides]  # type: ignore[misc]


def _matches_filters(kind: str, body: Body, filters: Request) -> bool:
    if filters.get("Types") and _vertex_type(kind, body) not in filters["Types"]:
        return False
    for member, key, wanted in (
        ("CreatedBefore", "CreationTime", -1),
        ("CreatedAfter", "CreationTime", 1),
        ("ModifiedBefore", "LastModifiedTime", -1),
        ("ModifiedAfter", "LastModifiedTime", 1),
    ):
        if filters.get(member) is not None and (float(body.get(key, 0)) - to_epoch_seconds(filters[member])) * wanted <= 0:
            return False
    properties = body.get("Properties", {})
    return all(properties.get(key) == value for key, value in (filters.get("Properties") or {}).items())


def _vertex_type(kind: str, body: Body) -> str | None:
    """The type that QueryLineage shows: a job's trial component has the kind of the job, TrainingJob or ProcessingJob."""
    type = name_and_type(kind, body)[1]
    return type.removeprefix("SageMaker") if type and kind == "experiment-trial-component" else type


def _vertex(arn: str, kind: str, body: Body) -> Body:
    vertex = {"Arn": arn, "LineageType": LINEAGE_TYPES[kind]}
    type = _vertex_type(kind, body)
    return vertex | {"Type": type[:40]} if type else vertex
