"""Facets by a threshold, such as age <= 25: a column of yes and no, by which people are grouped and which no model is given."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from core.analysis.tables.csv_cells import clean_text
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Finding
from core.errors import DataError

FINDING_KIND: Final = "threshold facet"
GROUP_VALUE = "yes"
"""The value of the people whom the threshold names."""
PATTERN = re.compile(r"(?P<column>.+?)\s*(?P<sign><=|>=|≤|≥|<|>)\s*(?P<limit>[-−]?\d+(?:\.\d+)?)")
SIGNS = {"≤": "<=", "≥": ">="}
COMPARISONS = {"<=": np.less_equal, ">=": np.greater_equal, "<": np.less, ">": np.greater}


@dataclass(frozen=True)
class ThresholdFacet:
    """The people whose ``column`` is on one side of ``limit``; ``sign``: <=, >=, < or >."""

    column: str
    sign: str
    limit: float

    @property
    def name(self) -> str:
        """The facet's own column: ``age <= 25``."""
        limit = str(int(self.limit)) if self.limit.is_integer() else repr(self.limit)
        return f"{self.column} {self.sign} {limit}"


def parse_threshold(text: str) -> ThresholdFacet | None:
    """``age<=25`` as a threshold facet; None for what isn't one.

    >>> parse_threshold("age<=25").name, parse_threshold("sex")
    ('age <= 25', None)
    """
    found = PATTERN.fullmatch(clean_text(text))
    if found is None:
        return None
    return ThresholdFacet(found["column"].strip(), SIGNS.get(found["sign"], found["sign"]), float(found["limit"].replace("−", "-")))


def add_threshold_facets(reading: TableReading, facets: Iterable[ThresholdFacet]) -> TableReading:
    """The table with a column of yes and no for each facet, after its own columns; a cell is empty where the facet's column is.

    Raises one DataError for all facets whose column doesn't exist, isn't numbers, or has all its people on one side of the threshold.
    """
    frame, findings, problems = reading.frame.copy(deep=False), list(reading.findings), []
    for facet in dict.fromkeys(facets):
        if facet.name in frame.columns:
            continue
        if facet.column not in reading.frame.columns:
            problems.append(f"The facet {facet.name} needs a column {facet.column}, which isn't in the table.")
            continue
        values = reading.frame[facet.column]
        if values.dtype.kind not in "iuf":
            problems.append(f"The facet {facet.name} needs numbers, and column {facet.column} has text.")
            continue
        side = pd.Series(COMPARISONS[facet.sign](values.to_numpy(dtype=float), facet.limit), index=values.index)
        if not 0 < (side & values.notna()).sum() < values.notna().sum():
            problems.append(
                f"All people are on one side of {facet.name}: {facet.column} reaches from {values.min():g} to {values.max():g}."
            )
            continue
        frame[facet.name] = side.map({True: GROUP_VALUE, False: "no"}).where(values.notna())
        message = f"The facet {facet.name} is made of column {facet.column}; models aren't given it."
        findings.append(Finding(facet.name, FINDING_KIND, message, twin=facet.column))
    if problems:
        raise DataError(
            " ".join(problems), resource="facet", hint="Write column <= number, with a column of numbers and a number within it."
        )
    return replace(reading, frame=frame, findings=tuple(findings))


def add_typed_facets(reading: TableReading, text: str) -> TableReading:
    """The table with the threshold facets of a text such as ``age <= 25, income > 1000``. Raises DataError."""
    parts = [part for part in (one.strip() for one in text.split(",")) if part]
    found = {part: parse_threshold(part) for part in parts}
    if wrong := [part for part, facet in found.items() if facet is None]:
        raise DataError(f"{', '.join(map(repr, wrong))} is not a threshold.", resource="facet", hint="Write age <= 25.")
    return add_threshold_facets(reading, [facet for facet in found.values() if facet is not None])


def threshold_sources(reading: TableReading) -> dict[str, str]:
    """Threshold facet -> the column that it is made of, for those that were added to the table."""
    return {finding.column: finding.twin for finding in reading.findings if finding.kind == FINDING_KIND}
