"""Reads a table as a person reads it, and says everything about it that a person should know, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.tables.csv_cells import clean_text, read_cells
from core.analysis.tables.number_formats import DecimalMark, NumberColumn
from core.analysis.tables.table_layout import SEPARATORS
from core.analysis.tables.text_columns import (
    Finding,
    NumberReadings,
    TextValues,
    choose_numbers,
    find_gap_words,
    find_number_readings,
    gap_word_note,
)

Codes = NDArray[np.intp]


@dataclass(frozen=True)
class TableReading:
    """``frame``: each column is numbers (int64, uint64 or float64) or text; NaN where empty. ``findings``: what a person should know,
    in the order of its columns. ``examined``: the findings are those of ``examine_table`` too."""

    frame: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    examined: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the table, and what wasn't, in sentences."""
        return tuple(finding.message for finding in self.findings if not finding.blocks)

    def blocking(self, columns: Sequence[str] | None = None) -> tuple[Finding, ...]:
        """The findings that a person must decide, of these columns (default: of all)."""
        return tuple(f for f in self.findings if f.blocks and (columns is None or f.column in set(columns)))


def read_table(text: str, *, headers: Sequence[str] | None = None, decimal: DecimalMark | None = None) -> TableReading:
    """The table in a CSV text. An empty cell is missing, and so is NA among numbers; elsewhere NA, None, null, true are text, and 01 is a
    code.

    A column is numbers if every cell is one, in one way of writing (10,000 · 45 % · $12 · (500)); otherwise it's text, without the spaces
    around it. Findings say what was read how, and what reads two ways, mixes numbers and words, or is a date.
    ``headers``: the columns' names, where the first line is data or has them in another order; ``decimal``: the decimal mark, where a
    column reads two ways. Raises TableError if the text isn't a table.

    >>> reading = read_table("country,income\\nNA,\\"5,000\\"\\nDE ,\\"10,000\\"\\n")
    >>> reading.frame.to_dict("list")
    {'country': ['NA', 'DE'], 'income': [5000, 10000]}
    >>> len(reading.notes), reading.blocking()
    (3, ())
    """
    cells = read_cells(text, headers=headers, decimal_comma=decimal == ",")
    findings = []
    if cells.separator != ",":
        findings.append(Finding("", "separator", f"The file is separated by {SEPARATORS[cells.separator]}."))
    titles = cells.layout.titles
    if titles:
        above = "1 line above the header was" if len(titles) == 1 else f"{len(titles)} lines above the header were"
        findings.append(Finding("", "title rows", f"{above} left out: {titles[0][:60]!r}."))
    if cells.layout.row_names:
        findings.append(
            Finding("", "row names", "The header has one cell less than the lines: the first column is row names, as R writes them.")
        )
    for name, used in cells.renamed:
        findings.append(Finding(used, "same name", f"Another column is called {name}: this one is called {used}."))
    if cells.reordered:
        findings.append(
            Finding("", "column order", f"The columns were put into the order of headers: {', '.join(cells.frame.columns[:30])}.")
        )
    return _read_columns(cells.frame, decimal, "." if cells.separator == "," else None, findings)


def read_frame(frame: pd.DataFrame, *, decimal: DecimalMark | None = None) -> TableReading:
    """A table that is in memory already, read by the same rules: its text is cleaned and, where a whole column is numbers, read."""
    return _read_columns(frame, decimal, ".", [])


def _read_columns(frame: pd.DataFrame, decimal: DecimalMark | None, usual: DecimalMark | None, findings: list[Finding]) -> TableReading:
    """``usual``: the decimal mark of files with this separator, for columns that read two ways if no column says otherwise."""
    columns = {i: frame.iloc[:, i] for i, dtype in enumerate(frame.dtypes.tolist()) if dtype.kind not in "iuf"}
    texts: dict[int, tuple[Codes, TextValues]] = {}
    readings: dict[int, NumberReadings] = {}
    found: dict[int, list[Finding]] = {i: [] for i in columns}
    for i, series in columns.items():
        codes, values, cleaned = _distinct_texts(series)
        if cleaned:
            found[i].append(_cleaned_note(values.name, cleaned))
        if gaps := find_gap_words(values):
            found[i].append(gap_word_note(values, gaps))
            codes, values = _without_texts(codes, values, gaps)
        texts[i], readings[i] = (codes, values), find_number_readings(values)
    written = {reading.decimal for reading in readings.values()} - {None}
    agreed = written | ({usual} if usual else set())
    shown = decimal or (next(iter(agreed)) if len(agreed) == 1 else None)
    read = frame.copy(deep=False)
    for i, (codes, values) in texts.items():
        numbers, told = choose_numbers(values, readings[i], shown)
        if numbers:
            read.isetitem(i, _number_series(columns[i], codes, numbers).array)
        elif found[i] or not _is_plain_text(columns[i]):  # its text was cleaned, or is of another type
            read.isetitem(i, _text_series(columns[i], codes, values).array)
        found[i].extend(told)
    return TableReading(read, (*findings, *(finding for i in found for finding in found[i])))


def _cleaned_note(name: str, cleaned: dict[str, int]) -> Finding:
    rows = sum(cleaned.values())
    example = max(cleaned, key=lambda raw: cleaned[raw])
    result = f"is read as {clean_text(example)!r}" if clean_text(example) else "is empty"
    message = f"Column {name}: spaces or invisible characters were removed from {rows:,} {'cell' if rows == 1 else 'cells'}"
    return Finding(name, "cleaned", f"{message}: {example[:40]!r} {result}.", rows=rows)


def _distinct_texts(series: pd.Series[Any]) -> tuple[Codes, TextValues, dict[str, int]]:
    """Of each row, which of the column's texts it has (-1 if it's missing); the texts; and what was cleaned, with the number of rows."""
    raw_codes, raw = pd.factorize(series if _is_plain_text(series) else series.astype(object), use_na_sentinel=True)
    cleaned = [clean_text(str(value)) for value in raw]
    places: dict[str, int] = {}
    for text in cleaned:
        if text:
            places.setdefault(text, len(places))
    to_place = np.array([*(places.get(text, -1) for text in cleaned), -1], dtype=np.intp)
    codes = to_place[raw_codes]
    raw_rows = np.bincount(raw_codes[raw_codes >= 0], minlength=len(raw))
    changed = {str(value): int(n) for value, text, n in zip(raw, cleaned, raw_rows, strict=True) if str(value) != text}
    rows = np.bincount(codes[codes >= 0], minlength=len(places))
    first_rows = np.zeros(len(places) + 1, dtype=np.int64)  # its last place is that of missing cells
    first_rows[codes[::-1]] = np.arange(len(codes), 0, -1)  # of a text in several rows, the first one is assigned last
    values = TextValues(str(series.name), tuple(places), tuple(rows.tolist()), tuple(first_rows[:-1].tolist()))
    return codes, values, changed


def _without_texts(codes: Codes, values: TextValues, left_out: Sequence[str]) -> tuple[Codes, TextValues]:
    """The column with some of its texts missing instead."""
    kept = [place for place, text in enumerate(values.texts) if text not in left_out]
    to_place = np.full(len(values.texts) + 1, -1, dtype=np.intp)  # the last is that of -1
    to_place[kept] = np.arange(len(kept))
    texts, rows = tuple(values.texts[i] for i in kept), tuple(values.rows[i] for i in kept)
    return to_place[codes], TextValues(values.name, texts, rows, tuple(values.first_rows[i] for i in kept))


def _is_plain_text(series: pd.Series[Any]) -> bool:
    """Whether the column has the type that pandas gives text, NaN where a cell is missing."""
    return isinstance(series.dtype, pd.StringDtype) and series.dtype.na_value is np.nan


def _number_series(series: pd.Series[Any], codes: Codes, numbers: NumberColumn) -> pd.Series[Any]:
    whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in numbers.values) and len(numbers.values) > 0
    if whole and (codes >= 0).all():
        return pd.Series(np.array(numbers.values, dtype=np.int64)[codes], index=series.index, name=series.name)
    return pd.Series(np.array([*numbers.values, np.nan], dtype=float)[codes], index=series.index, name=series.name)


def _text_series(series: pd.Series[Any], codes: Codes, values: TextValues) -> pd.Series[Any]:
    if not values.texts:
        return pd.Series(np.nan, index=series.index, name=series.name)
    texts = pd.Series(list(values.texts)).array.take(codes, allow_fill=True)
    return pd.Series(texts, index=series.index, name=series.name)
