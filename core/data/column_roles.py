"""What the columns of a table are for: roles detected, and the table checked against them and coded as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.tables.column_kinds import ColumnError, infer_column_kinds, to_integers
from core.errors import DataError

MAX_TEXT_VALUES = 100
MAX_NUMBER = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns are for. ``favourable``: the label's value that is good for the person; ``facet_value``: the group that may be at a
    disadvantage; ``group``: the column of conditional disparity; ``ignored``: left out of the data set; ``further_facets``: (column,
    value) of other groups whose bias is measured too."""

    label: str
    favourable: int
    facet: str
    facet_value: int
    group: str | None = None
    categorical: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    further_facets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class CheckedTable:
    """A checked table, which has numbers only. ``coding``: column -> text -> the code that replaced it."""

    frame: pd.DataFrame
    roles: ColumnRoles
    coding: dict[str, dict[str, int]]


def detect_roles(frame: pd.DataFrame, *, label: str | None = None, facet: str | None = None) -> ColumnRoles:
    """A first guess of the roles that aren't given: label and facet are two-valued columns, the group is the age. Raises DataError."""
    two = [str(c) for c in frame.columns if frame[c].nunique(dropna=True) == 2 and c not in {label, facet}]
    words = ("label", "target", "default", "outcome", "class")
    label = label or next((c for c in two if any(word in c.lower() for word in words)), two[-1] if two else None)
    if label is None:
        raise DataError("No column has exactly two values.", resource="label", hint="Give a table with a two-valued label.")
    others = [str(c) for c in frame.columns if c != label]
    named = (c for c in others if any(w in c.lower() for w in ("sex", "gender", "race")) and frame[c].nunique() <= 10)
    facet = facet or next(named, next((c for c in two if c != label), None))
    if facet is None:
        raise DataError("No column looks like a facet (sex, for instance).", resource="facet", hint="Name the facet yourself.")
    return guess_roles(frame, label, facet)


def guess_roles(frame: pd.DataFrame, label: str, facet: str) -> ColumnRoles:
    """The other roles, guessed for a label and a facet: the rarest facet value, the most frequent label as favourable. Raises DataError."""
    for role, name in (("label", label), ("facet", facet)):
        if name not in frame.columns:
            _raise_data_error(
                name, f"Column {name} ({role}) is not in the table.", f"Name one of {', '.join(map(str, frame.columns[:40]))}."
            )
        if frame[name].dropna().empty:
            _raise_data_error(name, f"Column {name} ({role}) is empty.", "Choose another column.")
    kinds = infer_column_kinds(frame)
    others = [str(c) for c in frame.columns if c not in {label, facet}]
    group = next((c for c in others if c.lower() == "age"), None)
    ignored = tuple(c for c in others if c.lower() in {"id", "index", "row", "unnamed: 0"} and frame[c].is_unique)
    few = (
        c
        for c in others
        if kinds[c] in {"categorical", "text"} and frame[c].nunique() <= MAX_TEXT_VALUES and not _is_number_mostly(frame[c])
    )
    coded = (c for c in others if kinds[c] == "categorical")
    categorical = tuple(c for c in dict.fromkeys([*few, *coded]) if c not in {group, *ignored})
    value, favourable = frame[facet].value_counts().index[-1], frame[label].value_counts().index[0]
    return ColumnRoles(label, _to_python_scalar(favourable), facet, _to_python_scalar(value), group, categorical, ignored)


def _to_python_scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def check_table(frame: pd.DataFrame, roles: ColumnRoles) -> CheckedTable:
    """The table as numbers, with the label as 0/1 (1 = the outcome that is not favourable, unless it is coded 0/1 already).

    Text is replaced by codes 0, 1, … in alphabetical order. Raises DataError, which names the column and what to do: for empty cells, text
    in a column of numbers, text with more than ``MAX_TEXT_VALUES`` values, and roles that don't fit the table.
    """
    for role, name in (("label", roles.label), ("facet", roles.facet), ("group", roles.group)):
        if name is not None and name not in frame.columns:
            _raise_data_error(
                name,
                f"Column {name} ({role}) is not in the table; its columns are {', '.join(map(str, frame.columns[:40]))}.",
                "Name one of these.",
            )
    for name in (*roles.categorical, *roles.ignored):
        if name not in frame.columns:
            _raise_data_error(name, f"Column {name} is not in the table.", f"Name one of {', '.join(map(str, frame.columns[:40]))}.")
    if len({roles.label, roles.facet}) < 2 or roles.label in roles.ignored or roles.facet in roles.ignored:
        _raise_data_error(
            roles.facet,
            f"Label {roles.label} and facet {roles.facet} must be two different columns that are not ignored.",
            "Choose others.",
        )
    if roles.group is not None and roles.group in {roles.label, roles.facet, *roles.ignored}:
        _raise_data_error(
            roles.group, f"The group {roles.group} is the label, the facet or an ignored column.", "Choose another column, or none."
        )
    frame = frame.drop(columns=list(roles.ignored))
    for name in frame.columns:
        empty = frame[name].isna()
        if empty.any():
            row = int(empty.to_numpy().argmax()) + 1
            _raise_data_error(
                name,
                f"Column {name} has {int(empty.sum())} empty cells (the first in row {row}).",
                "Fill them, or remove those rows or the column. NA, NaN, None and null count as empty.",
            )
    for name, _ in roles.further_facets:
        if name not in frame.columns or name in {roles.label, roles.facet}:
            _raise_data_error(
                name,
                f"Column {name} can't be a further facet.",
                "Choose a column that exists, isn't ignored, and is neither label nor facet.",
            )
        if frame[name].nunique() < 2:
            _raise_data_error(name, f"The facet {name} has only one value: there are no groups to compare.", "Choose another facet.")
    if frame.shape[1] < 3:
        _raise_data_error(roles.label, "There is no column besides label and facet.", "Give at least one more column to learn from.")
    _require_two_values(frame, roles)
    coding: dict[str, dict[str, int]] = {}
    text = {name for name, kind in infer_column_kinds(frame).items() if kind == "text"}
    coded = {roles.label, roles.facet, *roles.categorical}
    frame = frame.copy()
    favourable: Any = _find_value(frame, roles.label, roles.favourable, "favourable value")
    facet_value: Any = _find_value(frame, roles.facet, roles.facet_value, "facet value")
    further: list[tuple[str, Any]] = [(name, _find_value(frame, name, value, "facet value")) for name, value in roles.further_facets]
    coded |= {name for name, _ in further}
    for name in sorted(text, key=str):
        if name not in coded and name != roles.group and _is_number_mostly(frame[name]):
            continue
        values = sorted(frame[name].astype(str).unique())
        if len(values) > MAX_TEXT_VALUES:
            _raise_data_error(
                name, f"Column {name} has text with {len(values)} different values.", "Leave the column out, or give it numbers."
            )
        if name not in coded and name != roles.group and len(values) > 0:
            coded.add(name)
        coding[name] = {value: i for i, value in enumerate(values)}
        frame[name] = frame[name].astype(str).map(coding[name]).astype("int64")
    if roles.label in coding:
        favourable = coding[roles.label][str(favourable)]
    if roles.facet in coding:
        facet_value = coding[roles.facet][str(facet_value)]
    further = [(name, coding[name][str(value)] if name in coding else value) for name, value in further]
    try:
        frame = to_integers(frame, coded=coded)
    except ColumnError as error:
        raise DataError(
            f"Column {error.column}: {error.reason}.", resource=error.column, hint="Correct it, or leave the column out."
        ) from error
    for name in frame.columns:
        beyond = frame[name].abs() > MAX_NUMBER
        if beyond.any():
            row = int(beyond.to_numpy().argmax()) + 1
            _raise_data_error(
                name,
                f"Column {name} has {int(beyond.sum())} infinite or too large numbers (the first in row {row}).",
                f"Correct them (the largest number for training is {MAX_NUMBER:g}), or leave the column out.",
            )
    if set(frame[roles.label].unique()) != {0, 1}:
        old = {str(v): int(v != favourable) for v in sorted(frame[roles.label].unique())}
        coding.setdefault(roles.label, old)
        frame[roles.label] = (frame[roles.label] != favourable).astype("int64")
        favourable = 0
    categorical = tuple(dict.fromkeys([*roles.categorical, *(n for n in coding if n not in {roles.label, roles.facet, roles.group})]))
    frame = frame[[roles.label, *[c for c in frame.columns if c != roles.label]]]
    done = ColumnRoles(
        roles.label,
        int(favourable),
        roles.facet,
        int(facet_value),
        roles.group,
        categorical,
        (),
        tuple((name, int(value)) for name, value in further),
    )
    return CheckedTable(frame, done, coding)


def _require_two_values(frame: pd.DataFrame, roles: ColumnRoles) -> None:
    values = frame[roles.label].unique()
    if len(values) != 2:
        shown = ", ".join(map(str, values[:5])) + (" …" if len(values) > 5 else "")
        _raise_data_error(
            roles.label,
            f"The label {roles.label} has {len(values)} different value(s) ({shown}); it needs exactly two.",
            "Choose a two-valued column.",
        )
    if frame[roles.facet].nunique() < 2:
        _raise_data_error(
            roles.facet,
            f"The facet {roles.facet} has only the value {frame[roles.facet].iloc[0]}: there are no groups to compare.",
            "Choose another facet.",
        )


def _find_value(frame: pd.DataFrame, column: str, value: Any, value_kind: str) -> Any:
    """The value as the column has it; ``1``, ``1.0`` and ``"1"`` are the same. Raises DataError if the column doesn't have it."""
    for candidate in frame[column].unique():
        if str(candidate) == str(value) or (_number(candidate) is not None and _number(candidate) == _number(value)):
            return _to_python_scalar(candidate)
    shown = ", ".join(map(str, sorted(frame[column].unique(), key=str)[:10]))
    raise DataError(
        f"The {value_kind} {value} does not occur in column {column}; its values are {shown}.", resource=column, hint="Choose one of these."
    )


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_number_mostly(series: pd.Series[Any]) -> bool:
    return bool(pd.to_numeric(series, errors="coerce").notna().mean() > 0.5)


def _raise_data_error(column: str, message: str, hint: str) -> None:
    raise DataError(message, resource=column, hint=hint)
