"""Ids among the features: columns that number or name the rows, from which a model learns single rows by heart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.analysis.leaks.coded_columns import CodedColumn

MIN_ROWS = 30
"""Fewer rows are often all different by themselves."""
MIN_DISTINCT_SHARE = 0.95
"""So many of the rows that differ have a value of their own in an id."""
MIN_STEPS_SHARE = 0.99
MIN_DIGITS = 8
_ID_NAME = re.compile(
    r"(?:^|[\s_.\-#])(?:id|ids|uuid|guid|index|idx|key|row|rownum|nr|no|number|ref|reference|account|iban|ssn)$", re.IGNORECASE
)
_ID_IN_CAMEL_CASE = re.compile(r"[a-z](?:Id|ID|Key|Nr|No|Number|Index)$")

IdKind = Literal["row order", "consecutive", "name", "text", "digits"]


@dataclass(frozen=True)
class IdColumn:
    """A feature that looks like an id. ``distinct``: its different values, of ``rows`` rows that have one.

    ``kind``: ``row order`` (rises or falls with the row number); ``consecutive`` (numbers with hardly a gap); ``name`` (it is called an
    id); ``text`` (a text for each row); ``digits`` (whole numbers that all have equally many digits, at least ``MIN_DIGITS``).
    """

    feature: str
    kind: IdKind
    distinct: int
    rows: int

    @property
    def share(self) -> float:
        """Different values of all rows, in [0, 1]."""
        return self.distinct / self.rows


def find_id_columns(columns: Sequence[CodedColumn], different_rows: int) -> list[IdColumn]:
    """The columns of whole numbers or text with (almost) one value a row that look like ids. ``different_rows``: rows of the table that
    differ from each other, so that ids are found in a table with every row twice.

    >>> import pandas as pd
    >>> from core.analysis.leaks.coded_columns import code_column
    >>> [(one.feature, one.kind) for one in find_id_columns([code_column(pd.Series(range(7, 107), name="n"))], 100)]
    [('n', 'row order')]
    """
    found = ((column, _id_kind(column, different_rows)) for column in columns)
    return [IdColumn(column.name, kind, len(column.values), int(column.counts[:-1].sum())) for column, kind in found if kind]


def _id_kind(column: CodedColumn, different_rows: int) -> IdKind | None:
    distinct, known = len(column.values), int(column.counts[:-1].sum())
    if distinct < MIN_ROWS or distinct < MIN_DISTINCT_SHARE * min(different_rows, known):
        return None
    if not column.is_numeric:
        return "text"
    values = column.values
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
        return None
    codes = column.codes[column.codes < distinct]
    steps = np.diff(codes)
    steps = steps[steps != 0]
    if len(steps) and max((steps > 0).mean(), (steps < 0).mean()) >= MIN_STEPS_SHARE:
        return "row order"
    low, high = float(values[0]), float(values[-1])
    if high - low + 1 <= 1.5 * distinct:
        return "consecutive"
    if _ID_NAME.search(column.name.strip()) or _ID_IN_CAMEL_CASE.search(column.name.strip()):
        return "name"
    digits = len(f"{abs(high):.0f}")
    return "digits" if low > 0 and digits >= MIN_DIGITS and len(f"{low:.0f}") == digits else None
