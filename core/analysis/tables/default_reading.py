"""What a reader with pandas' defaults, as AWS's Clarify container has it, makes of a table that is read here as it is written."""

from __future__ import annotations

import io

import pandas as pd

from core.analysis.tables.table_reading import read_table


def find_misread_cells(text: str) -> dict[str, tuple[str, int]]:
    """Column -> (a cell that pandas' default reader takes for something else, its row from 1), of a CSV with a header.

    NA, None and null become missing there, 01 becomes 1, true becomes True; 10,000 and 'f ' stay text. Raises TableError if the text isn't
    a table.

    >>> find_misread_cells("country,income\\nNA,1\\nDE,2\\n")
    {'country': ('NA', 1)}
    """
    read = read_table(text).frame
    default = pd.read_csv(io.StringIO(text), low_memory=False)
    written = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True, low_memory=False)
    if default.shape != read.shape or written.shape != read.shape:
        return {str(read.columns[0]): (text.lstrip().partition("\n")[0][:80], 0)}
    found = {}
    for place, name in enumerate(read.columns):
        here, there = read.iloc[:, place], default.iloc[:, place]
        wrong = here.isna() != there.isna()
        if here.dtype.kind not in "iuf" or there.dtype.kind not in "iuf":
            wrong |= here.notna() & (here.astype(str) != there.astype(str))
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            found[str(name)] = (str(written.iloc[row, place]), row + 1)
    return found
