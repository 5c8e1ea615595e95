"""What happened to a version: who, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import pandas as pd

EVENT_WORDS = {
    "submit": "submitted for a decision",
    "validate": "validated",
    "approve": "approved",
    "reject": "rejected",
    "withdraw": "withdrawn",
    "retire": "retired",
    "waive": "asked to waive a gate",
    "confirm waiver": "confirmed a waiver",
    "meet condition": "reported a condition as met",
}


class LogEvent(Protocol):
    """An event of the audit log."""

    @property
    def number(self) -> int: ...
    @property
    def time(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def actor(self) -> dict[str, str]: ...
    @property
    def body(self) -> Mapping[str, object]: ...


def events_table(events: Sequence[LogEvent], properties: Mapping[str, str], registered_at: datetime) -> pd.DataFrame:
    """The registration and every event of the log, the newest first."""
    rows = [
        {
            "when": pd.Timestamp(event.time),
            "what": EVENT_WORDS.get(event.kind, event.kind),
            "who": event.actor["name"],
            "as": event.actor.get("role", ""),
            "reason": event.body.get("code", ""),
            "rationale": event.body.get("reason", ""),
            "event": f"{event.number}",
        }
        for event in reversed(events)
    ]
    trained = properties.get("governance:trained-by-name")
    first = {
        "when": pd.Timestamp(registered_at),
        "what": "registered",
        "who": properties.get("governance:registered-by-name", "unknown"),
        "as": "",
        "reason": "",
        "rationale": f"The model was trained by {trained}." if trained else "",
        "event": "–",
    }
    found = pd.DataFrame([*rows, first])
    found["when"] = pd.to_datetime(found["when"], utc=True)
    return found
