"""Versions of a group: how one stands, what happened to it, what it came from; the list of all."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app_pages import _elsewhere, _kept, _reports, _session, _show
from core import registry
from core.governance import decisions, elsewhere
from core.governance.standing import states_of
from core.governance.states import State
from core.registry import Package, Version
from core.views import history as views

STEP = 100


def title(version: Version) -> str:
    """``v3 · mitigated``."""
    name = f"v{version.version}" if version.group else version.label
    return f"{name} · {version.role}" if version.role else name


def most() -> int:
    """How many versions are listed; more when asked for."""
    return int(st.session_state.get("versions-most", STEP))


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def standing(target: str, arn: str, changed: tuple[str, ...]) -> decisions.Standing:
    return decisions.standing(_session.clients(), arn, with_gates=False)


@st.cache_data(ttl="1m", max_entries=32, show_spinner=False)
def altered(target: str, arn: str, changed: tuple[str, ...]) -> list[str]:
    return registry.missing_evidence(_session.clients(), registry.get(_session.clients(), arn))


def decision(package: Package, changed: tuple[str, ...]) -> None:
    """How the version stands, and the way to its decision."""
    found = standing(_session.target(), package.arn, changed)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Decision on {_show.plain(package.label)}**")
            _show.state(found.label)
        if found.state.history:
            last = found.state.history[-1]
            st.text(f"{views.WORDS.get(last.kind, last.kind)} by {last.actor['name']}: {last.body['reason']}")
        for reason in found.void:
            st.error(f"**The decision is void.** {_show.plain(reason)}", icon=":material/gpp_bad:")
        for reason in found.review:
            st.warning(_show.plain(reason), icon=":material/event_repeat:")
        if elsewhere.unknown(found.state):
            _elsewhere.explain(package)
            _show.link("decisions", "Gates and decision", package=package.arn)
            return
        bad = altered(_session.target(), package.arn, changed)
        if bad:
            st.error(f"**The evidence has changed since it was registered: {', '.join(bad)}.**", icon=":material/gpp_bad:")
        else:
            st.caption(":material/verified_user: The reports are the ones that were registered: their hashes hold.")
        trained = package.properties.get("governance:trained-by-name", "unknown")
        registered = package.properties.get("governance:registered-by-name", "unknown")
        st.caption(_show.plain(f"Trained by {trained}, registered by {registered}; neither may decide."))
        _show.link("decisions", "Gates and decision", package=package.arn)


def history(package: Package, changed: tuple[str, ...]) -> None:
    """Who did what to the version, when and why."""
    found = standing(_session.target(), package.arn, changed).state
    table = views.table(found.history, package.properties, package.created)
    st.markdown(f"{len(table)} entr{'y' if len(table) == 1 else 'ies'}, the newest first; each decision is an event of the signed log.")
    when = st.column_config.DatetimeColumn("when (UTC)", format="YYYY-MM-DD HH:mm:ss", timezone="UTC")
    wide = st.column_config.TextColumn(width="large")
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={"when": when, "rationale": wide},
        alt="History of the version: when, what, who and why",
    )
    if found.conditions:
        st.subheader("Conditions")
        rows = [{"condition": c.text, "owner": c.owner, "due": c.due, "met by": c.met_by or "not yet"} for c in found.conditions]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Conditions of the approval")
    shown = table.assign(when=table["when"].dt.strftime("%Y-%m-%d %H:%M:%S UTC"))
    with st.container(horizontal=True):
        _reports.csv("History as CSV", f"{package.group}-v{package.version}-history", shown.columns, shown.itertuples(index=False))
        _show.link("decisions", "The whole log", package=package.arn)


def listing(found: list[Version]) -> None:
    """All versions; two of them may be chosen for a comparison."""
    st.markdown(f"{len(found):,} version{'s' if len(found) != 1 else ''} shown, the newest first. Choose one or two rows to open them.")
    states: dict[str, State] = {}
    with _show.errors_shown():  # of the log; the registry's own states are listed then
        states = _kept.lately(states_of, tuple(version.arn for version in found))
    rows = [
        {
            "version": str(version.version) if version.group else version.label,
            "role": version.role,
            "state": _show.words(elsewhere.label(version.status, states[version.arn]) if states else version.status),
            "created": version.created,
            "training job": version.training_job,
            "description": "" if version.role else version.description,
        }
        for version in found
    ]
    table = pd.DataFrame(rows)
    picked = st.dataframe(
        table,
        column_order=[column for column in table if column == "version" or (table[column] != "").any()],
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_show.TIMES,
        key="versions-list",
        alt="Versions of the group",
    )
    chosen = [found[row] for row in picked["selection"]["rows"]][:2]
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(chosen) == 2:
            a, b = sorted(chosen, key=lambda version: version.version)
            _show.link("registry", f"Compare {title(a)} and {title(b)}", package=b.arn, other=a.arn)
        elif chosen:
            _show.link("registry", f"Open {title(chosen[0])}", package=chosen[0].arn)
        if len(found) >= most() and st.button("Older versions", icon=":material/expand_more:"):
            st.session_state["versions-most"] = most() + STEP
            st.rerun()


def links(package: Package) -> None:
    """To everything that the version came from."""
    with st.container(horizontal=True):
        if not package.properties.get("governance:bias-job"):
            _elsewhere.reports(package)
        _show.link("lineage", "Lineage", package=package.arn)
        places = {
            "training-job": ("tuning", "Training job", "training"),
            "rebalanced": ("data", "Data", "job"),
            "bias-job": ("bias", "Bias report", "job"),
            "shap-job": ("explainability", "Explanation", "job"),
        }
        for key, (page, label, query) in places.items():
            job = package.training_job if key == "training-job" else package.properties.get(f"governance:{key}")
            if job and not (key == "training-job" and "training job" in package.missing):
                _show.link(page, label, **{query: job})
        _show.link("decisions", "Decisions", package=package.arn)
