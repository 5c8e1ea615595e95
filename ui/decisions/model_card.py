"""A version's model card: the form that people fill in, its versions, and which requirements it is evidence for."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from functools import partial

import pandas as pd
import streamlit as st

from core.errors import GovernanceError
from core.governance import card_gate, evidence, policy_adoption, regulatory_profiles, version_facts, version_state
from core.governance.model_cards import card_proposals, model_card
from core.governance.model_cards.model_card import Card
from core.governance.model_cards.model_card_content import FIELDS, SECTIONS, CardField, filled_fields, section_fields
from core.governance.policy import CardGate, Policy
from core.governance.version_state import read_state
from core.ledger import audit_log
from core.registry import model_packages
from core.registry.registry_types import Package
from ui import session
from ui.components import links, markdown
from ui.decisions import last_outcome
from ui.shared import mitigation_notes


def show_card(arn: str) -> None:
    """The card of a version, with its checklists."""
    target = session.target()
    package = model_packages.read_package(target, arn)
    card = model_card.read_card(target, package)
    there, missing = model_card.filled_and_missing_fields(card)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Model card of {markdown.escape_markdown(package.label)}")
        st.badge(f"{len(there)} of {len(FIELDS)} filled", color="green" if not missing else "orange", icon=":material/edit_note:")
    st.caption(
        markdown.escape_markdown(f"{card.status}, {model_card.last_edit_text(card)}")
        if card.version
        else "Not saved yet. What jobs and reports know is filled in."
    )
    with st.container(horizontal=True):
        if card.version and session.is_allowed("export"):
            st.download_button(
                "PDF",
                partial(model_card.export_pdf, session.target(), session.identity(), arn),
                f"{card.name}.pdf",
                "application/pdf",
                icon=":material/picture_as_pdf:",
                on_click="ignore",
            )
        st.download_button("JSON", card.json_bytes, f"{card.name}.json", "application/json", icon=":material/download:", on_click="ignore")
    events = audit_log.read_events(target)
    now, rules = version_state.fold_events(events, arn), policy_adoption.load_in_force(target)
    gate = _card_gate(rules, now.profile or rules.rules_for(package.group).profiles[0])
    if gate is not None and (lacking := card_gate.judge_card(gate, card.content)).status != "pass":
        st.warning(f"**The policy needs more.** {markdown.escape_markdown(lacking.reason)}", icon=":material/rule:")
    before = version_state.last_approved(events, arn)
    previous = before.rpartition("model-package/")[2].replace("/", " v") if before else None
    proposed = card_proposals.propose_answers(package, model_packages.find_rebalancing(target, package), now, previous)
    for title in SECTIONS:
        show_section(title, arn, card, proposed, gate.fields if gate else ())
    with st.expander("Filled in from jobs, reports and data", icon=":material/inventory:"):
        st.json({part: value for part, value in card.content.items() if part != "evaluation_details"}, expanded=1)
        st.caption("The JSON also contains quality, bias and SHAP.")
    show_card_history(package)
    show_checklists(package, card)


def _card_gate(rules: Policy, profile: str) -> CardGate | None:
    """The gate about the card in a profile of the policy; None if it has none."""
    found = rules.profiles.get(profile)
    return next((gate for gate in found.gates if isinstance(gate, CardGate)), None) if found else None


def show_section(title: str, arn: str, card: Card, proposed: Mapping[str, str], needed: Collection[str]) -> None:
    """A section of the form, which is saved alone: what was typed into the others stays. ``proposed``: path -> what the record says, for
    fields that are empty; ``needed``: the names of the fields that the policy demands."""
    fields = section_fields(title)
    filled = [field for field in filled_fields(card.content) if field in fields]
    icon = ":material/check_circle:" if len(filled) == len(fields) else ":material/edit_note:"
    with st.expander(f"{title}: {len(filled)} of {len(fields)} filled", icon=icon, expanded=len(filled) < len(fields)):
        mark = f"{card.name}-{title}-{zlib.crc32(repr([card.answer(field.path) for field in fields]).encode())}"  # new when it is saved
        with st.form(f"card-{mark}", border=False, enter_to_submit=False):
            for field in fields:
                _show_field(field, mark, card, proposed.get(field.path, ""), field.name in needed and field not in filled)
            allowed = session.is_allowed("edit card")
            st.form_submit_button(
                f"Save “{title}”",
                icon=":material/save:",
                disabled=not allowed,
                on_click=_save_section,
                args=(arn, card, fields, mark),
            )
            if not allowed:
                st.caption(f"The {session.identity().role} role can't change a card.")


def _show_field(field: CardField, mark: str, card: Card, proposal: str, is_needed: bool) -> None:
    key, answer = f"{mark}-{field.path}", card.answer(field.path)
    label = f"{field.title} (needed by the policy)" if is_needed else field.title
    if field.choices:
        index = field.choices.index(answer) if answer in field.choices else 0
        st.selectbox(label, field.choices, index=index, key=key, help=field.question)
        return
    st.text_area(label, answer or proposal, key=key, placeholder=field.question, max_chars=field.max_length, height=68)
    if proposal and not answer:
        st.caption("Proposed from the record. Check it; it counts once it is saved.")


def _save_section(arn: str, card: Card, fields: list[CardField], form_key: str) -> None:
    typed = {field.path: str(st.session_state[f"{form_key}-{field.path}"] or "") for field in fields}
    answers = {field.path: card.answer(field.path) for field in FIELDS} | typed
    try:
        saved = model_card.save_answers(session.target(), session.identity(), arn, answers, seen_version=card.version)
        last_outcome.keep_outcome(f"Saved as version {saved.version} of the card.")
    except GovernanceError as error:
        last_outcome.keep_outcome(error)


def show_card_history(package: Package) -> None:
    """The card's versions, and how an older one differs."""
    found = model_card.list_versions(session.target(), package)
    if len(found) < 2:
        return
    with st.expander(f"{len(found)} versions", icon=":material/history:"):
        labels = {number: f"version {number}, {made:%Y-%m-%d %H:%M} UTC" for number, made in found}
        number = st.selectbox("Show", list(labels), index=1, format_func=labels.__getitem__)
        now, then = (model_card.read_card(session.target(), package, version) for version in (found[0][0], number))
        rows = [
            {"field": f.title, f"version {then.version}": then.answer(f.path), f"version {now.version}": now.answer(f.path)}
            for f in FIELDS
            if then.answer(f.path) != now.answer(f.path)
        ]
        if rows:
            st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Fields that differ between the two versions of the card")
        else:
            st.caption("The filled-in fields are the same in both.")


def show_checklists(package: Package, card: Card) -> None:
    """Which fields are evidence for the requirements of a text, and which are missing."""
    target = session.target()
    st.subheader("Evidence for")
    st.caption(
        "Which fields of the record help to answer what a law or guideline asks for. A complete list doesn't mean that the law is met."
    )
    found = {profile.id: profile for profile in regulatory_profiles.load_profiles(target.settings.profiles)}
    old = {name for name, profile in found.items() if profile.is_old()}
    titles = {name: profile.title + (" (old)" if name in old else "") for name, profile in found.items()}
    chosen = found[links.url_selectbox("text", list(found), "Text", format_func=titles.__getitem__)]
    now = read_state(target, package.arn)
    pinned = evidence.read_evidence(target, now.evidence) if now.evidence else None
    answers = regulatory_profiles.build_checklist(chosen, version_facts.collect_facts(target, package, now, card, pinned))
    if chosen.id in old:
        st.badge("Old", color="orange", icon=":material/history:")
    age, unverified = regulatory_profiles.describe_age(chosen), any(not answer.item.verified for answer in answers)
    st.markdown(f"{markdown.escape_markdown(age)} [Source]({chosen.source}). {markdown.escape_markdown(chosen.note)}")
    rows = [
        {
            "part": a.item.ref,
            "fields": f"{len(a.filled)} of {len(a.item.fields)}",
            "asks for": a.item.asks + ("" if a.item.verified else " (unverified)"),
            "missing": ", ".join(regulatory_profiles.field_title(path) for path in a.missing),
            "filled": ", ".join(regulatory_profiles.field_title(path) for path in a.filled),
            "related": ", ".join(a.item.tags),
        }
        for a in answers
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", alt=f"Checklist of {chosen.title}")
    if unverified:
        st.caption("Unverified: the wording of this part couldn't be compared with the text or with an account of it.")
    mitigation_notes.show_full_notes([chosen])
