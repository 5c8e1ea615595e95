"""One version: its state, gates and history, and what the signed-in person may do."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.aws.read_snapshot import ReadSnapshot
from core.governance import foreign_versions, gates, policy
from core.governance.dossier import evidence_pack
from core.governance.gate_results import GateResult
from core.governance.validity import Validity, apply_waivers, check_validity
from core.governance.version_under_review import read_version
from core.jobs.jobs import Job
from ui import session
from ui.components import badges, links, markdown, tables
from ui.decisions import changes_panel, decision_facts, decision_form, gate_lines, log_tab, reproduction_panel
from ui.shared import foreign_version


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Checking evidence and gates …")
def read_validity(cache_key: str, arn: str, head: int, rules: str, made_again: str, _snapshot: ReadSnapshot) -> Validity:
    """Whether the decision on a version is still valid; ``head`` (the number of events in the log), ``rules`` (the policy's SHA-256) and
    ``made_again`` (``job_mark``) are part of the cache key."""
    return check_validity(_snapshot, arn)


@st.cache_data(ttl="5m", max_entries=32, show_spinner="Checking the gates …")
def read_gate_results(
    cache_key: str, arn: str, profile: str, head: int, rules: str, made_again: str, _snapshot: ReadSnapshot
) -> list[GateResult]:
    """The gates of a version, with its waivers applied; ``head``, ``rules`` (the policy's SHA-256) and ``made_again`` (``job_mark``)
    are part of the cache key."""
    version = read_version(_snapshot, arn)
    return apply_waivers(gates.judge_version(version, version.rules.profiles[profile]).results, version.state)


def job_mark(newest: Job | None) -> str:
    """What a cache's key has of the newest job that made a version again: a gate may ask for its result."""
    return f"{newest.name} {newest.status}" if newest else ""


def show_version_panel(validity: Validity, rules: policy.Policy, newest: Job | None, snapshot: ReadSnapshot) -> None:
    """Draw the version: its state, its gates, and what the signed-in person may do. ``newest``: the newest job that makes or made it
    again."""
    state, package = validity.state, validity.package
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(package.label)
        badges.show_state(validity.label)
    for reason in validity.void_reasons:
        st.error(f"**This decision is void.** {markdown.escape_markdown(reason)}", icon=":material/gpp_bad:")
    for reason in validity.review_reasons:
        st.warning(markdown.escape_markdown(reason), icon=":material/event_repeat:")
    if foreign_versions.is_foreign(state):
        foreign_version.explain_foreign_version(package)
        _show_version_links(validity)
        return
    if state.evidence and not validity.void_reasons:
        st.caption(f":material/verified_user: The evidence is pinned, SHA-256 `{state.evidence}`. No file has changed since then.")
    if state.evidence and state.has_older_evidence:
        st.caption(
            ":material/history: Older evidence: it was submitted to an earlier version of the product, and is judged by that one's rules."
        )
    profile = state.profile or _choose_profile(rules.rules_for(package.group).profiles)
    decision_facts.show_facts(package, state, rules, profile)
    if profile in rules.profiles:
        judged = validity.gate_results if profile == state.profile else None
        keys = (profile, state.last_event, rules.sha256, job_mark(newest))
        results = list(judged or read_gate_results(session.cache_key(), package.arn, *keys, snapshot))
        gate_lines.show_gates(results, package)
    else:
        results = []
        st.warning(f"The policy in force has no profile {markdown.escape_markdown(profile)}.", icon=":material/warning:")
    changes_panel.show_changes(package, snapshot)
    reproduction_panel.show_reproduction(package, state, newest, snapshot)
    decision_form.show_decision_form(package, state, results, rules, profile)
    if state.history:
        st.markdown("**History**")
        st.dataframe(log_tab.events_table(state.history), hide_index=True, column_config=tables.TIME_COLUMNS, alt="Events of this version")
    _show_version_links(validity)


def _choose_profile(allowed: tuple[str, ...]) -> str:
    """The profile that the policy sets for the version's group, or one of those among which it leaves the choice."""
    if len(allowed) > 1:
        return links.url_selectbox("profile", list(allowed), "Profile of the policy")
    return allowed[0]


def _show_version_links(validity: Validity) -> None:
    """Links to the version on other pages, and the download of its evidence."""
    state, package = validity.state, validity.package
    with st.container(horizontal=True, vertical_alignment="center"):
        links.page_link("registry", "Registry", package=package.arn)
        links.page_link("lineage", "Lineage", package=package.arn)
        if state.evidence and session.is_allowed("export"):
            st.download_button(
                "Evidence pack",
                partial(evidence_pack.build_zip, session.target(), session.identity(), package.arn),
                f"evidence-{package.group}-v{package.version}.zip",
                "application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
            )
