"""Where a model is worst: rows with certain values of one or two features, by how often it is wrong there.

So many slices are looked at that the highest rate is high by chance. All intervals together contain their true values in 95 % of cases
(Bonferroni, by Clopper and Pearson's ends), and slices are ordered by their low ends: what is surely bad comes before what may be worse.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from core.analysis.bias.group_table import GroupColumn
from core.analysis.intervals.simultaneous_intervals import confidence_of_each, share_ends
from core.analysis.proxies.row_filter import MISSING, Condition
from core.analysis.tables.column_kinds import MAX_CATEGORIES
from core.analysis.tables.value_names import ValueNames

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]
Codes = NDArray[np.int64]
SLICE_FLOOR = 50
"""A rate of fewer rows isn't measured."""
RANGES = 5
MAX_CROSSED = 20
LISTED = 10
ERROR, FALSE_POSITIVE, FALSE_NEGATIVE = "error rate", "false positive rate", "false negative rate"


@dataclass(frozen=True)
class SliceRate:
    """How often the model is wrong in a slice. ``filter``: its rows, as ``select_rows`` takes it; "" for all rows. ``wrong`` of ``rows``
    with its simultaneous interval: ``rate``, ``low``, ``high``, each from 0 to 1."""

    filter: str
    rows: int
    wrong: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class SliceList:
    """The worst slices by one measure. ``measure``: "error rate" (of all rows), "false positive rate" (of those with label 0) or "false
    negative rate" (of those with label 1); ``attribute`` and ``value``: of which group's rows, "" for everyone's; ``name``: what its people
    are called. ``overall``: the rate of all of them, None where they are too few. ``worst``: the slices with the highest low ends, those of
    two features only where theirs is higher than that of either alone."""

    measure: str
    attribute: str
    value: str
    name: str
    overall: SliceRate | None
    worst: tuple[SliceRate, ...]

    @property
    def surely_worse(self) -> int:
        """How many of those listed are worse than all rows by more than noise."""
        return sum(self.overall is not None and one.low > self.overall.high for one in self.worst)


@dataclass(frozen=True)
class WorstSlices:
    """``lists``: one for each measure and group. ``comparisons``: how many rates were looked at; ``floor``: the least number of rows of
    one; ``uncrossed``: columns beyond those whose pairs were looked at."""

    lists: tuple[SliceList, ...]
    comparisons: int
    floor: int
    uncrossed: tuple[str, ...]
    rows: int

    def to_json(self) -> dict[str, object]:
        """As plain JSON values; each list also says how many of its slices are ``surely_worse``."""
        content = asdict(self)
        for entry, one in zip(content["lists"], self.lists, strict=True):
            entry["surely_worse"] = one.surely_worse
        return content


@dataclass(frozen=True)
class _Cut:
    """A column's slices: their conditions, and which of them each row is in, (n,), −1 for none."""

    conditions: tuple[tuple[Condition, ...], ...]
    codes: Codes


@dataclass(frozen=True)
class _Measure:
    """``counted`` rows, those with ``wrong`` predictions among them; bool (n,). The rest as ``SliceList`` has it."""

    measure: str
    attribute: str
    value: str
    name: str
    counted: Rows
    wrong: Rows


def find_worst_slices(
    features: pd.DataFrame,
    labels: ArrayLike,
    scores: ArrayLike,
    groups: Sequence[GroupColumn] = (),
    *,
    threshold: float = 0.5,
    coded: Collection[str] = (),
    names: ValueNames = ValueNames(),  # noqa: B008 (frozen)
    floor: int = SLICE_FLOOR,
    listed: int = LISTED,
    max_crossed: int = MAX_CROSSED,
) -> WorstSlices:
    """The slices in which a model is wrong most often: in all, and by false positives and negatives of everyone and of each group.

    Parameters
    ----------
    features : (n, p) numbers, codes or text, with missing values or without; pairs are made of the first ``max_crossed`` columns, so let
        those that count most for the model come first
    labels, scores : (n,) 0 or 1, and the probability of label 1; a score above ``threshold`` predicts 1
    groups : protected columns, each with codes (n,)
    coded : the features whose numbers are codes, no scale
    names : what codes stand for; filters are written in these words

    >>> import numpy as np, pandas as pd
    >>> table = pd.DataFrame({"age": np.arange(1000) % 50 + 20, "luck": np.arange(1000) * 7919 % 1000})
    >>> found = find_worst_slices(table, table["age"] < 30, np.full(1000, 0.4))
    >>> error = found.lists[0]
    >>> error.overall.rate, error.worst[0].filter, error.worst[0].rate, error.surely_worse
    (0.2, 'age < 30', 1.0, 1)
    """
    y, predicted = np.asarray(labels, dtype=float) == 1, np.asarray(scores, dtype=float) > threshold
    cuts = [_cut_column(features[name].rename(str(name)), str(name) in coded, floor, names) for name in features]
    everyone = np.ones(len(y), dtype=bool)
    sides = [("", "", "", everyone)] + [
        (column.column, value, name, column.codes == code)
        for column in groups
        for code, (value, name) in enumerate(zip(column.values, column.names, strict=True))
    ]
    measures = [_Measure(ERROR, "", "", "", everyone, y != predicted)]
    for attribute, value, name, rows in sides:
        measures += [
            _Measure(FALSE_POSITIVE, attribute, value, name, rows & ~y, rows & ~y & predicted),
            _Measure(FALSE_NEGATIVE, attribute, value, name, rows & y, rows & y & ~predicted),
        ]
    tables = [_count_slices(cuts, measure, max_crossed) for measure in measures]
    comparisons = sum(int((rows >= floor).sum()) for table in tables for rows, _ in table.values())
    confidence = confidence_of_each(comparisons)
    lists = [_list_worst(measure, table, cuts, confidence, floor, listed) for measure, table in zip(measures, tables, strict=True)]
    return WorstSlices(tuple(lists), comparisons, floor, tuple(map(str, features.columns[max_crossed:])), len(y))


def _cut_column(column: pd.Series, coded: bool, floor: int, names: ValueNames) -> _Cut:
    name, numeric = str(column.name), pd.api.types.is_numeric_dtype(column.dtype)
    plain = pd.Series(column.to_numpy(dtype=float, na_value=np.nan)) if numeric else column.astype(object).map(str, na_action="ignore")
    known, codes = plain.notna().to_numpy(dtype=bool), np.full(len(column), -1)
    conditions: list[tuple[Condition, ...]] = []
    if numeric and not coded and not names.is_coded(name) and plain.nunique() > MAX_CATEGORIES:
        values = plain[known].to_numpy(dtype=float)
        edges = np.unique(np.quantile(values, np.arange(1, RANGES) / RANGES, method="higher"))
        edges = edges[edges > values.min()]
        codes[known] = np.searchsorted(edges, values, side="right")
        below = [(), *((Condition(name, ">=", _number_text(edge)),) for edge in edges)]
        above = [*((Condition(name, "<", _number_text(edge)),) for edge in edges), ()]
        conditions = [(*low, *high) for low, high in zip(below, above, strict=True)]
    else:
        counts = plain.value_counts()
        for value in counts.index[counts >= floor]:
            codes[(plain == value).to_numpy(dtype=bool)] = len(conditions)
            text = names.value(name, value) if names.is_coded(name) else _number_text(value) if numeric else str(value)
            conditions.append((Condition(name, "=", text),))
    if not known.all():
        codes[~known] = len(conditions)
        conditions.append((Condition(name, MISSING),))
    return _Cut(tuple(conditions), codes)


def _number_text(value: float) -> str:
    """A number that is read back as it is."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


Table = dict[tuple[int, ...], tuple[Floats, Floats]]
"""Columns by place, one or two -> rows and wrong ones of each slice."""


def _count_slices(cuts: Sequence[_Cut], measure: _Measure, max_crossed: int) -> Table:
    """The counted rows of each slice and of each pair of slices, and the wrong ones of them."""
    wrong = measure.wrong[measure.counted].astype(float)
    codes = [cut.codes[measure.counted] for cut in cuts]
    found: Table = {}
    for place, cut in enumerate(cuts):
        found[(place,)] = _count_codes(codes[place], wrong, len(cut.conditions))
    for one, other in combinations(range(min(len(cuts), max_crossed)), 2):
        width = len(cuts[other].conditions)
        both = np.where((codes[one] < 0) | (codes[other] < 0), -1, codes[one] * width + codes[other])
        found[(one, other)] = _count_codes(both, wrong, len(cuts[one].conditions) * width)
    return found


def _count_codes(codes: Codes, wrong: Floats, slices: int) -> tuple[Floats, Floats]:
    rows, wrong_rows = (np.bincount(codes + 1, weights=weights, minlength=slices + 1)[1:].astype(float) for weights in (None, wrong))
    return rows, wrong_rows


def _list_worst(measure: _Measure, table: Table, cuts: Sequence[_Cut], confidence: float, floor: int, listed: int) -> SliceList:
    lows: dict[tuple[int, ...], Floats] = {}
    ends: dict[tuple[int, ...], Floats] = {}
    entries: list[tuple[float, tuple[int, ...], int]] = []
    for places, (rows, wrong) in table.items():
        low, high = share_ends(wrong, rows, confidence)
        lows[places], ends[places] = np.where(rows >= floor, low, np.nan), high
        surely = np.flatnonzero(rows >= floor)
        if len(places) == 2:
            one, other = np.divmod(np.arange(len(rows)), len(cuts[places[1]].conditions))
            alone = np.fmax(lows[places[:1]][one], lows[places[1:]][other])
            surely = surely[~(lows[places][surely] <= alone[surely])]
        entries += [(float(lows[places][slice_number]), places, int(slice_number)) for slice_number in surely]
    entries.sort(key=lambda entry: (-entry[0], len(entry[1])))
    worst = []
    for low_end, places, number in entries[:listed]:
        rows, wrong = table[places]
        numbers = (number,) if len(places) == 1 else divmod(number, len(cuts[places[1]].conditions))
        conditions = [one for place, which in zip(places, numbers, strict=True) for one in cuts[place].conditions[which]]
        n, k = int(rows[number]), int(wrong[number])
        worst.append(SliceRate(" and ".join(map(str, conditions)), n, k, k / n, low_end, float(ends[places][number])))
    n, k = int(measure.counted.sum()), int(measure.wrong.sum())
    low, high = share_ends(np.array([float(k)]), np.array([float(n)]), confidence)
    overall = SliceRate("", n, k, k / n, float(low[0]), float(high[0])) if n >= floor else None
    return SliceList(measure.measure, measure.attribute, measure.value, measure.name, overall, tuple(worst))
