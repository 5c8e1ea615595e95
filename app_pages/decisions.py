"""Decisions: which version waits for whom, the gates, the decision, and the log with its verification."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _card, _decide, _session, _show
from core import registry
from core.governance import decisions, gates, log, pack, policy, verification
from core.governance.decisions import Standing


@st.cache_data(ttl="1m", max_entries=32, show_spinner="Looking at evidence and gates …")
def standing(target: str, arn: str, head: int) -> Standing:
    return decisions.standing(_session.clients(), arn)


@st.cache_data(ttl="5m", max_entries=32, show_spinner="Looking at the gates …")
def verdicts(target: str, arn: str, profile: str, head: int, rules: str) -> list[gates.Result]:
    clients = _session.clients()
    now = decisions.state(clients, arn)
    recorded = policy.in_force(clients)[0].profiles[profile]
    return decisions.judged(gates.check(clients, registry.get(clients, arn), recorded), now)


def version(found: Standing, rules: policy.Policy) -> None:
    """One version: how it stands, its gates, and what who is signed in may do."""
    state, package = found.state, found.package
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(package.label)
        _show.state(found.label)
    for reason in found.void:
        st.error(f"**This decision is void.** {_show.plain(reason)}", icon=":material/gpp_bad:")
    for reason in found.review:
        st.warning(_show.plain(reason), icon=":material/event_repeat:")
    people = {"trained by": package.properties.get("governance:trained-by-name", "unknown"), **state.names}
    st.caption(_show.plain("; ".join(f"{part}: {name}" for part, name in people.items())))
    if state.evidence and not found.void:
        st.caption(f":material/verified_user: Evidence pinned, SHA-256 `{state.evidence}`. Every file has the hash that it had then.")
    profile = state.profile or _show.chosen("profile", list(rules.profiles), "Profile of the policy")
    if profile in rules.profiles:
        results = verdicts(_session.target(), package.arn, profile, state.version, rules.sha256)
        words = {"pass": "✓ pass", "fail": "✗ fail", "not computable": "? not computable", "waived": "~ waived"}
        table = pd.DataFrame(
            [{"gate": r.title, "outcome": words[r.status], "found": r.found, "wanted": r.wanted, "why": r.reason} for r in results]
        )
        st.dataframe(table, hide_index=True, height="content", alt="Gates of the policy with their outcomes")
    else:
        results = []
        st.warning(f"The policy in force has no profile {_show.plain(profile)}.", icon=":material/warning:")
    _decide.panel(package, state, results, rules, profile)
    if state.history:
        st.markdown("**History**")
        st.dataframe(events_table(state.history), hide_index=True, alt="Events of this version")
    with st.container(horizontal=True):
        _show.link("registry", "Registry", package=package.arn)
        _show.link("lineage", "Lineage", package=package.arn)
        if state.evidence and _show.allowed("export"):
            st.download_button(
                "Evidence pack",
                lambda: pack.build(_session.clients(), _session.identity(), package.arn),
                f"evidence-{package.group}-v{package.version}.zip",
                "application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
            )


def events_table(events: tuple[log.Event, ...] | list[log.Event]) -> pd.DataFrame:
    rows = [
        {
            "event": e.number,
            "when": pd.Timestamp(e.time),
            "what": e.kind,
            "who": e.actor["name"],
            "role": e.actor["role"],
            "reason": e.body.get("code", ""),
            "rationale": e.body.get("reason", ""),
            "about": e.subject.rpartition("model-package/")[2],
        }
        for e in reversed(events)
    ]
    return pd.DataFrame(rows, columns=["event", "when", "what", "who", "role", "reason", "rationale", "about"])


def picked() -> str | None:
    """The version that is looked at; None, and what to do next, where there is none."""
    waiting = decisions.waiting(_session.clients())
    if not waiting:
        _show.empty("No version is registered yet.", "overview", "To the overview")
        return None
    names = {v.arn: f"{v.group} v{v.version} · {v.description.partition(':')[0]} · {state.status}" for v, state in waiting}
    return _show.chosen("package", list(names), "Version", format_func=names.__getitem__)


def queue() -> None:
    arn = picked()
    if arn is None:
        return
    rules, problem = policy.in_force(_session.clients())
    if problem:
        _show.show_error(problem)
    head = len(log.read(_session.clients()))
    version(standing(_session.target(), arn, head), rules)


def cards() -> None:
    arn = picked()
    if arn is not None:
        _card.panel(arn)


def book() -> None:
    """The log, newest first, a page at a time."""
    events = log.read(_session.clients())
    st.caption(f"{len(events):,} events. Each holds the hash of the one before, and is signed.")
    if not events:
        st.info("Nothing has been decided yet: the first event is the first submission.", icon=":material/info:")
        return
    size = 50
    page = st.number_input("Page", 1, -(-len(events) // size), key="log-page") if len(events) > size else 1
    end = len(events) - (page - 1) * size
    st.dataframe(events_table(events[max(end - size, 0) : end]), hide_index=True, height="content", alt="Events of the log")
    with st.container(horizontal=True):
        checking = st.button("Verify the log and its evidence", icon=":material/rule:", type="primary")
        st.download_button(
            "Signed head",
            lambda: verification.export_head(_session.clients()),
            "log-head.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            help="Keep it elsewhere: it shows later that the log was not cut short.",
        )
    kept = st.file_uploader("A head that you kept", type="json", help="From an earlier export; the log must still hold that event.")
    if checking:
        with st.spinner("Reading every event and every file of evidence …"):
            found = verification.verify(_session.clients(), kept_head=verification.read_head_file(kept.getvalue()) if kept else None)
        if found.holds:
            st.success(f"The log holds: {found.events:,} events, {found.files:,} files of evidence.", icon=":material/verified_user:")
        else:
            first = next((p.number for p in found.problems if p.number), None)
            st.error(f"**The log does not hold.** The first bad event is {first or 'none: see below'}.", icon=":material/gpp_bad:")
            table = pd.DataFrame([{"event": p.number, "what": p.what, "where": p.subject} for p in found.problems])
            st.dataframe(table, hide_index=True, alt="What doesn't hold")


def rulebook() -> None:
    """The policy in force."""
    rules, problem = policy.in_force(_session.clients())
    if problem:
        _show.show_error(problem)
    st.markdown(f"**{_show.plain(rules.title)}**, version {_show.plain(rules.version)}")
    st.caption(f"SHA-256 `{rules.sha256}`; recorded with every decision. Another file is named in GOVERNANCE_POLICY.")
    for profile in rules.profiles.values():
        with st.container(border=True):
            st.markdown(f"**{_show.plain(profile.title)}**")
            st.caption(_show.plain(profile.note))
            rows = [
                {"gate": g.name, "required": g.required, **g.model_dump(include={"min", "max", "bound", "max_age_days"})}
                for g in profile.gates
            ]
            st.dataframe(pd.DataFrame(rows), hide_index=True, alt=f"Gates of {profile.title}")
    with st.expander("The file", icon=":material/description:"):
        st.code(rules.text, language="toml")


st.title("Decisions")
_decide.said()
for panel, draw in zip(
    _show.sections("decisions", ["Versions", "Model card", "Log", "Policy"]), (queue, cards, book, rulebook), strict=True
):
    if panel.open:
        with panel, _show.errors_shown():
            draw()
