"""Positions of the nodes of a lineage graph, and its edges when some nodes are hidden."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from fast_sugiyama import from_edges

HIDDEN_EDGE_TYPE = "by way of hidden nodes"


def layout_nodes(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Layered positions (Sugiyama), left to right along the edges; nodes without an edge are placed below."""
    numbers = {node: index for index, node in enumerate(nodes)}
    pairs = [(numbers[a], numbers[b]) for a, b in edges if a in numbers and b in numbers and a != b]
    placed: dict[str, tuple[float, float]] = {}
    offset = 0.0
    if pairs:
        for positions, width, _height, _edges in from_edges(pairs, vertex_spacing=2, dummy_vertices=False):
            deepest = max(y for _, (_, y) in positions)
            for index, (x, y) in positions:
                placed[nodes[int(index)]] = (deepest - y, offset + x)
            offset += width + 2
    for step, node in enumerate(node for node in nodes if node not in placed):
        placed[node] = (2.0 * (step % 6), offset + 2 * (step // 6))
    return placed


def graph_height(nodes: Sequence[str], edges: Sequence[tuple[str, str]], *, top_to_bottom: bool = False) -> int:
    """The height in pixels that the graph needs: by its widest layer, or by the number of layers when drawn top to bottom."""
    place = layout_nodes(nodes, edges)
    layers = len({round(x, 2) for x, _ in place.values()})
    broad = max((y for _, y in place.values()), default=0.0) / 2 + 1
    lines = layers if top_to_bottom else broad
    return int(min(max(140 + 90 * lines, 340), max(900, 140 + 15 * lines)))


def relatives(edges: pd.DataFrame, arn: str) -> tuple[set[str], set[str]]:
    """(ancestors, descendants) of a node along the edges shown."""
    found = []
    for here, there in (("destination", "source"), ("source", "destination")):
        steps: dict[str, list[str]] = {}
        for a, b in zip(edges[here], edges[there], strict=True):
            steps.setdefault(a, []).append(b)
        waiting, seen = [arn], {arn}
        while waiting:
            for following in steps.get(waiting.pop(), []):
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        found.append(seen - {arn})
    return found[0], found[1]


def bridge_hidden_nodes(edges: pd.DataFrame, visible: set[str]) -> pd.DataFrame:
    """The edges between visible nodes; where hidden nodes connect two of them, one edge replaces these."""
    onwards: dict[str, list[str]] = {}
    for a, b in zip(edges["source"], edges["destination"], strict=True):
        onwards.setdefault(a, []).append(b)
    direct = edges[edges["source"].isin(visible) & edges["destination"].isin(visible)]
    there = set(zip(direct["source"], direct["destination"], strict=True))
    past = []
    for start in sorted(visible):
        waiting = [node for node in onwards.get(start, []) if node not in visible]
        seen = set(waiting)
        while waiting:
            for node in onwards.get(waiting.pop(), []):
                if node in visible and node != start and (start, node) not in there:
                    there.add((start, node))
                    past.append({"source": start, "destination": node, "type": HIDDEN_EDGE_TYPE})
                elif node not in visible and node not in seen:
                    seen.add(node)
                    waiting.append(node)
    return pd.concat([direct, pd.DataFrame(past, columns=["source", "destination", "type"])], ignore_index=True)
