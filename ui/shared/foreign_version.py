"""A version that this product did not register: what it lacks, and how to get to one that can be decided on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.governance import foreign_versions
from core.registry import model_packages
from core.registry.registry_types import Package
from core.reports import imported_reports
from ui import session
from ui.components import links, markdown


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Checking its evidence …")
def read_missing_evidence(
    cache_key: str, arn: str, status: str
) -> tuple[list[foreign_versions.MissingPart], foreign_versions.PathToDecision]:
    """What a version lacks, and how to get to one that can be decided on; read again when its status changes."""
    target = session.target()
    package = model_packages.read_package(target, arn)
    return foreign_versions.list_missing_parts(target, package), foreign_versions.find_path_to_decision(target, package)


def explain_foreign_version(package: Package) -> None:
    """Show its status, which evidence is missing and why, and what to do."""
    words = {
        "Approved": "It was **approved outside this product**; no decision is recorded here.",
        "Rejected": "It was **rejected outside this product**; no decision is recorded here.",
    }.get(package.status, "No decision is recorded here.")
    st.info(f"This product did not register {markdown.escape_markdown(package.label)}. {words}", icon=":material/input:")
    lacks, way = read_missing_evidence(session.cache_key(), package.arn, package.status)
    st.markdown(f"It can't be submitted or approved here as it is. Evidence that a decision needs is missing ({len(lacks)}):")
    rows = [{"missing": lack.part, "why": markdown.escape_markdown(lack.reason)} for lack in lacks]
    st.table(pd.DataFrame(rows).set_index("missing"), border="horizontal")
    st.markdown(f"**What to do.** {markdown.escape_markdown(way.explanation)}")
    with st.container(horizontal=True):
        links.reference_link(way.reference, way.label)
        show_report_links(package)


def show_report_links(package: Package) -> None:
    """Links to the reports that the version names and that could be read."""
    uris = imported_reports.report_uris(package.raw)
    bias = next((uris[part] for part in ("bias", "bias after training", "bias before training") if part in uris), None)
    if bias and package.bias:
        links.page_link("bias", "Its bias report", report=bias, package=package.arn)
    if package.shap and "explainability" in uris:
        links.page_link("explainability", "Its explanation", report=uris["explainability"], package=package.arn)
