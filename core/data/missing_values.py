"""What is done with the empty cells of features: they stay empty, unless a person chooses otherwise for a column.

Filling with a median is only noted here. The rebalancing job computes it after the split, of the training rows alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core.analysis.tables.column_kinds import infer_column_kinds, to_integers
from core.analysis.tables.csv_cells import clean_text
from core.analysis.tables.number_formats import parse_number
from core.errors import DataError

TREATMENTS = {
    "keep": "they stay empty",
    "category": "a category of their own",
    "median": "the median of the training rows",
    "drop": "leave those rows out",
}
"""What can be done with a column's empty cells; anything else is a value to fill them with."""
CATEGORY_NAME = "missing"


@dataclass(frozen=True)
class TreatedTable:
    """``frame``: the table after the treatments; whole numbers with gaps are Int64. ``notes``: what was done, in sentences; ``coding``:
    column -> its value as text -> code, for columns of numbers whose gaps became a category."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    coding: dict[str, dict[str, int]] = field(default_factory=dict)


def parse_missing(text: str) -> tuple[str, str]:
    """``age=median`` as (column, treatment); any word that isn't a treatment is a value. Raises DataError.

    >>> parse_missing("region=category"), parse_missing("children = 0")
    (('region', 'category'), ('children', '0'))
    """
    column, equals, treatment = (clean_text(part) for part in text.partition("="))
    if not (column and equals and treatment):
        raise DataError(
            f"{text!r} doesn't say what to do with a column's empty cells.",
            resource=text,
            hint=f"Write COLUMN={'|'.join(TREATMENTS)}|VALUE.",
        )
    return column, treatment


def find_wrong_treatments(
    frame: pd.DataFrame,
    missing: Mapping[str, str],
    *,
    complete: Collection[str],
    categorical: Collection[str],
    ordered: Mapping[str, Sequence[str]],
) -> list[tuple[str, str, str]]:
    """(column, what is wrong, remedy) of every treatment that can't be carried out.

    ``complete``: label and facet, whose gaps can't be filled; ``categorical``: columns of codes; ``ordered``: column -> its values in
    their order.
    """
    found = []
    kinds = infer_column_kinds(frame[[name for name in missing if name in frame.columns]])
    for name, treatment in missing.items():
        if name not in frame.columns:
            found.append((name, f"Column {name}, whose empty cells are to be treated, is not in the table.", "Name a column that is used."))
        elif name in complete and treatment not in {"keep", "drop"}:
            message = f"The empty cells of {name} can't be filled: rows without a label or a facet are left out."
            found.append((name, message, f"Leave out what to do with {name}."))
        else:
            wrong = _why_not(frame[name], treatment, kinds[name] == "text", name in categorical, ordered.get(name))
            found += [(name, *wrong)] if wrong else []
    return found


def _why_not(column: pd.Series[Any], treatment: str, is_text: bool, is_coded: bool, order: Sequence[str] | None) -> tuple[str, str] | None:
    """Why a treatment doesn't fit the column, and the remedy."""
    name, known = column.name, column.dropna()
    if treatment in {"keep", "drop"}:
        return None
    if known.empty:
        return f"Column {name} has no value at all.", "Leave the column out."
    if treatment == "median" and is_text and order is None:
        return f"Column {name} has words, which have no median.", "Keep its empty cells, make them a category, or name a value."
    if treatment == "category" and order is not None:
        return f"The empty cells of {name} can't be a category: its values have an order.", "Name the value that they have in the order."
    if treatment == "category" and not (is_coded or is_text):
        return (
            f"The empty cells of {name} can't be a category: it has numbers such as {texts_of(known.head(1))[0]}.",
            f"Name {name} as categorical, or choose another treatment.",
        )
    if treatment in TREATMENTS:
        return None
    if order is not None and treatment not in order:
        return f"{treatment} isn't in the order of column {name} ({', '.join(order)}).", "Name a value of the order."
    number = parse_number(treatment)
    if not is_text and number is None:
        return f"{treatment} isn't a number, and column {name} has numbers.", f"Give a number, or one of {', '.join(TREATMENTS)}."
    if not is_text and number is not None and not float(number.value).is_integer() and (known % 1 == 0).all():
        return f"Column {name} has whole numbers, and {treatment} isn't one.", "Give a whole number."
    return None


def treat_gaps(frame: pd.DataFrame, missing: Mapping[str, str]) -> TreatedTable:
    """The table with each column's gaps treated as ``missing`` says (column -> treatment or value); those of other columns stay.

    The treatments are valid (``find_wrong_treatments``). Rows that are left out are counted in the notes.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"age": [30, None, 50], "region": ["north", "south", None], "debt": [1.5, 2.5, None]})
    >>> treated = treat_gaps(table, {"region": "category", "age": "drop"})
    >>> treated.frame.to_csv(index=False).split()
    ['age,region,debt', '30,north,1.5', '50,missing,']
    >>> for note in treated.notes: print(note)
    Column age: 1 row without a value was left out.
    Column region: 1 empty cell became the category missing.
    Column debt: 1 empty cell stays empty.
    """
    gapped = {str(name): int(cells) for name, cells in frame.isna().sum().items() if cells}
    dropped = [name for name in gapped if missing.get(name) == "drop"]
    kept = frame.dropna(subset=dropped).reset_index(drop=True) if dropped else frame
    if kept.empty and dropped:
        raise DataError(
            f"Every row has an empty cell in {', '.join(dropped)}, so no row would be left.",
            resource=dropped[0],
            hint="Choose another treatment, or leave the column out.",
        )
    notes = [f"Column {name}: {_count(gapped[name], 'row')} without a value {_was(gapped[name])} left out." for name in dropped]
    if len(dropped) > 1:
        notes.append(f"In all {_count(len(frame) - len(kept), 'row')} of {len(frame):,} were left out for an empty cell.")
    columns: dict[str, pd.Series[Any]] = {}
    coding: dict[str, dict[str, int]] = {}
    for name in gapped:
        column, treatment = kept[name], missing.get(name, "keep")
        is_text, left = column.dtype.kind not in "iuf", int(column.isna().sum())
        if treatment == "drop" or not left:
            columns[name] = column
            continue
        one = left == 1
        if treatment == "keep":
            columns[name] = column
            notes.append(f"Column {name}: {_count(left, 'empty cell')} {'stays' if one else 'stay'} empty.")
        elif treatment == "median":
            columns[name] = column
            notes.append(
                f"Column {name}: {_count(left, 'empty cell')} {'is' if one else 'are'} filled with the median of the training rows."
            )
        elif treatment == "category" and is_text:
            word = _free_name(column)
            columns[name] = column.fillna(word)
            notes.append(f"Column {name}: {_count(left, 'empty cell')} became the category {word}.")
        elif treatment == "category":
            codes = {text: int(text) for text in dict.fromkeys(texts_of(column.sort_values()))}
            codes[CATEGORY_NAME] = max(codes.values()) + 1
            columns[name], coding[name] = column.fillna(codes[CATEGORY_NAME]), codes
            notes.append(f"Column {name}: {_count(left, 'empty cell')} became the category {CATEGORY_NAME}.")
        else:
            number = None if is_text else parse_number(treatment)
            columns[name] = column.fillna(treatment if number is None else number.value)
            notes.append(f"Column {name}: {_count(left, 'empty cell')} {_was(left)} filled with {treatment}.")
    whole = [name for name, column in columns.items() if column.dtype.kind == "f" and _is_whole(column)]
    if whole:
        numbers = to_integers(pd.DataFrame({name: columns[name] for name in whole}))
        columns |= {name: numbers[name] for name in whole}
    done = pd.DataFrame({str(name): columns.get(str(name), kept[name]) for name in kept.columns}) if columns else kept
    return TreatedTable(done, tuple(notes), coding)


def texts_of(column: pd.Series) -> list[str]:
    """The column's values as texts, without the missing ones; whole numbers without a point, whatever their type."""
    known = column.dropna()
    return list(known.astype("int64" if known.dtype.kind == "f" and _is_whole(known) else known.dtype).astype(str))


def _is_whole(column: pd.Series[Any]) -> bool:
    known = column.dropna()
    return bool(len(known)) and bool(((known % 1 == 0) & (known.abs() <= 2**53)).all())


def _free_name(column: pd.Series[Any]) -> str:
    """``missing``, or if that is a value of the column, the first of ``missing 2``, ``missing 3`` … that isn't."""
    taken = set(column.dropna().unique())
    return next(name for n in range(1, len(taken) + 2) if (name := CATEGORY_NAME if n == 1 else f"{CATEGORY_NAME} {n}") not in taken)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
