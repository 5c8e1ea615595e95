"""Whether a column is an id: it numbers or names the rows, and a model would learn single rows from it by heart.

The one rule, by which the examination of a table proposes to leave a column out, and the search for leaks finds it among the features.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MIN_ROWS = 20
"""In fewer rows, values that are all different are no sign of an id."""
MANY_ROWS = 100
"""In at most so many rows, numbers are all different, rising or nearly without a gap by themselves, or because the table is sorted."""
MIN_DISTINCT_SHARE = 0.95
"""So many of the rows have a value of their own in an id."""
MIN_TEXT_SHARE = 0.5
"""With more different texts than this share of the rows, and more than ``MANY_ROWS``, a column of text names them."""
MIN_NAMED_SHARE = 0.1
"""A column that is called an id, as of persons with several rows each, is one with more different values than this share of the rows."""
MIN_STEPS_SHARE = 0.99
MIN_DIGITS = 8
_ID_WORDS = frozenset(
    re.findall(r"\w+", "id ids uuid guid index idx key rowid rownames rowname rownum rownumber recordid caseid pid uid ssn iban row")
)
_LAST_WORDS = frozenset(re.findall(r"\w+", "number no nr num code ref reference account"))
_PERSON_WORDS = frozenset(re.findall(r"\w+", "id uuid guid ssn pid uid"))

IdKind = Literal["row order", "consecutive", "name", "text", "digits"]
"""How an id shows: ``row order`` (it rises or falls with the row number); ``consecutive`` (numbers with hardly a gap); ``name`` (it is
called an id); ``text`` (a text for each row); ``digits`` (whole numbers that all have equally many digits, at least ``MIN_DIGITS``)."""


def may_be_id(distinct: int, rows: int) -> bool:
    """Whether a column with so many different values can be an id at all: what is looked at before its values are.

    >>> may_be_id(200, 200), may_be_id(5, 200), may_be_id(10, 10)
    (True, False, False)
    """
    return rows >= MIN_ROWS and distinct > MIN_NAMED_SHARE * rows


def find_id_kind(name: str, values: NDArray[np.generic], distinct: int, rows: int) -> IdKind | None:
    """How a column shows that it is an id; None if it doesn't.

    values: those that are known, numbers or text, in the order of the rows, shape (known,); distinct: how many of them differ; rows: how
    many of the table's rows with a value differ from each other (all, unless rows stand in the table several times).

    >>> find_id_kind("n", np.arange(7, 207), 200, 200), find_id_kind("age", np.arange(20, 60), 40, 40)
    ('row order', None)
    >>> find_id_kind("customerId", np.arange(200) ** 2 % 199 * 61, 100, 200), find_id_kind("customerId", np.arange(800) % 400, 400, 800)
    (None, 'name')
    """
    if not may_be_id(distinct, rows):
        return None
    if values.dtype.kind not in "iuf":
        return "text" if distinct >= rows or (distinct > MANY_ROWS and distinct > MIN_TEXT_SHARE * rows) else None
    if values.dtype.kind == "f" and not _are_whole(values):
        return None
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    if distinct < MIN_DISTINCT_SHARE * rows:
        return "name" if words and words[-1] in _PERSON_WORDS and distinct > MANY_ROWS else None
    low, high = values.min().item(), values.max().item()
    if rows > MANY_ROWS:
        if _follow_the_rows(values):
            return "row order"
        if high - low + 1 <= 1.5 * distinct:
            return "consecutive"
    elif low in {0, 1} and high - low + 1 == distinct:
        return "consecutive"
    if _ID_WORDS & set(words) or (words and words[-1] in _LAST_WORDS):
        return "name"
    digits = len(f"{high:.0f}")
    return "digits" if low > 0 and digits >= MIN_DIGITS and len(f"{low:.0f}") == digits else None


def _are_whole(values: NDArray[np.generic]) -> bool:
    return all(bool((np.isfinite(part) & (part == np.floor(part))).all()) for part in (values[:1000], values[1000:]))


def _follow_the_rows(values: NDArray[Any]) -> bool:
    """Whether numbers rise, or fall, in nearly every row where they change."""
    rising, falling = int((values[1:] > values[:-1]).sum()), int((values[1:] < values[:-1]).sum())
    return max(rising, falling) >= MIN_STEPS_SHARE * (rising + falling) > 0
