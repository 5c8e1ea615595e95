"""Which groups of features are the principal reasons of a declined row, by the points that each of them cost it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.analysis.explanations.reason_groups import ReasonError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

Against = Literal["all", "passing"]


@dataclass(frozen=True)
class ReasonRules:
    """What counts as a principal reason, and when reasons hold.

    ``limit``: at most so many reasons are named. More than four are "not likely to be helpful" (12 CFR 1002, comment 9(b)(2)-1).
    ``share``: the fewest groups that together make up this share of the points towards the decline are principal. Half: what is named
    weighs at least as much as all that isn't.
    ``nearly_equal``: so is the next group, and the one after it, while each has this share of the points of the one before. Of two such
    groups neither is more principal, so the reasons end at a gap. Training again on a resample moves a group's points by about a fifth
    (the median standard deviation on the credit-default rows).
    ``against``: the baseline whose reasons are named: "all" applicants, which needs no word on what "slightly above" is, or those just
    "passing". Both are always computed and compared.
    ``passing_share``, ``passing_rows``: applicants "at or slightly above the minimum passing score" are this share of those that pass,
    nearest the threshold, but no fewer rows than this, or all. A tenth; and 100 rows, whose mean has a tenth of a single row's error.
    ``stability``: reasons hold if each group is named, or isn't, in at least this share of the alternatives too. 0.8 is in the range of
    stability selection, 0.6 to 0.9 (Meinshausen and Bühlmann, JRSS B 72, 2010).

    Raises ReasonError for a rule out of its range.
    """

    limit: int = 4
    share: float = 0.5
    nearly_equal: float = 0.8
    against: Against = "all"
    passing_share: float = 0.1
    passing_rows: int = 100
    stability: float = 0.8

    def __post_init__(self) -> None:
        for name in ("share", "nearly_equal", "passing_share", "stability"):
            if not 0 < getattr(self, name) <= 1:
                raise ReasonError(f"{name} is {getattr(self, name):g}. It must be above 0, and at most 1")
        for name in ("limit", "passing_rows"):
            if getattr(self, name) < 1:
                raise ReasonError(f"{name} is {getattr(self, name)}. It must be at least 1")
        if self.against not in ("all", "passing"):
            raise ReasonError(f"against is {self.against}. It must be all or passing")


DEFAULT_RULES = ReasonRules()


def find_principal(points: Floats, rules: ReasonRules = DEFAULT_RULES) -> tuple[Bools, Bools]:
    """The principal groups of each row, (rows, groups); and the rows, (rows,), in which a group that only ``limit`` leaves out is nearly as
    strong as one that is named.

    ``points``: what each group moved the score towards the decline, (rows, groups); groups with 0 points or less are never principal.

    >>> found, crowded = find_principal(np.array([[1.2, 0.3, 0.2, -0.4], [0.5, 0.45, 0.1, 0.0], [-0.1, -0.2, 0.0, 0.0]]))
    >>> found.astype(int).tolist(), crowded.tolist()
    ([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], [False, False, False])
    """
    order = np.argsort(-points, axis=1, kind="stable")
    strength = np.clip(np.take_along_axis(points, order, axis=1), 0, None)
    before = strength.cumsum(axis=1) - strength
    core = before < rules.share * strength.sum(axis=1, keepdims=True)
    close = np.zeros(points.shape, dtype=bool)
    close[:, 1:] = strength[:, 1:] >= rules.nearly_equal * strength[:, :-1]
    named: Bools = (strength > 0) & np.logical_and.accumulate(core | close, axis=1)
    crowded: Bools = np.any((named & close)[:, rules.limit : rules.limit + 1], axis=1)
    named[:, rules.limit :] = False
    found: Bools = np.zeros(points.shape, dtype=bool)
    np.put_along_axis(found, order, named, axis=1)
    return found, crowded
