"""Decisions: the waiting versions, their gates and decisions, the model card, and the log with its verification."""

from __future__ import annotations

from ui import router

router.require()

import streamlit as st

from core.aws.read_snapshot import ReadSnapshot
from core.governance import foreign_versions, policy_adoption
from core.governance.validity import list_versions_by_urgency
from core.ledger import audit_log
from core.provenance import reproduction
from ui import cache, session
from ui.components import errors, links, tabs
from ui.decisions import last_outcome, log_tab, model_card, policy_tab, version_panel


def select_version(snapshot: ReadSnapshot) -> str | None:
    """The chosen version; None, and a link to the next step, if there is none."""
    waiting = cache.cached_read_from(snapshot, list_versions_by_urgency, including=st.query_params.get("package"))
    if not waiting:
        links.show_empty_state("No version is registered yet.", "overview", "To the overview")
        return None
    names = {v.arn: " · ".join(filter(None, (v.label, v.role, foreign_versions.status_label(v.status, state)))) for v, state in waiting}
    return links.url_selectbox("package", list(names), "Version", format_func=names.__getitem__)


def show_version_tab() -> None:
    snapshot = session.snapshot()
    arn = select_version(snapshot)
    if arn is None:
        return
    rules = cache.cached_read_from(snapshot, policy_adoption.load_in_force)
    head = cache.cached_read_from(snapshot, audit_log.count_events)
    newest = next(iter(cache.cached_read_from(snapshot, reproduction.list_jobs, arn)), None)
    validity = version_panel.read_validity(session.cache_key(), arn, head, rules.sha256, version_panel.job_mark(newest), snapshot)
    version_panel.show_version_panel(validity, rules, newest, snapshot)


def show_card_tab() -> None:
    arn = select_version(session.snapshot())
    if arn is not None:
        last_outcome.show_last_outcome()
        model_card.show_card(arn)


st.title("Decisions")
labels = {"versions": "Versions", "card": "Model card", "log": "Log", "policy": "Policy"}
draws = (show_version_tab, show_card_tab, log_tab.show_log, policy_tab.show_policy)
for panel, draw in zip(tabs.url_tabs("decisions", labels), draws, strict=True):
    if panel.open:
        with panel, errors.show_raised_errors():
            draw()
