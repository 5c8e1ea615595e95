"""Lineage: which data, jobs and decisions a model came from, and what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import datasets, lineage, registry
from core.errors import NotFound
from core.views import lineage as views

ICON = _show.ICONS["lineage"]


@st.cache_data(ttl="2m", max_entries=32, show_spinner="Following the lineage …")
def graph(target: str, arn: str, hops: int, direction: str) -> lineage.Graph:
    return lineage.graph(_session.clients(), arn, hops=hops, direction=direction)


@st.cache_data(ttl="1m", max_entries=8, show_spinner=False)
def starts(target: str) -> dict[str, str]:
    """Where one may begin: ARN of the node -> how it's called; versions first, then data sets."""
    clients = _session.clients()
    named = [
        (version.arn, f"{version.group} v{version.version} · {version.description.partition(':')[0]}")
        for version in registry.versions(clients)
    ]
    named += [(dataset.uri, f"Data set {dataset.name}") for dataset in datasets.list_datasets(clients)]
    found = [(lineage.artifact_of(clients, uri), label) for uri, label in named]
    return {arn: label for arn, label in found if arn}


def asked() -> str | None:
    """The node that the link names: by ?arn=, or by ?uri= or ?package= of what it stands for."""
    uri = st.query_params.get("uri") or st.query_params.get("package")
    if uri is None:
        return st.query_params.get("arn")
    arn = lineage.artifact_of(_session.clients(), uri)
    if arn is None:
        raise NotFound(f"Nothing is recorded about {uri} yet.", subject=uri, remedy="Train on it or register it first.")
    _show.at(arn=arn)
    return arn


def details(node: lineage.Node, start: str) -> None:
    with st.container(border=True):
        st.markdown(f"**{views.readable(node.name, node.uri)}**")
        st.caption(f"{node.type}, {node.kind}")
        st.caption(f"`{node.arn}`")
        if node.uri:
            st.caption(f"`{node.uri}`")
        with st.container(horizontal=True):
            if node.arn != start and st.button("Start here", icon=ICON):
                _show.at(arn=node.arn)
                st.rerun()
            if ":model-package/" in node.uri:
                _show.link("registry", "Registry", package=node.uri)
            if "/governance/rebalanced/" in node.uri:
                _show.link("data", "Rebalancing", job=node.uri.rpartition("/governance/rebalanced/")[2].partition("/")[0])
            if node.kind == "TrainingJob":
                _show.link("tuning", "Training job", training=node.name.removesuffix("-aws-training-job"))


def draw(shown: lineage.Graph) -> None:
    nodes = pd.DataFrame([asdict(node) | {"family": views.family(node.kind, node.type)} for node in shown.nodes])
    nodes["name"] = [views.readable(name, uri) for name, uri in zip(nodes["name"], nodes["uri"], strict=True)]
    families = sorted(set(nodes["family"]))
    kept = st.session_state.get("kept") or families
    nodes = nodes[nodes["family"].isin(kept) | (nodes["arn"] == shown.start)].reset_index(drop=True)
    edges = pd.DataFrame([asdict(edge) for edge in shown.edges], columns=["source", "destination", "association"]).rename(
        columns={"association": "type"}
    )
    edges = edges[edges["source"].isin(nodes["arn"]) & edges["destination"].isin(nodes["arn"])]
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Filter", icon=":material/filter_alt:"):
            st.pills("Show only", families, selection_mode="multi", key="kept")
        st.caption(f"{len(nodes)} of {shown.total} nodes shown. Click a node for its details; the outlined one is the start.")
    left, right = st.columns([3, 1], gap="medium")
    with left:
        down = st.session_state.get("layout") == "Down"
        picture = views.graph(nodes, edges, selected=shown.start, down=down)
        clicked = st.echarts_chart(
            picture,
            height=views.height(nodes["arn"].tolist(), list(zip(edges["source"], edges["destination"], strict=True)), down=down),
            on_select="rerun",
            key=f"graph-{shown.start}",
            alt=f"Lineage of {shown.start}",
        )
        with st.expander("As a table", icon=":material/table:"):
            st.dataframe(views.table(nodes, edges), hide_index=True, alt="Edges of the lineage graph")
            st.dataframe(nodes.drop(columns="family"), hide_index=True, alt="Nodes of the lineage graph")
    with right:
        picked = [i for group in clicked["selection"]["selected"] if group["data_type"] == "node" for i in group["data_indices"]]
        arn = nodes["arn"].iloc[picked[0]] if picked and picked[0] < len(nodes) else shown.start
        details(next(node for node in shown.nodes if node.arn == arn), shown.start)
        content = {
            "start": shown.start,
            "nodes": [asdict(n) for n in shown.nodes],
            "edges": [asdict(e) for e in shown.edges],
            "total": shown.total,
        }
        st.download_button(
            "JSON", json.dumps(content, indent=1), "lineage.json", "application/json", icon=":material/download:", on_click="ignore"
        )


st.title("Lineage")
with _show.errors_shown(stop=True):
    wanted, known = asked(), starts(_session.target())
if not known and wanted is None:
    _show.empty(
        "Nothing is recorded yet: lineage appears with the first training job and the first version.", "overview", "To the overview"
    )
    st.stop()
options = known if wanted is None or wanted in known else {wanted: wanted.rpartition("/")[2], **known}
one, two, three, four = st.columns([4, 3, 3, 2])
with one:
    arn = _show.chosen("arn", list(options), "Start", format_func=options.__getitem__)
words = {"Both": "Ancestors and descendants", "Ascendants": "Ancestors", "Descendants": "Descendants"}
direction = two.selectbox("Direction", list(words), format_func=words.__getitem__)
hops = three.slider("Hops", 1, 10, 2)
four.segmented_control("Layout", ["Across", "Down"], default="Across", required=True, key="layout")
with _show.errors_shown():
    draw(graph(_session.target(), arn, hops, direction))
