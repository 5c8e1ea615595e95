"""What a check of the target reports: one finding for each resource, setting or permission."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FindingState = Literal["ok", "advice", "missing", "unknown"]
STATE_MARKS: dict[FindingState, str] = {"ok": "ok", "advice": "advice", "missing": "MISSING", "unknown": "unknown"}


@dataclass(frozen=True)
class Finding:
    """One result of the doctor. ``subject``: the setting, resource or permission; ``what``: its state in words; ``remedy``: what to do, ""
    if it is ok. State "advice": the workflow can do without it; "unknown": it could not be read."""

    area: str
    subject: str
    state: FindingState
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{STATE_MARKS[self.state]:8}{self.area}: {self.subject}: {self.what}" + (f" {self.remedy}" if self.remedy else "")
