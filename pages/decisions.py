"""Decisions: which version waits for whom, the gates, the decision, the model card, and the log with its verification."""

from __future__ import annotations

import streamlit as st

from app_pages import _book, _card, _decide, _kept, _session, _show, _version
from core.governance import decisions, elsewhere, log, policy


def picked() -> str | None:
    """The version that is looked at; None, and what to do next, where there is none."""
    waiting = _kept.lately(decisions.waiting, named=st.query_params.get("package"))
    if not waiting:
        _show.empty("No version is registered yet.", "overview", "To the overview")
        return None
    names = {v.arn: " · ".join(filter(None, (v.label, v.role, elsewhere.label(v.status, state)))) for v, state in waiting}
    return _show.chosen("package", list(names), "Version", format_func=names.__getitem__)


def queue() -> None:
    arn = picked()
    if arn is None:
        return
    rules, problem = _kept.lately(policy.in_force)
    if problem:
        _show.show_error(problem)
    head = _kept.lately(log.length)
    _version.show(_version.standing(_session.target(), arn, head), rules)


def cards() -> None:
    arn = picked()
    if arn is not None:
        _decide.said()
        _card.panel(arn)


st.title("Decisions")
tabs = {"versions": "Versions", "card": "Model card", "log": "Log", "policy": "Policy"}
draws = (queue, cards, _book.draw_log, _book.draw_policy)
for panel, draw in zip(_show.sections("decisions", tabs), draws, strict=True):
    if panel.open:
        with panel, _show.errors_shown():
            draw()
