"""How one version stands: its state, its gates, its history, and what who is signed in may do."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from app_pages import _book, _decide, _elsewhere, _session, _show
from core import registry
from core.governance import decisions, elsewhere, gates, pack, policy
from core.governance.decisions import Standing

OUTCOMES = {
    "pass": ("pass", "✓ pass"),
    "fail": ("fail", "✗ fail"),
    "not computable": ("can't be computed", "? not computable"),
    "waived": ("are waived", "~ waived"),
}


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Looking at evidence and gates …")
def standing(target: str, arn: str, head: int) -> Standing:
    return decisions.standing(_session.clients(), arn)


@st.cache_data(ttl="5m", max_entries=32, show_spinner="Looking at the gates …")
def verdicts(target: str, arn: str, profile: str, head: int, rules: str) -> list[gates.Result]:
    clients = _session.clients()
    now = decisions.state(clients, arn)
    recorded = policy.in_force(clients)[0].profiles[profile]
    return decisions.judged(gates.check(clients, registry.get(clients, arn), recorded), now)


def show(found: Standing, rules: policy.Policy) -> None:
    """One version: how it stands, its gates, and what who is signed in may do."""
    state, package = found.state, found.package
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(package.label)
        _show.state(found.label)
    for reason in found.void:
        st.error(f"**This decision is void.** {_show.plain(reason)}", icon=":material/gpp_bad:")
    for reason in found.review:
        st.warning(_show.plain(reason), icon=":material/event_repeat:")
    if elsewhere.unknown(state):
        _elsewhere.explain(package)
        _places(found)
        return
    people = {"trained by": package.properties.get("governance:trained-by-name", "unknown"), **state.names}
    st.caption(_show.plain("; ".join(f"{part}: {name}" for part, name in people.items())))
    if state.evidence and not found.void:
        st.caption(f":material/verified_user: Evidence pinned, SHA-256 `{state.evidence}`. Every file has the hash that it had then.")
    profile = state.profile or _show.chosen("profile", list(rules.profiles), "Profile of the policy")
    if profile in rules.profiles:
        results = verdicts(_session.target(), package.arn, profile, state.version, rules.sha256)
        _gates(results)
    else:
        results = []
        st.warning(f"The policy in force has no profile {_show.plain(profile)}.", icon=":material/warning:")
    _decide.panel(package, state, results, rules, profile)
    if state.history:
        st.markdown("**History**")
        st.dataframe(_book.events_table(state.history), hide_index=True, column_config=_book.WHEN, alt="Events of this version")
    _places(found)


def _places(found: Standing) -> None:
    """Where else the version is shown, and its evidence to take away."""
    state, package = found.state, found.package
    with st.container(horizontal=True, vertical_alignment="center"):
        _show.link("registry", "Registry", package=package.arn)
        _show.link("lineage", "Lineage", package=package.arn)
        if state.evidence and _show.allowed("export"):
            st.download_button(
                "Evidence pack",
                partial(pack.build, _session.clients(), _session.identity(), package.arn),
                f"evidence-{package.group}-v{package.version}.zip",
                "application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
            )


def _gates(results: list[gates.Result]) -> None:
    """The outcomes in a sentence, and each gate in a row."""
    counts = {status: sum(r.status == status for r in results) for status in OUTCOMES}
    blocking = [r.title for r in results if r.blocks]
    sentence = f"Of {len(results)} gates " + ", ".join(f"{n} {OUTCOMES[s][0]}" for s, n in counts.items() if n) + "."
    st.markdown(sentence + (f" In the way: {_show.plain(', '.join(blocking))}." if blocking else ""))
    rows = [{"gate": r.title, "outcome": OUTCOMES[r.status][1], "found": r.found, "wanted": r.wanted, "why": r.reason} for r in results]
    table = pd.DataFrame(rows, columns=["gate", "outcome", "found", "wanted", "why"])
    if not table["why"].any():
        table = table.drop(columns="why")
    st.dataframe(table, hide_index=True, height="content", alt="Gates of the policy with their outcomes")
