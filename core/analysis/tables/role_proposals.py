"""Which column is the label, which of its values is good for the person, by the words that say so, and which group has the fewest of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from core.analysis.tables.text_columns import sort_texts

T = TypeVar("T")

MIN_GROUP_ROWS = 10
"""Groups with fewer rows are proposed only if no two groups have more: their share is chance."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GOOD = _words(
    "accept accepted admit admitted advanced alive approve approved approval award awarded benign cleared completed current cured "
    "eligible employed employable enrolled favourable favorable fit funded good graduated grant granted healthy hire hired invited "
    "offer offered paid pass passed promoted promotion qualified recovered released renewed repaid repay resolved retained select "
    "selected settled shortlisted solvent stayed success successful survive survived subscribed winner won"
)
_BAD = _words(
    "arrest arrested attack attrition bad bankrupt bankruptcy breach canceled cancelled cancer chargeoff charged chd churn churned claim "
    "convicted crime criminal dead death deceased declined default defaulted defaulter delinquent delinquency denied deny diabetes "
    "diabetic died disease dropout exited expelled fail failed failure fatal fired foreclosed fraud fraudulent hospitalised hospitalized "
    "hypertension incident infected infection injury insolvent laidoff late left loss malignant mortality overdue readmission readmitted "
    "rearrest rearrested recid recidivism recidivist recurrence refused reject rejected relapse relapsed reoffend reoffended scam sick "
    "smoker smoking spam stroke suspended terminated tumor tumour unemployed unemployment unfavourable unfavorable unfit unpaid "
    "unsuccessful violation withdrawn writeoff"
)
_NEUTRAL = _words(
    "answer application class credit decision final flag is label loan outcome prediction response result status target variable was y"
)
"""Names of a column that say nothing of what its yes means: it is then the good answer. Yes to ``smoker`` or ``black`` is not."""
_NEGATIONS = frozenset(["no", "not", "non", "never", "without"])
_YES = frozenset({"yes", "y", "ja", "oui", "si", "sí", "sim"})
_TRUE = _YES | {"1", "1.0", "true", "t", "present", "presence", "positive"}
_FALSE = frozenset({"0", "0.0", "-1", "-1.0", "no", "n", "nein", "non", "não", "false", "f", "absent", "absence", "negative"})
_CALLED = _words("class decision default label outcome response target")
"""Words of columns that are labels."""
_SENSITIVE = (
    _words("sex gender race racial ethnic ethnicity ethnie"),
    _words("female male woman man black white hispanic hispan latino minority nationality nation religion religious disability disabled"),
)
"""Words of columns that tell protected groups apart: those that name what the groups differ in, then those that name a group."""


def propose_favourable(column: str, values: list[T]) -> T | None:
    """The label's value that is good for the person, by words such as yes, paid, approved, no default, or by the column's name (0 of
    ``default``, 1 of ``hired``); None where no word decides. How often a value occurs doesn't count.

    >>> propose_favourable("loan", ["fully paid", "charged off"]), propose_favourable("default", ["yes", "no"])
    ('fully paid', 'no')
    >>> propose_favourable("paid", [0, 1]), propose_favourable("paid", [1, 2]), propose_favourable("city", ["no", "yes"])
    (1, None, None)
    """
    if len(values) != 2:
        return None
    texts = [str(value).strip().casefold() for value in values]
    true = next((v for v, text in zip(values, texts, strict=True) if text in _TRUE), None)
    false = next((v for v, text in zip(values, texts, strict=True) if text in _FALSE), None)
    if true is not None and false is not None:
        direction = word_direction(column)
        if direction == 0 and any(text in _YES for text in texts) and column_words(column) <= _NEUTRAL:
            direction = 1
        return true if direction > 0 else false if direction < 0 else None
    one, other = (word_direction(text) for text in texts)
    return values[0] if one > other else values[1] if other > one else None


def word_direction(text: str) -> int:
    """1 if its words say something good for the person, -1 for something bad, 0 for neither or both; ``not`` turns a word round.

    >>> word_direction("loan_approved"), word_direction("Charged Off"), word_direction("no default"), word_direction("region")
    (1, -1, 1, 0)
    """
    words = _list_words(text)
    found, sign = set(), 1
    for word in words:
        if word in _NEGATIONS:
            sign = -1
            continue
        meaning = 1 if word in _GOOD else -1 if word in _BAD else 0
        if meaning:
            found.add(sign * meaning)
            sign = 1
    return found.pop() if len(found) == 1 else -1 if found and {"late", "unpaid"} & set(words) else 0


def sensitivity(column: str) -> int:
    """Whether a column's name tells protected groups apart: 2 if it names what they differ in (sex, race), 1 if it names a group (female,
    black), 0 if neither.

    >>> sensitivity("applicant_sex"), sensitivity("isBlack"), sensitivity("trace")
    (2, 1, 0)
    """
    words = column_words(column)
    return 2 if words & _SENSITIVE[0] else 1 if words & _SENSITIVE[1] else 0


def propose_label(columns: Sequence[str], candidates: Mapping[str, Sequence[object]]) -> str | None:
    """Which of the two-valued columns is what happened: one called so (label, target, outcome, decision, default); else one whose values
    say something good or bad, or whose name does, the table's last or first column before others; else its last or first column, else the
    last that has two values. Those that tell protected groups apart come after all others.

    ``candidates``: two-valued column -> its values. None without candidates.

    >>> propose_label(["paid", "sex", "city"], {"paid": [0, 1], "sex": ["f", "m"], "city": [0, 1]})
    'paid'
    >>> propose_label(["id", "city", "status", "age"], {"city": ["no", "yes"], "status": ["alive", "dead"]})
    'status'
    """
    able = [c for c in columns if c in candidates]
    able = [c for c in able if not sensitivity(c)] or able
    ends = [c for c in (*columns[-1:], *columns[:1]) if c in able]
    called = [c for c in able if column_words(c) & _CALLED or c.casefold() == "y"]
    decided = [c for c in (*ends, *able) if len({word_direction(str(value)) for value in candidates[c]}) > 1]
    directed = [c for c in (*ends, *able) if word_direction(c)]
    return next(iter((*called, *decided, *directed, *ends, *able[::-1])), None)


def _list_words(text: str) -> list[str]:
    return re.findall(r"[a-zà-ÿ]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold())


def column_words(text: str) -> frozenset[str]:
    """The words in a column's name, in small letters: ``isBlack`` has two."""
    return frozenset(_list_words(text))


def propose_facet_value(frame: pd.DataFrame, label: str, favourable: object, facet: str) -> object | None:
    """The group of the facet with the lowest share of favourable labels, the first of equals; None if no row has both.

    >>> frame = pd.DataFrame({"sex": ["f", "m", "m", "x"] * 10, "paid": [0, 1, 1, 1] * 10})
    >>> propose_facet_value(frame, "paid", 1, "sex")
    'f'
    """
    known = frame[[label, facet]].dropna()
    if known.empty:
        return None
    good = (known[label] == favourable) if known[label].dtype.kind in "iuf" else known[label].astype(str).eq(str(favourable))
    groups = good.groupby(known[facet], observed=True).agg(["mean", "size"])
    enough = groups[groups["size"] >= MIN_GROUP_ROWS]
    groups = enough if len(enough) >= 2 else groups
    lowest = groups.index[groups["mean"] == groups["mean"].min()].tolist()
    texts = sort_texts([str(value) for value in lowest])
    value: object = next(value for value in lowest if str(value) == texts[0])
    return value.item() if isinstance(value, np.generic) else value
