"""One version: its state, its history, and what it came from."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.governance import foreign_versions
from core.governance.validity import Validity, check_validity
from core.registry import model_packages, version_registration
from core.registry.registry_types import Package
from core.views.registry import event_history as views
from ui import session
from ui.components import badges, links, markdown, tables
from ui.shared import foreign_version


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def read_validity_without_gates(cache_key: str, arn: str, version_states: tuple[str, ...]) -> Validity:
    """Whether the decision on a version is still valid, without checking its gates; read again when a version's state changes."""
    return check_validity(session.target(), arn, with_gates=False)


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def read_altered_evidence(cache_key: str, arn: str, version_states: tuple[str, ...]) -> list[str]:
    """The reports of a version that have changed since it was registered."""
    return version_registration.list_broken_evidence(session.target(), model_packages.read_package(session.target(), arn))


def show_decision(package: Package, version_states: tuple[str, ...]) -> None:
    """The version's state, and the link to its decision."""
    found = read_validity_without_gates(session.cache_key(), package.arn, version_states)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Decision on {markdown.escape_markdown(package.label)}**")
            badges.show_state(found.label)
        if found.state.history:
            last = found.state.history[-1]
            st.text(f"{views.EVENT_WORDS.get(last.kind, last.kind)} by {last.actor['name']}: {last.body['reason']}")
        for reason in found.void_reasons:
            st.error(f"**The decision is void.** {markdown.escape_markdown(reason)}", icon=":material/gpp_bad:")
        for reason in found.review_reasons:
            st.warning(markdown.escape_markdown(reason), icon=":material/event_repeat:")
        if foreign_versions.is_foreign(found.state):
            foreign_version.explain_foreign_version(package)
            links.page_link("decisions", "Gates and decision", package=package.arn)
            return
        bad = read_altered_evidence(session.cache_key(), package.arn, version_states)
        if bad:
            st.error(f"**The evidence has changed since it was registered: {', '.join(bad)}.**", icon=":material/gpp_bad:")
        else:
            st.caption(":material/verified_user: The reports haven't changed since they were registered (SHA-256).")
        trained = package.properties.get("governance:trained-by-name", "unknown")
        registered = package.properties.get("governance:registered-by-name", "unknown")
        st.caption(markdown.escape_markdown(f"Trained by {trained}, registered by {registered}; neither may decide."))
        links.page_link("decisions", "Gates and decision", package=package.arn)


def show_history(package: Package, version_states: tuple[str, ...]) -> None:
    """Who did what to the version, when and why."""
    found = read_validity_without_gates(session.cache_key(), package.arn, version_states).state
    table = views.events_table(found.history, package.properties, package.created)
    st.markdown(f"{len(table)} entr{'y' if len(table) == 1 else 'ies'}, the newest first; each decision is an event in the signed log.")
    wide = st.column_config.TextColumn(width="large")
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={**tables.TIME_COLUMNS, "rationale": wide},
        alt="History of the version: when, what, who and why",
    )
    if found.conditions:
        st.subheader("Conditions")
        rows = [{"condition": c.text, "owner": c.owner, "due": c.due, "met by": c.met_by or "not yet"} for c in found.conditions]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Conditions of the approval")
    shown = table.assign(when=table["when"].dt.strftime("%Y-%m-%d %H:%M:%S UTC"))
    with st.container(horizontal=True):
        tables.csv_download_button(
            "History as CSV", f"{package.group}-v{package.version}-history", shown.columns, shown.itertuples(index=False)
        )
        links.page_link("decisions", "The whole log", package=package.arn)


def show_source_links(package: Package) -> None:
    """Links to everything that the version came from."""
    with st.container(horizontal=True):
        if not package.properties.get("governance:bias-job"):
            foreign_version.show_report_links(package)
        links.page_link("lineage", "Lineage", package=package.arn)
        places = {
            "training-job": ("tuning", "Training job", "training"),
            "rebalanced": ("data", "Data", "job"),
            "bias-job": ("bias", "Bias report", "job"),
            "shap-job": ("explainability", "Explanation", "job"),
        }
        for key, (page, label, query) in places.items():
            job = package.training_job if key == "training-job" else package.properties.get(f"governance:{key}")
            if job and not (key == "training-job" and "training job" in package.missing):
                links.page_link(page, label, **{query: job})
        links.page_link("decisions", "Decisions", package=package.arn)
