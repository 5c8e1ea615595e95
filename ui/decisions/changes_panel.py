"""What changed since the version of the group that was approved last."""

from __future__ import annotations

import streamlit as st

from core.aws.read_snapshot import ReadSnapshot
from core.governance import version_state
from core.ledger import audit_log
from core.registry import version_changes
from core.registry.registry_types import Package
from core.registry.version_changes import VersionChanges
from core.views.registry import change_sentences
from ui import session
from ui.components import errors, links, markdown


@st.cache_data(ttl="15m", max_entries=32, show_spinner="Comparing with the approved version …")
def read_changes(cache_key: str, before: str, after: str, _snapshot: ReadSnapshot) -> VersionChanges:
    """What changed from one version to another."""
    return version_changes.read_changes(_snapshot, before, after)


def show_changes(package: Package, snapshot: ReadSnapshot) -> None:
    """In short sentences; or that no version of the group is approved."""
    before = version_state.last_approved(audit_log.read_events(snapshot), package.arn)
    if before is None:
        st.markdown("**Since the last approved version**  \nNo other version of this group is approved: there is nothing to compare with.")
        return
    with errors.show_raised_errors():
        found = read_changes(session.cache_key(), before, package.arn, snapshot)
        said = {"Quality": change_sentences.quality_sentence(found.quality, found.why_unpaired)}
        for facet, differences in found.bias.items():
            named = found.after.bias.describe_facet(facet) if found.after.bias else facet
            said[f"Bias, {named}"] = change_sentences.bias_sentence(differences)
        if not found.bias and found.why_no_bias != found.why_unpaired:
            said["Bias"] = f"Not compared: {found.why_no_bias}"
        said["Data"] = change_sentences.values_sentence(*found.data)
        said["Settings"] = change_sentences.values_sentence(*found.settings)
        lines = [f"**Since {markdown.escape_markdown(found.before.label)}**, the version approved last"]
        lines += [f"{markdown.escape_markdown(name)}: {markdown.escape_markdown(text)}" for name, text in said.items()]
        text, link = st.columns([5, 1], gap="small")
        text.markdown("  \n".join(lines))
        with link:
            links.page_link("registry", "Side by side", package=package.arn, other=before)
