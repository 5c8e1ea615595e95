"""What mitigation by group and the search for alternatives mean in each jurisdiction, by the regulatory profiles."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.governance import regulatory_profiles
from core.governance.regulatory_profiles import RegulatoryProfile
from ui import session
from ui.components import errors, markdown


def show_short_note() -> None:
    """One line of all jurisdictions; the texts are its help."""
    with errors.show_raised_errors():
        notes = regulatory_profiles.mitigation_notes(regulatory_profiles.load_profiles(session.target().settings.profiles))
        if notes:
            st.caption(
                markdown.escape_markdown(regulatory_profiles.mitigation_sentence(notes)),
                help="\n\n".join(markdown.escape_markdown(f"{note.jurisdiction}: {note.text}") for note in notes),
            )


def show_full_notes(profiles: Sequence[RegulatoryProfile] | None = None) -> None:
    """Each jurisdiction's note with its source. ``profiles``: all of them by default."""
    with errors.show_raised_errors():
        found = profiles or regulatory_profiles.load_profiles(session.target().settings.profiles)
        for note in regulatory_profiles.mitigation_notes(found):
            words = markdown.escape_markdown(f"Mitigation by group, {note.jurisdiction}: {note.stance}. {note.text}")
            st.caption(f"{words} [Source]({note.source})")
