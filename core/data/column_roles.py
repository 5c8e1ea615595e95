"""What the columns of a table are for: roles detected, and the table checked against them and coded as numbers."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.tables.column_kinds import ColumnError, infer_column_kinds, to_integers
from core.analysis.tables.column_values import cast_to_column
from core.analysis.tables.csv_cells import clean_text
from core.analysis.tables.role_proposals import propose_facet_value, propose_favourable, word_direction
from core.analysis.tables.table_examination import MAX_TEXT_VALUES, examine_table
from core.analysis.tables.table_reading import TableReading, read_frame
from core.analysis.tables.text_columns import Finding, Treatment, sort_texts
from core.data.missing_values import find_wrong_treatments, texts_of, treat_gaps
from core.data.threshold_facets import FINDING_KIND, GROUP_VALUE, threshold_sources
from core.errors import DataError

MAX_NUMBER = float(np.finfo(np.float32).max)


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


def sensitive_columns(roles: ColumnRoles) -> tuple[str, ...]:
    """The columns of the facet, the further facets and the group: those that tell protected groups apart. Of a threshold facet, the
    column that it is made of.

    >>> sensitive_columns(ColumnRoles("paid", 1, "sex", 0, "age", further_facets=(("region", 2), ("region", 3))))
    ('sex', 'region', 'age')
    """
    named = (roles.facet, *(column for column, _ in roles.further_facets), *([roles.group] if roles.group else []))
    return tuple(dict.fromkeys(dict(roles.derived).get(column, column) for column in named))


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


@dataclass(frozen=True)
class Problem:
    """Why a column can't be used, and what to do."""

    column: str
    message: str
    hint: str


TREATMENTS_IN_WORDS: dict[Treatment, str] = {
    "leave out": "It's left out.",
    "keep": "It's kept.",
    "categorical": "Its values are taken for categories.",
    "continuous": "Its values are taken for amounts.",
}


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
    ``examine_table`` proposes.

    The facet value proposed is the group with the lowest share of favourable labels. Raises DataError, which asks for the favourable value
    if no word decides it (how often a value occurs says nothing about it), and if no column can be label or facet.
    """
    reading = examine_if_needed(table)
    label, facet = propose_label_and_facet(reading, label=label, facet=facet)
    _require_columns(reading.frame, (label, facet, *([group] if group else [])), _named_roles(label, facet, group))
    frame, sources = reading.frame, threshold_sources(reading)
    for role, name in (("label", label), ("facet", facet)):
        if frame[name].dropna().empty:
            _raise_problems([Problem(name, f"Column {name} ({role}) is empty.", "Choose another column.")])
    if favourable is None:
        favourable = _propose_favourable(frame, label)
    favourable = cast_to_column(frame[label], favourable)
    if facet_value is None:
        facet_value = GROUP_VALUE if facet in sources else propose_facet_value(frame, label, favourable, facet)
    named = {label, facet, *dict(ordered), *dict(further_facets)}
    named |= {sources[name] for name in named & sources.keys()}
    group = group or next((c for c in map(str, frame.columns) if c.lower() == "age" and c not in named), None)
    roles = ColumnRoles(
        label,
        cast(int, favourable),
        facet,
        cast(int, facet_value),
        group,
        further_facets=cast(tuple[tuple[str, int], ...], further_facets),
        ordered=ordered,
        missing=missing,
    )
    return apply_treatments(reading, roles, chosen or {})


def propose_label_and_facet(table: pd.DataFrame | TableReading, *, label: str | None = None, facet: str | None = None) -> tuple[str, str]:
    """The label and the facet, by the names of columns with few values, where they aren't given. Raises DataError."""
    frame = read_if_needed(table).frame
    counts = {str(c): int(frame[c].nunique()) for c in frame.columns if frame[c].dtype.kind != "f" or not _has_many_values(frame[c])}
    two = [c for c, n in counts.items() if n == 2 and c not in {label, facet}]
    words = ("label", "target", "default", "outcome", "class")
    label = label or next((c for c in two if any(word in c.lower() for word in words)), None)
    label = label or next((c for c in two if word_direction(c)), two[-1] if two else None)
    if label is None:
        raise DataError("No column has exactly two values.", resource="label", hint="Give a table with a two-valued label.")
    named = (c for c, n in counts.items() if c != label and any(w in c.lower() for w in ("sex", "gender", "race", "ethnic")) and n <= 10)
    facet = facet or next(named, next((c for c in two if c != label), None))
    if facet is None:
        raise DataError("No column looks like a facet (sex, for instance).", resource="facet", hint="Name the facet yourself.")
    return label, facet


def _has_many_values(series: pd.Series[Any]) -> bool:
    return len(series) > 1000 and series.iloc[:1000].nunique() > MAX_TEXT_VALUES


def _propose_favourable(frame: pd.DataFrame, label: str) -> object:
    """The value that words decide for. Raises DataError, which names both, if none does."""
    require_two_values(frame, label)
    counts = frame[label].value_counts()
    found = propose_favourable(label, counts.index.tolist())
    if found is None:
        values = sort_texts([f"{value}" for value in counts.index])
        sizes = {str(value): int(n) for value, n in counts.items()}
        shown = " or ".join(f"{value} ({sizes[value]:,} rows)" for value in values)
        message = f"Which value of {label} is good for the person: {shown}? No word in the table decides it."
        hint = f"Say it: --favourable {shlex.quote(values[0])} or --favourable {shlex.quote(values[1])}."
        _raise_problems([Problem(label, message, hint)])
    return found


def apply_treatments(reading: TableReading, roles: ColumnRoles, chosen: Mapping[str, Treatment]) -> ColumnRoles:
    """The roles with what is done with each column: what a person chose, else what the finding about it proposes. Columns that have a role
    stay. Raises DataError for what can't be done."""
    frame = reading.frame
    _require_columns(frame, chosen)
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
        _raise_problems(problems)
    ignored = tuple(column for column in map(str, frame.columns) if done.get(column) == "leave out")
    undecided = {column for column, finding in by_column.items() if finding.blocks}
    guessed = {
        column
        for column, kind in kinds.items()
        if kind == "categorical" or (kind == "text" and column not in undecided and frame[column].nunique() <= MAX_TEXT_VALUES)
    }
    guessed -= {column for column, treatment in done.items() if treatment == "continuous"} | named
    guessed |= {column for column, treatment in done.items() if treatment == "categorical"}
    categorical = tuple(column for column in map(str, frame.columns) if column in guessed and column not in ignored)
    return replace(roles, categorical=categorical, ignored=ignored)


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
        _raise_problems(problems)
    coding = dict(treated.coding)
    favourable: Any = _find_value(frame, roles.label, roles.favourable, "favourable value")
    facet_value: Any = _find_value(frame, roles.facet, roles.facet_value, "facet value")
    further: list[tuple[str, Any]] = [(name, _find_value(frame, name, value, "facet value")) for name, value in roles.further_facets]
    coded = {roles.label, roles.facet, *roles.categorical, *(name for name, _ in further)}
    columns: dict[str, pd.Series[Any]] = {str(name): frame[name] for name in frame.columns}
    for name in sorted(text | order.keys() - set(roles.ignored)):
        texts, codes = _text_codes(columns[name])
        values = list(order.get(name) or sort_texts(texts))
        if name not in coded and name != roles.group and len(values) > 0:
            coded.add(name)
        coding[name] = {value: i for i, value in enumerate(values)}
        places = pd.array([*(coding[name][one] for one in texts), None], dtype="Int64")[codes]
        columns[name] = pd.Series(places if places.isna().any() else places.astype("int64"), index=frame.index, name=name)
    if roles.label in coding:
        favourable = coding[roles.label][str(favourable)]
    if roles.facet in coding:
        facet_value = coding[roles.facet][str(facet_value)]
    further = [(name, coding[name][str(value)] if name in coding else value) for name, value in further]
    try:
        frame = to_integers(pd.DataFrame(columns, index=frame.index), [roles.label, roles.facet], coded)
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
    notes = []
    facets = {roles.facet, *dict(roles.further_facets)}
    for finding in reading.findings:
        if finding.kind == FINDING_KIND and finding.column not in facets:
            continue
        if finding.blocks and finding.column not in {*roles.ignored, *roles.categorical, *dict(roles.ordered)}:
            continue  # it's refused, or asked
        if not finding.choices:
            notes.append(finding.message + (f" {finding.column} is left out." if finding.column in roles.ignored else ""))
            continue
        done = TREATMENTS_IN_WORDS[treatment_of(finding, roles)]
        if finding.twin and finding.twin in roles.ignored and finding.column not in roles.ignored:
            done = f"{finding.twin} is left out."
        notes.append(f"{finding.message} {done}")
    told = {name for finding in reading.findings for name in (finding.column, finding.twin)}
    others = [name for name in roles.ignored if name not in told]
    return (*notes, *([f"Left out by choice: {', '.join(others)}."] if others else []))


def _named_roles(label: str, facet: str, group: str | None) -> dict[str, str]:
    return {**({group: "group"} if group else {}), facet: "facet", label: "label"}


def _require_columns(frame: pd.DataFrame, names: Iterable[str], roles: Mapping[str, str] | None = None) -> None:
    """Raises one DataError for all names that aren't columns. ``roles``: name -> the role that it has."""
    absent = [name for name in dict.fromkeys(names) if name not in frame.columns]
    if absent:
        shown = [f"{name} ({roles[name]})" if roles and name in roles else name for name in absent]
        words = f"Columns {', '.join(shown)} are" if len(absent) > 1 else f"Column {shown[0]} is"
        message = f"{words} not in the table; its columns are {', '.join(map(str, frame.columns[:40]))}."
        _raise_problems([Problem(absent[0], message, "Name one of these.")])


def _require_roles(frame: pd.DataFrame, roles: ColumnRoles) -> None:
    """Raises one DataError for all roles that don't fit the columns."""
    order, further = dict(roles.ordered), dict(roles.further_facets)
    group = [roles.group] if roles.group is not None else []
    names = (roles.label, roles.facet, *group, *roles.categorical, *roles.ignored, *order, *further)
    _require_columns(frame, names, _named_roles(roles.label, roles.facet, roles.group))
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
        _raise_problems(problems)


def _leave_out_unknown(frame: pd.DataFrame, roles: ColumnRoles) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows that have a label and a facet, and a sentence about the others."""
    sentences, unknown = [], pd.Series(False, index=frame.index)
    for role, name in (("label", roles.label), ("facet", roles.facet)):
        empty = frame[name].isna()
        if empty.all():
            _raise_problems([Problem(name, f"Column {name} ({role}) is empty.", "Choose another column.")])
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
        problems.append(_not_two_values(frame[roles.label]))
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
    for name in map(str, frame.columns):
        if name in text:
            distinct = frame[name].nunique()
            if distinct > MAX_TEXT_VALUES and name not in order:
                message = f"Column {name} has text with {distinct} different values."
                problems.append(Problem(name, message, "Leave the column out, or give it numbers."))
            continue
        values = frame[name].to_numpy(dtype=float) if frame[name].dtype.kind == "f" else np.zeros(0)
        if (beyond := np.abs(values) > MAX_NUMBER).any():
            message = f"Column {name} has {int(beyond.sum())} infinite or too large numbers (the first in row {int(beyond.argmax()) + 1})."
            hint = f"Correct them (the largest number for training is {MAX_NUMBER:g}), or leave the column out."
            problems.append(Problem(name, message, hint))
        elif name in coded and name not in order and frame[name].dtype.kind not in "iu":
            try:
                to_integers(frame[[name]], {name} & {roles.label, roles.facet}, [name])
            except ColumnError as error:
                problems.append(Problem(name, f"Column {name}: {error.reason}.", "Correct it, or leave the column out."))
    return problems


def require_two_values(frame: pd.DataFrame, label: str) -> None:
    """Raises DataError if the label hasn't exactly two values; empty cells don't count."""
    if frame[label].nunique() != 2:
        _raise_problems([_not_two_values(frame[label])])


def _not_two_values(series: pd.Series[Any]) -> Problem:
    values = series.dropna().unique()
    shown = ", ".join(map(str, values[:5])) + (" …" if len(values) > 5 else "")
    message = f"The label {series.name} has {len(values)} different value(s) ({shown}); it needs exactly two."
    return Problem(str(series.name), message, "Choose a two-valued column.")


def _find_value(frame: pd.DataFrame, column: str, value: Any, value_kind: str) -> Any:
    """The value as the column has it; ``1``, ``1.0`` and ``"1"`` are the same in a column of numbers. Raises DataError if it's missing."""
    candidates, asked = frame[column].dropna().unique().tolist(), cast_to_column(frame[column], value)
    if asked in candidates:
        return asked
    shown = ", ".join(sort_texts(list(map(str, candidates)))[:10])
    raise DataError(
        f"The {value_kind} {value} does not occur in column {column}; its values are {shown}.", resource=column, hint="Choose one of these."
    )


def _raise_problems(problems: list[Problem]) -> NoReturn:
    """Raises one DataError for all of them, each remedy once."""
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    messages = dict.fromkeys(problem.message for problem in problems)
    raise DataError(" ".join(messages), resource=problems[0].column, hint=" ".join(hints))
