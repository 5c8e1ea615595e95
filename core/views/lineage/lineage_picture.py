"""The lineage graph as an ECharts option, in a sentence, and as a table."""

from __future__ import annotations

from typing import NotRequired, TypedDict

import pandas as pd

from core.views.lineage.graph_layout import HIDDEN_EDGE_TYPE, layout_nodes, relatives
from core.views.shared.figure_style import GREY, SERIES_COLOURS, shorten_middle

SELECTED_COLOUR = "#F2B705"
PHONE_WIDTH, CROWDED_NODE_COUNT = 520, 80
"""The width in pixels up to which the graph is drawn top to bottom, and the number of nodes from which they are drawn smaller."""
FAMILY_STYLES: dict[str, tuple[str, str]] = {
    "DataSet": ("circle", SERIES_COLOURS[2]),
    "Image": ("circle", SERIES_COLOURS[6]),
    "Model": ("diamond", SERIES_COLOURS[3]),
    "ModelArtifact": ("diamond", SERIES_COLOURS[3]),
    "TrialComponent": ("roundRect", SERIES_COLOURS[0]),
    "Action": ("triangle", SERIES_COLOURS[4]),
    "ModelPackage": ("rect", SERIES_COLOURS[1]),
    "Context": ("pin", SERIES_COLOURS[5]),
}
"""Shape and colour by family of node."""
FAMILY_LABELS = {
    "DataSet": "Data",
    "Image": "Images",
    "Model": "Models",
    "ModelArtifact": "Models",
    "TrialComponent": "Jobs",
    "Action": "Decisions",
    "ModelPackage": "Versions",
    "Context": "Groups",
}
"""A family's name on the page."""
FAMILY_WORDS = {
    "DataSet": ("data file", "data files"),
    "Image": ("container image", "container images"),
    "Model": ("model", "models"),
    "ModelArtifact": ("model", "models"),
    "TrialComponent": ("job", "jobs"),
    "Action": ("approval record", "approval records"),
    "ModelPackage": ("version", "versions"),
    "Context": ("group", "groups"),
}
FAMILY_WORD_ORDER = list(
    dict.fromkeys(FAMILY_WORDS[name] for name in ("Model", "ModelPackage", "TrialComponent", "DataSet", "Image", "Action", "Context"))
)


def node_family(node_type: str, kind: str) -> str:
    """The family of a lineage node, from its SourceType (``Type``) and its entity (``LineageType``)."""
    for name in ("ModelPackage", "ModelArtifact"):
        if name.lower() in node_type.replace("-", "").lower():
            return name
    if node_type in FAMILY_STYLES:
        return node_type
    if "job" in node_type.lower():
        return "TrialComponent"
    if kind in FAMILY_STYLES:
        return kind
    return {"Artifact": "DataSet"}.get(kind, "Context")


class GraphOption(TypedDict):
    """An ECharts option, as https://echarts.apache.org/en/option.html describes it; ``media``: what a narrow screen gets instead."""

    tooltip: dict[str, object]
    toolbox: dict[str, object]
    legend: list[dict[str, object]]
    series: list[dict[str, object]]
    media: NotRequired[list[dict[str, object]]]


def graph_option(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    selected: str | None = None,
    start: str | None = None,
    top_to_bottom: bool = False,
    size: tuple[int, int] = (640, 500),
) -> GraphOption:
    """An ECharts option; ``nodes``: arn, name, family; ``edges``: source, destination, type. A click gives the node's index.

    Ancestors and descendants of ``selected`` stand out; ``start`` (if it's another one) has a dashed outline. ``top_to_bottom`` lays the
    layers from top to bottom, as happens on a phone anyway. ``size``: the pixels that it will probably have.
    """
    arns = list(nodes["arn"])
    place = layout_nodes(arns, list(zip(edges["source"], edges["destination"], strict=True)))
    related = {selected}.union(*relatives(edges, selected)) if selected else set(arns)
    families = sorted(set(nodes["family"]), key=list(FAMILY_STYLES).index)
    names = list(dict.fromkeys(FAMILY_LABELS[name] for name in families))
    looks = {FAMILY_LABELS[name]: FAMILY_STYLES[name] for name in families}
    layers = sorted({round(x, 2) for x, _ in place.values()})
    long, broad = max(len(layers) - 1, 1), max((y for _, y in place.values()), default=0.0) or 1.0
    width, depth = size[0] - 140, size[1] - 110
    data = []
    for row in nodes.itertuples():
        shape, colour = FAMILY_STYLES[str(row.family)]
        x, y = place[str(row.arn)]
        layer = layers.index(round(x, 2))
        chosen = row.arn == selected
        data.append(
            {
                "id": row.arn,
                "name": row.name,
                "x": width * (y / broad if top_to_bottom else layer / long),
                "y": depth * (layer / long if top_to_bottom else y / broad),
                "symbol": shape,
                "symbolSize": 26 if chosen else 18 if len(arns) <= CROWDED_NODE_COUNT else 11,
                "category": names.index(FAMILY_LABELS[str(row.family)]),
                "itemStyle": {
                    "color": colour,
                    "opacity": 1 if row.arn in related else 0.3,
                    "borderColor": SELECTED_COLOUR if chosen or row.arn == start else colour,
                    "borderWidth": 4 if chosen else 3 if row.arn == start else 1,
                    "borderType": "dashed" if row.arn == start and not chosen else "solid",
                },
                "label": {
                    "show": True,
                    "formatter": "\n".join(shorten_middle(line.removeprefix("governance-"), 22) for line in str(row.name).split(" · ")),
                    "position": "top" if not top_to_bottom and layer % 2 else "bottom",
                    "fontSize": 11,
                    "lineHeight": 13,
                    "opacity": 1 if row.arn in related else 0.4,
                },
            }
        )
    links = [
        {
            "source": edge.source,
            "target": edge.destination,
            "value": edge.type,
            "lineStyle": {
                "opacity": 0.85 if {edge.source, edge.destination} <= related else 0.2,
                "type": "dashed" if edge.type == HIDDEN_EDGE_TYPE else "solid",
            },
        }
        for edge in edges.itertuples()
        if edge.source in place and edge.destination in place
    ]
    option: GraphOption = {
        "tooltip": {"trigger": "item", "formatter": "{b}"},
        "toolbox": {
            "right": 8,
            "feature": {"saveAsImage": {"name": "lineage", "pixelRatio": 2, "title": "PNG"}, "restore": {"title": "Reset"}},
        },
        "legend": [
            {"data": [{"name": name, "icon": looks[name][0]} for name in names], "top": 0, "left": 0, "type": "scroll", "width": "75%"}
        ],
        "series": [
            {
                "type": "graph",
                "layout": "none",
                "data": data,
                "links": links,
                "categories": [{"name": name, "symbol": looks[name][0], "itemStyle": {"color": looks[name][1]}} for name in names],
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
    if not top_to_bottom:
        narrow = graph_option(nodes, edges, selected=selected, start=start, top_to_bottom=True, size=(PHONE_WIDTH - 120, size[1]))[
            "series"
        ][0]["data"]
        option["media"] = [{"query": {"maxWidth": PHONE_WIDTH}, "option": {"series": [{"data": narrow, "left": 40, "right": 40}]}}]
    return option


def relatives_sentence(nodes: pd.DataFrame, edges: pd.DataFrame, selected: str) -> str:
    """How many ancestors and descendants a node has, by family."""
    before, after = relatives(edges, selected)
    name = str(nodes.set_index("arn")["name"].get(selected, selected))
    return f"Of what is shown, {name} came from {_count_by_family(nodes, before)}; {_count_by_family(nodes, after)} came of it."


def _count_by_family(nodes: pd.DataFrame, arns: set[str]) -> str:
    if not arns:
        return "nothing"
    families = [FAMILY_WORDS[name] for name in nodes[nodes["arn"].isin(arns)]["family"]]
    parts = [f"{families.count(word)} {word[families.count(word) != 1]}" for word in FAMILY_WORD_ORDER if word in families]
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]


def edges_table(nodes: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """The graph's edges as a table: from, association, to."""
    names = dict(zip(nodes["arn"], nodes["name"], strict=True))
    return pd.DataFrame(
        {
            "from": [names.get(a, a) for a in edges["source"]],
            "association": list(edges["type"]),
            "to": [names.get(b, b) for b in edges["destination"]],
        }
    )
