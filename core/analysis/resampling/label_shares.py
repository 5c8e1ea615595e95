"""By how much a rebalancing moved the share of favourable labels in each group, and how much of that its target asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.analysis.resampling.rebalancing_manifest import GroupLabelShareEntry


@dataclass(frozen=True)
class GroupLabelShare:
    """One group's share of favourable labels in the training rows, before and after.

    rows_before, favourable_before: numbers of rows; rows_after, favourable_after: numbers of rows, or sums of weights where rows have
    weights. asked: the share after, in [0, 1], if the method did exactly what its target asks; None if the group has no row before.
    """

    group: str
    rows_before: int
    favourable_before: int
    rows_after: float
    favourable_after: float
    asked: float | None

    @property
    def before(self) -> float | None:
        """The share in [0, 1]; None without rows."""
        return self.favourable_before / self.rows_before if self.rows_before else None

    @property
    def after(self) -> float | None:
        """The share in [0, 1]; None without rows."""
        return self.favourable_after / self.rows_after if self.rows_after else None

    @property
    def moved(self) -> float | None:
        """After minus before, in [-1, 1]; None where one of the two is undefined."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def beyond_target(self) -> float | None:
        """After minus what the target asks, in [-1, 1]; None where one of the two is undefined."""
        return None if self.asked is None or self.after is None else self.after - self.asked

    def to_json(self) -> GroupLabelShareEntry:
        """The fields and the shares, as a job's manifest has them."""
        return {
            "group": self.group,
            "rows_before": self.rows_before,
            "favourable_before": self.favourable_before,
            "rows_after": self.rows_after,
            "favourable_after": self.favourable_after,
            "before": self.before,
            "after": self.after,
            "asked": self.asked,
            "moved": self.moved,
            "beyond_target": self.beyond_target,
        }


def measure_label_shares(
    before: tuple[pd.Series, NDArray[np.bool_]],
    after: tuple[pd.Series, NDArray[np.bool_]],
    asked: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> list[GroupLabelShare]:
    """The share of favourable labels in each group, ordered by group.

    before, after: (group, whether the label is favourable) of each training row, each of length n; asked: of each row before, how many rows
    the target asks for in its place (``resampling.asked_counts``); weights: of each row after, if rows have weights.

    >>> import numpy as np, pandas as pd
    >>> before = pd.Series([1, 1, 2, 2]), np.array([True, False, True, True])
    >>> after = pd.Series([1, 1, 2, 2, 1]), np.array([True, False, True, True, True])
    >>> [(one.group, one.before, round(one.after, 3)) for one in measure_label_shares(before, after, np.ones(4))]
    [('1', 0.5, 0.667), ('2', 1.0, 1.0)]
    """
    old = pd.DataFrame({"good": before[1], "asked": asked, "asked_good": asked * before[1]}).groupby(before[0].to_numpy())
    counted = np.ones(len(after[1])) if weights is None else weights
    new = pd.DataFrame({"rows": counted, "good": counted * after[1]}).groupby(after[0].to_numpy()).sum().to_dict("index")
    found = []
    for value, rows in old:
        now = new.get(value, {"rows": 0.0, "good": 0.0})
        wanted, asked_good = float(rows["asked"].sum()), float(rows["asked_good"].sum())
        found.append(
            GroupLabelShare(
                group=str(value),
                rows_before=len(rows),
                favourable_before=int(rows["good"].sum()),
                rows_after=float(now["rows"]),
                favourable_after=float(now["good"]),
                asked=asked_good / wanted if wanted else None,
            )
        )
    return found
