"""Writes tables of numbers as CSV, byte for byte as pandas does, in a fraction of its time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ROWS_AT_A_TIME = 50_000
"""Rows whose cells are in memory as text at a time."""


def to_csv(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    """The table as CSV in UTF-8, the lines ended by a line feed: what ``frame.to_csv(index=False, lineterminator="\\n")`` gives.

    >>> to_csv(pd.DataFrame({"age": [30, 41], "debt": [0.5, None], "region": ["north", "Rhine, Main"]})).decode().split("\\n")
    ['age,debt,region', '30,0.5,north', '41,,"Rhine, Main"', '']
    """
    if not all(map(_is_written_here, frame.dtypes.tolist())):
        return frame.to_csv(index=False, header=header, lineterminator="\n").encode()
    parts = [f"{header_line(frame.columns)}\n".encode()] if header else []
    return b"".join([*parts, *(("\n".join(some) + "\n").encode() for some in _iterate_lines(frame))])


def header_line(columns: Iterable[object]) -> str:
    """The names of the columns as the first line of a CSV, without its line feed."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(list(columns))
    return buffer.getvalue()[:-1]


def row_lines(frame: pd.DataFrame) -> list[str]:
    """Each row of a table of numbers and text as a line of CSV without its line feed, for files that share rows."""
    return [line for some in _iterate_lines(frame) for line in some]


def _iterate_lines(frame: pd.DataFrame) -> Iterator[list[str]]:
    """The lines of the rows, some at a time."""
    for start in range(0, len(frame), ROWS_AT_A_TIME):
        part = frame.iloc[start : start + ROWS_AT_A_TIME]
        cells = [_cell_texts(part.iloc[:, i]) for i in range(part.shape[1])]
        if len(cells) == 1:  # an empty line would be no row
            yield [text or '""' for text in cells[0]]
        else:
            yield list(map(",".join, zip(*cells, strict=True)))


def _is_written_here(dtype: Any) -> bool:
    """Whether a column of this type is one of numbers, truth values or text, which are written here; dates, for instance, aren't."""
    if isinstance(dtype, np.dtype):
        return dtype == np.float64 or dtype.kind in "iub"
    return isinstance(dtype, pd.StringDtype) or (dtype.kind in "iu" and hasattr(dtype, "numpy_dtype"))


def _cell_texts(series: pd.Series[Any]) -> list[str]:
    """The column's cells as CSV has them, "" where one is missing. Each different value is written once.

    Floats are told apart by their bits, since 0.0 and -0.0 are equal, and both as Python writes them: the shortest text that is read as the
    same number."""
    if series.dtype.kind == "f":
        codes, bits = pd.factorize(series.to_numpy().view(np.int64))
        numbers = np.asarray(bits).view(np.float64).tolist()
        return _spread(["" if number != number else repr(number) for number in numbers], codes)
    if isinstance(series.dtype, pd.StringDtype):
        codes, texts = pd.factorize(series)
        return _spread([header_line([text, ""])[:-1] for text in texts], codes)
    missing = series.isna().to_numpy()
    codes, distinct = pd.factorize(series.to_numpy(dtype=np.int64, na_value=0) if missing.any() else series.to_numpy())
    return _spread(list(map(str, distinct.tolist())), np.where(missing, -1, codes))


def _spread(texts: list[str], codes: NDArray[np.intp]) -> list[str]:
    """Each row's text; "" where its code is -1."""
    spread: list[str] = np.array([*texts, ""], dtype=object)[codes].tolist()
    return spread
