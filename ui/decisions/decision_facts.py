"""What a decision is about, before the gates: what the version waits for, tier, profile, approvals, expiry, conditions, the validation."""

from __future__ import annotations

import streamlit as st

from core.governance import decision_rules, review_summary, version_state
from core.governance.policy import Policy
from core.governance.version_state import State
from core.ledger.audit_log import Event
from core.registry.registry_types import Package
from ui import session
from ui.components import markdown


def show_facts(package: Package, state: State, rules: Policy, profile: str) -> None:
    """A line for each fact; ``profile``: the one that the version is judged by."""
    people = () if session.has_sign_in_provider() else session.list_identities()
    st.markdown(f":material/schedule: **{markdown.escape_markdown(review_summary.describe_wait(state, package, people))}**")
    review = review_summary.read_review(state)
    facts = {
        "Tier": _tier_text(state, rules, package, review.submission),
        "Profile": _profile_text(rules, profile),
        "Approvals": _approvals_text(state, rules, review.approvals),
        "Valid": _expiry_text(state, rules),
        "Conditions": _conditions_text(state),
        "Validation": _validation_text(review.validation),
        "People": "; ".join(
            f"{part}: {name}"
            for part, name in {"trained by": package.properties.get("governance:trained-by-name", "unknown"), **state.person_names}.items()
        ),
    }
    with st.container(border=True):
        st.markdown("  \n".join(f"**{name}:** {markdown.escape_markdown(text)}" for name, text in facts.items() if text))


def _tier_text(state: State, rules: Policy, package: Package, submission: Event | None) -> str:
    if submission is None:
        fixed = rules.rules_for(package.group).tier
        return f"{fixed}, set by the policy for this group" if fixed else "not set yet; the submission gives it, with its reason"
    return f"{state.tier}, because: {submission.body.get('tier_rationale', '')} ({submission.actor['name']})"


def _profile_text(rules: Policy, profile: str) -> str:
    found = rules.profiles.get(profile)
    return f"{profile}, which the policy in force doesn't have" if found is None else f"{found.title}: {found.note}".rstrip(": ")


def _approvals_text(state: State, rules: Policy, approvals: tuple[Event, ...]) -> str:
    if not state.evidence:
        needed = ", ".join(f"{rules.approvals.for_tier(tier)} for tier {tier}" for tier in ("low", "medium", "high"))
        return f"none yet; needed: {needed}"
    by = "; ".join(f"{e.actor['name']} on {e.time[:10]}: {e.body['code']}" for e in approvals)
    plural = "s" * (state.approvals_needed > 1)
    return f"{len(state.approvals)} of {state.approvals_needed} approval{plural}{f' ({by})' if by else ''}"


def _expiry_text(state: State, rules: Policy) -> str:
    if state.status == "approved" and state.expires:
        return f"until {state.expires}"
    if state.status not in {"submitted", "validated"}:
        return ""
    end = decision_rules.approval_end(rules, state, version_state.today())
    return f"until {end} if approved today ({rules.expiry.for_tier(state.tier)} days in this tier)"


def _conditions_text(state: State) -> str:
    if state.status != "approved" and not state.conditions:
        return ""
    said = [f"{c.number}. {c.text} ({c.owner}, by {c.due}): {f'met, says {c.met_by}' if c.met_by else 'open'}" for c in state.conditions]
    return "; ".join(said) or "none"


def _validation_text(validation: Event | None) -> str:
    if validation is None:
        return ""
    body = validation.body
    passed, of = sum(g["status"] == "pass" for g in body.get("gates", [])), len(body.get("gates", []))
    done = f"{body['code']}; job {body['reproduction']['job']} made the version again" if "reproduction" in body else body["code"]
    found = f"; {passed} of {of} gates passed" if of else ""
    return f"{validation.actor['name']} on {validation.time[:10]}, {done}{found}: {body['reason']}"
