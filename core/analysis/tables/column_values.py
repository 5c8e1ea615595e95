"""A value that a person or a configuration gives, as the column has it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.analysis.tables.csv_cells import clean_text
from core.analysis.tables.number_formats import parse_number

_TRUTH = {"true": "true", "1": "true", "1.0": "true", "false": "false", "0": "false", "0.0": "false"}


def cast_to_column(series: pd.Series, value: object) -> object:
    """``value`` in the column's own type and spelling, whether a row has it or not.

    "1", 1.0 and "1,000" are numbers in a column of numbers; in a column of text every value is text, without the spaces around it; where
    all texts are true and false, in any case, so are ``True`` and 1.

    >>> import pandas as pd
    >>> cast_to_column(pd.Series([1, 2]), "1"), cast_to_column(pd.Series(["01", "02"]), " 01 ")
    (1, '01')
    >>> cast_to_column(pd.Series(["TRUE", "FALSE"]), True)
    'TRUE'
    """
    text = clean_text(str(value))
    kind = series.dtype.kind
    if kind in "iuf":
        number = parse_number(text)
        if isinstance(value, int | float | np.number) and not isinstance(value, bool):
            found: int | float = value if isinstance(value, int) else float(value)
        elif number is not None:
            found = number.value
        else:
            return value
        return int(found) if kind in "iu" and float(found).is_integer() else found
    if kind == "b":
        return {"true": True, "false": False}.get(_TRUTH.get(text.casefold(), ""), value)
    texts = series.dropna().unique().tolist()
    if text not in texts and all(str(one).casefold() in {"true", "false"} for one in texts):
        return next((one for one in texts if str(one).casefold() == _TRUTH.get(text.casefold())), text)
    return text
