"""Lineage: which data, jobs and decisions a model came from, and what came of it."""

from __future__ import annotations

import streamlit as st

from app_pages import _lineage, _session, _show
from core import datasets, lineage, lineage_search, registry
from core.errors import NotFound
from core.views import lineage as views

WORDS = {"Both": "Ancestors and descendants", "Ascendants": "Ancestors", "Descendants": "Descendants"}


@st.cache_data(ttl="2m", max_entries=32, show_spinner="Following the lineage …")
def graph(target: str, arn: str, hops: int, direction: str) -> lineage.Graph:
    return lineage.graph(_session.clients(), arn, hops=hops, direction=direction, most=_lineage.MOST)


@st.cache_data(ttl="1m", max_entries=8, show_spinner=False)
def starts(target: str) -> dict[str, str]:
    """Where one may begin: ARN of the node -> how it's called; the newest versions, then data sets."""
    clients = _session.clients()
    versions = {v.arn: f"{v.label} · {v.role}" if v.role else v.label for v in registry.versions(clients, most=20)}
    data = {dataset.uri: f"Data set {dataset.name}" for dataset in datasets.list_datasets(clients)[:20]}
    found: dict[str, str] = {}
    for kind, named in (("ModelPackage", versions), ("DataSet", data)):
        if named:
            found |= {arn: named[uri] for uri, arn in lineage.artifacts_of(clients, list(named), kind).items()}
    return found


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Searching …")
def search(target: str, text: str) -> lineage_search.Search:
    return lineage_search.find(_session.clients(), text)


def asked() -> str | None:
    """The node that the link names: by ?arn=, or by ?uri= or ?package= of what it stands for."""
    uri = st.query_params.get("uri") or st.query_params.get("package")
    if uri is None:
        arn = st.query_params.get("arn")
        if arn is not None and not arn.startswith("arn:"):
            raise NotFound(f"The link names {arn}, which is no node.", subject=arn, remedy="Choose one from the list.")
        return arn
    arn = lineage.artifact_of(_session.clients(), uri)
    if arn is None:
        raise NotFound(f"Nothing is recorded about {uri} yet.", subject=uri, remedy="Train on it or register it first.")
    _show.at(arn=arn)
    return arn


def searched() -> None:
    """Find any entity by a part of its name, and begin there."""
    text = st.text_input(
        "Search", key="search", placeholder="a part of a name or URI", help="Data, models, jobs, versions, decisions: old ones too."
    )
    if text:
        found = search(_session.target(), text)
        names = {node.arn: f"{views.readable(node.name, node.uri, node.kind)} ({node.kind})" for node in found.nodes}
        if not names:
            st.caption("Nothing has this in its name." if found.whole else "None of the newest has this in its name; try the whole URI.")
            return
        words = f"{len(names)} found" if found.whole else f"the newest {len(names)} of those found"
        arn = st.selectbox(
            "Begin at", list(names), index=None, format_func=names.__getitem__, placeholder=words, key=f"found-{text}", width="stretch"
        )
        if arn is not None and arn != st.query_params.get("arn"):
            _lineage.begin(arn)


def hops_chosen() -> int:
    """The slider in step with ?hops=."""
    text = st.query_params.get("hops", "2")
    here = min(max(int(text), 1), 10) if text.isdecimal() else 2
    hops = st.slider("Hops", 1, 10, here, key=f"hops-{here}", help="How many steps from the start are shown.")
    if hops != here:
        st.query_params["hops"] = str(hops)
        st.rerun()
    return hops


st.title("Lineage")
known: dict[str, str] | None = None
with _show.errors_shown(stop=True):
    wanted = asked()
with _show.errors_shown():
    known = starts(_session.target())
if known == {} and wanted is None:
    _show.empty(
        "Nothing is recorded yet: lineage appears with the first training job and the first version.", "overview", "To the overview"
    )
    st.stop()
one, two, three, four = st.columns([4, 3, 3, 2])
with two, _show.errors_shown():
    searched()
if not known and wanted is None:
    st.stop()
with one:
    known = known or {}
    options = known if wanted is None or wanted in known else {wanted: _lineage.called(wanted), **known}
    arn = _show.chosen("arn", list(options), "Start", format_func=options.__getitem__)
with three:
    direction = _show.chosen("direction", list(WORDS), "Direction", format_func=WORDS.__getitem__)
with four:
    hops = hops_chosen()
with _show.errors_shown():
    _lineage.draw(graph(_session.target(), arn, hops, direction))
