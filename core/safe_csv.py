"""CSV files that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable


def safe_csv_bytes(headings: Iterable[object], rows: Iterable[Iterable[object]]) -> bytes:
    """A CSV in UTF-8; a text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection)."""
    out = io.StringIO()
    for row in [headings, *rows]:
        cells = [_neutralize_formula(cell) for cell in row]
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)  # csv leaves it unquoted, and readers start a new row
        csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL).writerow(cells)
    return out.getvalue().encode()


def _neutralize_formula(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    plain = unicodedata.normalize("NFKC", cell).lstrip(" \t\r\n\u200b\ufeff")
    return f"'{cell}" if cell.startswith(("\t", "\r", "\n")) or plain.startswith(("=", "+", "-", "@")) else cell
