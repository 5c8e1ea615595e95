"""A version's model card: the form that people fill in, its versions, and which requirements it is evidence for."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.errors import GovernanceError
from core.governance import evidence, regulatory_profiles
from core.governance.model_cards import model_card
from core.governance.model_cards.model_card import Card
from core.governance.model_cards.model_card_content import FIELDS
from core.governance.version_state import read_state
from core.registry import model_packages
from core.registry.registry_types import Package
from ui import session
from ui.components import links, markdown
from ui.decisions import last_outcome


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
    with st.expander("To be filled in by people", icon=":material/edit_note:", expanded=bool(missing)):
        card_form(arn, card)
    with st.expander("Filled in from jobs, reports and data", icon=":material/inventory:"):
        st.json({part: value for part, value in card.content.items() if part != "evaluation_details"}, expanded=1)
        st.caption("The JSON also contains quality, bias and SHAP.")
    show_card_history(package)
    show_checklists(package, card)


def card_form(arn: str, card: Card) -> None:
    """The form, a field per question. It sends which version of the card its author saw."""
    mark = f"{card.name}-{card.version}"
    with st.form(f"card-{mark}", border=False, enter_to_submit=False):
        for field in FIELDS:
            key, answer = f"{mark}-{field.path}", card.answer(field.path)
            if field.choices:
                index = field.choices.index(answer) if answer in field.choices else 0
                st.selectbox(field.title, field.choices, index=index, key=key, help=field.question)
            else:
                st.text_area(field.title, answer, key=key, placeholder=field.question, max_chars=field.max_length, height=68)
        allowed = session.is_allowed("edit card")
        st.form_submit_button(
            "Save the card",
            type="primary",
            icon=":material/save:",
            disabled=not allowed,
            on_click=_save_card,
            args=(arn, card.version, mark),
        )
        if not allowed:
            st.caption(f"The {session.identity().role} role can't change a card.")


def _save_card(arn: str, seen_version: int, form_key: str) -> None:
    answers = {field.path: str(st.session_state[f"{form_key}-{field.path}"] or "") for field in FIELDS}
    try:
        card = model_card.save_answers(session.target(), session.identity(), arn, answers, seen_version=seen_version)
        last_outcome.keep_outcome(f"Saved as version {card.version} of the card.")
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
    chosen = found[links.url_selectbox("text", list(found), "Text", format_func=lambda name: found[name].title)]
    now = read_state(target, package.arn)
    pinned = evidence.read_evidence(target, now.evidence) if now.evidence else None
    answers = regulatory_profiles.build_checklist(chosen, regulatory_profiles.collect_facts(target, package, now, card, pinned))
    st.markdown(f"As of {chosen.date}, [source]({chosen.source}). {markdown.escape_markdown(chosen.note)}")
    rows = [
        {
            "part": a.item.ref,
            "fields": f"{len(a.filled)} of {len(a.item.fields)}",
            "asks for": a.item.asks,
            "missing": ", ".join(regulatory_profiles.field_title(path) for path in a.missing),
            "filled": ", ".join(regulatory_profiles.field_title(path) for path in a.filled),
            "related": ", ".join(a.item.tags),
        }
        for a in answers
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height="content", alt=f"Checklist of {chosen.title}")
