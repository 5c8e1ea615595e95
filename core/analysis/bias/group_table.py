"""All groups of a table at once: every value of every facet, and every pair of values of two facets, each against all others.

The metrics are those of the registry, computed on one count table for each group, so that 500 groups cost little more than one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.analysis.bias.bias_count_tables import CELL_SHAPE, CountTables
from core.analysis.bias.metric_registry import MetricDefinition, find_definition
from core.analysis.bias.outcome_counts import ConfusionCounts, Floats
from core.analysis.intervals.simultaneous_intervals import METHOD, confidence_of_each, difference_ends, ratio_ends, share_ends

Integers = NDArray[np.int64]
INTERSECTION_FLOOR = 30
"""Intersections with fewer rows are counted, and not measured: too few people to say anything about, and few enough to be recognised."""
MAX_LISTED_SMALL = 500
"""Of the intersections below the floor, this many are listed, the largest first; of the others only the number."""
PRE_TRAINING_DISPARITIES = ("DPL",)
POST_TRAINING_DISPARITIES = ("DPPL", "DI", "RD")
NOT_MEASURED = "fewer than {floor} rows: counted, not measured"


@dataclass(frozen=True)
class GroupColumn:
    """A facet as its groups. ``column``: where they come from (two facets of one column are not crossed); ``codes``: each row's group, an
    integer array (n,), −1 where it isn't known; ``values``: the groups' values by code; ``names``: what their people are called;
    ``source``: the column that it is made of, if it is another one."""

    column: str
    codes: Integers
    values: tuple[str, ...]
    names: tuple[str, ...]
    source: str = ""


Key = tuple[tuple[GroupColumn, ...], tuple[int, ...]]
"""A group: its columns, and the code in each."""


@dataclass(frozen=True)
class GroupFigure:
    """A figure on ``n`` rows with its interval. ``value`` is None where it is undefined, and ``why`` says why; it may be infinite."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


@dataclass(frozen=True)
class GroupOutcome:
    """A group and how it fares against all others. ``columns`` and ``values``: one of each, or two for an intersection; ``names``: what its
    people are called. ``rows`` and ``rest``: how many people it has, and how many all others are. ``label_share`` and ``selection_rate``:
    the shares of its rows with the favourable label and with the favourable prediction; None where predictions weren't asked for.
    ``disparities``: metric -> figure. ``why``: why it wasn't measured; "" where it was, as are the figures then."""

    columns: tuple[str, ...]
    values: tuple[str, ...]
    names: tuple[str, ...]
    rows: int
    rest: int
    label_share: GroupFigure | None = None
    selection_rate: GroupFigure | None = None
    disparities: Mapping[str, GroupFigure] = field(default_factory=dict)
    why: str = ""

    @property
    def name(self) -> str:
        return " and ".join(self.names)


@dataclass(frozen=True)
class GroupTable:
    """All groups: the values of each facet in turn, then the intersections, the measured ones first.

    ``comparisons``: how many were measured, two groups that are each other's rest counted once; the intervals of one column of the table
    contain all true values in ``confidence`` of cases. ``floor``: the least number of rows of a measured intersection; ``unlisted`` and
    ``unlisted_rows``: how many intersections below it are not listed, and their rows. ``rows``: all rows with what every figure needs, a
    label and a prediction; ``without_value``: column -> how many of them have no value there.
    """

    groups: tuple[GroupOutcome, ...]
    rows: int
    comparisons: int
    floor: int
    unlisted: int
    unlisted_rows: int
    without_value: Mapping[str, int]
    confidence: float = 0.95
    method: str = METHOD


def measure_groups(
    columns: Sequence[GroupColumn], favourable_label: ArrayLike, favourable_prediction: ArrayLike | None, *, floor: int = INTERSECTION_FLOOR
) -> GroupTable:
    """Every group of the columns and every intersection of two, each against all others whose groups are known.

    Parameters
    ----------
    columns : the facets, each with codes (n,)
    favourable_label, favourable_prediction : bool (n,); without predictions only the labels are looked at
    floor : the least number of rows of an intersection that is measured

    >>> import numpy as np
    >>> sex = GroupColumn("sex", np.array([0, 0, 1, 1]), ("f", "m"), ("women", "men"))
    >>> women, men = measure_groups([sex], [True, False, True, True], None).groups
    >>> women.name, women.rows, women.label_share.value, women.disparities["DPL"].value
    ('women', 2, 0.5, 0.5)
    """
    label = np.asarray(favourable_label, dtype=np.int64)
    prediction = None if favourable_prediction is None else np.asarray(favourable_prediction, dtype=np.int64)
    outcomes = label * 2 + (label if prediction is None else prediction)
    single: list[Floats] = []
    keys: list[Key] = []
    comparisons = 0
    for column in columns:
        counted = _count_groups(column.codes, outcomes, len(column.values))
        present = np.flatnonzero(counted[:, 1].sum(axis=(-1, -2)) > 0)
        single.append(counted[present])
        keys += [((column,), (int(code),)) for code in present]
        comparisons += len(present) if len(present) > 2 else len(present) // 2  # two groups are each other's rest
    crossed: list[Floats] = []
    small: list[GroupOutcome] = []
    for one, other in combinations(columns, 2):
        if (one.source or one.column) == (other.source or other.column):
            continue
        pairs = np.where((one.codes < 0) | (other.codes < 0), -1, one.codes * len(other.values) + other.codes)
        found, codes = np.unique(pairs[pairs >= 0], return_inverse=True)
        counted = _count_groups(codes.astype(np.int64), outcomes[pairs >= 0], len(found))
        sizes = counted[:, 1].sum(axis=(-1, -2))
        at: list[Key] = [((one, other), divmod(int(pair), len(other.values))) for pair in found]
        crossed.append(counted[sizes >= floor])
        keys += [key for key, size in zip(at, sizes, strict=True) if size >= floor]
        total = int(sizes.sum())
        small += [_name_group(*key, int(size), total - int(size), floor) for key, size in zip(at, sizes, strict=True) if size < floor]
    small.sort(key=lambda group: -group.rows)
    tables = np.concatenate([*single, *crossed]) if columns else np.zeros((0, 2, 2, 2))
    comparisons += sum(int((one[:, 0].sum(axis=(-1, -2)) > 0).sum()) for one in crossed)
    measured = _measure(keys, tables, confidence_of_each(comparisons), with_predictions=prediction is not None)
    return GroupTable(
        (*measured, *small[:MAX_LISTED_SMALL]),
        len(label),
        comparisons,
        floor,
        max(0, len(small) - MAX_LISTED_SMALL),
        sum(group.rows for group in small[MAX_LISTED_SMALL:]),
        {column.column: int((column.codes < 0).sum()) for column in columns},
    )


def impact_ratios(table: GroupTable) -> list[float | None]:
    """Each group's selection rate divided by that of the most selected group of the same columns; None where it wasn't measured, or nobody
    is selected.

    >>> import numpy as np
    >>> region = GroupColumn("region", np.array([0, 0, 1, 1, 2]), ("n", "s", "w"), ("north", "south", "west"))
    >>> impact_ratios(measure_groups([region], [True] * 5, [True, False, True, True, False]))
    [0.5, 1.0, 0.0]
    """
    rates = [group.selection_rate.value if group.selection_rate else None for group in table.groups]
    most: dict[tuple[str, ...], float] = {}
    for group, rate in zip(table.groups, rates, strict=True):
        most[group.columns] = max(most.get(group.columns, 0.0), rate or 0.0)
    return [
        rate / most[group.columns] if rate is not None and most[group.columns] else None
        for group, rate in zip(table.groups, rates, strict=True)
    ]


def _count_groups(codes: Integers, outcomes: Integers, groups: int) -> Floats:
    """Rows of each group by side (all others, the group), label and prediction, shape (groups, 2, 2, 2); rows without a group left out."""
    known = codes >= 0
    counted = np.bincount(codes[known] * 4 + outcomes[known], minlength=groups * 4).reshape(groups, 2, 2).astype(float)
    return np.stack([counted.sum(axis=0) - counted, counted], axis=1)


def _name_group(columns: tuple[GroupColumn, ...], codes: tuple[int, ...], rows: int, rest: int, floor: int) -> GroupOutcome:
    values, names = ([getattr(c, what)[code] for c, code in zip(columns, codes, strict=True)] for what in ("values", "names"))
    why = NOT_MEASURED.format(floor=floor)
    return GroupOutcome(tuple(c.column for c in columns), tuple(values), tuple(names), rows, rest, why=why)


def _measure(keys: Sequence[Key], cells: Floats, confidence: float, *, with_predictions: bool) -> list[GroupOutcome]:
    """The outcomes of all groups; ``cells``: their counts by side, label and prediction, shape (groups, 2, 2, 2)."""
    shaped = np.zeros((len(cells), 1, *CELL_SHAPE))
    shaped[:, 0, :, :, :, 1] = cells
    counts = CountTables(shaped)
    shares = {"label": _share_figures(counts.d.favourable_labels, counts.d.n, confidence)}
    names: tuple[str, ...] = PRE_TRAINING_DISPARITIES
    if with_predictions:
        shares["prediction"] = _share_figures(counts.d.favourable_predictions, counts.d.n, confidence)
        names += POST_TRAINING_DISPARITIES
    figures = {name: _disparity_figures(name, counts, confidence) for name in names}
    found = []
    for place, (columns, codes) in enumerate(keys):
        found.append(
            GroupOutcome(
                tuple(c.column for c in columns),
                tuple(c.values[code] for c, code in zip(columns, codes, strict=True)),
                tuple(c.names[code] for c, code in zip(columns, codes, strict=True)),
                int(counts.d.n[place]),
                int(counts.a.n[place]),
                shares["label"][place],
                shares["prediction"][place] if with_predictions else None,
                {name: figures[name][place] for name in names},
            )
        )
    return found


def _share_figures(hits: Floats, n: Floats, confidence: float) -> list[GroupFigure]:
    low, high = share_ends(hits, n, confidence)
    return [GroupFigure(h / m, lo, hi, int(m)) for h, m, lo, hi in zip(*(x.tolist() for x in (hits, n, low, high)), strict=True)]


def _disparity_figures(name: str, counts: CountTables, confidence: float) -> list[GroupFigure]:
    """A metric of every group, with its interval; the shares that it compares are those of ``_compared_rows``."""
    definition = find_definition(name)
    assert definition is not None
    values = definition.compute(counts)
    (one, other), sizes = _compared_shares(name, counts, confidence), counts.a.n + counts.d.n
    low, high = (ratio_ends if definition.is_ratio else difference_ends)(*one, *other)
    return [
        GroupFigure(None, None, None, int(n), _undefined_reason(definition, counts, place))
        if np.isnan(value)
        else GroupFigure(value, lo, hi, int(n))
        for place, (value, lo, hi, n) in enumerate(zip(*(x.tolist() for x in (values, low, high, sizes)), strict=True))
    ]


def _compared_shares(name: str, counts: CountTables, confidence: float) -> list[tuple[Floats, tuple[Floats, Floats]]]:
    """The two shares that a metric subtracts or divides, in its order, each with its ends."""

    def hits_and_rows(side: ConfusionCounts) -> tuple[Floats, Floats]:
        if name == "DPL":
            return side.favourable_labels, side.n
        return (side.tp, side.favourable_labels) if name == "RD" else (side.favourable_predictions, side.n)

    sides = (counts.d, counts.a) if name == "DI" else (counts.a, counts.d)
    found = []
    for side in sides:
        hits, n = hits_and_rows(side)
        with np.errstate(invalid="ignore"):
            found.append((hits / n, share_ends(hits, n, confidence)))
    return found


def _undefined_reason(definition: MetricDefinition, counts: CountTables, place: int) -> str:
    return definition.undefined_reason(CountTables(counts.tables[place])) or ""
