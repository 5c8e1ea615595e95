"""Reads the tables that people upload (CSV, parquet); says what is wrong with a file and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.analysis.tables import table_reading
from core.analysis.tables.csv_cells import TableError
from core.analysis.tables.number_formats import DecimalMark
from core.analysis.tables.table_layout import SEPARATORS
from core.analysis.tables.table_reading import TableReading
from core.data import file_formats
from core.errors import DataError

MAX_BYTES = 500 * 1024 * 1024


def read_csv(
    source: Path | bytes, *, name: str = "the file", decimal: DecimalMark | None = None, encoding: str | None = None
) -> TableReading:
    """Read a table with a header, and say what a person should know about it: CSV (also as gzip), or parquet.

    ``decimal``: the decimal mark, where numbers read two ways; ``encoding``: how the file's characters are written, if not as it looks.
    Raises DataError for a file that is empty, too large, of another kind (which is named), or has no usable header.
    """
    if isinstance(source, Path):
        name = source.name
        if not source.is_file():
            raise DataError(f"{source} is not a file.", resource=name, hint="Give the path of an existing CSV or parquet file.")
        check_size(source.stat().st_size, name)
        content = source.read_bytes()
    else:
        content = source
    content, kind = file_formats.unpack(content, name, MAX_BYTES)
    check_size(len(content), name)
    if kind == "parquet":
        reading = table_reading.read_frame(file_formats.read_parquet(content, name), decimal=decimal)
    else:
        reading = _read_text(content, name, decimal, encoding)
    if reading.frame.empty:
        raise DataError(f"{name} has a header but no rows.", resource=name, hint="Give a table with rows.")
    return reading


def _read_text(content: bytes, name: str, decimal: DecimalMark | None, encoding: str | None) -> TableReading:
    text, findings = file_formats.decode(content, name, encoding)
    if "\x00" in text:
        raise DataError(f"{name} contains NUL characters: it is not a text file.", resource=name, hint="Give a CSV file in UTF-8.")
    if not text or text.isspace():
        raise DataError(f"{name} is empty.", resource=name, hint="Give a CSV file with a header line and rows.")
    file_formats.name_text(text, name)
    try:
        reading = table_reading.read_table(text, decimal=decimal)
    except TableError as error:
        raise DataError(f"{name}: {error}", resource=name, hint=error.hint) from error
    if reading.frame.shape[1] == 1:
        marks = ", ".join(SEPARATORS.values())
        message = f"{name} has one column, {str(reading.frame.columns[0])[:60]!r}: its cells aren't separated by {marks}."
        raise DataError(message, resource=name, hint="Save it with commas between the cells.")
    return replace(reading, findings=(*findings, *reading.findings))


def check_size(size: int, name: str) -> None:
    """Raises DataError if a file of ``size`` bytes is too large to be read here."""
    if size > MAX_BYTES:
        raise DataError(
            f"{name} has {size / 1e6:,.0f} MB, more than the limit of {MAX_BYTES / 1e6:,.0f} MB.",
            resource=name,
            hint="Give a sample, or put the file into S3 and use the AWS target.",
        )
