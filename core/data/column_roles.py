"""What the columns of a table are for: roles given by a person, and proposals of the others."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import pandas as pd

from core.analysis.tables.column_kinds import count_distinct, infer_column_kinds
from core.analysis.tables.column_values import cast_to_column
from core.analysis.tables.csv_cells import clean_text
from core.analysis.tables.number_blocks import columns_of_many_values
from core.analysis.tables.role_proposals import propose_facet_value, propose_favourable, propose_label, sensitivity
from core.analysis.tables.table_examination import MAX_TEXT_VALUES, examine_table
from core.analysis.tables.table_reading import TableReading, read_frame
from core.analysis.tables.text_columns import Treatment, sort_texts
from core.data.table_problems import Problem, raise_problems, require_columns, require_two_values
from core.data.threshold_facets import GROUP_VALUE, threshold_sources
from core.errors import DataError

MAX_PROPOSED_GROUPS = 10
"""A column with more values isn't proposed as the facet."""


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns are for. ``favourable``: the label's value that is good for the person; ``facet_value``: the group that may be at a
    disadvantage; ``group``: the column of conditional disparity; ``ignored``: left out of the data set; ``further_facets``: (column,
    value) of other groups whose bias is measured too; ``ordered``: (column, its values from the lowest to the highest); ``missing``:
    (column, what is done with its empty cells: one of ``missing_values.TREATMENTS``, or a value); those of others stay empty;
    ``derived``: (threshold facet, the column that it is made of): models aren't given the first."""

    label: str
    favourable: int
    facet: str
    facet_value: int
    group: str | None = None
    categorical: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    further_facets: tuple[tuple[str, int], ...] = ()
    ordered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    derived: tuple[tuple[str, str], ...] = ()


def chosen_facets(roles: ColumnRoles) -> list[tuple[str, int]]:
    """(column, value) of the facet and of the further facets, each once."""
    return list(dict.fromkeys(((roles.facet, roles.facet_value), *roles.further_facets)))


def sensitive_columns(roles: ColumnRoles) -> tuple[str, ...]:
    """The columns of the facet, the further facets and the group: those that tell protected groups apart. Of a threshold facet, the
    column that it is made of.

    >>> sensitive_columns(ColumnRoles("paid", 1, "sex", 0, "age", further_facets=(("region", 2), ("region", 3))))
    ('sex', 'region', 'age')
    """
    named = (roles.facet, *(column for column, _ in roles.further_facets), *([roles.group] if roles.group else []))
    return tuple(dict.fromkeys(dict(roles.derived).get(column, column) for column in named))


def read_if_needed(table: pd.DataFrame | TableReading) -> TableReading:
    """A table as it was read from its file, or one in memory read by the same rules."""
    return table if isinstance(table, TableReading) else read_frame(table)


def examine_if_needed(table: pd.DataFrame | TableReading) -> TableReading:
    """The table with every finding about its columns."""
    reading = read_if_needed(table)
    return reading if reading.examined else examine_table(reading)


def parse_order(text: str) -> tuple[str, tuple[str, ...]]:
    """``risk=low,medium,high`` as (column, values from the lowest to the highest); a value with a comma in it has quotes around it.
    Raises DataError.

    >>> parse_order('risk=low,medium,"high, or unknown"')
    ('risk', ('low', 'medium', 'high, or unknown'))
    """
    column, _, values = text.partition("=")
    found = tuple(clean_text(value) for value in next(csv.reader([values], skipinitialspace=True), []))
    if not column.strip() or len(found) < 2 or len(set(found)) < len(found) or "" in found:
        raise DataError(f"{text!r} is not an order of a column's values.", resource=text, hint="Write column=lowest,…,highest.")
    return clean_text(column), found


def detect_roles(
    table: pd.DataFrame | TableReading,
    *,
    label: str | None = None,
    favourable: object = None,
    facet: str | None = None,
    facet_value: object = None,
    group: str | None = None,
    ordered: tuple[tuple[str, tuple[str, ...]], ...] = (),
    further_facets: tuple[tuple[str, object], ...] = (),
    missing: tuple[tuple[str, str], ...] = (),
    chosen: Mapping[str, Treatment] | None = None,
) -> ColumnRoles:
    """The roles: those that are given, and a proposal of the others. ``chosen``: column -> what to do with it, instead of what
    ``examine_table`` proposes; ``group``: "" for none, though one could be proposed.

    The facet value proposed is the group with the lowest share of favourable labels. Raises DataError, which asks for the favourable value
    if no word decides it (how often a value occurs says nothing about it), and if no column can be label or facet.
    """
    reading, asked = examine_if_needed(table), label
    label, facet = propose_label_and_facet(reading, label=label, facet=facet)
    require_columns(reading.frame, (label, facet, *([group] if group else [])), named_roles(label, facet, group))
    frame, sources = reading.frame, threshold_sources(reading)
    for role, name in (("label", label), ("facet", facet)):
        if frame[name].dropna().empty:
            raise_problems([Problem(name, f"Column {name} ({role}) is empty.", "Choose another column.")])
    if favourable is None:
        favourable = _propose_favourable(frame, label, was_proposed=label != asked)
    favourable = cast_to_column(frame[label], favourable)
    if facet_value is None:
        facet_value = GROUP_VALUE if facet in sources else propose_facet_value(frame, label, favourable, facet)
    named = {label, facet, *dict(ordered), *dict(further_facets)}
    named |= {sources[name] for name in named & sources.keys()}
    if group is None:
        group = next((c for c in map(str, frame.columns) if c.lower() == "age" and c not in named), None)
    roles = ColumnRoles(
        label,
        cast(int, favourable),
        facet,
        cast(int, facet_value),
        group or None,
        further_facets=cast(tuple[tuple[str, int], ...], further_facets),
        ordered=ordered,
        missing=missing,
    )
    return apply_treatments(reading, roles, chosen or {})


def propose_label_and_facet(table: pd.DataFrame | TableReading, *, label: str | None = None, facet: str | None = None) -> tuple[str, str]:
    """The label and the facet, by the names of columns with few values, where they aren't given. Raises DataError."""
    reading = read_if_needed(table)
    frame, left_out = reading.frame, {finding.column for finding in reading.findings if finding.treatment == "leave out"}
    many = columns_of_many_values(frame, MAX_PROPOSED_GROUPS)
    counts = {str(c): count_distinct(frame.iloc[:, i], MAX_PROPOSED_GROUPS) for i, c in enumerate(frame.columns.tolist()) if i not in many}
    two = [c for c, n in counts.items() if n == 2 and c not in {label, facet}]
    named = [c for c in map(str, frame.columns) if c not in left_out and c not in threshold_sources(reading)]
    label = label or propose_label(named, {c: frame[c].dropna().unique().tolist() for c in two}) or (two[-1] if two else None)
    if label is None:
        raise DataError("No column has exactly two values.", resource="label", hint="Give a table with a two-valued label.")
    few = [c for c, n in counts.items() if c != label and 2 <= n <= MAX_PROPOSED_GROUPS]
    facet = facet or next((c for c in sorted(few, key=sensitivity, reverse=True) if sensitivity(c)), None)
    facet = facet or next((c for c in two if c != label), None)
    if facet is None:
        raise DataError("No column looks like a facet (sex, for instance).", resource="facet", hint="Name the facet yourself.")
    return label, facet


def _propose_favourable(frame: pd.DataFrame, label: str, *, was_proposed: bool) -> object:
    """The value that words decide for. Raises DataError, which names both, if none does; ``was_proposed``: nobody has named the label."""
    require_two_values(frame, label)
    counts = frame[label].value_counts()
    found = propose_favourable(label, counts.index.tolist())
    if found is None:
        values = sort_texts([f"{value}" for value in counts.index])
        sizes = {str(value): int(n) for value, n in counts.items()}
        shown = " or ".join(f"{value} ({sizes[value]:,} rows)" for value in values)
        message = f"Which value of {label} is good for the person: {shown}? No word in the table decides it."
        hint = f"Say it: --favourable {shlex.quote(values[0])} or --favourable {shlex.quote(values[1])}."
        if was_proposed:
            hint += f" If {label} isn't what happened, name the column that says it: --label."
        raise_problems([Problem(label, message, hint)])
    return found


def apply_treatments(reading: TableReading, roles: ColumnRoles, chosen: Mapping[str, Treatment]) -> ColumnRoles:
    """The roles with what is done with each column: what a person chose, else what the finding about it proposes. Columns that have a role
    stay. Raises DataError for what can't be done."""
    frame = reading.frame
    require_columns(frame, chosen)
    named = {roles.label, roles.facet, *dict(roles.ordered), *dict(roles.further_facets), *([roles.group] if roles.group else [])}
    by_column = {finding.column: finding for finding in reading.findings if finding.choices}
    done: dict[str, Treatment] = {}
    for column, finding in by_column.items():
        treatment = chosen.get(column, finding.treatment)
        if column in named and column not in chosen:
            if finding.kind != "duplicate" or finding.twin in named:
                continue
            column = finding.twin
        if treatment is not None:
            done[column] = treatment
    done |= chosen
    kinds = infer_column_kinds(frame)
    problems = [
        Problem(
            column,
            f"Column {column} has text ({', '.join(map(str, frame[column].dropna().unique()[:3]))}), so it can't be continuous.",
            "Take it for categories, give it an order, or leave it out.",
        )
        for column, treatment in done.items()
        if treatment == "continuous" and kinds[column] == "text"
    ]
    if problems:
        raise_problems(problems)
    ignored = tuple(column for column in map(str, frame.columns) if done.get(column) == "leave out")
    undecided = {column for column, finding in by_column.items() if finding.blocks}
    guessed = {
        column
        for column, kind in kinds.items()
        if kind == "categorical"
        or (kind == "text" and column not in undecided and count_distinct(frame[column], MAX_TEXT_VALUES) <= MAX_TEXT_VALUES)
    }
    guessed -= {column for column, treatment in done.items() if treatment == "continuous"} | named
    guessed |= {column for column, treatment in done.items() if treatment == "categorical"}
    categorical = tuple(column for column in map(str, frame.columns) if column in guessed and column not in ignored)
    return replace(roles, categorical=categorical, ignored=ignored)


def named_roles(label: str, facet: str, group: str | None) -> dict[str, str]:
    """Column -> the role that it has, for messages."""
    return {**({group: "group"} if group else {}), facet: "facet", label: "label"}
