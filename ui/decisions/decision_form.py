"""The form of a decision. It sends what its author saw, so that an outdated page can't decide."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core import identity
from core.errors import DataError, GovernanceError
from core.governance import decision_rules, decisions, rationales
from core.governance.gate_results import GateResult
from core.governance.policy import TIERS, Policy, Tier
from core.governance.version_state import ALLOWED_FROM, State
from core.registry.registry_types import Package
from ui import session
from ui.components import markdown
from ui.decisions import last_outcome

ACTION_LABELS = {
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
NEGATIVE_DECISIONS = frozenset({"reject", "withdraw", "retire"})


def show_decision_form(package: Package, state: State, results: list[GateResult], rules: Policy, profile: str) -> None:
    """The actions that are possible now for the signed-in person, or why there are none; and the form of the chosen one."""
    person = session.identity()
    possible = [kind for kind, sources in ALLOWED_FROM.items() if state.status in sources and _is_applicable(kind, state, results)]
    refusals = {
        kind: identity.explain_refusal(
            person, kind, resource=package.label, involved=decision_rules.excluded_people(kind, state, None, package)
        )
        for kind in possible
    }
    mine = [kind for kind, refusal in refusals.items() if refusal is None]
    if not mine:
        last_outcome.show_last_outcome()
        why = [refusal.message for refusal in refusals.values() if refusal]
        text = why[0] if why else f"{package.label} is {state.status}. There is nothing to decide."
        if possible == ["submit"]:
            text = f"{package.label} is {state.status}. A data scientist may submit it{'' if state.status == 'registered' else ' again'}."
        st.info(markdown.escape_markdown(text), icon=":material/lock:")
        return
    last_outcome.show_last_outcome()
    with st.container(border=True):
        first = None if state.status == "approved" else 0  # undoing an approval must be a choice, so nothing is preselected
        key = f"act-{package.arn}-{state.last_event}"
        kind = st.radio("What will you do?", mine, index=first, format_func=lambda k: ACTION_LABELS[k][0], horizontal=True, key=key)
        if kind is None:
            return
        mark = f"{kind}-{package.arn}-{state.last_event}"
        with st.form(mark, border=False, enter_to_submit=False):
            _extra_fields(str(kind), mark, state, results, profile, rules.rules_for(package.group).tier)
            codes = decision_rules.REASON_CODES[str(kind)]
            if len(codes) > 1:
                st.radio("Reason", codes, index=None, horizontal=True, key=f"code-{mark}")
            st.text_area("Rationale", key=f"reason-{mark}", placeholder="What convinced you, or what has to change", max_chars=5000)
            st.caption(f"Needed: {'a reason, and ' if len(codes) > 1 else ''}a rationale of {rationales.REQUIREMENT}.")
            words, icon = ACTION_LABELS[str(kind)]
            st.form_submit_button(
                words,
                type="secondary" if kind in NEGATIVE_DECISIONS else "primary",
                icon=icon,
                on_click=_record_decision,
                args=(str(kind), package.arn, state.last_event, mark, profile),
            )


def _is_applicable(kind: str, state: State, results: list[GateResult]) -> bool:
    """Whether the version has a gate, waiver or condition that the action needs."""
    if kind == "waive":
        return any(r.is_waivable for r in results)
    if kind == "confirm waiver":
        return any(w.confirmed_by is None for w in state.waivers)
    if kind == "meet condition":
        return any(c.met_by is None for c in state.conditions)
    return True


def _extra_fields(kind: str, form_key: str, state: State, results: list[GateResult], profile: str, tier: Tier | None) -> None:
    """``tier``: the tier of materiality that the policy sets, None where the author gives it."""
    if kind == "submit":
        st.caption(f"Submitting pins the evidence. Its gates are those of the profile {markdown.escape_markdown(profile)}.")
        tiers = (tier,) if tier else TIERS
        st.radio("Tier of materiality", tiers, index=tiers.index(tier or "medium"), horizontal=True, key=f"tier-{form_key}")
        st.text_area("Why this tier", key=f"tier-why-{form_key}", height=80, placeholder="Who is affected, how many, how badly if it errs")
    if kind == "approve":
        if blocking := sum(r.is_blocking for r in results):
            gates = "1 gate blocks" if blocking == 1 else f"{blocking} gates block"
            st.warning(f"An approval is refused as long as {gates} it.", icon=":material/block:")
        st.caption("Conditions, if any: what to do, who does it, and by which day.")
        columns = {
            "condition": st.column_config.TextColumn(),
            "owner": st.column_config.TextColumn(),
            "due": st.column_config.DateColumn(format="YYYY-MM-DD"),
        }
        blank = pd.DataFrame({"condition": pd.Series(dtype=str), "owner": pd.Series(dtype=str), "due": pd.Series(dtype="datetime64[ns]")})
        st.session_state[f"conditions-{form_key}"] = st.data_editor(
            blank, column_config=columns, num_rows="dynamic", hide_index=True, key=f"editor-{form_key}", alt="Conditions of the approval"
        )
    if kind == "waive":
        titles = {r.gate: r.title for r in results if r.is_waivable}
        st.selectbox("Gate", list(titles), format_func=titles.__getitem__, key=f"gate-{form_key}")
        st.date_input("Until", value="today", min_value="today", key=f"until-{form_key}")
    if kind == "confirm waiver":
        titles = {r.gate: r.title for r in results}
        asked = {
            w.gate: f"{titles.get(w.gate, w.gate)}, asked by {w.by}, until {w.expires}: {w.reason}"
            for w in state.waivers
            if w.confirmed_by is None
        }
        st.selectbox("Waiver", list(asked), format_func=asked.__getitem__, key=f"gate-{form_key}")
    if kind == "meet condition":
        still = {c.number: f"{c.text} ({c.owner}, {c.due})" for c in state.conditions if c.met_by is None}
        st.selectbox("Condition", list(still), format_func=still.__getitem__, key=f"condition-{form_key}")


def _record_decision(kind: str, arn: str, seen_version: int, form_key: str, profile: str) -> None:
    """Record the decision, with what the page showed when the button was pressed. Streamlit calls this before the rerun."""
    widgets = st.session_state
    more: dict[str, Any] = {}
    if kind == "submit":
        more = {"tier": widgets[f"tier-{form_key}"], "tier_rationale": widgets[f"tier-why-{form_key}"], "profile": profile}
    if kind == "approve":
        rows = widgets[f"editor-{form_key}"]["added_rows"]
        more = {"conditions": [(r.get("condition") or "", r.get("owner") or "", str(r.get("due") or "")[:10]) for r in rows]}
    if kind in {"waive", "confirm waiver"}:
        more = {"gate": widgets[f"gate-{form_key}"]}
    if kind == "waive":
        more["expires"] = widgets[f"until-{form_key}"]
    if kind == "meet condition":
        more = {"condition": widgets[f"condition-{form_key}"]}
    codes, reason = decision_rules.REASON_CODES[kind], widgets[f"reason-{form_key}"]
    code = widgets[f"code-{form_key}"] if len(codes) > 1 else codes[0]
    try:
        _require_complete(code, {"rationale": reason, **({"rationale of the tier": more["tier_rationale"]} if kind == "submit" else {})})
        state = decisions.ACTIONS[kind](
            session.target(),
            session.identity(),
            arn,
            seen_event=seen_version,
            reason=reason,
            code=code,
            **more,
        )
        last_outcome.keep_outcome(f"Recorded as event {state.last_event}. The version is now {state.status}.")
    except GovernanceError as error:
        last_outcome.keep_outcome(error)


def _require_complete(code: str | None, texts: dict[str, str]) -> None:
    """Raises DataError that names everything that the form lacks."""
    lacking = [] if code else ["The reason isn't chosen."]
    lacking += [refusal.message for what, text in texts.items() for refusal in rationales.find_unsound_text(text, what)]
    if lacking:
        hint = f"Nothing was recorded. A rationale needs {rationales.REQUIREMENT}."
        raise DataError(" ".join(lacking), resource="decision", hint=hint)
