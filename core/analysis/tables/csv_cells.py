"""The cells of a CSV text: plain numbers as numbers, everything else as the text that it is. Nothing but an empty cell is missing."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.tables.feature_names import describe_difference
from core.analysis.tables.table_layout import SEPARATORS, TableLayout, find_layout

_SPACES = dict.fromkeys([0xA0, 0x2007, 0x202F], " ") | dict.fromkeys([0x200B, 0x2060, 0xFEFF])
"""Non-breaking spaces become spaces; zero-width ones and byte-order marks vanish."""
_GROUPED_BY_POINTS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_SAMPLE_ROWS = 1000
_CHARACTERS_AT_A_TIME = 1_000_000
MANY_COLUMNS = 100


class TableError(ValueError):
    """The text is not a table, with the reason; ``hint`` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class CsvCells:
    """``frame``: its columns are plain numbers (int64, uint64, float64) or text, as the file has it; NaN where empty. ``reordered``: the
    file's own names, where ``headers`` has the same ones in another order. A column without a name is called ``Unnamed: 0``;
    ``renamed``: (name, what it is called here) of the second and later columns of one name."""

    frame: pd.DataFrame
    layout: TableLayout
    reordered: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def separator(self) -> str:
        return self.layout.separator


def clean_text(text: str) -> str:
    """The text without spaces around it, byte-order marks and zero-width spaces; non-breaking spaces as spaces; in Unicode's form NFC.

    >>> clean_text(" f\\u00a0"), clean_text("New\\u00a0York")
    ('f', 'New York')
    """
    return unicodedata.normalize("NFC", text).translate(_SPACES).strip()


def read_cells(text: str, *, headers: Sequence[str] | None = None, decimal_comma: bool = False) -> CsvCells:
    """The cells of a CSV text, separated by commas, semicolons, tabs or vertical bars.

    Without ``headers``, the first line below titles names the columns. With them, the first line may be the same names, in any order:
    the columns are then put into the order of ``headers``; else every line is data. ``decimal_comma``: points may be thousands
    separators, so that 1.500 is text here. Raises TableError.
    """
    layout = find_layout(text) if headers is None else TableLayout(_find_separator(text))
    separator = layout.separator
    text = _square_text(text, layout)
    top = _first_line(text, separator)
    renamed: tuple[tuple[str, str], ...] = ()
    if headers is None:
        (names, renamed), first_is_header = _usable_names(top), True
    else:
        names, first_is_header = _names_by_headers(text, separator, top, headers)
    frame = _read(text, separator, first_is_header)
    if frame.shape[1] != len(names):
        raise TableError(
            f"headers names {len(names)} columns, and the lines have {frame.shape[1]} cells.",
            "Name as many columns as the lines have cells.",
        )
    again = _doubtful_columns(text, separator, first_is_header, frame, grouped=decimal_comma or separator != ",")
    if again:
        texts = _read(text, separator, first_is_header, usecols=again, dtype=str)
        for place, i in enumerate(again):
            frame.isetitem(i, texts.iloc[:, place].array)
    if len(names) > MANY_COLUMNS:
        frame = frame.copy()  # puts them side by side in memory, so that they can be looked at all at once
    frame.columns = pd.Index(names)
    if headers is not None and names != list(headers):
        return CsvCells(frame[list(headers)], layout, tuple(names))
    if headers is None and not layout.row_names:
        _require_header(top, frame)
    return CsvCells(frame, layout, renamed=renamed)


def _require_header(top: list[str], frame: pd.DataFrame) -> None:
    """Raises TableError if the first line is a row: it has numbers, and most of its words occur again below them, in the same column; or it
    has only numbers, which aren't all different whole ones, as years are."""
    words = {i: cell for i, cell in enumerate(top) if cell and not _is_number(cell)}
    numbers = [cell for i, cell in enumerate(top) if _is_number(cell) and frame.dtypes.iloc[i].kind in "iuf"]
    if not numbers:
        return
    again = [i for i, word in words.items() if word in set(frame.iloc[:_SAMPLE_ROWS, i].dropna().astype(str).map(clean_text))]
    all_numbers = len(numbers) == len(top) and (len(set(top)) < len(top) or not all(map(str.isdecimal, top)))
    if all_numbers or (words and 2 * len(again) > len(words)):
        shown = ", ".join(cell[:20] for cell in top[:8]) + (", …" if len(top) > 8 else "")
        raise TableError(f"There is no header: the first line is a row ({shown}).", "Write a line above it that names the columns.")


def _square_text(text: str, layout: TableLayout) -> str:
    """The text from its header on, with a name for each cell of its lines."""
    text = text[layout.start :] if layout.start else text
    if layout.row_names:
        return layout.separator + text
    if layout.open_end:
        line, end, rest = text.partition("\n")
        ended = "\r" if line.endswith("\r") else ""
        return line.removesuffix("\r") + layout.separator + ended + end + rest
    return text


class _TextPieces(io.TextIOBase):
    """A text as a file, which gives out its pieces: ``io.StringIO`` would first copy all of it, at four bytes a character."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        start, self.at = self.at, len(self.text) if size is None or size < 0 else self.at + size
        return self.text[start : self.at]


def _find_separator(text: str) -> str:
    first = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0])
    return max(SEPARATORS, key=lambda separator: (first.count(separator), separator == ","))


def _read(
    text: str,
    separator: str,
    first_is_header: bool,
    *,
    usecols: list[int] | None = None,
    dtype: type[str] | None = None,
    rows: int | None = None,
) -> pd.DataFrame:
    try:
        return pd.read_csv(
            _TextPieces(text),
            sep=separator,
            header=0 if first_is_header else None,
            nrows=rows,
            usecols=usecols,
            dtype=dtype,
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            index_col=False,
            low_memory=False,  # in one piece: a column has one type
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise irregular_csv(error) from error


def irregular_csv(error: Exception) -> TableError:
    """The error of a text that isn't a regular CSV."""
    return TableError(
        f"This is not a regular CSV: {str(error).strip()}.", "Each line needs as many cells as the header, and each quote must be closed."
    )


def _first_line(text: str, separator: str) -> list[str]:
    """The first line's cells. The second is read with it: lines of different lengths are noticed."""
    try:
        top = pd.read_csv(_TextPieces(text), sep=separator, header=None, nrows=2, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, pd.errors.ParserError) as error:
        raise irregular_csv(error) from error
    return [clean_text(str(cell)) for cell in top.iloc[0]]


def _usable_names(top: list[str]) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """A name of its own for each column, as pandas gives them: ``Unnamed: 0``, and ``age.1`` for a second ``age``; and the columns that got
    one for the latter reason."""
    taken, seen = set(top), set[str]()
    names, renamed = [], []
    for i, name in enumerate(top):
        used = name or f"Unnamed: {i}"
        if used in seen or (not name and used in taken):
            used = next(one for n in range(1, len(top) + 1) if (one := f"{used}.{n}") not in taken)
            renamed += [(name, used)] if name else []
        seen.add(used)
        taken.add(used)
        names.append(used)
    return names, tuple(renamed)


def _names_by_headers(text: str, separator: str, top: list[str], headers: Sequence[str]) -> tuple[list[str], bool]:
    """The columns' names in the file's order, and whether the first line has them. Raises TableError if it has other ones."""
    names = [str(name) for name in headers]
    if len(top) == len(names) and set(top) == set(names):
        return top, True
    known = [cell for cell in top if cell in set(names) and not _is_number(cell)]
    if known or (len(top) == len(names) and _looks_like_names(text, separator, top)):
        difference = describe_difference(names, top, owner="headers", table="the first line")
        raise TableError(f"The first line has other names than headers: {difference}.", "Rename the columns, or correct headers.")
    return names, False


def _looks_like_names(text: str, separator: str, top: list[str]) -> bool:
    """Whether the first line has a word in a column that has only numbers below it."""
    below = _read(text, separator, True, rows=_SAMPLE_ROWS)
    pairs = zip(top, below.dtypes, strict=False)
    return len(below) > 0 and any(cell and not _is_number(cell) and dtype.kind in "iuf" for cell, dtype in pairs)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _doubtful_columns(text: str, separator: str, first_is_header: bool, frame: pd.DataFrame, *, grouped: bool) -> list[int]:
    """The columns that must be read as text: those that pandas takes for truth values or Python numbers, numbers with leading zeros
    (01 is a code), and with ``grouped`` those in which points may set thousands apart."""
    dtypes = frame.dtypes.tolist()
    again = {i for i, dtype in enumerate(dtypes) if dtype.kind == "b" or (dtype == np.object_ and not _is_text(frame.iloc[:, i]))}
    numeric = [i for i, dtype in enumerate(dtypes) if dtype.kind in "iuf"]
    if numeric and _may_have_leading_zeros(text, separator) and re.search(rf'(?:^|[{separator}"])[ ]*[+-]?0[0-9]', text, re.MULTILINE):
        cells = _read(text, separator, first_is_header, usecols=numeric, dtype=str)
        again |= {i for place, i in enumerate(numeric) if cells.iloc[:, place].str.match(r"\s*[+-]?0[0-9]", na=False).any()}
    floats = [i for i in numeric if dtypes[i].kind == "f"]
    if grouped and floats:
        sample = _read(text, separator, first_is_header, usecols=floats, dtype=str, rows=_SAMPLE_ROWS)
        for place, i in enumerate(floats):
            pointed = [cell for cell in sample.iloc[:, place].dropna() if "." in cell]
            if pointed and all(_GROUPED_BY_POINTS.fullmatch(cell.strip().lstrip("+-")) for cell in pointed):
                again.add(i)
    return sorted(again)


def _may_have_leading_zeros(text: str, separator: str) -> bool:
    """Whether some cell may begin with a zero and a digit: a quick look at all characters, which is right where it says no."""
    before = np.zeros(256, dtype=bool)
    before[list(f'{separator}\r\n" +-'.encode())] = True
    for start in range(0, len(text), _CHARACTERS_AT_A_TIME):
        piece = text[max(0, start - 2) : start + _CHARACTERS_AT_A_TIME]
        raw = np.frombuffer((piece if start else f"\n{piece}").encode(errors="replace"), dtype=np.uint8)
        if (before[raw[:-2]] & (raw[1:-1] == ord("0")) & (raw[2:] - ord("0") < 10)).any():
            return True
    return False


def _is_text(series: pd.Series[Any]) -> bool:
    return all(isinstance(value, str) for value in series.dropna())
