"""Where the lineage graph starts (from the URL, a list or a search), and how far it goes."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.data import datasets
from core.errors import NotFound
from core.lineage import lineage_graph, lineage_search
from core.registry import model_packages
from core.views.lineage import node_names
from ui import session
from ui.components import links
from ui.lineage import graph_panel

Direction = Literal["Both", "Ascendants", "Descendants"]
DIRECTION_LABELS: dict[Direction, str] = {"Both": "Ancestors and descendants", "Ascendants": "Ancestors", "Descendants": "Descendants"}


@st.cache_data(ttl="2m", max_entries=32, show_spinner="Following the lineage …")
def read_graph(cache_key: str, arn: str, hops: int, direction: Direction) -> lineage_graph.Graph:
    """The graph around a node, cached for two minutes."""
    return lineage_graph.read_graph(session.target(), arn, hops=hops, direction=direction, max_nodes=graph_panel.MAX_NODES)


@st.cache_data(ttl="1m", max_entries=8, show_spinner=False)
def list_start_nodes(cache_key: str) -> dict[str, str]:
    """Nodes to start from: ARN -> label; the newest versions, then data sets."""
    target = session.target()
    versions = {v.arn: f"{v.label} · {v.role}" if v.role else v.label for v in model_packages.list_own_versions(target, max_results=20)}
    data = {dataset.uri: f"Data set {dataset.name}" for dataset in datasets.list_datasets(target)[:20]}
    found: dict[str, str] = {}
    for kind, named in (("ModelPackage", versions), ("DataSet", data)):
        if named:
            found |= {arn: named[uri] for uri, arn in lineage_graph.find_artifact_arns(target, list(named), kind).items()}
    return found


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Searching …")
def search_nodes(cache_key: str, text: str) -> lineage_search.SearchResult:
    """Nodes with ``text`` in their name, cached for a minute."""
    return lineage_search.find_nodes(session.target(), text)


def node_from_url() -> str | None:
    """The node that the URL names: by ?arn=, or by the ?uri= or ?package= that it represents."""
    uri = st.query_params.get("uri") or st.query_params.get("package")
    if uri is None:
        arn = st.query_params.get("arn")
        if arn is not None and not arn.startswith("arn:"):
            raise NotFound(f"The link names {arn}, which isn't the ARN of a node.", resource=arn, hint="Choose one from the list.")
        return arn
    arn = lineage_graph.find_artifact_arn(session.target(), uri)
    if arn is None:
        raise NotFound(f"Nothing is recorded about {uri} yet.", resource=uri, hint="Train on it or register it first.")
    links.set_query(arn=arn)
    return arn


def search_form() -> None:
    """Search for a node by a part of its name, and start there."""
    text = st.text_input(
        "Search", key="search", placeholder="a part of a name or URI", help="Data, models, jobs, versions, decisions: old ones too."
    )
    if text:
        found = search_nodes(session.cache_key(), text)
        names = {node.arn: f"{node_names.readable_node_name(node.name, node.uri, node.kind)} ({node.kind})" for node in found.nodes}
        if not names:
            st.caption(
                "No node has this in its name."
                if found.is_complete
                else "None of the newest nodes has this in its name; try the whole URI."
            )
            return
        words = f"{len(names)} found" if found.is_complete else f"the newest {len(names)} of those found"
        arn = st.selectbox(
            "Start at", list(names), index=None, format_func=names.__getitem__, placeholder=words, key=f"found-{text}", width="stretch"
        )
        if arn is not None and arn != st.query_params.get("arn"):
            graph_panel.open_at_node(arn)


def hops_slider() -> int:
    """The slider of hops, whose value is in the URL's ?hops=."""
    text = st.query_params.get("hops", "2")
    here = min(max(int(text), 1), 10) if text.isdecimal() else 2
    hops = st.slider("Hops", 1, 10, here, key=f"hops-{here}", help="How many steps from the start are shown.")
    if hops != here:
        st.query_params["hops"] = str(hops)
        st.rerun()
    return hops


def select_direction() -> Direction:
    """Choose in which direction the graph goes; the choice is in the URL's ?direction=."""
    chosen = links.url_selectbox("direction", [*DIRECTION_LABELS], "Direction", format_func=dict(DIRECTION_LABELS).__getitem__)
    return next(direction for direction in DIRECTION_LABELS if direction == chosen)
