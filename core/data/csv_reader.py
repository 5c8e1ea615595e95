"""Reads CSV files that people upload; says what is wrong with a file and where. Writes CSV."""

from __future__ import annotations

import codecs
import gzip
import io
from pathlib import Path

import pandas as pd

from core.analysis.tables import table_reading
from core.analysis.tables.csv_cells import TableError
from core.analysis.tables.number_formats import DecimalMark
from core.analysis.tables.table_reading import TableReading
from core.errors import DataError

MAX_BYTES = 500 * 1024 * 1024


def read_csv(source: Path | bytes, *, name: str = "the file", decimal: DecimalMark | None = None) -> TableReading:
    """Read a CSV with a header, and say what is to be known about it. ``decimal``: the decimal mark, where numbers read two ways.

    Raises DataError for a file that is empty, too large, not UTF-8, or has no usable header.
    """
    if isinstance(source, Path):
        name = source.name
        if not source.is_file():
            raise DataError(f"{source} is not a file.", resource=name, hint="Give the path of an existing CSV file.")
        check_size(source.stat().st_size, name)
        content = source.read_bytes()
    else:
        content = source
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MAX_BYTES + 1)
        except (OSError, EOFError) as error:
            raise DataError(f"{name} is a damaged gzip file.", resource=name, hint="Compress it again, or give the plain CSV.") from error
    check_size(len(content), name)
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise DataError(f"{name} is UTF-16.", resource=name, hint="Save it as CSV in UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{name} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x}.", resource=name, hint="Save it as CSV in UTF-8."
        ) from error
    if "\x00" in text:
        raise DataError(f"{name} contains NUL characters: it is not a text file.", resource=name, hint="Give a CSV file in UTF-8.")
    if not text.strip():
        raise DataError(f"{name} is empty.", resource=name, hint="Give a CSV file with a header line and rows.")
    try:
        reading = table_reading.read_table(text, decimal=decimal)
    except TableError as error:
        raise DataError(f"{name}: {error}", resource=name, hint=error.hint) from error
    if reading.frame.empty:
        raise DataError(f"{name} has a header but no rows.", resource=name, hint="Give a CSV file with rows.")
    return reading


def check_size(size: int, name: str) -> None:
    """Raises DataError if a file of ``size`` bytes is too large to be read here."""
    if size > MAX_BYTES:
        raise DataError(
            f"{name} has {size / 1e6:,.0f} MB, more than the limit of {MAX_BYTES / 1e6:,.0f} MB.",
            resource=name,
            hint="Give a sample, or put the file into S3 and use the AWS target.",
        )


def to_csv(frame: pd.DataFrame) -> bytes:
    """CSV with a header; integers as integers."""
    return frame.to_csv(index=False, lineterminator="\n").encode()
