"""Ids among the features: columns that number or name the rows, from which a model learns single rows by heart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.analysis.leaks.coded_columns import CodedColumn
from core.analysis.tables.id_kinds import IdKind, find_id_kind, may_be_id


@dataclass(frozen=True)
class IdColumn:
    """A feature that looks like an id. ``kind``: how it shows; ``distinct``: its different values, of ``rows`` rows that have one."""

    feature: str
    kind: IdKind
    distinct: int
    rows: int

    @property
    def share(self) -> float:
        """Different values of all rows, in [0, 1]."""
        return self.distinct / self.rows


def find_id_columns(columns: Sequence[CodedColumn], different_rows: int) -> list[IdColumn]:
    """The columns that are ids by the rule of ``tables.id_kinds``. ``different_rows``: rows of the table that differ from each other, so
    that ids are found in a table with every row twice.

    >>> import pandas as pd
    >>> from core.analysis.leaks.coded_columns import code_column
    >>> [(one.feature, one.kind) for one in find_id_columns([code_column(pd.Series(range(7, 207), name="n"))], 200)]
    [('n', 'row order')]
    """
    found = ((column, _id_kind(column, different_rows)) for column in columns)
    return [IdColumn(column.name, kind, len(column.values), column.known) for column, kind in found if kind]


def _id_kind(column: CodedColumn, different_rows: int) -> IdKind | None:
    distinct, rows = len(column.values), min(different_rows, column.known)
    if not may_be_id(distinct, rows):
        return None
    return find_id_kind(column.name, column.values[column.codes[column.codes < distinct]], distinct, rows)
