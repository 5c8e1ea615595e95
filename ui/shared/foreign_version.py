"""A version that this product did not register: what it lacks, and how to come to one that can be decided on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import imports, registry
from core.governance import elsewhere
from core.registry import Package


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Looking at what it rests on …")
def found(target: str, arn: str, status: str) -> tuple[list[elsewhere.Lack], elsewhere.Way]:
    clients = _session.clients()
    package = registry.get(clients, arn)
    return elsewhere.lacks(clients, package), elsewhere.way(clients, package)


def explain(package: Package) -> None:
    """How it stands, which parts of the evidence are missing and why, and what to do."""
    words = {
        "Approved": "It was **approved outside this product**; no decision is recorded here.",
        "Rejected": "It was **rejected outside this product**; no decision is recorded here.",
    }.get(package.status, "No decision is recorded here.")
    st.info(f"This product did not register {_show.plain(package.label)}. {words}", icon=":material/input:")
    lacks, way = found(_session.target(), package.arn, package.status)
    st.markdown(f"It can't be submitted or approved here as it is. Of what a decision rests on, {len(lacks)} parts are missing:")
    rows = [{"missing": lack.part, "why": _show.plain(lack.why)} for lack in lacks]
    st.table(pd.DataFrame(rows).set_index("missing"), border="horizontal")
    st.markdown(f"**What to do.** {_show.plain(way.words)}")
    with st.container(horizontal=True):
        _show.link(way.page, way.link, **way.query)
        reports(package)


def reports(package: Package) -> None:
    """Links to the reports that it names, as far as they could be read."""
    uris = imports.reported(package.raw)
    bias = next((uris[part] for part in ("bias", "bias after training", "bias before training") if part in uris), None)
    if bias and package.bias:
        _show.link("bias", "Its bias report", report=bias, package=package.arn)
    if package.shap and "explainability" in uris:
        _show.link("explainability", "Its explanation", report=uris["explainability"], package=package.arn)
