"""Where a table begins in a text file, and what separates its cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SAMPLE_LINES = 60
_SAMPLE_CHARACTERS = 200_000


@dataclass(frozen=True)
class TableLayout:
    """``start``: where the header begins in the text, in characters; ``titles``: the lines above it that aren't empty; ``row_names``: the
    lines have one cell more than the header, at their beginning, as R writes them; ``open_end``: the same at their end, and empty."""

    separator: str
    start: int = 0
    titles: tuple[str, ...] = ()
    row_names: bool = False
    open_end: bool = False


def find_layout(text: str) -> TableLayout:
    """The layout by the first lines: the separator whose header comes first and has the most cells; lines above it with fewer filled cells
    than half of the table's columns are titles.

    >>> find_layout("Loans 2024\\n\\npaid;sex;age\\n1;f;1,5\\n0;m;2,5\\n")
    TableLayout(separator=';', start=12, titles=('Loans 2024',), row_names=False, open_end=False)
    >>> find_layout('"a","b"\\n"1",2,3\\n"2",4,5\\n').row_names
    True
    """
    lines = text[:_SAMPLE_CHARACTERS].splitlines(keepends=True)
    if len(text) > _SAMPLE_CHARACTERS and len(lines) > 1:
        lines.pop()
    found = [layout for separator in SEPARATORS if (layout := _layout_of(lines, separator))]
    if not found:
        return TableLayout(",")
    return min(found, key=lambda layout: layout[0])[1]


_Rank = tuple[int, int, bool]


def _layout_of(lines: list[str], separator: str) -> tuple[_Rank, TableLayout] | None:
    """The layout if this were the separator, with its rank (the lowest is the best); None if no line has two cells."""
    rows, starts = _records(lines, separator)
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return None
    width = max(widths, key=lambda n: (widths[n], n))
    first = next(i for i, row in enumerate(rows) if _filled(row))
    header = next((i for i, row in enumerate(rows) if _filled(row) > width / 2 and len(row) >= width - 1), first)
    if header > first and (any(map(_looks_numeric, rows[header])) or len(set(rows[header])) < len(rows[header])):
        header = first  # a row of values isn't the header of the lines above it
    if _is_title_above_names(rows, header):
        header += 1
    titles = tuple(separator.join(cell for cell in row if cell.strip()) for row in rows[:header] if _filled(row))
    below = rows[header + 1 :]
    short = len(rows[header]) == width - 1 and bool(below) and all(len(row) == width for row in below if row)
    open_end = short and all(not row[-1].strip() for row in below if row)
    row_names = short and not open_end and _are_row_names([row[0] for row in below if row], lines)
    raw = "".join(lines)[starts[header] :]
    raw = raw[: starts[header + 1] - starts[header]] if header + 1 < len(starts) else raw
    outside = re.sub(r'"[^"]*"', "", raw).count(separator)  # in quotes it separates nothing
    if outside != len(rows[header]) - 1 or (len(rows[header]) < 2 and not row_names):
        return None
    layout = TableLayout(separator, starts[header], titles, row_names, open_end)
    return (header, -len(rows[header]), separator != ","), layout


def _records(lines: list[str], separator: str) -> tuple[list[list[str]], list[int]]:
    """The first records, and where each begins; a record goes over several lines where a quoted cell does."""
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")
    ends = [0]
    for line in lines:
        ends.append(ends[-1] + len(line))
    rows, starts, before = [], [], 0
    try:
        for row in islice(reader, _SAMPLE_LINES):
            rows.append(row)
            starts.append(ends[before])
            before = reader.line_num
    except csv.Error:  # a cell of more than 128 kB, or NUL: reading the whole file says what is wrong
        pass
    return rows, starts


def _are_row_names(cells: list[str], lines: list[str]) -> bool:
    """Whether the first cells name their rows: all different, and either words, or 1, 2, 3, …, or in quotes, as R writes them."""
    if len(set(cells)) < len(cells):
        return False
    counted = cells == [str(i + 1) for i in range(len(cells))]
    quoted = all(line.startswith('"') for line in lines[-len(cells) :])
    return counted or quoted or not any(map(_looks_numeric, cells))


def _filled(row: list[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _is_title_above_names(rows: list[list[str]], header: int) -> bool:
    """Whether the next line has the names: only words, different ones, and numbers below most of them, while the first line's are codes
    for columns (X1, X2, …)."""
    following = rows[header + 1 : header + 2]
    below = [row for row in rows[header + 2 : header + 22] if row]
    if not following or len(below) < 2 or len(following[0]) != len(rows[header]):
        return False
    names = [cell.strip() for cell in following[0]]
    codes = sum(1 for cell in rows[header] if re.fullmatch(r"|[A-Z]{1,3}\d*|\d+|Unnamed: \d+", cell.strip()))
    if 2 * codes <= len(names) or not all(names) or len(set(names)) < len(names) or any(map(_looks_numeric, names)):
        return False
    numeric = sum(1 for i in range(len(names)) if all(i < len(row) and _looks_numeric(row[i]) for row in below))
    return 2 * numeric > len(names)


def _looks_numeric(cell: str) -> bool:
    return re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?", cell.strip()) is not None
