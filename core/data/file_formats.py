"""What a file is by its first bytes, and its text in the encoding that it has. What isn't a table of text is named, with the remedy."""

from __future__ import annotations

import codecs
import gzip
import importlib.util
import io
import zipfile
from typing import Literal

import pandas as pd

from core.analysis.tables.text_columns import Finding
from core.errors import DataError

ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1", "cp850", "mac-roman", "shift_jis", "gb18030", "cp1251", "iso8859-2")
"""The encodings that a person may choose from."""
_SPREADSHEET = "Save the sheet as CSV in UTF-8 (in Excel: File, Save As, CSV UTF-8)."
_KNOWN_BYTES: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook of the old kind (xls)", _SPREADSHEET),
    (b"BZh", "compressed with bzip2", "Unpack it with bunzip2, and give the CSV, or compress that with gzip."),
    (b"\xfd7zXZ\x00", "compressed with xz", "Unpack it with unxz, and give the CSV, or compress that with gzip."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it with unzstd, and give the CSV, or compress that with gzip."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it, and give the CSV in it."),
    (b"Rar!", "a RAR archive", "Unpack it, and give the CSV in it."),
    (b"ARROW1", "an Arrow (Feather) file", "Save it as parquet or CSV: pandas.read_feather(file).to_parquet(…)."),
    (b"FEA1", "a Feather file", "Save it as parquet or CSV: pandas.read_feather(file).to_parquet(…)."),
    (b"ORC", "an ORC file", "Save it as parquet or CSV: pandas.read_orc(file).to_parquet(…)."),
    (b"Obj\x01", "an Avro file", "Save it as parquet or CSV."),
    (b"\x89HDF", "an HDF5 file", "Save the table as parquet or CSV: pandas.read_hdf(file).to_parquet(…)."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV: sqlite3 -header -csv file 'select * from …'."),
    (b"$FL2", "an SPSS file (sav)", "Save it as CSV in SPSS."),
    (b"$FL3", "an SPSS file (zsav)", "Save it as CSV in SPSS."),
    (b"<stata_dta>", "a Stata file (dta)", "Save it as CSV: export delimited, or pandas.read_stata(file).to_csv(…)."),
    (b"HEADER RECORD*******LIBRARY", "a SAS transport file (xpt)", "Save it as CSV: proc export, or pandas.read_sas(file).to_csv(…)."),
    (b"\x00" * 12 + b"\xc2\xea\x81\x60", "a SAS table (sas7bdat)", "Save it as CSV: proc export, or pandas.read_sas(file).to_csv(…)."),
    (b"RDX", "an R workspace (RData)", "Save the table as CSV: write.csv(table, file, row.names = FALSE)."),
    (b"\x93NUMPY", "a NumPy array", "Save it as CSV, with the columns' names in the first line."),
    (b"%PDF", "a PDF", "Give the table as CSV."),
    (b"\x89PNG", "a picture", "Give the table as CSV."),
    (b"\xff\xd8\xff", "a picture", "Give the table as CSV."),
    (b"{\\rtf", "a text with formats (RTF)", "Give the table as CSV."),
)
_KNOWN_TEXTS: tuple[tuple[str, str, str], ...] = (
    ("@relation", "an ARFF file (Weka)", "Save it as CSV, with the columns' names in the first line."),
    ("<!doctype html", "a web page (HTML)", "Download the file itself, not the page that shows it."),
    ("<html", "a web page (HTML)", "Download the file itself, not the page that shows it."),
    ("<?xml", "XML", "Save the table as CSV."),
    ("version https://git-lfs", "a pointer of Git LFS, not the file", "Fetch the file itself: git lfs pull."),
    ("%pdf", "a PDF", "Give the table as CSV."),
)
FileKind = Literal["text", "parquet"]


def unpack(content: bytes, name: str, limit: int) -> tuple[bytes, FileKind]:
    """The bytes, unpacked if they are gzip, and what they are. Raises DataError that names any other kind of file, with the remedy.

    ``limit``: at most so many bytes (and one) are unpacked.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(limit + 1)
        except (OSError, EOFError) as error:
            raise DataError(f"{name} is a damaged gzip file.", resource=name, hint="Compress it again, or give the plain CSV.") from error
        if content[257:262] == b"ustar":
            raise DataError(f"{name} is a tar archive.", resource=name, hint="Unpack it, and give the CSV in it.")
        if content[:2] in (b"X\n", b"A\n"):
            hint = "Save the table as CSV: write.csv(readRDS(file), file, row.names = FALSE)."
            raise DataError(f"{name} is an R object (rds).", resource=name, hint=hint)
    if content[:4] == b"PAR1":
        return content, "parquet"
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        raise _name_zip(content, name)
    for magic, what, hint in _KNOWN_BYTES:
        if content.startswith(magic) and not (magic.isalpha() and _is_text(content)):
            raise DataError(f"{name} is {what}.", resource=name, hint=hint)
    return content, "text"


def _is_text(content: bytes) -> bool:
    """Whether the first bytes are printable: a CSV may begin with the letters ORC too."""
    return all(byte >= 32 or byte in b"\t\r\n" for byte in content[:200])


def _name_zip(content: bytes, name: str) -> DataError:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = [entry for entry in archive.namelist() if not entry.endswith("/") and not entry.startswith("__MACOSX")]
    except zipfile.BadZipFile:
        return DataError(f"{name} is a damaged zip archive.", resource=name, hint="Compress it again, or give the plain CSV.")
    if any(entry.startswith("xl/") for entry in inside):
        return DataError(f"{name} is an Excel workbook (xlsx).", resource=name, hint=_SPREADSHEET)
    if "mimetype" in inside and any(entry == "content.xml" for entry in inside):
        return DataError(f"{name} is a spreadsheet of LibreOffice (ods).", resource=name, hint="Save the sheet as CSV in UTF-8.")
    if any(entry.startswith("word/") for entry in inside):
        return DataError(f"{name} is a Word document.", resource=name, hint="Give the table as CSV.")
    if any(entry.endswith(".npy") for entry in inside):
        hint = "Save the table as CSV, with the columns' names in the first line."
        return DataError(f"{name} is a NumPy archive (npz).", resource=name, hint=hint)
    tables = [entry for entry in inside if entry.lower().endswith((".csv", ".tsv", ".txt", ".parquet", ".csv.gz", ".data"))] or inside
    shown = ", ".join(tables[:5]) + (" …" if len(tables) > 5 else "")
    return DataError(f"{name} is a zip archive.", resource=name, hint=f"Unpack it, and give the table in it{': ' if shown else ''}{shown}.")


def read_parquet(content: bytes, name: str) -> pd.DataFrame:
    """The table of a parquet file, with a named index as a column. Raises DataError if it is damaged, or if pyarrow isn't installed."""
    if importlib.util.find_spec("pyarrow") is None:
        hint = "Install pyarrow (pip install pyarrow), or save the table as CSV."
        raise DataError(f"{name} is parquet, and pyarrow, which reads it, isn't installed.", resource=name, hint=hint)
    try:
        frame = pd.read_parquet(io.BytesIO(content), engine="pyarrow")
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        reason = " ".join(str(error).split())
        raise DataError(f"{name} is a damaged parquet file: {reason}.", resource=name, hint="Write it again, or give the CSV.") from error
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index(names=[label or f"Unnamed: {i}" for i, label in enumerate(frame.index.names)])
    frame.columns = pd.Index([str(column) for column in frame.columns])
    twice = sorted(frame.columns[frame.columns.duplicated()].unique())
    if twice:
        raise DataError(f"{name}: The column name {', '.join(twice)} occurs twice.", resource=name, hint="Rename one of the two.")
    return frame.reset_index(drop=True)


def decode(content: bytes, name: str, encoding: str | None = None) -> tuple[str, tuple[Finding, ...]]:
    """The file's text, and a finding where it isn't UTF-8. ``encoding``: as a person names it; without it UTF-8, else UTF-16, else
    Windows-1252 (Latin-1 for bytes that it doesn't have). Raises DataError for an encoding that doesn't exist or doesn't fit."""
    if encoding is not None:
        try:
            text = content.decode({"utf-8": "utf-8-sig"}.get(encoding.lower(), encoding))
        except LookupError as error:
            hint = f"Write one of {', '.join(ENCODINGS)}, or another that Python knows."
            raise DataError(f"The encoding {encoding} doesn't exist.", resource=name, hint=hint) from error
        except UnicodeError as error:
            hint = "Choose another encoding, or leave it out."
            raise DataError(f"{name} isn't {encoding}: {error}.", resource=name, hint=hint) from error
        return text.removeprefix("\ufeff"), ()
    for mark, found in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if content.startswith(mark):
            return _decode_wide(content, found, name)
    if b"\x00" in content[:200] and len(content) % 2 == 0:
        zeros = [content[:400][place::2].count(0) for place in (0, 1)]
        if min(zeros) == 0 and max(zeros) > 3:  # the mark at the beginning is missing
            return _decode_wide(content, "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le", name)
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        first = error.start
    try:
        text, found, words = content.decode("cp1252"), "cp1252", "Windows-1252 (Western European)"
    except UnicodeDecodeError:
        text, found, words = content.decode("latin-1"), "latin-1", "Latin-1 (Western European)"
    line = content[:first].count(b"\n") + 1
    cell = _cell_around(text, first)
    message = f"The file isn't UTF-8, and is read as {words}: line {line:,} has {cell!r}."
    return text, (
        Finding("", "encoding", message, f"If that is misspelt, choose another encoding than {found}, or save the file in UTF-8."),
    )


def _decode_wide(content: bytes, encoding: str, name: str) -> tuple[str, tuple[Finding, ...]]:
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        raise DataError(f"{name} is damaged {encoding.upper()}: {error}.", resource=name, hint="Save it as CSV in UTF-8.") from error
    return text.removeprefix("\ufeff"), (Finding("", "encoding", f"The file is read as {encoding[:6].upper()}."),)


def _cell_around(text: str, place: int) -> str:
    """The cell of a one-byte encoding's text that has the character at ``place``."""
    start = max(text.rfind(mark, max(0, place - 40), place) for mark in ",;\t|\n") + 1
    ends = [end for mark in ",;\t|\r\n" if (end := text.find(mark, place, place + 40)) >= 0]
    return text[max(start, place - 40) : min(ends, default=place + 20)].strip(' "')


def name_text(text: str, name: str) -> None:
    """Raises DataError, naming it, if the text is of another kind than a table: JSON, HTML, XML, ARFF."""
    start = text[:2000].lstrip().lower()
    for words, what, hint in _KNOWN_TEXTS:
        if start.startswith(words):
            raise DataError(f"{name} is {what}.", resource=name, hint=hint)
    if start.startswith("%") and "@relation" in text[:20_000].lower():
        raise DataError(f"{name} is {_KNOWN_TEXTS[0][1]}.", resource=name, hint=_KNOWN_TEXTS[0][2])
    if start.startswith("{") or (start.startswith("[") and start[1:].lstrip()[:1] in {"{", "[", '"', "]"}):
        lines = text.count("\n{") > 0
        hint = f"Save it as CSV: pandas.read_json(file{', lines=True' if lines else ''}).to_csv(…, index=False)."
        raise DataError(f"{name} is JSON.", resource=name, hint=hint)
