"""Rows by a filter that people write: ``AGE >= 60 and MARRIAGE = single``. It is read here; nothing of it is ever run as code.

Conditions are joined by ``and``. Each is a column, a comparison (``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``) and a value, or a column and
``is missing`` or ``is not missing``. A column or a value that contains signs of comparison, or the words ``and`` or ``is``, stands in
quotes; a double quote within these is doubled.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.tables.value_names import ValueNames

Rows = NDArray[np.bool_]
MISSING, NOT_MISSING = "is missing", "is not missing"
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
SPELLINGS = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}
EXAMPLE = "AGE >= 60 and MARRIAGE = 2"
_TOKEN = re.compile(r"""\s*(?:"(?P<double>(?:[^"]|"")*)"|'(?P<single>[^']*)'|(?P<sign>[<>!=]=|<>|[<>=≠≤≥])|(?P<word>[^\s"'<>=≠≤≥!]+|!))""")
_PLAIN = re.compile(r"[^\s\"'<>=≠≤≥!]+( [^\s\"'<>=≠≤≥!]+)*")


class RowFilterError(ValueError):
    """A filter can't be read, or doesn't fit the table; the message says where and what to write instead."""


@dataclass(frozen=True)
class Condition:
    """A column, a comparison, and the value as it was written; "" for ``is missing`` and ``is not missing``.

    ``str`` of it is text that ``parse_filter`` reads back.
    """

    column: str
    comparison: str
    value: str = ""

    def __str__(self) -> str:
        if self.comparison in {MISSING, NOT_MISSING}:
            return f"{_quote(self.column)} {self.comparison}"
        return f"{_quote(self.column)} {self.comparison} {_quote(self.value)}"


def parse_filter(text: str) -> tuple[Condition, ...]:
    """The conditions of a filter. Raises RowFilterError.

    >>> [str(one) for one in parse_filter("AGE>=60 AND 'pay and debt' is missing")]
    ['AGE >= 60', '"pay and debt" is missing']
    """
    parts: list[list[tuple[str, str]]] = [[]]
    position = 0
    while position < len(text.rstrip()):
        token = _TOKEN.match(text, position)
        if token is None:
            raise RowFilterError(f"The quotation mark in {text[position:].strip()[:40]} isn't closed. Close it, or leave it out.")
        position = token.end()
        kind = str(token.lastgroup)
        if kind == "word" and token["word"].casefold() == "and":
            parts.append([])
        else:
            parts[-1].append((kind, token[kind].replace('""', '"') if kind == "double" else token[kind]))
    return tuple(_parse_condition(part) for part in parts)


def _parse_condition(tokens: list[tuple[str, str]]) -> Condition:
    if not tokens:
        raise RowFilterError(f"A condition is missing. Write a column, a comparison and a value, as in {EXAMPLE}.")
    words = " ".join(text for _, text in tokens)
    signs = [place for place, (kind, _) in enumerate(tokens) if kind == "sign"]
    if len(signs) > 1:
        raise RowFilterError(f"“{words}” has more than one comparison. Join conditions by “and”, as in {EXAMPLE}.")
    if signs:
        column, value = (" ".join(text for _, text in side) for side in (tokens[: signs[0]], tokens[signs[0] + 1 :]))
        if not tokens[: signs[0]] or not tokens[signs[0] + 1 :]:
            raise RowFilterError(f"“{words}” lacks its {'value' if tokens[: signs[0]] else 'column'}. Write it as in {EXAMPLE}.")
        sign = tokens[signs[0]][1]
        return Condition(column, SPELLINGS.get(sign, sign), value)
    for comparison in (NOT_MISSING, MISSING):
        end = comparison.split()
        last = tokens[-len(end) :]
        if len(tokens) > len(end) and [(kind, text.casefold()) for kind, text in last] == [("word", word) for word in end]:
            return Condition(" ".join(text for _, text in tokens[: -len(end)]), comparison)
    raise RowFilterError(f"“{words}” has no comparison. Write one of {' '.join(COMPARISONS)}, or “{MISSING}”, as in {EXAMPLE}.")


def select_rows(frame: pd.DataFrame, text: str, names: ValueNames = ValueNames()) -> NDArray[np.int64]:  # noqa: B008 (frozen)
    """The numbers, from 0, of the rows that meet all conditions of a filter.

    ``names``: what codes stand for; a column that has them is asked for by these, and other values by the numbers. Small and capital
    letters are the same where that is unambiguous. A row without a value meets only ``is missing``. Raises RowFilterError.

    >>> import pandas as pd
    >>> from core.analysis.tables.value_names import ValueNames
    >>> rows = pd.DataFrame({"AGE": [25, 61, None], "SEX": [1, 2, 2]})
    >>> people = ValueNames.from_coding({"SEX": {"m": 1, "f": 2}})
    >>> select_rows(rows, "age > 30 and sex = f", people).tolist(), select_rows(rows, "AGE is missing").tolist()
    ([1], [2])
    >>> select_rows(rows, "AGEE > 30")
    Traceback (most recent call last):
        ...
    core.analysis.proxies.row_filter.RowFilterError: There is no column AGEE. The nearest is AGE.
    """
    chosen = np.ones(len(frame), dtype=bool)
    for condition in parse_filter(text):
        column = frame[_find(condition.column, frame.columns)]
        chosen &= _meets(column, condition, names)
    return np.flatnonzero(chosen)


def _find(name: str, columns: Iterable[object]) -> str:
    known = {str(column): str(column) for column in columns}
    alike = [column for column in known if column.casefold() == name.casefold()]
    if name in known or len(alike) == 1:
        return known.get(name, alike[0])
    lowered = {column.casefold(): column for column in known}
    near = difflib.get_close_matches(name.casefold(), lowered, n=1, cutoff=0.5)
    hint = f"The nearest is {lowered[near[0]]}." if near else f"The columns are {', '.join(list(known)[:30])}."
    raise RowFilterError(f"There is no column {name}. {hint}")


def _meets(column: pd.Series, condition: Condition, names: ValueNames) -> Rows:
    """Which rows meet a condition, bool (n,)."""
    missing: Rows = column.isna().to_numpy(dtype=bool)
    if condition.comparison in {MISSING, NOT_MISSING}:
        return missing if condition.comparison == MISSING else ~missing
    name, is_equality = str(column.name), condition.comparison in {"=", "!="}
    words = names.values.get(name, {})
    if not pd.api.types.is_numeric_dtype(column.dtype) or words:
        if not is_equality:
            raise RowFilterError(f"The values of {name} have no order, so they can't be compared by {condition.comparison}. Use = or !=.")
        values = column.map(lambda value: names.value(name, value), na_action="ignore").astype(object).where(~missing, "").astype(str)
        value = _find_value(name, condition.value, sorted(set(values[~missing]) | set(words.values())))
        equal: Rows = (values == value).to_numpy(dtype=bool)
        return ~missing & (equal if condition.comparison == "=" else ~equal)
    try:
        number = float(condition.value)
    except ValueError:
        raise RowFilterError(f"{name} contains numbers, and {condition.value} isn't one. Write a number, as in {name} = 2.") from None
    numbers = column.to_numpy(dtype=float, na_value=np.nan)
    compare: dict[str, np.ufunc] = {
        "=": np.equal,
        "!=": np.not_equal,
        "<": np.less,
        "<=": np.less_equal,
        ">": np.greater,
        ">=": np.greater_equal,
    }
    met: Rows = ~missing & compare[condition.comparison](numbers, number)
    return met


def _find_value(column: str, value: str, values: list[str]) -> str:
    alike = [one for one in values if one.casefold() == value.casefold()]
    if value in values or len(alike) == 1:
        return value if value in values else alike[0]
    near = difflib.get_close_matches(value, values, n=1, cutoff=0.5)
    hint = f"The nearest is {near[0]}." if near else f"Its values are {', '.join(values[:20])}{', …' if len(values) > 20 else ''}."
    raise RowFilterError(f"{column} has no value {value}. {hint}")


def _quote(text: str) -> str:
    """In quotes where it wouldn't be read back otherwise."""
    if _PLAIN.fullmatch(text) and not {"and", "is"} & set(text.casefold().split()):
        return text
    return '"' + text.replace('"', '""') + '"'
