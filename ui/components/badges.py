"""What every page shows in one way: errors, charts with their table, empty states, jobs, links."""

from __future__ import annotations

import streamlit as st

STATE_BADGES = {
    "Completed": ("green", ":material/check_circle:", "Completed"),
    "InProgress": ("blue", ":material/progress_activity:", "In progress"),
    "Stopping": ("orange", ":material/stop_circle:", "Stopping"),
    "Stopped": ("gray", ":material/stop_circle:", "Stopped"),
    "Failed": ("red", ":material/error:", "Failed"),
    "Approved": ("green", ":material/verified:", "Approved"),
    "Rejected": ("red", ":material/block:", "Rejected"),
    "PendingManualApproval": ("orange", ":material/hourglass_top:", "Waiting for a decision"),
    "registered": ("gray", ":material/app_registration:", "Registered"),
    "submitted": ("orange", ":material/hourglass_top:", "Submitted, to be validated"),
    "validated": ("blue", ":material/fact_check:", "Validated, to be approved"),
    "approved": ("green", ":material/verified:", "Approved"),
    "approved with conditions": ("green", ":material/verified:", "Approved with conditions"),
    "rejected": ("red", ":material/block:", "Rejected"),
    "withdrawn": ("gray", ":material/undo:", "Withdrawn"),
    "retired": ("gray", ":material/inventory_2:", "Retired"),
    "expired": ("red", ":material/event_busy:", "Approval expired"),
    "void": ("red", ":material/gpp_bad:", "Void"),
    "made elsewhere": ("gray", ":material/input:", "Made elsewhere"),
    "approved elsewhere": ("orange", ":material/input:", "Approved outside this product"),
    "rejected elsewhere": ("gray", ":material/input:", "Rejected outside this product"),
}


def show_state(status: str) -> None:
    """A job's or package's state as a badge."""
    colour, icon, words = STATE_BADGES.get(status, ("gray", ":material/help:", status))
    st.badge(words, color=colour, icon=icon)  # type: ignore[arg-type]


def state_label(status: str) -> str:
    """A state in words."""
    return STATE_BADGES.get(status, ("", "", status))[2]
