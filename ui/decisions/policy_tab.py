"""The policy in force, the one that waits for a second person, and the one that can be adopted."""

from __future__ import annotations

import difflib

import pandas as pd
import streamlit as st

from core import identity
from core.errors import GovernanceError
from core.governance import policy, policy_adoption
from core.governance.policy import CardGate, Gate, Policy
from core.governance.policy_adoption import ADOPT_EVENT, CONFIRM_EVENT, AdoptedPolicy
from ui import session
from ui.components import errors, markdown
from ui.decisions import last_outcome

LIMITS = {
    "min": "min",
    "max": "max",
    "bound": "bound",
    "max_age_days": "at most, days",
    "fields": "fields of the card",
}
"""Fields of a gate that set a limit -> what the table calls them."""


def show_policy() -> None:
    """The policy in force, and what is proposed in its place."""
    target = session.target()
    last_outcome.show_last_outcome()
    state = policy_adoption.read_policy_state(target)
    rules = policy_adoption.load_in_force(target, state)
    _show_title(rules)
    origin = _adoption_sentence(state.confirmed) if state.confirmed else "The product's own, in force until another one is adopted."
    st.caption(f"SHA-256 `{rules.sha256}`; recorded with every decision. {markdown.escape_markdown(origin)}")
    if state.waiting:
        with st.container(border=True), errors.show_raised_errors():
            _show_waiting(state.waiting, rules)
    with errors.show_raised_errors():
        proposed = policy_adoption.load_proposal(target, state)
        if proposed is not None:
            with st.container(border=True):
                _show_proposal(proposed, rules)
    for profile in rules.profiles.values():
        with st.container(border=True):
            st.markdown(f"**{markdown.escape_markdown(profile.title)}**")
            st.caption(markdown.escape_markdown(profile.note))
            rows = [{"gate": g.name, "required": g.required, "waivable": g.waivable, **_limits(g)} for g in profile.gates]
            table = pd.DataFrame(rows).dropna(axis="columns", how="all").rename(columns=LIMITS)
            st.dataframe(table, hide_index=True, alt=f"Gates of {profile.title}")
    with st.expander("The file", icon=":material/description:"):
        st.code(rules.text, language="toml")


def _limits(gate: Gate) -> dict[str, object]:
    """What the gate sets, by the name of its field; of the model card how many fields."""
    if isinstance(gate, CardGate):
        at_least = f"at least {gate.min_filled}" if gate.min_filled else ""
        return {"fields": ", ".join(filter(None, (f"{len(gate.fields)} named", at_least)))}
    return gate.model_dump(include=set(LIMITS))


def _show_title(rules: Policy) -> None:
    st.markdown(f"**{markdown.escape_markdown(rules.title)}**, version {markdown.escape_markdown(rules.version)}")


def _adoption_sentence(adopted: AdoptedPolicy) -> str:
    confirmed = f", confirmed by {adopted.confirmed_by}" if adopted.confirmed_by else ""
    return f"Adopted by {adopted.by} in event {adopted.event}{confirmed}: {adopted.reason}"


def _show_waiting(waiting: AdoptedPolicy, in_force: Policy) -> None:
    """The policy that waits for a second person, and the form to confirm it."""
    st.markdown(":material/hourglass_top: **Waits for a second person**")
    rules = policy.read_stored(session.target(), waiting.digest)
    _show_title(rules)
    st.caption(f"SHA-256 `{waiting.digest}`. {markdown.escape_markdown(_adoption_sentence(waiting))}")
    _show_changes(in_force, rules)
    refusal = identity.explain_refusal(session.identity(), CONFIRM_EVENT, resource="this policy", involved=waiting.people)
    if refusal is not None:
        st.info(markdown.escape_markdown(f"{refusal.message} {refusal.hint}"), icon=":material/lock:")
        return
    _show_form(CONFIRM_EVENT, waiting.digest, "Confirm the policy", ":material/how_to_reg:")


def _show_proposal(proposed: Policy, in_force: Policy) -> None:
    """The policy that can be adopted, and the form to adopt it."""
    path = session.target().settings.policy
    st.markdown(f":material/draft: **Proposed:** {markdown.escape_markdown(str(path) if path else 'the product’s own policy')}")
    _show_title(proposed)
    st.caption(f"SHA-256 `{proposed.sha256}`. It changes nothing until an administrator adopts it and a second person confirms it.")
    _show_changes(in_force, proposed)
    if session.is_allowed(ADOPT_EVENT):
        _show_form(ADOPT_EVENT, proposed.sha256, "Adopt the policy", ":material/gavel:")


def _show_changes(before: Policy, after: Policy) -> None:
    lines = difflib.unified_diff(before.text.splitlines(), after.text.splitlines(), "in force", "new", lineterm="")
    with st.expander("What changes", icon=":material/difference:"):
        st.code("\n".join(lines), language="diff")


def _show_form(kind: str, digest: str, label: str, icon: str) -> None:
    key = f"{kind}-{digest}"
    with st.form(key, border=False, enter_to_submit=False):
        st.text_area("Rationale", key=f"reason-{key}", placeholder="Why this policy", max_chars=5000)
        st.form_submit_button(label, type="primary", icon=icon, on_click=_record, args=(kind, digest, key))


def _record(kind: str, digest: str, key: str) -> None:
    """Record the event, of the policy that the page showed when the button was pressed. Streamlit calls this before the rerun."""
    target, person, reason = session.target(), session.identity(), st.session_state[f"reason-{key}"]
    try:
        if kind == CONFIRM_EVENT:
            policy_adoption.confirm_policy(target, person, digest, reason=reason)
            last_outcome.keep_outcome("The policy is in force.")
        else:
            rules = policy.load_file(target.settings.policy or policy.BUNDLED)
            policy_adoption.adopt_policy(target, person, policy.require_unchanged(rules, digest), reason=reason)
            last_outcome.keep_outcome("The policy is adopted. It will be in force once a second person has confirmed it.")
    except GovernanceError as error:
        last_outcome.keep_outcome(error)
