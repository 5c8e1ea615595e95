"""The lineage graph: layered coordinates, an ECharts graph, a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from fast_sugiyama import from_edges

from core.views.style import GREY, SERIES, short

CHOSEN = "#F2B705"
FAMILIES: dict[str, tuple[str, str]] = {
    "DataSet": ("circle", SERIES[2]),
    "Image": ("circle", SERIES[6]),
    "Model": ("diamond", SERIES[3]),
    "ModelArtifact": ("diamond", SERIES[3]),
    "TrialComponent": ("roundRect", SERIES[0]),
    "Action": ("triangle", SERIES[4]),
    "ModelPackage": ("rect", SERIES[1]),
    "Context": ("pin", SERIES[5]),
}
"""Shape and colour by family of node."""


def family(node_type: str, kind: str) -> str:
    """The family of a lineage node, from its SourceType (``Type``) and its entity (``LineageType``)."""
    for name in ("ModelPackage", "ModelArtifact"):
        if name.lower() in node_type.replace("-", "").lower():
            return name
    if node_type in FAMILIES:
        return node_type
    if "job" in node_type.lower():
        return "TrialComponent"
    if kind in FAMILIES:
        return kind
    return {"Artifact": "DataSet"}.get(kind, "Context")


def coordinates(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Layered positions (Sugiyama), left to right along the edges; nodes without an edge stand below."""
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


def graph(nodes: pd.DataFrame, edges: pd.DataFrame, *, selected: str | None = None, down: bool = False) -> dict[str, Any]:
    """An ECharts option; ``nodes``: arn, name, family; ``edges``: source, destination, type. A click gives the node's index.

    ``down`` lays the layers from top to bottom, for a narrow page.
    """
    arns = list(nodes["arn"])
    place = coordinates(arns, list(zip(edges["source"], edges["destination"], strict=True)))
    related = _related(edges, selected) if selected else set(arns)
    names = sorted(set(nodes["family"]), key=list(FAMILIES).index)
    layers = sorted({round(x, 2) for x, _ in place.values()})
    breadth = max((y for _, y in place.values()), default=0.0) or 1.0
    step = min(max(230 * len(layers) / 2.6 / breadth, 35), 110)
    data = []
    for row in nodes.itertuples():
        shape, colour = FAMILIES[str(row.family)]
        x, y = place[str(row.arn)]
        chosen = row.arn == selected
        data.append(
            {
                "id": row.arn,
                "name": row.name,
                "x": y * 90 if down else layers.index(round(x, 2)) * 230,
                "y": layers.index(round(x, 2)) * 110 if down else y * step,
                "symbol": shape,
                "symbolSize": 26 if chosen else 18,
                "category": names.index(row.family),
                "itemStyle": {
                    "color": colour,
                    "opacity": 1 if row.arn in related else 0.3,
                    "borderColor": CHOSEN if chosen else colour,
                    "borderWidth": 4 if chosen else 1,
                },
                "label": {
                    "show": True,
                    "formatter": short(str(row.name), 26),
                    "position": "bottom",
                    "fontSize": 11,
                    "opacity": 1 if row.arn in related else 0.4,
                },
            }
        )
    links = [
        {
            "source": edge.source,
            "target": edge.destination,
            "value": edge.type,
            "lineStyle": {"opacity": 0.85 if {edge.source, edge.destination} <= related else 0.2},
        }
        for edge in edges.itertuples()
        if edge.source in place and edge.destination in place
    ]
    return {
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "toolbox": {
            "right": 8,
            "feature": {"saveAsImage": {"name": "lineage", "pixelRatio": 2, "title": "PNG"}, "restore": {"title": "Reset"}},
        },
        "legend": [{"data": names, "top": 0, "left": 0, "type": "scroll", "width": "75%"}],
        "series": [
            {
                "type": "graph",
                "layout": "none",
                "data": data,
                "links": links,
                "categories": [{"name": name, "symbol": FAMILIES[name][0], "itemStyle": {"color": FAMILIES[name][1]}} for name in names],
                "roam": True,
                "preserveAspect": True,
                "scaleLimit": {"min": 0.3, "max": 4},
                "selectedMode": "single",
                "edgeSymbol": ["none", "arrow"],
                "edgeSymbolSize": [0, 8],
                "lineStyle": {"color": GREY, "width": 1.5, "curveness": 0.08},
                "emphasis": {"focus": "adjacency"},
                "labelLayout": {"hideOverlap": True},
                "top": 60,
                "bottom": 40,
                "left": 70,
                "right": 70,
            }
        ],
    }


def height(nodes: Sequence[str], edges: Sequence[tuple[str, str]], *, down: bool = False) -> int:
    """Pixels that the graph needs: by its widest layer, or by its layers when they go down."""
    place = coordinates(nodes, edges)
    layers = len({round(x, 2) for x, _ in place.values()})
    broad = max((y for _, y in place.values()), default=0.0) / 2 + 1
    return int(min(max(140 + 110 * (layers if down else broad), 320), 900))


def _related(edges: pd.DataFrame, start: str) -> set[str]:
    """``start`` with its ancestors and its descendants."""
    found = {start}
    for here, there in (("source", "destination"), ("destination", "source")):
        steps: dict[str, list[str]] = {}
        for a, b in zip(edges[here], edges[there], strict=True):
            steps.setdefault(a, []).append(b)
        waiting = [start]
        seen = {start}
        while waiting:
            for following in steps.get(waiting.pop(), []):
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        found |= seen
    return found


def table(nodes: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """The graph's edges in words: from, what, to."""
    names = dict(zip(nodes["arn"], nodes["name"], strict=True))
    return pd.DataFrame(
        {
            "from": [names.get(a, a) for a in edges["source"]],
            "association": list(edges["type"]),
            "to": [names.get(b, b) for b in edges["destination"]],
        }
    )


def readable(name: str, uri: str) -> str:
    """A file by its name and the job that made it, an image by its repository, a trial component by its job."""
    if uri.startswith("s3://"):
        parts = [
            part
            for part in uri.removeprefix("s3://").split("/")[1:]
            if part not in {"governance", "output", "models", "rebalanced", "datasets"}
        ]
        return " · ".join(reversed(parts[-2:]))
    if ".dkr.ecr." in uri:
        return uri.rpartition("/")[2]
    return name.removesuffix("-aws-training-job").removesuffix("-aws-model-group")
