"""The lineage graph and the chosen node: picture, table, details, links, downloads."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict

import pandas as pd
import streamlit as st

from core.errors import GovernanceError
from core.lineage import lineage_graph
from core.views.lineage import graph_layout, node_names
from core.views.lineage import lineage_picture as views
from ui import navigation, session
from ui.components import links, markdown

MAX_NODES = 100
"""Nodes drawn at a time."""


@st.cache_data(ttl="2m", max_entries=128, show_spinner=False)
def read_facts(cache_key: str, arn: str) -> dict[str, str | float | datetime.datetime]:
    """What is recorded about a node."""
    return lineage_graph.read_facts(session.target(), arn)


def node_name_or_id(arn: str) -> str:
    """The name of a node that the URL names; the end of its ARN if it can't be read, which the graph reports."""
    try:
        return _read_node_name(arn)
    except GovernanceError:
        return arn.rpartition("/")[2]


@st.cache_data(ttl="10m", max_entries=64, show_spinner=False)
def _read_node_name(arn: str) -> str:
    node = lineage_graph.read_graph(session.target(), arn, hops=0, max_nodes=1).nodes[0]
    return node_names.readable_node_name(node.name, node.uri, node.kind)


def open_at_node(arn: str) -> None:
    """Draw the graph around another node, with the same hops and direction."""
    kept = {name: st.query_params[name] for name in ("hops", "direction") if name in st.query_params}
    links.set_query(arn=arn, **kept)
    st.rerun()


def node_and_edge_tables(graph: lineage_graph.Graph) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Nodes and edges as tables, the start first."""
    ordered = sorted(graph.nodes, key=lambda node: node.arn != graph.start)
    nodes = pd.DataFrame([asdict(node) | {"family": views.node_family(node.kind, node.type)} for node in ordered])
    nodes["name"] = [node_names.readable_node_name(n.name, n.uri, n.kind) for n in ordered]
    edges = pd.DataFrame([asdict(edge) for edge in graph.edges], columns=["source", "destination", "association"])
    return nodes, edges.rename(columns={"association": "type"})


def show_graph(graph: lineage_graph.Graph) -> None:
    """The graph with its filter and layout, the chosen node, and downloads."""
    nodes, edges = node_and_edge_tables(graph)
    labels = nodes["family"].map(views.FAMILY_LABELS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        families = st.multiselect("Show only", list(dict.fromkeys(labels)), placeholder="All kinds", key="families")
        across = st.radio("Layout", ["Across", "Down"], horizontal=True, key="layout") == "Across"
    picked = st.query_params.get("node", graph.start)
    nodes = nodes[labels.isin(families or set(labels)) | nodes["arn"].isin([graph.start, picked])].reset_index(drop=True)
    edges = graph_layout.bridge_hidden_nodes(edges, set(nodes["arn"]))
    picked = picked if picked in set(nodes["arn"]) else graph.start
    total = f"{graph.total:,}" if graph.is_total_exact else f"more than {graph.total:,}"
    st.caption(
        f"{len(nodes)} of {total} nodes shown. Click a node, or choose it next to the graph, to see what it was made from and "
        "what was made from it."
    )
    left, right = st.columns([7, 3], gap="medium")
    with left:
        show_graph_chart(graph.start, nodes, edges, picked, down=not across)
        with st.expander("As a table", icon=":material/table:"):
            st.dataframe(views.edges_table(nodes, edges), hide_index=True, alt="Edges of the lineage graph")
            st.dataframe(nodes.drop(columns="family"), hide_index=True, alt="Nodes of the lineage graph")
    with right:
        show_node_details(graph, nodes, edges, picked)
        show_downloads(graph, nodes, edges)


def show_graph_chart(start: str, nodes: pd.DataFrame, edges: pd.DataFrame, picked: str, *, down: bool) -> None:
    """The graph as a picture; clicking a node chooses it."""
    if st.session_state.get("lineage-node") != picked:  # chosen outside the picture: reset the picture's own selection
        st.session_state["lineage-node"] = picked
        st.session_state["lineage-turn"] = st.session_state.get("lineage-turn", 0) + 1
    key, arns = f"graph-{start}-{st.session_state['lineage-turn']}", list(nodes["arn"])

    def clicked() -> None:
        groups = st.session_state[key]["selection"]["selected"]
        found = [arns[i] for group in groups if group["data_type"] == "node" for i in group["data_indices"] if i < len(arns)]
        st.session_state["lineage-node"] = found[0] if found else start
        st.query_params["node"] = st.session_state["lineage-node"]

    words = views.relatives_sentence(nodes, edges, picked)
    height = graph_layout.graph_height(arns, list(zip(edges["source"], edges["destination"], strict=True)), top_to_bottom=down)
    st.echarts_chart(
        views.graph_option(nodes, edges, selected=picked, start=start, top_to_bottom=down, size=(640, height)),
        height=height,
        on_select=clicked,
        key=key,
        alt=f"Lineage graph of {len(nodes)} nodes. {words}",
    )
    st.markdown(markdown.escape_markdown(words))


def show_node_details(graph: lineage_graph.Graph, nodes: pd.DataFrame, edges: pd.DataFrame, picked: str) -> None:
    """The chosen node: its type, links to its pages, and what is recorded about it."""
    names = dict(zip(nodes["arn"], nodes["name"], strict=True))
    with st.container(border=True):
        arn = links.url_selectbox("node", list(names), "Node", format_func=names.__getitem__)
        node = next(node for node in graph.nodes if node.arn == arn)
        st.caption(f"{views.FAMILY_LABELS[views.node_family(node.kind, node.type)]}: {node.kind}, {node.type}")
        with st.container(horizontal=True):
            if arn != graph.start and st.button("Start here", icon=navigation.PAGE_ICONS["lineage"]):
                open_at_node(arn)
            opened = node_names.node_references(node.kind, node.name, node.uri)
            if node.type == "Action" and not opened:
                judged = [
                    n for n in graph.nodes if ":model-package/" in n.uri and n.arn in set(edges[edges["source"] == arn]["destination"])
                ]
                opened = [link for other in judged[:1] for link in node_names.node_references(other.kind, other.name, other.uri)]
            for reference, label in opened:
                links.reference_link(reference, label)
        known = {"URI": node.uri} | read_facts(session.cache_key(), arn) | {"ARN": arn}
        rows = [
            (name, f"{v.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC" if isinstance(v, datetime.datetime) else str(v))
            for name, v in known.items()
            if v
        ]
        table = pd.DataFrame(rows, columns=["what", "value"])
        st.dataframe(table, hide_index=True, height=min(38 + 35 * len(rows), 330), alt=f"What is recorded about {names[arn]}")


def show_downloads(graph: lineage_graph.Graph, nodes: pd.DataFrame, edges: pd.DataFrame) -> None:
    """Downloads of what is shown, for other programs. The picture has a download button of its own."""

    def plain() -> bytes:
        kept = {"nodes": nodes.drop(columns="family").to_dict("records"), "edges": edges.to_dict("records")}
        return json.dumps({"start": graph.start, **kept, "total": graph.total, "total_is_exact": graph.is_total_exact}, indent=1).encode()

    def events() -> bytes:
        from core.lineage import openlineage

        return openlineage.to_ndjson(openlineage.build_events(session.target(), graph))

    def table() -> bytes:
        from core.safe_csv import safe_csv_bytes

        rows = views.edges_table(nodes, edges)
        return safe_csv_bytes(rows.columns, rows.itertuples(index=False))

    with st.container(horizontal=True):
        for label, content, file, mime, tip in (
            ("JSON", plain, "lineage.json", "application/json", "The nodes and edges shown."),
            (
                "OpenLineage",
                events,
                "lineage.ndjson",
                "application/x-ndjson",
                "Every job of the graph as a run event, one per line; filters don't apply.",
            ),
            ("CSV", table, "lineage.csv", "text/csv", "The edges shown."),
        ):
            st.download_button(label, content, file, mime, icon=":material/download:", on_click="ignore", help=tip, key=f"save-{label}")
