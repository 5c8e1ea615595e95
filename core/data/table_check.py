"""A table checked against its roles and coded as numbers, and what was found and done in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.tables.column_kinds import ColumnError, to_integers
from core.analysis.tables.column_values import cast_to_column
from core.analysis.tables.number_blocks import number_blocks
from core.analysis.tables.table_examination import MAX_TEXT_VALUES
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Finding, Treatment, sort_texts
from core.data.column_roles import ColumnRoles, named_roles, read_if_needed
from core.data.missing_values import find_wrong_treatments, texts_of, treat_gaps
from core.data.table_problems import Problem, describe_label_values, raise_problems, require_columns
from core.data.threshold_facets import FINDING_KIND, threshold_sources
from core.errors import DataError

MAX_NUMBER = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class CheckedTable:
    """A checked table, which has numbers only, and gaps in features. ``coding``: column -> text -> the code that replaced it;
    ``notes``: what was found about the table, and done; ``treatments``: column -> what was done with it, for those with a finding and
    those left out."""

    frame: pd.DataFrame
    roles: ColumnRoles
    coding: dict[str, dict[str, int]]
    notes: tuple[str, ...] = ()
    treatments: dict[str, str] = field(default_factory=dict)


TREATMENTS_IN_WORDS: dict[Treatment, str] = {
    "leave out": "It's left out.",
    "keep": "It's kept.",
    "categorical": "Its values are taken for categories.",
    "continuous": "Its values are taken for amounts.",
}


def check_table(table: pd.DataFrame | TableReading, roles: ColumnRoles) -> CheckedTable:
    """The table as numbers, with the label as 0/1 (1 = the outcome that is not favourable, unless it is coded 0/1 already). Rows without
    a label or a facet are left out, and counted in the notes.

    Text is replaced by codes 0, 1, …: in the order of ``roles.ordered``, else in that of ``sort_texts``. Empty cells of features stay
    empty, or are treated as ``roles.missing`` says; a median is left to the rebalancing job. Raises DataError, which names every column
    that can't be used and what to do: for text that reads two ways or mixes numbers and words, dates, text with more than
    ``MAX_TEXT_VALUES`` values, and roles that don't fit the table.
    """
    reading = read_if_needed(table)
    _require_roles(reading.frame, roles)
    facets = {roles.facet, *dict(roles.further_facets)}
    derived = {name: source for name, source in threshold_sources(reading).items() if name in facets}
    unused = threshold_sources(reading).keys() - derived.keys() - set(roles.ignored)
    frame, left_out = _leave_out_unknown(reading.frame.drop(columns=[*roles.ignored, *unused]), roles)
    order, missing = dict(roles.ordered), dict(roles.missing)
    problems = _find_unreadable_columns(reading, frame, roles)
    coded = {*roles.categorical, *dict(roles.further_facets)}
    wrong = find_wrong_treatments(frame, missing, complete={roles.label, roles.facet}, categorical=coded, ordered=order)
    problems += [Problem(*one) for one in wrong]
    treated = treat_gaps(frame, {} if wrong else missing)
    frame = treated.frame
    problems += _find_wrong_values(frame, roles)
    text = {str(name) for name, dtype in frame.dtypes.items() if dtype.kind not in "iuf"}
    named = {finding.column for finding in problems}
    problems += [problem for problem in _find_uncodable_columns(frame, roles, text) if problem.column not in named]
    if problems:
        raise_problems(problems)
    coding = dict(treated.coding)
    favourable: Any = _find_value(frame, roles.label, roles.favourable, "favourable value")
    facet_value: Any = _find_value(frame, roles.facet, roles.facet_value, "facet value")
    further: list[tuple[str, Any]] = [(name, _find_value(frame, name, value, "facet value")) for name, value in roles.further_facets]
    coded = {roles.label, roles.facet, *roles.categorical, *(name for name, _ in further)}
    frame = frame.set_axis([str(name) for name in frame.columns.tolist()], axis=1)
    for name in sorted(text | order.keys() - set(roles.ignored)):
        texts, codes = _text_codes(frame[name])
        values = list(order.get(name) or sort_texts(texts))
        if name not in coded and name != roles.group and len(values) > 0:
            coded.add(name)
        coding[name] = {value: i for i, value in enumerate(values)}
        places = pd.array([*(coding[name][one] for one in texts), None], dtype="Int64")[codes]
        frame[name] = pd.Series(places if places.isna().any() else places.astype("int64"), index=frame.index)
    if roles.label in coding:
        favourable = coding[roles.label][str(favourable)]
    if roles.facet in coding:
        facet_value = coding[roles.facet][str(facet_value)]
    further = [(name, coding[name][str(value)] if name in coding else value) for name, value in further]
    try:
        frame = to_integers(frame, [roles.label, roles.facet], coded)
    except ColumnError as error:
        raise DataError(
            f"Column {error.column}: {error.reason}.", resource=error.column, hint="Correct it, or leave the column out."
        ) from error
    label = frame[roles.label]
    if set(label.unique()) != {0, 1}:
        old = {str(v): int(v != favourable) for v in sorted(label.unique())}
        texts_of_label = coding.get(roles.label)  # of an order with values that don't occur, whose codes may be 0 and 2
        coding[roles.label] = {t: old[str(c)] for t, c in texts_of_label.items() if str(c) in old} if texts_of_label else old
        label = (label != favourable).astype("int64")
        favourable = 0
    kept = {roles.label, roles.facet, roles.group, *order}
    categorical = tuple(dict.fromkeys(n for n in (*roles.categorical, *(n for n in coding if n not in kept)) if n not in order))
    frame = pd.concat([label, frame.drop(columns=[roles.label])], axis=1)
    done = ColumnRoles(
        roles.label,
        int(favourable),
        roles.facet,
        int(facet_value),
        roles.group,
        categorical,
        (),
        tuple((name, int(value)) for name, value in further),
        tuple((name, values) for name, values in roles.ordered if name in frame.columns),
        roles.missing,
        tuple(derived.items()),
    )
    treatments: dict[str, str] = {finding.column: treatment_of(finding, roles) for finding in reading.findings if finding.choices}
    treatments |= dict.fromkeys(roles.ignored, "leave out")
    return CheckedTable(frame, done, coding, (*notes_in_words(reading, roles), *left_out, *treated.notes), treatments)


def _text_codes(series: pd.Series[Any]) -> tuple[list[str], NDArray[np.intp]]:
    """The column's different values as text, and which of them each row has (-1 if none)."""
    codes, values = pd.factorize(series)
    return texts_of(pd.Series(values, name=series.name)), codes


def treatment_of(finding: Finding, roles: ColumnRoles) -> Treatment:
    """What the roles do with a finding's column."""
    if finding.column in roles.ignored:
        return "leave out"
    if finding.column in roles.categorical:
        return "categorical"
    return "continuous" if finding.kind == "mostly whole" else "keep"


def notes_in_words(reading: TableReading, roles: ColumnRoles) -> tuple[str, ...]:
    """What was found about the table, each with what is done, in sentences."""
    notes, told = [], set()
    facets = {roles.facet, *dict(roles.further_facets)}
    for finding in reading.findings:
        if finding.kind == FINDING_KIND and finding.column not in facets:
            continue
        if finding.blocks and finding.column not in {*roles.ignored, *roles.categorical, *dict(roles.ordered)}:
            continue  # it's refused, or asked
        if not finding.choices:
            notes.append(finding.message + (f" {finding.column} is left out." if finding.column in roles.ignored else ""))
            told.add(finding.column)
            continue
        done = TREATMENTS_IN_WORDS[treatment_of(finding, roles)]
        if finding.twin and finding.twin in roles.ignored and finding.column not in roles.ignored:
            done = f"{finding.twin} is left out."
            told.add(finding.twin)
        notes.append(f"{finding.message} {done}")
        told.add(finding.column)
    others = [name for name in roles.ignored if name not in told]
    how = "by choice" if reading.examined else "as the roles say"  # without an examination nobody knows why
    return (*notes, *([f"Left out {how}: {', '.join(others)}."] if others else []))


def _require_roles(frame: pd.DataFrame, roles: ColumnRoles) -> None:
    """Raises one DataError for all roles that don't fit the columns."""
    order, further = dict(roles.ordered), dict(roles.further_facets)
    group = [roles.group] if roles.group is not None else []
    names = (roles.label, roles.facet, *group, *roles.categorical, *roles.ignored, *order, *further)
    require_columns(frame, names, named_roles(roles.label, roles.facet, roles.group))
    problems = []
    if len({roles.label, roles.facet}) < 2 or roles.label in roles.ignored or roles.facet in roles.ignored:
        message = f"Label {roles.label} and facet {roles.facet} must be two different columns that are not ignored."
        problems.append(Problem(roles.facet, message, "Choose others."))
    if roles.group is not None and roles.group in {roles.label, roles.facet, *roles.ignored}:
        message = f"The group {roles.group} is the label, the facet or an ignored column."
        problems.append(Problem(roles.group, message, "Choose another column, or none."))
    for name in further:
        if name in {roles.label, roles.facet, *roles.ignored}:
            hint = "Choose a column that exists, isn't ignored, and is neither label nor facet."
            problems.append(Problem(name, f"Column {name} can't be a further facet.", hint))
    if len(frame.columns) - len(set(roles.ignored)) < 3:
        hint = "Give at least one more column to learn from."
        problems.append(Problem(roles.label, "There is no column besides label and facet.", hint))
    if problems:
        raise_problems(problems)


def _leave_out_unknown(frame: pd.DataFrame, roles: ColumnRoles) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows that have a label and a facet, and a sentence about the others."""
    sentences, unknown = [], pd.Series(False, index=frame.index)
    for role, name in (("label", roles.label), ("facet", roles.facet)):
        empty = frame[name].isna()
        if empty.all():
            raise_problems([Problem(name, f"Column {name} ({role}) is empty.", "Choose another column.")])
        if empty.any():
            rows, first = int(empty.sum()), int(empty.to_numpy().argmax()) + 1
            what = "1 row has" if rows == 1 else f"{rows:,} rows have"
            sentences.append(f"{what} no {name} ({role}) and {'is' if rows == 1 else 'are'} left out (the first is row {first:,}).")
            unknown |= empty
    return (frame[~unknown].reset_index(drop=True) if sentences else frame), tuple(sentences)


def _find_unreadable_columns(reading: TableReading, frame: pd.DataFrame, roles: ColumnRoles) -> list[Problem]:
    """The columns with text that a person must decide on, and orders that lack a value."""
    problems = find_undecided(reading, roles)
    for name, values in roles.ordered:
        if name in frame.columns and (absent := sort_texts(list(set(texts_of(frame[name])) - set(values)))):
            message = f"The order of column {name} ({', '.join(values)}) lacks {', '.join(absent[:10])}."
            problems.append(Problem(name, message, "Give every value that occurs a place in the order."))
    return problems


def find_undecided(reading: TableReading, roles: ColumnRoles) -> list[Problem]:
    """The columns whose text a person must decide on: it reads two ways, mixes numbers and words, or is dates."""
    further = (name for name, _ in roles.further_facets)
    decided = {roles.label, roles.facet, *roles.categorical, *roles.ignored, *dict(roles.ordered), *further}
    return [Problem(f.column, f.message, f.hint) for f in reading.findings if (f.blocks or f.kind == "dates") and f.column not in decided]


def _find_wrong_values(frame: pd.DataFrame, roles: ColumnRoles) -> list[Problem]:
    """What is wrong with the values of label, facet and further facets."""
    problems = []
    if frame[roles.label].nunique() != 2:
        problems.append(describe_label_values(frame[roles.label]))
    for name in (roles.facet, *dict(roles.further_facets)):
        if frame[name].nunique() < 2:
            only = frame[name].dropna().unique()
            message = f"The facet {name} has only the value {only[0] if len(only) else '(empty)'}: there are no groups to compare."
            problems.append(Problem(name, message, "Choose another facet."))
    asked = [(roles.label, roles.favourable, "favourable value"), (roles.facet, roles.facet_value, "facet value")]
    asked += [(name, value, "facet value") for name, value in roles.further_facets]
    for name, value, kind in asked:
        try:
            if name not in {problem.column for problem in problems}:
                _find_value(frame, name, value, kind)
        except DataError as error:
            problems.append(Problem(name, error.message, error.hint))
    return problems


def _find_uncodable_columns(frame: pd.DataFrame, roles: ColumnRoles, text: set[str]) -> list[Problem]:
    """The columns whose values can't be codes, or can't be learned from."""
    problems = []
    order, coded = dict(roles.ordered), {roles.label, roles.facet, *roles.categorical, *dict(roles.further_facets)}
    too_large = _columns_beyond(frame, MAX_NUMBER)
    for name in map(str, frame.columns.tolist()):
        if name in text:
            distinct = frame[name].nunique()
            if distinct > MAX_TEXT_VALUES and name not in order:
                message = f"Column {name} has text with {distinct} different values."
                problems.append(Problem(name, message, "Leave the column out, or give it numbers."))
        elif name in too_large:
            beyond = np.abs(frame[name].to_numpy(dtype=float)) > MAX_NUMBER
            message = f"Column {name} has {int(beyond.sum())} infinite or too large numbers (the first in row {int(beyond.argmax()) + 1})."
            hint = f"Correct them (the largest number for training is {MAX_NUMBER:g}), or leave the column out."
            problems.append(Problem(name, message, hint))
        elif name in coded and name not in order and frame[name].dtype.kind not in "iu":
            try:
                to_integers(frame[[name]], {name} & {roles.label, roles.facet}, [name])
            except ColumnError as error:
                problems.append(Problem(name, f"Column {name}: {error.reason}.", "Correct it, or leave the column out."))
    return problems


def _columns_beyond(frame: pd.DataFrame, limit: float) -> set[str]:
    """The columns of fractions with a number whose size is above the limit."""
    names = frame.columns.tolist()
    return {
        str(names[place])
        for places, block in number_blocks(frame)
        if block.dtype.kind == "f"
        for place in places[(np.fmax.reduce(block, axis=1) > limit) | (np.fmin.reduce(block, axis=1) < -limit)]
    }


def _find_value(frame: pd.DataFrame, column: str, value: Any, value_kind: str) -> Any:
    """The value as the column has it; ``1``, ``1.0`` and ``"1"`` are the same in a column of numbers. Raises DataError if it's missing."""
    candidates, asked = frame[column].dropna().unique().tolist(), cast_to_column(frame[column], value)
    if asked in candidates:
        return asked
    shown = ", ".join(sort_texts(list(map(str, candidates)))[:10])
    raise DataError(
        f"The {value_kind} {value} does not occur in column {column}; its values are {shown}.", resource=column, hint="Choose one of these."
    )
