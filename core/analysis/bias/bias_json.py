"""Counts by group as bias reports have them in JSON, in the part ``governance``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypedDict

CellRows: TypeAlias = Sequence[Sequence[Sequence[float]]]
"""Rows by group, facet (rest, facet) and label (unfavourable, favourable)."""


class FacetCounts(TypedDict, total=False):
    """Rows of the facet and of the rest, and how many of each have the favourable label; and the rows that are left out
    because something isn't known, which older reports lack. Empty if the report has no counts."""

    facet: str
    value_or_threshold: str
    rows: int
    rest: int
    favourable_rows: int
    favourable_rest: int
    without_label: int
    without_facet: int
    without_prediction: int
    without_group: int


class ThresholdSweepJson(TypedDict):
    """A ``ThresholdSweep`` in JSON."""

    thresholds: Sequence[float]
    groups: Sequence[str]
    totals: CellRows
    accepted: Sequence[CellRows]
    favourable: int


class FacetSweep(ThresholdSweepJson):
    """The sweep of one facet."""

    facet: str
    value_or_threshold: str
