"""The form of a decision. What its author saw goes with the click, so that a page that has grown stale can't decide."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app_pages import _session, _show
from core import identity
from core.errors import GovernanceError
from core.governance import decisions, gates
from core.governance.decisions import State
from core.governance.policy import TIERS, Policy
from core.registry import Package

WORDS = {
    "submit": ("Submit for a decision", ":material/send:"),
    "validate": ("Validate", ":material/fact_check:"),
    "approve": ("Approve", ":material/verified:"),
    "reject": ("Reject", ":material/block:"),
    "withdraw": ("Withdraw", ":material/undo:"),
    "retire": ("Retire", ":material/inventory_2:"),
    "waive": ("Ask to waive a gate", ":material/do_not_disturb_on:"),
    "confirm waiver": ("Confirm a waiver", ":material/how_to_reg:"),
    "meet condition": ("Report a condition as met", ":material/task_alt:"),
}
UNDOING = frozenset({"reject", "withdraw", "retire"})


def panel(package: Package, state: State, results: list[gates.Result], rules: Policy, profile: str) -> None:
    """What may be done now, and by whom; the form of what is chosen."""
    person, involved = _session.identity(), decisions.involved(package, state)
    possible = [kind for kind, sources in decisions.FROM.items() if state.status in sources and _something(kind, state, results)]
    mine = [kind for kind in possible if identity.may(person, kind, involved=involved)]
    if not mine:
        said()
        why = [refused.what for kind in possible if (refused := identity.refusal(person, kind, subject=package.label, involved=involved))]
        text = why[0] if why else f"{package.label} is {state.status}: nothing is left to decide."
        if possible == ["submit"]:
            text = f"{package.label} is {state.status}. A data scientist may submit it{'' if state.status == 'registered' else ' again'}."
        st.info(_show.plain(text), icon=":material/lock:")
        return
    said()
    with st.container(border=True):
        first = None if state.status == "approved" else 0  # what undoes an approval is chosen, not preset
        key = f"act-{package.arn}-{state.version}"
        kind = st.radio("What will you do?", mine, index=first, format_func=lambda k: WORDS[k][0], horizontal=True, key=key)
        if kind is None:
            return
        mark = f"{kind}-{package.arn}-{state.version}"
        with st.form(mark, border=False, enter_to_submit=False):
            _extra(str(kind), mark, state, results, profile)
            st.selectbox("Reason", decisions.REASON_CODES[str(kind)], key=f"code-{mark}")
            st.text_area("Rationale", key=f"reason-{mark}", placeholder="What convinced you, or what has to change", max_chars=5000)
            words, icon = WORDS[str(kind)]
            st.form_submit_button(
                words,
                type="secondary" if kind in UNDOING else "primary",
                icon=icon,
                on_click=_act,
                args=(str(kind), package.arn, state.version, mark, profile),
            )


def _something(kind: str, state: State, results: list[gates.Result]) -> bool:
    """Whether there is something that the kind could be about."""
    if kind == "waive":
        return any(r.blocks for r in results)
    if kind == "confirm waiver":
        return any(w.confirmed_by is None for w in state.waivers)
    if kind == "meet condition":
        return any(c.met_by is None for c in state.conditions)
    return True


def _extra(kind: str, mark: str, state: State, results: list[gates.Result], profile: str) -> None:
    if kind == "submit":
        st.caption(f"The evidence is pinned now, and judged by the profile {_show.plain(profile)}.")
        st.radio("Tier of materiality", TIERS, index=TIERS.index("medium"), horizontal=True, key=f"tier-{mark}")
        st.text_area("Why this tier", key=f"tier-why-{mark}", height=80, placeholder="Who is affected, how many, how badly if it errs")
    if kind == "approve":
        st.caption("Conditions, if any: what, who sees to it, and the last day.")
        columns = {
            "condition": st.column_config.TextColumn(),
            "owner": st.column_config.TextColumn(),
            "due": st.column_config.DateColumn(format="YYYY-MM-DD"),
        }
        blank = pd.DataFrame({"condition": pd.Series(dtype=str), "owner": pd.Series(dtype=str), "due": pd.Series(dtype="datetime64[ns]")})
        st.session_state[f"conditions-{mark}"] = st.data_editor(
            blank, column_config=columns, num_rows="dynamic", hide_index=True, key=f"editor-{mark}", alt="Conditions of the approval"
        )
    if kind == "waive":
        titles = {r.gate: r.title for r in results if r.blocks}
        st.selectbox("Gate", list(titles), format_func=titles.__getitem__, key=f"gate-{mark}")
        st.date_input("Until", value="today", min_value="today", key=f"until-{mark}")
    if kind == "confirm waiver":
        asked = {w.gate: f"{w.gate}, asked by {w.by}, until {w.expires}: {w.reason}" for w in state.waivers if w.confirmed_by is None}
        st.selectbox("Waiver", list(asked), format_func=asked.__getitem__, key=f"gate-{mark}")
    if kind == "meet condition":
        still = {c.number: f"{c.text} ({c.owner}, {c.due})" for c in state.conditions if c.met_by is None}
        st.selectbox("Condition", list(still), format_func=still.__getitem__, key=f"condition-{mark}")


def _act(kind: str, arn: str, seen: int, mark: str, profile: str) -> None:
    """Decide. Runs before the page is drawn anew, with what was on the page when it was drawn last."""
    at = st.session_state
    more: dict[str, Any] = {}
    if kind == "submit":
        more = {"tier": at[f"tier-{mark}"], "tier_rationale": at[f"tier-why-{mark}"], "profile": profile}
    if kind == "approve":
        rows = at[f"editor-{mark}"]["added_rows"]
        more = {"conditions": [(r.get("condition") or "", r.get("owner") or "", str(r.get("due") or "")[:10]) for r in rows]}
    if kind in {"waive", "confirm waiver"}:
        more = {"gate": at[f"gate-{mark}"]}
    if kind == "waive":
        more["expires"] = at[f"until-{mark}"]
    if kind == "meet condition":
        more = {"condition": at[f"condition-{mark}"]}
    try:
        state = decisions.ACTIONS[kind](
            _session.clients(), _session.identity(), arn, seen=seen, reason=at[f"reason-{mark}"], code=at[f"code-{mark}"], **more
        )
        at["said"] = f"Recorded as event {state.version}: the version is {state.status}."
    except GovernanceError as error:
        at["said"] = error


def said() -> None:
    """The outcome of the last decision, once."""
    outcome = st.session_state.pop("said", None)
    if isinstance(outcome, GovernanceError):
        _show.show_error(outcome)
    elif outcome:
        st.success(outcome, icon=":material/done:")
