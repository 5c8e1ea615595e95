"""Which trials are shown: one filter for every plot and table, also as text for the URL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

FIXED_COLUMNS = ("number", "name", "status", "objective", "created", "started", "ended", "reason")
"""The columns of a table of trials that aren't hyperparameters."""


def tuned_parameters(trials: pd.DataFrame) -> list[str]:
    """The tuned hyperparameters in a table of trials."""
    return [column for column in trials.columns if column not in FIXED_COLUMNS]


@dataclass(frozen=True)
class TrialFilter:
    """``statuses`` to keep (all when empty); ``ranges``: column → (lowest, highest) to keep, both ends included."""

    statuses: tuple[str, ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.statuses or self.ranges)

    def apply(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The trials that pass. One without a value in a limited column doesn't; a range of an unknown column is ignored."""
        keep = pd.Series(True, index=trials.index)
        if self.statuses:
            keep &= trials["status"].isin(self.statuses)
        for column, (low, high) in self.ranges.items():
            if column in trials:
                values = pd.to_numeric(trials[column], errors="coerce")
                slack = 1e-5 * max(abs(low), abs(high))
                keep &= values.between(low - slack, high + slack)
        return trials[keep]

    def to_text(self) -> str:
        """``status:Completed,Stopped;objective:0.75:0.78``."""
        parts = [f"status:{','.join(self.statuses)}"] if self.statuses else []
        return ";".join([*parts, *(f"{column}:{low:.6g}:{high:.6g}" for column, (low, high) in self.ranges.items())])

    @classmethod
    def from_text(cls, text: str) -> TrialFilter:
        """The filter that ``to_text`` wrote; parts that can't be read are left out."""
        statuses: tuple[str, ...] = ()
        ranges = {}
        for part in text.split(";"):
            name, *values = part.split(":")
            if name == "status" and len(values) == 1:
                statuses = tuple(value for value in values[0].split(",") if value.isalpha())
            elif len(values) == 2:
                try:
                    low, high = float(values[0]), float(values[1])
                except ValueError:
                    continue
                if low <= high:
                    ranges[name] = (low, high)
        return cls(statuses, ranges)

    def summary_text(self, shown: int, total: int) -> str:
        """How many trials pass the filter, and by which conditions."""
        limits = [" or ".join(self.statuses)] if self.statuses else []
        limits += [f"{column} {low:g} to {high:g}" for column, (low, high) in self.ranges.items()]
        return f"{shown} of {total} trials" + (f": {'; '.join(limits)}" if limits else "")
