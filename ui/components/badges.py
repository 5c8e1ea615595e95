"""The state of a job or a version, as a badge or in words."""

from __future__ import annotations

from typing import Literal

import streamlit as st

BadgeColour = Literal["red", "orange", "blue", "green", "gray"]
STATE_BADGES: dict[str, tuple[BadgeColour, str, str]] = {
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
    st.badge(words, color=colour, icon=icon)


def state_label(status: str) -> str:
    """A state in words."""
    return STATE_BADGES[status][2] if status in STATE_BADGES else status
