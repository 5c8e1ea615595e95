"""Everything about a table's columns that a person should decide, found in one look: ids, dates, constants, twins, too many values."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.tables.column_kinds import MIN_WHOLE_SHARE, is_mostly_whole
from core.analysis.tables.id_kinds import find_id_kind, may_be_id
from core.analysis.tables.number_blocks import (
    MAX_EXACT_INTEGER,
    SAMPLE_ROWS,
    count_distinct_by_column,
    most_distinct_by_column,
    number_blocks,
    share_of_whole_cells,
)
from core.analysis.tables.table_reading import TableReading
from core.analysis.tables.text_columns import Finding, Treatment

MAX_TEXT_VALUES = 100
"""A column of text with more different values isn't taken for categories."""
_NAMELESS = re.compile(r"|Unnamed: \d+(?:_level_\d+)?(?:\.\d+)*|\.\.\.\d+|__index_level_\d+__")
LEAVE_OUT: tuple[Treatment, ...] = ("leave out",)
LEAVE_OUT_OR_KEEP: tuple[Treatment, ...] = ("leave out", "keep")


def examine_table(reading: TableReading) -> TableReading:
    """The reading with every finding about its columns: those of the reading, each with what may be done (``choices``) and what is done
    unless a person chooses otherwise (``treatment``), then those of the columns' values. A column has at most one treatment.

    Left out by default is what says nothing about the rows or can't be learned from: nameless columns, ids, constants, the second of two
    equal columns, dates, and text with more than ``MAX_TEXT_VALUES`` values. Label and facet aren't known here: whoever applies the
    treatments leaves them in.

    >>> import pandas as pd
    >>> from core.analysis.tables.table_reading import read_frame
    >>> frame = pd.DataFrame({"id": range(40), "land": ["DE"] * 40, "age": [30, 40] * 20})
    >>> [(f.column, f.kind, f.treatment) for f in examine_table(read_frame(frame)).findings]
    [('id', 'id', 'leave out'), ('land', 'constant', 'leave out')]
    """
    found = [_with_choices(finding, reading.frame) for finding in reading.findings]
    treated = {finding.column for finding in found if finding.choices}
    frame, seen, plain = reading.frame, _SeenColumns(reading.frame), _plain_columns(reading.frame)
    for i, name in enumerate(map(str, frame.columns.tolist())):
        own = None if i in plain else _examine_column(name, frame.iloc[:, i])
        if own is None or own.treatment != "leave out" or own.kind == "many values":
            twin = seen.find_twin(name, i)
            if twin != name and name not in treated:
                message = f"Column {name} is equal to column {twin} in every row."
                own = Finding(name, "duplicate", message, treatment="leave out", choices=LEAVE_OUT_OR_KEEP, twin=twin)
        if own is not None and name not in treated:
            found.append(own)
    return replace(reading, findings=tuple(found), examined=True)


def _plain_columns(frame: pd.DataFrame) -> set[int]:
    """The places of columns of numbers that need no look of their own: of fractions in more than a few rows, or of whole numbers of which
    too few differ for an id."""
    names, found = list(map(str, frame.columns.tolist())), set()
    for places, block in number_blocks(frame):
        varies = count_distinct_by_column(block[:, :SAMPLE_ROWS]) > 1
        if block.dtype.kind == "f":
            plain = varies & (share_of_whole_cells(block) < MIN_WHOLE_SHARE)
        else:
            plain = varies & [not may_be_id(distinct, len(frame)) for distinct in most_distinct_by_column(block)]
        found |= {place for place in places[plain].tolist() if not _NAMELESS.fullmatch(names[place])}
    return found


def _with_choices(finding: Finding, frame: pd.DataFrame) -> Finding:
    """A finding of the reading with what may be done with its column; dates are left out, the rest waits for a decision."""
    if not finding.blocks or finding.column not in frame.columns:
        return finding
    few = frame[finding.column].nunique() <= MAX_TEXT_VALUES
    choices: tuple[Treatment, ...] = ("leave out", "categorical") if few else LEAVE_OUT
    if finding.kind == "dates":
        return replace(finding, blocks=False, treatment="leave out", choices=choices)
    return replace(finding, choices=choices)


def _examine_column(name: str, series: pd.Series[Any]) -> Finding | None:
    """The one finding about a column's values that leads to a treatment; None if it needs none."""
    rows = len(series)
    if _NAMELESS.fullmatch(name):
        shown = "has no name" if not name else f"{name} has no name of its own"
        what = ": it counts the rows, as pandas and R write them" if _counts_rows(series) else f": {_examples(series)}"
        return Finding(name, "nameless", f"Column {shown}{what}.", treatment="leave out", choices=_keep_if_possible(series))
    low, high, missing = _extremes(series)
    if missing == rows:
        return Finding(name, "constant", f"Column {name} is empty in every row.", rows=rows, treatment="leave out", choices=LEAVE_OUT)
    if low is not None and low == high and not missing:
        message = f"Column {name} is {_short(low)} in every row."
        return Finding(name, "constant", message, rows=rows, treatment="leave out", choices=LEAVE_OUT_OR_KEEP)
    if series.dtype.kind == "f":
        mixed = _examine_fractions(name, series)
        with np.errstate(invalid="ignore"):  # of infinity
            has_fractions = bool((series.to_numpy()[:1000] % 1 > 0).any())
        if mixed or has_fractions:
            return mixed
    distinct, known = int(series.nunique()), rows - missing
    if distinct == 1 and not missing:
        message = f"Column {name} is {_short(series.iloc[0])!r} in every row."
        return Finding(name, "constant", message, rows=rows, treatment="leave out", choices=LEAVE_OUT_OR_KEEP)
    is_text = series.dtype.kind not in "iuf"
    if may_be_id(distinct, known) and find_id_kind(name, series.dropna().to_numpy(), distinct, known):
        return _id_finding(name, series, distinct, known)
    if is_text and distinct > MAX_TEXT_VALUES:
        message = (
            f"Column {name} has text with {distinct:,} different values ({_examples(series)}); at most {MAX_TEXT_VALUES} can be categories."
        )
        hint = "It's left out: to use it, group its values, or give it numbers."
        return Finding(name, "many values", message, hint, rows=known, treatment="leave out", choices=LEAVE_OUT)
    return None


def _id_finding(name: str, series: pd.Series[Any], distinct: int, known: int) -> Finding:
    choices: tuple[Treatment, ...] = LEAVE_OUT_OR_KEEP
    if series.dtype.kind in "iuf":
        each = "in every row" if distinct == known else f"for {distinct:,} persons or things in {known:,} rows"
        message = f"Column {name} looks like an id: another number {each} ({_examples(series)})."
    else:
        message = f"Column {name} names the rows: {distinct:,} different texts in {known:,} rows ({_examples(series)})."
        choices = LEAVE_OUT if distinct > MAX_TEXT_VALUES else ("leave out", "categorical")
    return Finding(name, "id", message, rows=known, treatment="leave out", choices=choices)


def _examine_fractions(name: str, series: pd.Series[Any]) -> Finding | None:
    """Amounts that are whole in most rows: a person may have meant codes, and one of them is a slip."""
    if not is_mostly_whole(series):
        return None
    values = series.to_numpy(dtype=float)
    whole = values == np.floor(values)
    known = int((~np.isnan(values)).sum())
    fractions = ~whole & ~np.isnan(values)
    row = int(fractions.argmax())
    example = f"{_short(float(values[row]))} in row {row + 1:,}"
    message = f"Column {name} is whole in {whole.sum():,} of {known:,} rows and has fractions in the others ({example})."
    choices: tuple[Treatment, ...] = ("continuous", "leave out")
    return Finding(name, "mostly whole", message, rows=int(fractions.sum()), treatment="continuous", choices=choices)


def _counts_rows(series: pd.Series[Any]) -> bool:
    if series.dtype.kind not in "iu" or not len(series):
        return False
    values = series.to_numpy()
    return bool((np.sort(values) - values.min() == np.arange(len(values))).all())


def _extremes(series: pd.Series[Any]) -> tuple[Any, Any, int]:
    """The lowest and highest number (None for text), and the number of missing cells."""
    missing = int(series.isna().sum())
    if series.dtype.kind not in "iuf" or missing == len(series):
        return None, None, missing
    return series.min(), series.max(), missing


class _SeenColumns:
    """The columns so far. Columns of numbers whose first rows differ aren't looked at further."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self.by_digest: dict[bytes, str] = {}
        self.starts: dict[int, int] = {}
        for places, block in number_blocks(frame.iloc[:SAMPLE_ROWS]):
            weights = np.random.default_rng(0).integers(1, 2**63, block.shape[1], dtype=np.uint64) * 2 + 1
            sums = (np.ascontiguousarray(block, dtype=float).view(np.uint64) * weights).sum(axis=1, dtype=np.uint64)
            self.starts |= dict(zip(places.tolist(), sums.tolist(), strict=True))
        counts = Counter(self.starts.values())
        self.alone = {place for place, start in self.starts.items() if counts[start] == 1}

    def find_twin(self, name: str, place: int) -> str:
        """The first column that is equal in every row, or the column itself."""
        return name if place in self.alone else self.by_digest.setdefault(_digest(self.frame.iloc[:, place]), name)


def _digest(series: pd.Series[Any]) -> bytes:
    """The same for columns that are equal in every row."""
    if series.dtype.kind in "iuf":
        numbers = np.ascontiguousarray(series.to_numpy(dtype=float))
        kind, raw = b"n", numbers.tobytes()
        may_be_large = series.dtype.kind in "iu" and len(numbers) and np.nanmax(np.abs(numbers)) >= MAX_EXACT_INTEGER
        if may_be_large and series.abs().max() > MAX_EXACT_INTEGER:  # floats can't tell such numbers apart
            raw += pd.util.hash_pandas_object(series, index=False).to_numpy().tobytes()
    else:
        codes, texts = pd.factorize(series)
        kind, raw = b"t", codes.astype(np.int32).tobytes() + "\0".join(map(str, texts)).encode()
    return kind + hashlib.blake2b(raw, digest_size=16).digest()


def _keep_if_possible(series: pd.Series[Any]) -> tuple[Treatment, ...]:
    if series.notna().sum() == 0 or (series.dtype.kind not in "iuf" and series.nunique() > MAX_TEXT_VALUES):
        return LEAVE_OUT
    return LEAVE_OUT_OR_KEEP


def _examples(series: pd.Series[Any]) -> str:
    known: Iterable[object] = series.dropna().head(2).tolist()
    return ", ".join(_short(value) for value in known) + ", …" if series.notna().any() else "it's empty"


def _short(value: object) -> str:
    text = f"{value:.15g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
