"""Every leak of a table in one search: what gives its label away, what are ids, and which rows stand in it twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.leaks.coded_columns import CodedColumn, code_column
from core.analysis.leaks.id_columns import IdColumn, find_id_columns
from core.analysis.leaks.label_leaks import LabelLeak, LeakKind, find_label_leaks
from core.analysis.leaks.row_twins import RowContents, RowTwins, code_contents, count_twins, count_twins_in_training
from core.analysis.tables.id_kinds import IdKind

RowNumbers = NDArray[np.int64]


class LabelLeakEntry(TypedDict):
    """A ``LabelLeak`` as JSON."""

    feature: str
    kind: LeakKind
    auc: float
    agreeing_rows: int
    rows: int
    above: float | None
    label_above: int | None
    labels: list[tuple[str | None, int]]


class IdColumnEntry(TypedDict):
    """An ``IdColumn`` as JSON."""

    feature: str
    kind: IdKind
    distinct: int
    rows: int


class RowTwinsEntry(TypedDict):
    """``RowTwins`` as JSON; ``unexpected_share`` for readers only."""

    rows: int
    of: int
    expected: float
    repeats: int
    unexpected_share: NotRequired[float]


class LeaksEntry(TypedDict):
    """``LeakFindings`` as a manifest has them."""

    label: list[LabelLeakEntry]
    ids: list[IdColumnEntry]
    twins: RowTwinsEntry
    twins_in_training: dict[str, RowTwinsEntry]


@dataclass(frozen=True)
class LeakFindings:
    """``label``: features that give the label away; ``ids``: features that look like ids; ``twins``: rows of the table with a twin in it;
    ``twins_in_training``: part (test, validation) -> its rows with a twin among the training rows, {} before the split."""

    label: tuple[LabelLeak, ...]
    ids: tuple[IdColumn, ...]
    twins: RowTwins
    twins_in_training: dict[str, RowTwins] = field(default_factory=dict)

    def to_json(self) -> LeaksEntry:
        """The findings as a job's manifest has them."""
        return {
            "label": [
                {
                    "feature": one.feature,
                    "kind": one.kind,
                    "auc": one.auc,
                    "agreeing_rows": one.agreeing_rows,
                    "rows": one.rows,
                    "above": one.above,
                    "label_above": one.label_above,
                    "labels": list(one.labels),
                }
                for one in self.label
            ],
            "ids": [{"feature": one.feature, "kind": one.kind, "distinct": one.distinct, "rows": one.rows} for one in self.ids],
            "twins": _twins_to_json(self.twins),
            "twins_in_training": {part: _twins_to_json(twins) for part, twins in self.twins_in_training.items()},
        }


def findings_from_json(entry: LeaksEntry) -> LeakFindings:
    """The findings that a manifest has."""
    label = tuple(
        LabelLeak(
            one["feature"],
            one["kind"],
            one["auc"],
            one["agreeing_rows"],
            one["rows"],
            one["above"],
            one["label_above"],
            tuple((name, of) for name, of in one["labels"]),
        )
        for one in entry["label"]
    )
    parts = {part: _twins_from_json(twins) for part, twins in entry["twins_in_training"].items()}
    return LeakFindings(label, tuple(IdColumn(**one) for one in entry["ids"]), _twins_from_json(entry["twins"]), parts)


def _twins_to_json(twins: RowTwins) -> RowTwinsEntry:
    return {
        "rows": twins.rows,
        "of": twins.of,
        "expected": twins.expected,
        "repeats": twins.repeats,
        "unexpected_share": twins.unexpected_share,
    }


def _twins_from_json(entry: RowTwinsEntry) -> RowTwins:
    return RowTwins(entry["rows"], entry["of"], entry["expected"], entry["repeats"])


def find_leaks(
    frame: pd.DataFrame,
    label: str,
    positive: object = 1,
    *,
    training: RowNumbers | None = None,
    held_out: Mapping[str, RowNumbers] | None = None,
) -> LeakFindings:
    """What a table gives away. Ids are left out of the contents by which rows are twins.

    frame: label and features, numbers or text, shape (rows, columns), at least one row; rows in the order of their file, so that row
    numbers among the features are found; positive: the label's value whose rows the features are to tell; training: row numbers, from 0,
    of the training rows; held_out: part -> its row numbers. Raises KeyError if there is no such label.

    >>> import pandas as pd
    >>> paid = [i % 3 > 0 for i in range(90)]
    >>> table = pd.DataFrame({"paid": paid, "stamp": ["in" if one else "out" for one in paid], "age": [20 + i * i % 37 for i in range(90)]})
    >>> (leak,) = find_leaks(table, "paid").label
    >>> leak.feature, leak.kind, leak.auc
    ('stamp', 'one to one', 1.0)
    """
    target = code_column(frame[label])
    features = [code_column(frame[name]) for name in frame.columns if name != label]
    ids, rows = _find_ids(features, target)
    twins = count_twins(rows)
    parts = {} if training is None else held_out or {}
    return LeakFindings(
        tuple(find_label_leaks(features, (frame[label] == positive).to_numpy(), rows.digests)),
        tuple(ids),
        twins,
        {part: count_twins_in_training(rows, of, training, twins.repeats) for part, of in parts.items() if training is not None},
    )


def _find_ids(features: list[CodedColumn], target: CodedColumn) -> tuple[list[IdColumn], RowContents]:
    """The ids, and what the rows contain without them. Rows that differ by an id only are the same; so other ids may show then."""
    found: list[IdColumn] = []
    rest = features
    while True:
        rows = code_contents([target, *rest])
        more = find_id_columns(rest, rows.contents)
        if not more:
            return found, rows
        found += more
        rest = [column for column in rest if column.name not in {one.feature for one in more}]
