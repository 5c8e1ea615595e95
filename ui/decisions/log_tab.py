"""The log of decisions, and its verification."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from core.aws.target import Target
from core.governance import kept_heads, verification
from core.identity import Identity
from core.ledger import audit_log
from ui import session
from ui.components import markdown, tables


def events_table(events: tuple[audit_log.Event, ...] | list[audit_log.Event]) -> pd.DataFrame:
    """Events as a table, the newest first."""
    rows = [
        {
            "event": e.number,
            "when": pd.Timestamp(e.time),
            "what": e.kind,
            "who": e.actor["name"],
            "role": e.actor["role"],
            "reason": e.body.get("code", ""),
            "rationale": e.body.get("reason", ""),
            "about": e.subject.rpartition("model-package/")[2],
        }
        for e in reversed(events)
    ]
    return pd.DataFrame(rows, columns=["event", "when", "what", "who", "role", "reason", "rationale", "about"])


def show_log() -> None:
    """The log, newest first, a page at a time."""
    events = audit_log.read_events(session.target())
    st.caption(f"{len(events):,} events. Each is signed and contains the hash of the one before.")
    if not events:
        st.info("Nothing has been decided yet. The first event will be the first submission.", icon=":material/info:")
        return
    size = 50
    page = st.number_input("Page", 1, -(-len(events) // size), key="log-page") if len(events) > size else 1
    end = len(events) - (page - 1) * size
    page_of = events_table(events[max(end - size, 0) : end])
    st.dataframe(page_of, hide_index=True, height="content", column_config=tables.TIME_COLUMNS, alt="Events of the log")
    with st.container(horizontal=True):
        checking = st.button("Verify the log and its evidence", icon=":material/rule:", type="primary")
        st.download_button(
            "Signed head",
            partial(_export_head, session.target(), session.identity() if session.is_allowed("export") else None),
            "log-head.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            help="Keep it in another place: with it you can check later that no event was removed from the end.",
        )
    last_export = kept_heads.describe_last_export(session.target())
    if last_export.is_overdue:
        st.warning(last_export.sentence, icon=":material/history:")
    else:
        st.caption(last_export.sentence)
    kept = st.file_uploader(
        "A head that you kept", type="json", help="A signed head that you downloaded earlier. The log must still contain its event."
    )
    if checking:
        with st.spinner("Reading every event and every file of evidence …"):
            found = verification.verify_log(session.target(), exported_head=kept_heads.read_head_file(kept.getvalue()) if kept else None)
        if found.is_valid:
            st.success(f"The log is valid: {found.events:,} events, {found.files:,} files of evidence.", icon=":material/verified_user:")
        else:
            first = next((p.number for p in found.problems if p.number), None)
            where = f"The first bad event is {first}." if first else "The problem isn't in one of its events."
            st.error(f"**The log is invalid.** {where}", icon=":material/gpp_bad:")
            table = pd.DataFrame([{"event": p.number, "what": p.what, "where": p.subject} for p in found.problems])
            st.dataframe(table, hide_index=True, alt="Problems of the log")
        _show_basis(found)


def _export_head(target: Target, identity: Identity | None) -> bytes:
    """The signed head. ``identity``: who exports it, which is recorded; None for somebody who may only look."""
    head = kept_heads.export_head(target)
    if identity is not None:
        kept_heads.record_export(target, identity, head)
    return head


def _show_basis(found: verification.Verification) -> None:
    """What the verification rests on: the keys, earlier formats, and whether a kept head was compared."""
    if not found.is_compared and found.events:
        st.info(verification.NOT_COMPARED, icon=":material/info:")
    st.caption("; ".join(f"Key `{keyid}` signed {count:,} {'event' if count == 1 else 'events'}" for keyid, count in found.keys.items()))
    if found.older_versions:
        names = ", ".join(arn.rpartition("model-package/")[2] for arn in found.older_versions)
        st.caption(markdown.escape_markdown(f"Older evidence, judged by the rules of its time: {names}"))
