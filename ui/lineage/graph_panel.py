"""The lineage graph with the node that was clicked: picture, table, details, links, downloads."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import lineage
from core.errors import GovernanceError
from core.views import lineage as views

MOST = 100
"""Nodes drawn at a time."""


@st.cache_data(ttl="2m", max_entries=128, show_spinner=False)
def facts(target: str, arn: str) -> dict[str, Any]:
    return lineage.facts(_session.clients(), arn)


@st.cache_data(ttl="10m", max_entries=64, show_spinner=False)
def called(arn: str) -> str:
    """A node's name, for one that a link names."""
    try:
        node = lineage.graph(_session.clients(), arn, hops=0, most=1).nodes[0]
    except GovernanceError:
        return arn.rpartition("/")[2]
    return views.readable(node.name, node.uri, node.kind)


def begin(arn: str) -> None:
    """Draw the graph around another node, as far and in the direction as now."""
    kept = {name: st.query_params[name] for name in ("hops", "direction") if name in st.query_params}
    _show.at(arn=arn, **kept)
    st.rerun()


def frames(shown: lineage.Graph) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes and edges as tables, the start first."""
    ordered = sorted(shown.nodes, key=lambda node: node.arn != shown.start)
    nodes = pd.DataFrame([asdict(node) | {"family": views.family(node.kind, node.type)} for node in ordered])
    nodes["name"] = [views.readable(n.name, n.uri, n.kind) for n in ordered]
    edges = pd.DataFrame([asdict(edge) for edge in shown.edges], columns=["source", "destination", "association"])
    return nodes, edges.rename(columns={"association": "type"})


def draw(shown: lineage.Graph) -> None:
    nodes, edges = frames(shown)
    labels = nodes["family"].map(views.LABELS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        families = st.multiselect("Show only", list(dict.fromkeys(labels)), placeholder="All kinds", key="families")
        across = st.radio("Layout", ["Across", "Down"], horizontal=True, key="layout") == "Across"
    picked = st.query_params.get("node", shown.start)
    nodes = nodes[labels.isin(families or set(labels)) | nodes["arn"].isin([shown.start, picked])].reset_index(drop=True)
    edges = views.bridged(edges, set(nodes["arn"]))
    picked = picked if picked in set(nodes["arn"]) else shown.start
    total = f"{shown.total:,}" if shown.exact else f"more than {shown.total:,}"
    st.caption(
        f"{len(nodes)} of {total} nodes shown. Click a node, or choose it beside the graph, for what it came from and what came of it."
    )
    left, right = st.columns([7, 3], gap="medium")
    with left:
        picture(shown.start, nodes, edges, picked, down=not across)
        with st.expander("As a table", icon=":material/table:"):
            st.dataframe(views.table(nodes, edges), hide_index=True, alt="Edges of the lineage graph")
            st.dataframe(nodes.drop(columns="family"), hide_index=True, alt="Nodes of the lineage graph")
    with right:
        details(shown, nodes, edges, picked)
        downloads(shown, nodes, edges)


def picture(start: str, nodes: pd.DataFrame, edges: pd.DataFrame, picked: str, *, down: bool) -> None:
    if st.session_state.get("lineage-node") != picked:  # chosen elsewhere than in the picture: its own selection begins anew
        st.session_state["lineage-node"] = picked
        st.session_state["lineage-turn"] = st.session_state.get("lineage-turn", 0) + 1
    key, arns = f"graph-{start}-{st.session_state['lineage-turn']}", list(nodes["arn"])

    def clicked() -> None:
        groups = st.session_state[key]["selection"]["selected"]
        found = [arns[i] for group in groups if group["data_type"] == "node" for i in group["data_indices"] if i < len(arns)]
        st.session_state["lineage-node"] = found[0] if found else start
        st.query_params["node"] = st.session_state["lineage-node"]

    words = views.in_words(nodes, edges, picked)
    height = views.height(arns, list(zip(edges["source"], edges["destination"], strict=True)), down=down)
    st.echarts_chart(
        views.graph(nodes, edges, selected=picked, start=start, down=down, size=(640, height)),
        height=height,
        on_select=clicked,
        key=key,
        alt=f"Lineage graph of {len(nodes)} nodes. {words}",
    )
    st.markdown(_show.plain(words))


def details(shown: lineage.Graph, nodes: pd.DataFrame, edges: pd.DataFrame, picked: str) -> None:
    names = dict(zip(nodes["arn"], nodes["name"], strict=True))
    with st.container(border=True):
        arn = _show.chosen("node", list(names), "Node", format_func=names.__getitem__)
        node = next(node for node in shown.nodes if node.arn == arn)
        st.caption(f"{views.LABELS[views.family(node.kind, node.type)]}: {node.kind}, {node.type}")
        with st.container(horizontal=True):
            if arn != shown.start and st.button("Start here", icon=_show.ICONS["lineage"]):
                begin(arn)
            opened = views.links(node.kind, node.name, node.uri)
            if node.type == "Action" and not opened:
                judged = [
                    n for n in shown.nodes if ":model-package/" in n.uri and n.arn in set(edges[edges["source"] == arn]["destination"])
                ]
                opened = [link for other in judged[:1] for link in views.links(other.kind, other.name, other.uri)]
            for page, words, query in opened:
                _show.link(page, words, **query)
        known = {"URI": node.uri} | facts(_session.target(), arn) | {"ARN": arn}
        rows = [
            (name, f"{v.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC" if isinstance(v, datetime.datetime) else str(v))
            for name, v in known.items()
            if v
        ]
        table = pd.DataFrame(rows, columns=["what", "value"])
        st.dataframe(table, hide_index=True, height=min(38 + 35 * len(rows), 330), alt=f"What is recorded about {names[arn]}")


def downloads(shown: lineage.Graph, nodes: pd.DataFrame, edges: pd.DataFrame) -> None:
    """What is shown, for other programs. The picture is saved from its own toolbar."""

    def plain() -> bytes:
        kept = {"nodes": nodes.drop(columns="family").to_dict("records"), "edges": edges.to_dict("records")}
        return json.dumps({"start": shown.start, **kept, "total": shown.total, "total_is_exact": shown.exact}, indent=1).encode()

    def events() -> bytes:
        from core import openlineage

        return openlineage.to_ndjson(openlineage.events(_session.clients(), shown))

    def table() -> bytes:
        from core.governance import pack

        rows = views.table(nodes, edges)
        return pack.table(rows.columns, rows.itertuples(index=False))

    with st.container(horizontal=True):
        for label, content, file, mime, tip in (
            ("JSON", plain, "lineage.json", "application/json", "The nodes and edges shown."),
            (
                "OpenLineage",
                events,
                "lineage.ndjson",
                "application/x-ndjson",
                "Every job of the graph, filters aside, as run events, one a line.",
            ),
            ("CSV", table, "lineage.csv", "text/csv", "The edges shown."),
        ):
            st.download_button(label, content, file, mime, icon=":material/download:", on_click="ignore", help=tip, key=f"save-{label}")
