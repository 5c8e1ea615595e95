"""Times as people read them: how long ago, with the exact time on hover."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st


def relative_time(moment: Any, now: datetime | None = None) -> str:
    """``3 min ago``."""
    seconds = (pd.Timestamp(now or datetime.now(UTC)) - pd.Timestamp(moment)).total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def utc_text(moment: Any) -> str:
    """``2026-01-31 12:00:00 UTC``."""
    return f"{pd.Timestamp(moment).tz_convert('UTC'):%Y-%m-%d %H:%M:%S} UTC"


def show_relative_time(moment: Any, prefix: str = "") -> None:
    """``prefix`` and how long ago; the exact time on hover."""
    st.caption(f"{prefix} {relative_time(moment)}".strip(), help=utc_text(moment))
