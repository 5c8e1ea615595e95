"""What is wrong with a table: each problem with its remedy, all of them in one error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import pandas as pd

from core.analysis.tables.text_columns import MISSING_WORDS
from core.errors import DataError


@dataclass(frozen=True)
class Problem:
    """Why a column can't be used, and what to do."""

    column: str
    message: str
    hint: str


def raise_problems(problems: list[Problem]) -> NoReturn:
    """Raises one DataError for all of them, each remedy once."""
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    messages = dict.fromkeys(problem.message for problem in problems)
    raise DataError(" ".join(messages), resource=problems[0].column, hint=" ".join(hints))


def require_columns(frame: pd.DataFrame, names: Iterable[str], roles: Mapping[str, str] | None = None) -> None:
    """Raises one DataError for all names that aren't columns. ``roles``: name -> the role that it has."""
    absent = [name for name in dict.fromkeys(names) if name not in frame.columns]
    if absent:
        shown = [f"{name} ({roles[name]})" if roles and name in roles else name for name in absent]
        words = f"Columns {', '.join(shown)} are" if len(absent) > 1 else f"Column {shown[0]} is"
        message = f"{words} not in the table; its columns are {', '.join(map(str, frame.columns[:40]))}."
        raise_problems([Problem(absent[0], message, "Name one of these.")])


def describe_label_values(series: pd.Series) -> Problem:
    """The problem of a label that hasn't exactly two values, naming up to five of them."""
    values = series.dropna().unique()
    shown = ", ".join(map(str, values[:5])) + (" …" if len(values) > 5 else "")
    message = f"The label {series.name} has {len(values)} different value(s) ({shown}); it needs exactly two."
    unknown = [str(value) for value in values if str(value).casefold() in MISSING_WORDS]
    if unknown and len(values) - len(unknown) == 2:
        return Problem(str(series.name), message, f"If {unknown[0]} means that it isn't known, leave those cells empty.")
    return Problem(str(series.name), message, "Choose a two-valued column.")


def require_two_values(frame: pd.DataFrame, label: str) -> None:
    """Raises DataError if the label hasn't exactly two values; empty cells don't count."""
    if frame[label].nunique() != 2:
        raise_problems([describe_label_values(frame[label])])
